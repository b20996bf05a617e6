/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include <rte_ip_frag.h>

#include "checksum.h"
#include "stages/emit.h"
#include "stages/segment_cut.h"
#include "worker.h"

// Fragments routed IPv4 packets that are longer than the way ahead (RFC 791, 3.2; RFC 1812, 4.2.2.7
// and 5.3.13). A checksum that was left to the device is completed first, and a super-frame is cut
// first: a fragment has no device that could do it later.

#define FRAGMENTS_MAX 1400 // 64 KiB at an MTU of 68 without options

enum { NEXT_TX, NEXT_ENCAP };
enum { DROP_GSO, DROP_CHECKSUM, DROP_NO_MEMORY, DROP_TOO_BIG, FRAGMENTED = -1 };

static stage_run fragment_run;
static struct stage fragment = {
	.name = "fragment",
	.help = "fragments routed IPv4 packets that may be fragmented",
	.run = fragment_run,
	.order = 1150,
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
STAGE_REGISTER(fragment)

// rte_ip_frag's fragments are chains that share the packet's buffer and begin with the IP header.
// What leaves is a buffer of its own, behind the Ethernet header 'front'.
static struct rte_mbuf *
finish_fragment(struct worker *w, struct rte_mbuf *part, const void *front, uint8_t front_len)
{
	bool fits = part->pkt_len + front_len <= segment_room(w->mbufs);
	struct rte_mbuf *m = rte_pktmbuf_copy(part, fits ? w->mbufs : w->jumbos, 0, UINT32_MAX);
	struct rte_ipv4_hdr *ip;

	if (m == NULL)
		return NULL;
	ip = rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	memcpy(rte_pktmbuf_prepend(m, front_len), front, front_len);
	m->ol_flags = 0;
	m->tx_offload = 0;
	return m;
}

static int
emit_fragments(
	struct emit *e, const struct rte_mbuf *m, uint8_t front_len, struct rte_mbuf **parts, int n)
{
	const void *front = rte_pktmbuf_mtod(m, const void *);
	int result = FRAGMENTED;

	for (int i = 0; i < n; i++) {
		struct rte_mbuf *frame = NULL;

		if (result == FRAGMENTED)
			frame = finish_fragment(e->w, parts[i], front, front_len);
		if (frame != NULL)
			emit_frame(e, frame);
		else
			result = DROP_NO_MEMORY;
		rte_pktmbuf_free(parts[i]);
	}
	return result;
}

// Sends the fragments of one frame, which stays the caller's. Returns FRAGMENTED or a drop.
static int
fragment_frame(struct emit *e, const struct rte_mbuf *m, uint8_t l2_len, uint16_t mtu)
{
	struct rte_mbuf *parts[FRAGMENTS_MAX], *packet;
	struct worker *w = e->w;
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, l2_len);
	uint16_t len = rte_be_to_cpu_16(ip->total_length);
	int32_t n;

	// The packet alone, without Ethernet header and padding.
	packet = rte_pktmbuf_copy(
		m, len <= segment_room(w->mbufs) ? w->mbufs : w->jumbos, l2_len, len);
	if (packet == NULL)
		return DROP_NO_MEMORY;
	n = rte_ipv4_fragment_packet(packet, parts, FRAGMENTS_MAX, mtu, w->mbufs, w->mbufs);
	rte_pktmbuf_free(packet);
	if (n < 0)
		return n == -ENOMEM ? DROP_NO_MEMORY : DROP_TOO_BIG;
	return emit_fragments(e, m, l2_len, parts, n);
}

// Cuts first, then fragments each datagram or segment.
static int
fragment_super_frame(struct emit *e, const struct packet_ctx *ctx, uint16_t mtu)
{
	const struct rte_mbuf *m = e->original;
	const struct segment_headers headers = {
		.front = rte_pktmbuf_mtod(m, const void *),
		.front_len = ctx->l2_len,
		.l3_offset = ctx->l2_len,
		.l3_len = ctx->l3_len,
		.ip_proto = ctx->ip_proto,
		.size = m->tso_segsz,
	};
	struct segment_cut cut;
	int result = FRAGMENTED;

	if (segment_cut_start(&cut, m, &headers) != 0)
		return DROP_GSO;
	while (!segment_cut_is_done(&cut) && result == FRAGMENTED) {
		struct rte_mbuf *frame = segment_cut_next(&cut, e->w->mbufs, e->w->jumbos);

		if (frame == NULL)
			return DROP_NO_MEMORY;
		result = fragment_frame(e, frame, ctx->l2_len, mtu);
		rte_pktmbuf_free(frame);
	}
	return result;
}

static void
fragment_packet(struct worker *w, uint16_t slot, uint16_t mark)
{
	struct packet_ctx *ctx = &w->ctx[slot];
	uint16_t mtu = (uint16_t)RTE_MIN(ctx->icmp_info, (uint32_t)UINT16_MAX); // egress says so
	struct emit emit;
	int result, next = NEXT_TX;

	if ((ctx->flags & PACKET_TUNNEL) != 0) {
		packet_hash(w->mbuf[slot], ctx); // one flow outside, too: only the first has ports
		next = NEXT_ENCAP;
	}
	emit_start(&emit, w, &fragment, fragment.next_id[next], slot, mark);
	if (ctx->ether_type != RTE_ETHER_TYPE_IPV4 || mtu < CW_MTU_MIN)
		result = DROP_TOO_BIG;
	else if (emit.original->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG))
		result = fragment_super_frame(&emit, ctx, mtu);
	else if (checksum_finish(emit.original, ctx) != 0)
		result = DROP_CHECKSUM;
	else
		result = fragment_frame(&emit, emit.original, ctx->l2_len, mtu);
	emit_end(&emit, result == FRAGMENTED ? -1 : fragment.drop_id[result]);
}

static void
fragment_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	uint16_t mark = w->n_slots;

	for (uint16_t i = 0; i < n; i++)
		fragment_packet(w, slots[i], mark);
}
