// SPDX-License-Identifier: Apache-2.0
// The load of the bench: one core that sends the frames of a pcap file into each of two ports, as
// fast as they are taken, and throws away what returns.
//
//   generator EAL-ARGUMENTS --vdev END0 --vdev END1 -- PCAP0 PCAP1 [PCAP0 PCAP1]...
//
// Lines on stdin: "start N WHO" (N frames a second into each port, in bursts; 0: as fast as they
// are taken; WHO: bit i for port i), "stop" (answers with what happened since, one JSON object),
// "load I" (only while stopped: writes the frames of pair I of files, from 0 on, into the same
// buffers, so that blocks may differ in nothing else; answers {"loaded": I}), end of file ends it.
// While stopped it touches no port, so that switches can come and go at its sockets.
//
// Each frame lies ready in a buffer of its own; buffers come back in order. testpmd with net_pcap
// does the same, but copies every frame, and is then slower than some of the switches.
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#define SIDES 2
#define BURST 64
#define RING 1024
#define RX_BUFFERS 8191
#define RX_CACHE 256
#define DATA_ROOM (RTE_PKTMBUF_HEADROOM + 2048)
#define PCAP_HEADER 24
#define SETS 4 // pairs of files

struct pcap_record {
	uint32_t seconds, microseconds, captured, length;
};

// What a file holds; all files of a side have as many frames.
struct pcap {
	uint8_t *bytes;
	size_t len;
};

struct side {
	uint16_t port;
	struct rte_mempool *frames, *received;
	struct rte_mbuf **mbufs; // of frames, in their order
	unsigned int n_mbufs;
	struct pcap sets[SETS];
	struct rte_mbuf *waiting[BURST]; // taken, but not yet sent
	uint16_t first, n_waiting;
	uint64_t due_tsc; // of the next burst when the rate is fixed
	uint64_t sent, returned, refused; // refused: times that the port did not take all
};

static struct side sides[SIDES];
static atomic_bool running, quit;
static atomic_uint_fast64_t turns; // of the stopped and the running loop: shows that it noticed
static uint64_t started_tsc, stopped_tsc;
static unsigned int senders; // bit i: side i
static uint64_t pause_tsc; // between the bursts of one port; 0: none

static struct pcap
read_whole(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct pcap pcap = {0};
	long end;

	if (file == NULL)
		rte_exit(EXIT_FAILURE, "%s: cannot be opened\n", path);
	if (fseek(file, 0, SEEK_END) == 0 && (end = ftell(file)) > PCAP_HEADER) {
		pcap.len = (size_t)end;
		pcap.bytes = malloc(pcap.len);
		rewind(file);
	}
	if (pcap.bytes == NULL || fread(pcap.bytes, 1, pcap.len, file) != pcap.len)
		rte_exit(EXIT_FAILURE, "%s: cannot be read\n", path);
	fclose(file);
	return pcap;
}

// Calls use(frame, length, i) for each frame when it is not NULL. Returns how many there are.
static unsigned int
walk_pcap(const struct pcap *pcap, void (*use)(const uint8_t *, uint32_t, struct rte_mbuf *),
	struct rte_mbuf **mbufs)
{
	unsigned int n = 0;
	struct pcap_record record;

	for (size_t at = PCAP_HEADER; at + sizeof(record) <= pcap->len; n++) {
		memcpy(&record, pcap->bytes + at, sizeof(record));
		at += sizeof(record);
		if (record.captured > pcap->len - at
			|| record.captured > DATA_ROOM - RTE_PKTMBUF_HEADROOM)
			rte_exit(EXIT_FAILURE, "frame %u of a pcap file is too long\n", n);
		if (use != NULL)
			use(pcap->bytes + at, record.captured, mbufs[n]);
		at += record.captured;
	}
	return n;
}

static void
fill(const uint8_t *frame, uint32_t len, struct rte_mbuf *m)
{
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), frame, len);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
}

// One buffer a frame, in a ring without a cache: they leave and return in the file's order, and
// what was written into them stays.
static void
make_frames(struct side *side, int number)
{
	unsigned int n = walk_pcap(&side->sets[0], NULL, NULL);
	char name[16];

	snprintf(name, sizeof(name), "frames%d", number);
	if (n < RING + RING / 2) // sent buffers come back only when others are sent
		rte_exit(EXIT_FAILURE, "only %u frames for a ring of %u\n", n, RING);
	side->mbufs = calloc(n, sizeof(struct rte_mbuf *));
	side->n_mbufs = n;
	side->frames = rte_pktmbuf_pool_create_by_ops(
		name, n, 0, 0, DATA_ROOM, SOCKET_ID_ANY, "ring_sp_sc");
	if (side->frames == NULL || side->mbufs == NULL
		|| rte_pktmbuf_alloc_bulk(side->frames, side->mbufs, n) != 0)
		rte_exit(EXIT_FAILURE, "no memory for %u frames\n", n);
	walk_pcap(&side->sets[0], fill, side->mbufs);
	for (unsigned int i = 0; i < n; i++)
		rte_mempool_put(side->frames, side->mbufs[i]); // not rte_pktmbuf_free: lengths stay
}

static void
read_sets(struct side *side, char **paths, int n)
{
	for (int i = 0; i < n; i++) {
		side->sets[i] = read_whole(paths[i * SIDES]);
		if (walk_pcap(&side->sets[i], NULL, NULL) != walk_pcap(&side->sets[0], NULL, NULL))
			rte_exit(EXIT_FAILURE, "%s: another number of frames\n", paths[i * SIDES]);
	}
}

static void
open_side(int number)
{
	struct side *side = &sides[number];
	struct rte_eth_conf config = {0};
	struct rte_eth_dev_info info;
	char name[16];

	side->port = (uint16_t)number;
	snprintf(name, sizeof(name), "received%d", number);
	side->received =
		rte_pktmbuf_pool_create(name, RX_BUFFERS, RX_CACHE, 0, DATA_ROOM, SOCKET_ID_ANY);
	make_frames(side, number);
	if (side->received == NULL || rte_eth_dev_info_get(side->port, &info) != 0)
		rte_exit(EXIT_FAILURE, "port %d: no memory or no device\n", number);
	config.intr_conf.lsc = (*info.dev_flags & RTE_ETH_DEV_INTR_LSC) != 0; // notices new peers
	if (rte_eth_dev_configure(side->port, 1, 1, &config) != 0
		|| rte_eth_rx_queue_setup(side->port, 0, RING, SOCKET_ID_ANY, NULL, side->received)
			   != 0
		|| rte_eth_tx_queue_setup(side->port, 0, RING, SOCKET_ID_ANY, NULL) != 0
		|| rte_eth_dev_start(side->port) != 0)
		rte_exit(EXIT_FAILURE, "port %d: cannot be started\n", number);
}

// What was late is made up for, but not more than a tenth of a second of it.
static bool
is_due(struct side *side)
{
	uint64_t now = rte_rdtsc();

	if (now < side->due_tsc)
		return false;
	side->due_tsc += pause_tsc;
	if (side->due_tsc + rte_get_tsc_hz() / 10 < now)
		side->due_tsc = now;
	return true;
}

static void
send_burst(struct side *side)
{
	uint16_t n;

	if (side->n_waiting == 0) {
		if (pause_tsc != 0 && !is_due(side))
			return;
		if (rte_mempool_get_bulk(side->frames, (void **)side->waiting, BURST) != 0)
			return; // all are under way
		side->first = 0;
		side->n_waiting = BURST;
	}
	n = rte_eth_tx_burst(side->port, 0, &side->waiting[side->first], side->n_waiting);
	side->first = (uint16_t)(side->first + n);
	side->n_waiting = (uint16_t)(side->n_waiting - n);
	side->sent += n;
	side->refused += side->n_waiting > 0;
}

static void
drain(struct side *side)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t n = rte_eth_rx_burst(side->port, 0, pkts, BURST);

	if (n > 0)
		rte_pktmbuf_free_bulk(pkts, n);
	side->returned += n;
}

static void
run_until_stopped(void)
{
	started_tsc = rte_rdtsc();
	while (atomic_load_explicit(&running, memory_order_relaxed)) {
		for (int i = 0; i < SIDES; i++) {
			if (senders >> i & 1)
				send_burst(&sides[i]);
			drain(&sides[1 - i]);
		}
	}
	stopped_tsc = rte_rdtsc();
}

static int
loop(void *unused)
{
	(void)unused;
	while (!atomic_load(&quit)) {
		if (atomic_load(&running))
			run_until_stopped();
		atomic_fetch_add(&turns, 1);
		usleep(500);
	}
	return 0;
}

static void
stop(void)
{
	uint64_t seen;

	atomic_store(&running, false);
	seen = atomic_load(&turns);
	while (atomic_load(&turns) == seen)
		usleep(200);
	printf("{\"seconds\": %.6f",
		(double)(stopped_tsc - started_tsc) / (double)rte_get_tsc_hz());
	printf(", \"received\": [%llu, %llu]", (unsigned long long)sides[0].returned,
		(unsigned long long)sides[1].returned);
	printf(", \"sent\": [%llu, %llu]", (unsigned long long)sides[0].sent,
		(unsigned long long)sides[1].sent);
	printf(", \"refused\": [%llu, %llu]}\n", (unsigned long long)sides[0].refused,
		(unsigned long long)sides[1].refused);
	fflush(stdout);
}

static void
start(uint64_t rate, unsigned int who)
{
	senders = who;
	pause_tsc = rate == 0 ? 0 : rte_get_tsc_hz() * BURST / rate;
	for (int i = 0; i < SIDES; i++)
		sides[i].sent = sides[i].returned = sides[i].refused = 0;
	atomic_store(&running, true);
}

static void
load(unsigned int set)
{
	for (int i = 0; i < SIDES; i++) {
		if (set >= SETS || sides[i].sets[set].bytes == NULL)
			rte_exit(EXIT_FAILURE, "there are no files %u\n", set);
		walk_pcap(&sides[i].sets[set], fill, sides[i].mbufs);
	}
	printf("{\"loaded\": %u}\n", set);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	int n_files = argc - used - 1;
	unsigned long long rate;
	unsigned int who;
	char line[32];

	if (used < 0 || n_files < SIDES || n_files > SIDES * SETS || n_files % SIDES != 0)
		rte_exit(EXIT_FAILURE, "usage: generator EAL-ARGUMENTS -- PCAP0 PCAP1...\n");
	for (int i = 0; i < SIDES; i++) {
		read_sets(&sides[i], &argv[used + 1 + i], n_files / SIDES);
		open_side(i);
	}
	rte_eal_remote_launch(loop, NULL, rte_get_next_lcore(-1, 1, 0));
	printf("{\"ready\": true}\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (sscanf(line, "start %llu %u", &rate, &who) == 2)
			start(rate, who);
		else if (sscanf(line, "load %u", &who) == 1)
			load(who);
		else if (strcmp(line, "stop\n") == 0)
			stop();
	}
	atomic_store(&running, false);
	atomic_store(&quit, true);
	rte_eal_mp_wait_lcore();
	return 0;
}
