/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "plane_private.h"
#include "port.h"
#include "trace.h"
#include "worker_private.h"

// The burst on its way: what is timed and what is not.

#define EVICT_BYTES (6u << 20) // more than any L2 that we know

// Keeping costs one store a packet; freeing would be a device's cost, not the switch's.
static uint16_t
keep_tx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	struct plane *plane = port->priv;
	uint16_t took = (uint16_t)RTE_MIN(n, RTE_DIM(plane->taken) - plane->n_taken);

	memcpy(plane->taken + plane->n_taken, pkts, took * sizeof(pkts[0]));
	plane->n_taken += took;
	plane->n_sent += took;
	*stop = PORT_TX_FULL;
	return took;
}

static uint16_t
no_rx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	return 0;
}

static const struct port_driver keep_driver = {.name = "keep", .rx = no_rx, .tx = keep_tx};

struct port *
plane_device(struct plane *plane, uint16_t id, uint32_t capabilities)
{
	struct port *port = calloc(1, sizeof(*port));

	if (port == NULL)
		plane_fail("no memory");
	port->driver = &keep_driver;
	port->id = id;
	port->kind = CW_PORT_VHOST_USER;
	port->mtu = CW_MTU_DEFAULT;
	port->n_rx = 1;
	port->n_tx = 1;
	port->capabilities = capabilities;
	port->socket_id = SOCKET_ID_ANY;
	port->priv = plane;
	return port;
}

static void
free_taken(struct plane *plane)
{
	while (plane->n_taken > 0)
		rte_pktmbuf_free(plane->taken[--plane->n_taken]);
}

static void
set_super_frame(struct rte_mbuf *m, uint16_t segment)
{
	m->ol_flags = RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV4;
	m->l2_len = RTE_ETHER_HDR_LEN;
	m->l3_len = sizeof(struct rte_ipv4_hdr);
	m->tso_segsz = segment;
}

void
plane_fill(struct plane *plane, const struct plane_frame *const *frames, uint16_t n)
{
	free_taken(plane);
	if (rte_pktmbuf_alloc_bulk(plane->mbufs, plane->burst, n) != 0)
		plane_fail("no mbufs");
	plane->n = n;
	plane->port = frames[0]->port;
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = plane->burst[i];

		memcpy(rte_pktmbuf_mtod(m, void *), frames[i]->bytes, frames[i]->len);
		m->data_len = frames[i]->len;
		m->pkt_len = frames[i]->len;
		if (frames[i]->segment != 0)
			set_super_frame(m, frames[i]->segment);
	}
}

static void
touch(const void *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += RTE_CACHE_LINE_SIZE)
		(void)*((const volatile uint8_t *)at + i);
}

void
plane_evict(struct plane *plane)
{
	static uint8_t *other;

	if (other == NULL)
		other = calloc(1, EVICT_BYTES);
	if (other == NULL)
		plane_fail("no memory");
	memset(other, other[0] + 1, EVICT_BYTES);
	touch(plane->w, sizeof(*plane->w));
	for (uint16_t i = 0; i < plane->n; i++)
		touch(plane->burst[i], sizeof(*plane->burst[i]));
}

uint64_t
plane_time_way(struct plane *plane)
{
	uint64_t start = rte_rdtsc();

	worker_inject(plane->w, plane->burst, plane->n, plane->port);
	worker_flush(plane->w);
	return rte_rdtsc() - start;
}

static void
finish_round(struct plane *plane)
{
	plane->w->n_slots = 0;
	worker_flush(plane->w);
}

uint64_t
plane_time_stage(struct plane *plane, const char *stage, bool cold)
{
	struct worker *w = plane->w;
	uint8_t id = graph_stage_id(stage);
	uint64_t start, cycles = 0;

	if (id == STAGE_NONE)
		plane_fail("no such stage");
	worker_enter(w, plane->port, plane->burst, plane->n);
	while (w->pending != 0) {
		bool timed = cycles == 0 && (uint8_t)__builtin_ctzll(w->pending) == id;

		if (timed && cold)
			plane_evict(plane);
		start = rte_rdtsc();
		worker_run_first(w, UINT64_MAX);
		if (timed)
			cycles = rte_rdtsc() - start;
	}
	if (cycles == 0)
		plane_fail(stage);
	finish_round(plane);
	return cycles;
}

uint64_t
plane_sent(struct plane *plane)
{
	uint64_t n = plane->n_sent;

	plane->n_sent = 0;
	return n;
}
