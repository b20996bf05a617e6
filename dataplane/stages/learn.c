/* SPDX-License-Identifier: Apache-2.0 */
#include "events.h"
#include "stages/cache.h"
#include "stages/dispatch.h"
#include "stages/tunnel.h"
#include "tables/fdb.h"
#include "worker.h"

// Networks with learning only: tells the main thread, which alone writes the FDB, of source MACs
// that the FDB has not or has elsewhere, and keeps learned ones young. Frames pass unchanged. What
// came out of a tunnel is behind the node that sent it.

static stage_run learn_run;
static struct stage learn = {
	.name = "learn",
	.help = "source MACs to the FDB",
	.run = learn_run,
	.order = 320,
	.next = {DISPATCH_NEXT},
};
STAGE_REGISTER(learn);

static void
post_learn(struct worker *w, const struct packet_ctx *ctx, const struct rte_ether_addr *mac)
{
	struct dp_event event = {
		.type = DP_EVENT_LEARN,
		.network = ctx->network,
		.port = ctx->in_port,
		.mac = *mac,
	};

	event_post(w, &event);
}

static void
post_learn_remote(struct worker *w, const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	struct dp_event event = {
		.type = DP_EVENT_LEARN_REMOTE,
		.network = ctx->network,
		.port = ctx->in_port,
		.mac = packet_ether(m)->src_addr,
		.ip = tunnel_peer(m, ctx),
		.value = ctx->vtep,
	};

	event_post(w, &event);
}

// Whether the FDB says where the frame came from.
static bool
is_where_it_was(const struct worker *w, const struct packet_ctx *ctx, const struct fdb_entry *entry)
{
	const struct nexthop *nexthop;

	if (ctx->origin != PACKET_FROM_TUNNEL)
		return entry->port == ctx->in_port;
	if (entry->port != 0)
		return false;
	nexthop = nexthop_get(w->dp->nexthops, entry->nexthop);
	return nexthop != NULL && nexthop->action == NEXTHOP_TUNNEL
	       && tunnel_leads_back(ctx, nexthop->tunnel);
}

// Static entries stay as they are, and nobody takes the router's MAC.
static void
note_source(struct worker *w, struct network_cache *networks, uint16_t slot, bool known,
	const struct fdb_entry *entry)
{
	const struct packet_ctx *ctx = &w->ctx[slot];
	const struct rte_ether_addr *mac = &packet_ether(w->mbuf[slot])->src_addr;
	const struct network *network;

	if (known && !entry->learned)
		return;
	if (known && is_where_it_was(w, ctx, entry)) {
		fdb_touch(w->dp->fdb, entry->slot, w->now_s);
		return;
	}
	network = cached_network(w, networks, ctx->network);
	if (network == NULL || rte_is_same_ether_addr(mac, &network->router_mac))
		return;
	if (ctx->origin != PACKET_FROM_TUNNEL)
		post_learn(w, ctx, mac);
	else if (ctx->outer_len != 0)
		post_learn_remote(w, w->mbuf[slot], ctx);
}

static void
learn_chunk(struct worker *w, const uint16_t *slots, uint16_t n)
{
	struct network_cache networks = {NULL, 0};
	struct fdb_entry entries[WORKER_BURST];
	fdb_key keys[WORKER_BURST];
	uint64_t known;

	for (uint16_t i = 0; i < n; i++)
		keys[i] = fdb_make_key(
			w->ctx[slots[i]].network, &packet_ether(w->mbuf[slots[i]])->src_addr);
	known = fdb_lookup_bulk(w->dp->fdb, keys, n, entries);
	for (uint16_t i = 0; i < n; i++) {
		// A train of frames from one source is one piece of news.
		if (i == 0 || keys[i] != keys[i - 1])
			note_source(w, &networks, slots[i], known >> i & 1, &entries[i]);
		packet_next(
			w, slots[i], learn.next_id[dispatch(w->mbuf[slots[i]], &w->ctx[slots[i]])]);
	}
}

static void
learn_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	while (n > 0) {
		uint16_t some = n < WORKER_BURST ? n : WORKER_BURST;

		learn_chunk(w, slots, some);
		slots += some;
		n = (uint16_t)(n - some);
	}
}
