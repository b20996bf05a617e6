/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/emit.h"

void
emit_start(struct emit *e, struct worker *w, const struct stage *stage, uint8_t next_id,
	uint16_t slot, uint16_t mark)
{
	*e = (struct emit){
		.w = w,
		.stage = stage,
		.next_id = next_id,
		.slot = slot,
		.mark = mark,
		.original = w->mbuf[slot],
	};
	w->mbuf[slot] = NULL;
}

// The copy keeps its own trace record.
static void
copy_context(struct packet_ctx *to, const struct packet_ctx *from)
{
	uint8_t traced = to->flags & PACKET_TRACED;
	uint16_t trace = to->trace;

	*to = *from;
	to->flags = (uint8_t)((from->flags & ~PACKET_TRACED) | traced);
	to->trace = trace;
}

void
emit_frame(struct emit *e, struct rte_mbuf *m)
{
	struct worker *w = e->w;
	uint16_t slot = packet_new(w, e->slot, m);

	if (unlikely(slot == WORKER_NO_SLOT)) {
		worker_drain(w, e->stage, e->mark);
		slot = packet_new(w, e->slot, m);
	}
	e->n++;
	if (likely(slot != WORKER_NO_SLOT)) {
		copy_context(&w->ctx[slot], &w->ctx[e->slot]);
		packet_next(w, slot, e->next_id);
		return;
	}
	// Every slot is held by packets that wait for this stage: lend the original's.
	m->port = w->ctx[e->slot].in_port;
	w->ctx[e->slot].flags &= (uint8_t)~PACKET_TRACED;
	w->mbuf[e->slot] = m;
	packet_next(w, e->slot, e->next_id);
	worker_drain(w, e->stage, w->n_slots);
}

void
emit_end(struct emit *e, int drop)
{
	struct port_counters *counters = worker_counters(e->w, e->w->ctx[e->slot].in_port);

	if (drop >= 0) {
		counters->segments += e->n;
		e->w->mbuf[e->slot] = e->original;
		packet_drop(e->w, e->slot, (uint16_t)drop);
		return;
	}
	counters->segments += e->n - 1u;
	packet_expose(e->original);
	rte_pktmbuf_free(e->original);
}
