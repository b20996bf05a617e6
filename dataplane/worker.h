/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATAPLANE_WORKER_H
#define DATAPLANE_WORKER_H

// A worker: one pinned thread that polls its rx queues and runs the stages. Everything in struct
// worker is written by that thread only, unless the comment says otherwise; the main thread reads
// counters.

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane.h"
#include "graph.h"
#include "packet.h"

#define WORKER_BURST 64
// Packets that one round may hold: a received burst, and copies, segments and answers made of it.
#define WORKER_SLOTS 256
#define WORKER_NO_SLOT UINT16_MAX

struct stage_vector {
	uint16_t n;
	uint16_t slot[WORKER_SLOTS];
};

// Counters of one port on one worker. Writer: that worker. Reader: main thread, relaxed.
struct port_counters {
	uint64_t rx_packets, rx_bytes;
	uint64_t tx_packets, tx_bytes;
	uint64_t sent, originated, replicas, segments, punted;
	uint64_t held; // waiting for a neighbour now (a gauge)
	uint64_t drops[]; // graph_n_drops()
};

struct stage_counters {
	uint64_t packets, bursts;
};

struct tx_batch; // packets on their way to one port, see worker_tx.c

struct worker {
	uint64_t pending; // bit i: vector i is not empty
	uint16_t id;
	uint16_t n_slots; // slots in use, [0, n_slots)
	uint16_t core;
	int16_t socket_id;
	uint8_t entry, entry_uplink; // first stages of what comes in; set before start
	bool looks_for_candidates; // see candidate.h; writer: main thread
	bool express; // plain packets may go past the stages, see stages/express.h; set before
		      // start
	struct dataplane *dp;
	struct port_counters **counters; // [CW_MAX_PORTS], NULL where there is no port
	struct tx_batch **tx; // [CW_MAX_PORTS], this worker's way out of each port
	uint64_t now_tsc; // read once a round
	uint32_t now_s; // seconds since start, for ageing
	uint16_t outer_id; // identification of the next IPv4 packet around a tunneled one
	struct rte_mempool *mbufs, *jumbos;
	struct route_cache *routes;
	struct candidate_cache *candidates; // NULL until a port has CW_PORT_OFFLOAD
	struct hold *hold; // packets that wait for a neighbour, see stages/hold.h
	struct stage_counters stages[GRAPH_MAX_STAGES];
	struct rte_mbuf *mbuf[WORKER_SLOTS];
	struct packet_ctx ctx[WORKER_SLOTS] __rte_cache_aligned;
	struct stage_vector vector[GRAPH_MAX_STAGES];
	struct worker_private *priv; // worker.c's own: queues polled, idle state
	struct trace_records *trace; // see trace.h; set before the worker starts, never NULL then
};

// Hands a packet to the stage with this id (stage.next_id[i]).
static inline void
packet_next(struct worker *w, uint16_t slot, uint8_t stage_id)
{
	struct stage_vector *v = &w->vector[stage_id];

	v->slot[v->n++] = slot;
	w->pending |= UINT64_C(1) << stage_id;
}

// Frees the packet and counts the reason (stage.drop_id[i]) against the port it came from.
void packet_drop(struct worker *w, uint16_t slot, uint16_t reason);

// The packet left the slot another way (sent, held, punted); the caller has accounted for it.
static inline void
packet_consume(struct worker *w, uint16_t slot)
{
	w->mbuf[slot] = NULL;
}

// Takes a free slot for a packet made by the switch on behalf of slot 'cause': m belongs to the
// worker afterwards, ctx is zeroed but for in_port, network, trace flag. Counts nothing. Returns
// WORKER_NO_SLOT when all are in use; then call worker_drain() below or give up.
uint16_t packet_new(struct worker *w, uint16_t cause, struct rte_mbuf *m);

// Runs all pending stages whose order is above that of 'stage' until none of them is pending, then
// gives the slots from 'mark' on back. For stages that make many packets of one (flood, segment):
// take mark = w->n_slots before making the first, call this when packet_new() finds no slot.
void worker_drain(struct worker *w, const struct stage *stage, uint16_t mark);

// The next free mbuf for a packet that the switch makes, or NULL (counted by the caller as a drop).
static inline struct rte_mbuf *
packet_alloc(struct worker *w)
{
	return rte_pktmbuf_alloc(w->mbufs);
}

static inline struct port_counters *
worker_counters(struct worker *w, uint16_t port)
{
	return w->counters[port];
}

// Runs all pending stages until none is pending and gives the slots back. Between two bursts only:
// whoever has put packets into slots 0 to n_slots - 1 and handed them to a stage.
void worker_run(struct worker *w);

// Puts a packet into the batch towards ctx->out_port; called by the tx stage only. The batch is
// flushed at the end of the round or when it is full. The slot is consumed.
void worker_tx(struct worker *w, uint16_t slot);

// Runs one burst through the graph without a device: mbufs with mbuf->port set to the port id that
// they pretend to come from. For unit tests and micro benchmarks; the same code serves the poll
// loop.
void worker_inject(struct worker *w, struct rte_mbuf **pkts, uint16_t n, uint16_t port);
// Sends everything batched so far.
void worker_flush(struct worker *w);

#endif
