/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATAPLANE_WORKER_PRIVATE_H
#define DATAPLANE_WORKER_PRIVATE_H

// What the worker_*.c files share and nobody else sees.

#include <stdatomic.h>

#include <rte_ring.h>

#include "port.h"
#include "worker.h"
#include "worker_control.h"

#define HANDOVER_RING 512 // packets on their way from one worker to another
#define TX_RETRIES 4

// One rx queue that a worker polls.
struct rxq {
	struct port *device;
	uint16_t port_id, queue;
	uint32_t slot; // in rxq_list.by_slot
	uint32_t generation; // tells a reused slot from its former owner
	int wake_fd; // -1: can only be polled
	bool edge; // need not be polled while it is empty
	// Worker only:
	bool active;
	uint16_t empty_rounds; // in a row; runs over, which does no harm
	uint64_t last_tsc; // of the last frame, or when it became active
};

// The rx queues of one worker. Immutable; the main thread publishes a changed copy.
struct rxq_list {
	uint32_t n_slots, n_pollable;
	uint32_t generation;
	struct rxq **active; // room for the worker's own list of queues to poll
	struct rxq *by_slot[]; // NULL where unused
};

// Packets from one worker to one port.
struct tx_batch {
	struct port *device;
	struct rte_ring *handover; // to the worker that owns the queue; NULL: this one does
	struct worker *owner;
	uint16_t port_id, queue, n;
	bool dirty;
	bool owns; // frames with lent segments (port.h) are copied before they leave
	struct rte_mbuf *pkts[WORKER_BURST];
};

struct worker_private {
	struct rxq_list *_Atomic rxqs; // writer: main thread
	atomic_bool stop; // writer: main thread
	atomic_bool sleeping; // writer: the worker
	int epoll_fd, event_fd;
	bool poll;
	uint16_t burst;
	bool borrows; // frames of this round may hold lent segments
	uint32_t seen_generation; // of the list that active[] was made from
	uint32_t n_active, n_queues;
	struct rxq **active; // in the list that seen_generation names
	uint64_t round_tsc; // when the round before ended
	uint64_t next_epoll_tsc, idle_since_tsc, start_tsc, second_tsc, tsc_per_us;
	uint32_t nap_us;
	uint16_t n_dirty;
	uint16_t dirty[CW_MAX_PORTS]; // ports with packets in their batch
	struct rte_ring *inbox[CW_MAX_WORKERS]; // packets from other workers, single producer each
	struct rte_ring *originated; // frames of the main thread; worker 0 only, else NULL
	struct rte_mbuf *tx_pkts[WORKER_BURST];
	struct {
		uint64_t busy_cycles, idle_cycles, sleep_cycles;
		uint64_t rounds, busy_rounds, sleeps, packets;
		uint64_t bursts[CW_BURST_BUCKETS];
	} stats;
	struct {
		uint64_t tokens, refill_tsc;
	} event_limit[8]; // by type
};

// worker_port.c: counters of a port on this worker. Main thread. Returns 0 or -ENOMEM.
int worker_counters_ensure(struct worker *w, uint16_t port_id);
// worker_graph.c: runs the pending stages; worker_rx(): a received burst through the graph.
void worker_rx(struct worker *w, uint16_t port_id, struct rte_mbuf **pkts, uint16_t n);
// The steps through the stages: the burst gets its slots and waits for the first stage, whose id is
// returned: decap for what came in by an uplink, else parse; the first
// pending stage of those in mask runs (there is one).
uint8_t worker_enter(struct worker *w, uint16_t port_id, struct rte_mbuf **pkts, uint16_t n);
void worker_run_first(struct worker *w, uint64_t mask);
// A burst, or the part of one that the express way leaves, through the stages; counts it as
// received.
void worker_run_stages(struct worker *w, uint16_t port_id, struct rte_mbuf **pkts, uint16_t n);
// worker_express.c: whether the graph leaves the express way open: no seam on it is filled, no
// stage was put before it. After graph_init().
bool worker_express_is_open(void);
// Sends what is plain, in order, and gives what is not to the stages; returns how many packets at
// the end of the burst are left for the stages, not counted as received.
uint16_t worker_express(struct worker *w, uint16_t port_id, struct rte_mbuf **pkts, uint16_t n);
// worker_tx.c: sends a batch.
void worker_batch_flush(struct worker *w, struct tx_batch *batch);

// n frames were put behind the batch's.
static inline void
worker_batch_grow(struct worker *w, struct tx_batch *batch, uint16_t n)
{
	batch->n = (uint16_t)(batch->n + n);
	if (unlikely(!batch->dirty)) {
		batch->dirty = true;
		w->priv->dirty[w->priv->n_dirty++] = batch->port_id;
	}
}

// worker_tx.c: the drop reason of a burst that goes in circles.
uint16_t worker_drop_loop(void);
// worker_tx.c: takes packets that other workers handed over. Returns how many.
uint16_t worker_take_handovers(struct worker *w);
// worker_originate.c: the first worker's ring, and what the main thread put there. Returns 0 or
// -ENOMEM; how many frames.
int worker_originate_create(struct worker *w);
uint16_t worker_take_originated(struct worker *w);
// worker_idle.c: looks for queues that became readable; sleeps.
void worker_check_ready(struct worker *w);
void worker_sleep(struct worker *w);
void worker_refresh_active(struct worker *w);

#endif
