/* SPDX-License-Identifier: Apache-2.0 */
#include <rte_prefetch.h>

#include "candidate.h"
#include "events.h"
#include "trace.h"
#include "worker_private.h"

// Stage runs that one burst may cause. The longest natural way is the number of stages twice over
// (a packet and the error about it), times the drains of a flood; beyond this something goes in
// circles.
#define GRAPH_MAX_RUNS 4096

void
packet_drop(struct worker *w, uint16_t slot, uint16_t reason)
{
	struct rte_mbuf *m = w->mbuf[slot];
	struct packet_ctx *ctx = &w->ctx[slot];

	w->counters[ctx->in_port]->drops[reason]++;
	if (unlikely((ctx->flags & PACKET_TRACED) != 0))
		trace_drop(w, slot, reason);
	packet_expose(m);
	rte_pktmbuf_free(m);
	w->mbuf[slot] = NULL;
}

uint16_t
packet_new(struct worker *w, uint16_t cause, struct rte_mbuf *m)
{
	struct packet_ctx *ctx;
	uint16_t slot;

	if (w->n_slots == WORKER_SLOTS)
		return WORKER_NO_SLOT;
	slot = w->n_slots++;
	ctx = &w->ctx[slot];
	memset(ctx, 0, sizeof(*ctx));
	ctx->in_port = w->ctx[cause].in_port;
	ctx->network = w->ctx[cause].network;
	m->port = ctx->in_port;
	w->mbuf[slot] = m;
	if (unlikely((w->ctx[cause].flags & PACKET_TRACED) != 0))
		trace_copy(w, cause, slot);
	return slot;
}

static void
drop_all_pending(struct worker *w)
{
	while (w->pending != 0) {
		struct stage_vector *v = &w->vector[__builtin_ctzll(w->pending)];

		w->pending &= w->pending - 1;
		for (uint16_t i = 0; i < v->n; i++)
			packet_drop(w, v->slot[i], worker_drop_loop());
		v->n = 0;
	}
}

void
worker_run_first(struct worker *w, uint64_t mask)
{
	uint8_t id = (uint8_t)__builtin_ctzll(w->pending & mask);
	struct stage_vector *v = &w->vector[id];
	uint16_t n = v->n;

	w->pending &= ~(UINT64_C(1) << id);
	v->n = 0;
	if (unlikely(w->trace->n_busy != 0))
		trace_stage(w, id, v->slot, n);
	w->stages[id].packets += n;
	w->stages[id].bursts++;
	graph_stage(id)->run(w, v->slot, n);
}

static void
run_pending(struct worker *w, uint64_t mask)
{
	for (int runs = 0; (w->pending & mask) != 0; runs++) {
		if (unlikely(runs == GRAPH_MAX_RUNS)) {
			drop_all_pending(w);
			return;
		}
		worker_run_first(w, mask);
	}
}

void
worker_drain(struct worker *w, const struct stage *stage, uint16_t mark)
{
	uint64_t later = ~((UINT64_C(2) << stage->id) - 1);
	uint16_t highest = mark;

	run_pending(w, later);
	// Answers that wait for earlier stages keep their slots.
	for (uint64_t left = w->pending; left != 0; left &= left - 1) {
		const struct stage_vector *v = &w->vector[__builtin_ctzll(left)];

		for (uint16_t i = 0; i < v->n; i++)
			highest = (uint16_t)RTE_MAX(highest, v->slot[i] + 1);
	}
	w->n_slots = highest;
}

void
worker_run(struct worker *w)
{
	run_pending(w, UINT64_MAX);
	w->n_slots = 0;
	if (unlikely(w->trace->n_busy != 0))
		trace_round_end(w);
}

// The first stage gets the whole burst.
static void
enter_graph(struct worker *w, uint8_t entry, uint16_t n)
{
	struct stage_vector *v = &w->vector[entry];

	for (uint16_t i = 0; i < n; i++)
		v->slot[i] = i;
	v->n = n;
	w->n_slots = n;
	w->pending = UINT64_C(1) << entry;
}

uint8_t
worker_enter(struct worker *w, uint16_t port_id, struct rte_mbuf **pkts, uint16_t n)
{
	const struct dp_port *p = dp_port_get(w->dp, port_id);
	const struct packet_ctx fresh = {
		.in_port = port_id,
		.network = p != NULL ? p->network : 0,
		.origin = p != NULL ? p->origin : PACKET_FROM_PORT,
	};
	struct port_counters *counters = w->counters[port_id];
	uint8_t entry = p != NULL && (p->flags & CW_PORT_UPLINK) ? w->entry_uplink : w->entry;
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++) {
		bytes += pkts[i]->pkt_len;
		pkts[i]->port = port_id;
		w->mbuf[i] = pkts[i];
		w->ctx[i] = fresh;
	}
	counters->rx_packets += n;
	counters->rx_bytes += bytes;
	enter_graph(w, entry, n);
	return entry;
}

void
worker_run_stages(struct worker *w, uint16_t port_id, struct rte_mbuf **pkts, uint16_t n)
{
	uint8_t entry = worker_enter(w, port_id, pkts, n);

	if (unlikely(trace_active(w->trace)))
		trace_rx(w, w->vector[entry].slot, n);
	worker_run(w);
}

void
worker_rx(struct worker *w, uint16_t port_id, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t left = n;

	for (uint16_t i = 0; i < n; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
		packet_poison(pkts[i]);
	}
	if (unlikely(w->looks_for_candidates))
		candidates_look(w, port_id, pkts, n);
	if (likely(w->express) && likely(!trace_active(w->trace)))
		left = worker_express(w, port_id, pkts, n);
	if (left > 0)
		worker_run_stages(w, port_id, pkts + n - left, left);
}

void
worker_inject(struct worker *w, struct rte_mbuf **pkts, uint16_t n, uint16_t port)
{
	for (uint16_t done = 0; done < n;) {
		uint16_t some = (uint16_t)RTE_MIN(n - done, WORKER_BURST);

		worker_rx(w, port, pkts + done, some);
		done += some;
	}
}

#define EVENTS_PER_SECOND 1000

bool
event_post(struct worker *w, const struct dp_event *event)
{
	__typeof__(&w->priv->event_limit[0]) limit = &w->priv->event_limit[event->type & 7];
	uint64_t second = w->priv->tsc_per_us * 1000000;

	if (w->now_tsc - limit->refill_tsc >= second) {
		limit->refill_tsc = w->now_tsc;
		limit->tokens = EVENTS_PER_SECOND;
	}
	if (limit->tokens == 0)
		return false;
	limit->tokens--;
	return rte_ring_enqueue_elem(w->dp->events, (void *)(uintptr_t)event, sizeof(*event)) == 0;
}
