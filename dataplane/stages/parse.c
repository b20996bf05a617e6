/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>

#include <rte_tcp.h>
#include <rte_udp.h>

#include "stages/cache.h"
#include "stages/offload.h"
#include "stages/parse_ip.h"
#include "worker.h"

// Finds the headers once, so that no later stage has to distrust a length: behind this stage
// l2_len + l3_len lie in the first segment, and for packets that are no later fragment also the
// first 20 bytes of TCP, 12 of SCTP, 8 of UDP, ICMP and ICMPv6. The worker has prefetched the
// frames.

// Ethernet, two tags, the longest l3_len, the longest TCP header.
#define HEADERS_MAX (14 + 8 + UINT8_MAX + 60)
#define EXTENSIONS_MAX 8 // headers of one packet; more is no traffic but an attack

enum { NEXT_CLASSIFY };
enum {
	DROP_ETHERNET,
	DROP_SOURCE_MULTICAST,
	DROP_IPV4,
	DROP_IPV4_CHECKSUM,
	DROP_IPV6,
	DROP_EXTENSIONS,
	DROP_L4,
	DROP_UNFINISHABLE,
	PARSED,
};

static stage_run parse_run;
static struct stage parse = {
	.name = "parse",
	.help = "finds and checks the headers",
	.run = parse_run,
	.order = 100,
	.next = {[NEXT_CLASSIFY] = "classify"},
	.drops =
		{
			[DROP_ETHERNET] = {"malformed_ethernet",
				"frame shorter than its Ethernet header"},
			[DROP_SOURCE_MULTICAST] = {"source_mac_multicast",
				"source MAC is a group address"},
			[DROP_IPV4] = {"malformed_ipv4",
				"IPv4 version or lengths do not fit the frame"},
			[DROP_IPV4_CHECKSUM] = {"ipv4_checksum", "IPv4 header checksum is wrong"},
			[DROP_IPV6] = {"malformed_ipv6",
				"IPv6 version, lengths or extension headers are wrong"},
			[DROP_EXTENSIONS] = {"ipv6_extensions",
				"more IPv6 extension headers than are followed"},
			[DROP_L4] = {"malformed_l4", "packet too short for its transport header"},
			[DROP_UNFINISHABLE] = {"checksum_unfinishable",
				"unfinished checksum or super-frame that does not fit its headers"},
		},
};
STAGE_REGISTER(parse);

const uint8_t parse_l4_min[UINT8_MAX + 1] = {
	[IPPROTO_TCP] = 20,
	[IPPROTO_SCTP] = 12,
	[IPPROTO_UDP] = 8,
	[IPPROTO_ICMP] = 8,
	[IPPROTO_ICMPV6] = 8,
};

// RFC 791, 3.1; RFC 1812, 5.2.2. l2_len is ctx->l2_len, in a register.
static inline int
parse_ipv4(const struct rte_mbuf *m, struct packet_ctx *ctx, uint32_t l2_len)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const void *, l2_len);
	uint32_t room = m->data_len - l2_len, len, total;
	uint16_t fragment;

	if (room < sizeof(*ip) || ip->version_ihl >> 4 != IPVERSION)
		return DROP_IPV4;
	len = (ip->version_ihl & 0xfu) * 4;
	total = rte_be_to_cpu_16(ip->total_length);
	if (len < sizeof(*ip) || len > room || total < len || total > m->pkt_len - l2_len)
		return DROP_IPV4;
	if (!ipv4_checksum_is_right(ip, len))
		return DROP_IPV4_CHECKSUM;
	ctx->l3_len = (uint8_t)len;
	ctx->ip_proto = ip->next_proto_id;
	fragment = rte_be_to_cpu_16(ip->fragment_offset);
	if (fragment & RTE_IPV4_HDR_OFFSET_MASK) {
		ctx->fragment = PACKET_LATER_FRAGMENT;
		total += (fragment & RTE_IPV4_HDR_OFFSET_MASK) * RTE_IPV4_HDR_OFFSET_UNITS;
		return total > UINT16_MAX ? DROP_IPV4 : PARSED;
	}
	if (fragment & RTE_IPV4_HDR_MF_FLAG)
		ctx->fragment = PACKET_FIRST_FRAGMENT;
	return RTE_MIN(room, total) - len >= parse_l4_min[ip->next_proto_id] ? PARSED : DROP_L4;
}

// RFC 8200, 4: the chain up to the upper-layer header, or to what a later fragment carries.
// Only 'len' bytes from the IPv6 header on may be read.
static int
parse_extensions(const struct rte_ipv6_hdr *ip, uint32_t len, struct packet_ctx *ctx)
{
	const uint8_t *at = (const uint8_t *)ip;
	uint32_t offset = sizeof(*ip), size;
	uint8_t proto = ip->proto;
	bool fragmented = false;

	for (int i = 0; ipv6_is_extension(proto); i++) {
		if (i == EXTENSIONS_MAX)
			return DROP_EXTENSIONS;
		if (len - offset < 8 || (proto == IPPROTO_HOPOPTS && i > 0)
			|| (proto == IPPROTO_FRAGMENT && fragmented))
			return DROP_IPV6;
		size = proto == IPPROTO_FRAGMENT ? 8 : (at[offset + 1] + 1u) * 8;
		if (size > len - offset)
			return DROP_IPV6;
		if (offset + size > UINT8_MAX)
			return DROP_EXTENSIONS;
		if (proto == IPPROTO_FRAGMENT) {
			uint16_t bits = (uint16_t)(at[offset + 2] << 8 | at[offset + 3]);

			fragmented = true;
			if (bits & RTE_IPV6_EHDR_FO_MASK)
				ctx->fragment = PACKET_LATER_FRAGMENT;
			else if (bits & RTE_IPV6_EHDR_MF_MASK)
				ctx->fragment = PACKET_FIRST_FRAGMENT;
		}
		proto = at[offset];
		offset += size;
		if (ctx->fragment == PACKET_LATER_FRAGMENT)
			break;
	}
	ctx->l3_len = (uint8_t)offset;
	ctx->ip_proto = proto;
	return PARSED;
}

// RFC 8200, 3. Jumbograms (RFC 2675) are malformed to us, as to anyone with links below 64 KiB.
static inline int
parse_ipv6(const struct rte_mbuf *m, struct packet_ctx *ctx, uint32_t l2_len)
{
	const struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, const void *, l2_len);
	uint32_t room = m->data_len - l2_len, total;
	int verdict = PARSED;

	if (room < sizeof(*ip) || *(const uint8_t *)ip >> 4 != 6)
		return DROP_IPV6;
	total = (uint32_t)sizeof(*ip) + rte_be_to_cpu_16(ip->payload_len);
	if (total > m->pkt_len - l2_len)
		return DROP_IPV6;
	room = RTE_MIN(room, total);
	ctx->l3_len = sizeof(*ip);
	ctx->ip_proto = ip->proto;
	if (unlikely(ipv6_is_extension(ip->proto)))
		verdict = parse_extensions(ip, room, ctx);
	if (verdict != PARSED || ctx->fragment == PACKET_LATER_FRAGMENT)
		return verdict;
	return room - ctx->l3_len >= parse_l4_min[ctx->ip_proto] ? PARSED : DROP_L4;
}

static inline bool
is_tag(rte_be16_t ether_type)
{
	return ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN)
	       || ether_type == RTE_BE16(RTE_ETHER_TYPE_QINQ);
}

// The EtherType behind at most two tags (IEEE 802.1Q), the outer one's VLAN into ctx.
static int
parse_tags(const struct rte_mbuf *m, struct packet_ctx *ctx, rte_be16_t *ether_type)
{
	while (is_tag(*ether_type) && ctx->tag_len < 2 * sizeof(struct rte_vlan_hdr)) {
		const struct rte_vlan_hdr *tag;

		if (m->data_len < ctx->l2_len + sizeof(*tag))
			return DROP_ETHERNET;
		tag = rte_pktmbuf_mtod_offset(m, const struct rte_vlan_hdr *, ctx->l2_len);
		if (ctx->tag_len == 0)
			ctx->vlan = rte_be_to_cpu_16(tag->vlan_tci) & 0xfff;
		*ether_type = tag->eth_proto;
		ctx->l2_len += (uint8_t)sizeof(*tag);
		ctx->tag_len += (uint8_t)sizeof(*tag);
	}
	return PARSED;
}

// Makes the first segment of a chain hold all headers, by a bounded copy from the next ones.
static void
pull_up(struct rte_mbuf *m)
{
	uint32_t want = RTE_MIN(m->pkt_len, (uint32_t)HEADERS_MAX);

	packet_expose(m);
	while (m->data_len < want && m->next != NULL) {
		struct rte_mbuf *from = m->next;
		uint32_t some = RTE_MIN(want - m->data_len, (uint32_t)from->data_len);

		some = RTE_MIN(some, (uint32_t)rte_pktmbuf_tailroom(m));
		if (some == 0 && from->data_len > 0)
			break;
		memcpy(rte_pktmbuf_mtod_offset(m, void *, m->data_len),
			rte_pktmbuf_mtod(from, void *), some);
		m->data_len = (uint16_t)(m->data_len + some);
		from->data_off = (uint16_t)(from->data_off + some);
		from->data_len = (uint16_t)(from->data_len - some);
		if (from->data_len > 0)
			continue;
		m->next = from->next;
		m->nb_segs--;
		rte_pktmbuf_free_seg(from);
	}
	packet_poison(m);
}

static inline int
parse_packet(struct rte_mbuf *m, struct packet_ctx *ctx)
{
	uint32_t l2_len = RTE_ETHER_HDR_LEN;
	rte_be16_t ether_type;
	int verdict = PARSED;

	if (unlikely(m->nb_segs > 1 && m->data_len < HEADERS_MAX))
		pull_up(m);
	if (unlikely(m->data_len < RTE_ETHER_HDR_LEN))
		return DROP_ETHERNET;
	if (unlikely(rte_is_multicast_ether_addr(&packet_ether(m)->src_addr)))
		return DROP_SOURCE_MULTICAST;
	ctx->l2_len = RTE_ETHER_HDR_LEN;
	ether_type = packet_ether(m)->ether_type;
	if (unlikely(is_tag(ether_type))) {
		verdict = parse_tags(m, ctx, &ether_type);
		l2_len = ctx->l2_len;
	}
	ctx->ether_type = rte_be_to_cpu_16(ether_type);
	if (verdict != PARSED)
		return verdict;
	if (likely(ctx->ether_type == RTE_ETHER_TYPE_IPV4))
		verdict = parse_ipv4(m, ctx, l2_len);
	else if (ctx->ether_type == RTE_ETHER_TYPE_IPV6)
		verdict = parse_ipv6(m, ctx, l2_len);
	if (verdict == PARSED && (m->ol_flags & PACKET_TX_OFFLOADS))
		verdict = offload_is_consistent(m, ctx) ? PARSED : DROP_UNFINISHABLE;
	return verdict;
}

static void
parse_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	struct port_cache ports = {NULL, 0};

	for (uint16_t i = 0; i < n; i++) {
		uint16_t slot = slots[i];
		struct rte_mbuf *m = w->mbuf[slot];
		struct packet_ctx *ctx = &w->ctx[slot];
		const struct dp_port *port = cached_port(w, &ports, ctx->in_port);
		int verdict = parse_packet(m, ctx);

		m->port = ctx->in_port;
		if (unlikely(verdict != PARSED)) {
			packet_drop(w, slot, parse.drop_id[verdict]);
			continue;
		}
		if (unlikely(port != NULL && port->kind == CW_PORT_AF_XDP))
			offload_detect(m, ctx);
		packet_next(w, slot, parse.next_id[NEXT_CLASSIFY]);
	}
}
