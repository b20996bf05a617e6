/* SPDX-License-Identifier: Apache-2.0 */
#include "memif_ring.h"

#include <sched.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <rte_memcpy.h>
#include <rte_pause.h>
#include <rte_prefetch.h>

#include "kick.h"
#include "memif_ring_private.h"

#define SHARED_TRIES 256 // for a burst of another worker to end: a few microseconds

static uint16_t
load_flags(const struct memif_shared_ring *shared)
{
	return __atomic_load_n(&shared->flags, __ATOMIC_RELAXED);
}

static void
store_flags(struct memif_shared_ring *shared, uint16_t flags)
{
	__atomic_store_n(&shared->flags, flags, __ATOMIC_RELAXED);
}

void
memif_ring_break(struct memif_queue *queue, const char *why)
{
	uint64_t one = 1;

	queue->is_running = false;
	atomic_store(&queue->broken, why);
	if (queue->ring.control_fd >= 0 && write(queue->ring.control_fd, &one, sizeof(one)) < 0)
		return; // the control thread is awake already
}

const char *
memif_queue_broken(const struct memif_queue *queue)
{
	return atomic_load(&queue->broken);
}

// A worker holds the lock for one burst; it may have lost its CPU meanwhile.
static void
lock(struct memif_queue *queue)
{
	while (!rte_spinlock_trylock(&queue->lock))
		sched_yield();
}

bool
memif_queue_start(struct memif_queue *queue, const struct memif_ring_config *config, bool is_rx)
{
	struct memif_shared_ring *shared = config->shared;
	bool is_ring = __atomic_load_n(&shared->cookie, __ATOMIC_RELAXED) == MEMIF_COOKIE;

	lock(queue);
	queue->ring = *config;
	queue->position = 0;
	queue->posted = 0;
	queue->is_armed = is_rx;
	queue->is_running = is_ring;
	atomic_store(&queue->broken, NULL);
	if (is_ring && !config->is_slave)
		memif_store_index(&shared->tail, 0);
	if (is_ring && is_rx)
		store_flags(shared, 0);
	if (is_ring && is_rx && config->is_slave)
		memif_ring_post(queue, (uint16_t)(1u << config->log2_size));
	rte_spinlock_unlock(&queue->lock);
	return is_ring;
}

void
memif_queue_stop(struct memif_queue *queue)
{
	lock(queue);
	queue->is_running = false;
	atomic_store(&queue->broken, NULL);
	rte_spinlock_unlock(&queue->lock);
}

// Frames came: no interrupts until the next arm. RWF_NOWAIT, because the peer may have made the
// eventfd a blocking one.
static void
disarm(struct memif_queue *queue)
{
	uint64_t count = 0;
	struct iovec iov = {&count, sizeof(count)};

	queue->is_armed = false;
	store_flags(queue->ring.shared, MEMIF_MASK_INT);
	if (queue->ring.interrupt_fd >= 0
		&& preadv2(queue->ring.interrupt_fd, &iov, 1, -1, RWF_NOWAIT)
			   == (ssize_t)sizeof(count))
		counter_add(&queue->counters.kicks, count);
}

bool
memif_queue_arm(struct memif_queue *queue)
{
	bool waiting = false;

	if (!rte_spinlock_trylock(&queue->lock))
		return false;
	if (queue->is_running) {
		queue->is_armed = true;
		store_flags(queue->ring.shared, 0);
		// The flag must be seen before we look: see kick_peer().
		atomic_thread_fence(memory_order_seq_cst);
		waiting = memif_ring_waiting(queue);
	}
	rte_spinlock_unlock(&queue->lock);
	return waiting;
}

// The index must be seen before we look whether the receiver sleeps.
static void
kick_peer(struct memif_queue *queue)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (likely((load_flags(queue->ring.shared) & MEMIF_MASK_INT) != 0)
		|| queue->ring.interrupt_fd < 0)
		return;
	counter_add(&queue->counters.kicks, 1);
	if (unlikely(!kick(queue->ring.interrupt_fd)))
		memif_ring_break(queue, "its interrupt descriptor made a worker wait");
}

uint16_t
memif_queue_rx(struct memif_queue *queue, const struct buffer_pools *pools, struct rte_mbuf **pkts,
	uint16_t n)
{
	uint16_t received = 0;
	uint64_t bytes = 0;

	if (unlikely(!rte_spinlock_trylock(&queue->lock)))
		return 0;
	if (likely(queue->is_running))
		received = memif_ring_receive(queue, pools, pkts, n, &bytes);
	if (received > 0) {
		if (queue->is_armed)
			disarm(queue);
		counter_add(&queue->counters.packets, received);
		counter_add(&queue->counters.bytes, bytes);
	}
	rte_spinlock_unlock(&queue->lock);
	return received;
}

static bool
lock_for_tx(struct memif_queue *queue, bool shared)
{
	unsigned int tries = shared ? SHARED_TRIES : 1;

	while (!rte_spinlock_trylock(&queue->lock)) {
		if (--tries == 0)
			return false;
		rte_pause();
	}
	return true;
}

uint16_t
memif_queue_tx(struct memif_queue *queue, struct rte_mbuf **pkts, uint16_t n, bool shared,
	enum port_tx_stop *stop)
{
	uint16_t sent = 0;
	uint64_t bytes = 0;

	*stop = PORT_TX_FULL;
	if (unlikely(!lock_for_tx(queue, shared)))
		return 0;
	if (likely(queue->is_running))
		sent = memif_ring_send(queue, pkts, n, stop, &bytes);
	else
		*stop = PORT_TX_DOWN;
	if (likely(sent > 0)) {
		kick_peer(queue);
		counter_add(&queue->counters.packets, sent);
		counter_add(&queue->counters.bytes, bytes);
	}
	if (unlikely(sent < n && *stop == PORT_TX_FULL))
		counter_add(&queue->counters.full, 1);
	rte_spinlock_unlock(&queue->lock);
	buffer_free_bulk(pkts, sent);
	return sent;
}
