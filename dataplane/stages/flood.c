/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/cache.h"
#include "worker.h"

// Copies for every port of the network's flood list but the one it came from (which gets one with
// CW_PORT_HAIRPIN). The last receiver gets the original. Copies are deep: stages write into frames.

enum { NEXT_POLICY };
enum { DROP_EMPTY, DROP_NO_MEMORY, DROP_NO_SLOT };

static stage_run flood_run;
static struct stage flood = {
	.name = "flood",
	.help = "copies of group and unknown destinations to all ports of the network",
	.run = flood_run,
	.order = 800,
	.next = {[NEXT_POLICY] = "policy_destination"},
	.drops =
		{
			[DROP_EMPTY] = {"flood_empty", "no other port in the network"},
			[DROP_NO_MEMORY] = {"no_memory", "no buffer for a copy"},
			[DROP_NO_SLOT] = {"no_slot", "no room for a copy in this round"},
		},
};
STAGE_REGISTER(flood);

// Offload metadata travels with the copy. A super-frame goes into one large buffer.
static struct rte_mbuf *
copy_frame(struct worker *w, const struct rte_mbuf *m)
{
	uint32_t room = rte_pktmbuf_data_room_size(w->mbufs) - RTE_PKTMBUF_HEADROOM;
	struct rte_mempool *pool = m->pkt_len > room && w->jumbos != NULL ? w->jumbos : w->mbufs;
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);

	if (copy == NULL && pool != w->mbufs)
		copy = rte_pktmbuf_copy(m, w->mbufs, 0, UINT32_MAX);
	if (copy != NULL)
		packet_poison(copy);
	return copy;
}

// Counts a copy, and that it was lost, so that the books balance.
static void
lose_copy(struct worker *w, uint16_t slot, int reason)
{
	worker_counters(w, w->ctx[slot].in_port)->drops[flood.drop_id[reason]]++;
}

// All that is known of the original, but for the trace: packet_new() gave the copy one of its own.
static void
inherit(struct packet_ctx *copy, const struct packet_ctx *ctx)
{
	uint16_t trace = copy->trace;
	uint8_t traced = copy->flags & PACKET_TRACED;

	*copy = *ctx;
	copy->trace = trace;
	copy->flags = (uint8_t)((ctx->flags & ~PACKET_TRACED) | traced);
}

static void
send_copy(struct worker *w, uint16_t slot, uint16_t port, uint16_t mark)
{
	const struct packet_ctx *ctx = &w->ctx[slot];
	struct rte_mbuf *copy = copy_frame(w, w->mbuf[slot]);
	uint16_t to;

	worker_counters(w, ctx->in_port)->replicas++;
	if (copy == NULL) {
		lose_copy(w, slot, DROP_NO_MEMORY);
		return;
	}
	to = packet_new(w, slot, copy);
	if (to == WORKER_NO_SLOT) {
		worker_drain(w, &flood, mark);
		to = packet_new(w, slot, copy);
	}
	if (to == WORKER_NO_SLOT) {
		packet_expose(copy);
		rte_pktmbuf_free(copy);
		lose_copy(w, slot, DROP_NO_SLOT);
		return;
	}
	inherit(&w->ctx[to], ctx);
	w->ctx[to].out_port = port;
	packet_next(w, to, flood.next_id[NEXT_POLICY]);
}

static void
flood_packet(
	struct worker *w, uint16_t slot, const struct network *network, bool hairpin, uint16_t mark)
{
	struct packet_ctx *ctx = &w->ctx[slot];
	uint16_t last = 0;

	ctx->flags |= PACKET_FLOODED;
	for (uint16_t i = 0; i < network->flood->n; i++) {
		uint16_t port = network->flood->port[i];

		if (port == ctx->in_port && !hairpin)
			continue;
		if (last != 0)
			send_copy(w, slot, last, mark);
		last = port;
	}
	if (last == 0) {
		packet_drop(w, slot, flood.drop_id[DROP_EMPTY]);
		return;
	}
	ctx->out_port = last;
	packet_next(w, slot, flood.next_id[NEXT_POLICY]);
}

static void
flood_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	struct port_cache ports = {NULL, 0};
	struct network_cache networks = {NULL, 0};
	uint16_t mark = w->n_slots;

	for (uint16_t i = 0; i < n; i++) {
		const struct packet_ctx *ctx = &w->ctx[slots[i]];
		const struct network *network = cached_network(w, &networks, ctx->network);
		const struct dp_port *port = cached_port(w, &ports, ctx->in_port);
		bool hairpin = port != NULL && (port->flags & CW_PORT_HAIRPIN) != 0;

		if (unlikely(network == NULL))
			packet_drop(w, slots[i], flood.drop_id[DROP_EMPTY]);
		else
			flood_packet(w, slots[i], network, hairpin, mark);
	}
}
