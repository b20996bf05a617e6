/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"
#include "port.h"
#include "stages/egress_fit.h"
#include "stages/emit.h"
#include "stages/segment_cut.h"
#include "worker.h"

// Makes frames fit for ports that cannot take them as they are: cuts super-frames, completes
// checksums, lays chains out in one piece. Frames that leave are as the port's capabilities ask
// (drivers/port/port.h). What goes into a tunnel is still the inner frame here, and the port's
// abilities are those for inner packets.

#define SUPER_FRAME (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)

enum { NEXT_TX, NEXT_ENCAP };
enum { DROP_GSO, DROP_CHECKSUM, DROP_NO_MEMORY, DROP_TOO_BIG };

static stage_run segment_run;
static struct stage segment = {
	.name = "segment",
	.help = "cuts super-frames and completes checksums for ports that do not",
	.run = segment_run,
	.order = 1200,
	.next = {[NEXT_TX] = "tx", [NEXT_ENCAP] = "encap"},
	.drops =
		{
			[DROP_GSO] = {"gso_malformed",
				"super-frame whose metadata contradicts its headers"},
			[DROP_CHECKSUM] = {"checksum_unfinishable",
				"unfinished checksum or super-frame that does not fit its headers"},
			[DROP_NO_MEMORY] = {"no_memory", "no packet buffer left"},
			[DROP_TOO_BIG] = {"too_big", "larger than the port or the path takes"},
		},
};
STAGE_REGISTER(segment)

static inline uint8_t
next_of(const struct packet_ctx *ctx)
{
	return segment.next_id[(ctx->flags & PACKET_TUNNEL) != 0 ? NEXT_ENCAP : NEXT_TX];
}

// What a port must be able to do to take this super-frame whole.
static uint32_t
super_frame_needs(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	if (m->ol_flags & RTE_MBUF_F_TX_UDP_SEG)
		return PORT_TX_CHECKSUM | PORT_TX_USO;
	return PORT_TX_CHECKSUM
	       | (ctx->ether_type == RTE_ETHER_TYPE_IPV4 ? PORT_TX_TSO4 : PORT_TX_TSO6);
}

static bool
must_cut(const struct worker *w, const struct rte_mbuf *m, const struct packet_ctx *ctx,
	uint32_t capabilities)
{
	uint32_t needs;

	if (!(m->ol_flags & SUPER_FRAME))
		return false;
	needs = super_frame_needs(m, ctx);
	if ((capabilities & needs) != needs)
		return true;
	// No single buffer holds the longest super-frames.
	return !(capabilities & PORT_TX_CHAINS) && m->nb_segs > 1
	       && m->pkt_len > segment_room(w->jumbos);
}

static void
cut(struct worker *w, uint16_t slot, uint16_t mark, uint32_t capabilities)
{
	const struct rte_mbuf *m = w->mbuf[slot];
	const struct packet_ctx *ctx = &w->ctx[slot];
	const struct segment_headers headers = {
		.front = rte_pktmbuf_mtod(m, const void *),
		.front_len = ctx->l2_len,
		.l3_offset = ctx->l2_len,
		.l3_len = ctx->l3_len,
		.ip_proto = ctx->ip_proto,
		.size = m->tso_segsz,
		.leave_unfinished = (capabilities & PORT_TX_CHECKSUM) != 0,
	};
	struct segment_cut state;
	struct emit emit;

	if (ctx->fragment != PACKET_WHOLE || segment_cut_start(&state, m, &headers) != 0) {
		packet_drop(w, slot, segment.drop_id[DROP_GSO]);
		return;
	}
	emit_start(&emit, w, &segment, next_of(ctx), slot, mark);
	while (!segment_cut_is_done(&state)) {
		struct rte_mbuf *frame = segment_cut_next(&state, w->mbufs, w->jumbos);

		if (frame == NULL) {
			emit_end(&emit, segment.drop_id[DROP_NO_MEMORY]);
			return;
		}
		emit_frame(&emit, frame);
	}
	emit_end(&emit, -1);
}

// Puts a private copy in one piece in the place of the frame. Returns -1, or a drop.
static int
lay_out(struct worker *w, uint16_t slot)
{
	struct rte_mbuf *m = w->mbuf[slot], *copy;

	if (m->pkt_len > segment_room(w->jumbos))
		return DROP_TOO_BIG;
	copy = rte_pktmbuf_copy(
		m, m->pkt_len <= segment_room(w->mbufs) ? w->mbufs : w->jumbos, 0, UINT32_MAX);
	if (copy == NULL)
		return DROP_NO_MEMORY;
	packet_expose(m);
	rte_pktmbuf_free(m);
	w->mbuf[slot] = copy;
	return -1;
}

static bool
is_shared(const struct rte_mbuf *m)
{
	return rte_mbuf_refcnt_read(m) > 1 || !RTE_MBUF_DIRECT(m);
}

// Returns -1 when the frame is ready, or a drop.
static int
make_fit(struct worker *w, uint16_t slot, uint32_t capabilities)
{
	const struct rte_mbuf *m = w->mbuf[slot];
	bool finish = (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) && !(capabilities & PORT_TX_CHECKSUM);
	int drop = -1;

	if ((m->nb_segs > 1 && !(capabilities & PORT_TX_CHAINS)) || (finish && is_shared(m)))
		drop = lay_out(w, slot);
	if (drop < 0 && finish && checksum_finish(w->mbuf[slot], &w->ctx[slot]) != 0)
		drop = DROP_CHECKSUM;
	return drop;
}

static void
segment_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	uint16_t mark = w->n_slots;

	for (uint16_t i = 0; i < n; i++) {
		uint16_t slot = slots[i];
		const struct packet_ctx *ctx = &w->ctx[slot];
		const struct dp_port *port = dp_port_get(w->dp, ctx->out_port);
		// Without a port the tx stage says so.
		uint32_t capabilities = port != NULL ? egress_capabilities(port, ctx) : UINT32_MAX;
		int drop;

		if (must_cut(w, w->mbuf[slot], ctx, capabilities)) {
			cut(w, slot, mark, capabilities);
			continue;
		}
		drop = make_fit(w, slot, capabilities);
		if (drop >= 0)
			packet_drop(w, slot, segment.drop_id[drop]);
		else
			packet_next(w, slot, next_of(ctx));
	}
}
