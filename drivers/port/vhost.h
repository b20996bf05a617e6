/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_VHOST_H
#define DRIVERS_PORT_VHOST_H

// Kind vhost-user, within its own files: vhost.c the driver, vhost_device.c what librte_vhost tells
// of connections and queues, vhost_librte.c the data path by librte_vhost's own functions.
//
// Threads: "control" is whichever thread librte_vhost calls back on: its event thread, its
// reconnect thread, or the main thread within open and close. Control and main thread share what
// stands behind the mutex; workers never take it. A worker takes a queue's spinlock for the length
// of a burst, by trylock; control takes it to start and stop the queue.

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_spinlock.h>

#include "buffer.h"
#include "port.h"
#include "vhost_arguments.h"

#define VHOST_NO_QUEUE UINT16_MAX
#define VHOST_REASON_LEN 160

struct vhost;

// One virtqueue: 2n receives in the guest, 2n + 1 transmits.
struct vhost_queue {
	rte_spinlock_t lock;
	_Atomic bool running; // writer: control
	bool ready; // control: librte_vhost has seen it set up and enabled
	uint16_t index;
	// Writer: the worker that uses the queue.
	_Atomic uint64_t packets, bytes, full, calls, refused;
} __rte_cache_aligned;

// How frames move. start and stop are called by control, rx and tx by workers with the lock.
struct vhost_rings {
	const char *name;
	void (*start)(struct vhost *v, struct vhost_queue *q);
	void (*stop)(struct vhost *v, struct vhost_queue *q);
	uint16_t (*rx)(struct vhost *v, struct vhost_queue *q, struct rte_mbuf **pkts, uint16_t n);
	uint16_t (*tx)(struct vhost *v, struct vhost_queue *q, struct rte_mbuf **pkts, uint16_t n,
		enum port_tx_stop *stop);
};
extern const struct vhost_rings vhost_librte_rings;

struct vhost {
	struct port *port;
	struct vhost *next; // registry of vhost_device.c
	const struct vhost_rings *rings;
	struct vhost_arguments arguments;
	struct buffer_pools pools;
	uint32_t own_capabilities; // those that no guest negotiates
	int event_fd;
	uint16_t n_pairs;
	// Where worker queue i sends: a running virtqueue, or VHOST_NO_QUEUE. Writer: control.
	_Atomic uint16_t tx_map[CW_MAX_QUEUES];
	// Written by control while no queue runs, read by workers that use one.
	int vid;
	uint64_t features;

	pthread_mutex_t mutex; // from here to the queues
	bool connected; // a peer is there
	bool device; // its driver is ready (librte_vhost: new_device)
	uint32_t connects;
	uint16_t peer_mtu;

	struct vhost_queue queues[]; // 2 * n_pairs
};

// Main thread. Tells librte_vhost of the port and starts to listen or to connect. Returns 0, or
// -errno and a sentence.
int vhost_device_register(struct vhost *v, char *reason, size_t reason_len);
// Ends the connection; no callback runs for v afterwards.
void vhost_device_unregister(struct vhost *v);

static inline uint16_t
vhost_n_queues(const struct vhost *v)
{
	return (uint16_t)(2 * v->n_pairs);
}

#endif
