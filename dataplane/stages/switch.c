/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/tunnel.h"
#include "tables/fdb.h"
#include "worker.h"

// Destination MAC -> port or tunnel, within the network. What came out of a tunnel goes into none
// (split horizon); what came in by an uplink and nobody here has is the host's.

enum { NEXT_FLOOD, NEXT_POLICY, NEXT_PUNT, NEXT_HOLD };
enum { DROP_SAME_PORT, DROP_LINK_LOCAL, DROP_SPLIT_HORIZON, DROP_NO_NEXTHOP };

static stage_run switch_run;
static struct stage switching = {
	.name = "switch",
	.help = "destination MAC to port",
	.run = switch_run,
	.order = 750,
	.next = {[NEXT_FLOOD] = "flood",
		[NEXT_POLICY] = "policy_destination",
		[NEXT_PUNT] = "punt",
		[NEXT_HOLD] = "hold"},
	.drops =
		{
			[DROP_SAME_PORT] = {"fdb_same_port",
				"destination is behind the port it came from"},
			[DROP_LINK_LOCAL] = {"link_local_multicast",
				"01:80:c2:00:00:0x is for one link only, IEEE 802.1D, 7.12.6"},
			[DROP_SPLIT_HORIZON] = {"split_horizon",
				"came out of a tunnel and would go into one again"},
			[DROP_NO_NEXTHOP] = {"no_nexthop", "the route's next hop is not usable"},
		},
};
STAGE_REGISTER(switching);

static inline bool
is_link_local_group(const struct rte_ether_addr *mac)
{
	static const uint8_t prefix[5] = {0x01, 0x80, 0xc2, 0x00, 0x00};

	return memcmp(mac->addr_bytes, prefix, sizeof(prefix)) == 0
	       && (mac->addr_bytes[5] & 0xf0) == 0;
}

static bool
hairpin_is_allowed(const struct worker *w, uint16_t port_id)
{
	const struct dp_port *port = dp_port_get(w->dp, port_id);

	return port != NULL && (port->flags & CW_PORT_HAIRPIN) != 0;
}

// Unicast frames of a burst, and their keys: a train of frames to one address brings one key.
struct switch_batch {
	uint16_t n, n_keys;
	uint16_t slot[WORKER_BURST];
	uint8_t key_of[WORKER_BURST]; // index into key[]
	fdb_key key[WORKER_BURST];
};

static inline void
batch_add(struct switch_batch *b, uint16_t slot, fdb_key key)
{
	if (b->n_keys == 0 || b->key[b->n_keys - 1] != key)
		b->key[b->n_keys++] = key;
	b->slot[b->n] = slot;
	b->key_of[b->n++] = (uint8_t)(b->n_keys - 1);
}

static inline void
deliver(struct worker *w, uint16_t slot, uint16_t out_port)
{
	struct packet_ctx *ctx = &w->ctx[slot];

	if (unlikely(out_port == ctx->in_port) && ctx->origin != PACKET_FROM_TUNNEL
		&& !hairpin_is_allowed(w, out_port)) {
		packet_drop(w, slot, switching.drop_id[DROP_SAME_PORT]);
		return;
	}
	ctx->out_port = out_port;
	packet_next(w, slot, switching.next_id[NEXT_POLICY]);
}

static inline void
deliver_unknown(struct worker *w, uint16_t slot)
{
	bool is_hosts = w->ctx[slot].origin == PACKET_FROM_UPLINK;

	packet_next(w, slot, switching.next_id[unlikely(is_hosts) ? NEXT_PUNT : NEXT_FLOOD]);
}

static void
deliver_remote(struct worker *w, uint16_t slot, const struct fdb_entry *entry)
{
	const struct nexthop *nexthop = nexthop_get(w->dp->nexthops, entry->nexthop);
	struct packet_ctx *ctx = &w->ctx[slot];

	if (ctx->origin == PACKET_FROM_TUNNEL) {
		packet_drop(w, slot, switching.drop_id[DROP_SPLIT_HORIZON]);
	} else if (nexthop != NULL && tunnel_is_unresolved(nexthop)) {
		ctx->nexthop = nexthop;
		packet_next(w, slot, switching.next_id[NEXT_HOLD]);
	} else if (nexthop == NULL && entry->learned) {
		deliver_unknown(w, slot); // learned anew when it answers
	} else if (nexthop == NULL || nexthop->action != NEXTHOP_TUNNEL) {
		packet_drop(w, slot, switching.drop_id[DROP_NO_NEXTHOP]);
	} else {
		tunnel_enter(ctx, nexthop);
		packet_next(w, slot, switching.next_id[NEXT_POLICY]);
	}
}

static void
switch_batch(struct worker *w, struct switch_batch *b)
{
	struct fdb_entry entries[WORKER_BURST];
	uint64_t known = fdb_lookup_bulk(w->dp->fdb, b->key, b->n_keys, entries);

	for (uint16_t i = 0; i < b->n; i++) {
		const struct fdb_entry *entry = &entries[b->key_of[i]];

		if (unlikely((known >> b->key_of[i] & 1) == 0))
			deliver_unknown(w, b->slot[i]);
		else if (likely(entry->port != 0))
			deliver(w, b->slot[i], entry->port);
		else
			deliver_remote(w, b->slot[i], entry);
	}
	b->n = 0;
	b->n_keys = 0;
}

static void
switch_group(struct worker *w, uint16_t slot, const struct rte_ether_addr *mac)
{
	if (!is_link_local_group(mac))
		packet_next(w, slot, switching.next_id[NEXT_FLOOD]);
	else if (w->ctx[slot].origin == PACKET_FROM_UPLINK)
		packet_next(w, slot, switching.next_id[NEXT_PUNT]); // LLDP and the like
	else
		packet_drop(w, slot, switching.drop_id[DROP_LINK_LOCAL]);
}

static void
switch_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	struct switch_batch batch;

	batch.n = 0;
	batch.n_keys = 0;
	for (uint16_t i = 0; i < n; i++) {
		const struct rte_ether_addr *dst = &packet_ether(w->mbuf[slots[i]])->dst_addr;

		if (unlikely(rte_is_multicast_ether_addr(dst))) {
			switch_group(w, slots[i], dst);
			continue;
		}
		batch_add(&batch, slots[i], fdb_make_key(w->ctx[slots[i]].network, dst));
		if (batch.n == WORKER_BURST)
			switch_batch(w, &batch);
	}
	if (batch.n > 0)
		switch_batch(w, &batch);
}
