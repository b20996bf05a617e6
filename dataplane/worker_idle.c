/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "stages/hold.h"
#include "worker_private.h"

// How a worker finds out that a queue has frames without polling it, and how it sleeps. A queue of
// a driver with PORT_RX_EDGE is polled only while it gives frames; its descriptor, edge-triggered
// in the worker's epoll set, brings it back. A thousand idle taps cost nothing.

#define EVENTS 64
#define EPOLL_EVERY_US 20 // while busy, look for newly readable queues this often
#define EPOLL_COST 50 // but spend no more than one part in so many on looking,
#define EPOLL_MAX_US 100 // unless nobody would look for longer than this
#define SLEEP_MAX_MS 1000
#define HOLD_LOOK_MS 50 // while packets wait for a neighbour, whose time may run out
#define NAP_MIN_US 10
#define NAP_MAX_US 50 // while a queue can only be polled: it must be seen within 100 us

// Events name a slot and its generation, because the queue may have gone since the event was
// raised.
static void
activate(struct worker *w, uint64_t tag)
{
	struct worker_private *priv = w->priv;
	const struct rxq_list *list = atomic_load_explicit(&priv->rxqs, memory_order_acquire);
	uint32_t slot = (uint32_t)tag, generation = (uint32_t)(tag >> 32);
	struct rxq *q;

	if (slot >= list->n_slots)
		return;
	q = list->by_slot[slot];
	if (q == NULL || q->generation != generation || q->active || !q->edge)
		return;
	q->active = true;
	q->empty_rounds = 0;
	q->last_tsc = priv->round_tsc;
	// A list that came meanwhile is taken over, q included, at the start of the next round.
	if (list->generation == priv->seen_generation)
		priv->active[priv->n_active++] = q;
}

static void
handle_events(struct worker *w, const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++) {
		uint64_t count;

		if (events[i].data.u64 != UINT64_MAX)
			activate(w, events[i].data.u64);
		else if (read(w->priv->event_fd, &count, sizeof(count)) < 0)
			continue; // somebody else's wake-up was taken before
	}
}

void
worker_check_ready(struct worker *w)
{
	struct worker_private *priv = w->priv;
	struct epoll_event events[EVENTS];
	uint64_t start = rte_rdtsc(), end;
	int n = epoll_wait(priv->epoll_fd, events, EVENTS, 0);

	end = rte_rdtsc();
	priv->next_epoll_tsc =
		end
		+ RTE_MAX(EPOLL_EVERY_US * priv->tsc_per_us,
			RTE_MIN(EPOLL_COST * (end - start), EPOLL_MAX_US * priv->tsc_per_us));
	handle_events(w, events, n);
}

// Queues that can only be polled, or a ring with frames in it, forbid a long sleep.
static bool
inbox_waiting(const struct worker *w)
{
	for (uint16_t i = 0; i < w->dp->n_workers; i++)
		if (w->priv->inbox[i] != NULL && !rte_ring_empty(w->priv->inbox[i]))
			return true;
	return w->priv->originated != NULL && !rte_ring_empty(w->priv->originated);
}

static bool
frames_waiting(const struct worker_private *priv)
{
	for (uint32_t i = 0; i < priv->n_active; i++) {
		struct rxq *q = priv->active[i];

		if (q->device->driver->rx_arm != NULL
			&& q->device->driver->rx_arm(q->device, q->queue))
			return true;
	}
	return false;
}

static struct timespec
sleep_time(struct worker *w, const struct rxq_list *list)
{
	struct worker_private *priv = w->priv;

	if (list->n_pollable == 0 && hold_is_busy(w->hold))
		return (struct timespec){.tv_nsec = HOLD_LOOK_MS * 1000000};
	if (list->n_pollable == 0)
		return (struct timespec){.tv_sec = SLEEP_MAX_MS / 1000};
	priv->nap_us = priv->nap_us == 0 ? NAP_MIN_US : RTE_MIN(priv->nap_us * 2, NAP_MAX_US);
	return (struct timespec){.tv_nsec = (long)priv->nap_us * 1000};
}

void
worker_sleep(struct worker *w)
{
	struct worker_private *priv = w->priv;
	const struct rxq_list *list = atomic_load_explicit(&priv->rxqs, memory_order_acquire);
	struct epoll_event events[EVENTS];
	struct timespec timeout;
	uint64_t start = rte_rdtsc();
	int n = 0;

	if (list->generation != priv->seen_generation || frames_waiting(priv))
		return;
	timeout = sleep_time(w, list);
	atomic_store(&priv->sleeping, true); // before the last look: see flush_handover
	rte_rcu_qsbr_thread_offline(w->dp->qsbr, w->id);
	if (!inbox_waiting(w) && !atomic_load(&priv->stop))
		n = epoll_pwait2(priv->epoll_fd, events, EVENTS, &timeout, NULL);
	rte_rcu_qsbr_thread_online(w->dp->qsbr, w->id);
	atomic_store(&priv->sleeping, false);
	priv->stats.sleeps++;
	priv->round_tsc = rte_rdtsc();
	priv->stats.sleep_cycles += priv->round_tsc - start;
	worker_refresh_active(w);
	if (n > 0) {
		handle_events(w, events, n);
		priv->nap_us = 0;
		priv->idle_since_tsc = priv->round_tsc;
	}
}
