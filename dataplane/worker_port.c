/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "log.h"
#include "stages/hold.h"
#include "worker_private.h"

// Main thread: how ports come to workers and leave them, while the workers run.

#define DRAIN_TRIES 1000
#define DRAIN_PAUSE_US 10

static uint32_t next_generation = 1;

static struct port_counters *
counters_create(const struct worker *w)
{
	size_t size = sizeof(struct port_counters) + graph_n_drops() * sizeof(uint64_t);

	return rte_zmalloc_socket("port counters", size, RTE_CACHE_LINE_SIZE,
		w != NULL ? w->socket_id : SOCKET_ID_ANY);
}

int
worker_counters_ensure(struct worker *w, uint16_t port_id)
{
	if (w->counters[port_id] == NULL)
		w->counters[port_id] = counters_create(w);
	return w->counters[port_id] != NULL ? 0 : -ENOMEM;
}

// The ring from one worker to another, made when first needed.
static struct rte_ring *
inbox_of(struct worker *to, const struct worker *from)
{
	char name[RTE_RING_NAMESIZE];

	if (to->priv->inbox[from->id] != NULL)
		return to->priv->inbox[from->id];
	snprintf(name, sizeof(name), "handover-%u-%u", from->id, to->id);
	to->priv->inbox[from->id] =
		rte_ring_create(name, HANDOVER_RING, to->socket_id, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return to->priv->inbox[from->id];
}

// Queue i belongs to worker i; workers beyond the last queue hand over to worker id % queues. Ports
// that share a device share its queues in the same way.
static struct tx_batch *
batch_create(struct dataplane *dp, struct worker *w, struct port *device, uint16_t port_id)
{
	struct tx_batch *batch =
		rte_zmalloc_socket("tx batch", sizeof(*batch), RTE_CACHE_LINE_SIZE, w->socket_id);
	bool shared = (device->capabilities & PORT_TX_QUEUE_SHARED) != 0;

	if (batch == NULL)
		return NULL;
	batch->device = device;
	batch->port_id = port_id;
	batch->queue = (uint16_t)(w->id % device->n_tx);
	batch->owner = dp->workers[batch->queue];
	if (w->id >= device->n_tx && !shared) {
		batch->handover = inbox_of(batch->owner, w);
		if (batch->handover == NULL) {
			rte_free(batch);
			return NULL;
		}
	}
	batch->owns = batch->handover != NULL || !device->driver->tx_copies;
	return batch;
}

static void
free_batches(struct dataplane *dp, uint16_t port_id)
{
	for (uint16_t i = 0; i < dp->n_workers; i++) {
		rte_free(dp->workers[i]->tx[port_id]);
		dp->workers[i]->tx[port_id] = NULL;
	}
}

int
worker_subport_attach(struct dataplane *dp, uint16_t port_id, struct port *device)
{
	for (uint16_t i = 0; i < dp->n_workers; i++) {
		struct worker *w = dp->workers[i];

		w->tx[port_id] = batch_create(dp, w, device, port_id);
		if (w->tx[port_id] == NULL || worker_counters_ensure(w, port_id) != 0) {
			free_batches(dp, port_id);
			return -ENOMEM;
		}
	}
	return 0;
}

int
worker_port_attach(struct dataplane *dp, struct port *device)
{
	return worker_subport_attach(dp, device->id, device);
}

static struct worker *
least_loaded(struct dataplane *dp, int socket_id)
{
	struct worker *best = NULL;
	uint32_t best_load = UINT32_MAX;

	for (uint16_t i = 0; i < dp->n_workers; i++) {
		struct worker *w = dp->workers[i];
		const struct rxq_list *list = atomic_load(&w->priv->rxqs);
		bool far = socket_id != SOCKET_ID_ANY && w->socket_id != socket_id;
		uint32_t load = far ? 1u << 31 : 0;

		for (uint32_t slot = 0; slot < list->n_slots; slot++)
			load += list->by_slot[slot] != NULL;
		if (load < best_load) {
			best = w;
			best_load = load;
		}
	}
	return best;
}

static struct rxq_list *
list_copy(const struct rxq_list *old, uint32_t n_slots)
{
	size_t slots = n_slots * sizeof(struct rxq *);
	struct rxq_list *list = calloc(1, sizeof(*list) + 2 * slots);

	if (list == NULL)
		return NULL;
	memcpy(list->by_slot, old->by_slot, old->n_slots * sizeof(struct rxq *));
	list->n_pollable = old->n_pollable;
	list->n_slots = n_slots;
	list->active = list->by_slot + n_slots;
	list->generation = next_generation++;
	return list;
}

static void
publish(struct dataplane *dp, struct worker *w, struct rxq_list *list)
{
	struct rxq_list *old = atomic_exchange(&w->priv->rxqs, list);

	rcu_defer(dp, free, old);
	worker_wake(w);
}

static uint32_t
free_slot(const struct rxq_list *list)
{
	uint32_t slot = 0;

	while (slot < list->n_slots && list->by_slot[slot] != NULL)
		slot++;
	return slot;
}

static int
watch(struct worker *w, const struct rxq *q)
{
	struct epoll_event event = {
		.events = EPOLLIN | (q->edge ? EPOLLET : 0),
		.data.u64 = (uint64_t)q->generation << 32 | q->slot,
	};

	if (q->wake_fd < 0)
		return 0;
	return epoll_ctl(w->priv->epoll_fd, EPOLL_CTL_ADD, q->wake_fd, &event) == 0 ? 0 : -errno;
}

static int
add_queue(struct dataplane *dp, struct worker *w, struct port *device, uint16_t queue)
{
	const struct rxq_list *old = atomic_load(&w->priv->rxqs);
	uint32_t slot = free_slot(old);
	struct rxq_list *list = list_copy(old, RTE_MAX(old->n_slots, slot + 1));
	struct rxq *q = rte_zmalloc_socket("rxq", sizeof(*q), RTE_CACHE_LINE_SIZE, w->socket_id);
	int error;

	if (list == NULL || q == NULL) {
		free(list);
		rte_free(q);
		return -ENOMEM;
	}
	q->device = device;
	q->port_id = device->id;
	q->queue = queue;
	q->slot = slot;
	q->generation = list->generation;
	q->wake_fd = device->driver->wake_fd != NULL ? device->driver->wake_fd(device, queue) : -1;
	q->edge = q->wake_fd >= 0 && (device->capabilities & PORT_RX_EDGE) != 0;
	q->active = q->edge; // the first rounds find what arrived before we watched
	list->by_slot[slot] = q;
	list->n_pollable += q->wake_fd < 0;
	error = watch(w, q);
	if (error != 0) {
		free(list);
		rte_free(q);
		return error;
	}
	publish(dp, w, list);
	return 0;
}

static void
remove_slot(struct dataplane *dp, struct worker *w, uint32_t slot)
{
	const struct rxq_list *old = atomic_load(&w->priv->rxqs);
	struct rxq *q = old->by_slot[slot];
	struct rxq_list *list = NULL;

	if (q->wake_fd >= 0)
		epoll_ctl(w->priv->epoll_fd, EPOLL_CTL_DEL, q->wake_fd, NULL);
	while ((list = list_copy(old, old->n_slots)) == NULL)
		rcu_poll(dp); // a removal cannot fail: frees what it can and tries again
	list->by_slot[slot] = NULL;
	list->n_pollable -= q->wake_fd < 0;
	publish(dp, w, list);
	rcu_defer(dp, rte_free, q);
}

static void
remove_queues(struct dataplane *dp, uint16_t port_id)
{
	for (uint16_t i = 0; i < dp->n_workers; i++) {
		struct worker *w = dp->workers[i];

		for (uint32_t slot = 0; slot < atomic_load(&w->priv->rxqs)->n_slots; slot++) {
			struct rxq *q = atomic_load(&w->priv->rxqs)->by_slot[slot];

			if (q != NULL && q->port_id == port_id)
				remove_slot(dp, w, slot);
		}
	}
}

int
worker_port_rx(struct dataplane *dp, struct port *device)
{
	for (uint16_t queue = 0; queue < device->n_rx; queue++) {
		struct worker *w = least_loaded(dp, device->socket_id);
		int error = add_queue(dp, w, device, queue);

		if (error != 0) {
			remove_queues(dp, device->id);
			return error;
		}
	}
	return 0;
}

// What is in the ring now is taken out of it. Bounded: a worker that was stopped takes nothing.
static void
wait_for_ring(struct dataplane *dp, struct worker *to, const struct rte_ring *ring)
{
	const uint32_t last = __atomic_load_n(&ring->prod.tail, __ATOMIC_ACQUIRE);

	for (int tries = 0; tries < DRAIN_TRIES; tries++) {
		if ((int32_t)(last - __atomic_load_n(&ring->cons.tail, __ATOMIC_ACQUIRE)) <= 0)
			return;
		worker_wake(to);
		rcu_wait(dp);
		rte_delay_us_sleep(DRAIN_PAUSE_US);
	}
}

void
worker_drain_handovers(struct dataplane *dp)
{
	for (uint16_t to = 0; to < dp->n_workers; to++)
		for (uint16_t from = 0; from < dp->n_workers; from++) {
			const struct rte_ring *ring = dp->workers[to]->priv->inbox[from];

			if (ring != NULL)
				wait_for_ring(dp, dp->workers[to], ring);
		}
	if (dp->n_workers > 1)
		rcu_wait(dp); // and sent
}

// Its packets that wait for a neighbour are dropped. Bounded, as above.
static void
drop_held(struct dataplane *dp, uint16_t port_id)
{
	dp_note_change(dp); // has the workers look at what they hold
	for (uint16_t i = 0; i < dp->n_workers; i++) {
		struct worker *w = dp->workers[i];
		const struct port_counters *counters = w->counters[port_id];

		for (int tries = 0; counters != NULL && tries < DRAIN_TRIES; tries++) {
			if (__atomic_load_n(&counters->held, __ATOMIC_RELAXED) == 0)
				break;
			worker_wake(w);
			rcu_wait(dp);
			rte_delay_us_sleep(DRAIN_PAUSE_US);
		}
	}
}

void
worker_port_detach(struct dataplane *dp, uint16_t port_id)
{
	struct tx_batch *batches[CW_MAX_WORKERS];

	remove_queues(dp, port_id);
	rcu_wait(dp); // nobody receives from it or batches for it any more
	drop_held(dp, port_id);
	worker_drain_handovers(dp);
	for (uint16_t i = 0; i < dp->n_workers; i++) {
		batches[i] = dp->workers[i]->tx[port_id];
		dp->workers[i]->tx[port_id] = NULL;
	}
	rcu_wait(dp);
	for (uint16_t i = 0; i < dp->n_workers; i++)
		rte_free(batches[i]);
}

void
worker_wake_holders(struct dataplane *dp)
{
	for (uint16_t i = 0; i < dp->n_workers; i++)
		if (hold_is_busy(dp->workers[i]->hold))
			worker_wake(dp->workers[i]);
}

void
worker_port_forget(struct dataplane *dp, uint16_t port_id)
{
	for (uint16_t i = 0; i < dp->n_workers; i++) {
		struct port_counters *counters = dp->workers[i]->counters[port_id];

		dp->workers[i]->counters[port_id] = NULL;
		if (counters != NULL)
			rcu_defer(dp, rte_free, counters);
	}
}

uint64_t
worker_port_workers(const struct dataplane *dp, uint16_t port_id)
{
	uint64_t mask = 0;

	for (uint16_t i = 0; i < dp->n_workers; i++) {
		const struct rxq_list *list = atomic_load(&dp->workers[i]->priv->rxqs);

		for (uint32_t slot = 0; slot < list->n_slots; slot++)
			if (list->by_slot[slot] != NULL && list->by_slot[slot]->port_id == port_id)
				mask |= UINT64_C(1) << i;
	}
	return mask;
}
