/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/cache.h"
#include "tables/fdb.h"
#include "worker.h"

// Destination MAC -> port, within the network.

enum { NEXT_FLOOD, NEXT_POLICY };
enum { DROP_SAME_PORT, DROP_LINK_LOCAL };

static stage_run switch_run;
static struct stage switching = {
	.name = "switch",
	.help = "destination MAC to port",
	.run = switch_run,
	.order = 750,
	.next = {[NEXT_FLOOD] = "flood", [NEXT_POLICY] = "policy_destination"},
	.drops =
		{
			[DROP_SAME_PORT] = {"fdb_same_port",
				"destination is behind the port it came from"},
			[DROP_LINK_LOCAL] = {"link_local_multicast",
				"01:80:c2:00:00:0x is for one link only, IEEE 802.1D, 7.12.6"},
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

static void
switch_unicast(struct worker *w, const uint16_t *slots, const fdb_key *keys, uint16_t n)
{
	struct fdb_entry entries[WORKER_BURST];
	uint64_t known = fdb_lookup_bulk(w->dp->fdb, keys, n, entries);

	for (uint16_t i = 0; i < n; i++) {
		uint16_t slot = slots[i];
		struct packet_ctx *ctx = &w->ctx[slot];

		if (unlikely(!(known >> i & 1))) {
			packet_next(w, slot, switching.next_id[NEXT_FLOOD]);
			continue;
		}
		if (unlikely(entries[i].port == ctx->in_port)
			&& !hairpin_is_allowed(w, ctx->in_port)) {
			packet_drop(w, slot, switching.drop_id[DROP_SAME_PORT]);
			continue;
		}
		ctx->out_port = entries[i].port;
		packet_next(w, slot, switching.next_id[NEXT_POLICY]);
	}
}

static void
switch_group(struct worker *w, uint16_t slot, const struct rte_ether_addr *mac)
{
	if (is_link_local_group(mac))
		packet_drop(w, slot, switching.drop_id[DROP_LINK_LOCAL]);
	else
		packet_next(w, slot, switching.next_id[NEXT_FLOOD]);
}

static void
switch_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	uint16_t unicast[WORKER_BURST], n_unicast = 0;
	fdb_key keys[WORKER_BURST];

	for (uint16_t i = 0; i < n; i++) {
		const struct rte_ether_addr *dst = &packet_ether(w->mbuf[slots[i]])->dst_addr;

		if (unlikely(rte_is_multicast_ether_addr(dst))) {
			switch_group(w, slots[i], dst);
			continue;
		}
		unicast[n_unicast] = slots[i];
		keys[n_unicast++] = fdb_make_key(w->ctx[slots[i]].network, dst);
		if (n_unicast == WORKER_BURST) {
			switch_unicast(w, unicast, keys, n_unicast);
			n_unicast = 0;
		}
	}
	if (n_unicast > 0)
		switch_unicast(w, unicast, keys, n_unicast);
}
