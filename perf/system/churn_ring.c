/* SPDX-License-Identifier: Apache-2.0 */

// A paced flow of numbered frames through the switch between two in-process ring ports, while 200
// other ports come and go over dp.sock. Counts what was lost or overtaken. No kernel, no device:
// what is lost here, the switch lost.
//
//   churn_ring [SECONDS [PORTS]]
//
// Capacity is measured first (a closed loop of 512 frames); the flow then runs at half of it.
// Threads: worker on the last CPU; generator, client and the main loop share the others.

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_launch.h>
#include <rte_ring.h>

#include "create.h"
#include "log.h"
#include "server/server.h"
#include "worker.h"
#include "worker_control.h"

// The generator is the receiver, too, and shares its CPU: what it leaves lying for 50 ms must fit.
#define RING 65536
#define MBUFS 163839
#define CLOSED_LOOP 512
#define FRAME 64
#define FIRST_CHURN_PORT 10

struct bench {
	struct dataplane dp;
	struct memory memory;
	struct event_base *base;
	struct rte_ring *rx, *tx;
	int client; // dp.sock
	uint32_t seq;
	double seconds;
	uint32_t n_ports;
	atomic_bool churn_done, ready;
	uint64_t sent, received, reordered, ring_full, churned;
	uint64_t receiver_full; // frames that found the receiver's ring full: not the switch's loss
	double capacity_pps, rate_pps;
};

static struct bench bench = {.seconds = 10, .n_ports = 200};

static void
die(const char *what)
{
	fprintf(stderr, "churn_ring: %s: %s\n", what, strerror(errno));
	exit(2);
}

// --------------------------------------------------------------------------------- dp.sock

static void
receive_all(void *to, size_t n)
{
	if (recv(bench.client, to, n, MSG_WAITALL) != (ssize_t)n)
		die("dp.sock");
}

static void
check_statuses(const uint8_t *body, const struct cw_frame *frame)
{
	const uint8_t *at = body, *end = body + frame->length - sizeof(*frame);

	while (at < end) {
		const struct cw_item *item = (const struct cw_item *)(const void *)at;
		const struct cw_status *status = (const struct cw_status *)(const void *)at;

		if (item->type == CW_ITEM_STATUS && status->error != 0) {
			fprintf(stderr, "churn_ring: refused: %s\n", status->reason);
			exit(2);
		}
		at += item->length;
	}
}

// Sends one frame of ready items and waits for its reply.
static void
request(uint16_t type, const void *items, uint32_t length, uint32_t n_items)
{
	static uint8_t body[CW_FRAME_MAX];
	struct cw_frame frame = {
		.length = (uint32_t)sizeof(frame) + length,
		.type = type,
		.seq = ++bench.seq,
		.n_items = n_items,
	};

	if (send(bench.client, &frame, sizeof(frame), MSG_NOSIGNAL) != sizeof(frame)
		|| send(bench.client, items, length, MSG_NOSIGNAL) != (ssize_t)length)
		die("dp.sock");
	do {
		receive_all(&frame, sizeof(frame));
		receive_all(body, frame.length - sizeof(frame));
	} while (frame.type == CW_EVENT);
	check_statuses(body, &frame);
}

static void
fill_item(struct cw_item *item, uint16_t type, size_t size)
{
	item->type = type;
	item->length = (uint16_t)CW_ALIGN8(size);
}

static void
hello(void)
{
	struct cw_hello hello = {.magic = CW_WIRE_MAGIC, .version = CW_WIRE_VERSION};

	fill_item(&hello.item, CW_ITEM_HELLO, sizeof(hello));
	request(CW_HELLO, &hello, hello.item.length, 1);
}

static void
set_network(void)
{
	uint8_t room[CW_ALIGN8(sizeof(struct cw_network))] = {0};
	struct cw_network *network = (struct cw_network *)room;

	fill_item(&network->item, CW_ITEM_NETWORK, sizeof(*network));
	network->vni = 1;
	network->mtu = 1500;
	memcpy(network->router_mac, (uint8_t[]){2, 0, 0, 0, 0, 1}, 6);
	strcpy(network->name, "default");
	request(CW_SET, room, network->item.length, 1);
}

static void
port_mac(uint32_t id, uint8_t *mac)
{
	memcpy(mac, (uint8_t[]){2, 0, 0, 1, (uint8_t)(id >> 8), (uint8_t)id}, 6);
}

static void
set_port(uint32_t id, const char *rx, const char *tx)
{
	uint8_t room[CW_ALIGN8(sizeof(struct cw_port)) + CW_ALIGN8(sizeof(struct cw_endpoint))
		     + CW_ALIGN8(sizeof(struct cw_ip))] = {0};
	struct cw_port *port = (struct cw_port *)room;
	struct cw_endpoint *endpoint;

	fill_item(&port->item, CW_ITEM_PORT, sizeof(*port));
	port->id = id;
	port->kind = CW_PORT_RING;
	port->mtu = 1500;
	port->guard = CW_GUARD_MAC;
	port->generation = 1;
	snprintf(port->name, sizeof(port->name), "ring%u", id);
	snprintf(port->args, sizeof(port->args), "ring:rx=%s,tx=%s", rx, tx);
	endpoint = (struct cw_endpoint *)(room + port->item.length);
	fill_item(&endpoint->item, CW_ITEM_ENDPOINT, sizeof(*endpoint) + sizeof(endpoint->ips[0]));
	endpoint->port = id;
	port_mac(id, endpoint->mac);
	endpoint->n_ips = 1;
	endpoint->ips[0] = (struct cw_ip){
		.addr = {10, 2, (uint8_t)(id >> 8), (uint8_t)id}, .family = 4, .prefix = 32};
	request(CW_SET, room, port->item.length + (uint32_t)endpoint->item.length, 2);
}

static void
del_port(uint32_t id)
{
	struct cw_port port = {.id = id};

	fill_item(&port.item, CW_ITEM_PORT, sizeof(port));
	request(CW_DEL, &port, port.item.length, 1);
}

static void
sleep_until(double at)
{
	while ((double)rte_get_timer_cycles() / (double)rte_get_timer_hz() < at)
		usleep(1000);
}

// Each port is there for as long as it takes to add the next four.
static void *
churn(void *arg)
{
	double start;

	hello();
	set_network();
	set_port(1, "flow-in", "void-1");
	set_port(2, "void-2", "flow-out");
	atomic_store(&bench.ready, true);
	while (bench.rate_pps == 0)
		usleep(1000);
	start = (double)rte_get_timer_cycles() / (double)rte_get_timer_hz();
	for (uint32_t i = 0; i < bench.n_ports + 4; i++) {
		char rx[16], tx[16];

		sleep_until(start + bench.seconds * i / (bench.n_ports + 4));
		snprintf(rx, sizeof(rx), "c-in-%u", i % 8);
		snprintf(tx, sizeof(tx), "c-out-%u", i % 8);
		if (i < bench.n_ports)
			set_port(FIRST_CHURN_PORT + i, rx, tx);
		if (i >= 4) {
			del_port(FIRST_CHURN_PORT + i - 4);
			bench.churned++;
		}
	}
	atomic_store(&bench.churn_done, true);
	return NULL;
}

// ------------------------------------------------------------------------------------ flow

static struct rte_mbuf *
make_frame(uint64_t sequence)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bench.memory.mbufs[0]);
	struct rte_ether_hdr *ether;

	if (m == NULL)
		return NULL;
	ether = (struct rte_ether_hdr *)rte_pktmbuf_append(m, FRAME);
	port_mac(2, ether->dst_addr.addr_bytes);
	port_mac(1, ether->src_addr.addr_bytes);
	ether->ether_type = rte_cpu_to_be_16(0x88b5);
	memcpy(ether + 1, &sequence, sizeof(sequence));
	return m;
}

static uint64_t
take_arrivals(uint64_t *expected)
{
	struct rte_mbuf *pkts[64];
	unsigned int n = rte_ring_dequeue_burst(bench.tx, (void **)pkts, 64, NULL);

	for (unsigned int i = 0; i < n; i++) {
		uint64_t sequence;

		memcpy(&sequence,
			rte_pktmbuf_mtod_offset(pkts[i], void *, sizeof(struct rte_ether_hdr)),
			sizeof(sequence));
		bench.reordered += sequence < *expected;
		*expected = RTE_MAX(*expected, sequence + 1);
	}
	if (n > 0)
		rte_pktmbuf_free_bulk(pkts, n);
	bench.received += n;
	return n;
}

static void
offer(uint64_t *sequence, uint64_t wanted)
{
	for (int i = 0; i < 64 && wanted > 0; i++, wanted--) {
		struct rte_mbuf *m = make_frame(*sequence);

		if (m == NULL || rte_ring_enqueue(bench.rx, m) != 0) {
			bench.ring_full++; // the number is used again: nothing was offered
			rte_pktmbuf_free(m);
			return;
		}
		(*sequence)++;
		bench.sent++;
	}
}

static double
measure_capacity(uint64_t *sequence, uint64_t *expected)
{
	uint64_t hz = rte_get_timer_hz(), start = rte_get_timer_cycles();
	uint64_t before = bench.received;

	while (rte_get_timer_cycles() - start < hz) {
		offer(sequence, CLOSED_LOOP - (bench.sent - bench.received));
		take_arrivals(expected);
	}
	return (double)(bench.received - before);
}

static void
run_paced(uint64_t *sequence, uint64_t *expected)
{
	uint64_t hz = rte_get_timer_hz(), start = rte_get_timer_cycles(), first = *sequence;

	while (!atomic_load(&bench.churn_done)) {
		double elapsed = (double)(rte_get_timer_cycles() - start) / (double)hz;
		uint64_t due = first + (uint64_t)(elapsed * bench.rate_pps);

		offer(sequence, due > *sequence ? due - *sequence : 0);
		take_arrivals(expected);
	}
}

static void
drain(uint64_t *expected)
{
	uint64_t end = rte_get_timer_cycles() + 2 * rte_get_timer_hz();

	while (bench.received < bench.sent && rte_get_timer_cycles() < end)
		take_arrivals(expected);
}

// Drops of the flow's in port, by this name, on all workers.
static uint64_t
drops(const char *reason)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < bench.dp.n_workers; i++)
		sum += bench.dp.workers[i]->counters[1]->drops[graph_drop_id(reason)];
	return sum;
}

static void *
flow(void *arg)
{
	uint64_t sequence = 0, expected = 0;
	double capacity;

	while (!atomic_load(&bench.ready))
		usleep(1000);
	capacity = measure_capacity(&sequence, &expected);
	drain(&expected);
	bench.sent = bench.received = bench.reordered = bench.ring_full = 0;
	bench.receiver_full = drops("tx_full");
	bench.capacity_pps = capacity;
	bench.rate_pps = capacity / 2;
	run_paced(&sequence, &expected);
	drain(&expected);
	bench.receiver_full = drops("tx_full") - bench.receiver_full;
	event_base_loopexit(bench.base, NULL);
	return NULL;
}

static struct rte_ring *
make_ring(const char *name)
{
	struct rte_ring *ring = rte_ring_create(name, RING, SOCKET_ID_ANY, 0);

	if (ring == NULL)
		die("ring");
	return ring;
}

static void
make_rings(void)
{
	bench.rx = make_ring("flow-in");
	bench.tx = make_ring("flow-out");
	make_ring("void-1");
	make_ring("void-2");
	for (int i = 0; i < 8; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c-in-%d", i);
		make_ring(name);
		snprintf(name, sizeof(name), "c-out-%d", i);
		make_ring(name);
	}
}

static void
print_result(void)
{
	printf("{\"capacity_mpps\": %.3f, \"rate_mpps\": %.3f, \"sent\": %llu, \"received\": %llu, "
	       "\"lost\": %lld, \"receiver_full\": %llu, \"reordered\": %llu, "
	       "\"ring_full\": %llu, \"ports_churned\": %llu, "
	       "\"seconds\": %.1f}\n",
		bench.capacity_pps / 1e6, bench.rate_pps / 1e6, (unsigned long long)bench.sent,
		(unsigned long long)bench.received, (long long)(bench.sent - bench.received),
		(unsigned long long)bench.receiver_full, (unsigned long long)bench.reordered,
		(unsigned long long)bench.ring_full, (unsigned long long)bench.churned,
		bench.seconds);
}

static int
run(const struct config *config, const struct cores *cores)
{
	struct server_config server_config = {.idle = config->idle};
	struct server *server;
	pthread_t client, generator;
	int pair[2], error = 0;

	bench.base = event_base_new();
	server = server_create(bench.base, &bench.dp, &server_config, &error);
	if (server == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0
		|| server_serve(server, pair[0]) != 0)
		die("server");
	bench.client = pair[1];
	for (uint16_t i = 0; i < bench.dp.n_workers; i++)
		rte_eal_remote_launch(worker_main, bench.dp.workers[i], i + 1u);
	pthread_create(&client, NULL, churn, NULL);
	pthread_create(&generator, NULL, flow, NULL);
	event_base_dispatch(bench.base);
	pthread_join(client, NULL);
	pthread_join(generator, NULL);
	print_result();
	server_free(server);
	for (uint16_t i = 0; i < bench.dp.n_workers; i++)
		worker_stop(bench.dp.workers[i]);
	rte_eal_mp_wait_lcore();
	return bench.sent == bench.received && bench.reordered == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	static char *no_flags[] = {
		(char *)"churn_ring", (char *)"--log-level", (char *)"error", NULL};
	struct config config;
	struct cores cores;

	if (argc > 1)
		bench.seconds = atof(argv[1]);
	if (argc > 2)
		bench.n_ports = (uint32_t)atoi(argv[2]);
	if (config_load(3, no_flags, &config) != CONFIG_RUN)
		return 2;
	strcpy(config.idle, "poll");
	config.mbufs = MBUFS;
	snprintf(config.runtime_dir, sizeof(config.runtime_dir), "/tmp/churn-%d", (int)getpid());
	if (cores_choose("", "", &cores) != 0 || memory_start_eal(&config, &cores) != 0
		|| dataplane_create(&bench.dp, &config, &cores, &bench.memory) != 0)
		return 2;
	make_rings();
	return run(&config, &cores);
}
