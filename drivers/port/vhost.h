/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_VHOST_H
#define DRIVERS_PORT_VHOST_H

// Kind vhost-user, within its own files: vhost.c the driver, vhost_device.c what librte_vhost tells
// of connections and queues, vhost_message.c a look at the peer's messages before and after it,
// vhost_memory.c the guest's memory, vhost_queue.c which queues run, vhost_own.c the data path by
// virtqueue.h, vhost_librte.c the one by librte_vhost's own functions, vhost_waiting.c what the
// latter could not send yet.
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
#include "virtqueue.h"

#define VHOST_NO_QUEUE UINT16_MAX
#define VHOST_REASON_LEN 128

struct vhost;
struct vhost_waiting;

// One virtqueue: 2n receives in the guest, 2n + 1 transmits.
struct vhost_queue {
	rte_spinlock_t lock;
	_Atomic bool running; // writer: control
	bool armed; // worker: the guest was asked for a kick
	bool told; // worker: that the queue is broken
	bool lends; // worker: frames of the last burst hold lent segments
	bool ready; // control: librte_vhost has seen it set up and enabled
	bool held; // control: a message that changes it is under way
	uint16_t index;
	int wake_fd; // epoll set of the port's wake_event and of the guest's kick_fd; or -1
	int kick_fd, call_fd; // duplicates of the guest's while running, or -1
	struct virtqueue *vq; // NULL before the first start
	uint16_t vq_size; // that it has room for
	int vq_node;
	struct vhost_waiting *waiting; // receive queue behind a vIOMMU, else NULL
	// Writer: the worker that uses the queue. vq counts for itself.
	_Atomic uint64_t packets, bytes, full, calls, refused, kicks;
	_Atomic uint64_t lost; // waited in vain. Writer: whoever has the lock
} __rte_cache_aligned;

// How frames move. start and stop are called by control with the mutex, rx, tx and arm by workers
// with the queue's lock.
struct vhost_rings {
	const char *name;
	bool own; // stopped before librte_vhost changes what they use
	// 0, -EAGAIN (not set up yet), or another -errno and a sentence.
	int (*start)(struct vhost *v, struct vhost_queue *q, char *reason, size_t reason_len);
	void (*stop)(struct vhost *v, struct vhost_queue *q);
	uint16_t (*rx)(struct vhost *v, struct vhost_queue *q, struct rte_mbuf **pkts, uint16_t n);
	uint16_t (*tx)(struct vhost *v, struct vhost_queue *q, struct rte_mbuf **pkts, uint16_t n,
		enum port_tx_stop *stop);
	bool (*arm)(struct vhost *v, struct vhost_queue *q); // as port_driver.rx_arm
};
extern const struct vhost_rings vhost_own_rings, vhost_librte_rings;

struct vhost {
	struct port *port;
	struct vhost *next; // registry of vhost_device.c
	const struct vhost_rings *rings;
	struct vhost_arguments arguments;
	struct buffer_pools pools;
	uint32_t own_capabilities; // those that no guest negotiates
	int event_fd;
	int wake_event; // wakes the workers of all queues
	uint16_t n_pairs;
	// Where worker queue i sends: a running virtqueue, or VHOST_NO_QUEUE. Writer: control.
	_Atomic uint16_t tx_map[CW_MAX_QUEUES];
	// Written by control while no queue runs, read by workers that use one.
	int vid;
	uint64_t features;
	struct virtqueue_memory memory;

	pthread_mutex_t mutex; // from here to the queues
	bool connected; // a peer is there
	bool device; // its driver is ready (librte_vhost: new_device)
	bool memory_valid; // what librte_vhost has mapped is in memory
	void *guarded[VIRTQUEUE_REGIONS_MAX]; // mapping of region i, or NULL; see guarded_memory.h
	_Atomic bool memory_lost; // the peer took some of it back. Writer: any thread
	char broken[VHOST_REASON_LEN]; // why no queue runs although the peer wants it, or empty
	uint32_t connects;
	uint16_t peer_mtu;
	int node; // of the guest's memory, or -1

	struct vhost_queue queues[]; // 2 * n_pairs
};

// vhost_device.c. Main thread. Tells librte_vhost of the port and starts to listen or to connect.
// Returns 0, or -errno and a sentence.
int vhost_device_register(struct vhost *v, char *reason, size_t reason_len);
// Ends the connection; no callback runs for v afterwards.
void vhost_device_unregister(struct vhost *v);
// The port of a connection, or NULL.
struct vhost *vhost_device_find(int vid);

// vhost_message.c. Control, for a new connection.
void vhost_message_watch(struct vhost *v);

// vhost_queue.c. Starts and stops queues as the state of the peer wants it. The mutex is held; a
// queue that was stopped may still be used by a worker, until vhost_queues_drain.
void vhost_queues_settle(struct vhost *v);
void vhost_queues_drain(struct vhost *v);
// The mutex is held. Stops all queues when the guest has broken one of them.
void vhost_queues_check(struct vhost *v);
// The mutex is held, reading only. Queue pairs of which both run.
uint16_t vhost_queues_enabled(const struct vhost *v);
// The event_fd becomes readable. Any thread.
void vhost_tell_main(struct vhost *v);

// vhost_memory.c. The mutex is held. Takes over and guards what librte_vhost has mapped; queues
// with own rings are stopped.
void vhost_memory_read(struct vhost *v);
// Nobody uses the memory any more.
void vhost_memory_forget(struct vhost *v);

// vhost_waiting.c. Frames that wait for the translation of a buffer's address. By whoever has the
// queue's lock; open and close by the main thread alone. 0 or -ENOMEM.
int vhost_waiting_open(struct vhost_queue *q, int socket_id);
void vhost_waiting_close(struct vhost_queue *q);
void vhost_waiting_clear(struct vhost_queue *q);
// Takes over up to n frames; returns how many there was room for.
uint16_t vhost_waiting_keep(struct vhost_queue *q, struct rte_mbuf **pkts, uint16_t n);
// Returns how many frames the guest took; they are freed.
typedef uint16_t vhost_waiting_send(
	struct vhost *v, struct vhost_queue *q, struct rte_mbuf **pkts, uint16_t n);
// Returns true when none waits any more.
bool vhost_waiting_flush(struct vhost_queue *q, vhost_waiting_send *send, struct vhost *v);

static inline uint16_t
vhost_n_queues(const struct vhost *v)
{
	return (uint16_t)(2 * v->n_pairs);
}

#endif
