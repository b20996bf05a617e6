/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/cache.h"
#include "stages/subport.h"
#include "worker.h"

// Port and VLAN tag -> network. The tag that chose the network is taken out of the frame here and
// put back by egress, so that between the two a frame looks alike whatever its ports are. What came
// out of a tunnel has its network already; tags in it are its own business. What comes in by a port
// with sub-ports and has the tag of one came in by that one.

enum { NEXT_GUARD, NEXT_PUNT };
enum { DROP_UNKNOWN, DROP_UNTAGGED, DROP_NO_PORT, DROP_NO_NETWORK, CLASSIFIED };

static stage_run classify_run;
static struct stage classify = {
	.name = "classify",
	.help = "port and VLAN tag to network",
	.run = classify_run,
	.order = 200,
	.next = {[NEXT_GUARD] = "guard", [NEXT_PUNT] = "punt"},
	.drops =
		{
			[DROP_UNKNOWN] = {"vlan_unknown", "tag that the port maps to no network"},
			[DROP_UNTAGGED] = {"vlan_untagged",
				"untagged frame on a port with an access tag"},
			[DROP_NO_PORT] = {"no_port", "port is gone"},
			[DROP_NO_NETWORK] = {"no_network", "network is gone"},
		},
};
STAGE_REGISTER(classify);

static void
strip_tag(struct rte_mbuf *m, struct packet_ctx *ctx)
{
	char *frame = rte_pktmbuf_mtod(m, char *);

	memmove(frame + sizeof(struct rte_vlan_hdr), frame, 2 * RTE_ETHER_ADDR_LEN);
	packet_adj(m, sizeof(struct rte_vlan_hdr));
	ctx->l2_len -= (uint8_t)sizeof(struct rte_vlan_hdr);
	ctx->tag_len -= (uint8_t)sizeof(struct rte_vlan_hdr);
	packet_set_lengths(m, ctx);
	if (unlikely(ctx->outer_len != 0)) {
		ctx->outer_len += (uint8_t)sizeof(struct rte_vlan_hdr);
		packet_expose_outer(m, ctx->outer_len);
	}
}

static int
classify_tagged(
	struct worker *w, const struct dp_port *port, struct rte_mbuf *m, struct packet_ctx *ctx)
{
	uint16_t network;

	if (unlikely(port->subports != NULL) && subport_enter(w, port, m, ctx)) {
		strip_tag(m, ctx);
		return CLASSIFIED;
	}
	network = dp_port_trunk_network(port, ctx->vlan);
	if (ctx->vlan == port->vlan)
		network = port->network;
	if (network != UINT16_MAX) {
		ctx->network = network;
		strip_tag(m, ctx);
		return CLASSIFIED;
	}
	if (!(port->flags & CW_PORT_TRANSPARENT))
		return DROP_UNKNOWN;
	ctx->network = port->network;
	return CLASSIFIED;
}

// On a port with an access tag only sub-ports may have untagged frames.
static int
classify_untagged(
	struct worker *w, const struct dp_port *port, struct rte_mbuf *m, struct packet_ctx *ctx)
{
	if (port->subports == NULL || !subport_enter(w, port, m, ctx))
		return DROP_UNTAGGED;
	if (ctx->tag_len != 0)
		strip_tag(m, ctx);
	return CLASSIFIED;
}

static inline int
classify_packet(
	struct worker *w, const struct dp_port *port, struct rte_mbuf *m, struct packet_ctx *ctx)
{
	if (likely((ctx->flags & PACKET_DECAPPED) == 0)) {
		ctx->origin = port->origin;
		if (unlikely(ctx->vlan != 0))
			return classify_tagged(w, port, m, ctx);
		if (unlikely(port->vlan != 0))
			return classify_untagged(w, port, m, ctx);
		ctx->network = port->network;
	} else if (ctx->vlan != 0) {
		return CLASSIFIED;
	}
	if (unlikely(ctx->tag_len != 0))
		strip_tag(m, ctx); // a priority tag, IEEE 802.1Q, 6.9.1
	return CLASSIFIED;
}

static void
classify_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	struct port_cache ports = {NULL, 0};
	struct network_cache networks = {NULL, 0};

	for (uint16_t i = 0; i < n; i++) {
		uint16_t slot = slots[i];
		struct packet_ctx *ctx = &w->ctx[slot];
		const struct dp_port *port = cached_port(w, &ports, ctx->in_port);
		int verdict = DROP_NO_PORT;

		if (likely(port != NULL))
			verdict = classify_packet(w, port, w->mbuf[slot], ctx);
		if (verdict == CLASSIFIED
			&& unlikely(cached_network(w, &networks, ctx->network) == NULL))
			verdict = DROP_NO_NETWORK;
		if (likely(verdict == CLASSIFIED))
			packet_next(w, slot,
				classify.next_id[unlikely(ctx->flags & PACKET_PUNT) ? NEXT_PUNT
										    : NEXT_GUARD]);
		else
			packet_drop(w, slot, classify.drop_id[verdict]);
	}
}
