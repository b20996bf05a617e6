/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATAPLANE_WORKER_CONTROL_H
#define DATAPLANE_WORKER_CONTROL_H

// What the main thread does to workers while they run. None of it stops a worker.

#include <stdbool.h>
#include <stdint.h>

#include <causeway/wire.h>

#include "dataplane.h"

struct port;
struct rte_mbuf;
struct worker;

struct worker_config {
	uint16_t core;
	int16_t socket_id;
	uint16_t burst; // frames taken from a queue at a time; 0 = WORKER_BURST
	bool poll; // never sleep
};

// Makes worker 'id' of the data plane: counters, vectors, event ring share. Does not start a
// thread. dp->qsbr, dp->events and the pools exist. Returns NULL: no memory.
struct worker *worker_create(struct dataplane *dp, uint16_t id, const struct worker_config *config,
	struct rte_mempool *mbufs, struct rte_mempool *jumbos);
void worker_free(struct worker *w);
// rte_eal_remote_launch function: polls until worker_stop(). arg: struct worker.
int worker_main(void *arg);
void worker_stop(struct worker *w);
// Ends a worker's sleep, if it sleeps. Any thread.
void worker_wake(struct worker *w);

// Makes a port known to all workers, before it is published in dp->ports[]: counters, and each
// worker's way out of it (a TX queue of its own, or a ring to the worker that owns the queue). Call
// worker_port_rx() after publication. Returns 0 or -ENOMEM.
int worker_port_attach(struct dataplane *dp, struct port *device);
// The same for a port that sends by the device of another one and receives nothing itself. Detach
// it before that one.
int worker_subport_attach(struct dataplane *dp, uint16_t port_id, struct port *device);
// Starts polling all rx queues: queue i on the worker that has the fewest queues, those on the
// device's NUMA node first. Returns 0 or -errno (then none is polled).
int worker_port_rx(struct dataplane *dp, struct port *device);
// Undoes both, after the port was unpublished from dp->ports[] and all tables: returns when no
// worker polls it, sends to it or holds a packet for it; packets still under way are dropped as
// no_port. Counters stay until worker_port_forget().
void worker_port_detach(struct dataplane *dp, uint16_t port_id);
// Returns when every packet that was on its way from one worker to another is sent. After an
// rcu_wait() that is every packet whose way was decided before. Bounded.
void worker_drain_handovers(struct dataplane *dp);
// Frees the counters (after a grace period).
void worker_port_forget(struct dataplane *dp, uint16_t port_id);
// Bit i: worker i polls a queue of the port.
uint64_t worker_port_workers(const struct dataplane *dp, uint16_t port_id);

// A frame that the switch itself sends, from the Ethernet header on, without tag: it leaves by this
// port with the tag of the network. The buffer belongs to the worker afterwards. Returns whether
// there was room for it on its way; counts as originated by port 0.
struct rte_mbuf *worker_originate_alloc(struct dataplane *dp); // NULL: no buffer
bool worker_originate(struct dataplane *dp, struct rte_mbuf *m, uint16_t network, uint16_t port);
// Neighbours or next hops have changed: wakes the workers that hold packets for some.
void worker_wake_holders(struct dataplane *dp);

// Copies what the statistics say of a worker. Main thread; racy by nature, each value is whole.
void worker_stats(const struct worker *w, struct cw_worker_stats *stats);

#endif
