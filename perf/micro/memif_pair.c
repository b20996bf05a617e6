/* SPDX-License-Identifier: Apache-2.0 */
#include "memif_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_malloc.h>

#include "memif_protocol.h"
#include "memif_ring.h"
#include "plane_private.h"

#define MBUFS 8191
#define JUMBOS 127

struct memif_pair {
	struct memif_end ends[2]; // master, slave
	struct memif_session sessions[2];
	struct memif_queue tx, rx;
};

static struct buffer_pools pools;

void
memif_pair_start(void)
{
	const char *options[] = {"micro", "--no-huge", "-m", "256", "--no-pci", "--no-telemetry",
		"--log-level=error", "-l", "0"};
	char *args[RTE_DIM(options)];

	for (size_t i = 0; i < RTE_DIM(options); i++)
		args[i] = strdup(options[i]); // EAL writes into them and keeps them
	if (rte_eal_init((int)RTE_DIM(args), args) < 0)
		plane_fail("EAL does not start");
	pools.mbufs = rte_pktmbuf_pool_create(
		"mbufs", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	pools.jumbos = rte_pktmbuf_pool_create("jumbos", JUMBOS, 0, 0, UINT16_MAX, SOCKET_ID_ANY);
	if (pools.mbufs == NULL || pools.jumbos == NULL)
		plane_fail("no memory for mbufs");
}

static const struct memif_end *
choose(void *arg, uint32_t id, const char **why)
{
	return arg;
}

// As through a socket, which would make duplicates.
static void
pass(struct memif_session *to, const struct memif_reply *from, struct memif_reply *reply)
{
	int fd = from->fd >= 0 ? dup(from->fd) : -1;

	memif_session_receive(to, &from->message, sizeof(from->message), fd, fd >= 0, reply);
}

static void
connect_ends(struct memif_pair *pair)
{
	struct memif_session *master = &pair->sessions[0], *slave = &pair->sessions[1];
	struct memif_reply to_master = {.fd = -1}, to_slave;

	memif_session_start_slave(slave, &pair->ends[1]);
	memif_session_start_master(master, 1, choose, &pair->ends[0], &to_slave);
	while (to_slave.message.type != 0) {
		pass(slave, &to_slave, &to_master);
		if (to_master.message.type == 0)
			break;
		pass(master, &to_master, &to_slave);
	}
	if (slave->state != MEMIF_SESSION_CONNECTED)
		plane_fail("the ends do not connect");
}

static void
start_queue(struct memif_queue *queue, const struct memif_session *session, bool s2m, bool is_rx)
{
	const struct memif_session_ring *ring = s2m ? &session->s2m[0] : &session->m2s[0];
	const struct memif_end *end = session->end;
	struct memif_ring_config config = {
		.shared = (void *)(session->regions.region[0].base + ring->offset),
		.log2_size = ring->log2_size,
		.is_slave = end->is_slave,
		.interrupt_fd = ring->fd,
		.control_fd = -1,
		.buffers = end->is_slave ? memif_session_buffers(session, s2m, 0) : NULL,
		.buffer_size = end->buffer_size,
		.regions = &session->regions,
	};

	if (!memif_queue_start(queue, &config, is_rx))
		plane_fail("a ring does not start");
}

struct memif_pair *
memif_pair_create(bool s2m, uint8_t log2_size, uint16_t buffer_size)
{
	struct memif_pair *pair = rte_zmalloc(NULL, sizeof(*pair), RTE_CACHE_LINE_SIZE);

	if (pair == NULL)
		plane_fail("no memory");
	pair->ends[0] =
		(struct memif_end){.secret = "", .name = "master", .n_queues = 1, .control_fd = -1};
	pair->ends[1] = (struct memif_end){.is_slave = true,
		.secret = "",
		.name = "slave",
		.n_queues = 1,
		.log2_ring_size = log2_size,
		.buffer_size = buffer_size,
		.control_fd = -1};
	connect_ends(pair);
	if (s2m)
		start_queue(&pair->rx, &pair->sessions[0], true, true);
	start_queue(&pair->tx, &pair->sessions[s2m], s2m, false);
	if (!s2m)
		start_queue(&pair->rx, &pair->sessions[1], false, true);
	memif_pair_send(pair, 1, 60);
	memif_pair_receive(pair, 1); // switches interrupts off
	return pair;
}

void
memif_pair_free(struct memif_pair *pair)
{
	memif_session_release(&pair->sessions[0]);
	memif_session_release(&pair->sessions[1]);
	rte_free(pair);
}

static struct rte_mbuf *
make_frame(uint32_t len)
{
	static const uint8_t bytes[16384];
	struct rte_mbuf *m;

	if (len > sizeof(bytes) || buffer_copy_in(&pools, bytes, len, &m) != BUFFER_OK)
		plane_fail("no mbufs");
	return m;
}

uint64_t
memif_pair_send(struct memif_pair *pair, uint16_t n, uint32_t len)
{
	struct rte_mbuf *pkts[PORT_BURST];
	enum port_tx_stop stop;
	uint64_t cycles;
	uint16_t sent;

	for (uint16_t i = 0; i < n; i++)
		pkts[i] = make_frame(len);
	cycles = rte_rdtsc_precise();
	sent = memif_queue_tx(&pair->tx, pkts, n, false, &stop);
	cycles = rte_rdtsc_precise() - cycles;
	if (sent != n)
		plane_fail("the ring is full");
	return cycles;
}

uint64_t
memif_pair_receive(struct memif_pair *pair, uint16_t n)
{
	struct rte_mbuf *pkts[PORT_BURST];
	uint64_t cycles = 0, start;
	uint16_t received, left = n;

	while (left > 0) {
		start = rte_rdtsc_precise();
		received = memif_queue_rx(&pair->rx, &pools, pkts, left);
		cycles += rte_rdtsc_precise() - start;
		if (received == 0)
			plane_fail("frames are missing");
		rte_pktmbuf_free_bulk(pkts, received);
		left = (uint16_t)(left - received);
	}
	return cycles;
}
