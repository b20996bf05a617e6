/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATAPLANE_DATAPLANE_H
#define DATAPLANE_DATAPLANE_H

// What all threads of causeway-dp share. One instance; the main thread builds it before workers
// start.
//
// One writer: only the main thread changes tables. Workers read without locks; what they can
// still see is freed through rcu_* below. Workers report a quiescent state once a round and are
// offline while they sleep.

#include <stdint.h>

#include <rte_rcu_qsbr.h>

#include <causeway/limits.h>

#include "tables/network.h"
#include "tables/ports.h"

struct fdb;
struct neighbors;
struct nexthops;
struct vteps;
struct lpm;
struct worker;

struct dataplane {
	struct rte_rcu_qsbr *qsbr; // one thread id a worker
	struct network *_Atomic networks[CW_MAX_NETWORKS];
	struct dp_port *_Atomic ports[CW_MAX_PORTS];
	struct fdb *fdb;
	struct neighbors *neighbors;
	struct nexthops *nexthops;
	struct vteps *vteps;
	struct lpm *lpm;
	struct worker *workers[CW_MAX_WORKERS]; // set before the workers start
	uint16_t n_workers;
	// Grows with every change of neighbours and next hops, when look-ups see it and before what
	// was replaced is given to rcu_defer(). Writer: main thread; readers: workers.
	uint64_t generation;
	struct rte_ring *candidates; // workers -> main thread, see candidate.h; NULL: nobody looks
	struct rte_ring *events; // workers -> main thread: struct dp_event (events.h)
};

// Waits until every worker has passed a quiescent state. Main thread. Bounded by the longest round;
// sleeping workers count as quiescent.
void rcu_wait(struct dataplane *dp);
// Calls free_fn(arg) after a grace period, later, on the main thread.
void rcu_defer(struct dataplane *dp, void (*free_fn)(void *), void *arg);
// Runs what is due. The main loop calls it; bounded.
void rcu_poll(struct dataplane *dp);
// Waits for a grace period and runs all of it.
void rcu_drain(struct dataplane *dp);

static inline void
dp_note_change(struct dataplane *dp)
{
	__atomic_store_n(&dp->generation, dp->generation + 1, __ATOMIC_RELEASE);
}

static inline const struct network *
dp_network(const struct dataplane *dp, uint16_t id)
{
	return __atomic_load_n((struct network *const *)&dp->networks[id], __ATOMIC_ACQUIRE);
}

static inline const struct dp_port *
dp_port_get(const struct dataplane *dp, uint16_t id)
{
	return __atomic_load_n((struct dp_port *const *)&dp->ports[id], __ATOMIC_ACQUIRE);
}

#endif
