/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "stages/hold.h"
#include "stages/route_cache.h"
#include "trace.h"
#include "worker_private.h"

#define SPIN_US 100 // poll this long after the last packet before sleeping
// An edge queue is polled so many empty rounds and so long after its last frame before it is left
// to its descriptor: a sender that is a little slower than we are need not wake us for each frame.
#define EMPTY_ROUNDS_ACTIVE 8
#define ACTIVE_US 100

void
worker_refresh_active(struct worker *w)
{
	struct worker_private *priv = w->priv;
	const struct rxq_list *list = atomic_load_explicit(&priv->rxqs, memory_order_acquire);

	if (likely(list->generation == priv->seen_generation))
		return;
	priv->seen_generation = list->generation;
	priv->active = list->active;
	priv->n_active = 0;
	priv->n_queues = 0;
	for (uint32_t i = 0; i < list->n_slots; i++) {
		struct rxq *q = list->by_slot[i];

		priv->n_queues += q != NULL;
		if (q != NULL && (q->active || !q->edge))
			priv->active[priv->n_active++] = q;
	}
}

static inline unsigned int
bucket_of(uint16_t n)
{
	if (n >= WORKER_BURST)
		return CW_BURST_BUCKETS - 1;
	return n <= 1 ? 0 : 32 - (unsigned int)__builtin_clz((unsigned int)n - 1);
}

static void
deactivate(struct worker_private *priv, uint32_t index)
{
	priv->active[index]->active = false;
	priv->active[index] = priv->active[--priv->n_active];
}

// An empty rx may also mean that no mbuf was left; no edge would bring such a queue back.
static bool
rx_waiting(const struct rxq *q)
{
	return q->device->driver->rx_arm != NULL && q->device->driver->rx_arm(q->device, q->queue);
}

// Whether an edge queue that gave nothing now is to be left to its descriptor.
static bool
has_rested(const struct worker *w, struct rxq *q)
{
	return ++q->empty_rounds >= EMPTY_ROUNDS_ACTIVE
	       && w->now_tsc - q->last_tsc > ACTIVE_US * w->priv->tsc_per_us && !rx_waiting(q);
}

static uint16_t
poll_queues(struct worker *w)
{
	struct worker_private *priv = w->priv;
	struct rte_mbuf *pkts[WORKER_BURST];
	uint16_t total = 0;

	for (uint32_t i = 0; i < priv->n_active;) {
		struct rxq *q = priv->active[i];
		uint16_t n = port_rx(q->device, q->queue, pkts, priv->burst);

		if (n == 0) {
			if (q->edge && has_rested(w, q))
				deactivate(priv, i);
			else
				i++;
			continue;
		}
		q->empty_rounds = 0;
		q->last_tsc = w->now_tsc;
		priv->stats.bursts[bucket_of(n)]++;
		if (q->device->driver->lends != NULL)
			priv->borrows |= q->device->driver->lends(q->device, q->queue);
		worker_rx(w, q->port_id, pkts, n);
		total = (uint16_t)(total + n);
		i++;
	}
	return total;
}

// The clock is read once a round: where one ends, the next begins.
static void
account(struct worker *w, uint16_t packets)
{
	struct worker_private *priv = w->priv;
	uint64_t now = rte_rdtsc(), cycles = now - w->now_tsc;

	priv->round_tsc = now;
	priv->stats.rounds++;
	if (packets > 0) {
		priv->stats.busy_rounds++;
		priv->stats.packets += packets;
		priv->stats.busy_cycles += cycles;
		priv->idle_since_tsc = now;
		priv->nap_us = 0;
	} else {
		priv->stats.idle_cycles += cycles;
	}
}

static void
one_round(struct worker *w)
{
	struct worker_private *priv = w->priv;
	uint16_t packets = 0;

	w->now_tsc = priv->round_tsc;
	if (unlikely(w->now_tsc - priv->second_tsc >= priv->tsc_per_us * 1000000)) {
		w->now_s =
			(uint32_t)((w->now_tsc - priv->start_tsc) / (priv->tsc_per_us * 1000000));
		priv->second_tsc = priv->start_tsc + w->now_s * priv->tsc_per_us * 1000000;
	}
	worker_refresh_active(w);
	// Queues that are polled anyway need no looking after.
	if (priv->n_active == 0
		|| (priv->n_active < priv->n_queues
			&& (int64_t)(w->now_tsc - priv->next_epoll_tsc) > 0))
		worker_check_ready(w);
	if (unlikely(hold_is_busy(w->hold))) // they came before what is received now
		packets = hold_poll(w);
	if (priv->originated != NULL && unlikely(!rte_ring_empty(priv->originated)))
		packets = (uint16_t)(packets + worker_take_originated(w));
	packets = (uint16_t)(packets + poll_queues(w));
	if (w->dp->n_workers > 1)
		packets = (uint16_t)(packets + worker_take_handovers(w));
	worker_flush(w);
	priv->borrows = false;
	account(w, packets);
	rte_rcu_qsbr_quiescent(w->dp->qsbr, w->id);
}

int
worker_main(void *arg)
{
	struct worker *w = arg;
	struct worker_private *priv = w->priv;
	uint64_t spin = SPIN_US * priv->tsc_per_us;

	rte_rcu_qsbr_thread_register(w->dp->qsbr, w->id);
	rte_rcu_qsbr_thread_online(w->dp->qsbr, w->id);
	priv->round_tsc = rte_rdtsc();
	priv->idle_since_tsc = priv->round_tsc;
	while (!atomic_load_explicit(&priv->stop, memory_order_relaxed)) {
		one_round(w);
		if (!priv->poll && priv->round_tsc - priv->idle_since_tsc > spin)
			worker_sleep(w);
	}
	rte_rcu_qsbr_thread_offline(w->dp->qsbr, w->id);
	rte_rcu_qsbr_thread_unregister(w->dp->qsbr, w->id);
	return 0;
}

void
worker_stop(struct worker *w)
{
	atomic_store(&w->priv->stop, true);
	worker_wake(w);
}

void
worker_wake(struct worker *w)
{
	uint64_t one = 1;

	if (write(w->priv->event_fd, &one, sizeof(one)) < 0)
		return; // EAGAIN: it is awake already
}

static int
open_wakeups(struct worker_private *priv)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = UINT64_MAX};

	priv->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	priv->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (priv->epoll_fd < 0 || priv->event_fd < 0
		|| epoll_ctl(priv->epoll_fd, EPOLL_CTL_ADD, priv->event_fd, &event) != 0)
		return -errno;
	return 0;
}

static struct worker_private *
private_create(const struct worker_config *config)
{
	struct worker_private *priv =
		rte_zmalloc_socket("worker", sizeof(*priv), RTE_CACHE_LINE_SIZE, config->socket_id);
	struct rxq_list *empty = calloc(1, sizeof(*empty));

	if (priv == NULL || empty == NULL || open_wakeups(priv) != 0) {
		free(empty);
		rte_free(priv);
		return NULL;
	}
	atomic_store(&priv->rxqs, empty);
	priv->poll = config->poll;
	priv->burst = config->burst == 0 ? WORKER_BURST : config->burst;
	priv->tsc_per_us = RTE_MAX(rte_get_tsc_hz() / 1000000, UINT64_C(1));
	priv->start_tsc = rte_rdtsc();
	priv->second_tsc = priv->start_tsc;
	priv->round_tsc = priv->start_tsc;
	return priv;
}

struct worker *
worker_create(struct dataplane *dp, uint16_t id, const struct worker_config *config,
	struct rte_mempool *mbufs, struct rte_mempool *jumbos)
{
	struct worker *w =
		rte_zmalloc_socket("worker", sizeof(*w), RTE_CACHE_LINE_SIZE, config->socket_id);

	if (w == NULL)
		return NULL;
	w->id = id;
	w->dp = dp;
	w->core = config->core;
	w->socket_id = config->socket_id;
	w->mbufs = mbufs;
	w->jumbos = jumbos;
	w->entry = graph_entry(false);
	w->entry_uplink = graph_entry(true);
	w->express = worker_express_is_open();
	w->outer_id = (uint16_t)(id << 13); // other than other workers' for a while
	w->now_tsc = rte_rdtsc();
	w->counters = calloc(CW_MAX_PORTS, sizeof(*w->counters));
	w->tx = calloc(CW_MAX_PORTS, sizeof(*w->tx));
	w->priv = private_create(config);
	w->routes = route_cache_create(config->socket_id);
	w->hold = hold_create(config->socket_id);
	w->trace = trace_records_create(config->socket_id);
	// Port 0 is the switch itself.
	if (w->counters == NULL || w->tx == NULL || w->priv == NULL || w->trace == NULL
		|| w->routes == NULL || w->hold == NULL || worker_originate_create(w) != 0
		|| worker_counters_ensure(w, 0) != 0) {
		worker_free(w);
		return NULL;
	}
	return w;
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	if (w->priv != NULL) {
		close(w->priv->epoll_fd);
		close(w->priv->event_fd);
		free(atomic_load(&w->priv->rxqs));
		for (uint16_t i = 0; i < CW_MAX_WORKERS; i++)
			rte_ring_free(w->priv->inbox[i]);
		rte_ring_free(w->priv->originated);
		rte_free(w->priv);
	}
	trace_records_free(w->trace);
	route_cache_free(w->routes);
	hold_free(w->hold);
	for (uint32_t i = 0; w->counters != NULL && i < CW_MAX_PORTS; i++)
		rte_free(w->counters[i]);
	free(w->counters);
	free(w->tx);
	rte_free(w);
}

void
worker_stats(const struct worker *w, struct cw_worker_stats *stats)
{
	const struct worker_private *priv = w->priv;

	memset(stats, 0, sizeof(*stats));
	stats->worker = w->id;
	stats->core = w->core;
	stats->tsc_hz = rte_get_tsc_hz();
	stats->busy_cycles = priv->stats.busy_cycles;
	stats->idle_cycles = priv->stats.idle_cycles;
	stats->sleep_cycles = priv->stats.sleep_cycles;
	stats->rounds = priv->stats.rounds;
	stats->busy_rounds = priv->stats.busy_rounds;
	stats->sleeps = priv->stats.sleeps;
	stats->packets = priv->stats.packets;
	memcpy(stats->bursts, priv->stats.bursts, sizeof(stats->bursts));
}
