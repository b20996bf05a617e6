/* SPDX-License-Identifier: Apache-2.0 */
#include "events.h"
#include "stages/cache.h"
#include "stages/tunnel.h"
#include "worker.h"

// Copies for every port of the network's flood list but the one it came from (which gets one with
// CW_PORT_HAIRPIN), and for the nodes and groups behind its tunnels (head-end replication; RFC
// 7348, 4.2) unless it came out of a tunnel. The last receiver gets the original. Copies are deep:
// stages write into frames.

enum { NEXT_POLICY };
enum { DROP_EMPTY, DROP_NO_MEMORY, DROP_NO_SLOT, DROP_NO_NEXTHOP };

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
			[DROP_NO_NEXTHOP] = {"no_nexthop", "the route's next hop is not usable"},
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

// One receiver: a port, or what is behind a tunnel.
struct receiver {
	uint16_t port; // 0: none
	const struct nexthop *nexthop; // NULL: the port itself
};

// A packet that is flooded. One receiver waits until another shows that it is not the last.
struct flooding {
	struct worker *w;
	uint16_t slot, mark;
	struct receiver last;
};

static void
address_to(struct packet_ctx *ctx, const struct receiver *to)
{
	ctx->out_port = to->port;
	if (to->nexthop != NULL)
		tunnel_enter(ctx, to->nexthop);
}

static void
send_copy(const struct flooding *f, const struct receiver *receiver)
{
	struct worker *w = f->w;
	const struct packet_ctx *ctx = &w->ctx[f->slot];
	struct rte_mbuf *copy = copy_frame(w, w->mbuf[f->slot]);
	uint16_t to;

	worker_counters(w, ctx->in_port)->replicas++;
	if (copy == NULL) {
		lose_copy(w, f->slot, DROP_NO_MEMORY);
		return;
	}
	to = packet_new(w, f->slot, copy);
	if (to == WORKER_NO_SLOT) {
		worker_drain(w, &flood, f->mark);
		to = packet_new(w, f->slot, copy);
	}
	if (to == WORKER_NO_SLOT) {
		packet_expose(copy);
		rte_pktmbuf_free(copy);
		lose_copy(w, f->slot, DROP_NO_SLOT);
		return;
	}
	inherit(&w->ctx[to], ctx);
	address_to(&w->ctx[to], receiver);
	packet_next(w, to, flood.next_id[NEXT_POLICY]);
}

static inline void
add_receiver(struct flooding *f, uint16_t port, const struct nexthop *nexthop)
{
	if (f->last.port != 0)
		send_copy(f, &f->last);
	f->last = (struct receiver){port, nexthop};
}

// Copies do not wait: there are as many as there are peers.
static void
want_neighbor(struct worker *w, const struct nexthop *nexthop)
{
	const struct dp_event event = {
		.type = DP_EVENT_NEIGHBOR_WANTED,
		.network = nexthop->network,
		.ip = *nexthop->via,
		.value = nexthop->id,
	};

	event_post(w, &event);
}

static void
add_remotes(struct flooding *f, const struct flood_list *list)
{
	for (uint16_t i = 0; i < list->n_remote; i++) {
		const struct nexthop *nexthop = nexthop_get(f->w->dp->nexthops, list->nexthop[i]);

		if (nexthop != NULL && nexthop->action == NEXTHOP_TUNNEL) {
			add_receiver(f, nexthop->out_port, nexthop);
			continue;
		}
		if (nexthop != NULL && tunnel_is_unresolved(nexthop))
			want_neighbor(f->w, nexthop);
		worker_counters(f->w, f->w->ctx[f->slot].in_port)->replicas++;
		lose_copy(f->w, f->slot, DROP_NO_NEXTHOP);
	}
}

// In by an uplink and out by it are two ways when a tunnel is between them.
static void
flood_packet(
	struct worker *w, uint16_t slot, const struct network *network, bool hairpin, uint16_t mark)
{
	struct flooding f = {.w = w, .slot = slot, .mark = mark};
	struct packet_ctx *ctx = &w->ctx[slot];
	bool is_from_tunnel = ctx->origin == PACKET_FROM_TUNNEL;

	ctx->flags |= PACKET_FLOODED;
	for (uint16_t i = 0; i < network->flood->n; i++)
		if (network->flood->port[i] != ctx->in_port || hairpin || is_from_tunnel)
			add_receiver(&f, network->flood->port[i], NULL);
	if (!is_from_tunnel)
		add_remotes(&f, network->flood);
	if (f.last.port == 0) {
		packet_drop(w, slot, flood.drop_id[DROP_EMPTY]);
		return;
	}
	address_to(ctx, &f.last);
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
