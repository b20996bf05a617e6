/* SPDX-License-Identifier: Apache-2.0 */
#include "vnet.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#define VLAN_TAGS_MAX 2
#define VXLAN_HEADER_LEN 8
#define L3_LEN_MAX 511 // bits of rte_mbuf.l3_len

struct layout {
	uint32_t
		start; // of the Ethernet or, when l2_len is 0, the IP header; not 0 inside a tunnel
	uint32_t l2_len, l3_len, l4_len;
	uint32_t ip_end; // where the IP length field says that the packet ends
	bool ipv6;
	uint8_t protocol; // IPPROTO_TCP, IPPROTO_UDP
};

static const void *
bytes_at(const struct rte_mbuf *m, uint32_t offset, uint32_t len)
{
	return offset + len <= m->data_len ? rte_pktmbuf_mtod_offset(m, const void *, offset)
					   : NULL;
}

static bool
parse_ether(const struct rte_mbuf *m, struct layout *layout, rte_be16_t *ether_type)
{
	const struct rte_ether_hdr *ether = bytes_at(m, layout->start, sizeof(*ether));
	const struct rte_vlan_hdr *vlan;

	if (ether == NULL)
		return false;
	*ether_type = ether->ether_type;
	layout->l2_len = sizeof(*ether);
	for (int tags = 0; tags < VLAN_TAGS_MAX; tags++) {
		if (*ether_type != RTE_BE16(RTE_ETHER_TYPE_VLAN)
			&& *ether_type != RTE_BE16(RTE_ETHER_TYPE_QINQ))
			return true;
		vlan = bytes_at(m, layout->start + layout->l2_len, sizeof(*vlan));
		if (vlan == NULL)
			return false;
		*ether_type = vlan->eth_proto;
		layout->l2_len += (uint32_t)sizeof(*vlan);
	}
	return true;
}

static bool
parse_ipv4(const struct rte_mbuf *m, struct layout *layout)
{
	const uint32_t offset = layout->start + layout->l2_len;
	const struct rte_ipv4_hdr *ip = bytes_at(m, offset, sizeof(*ip));

	if (ip == NULL || ip->version_ihl >> 4 != 4
		|| (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
			   != 0)
		return false;
	layout->l3_len = rte_ipv4_hdr_len(ip);
	layout->ip_end = offset + rte_be_to_cpu_16(ip->total_length);
	layout->protocol = ip->next_proto_id;
	return layout->l3_len >= sizeof(*ip);
}

// Walks the extension headers that may stand before TCP and UDP (RFC 8200, 4.1). A fragment is no
// match.
static bool
parse_ipv6(const struct rte_mbuf *m, struct layout *layout)
{
	const uint32_t offset = layout->start + layout->l2_len;
	const struct rte_ipv6_hdr *ip = bytes_at(m, offset, sizeof(*ip));
	const uint8_t *extension;

	if (ip == NULL || (ip->vtc_flow & RTE_BE32(0xf0000000)) != RTE_BE32(0x60000000))
		return false;
	layout->ipv6 = true;
	layout->l3_len = sizeof(*ip);
	layout->ip_end = offset + layout->l3_len + rte_be_to_cpu_16(ip->payload_len);
	layout->protocol = ip->proto;
	while (layout->protocol == IPPROTO_HOPOPTS || layout->protocol == IPPROTO_ROUTING
		|| layout->protocol == IPPROTO_DSTOPTS) {
		extension = bytes_at(m, offset + layout->l3_len, 8);
		if (extension == NULL)
			return false;
		layout->protocol = extension[0];
		layout->l3_len += (extension[1] + 1u) * 8u;
		if (layout->l3_len > L3_LEN_MAX)
			return false;
	}
	return true;
}

static uint32_t
l4_offset(const struct layout *layout)
{
	return layout->start + layout->l2_len + layout->l3_len;
}

static bool
parse_l4(const struct rte_mbuf *m, struct layout *layout)
{
	uint32_t offset = l4_offset(layout);
	const struct rte_tcp_hdr *tcp;

	if (layout->protocol == IPPROTO_UDP) {
		layout->l4_len = sizeof(struct rte_udp_hdr);
		return bytes_at(m, offset, layout->l4_len) != NULL;
	}
	if (layout->protocol != IPPROTO_TCP)
		return false;
	tcp = bytes_at(m, offset, sizeof(*tcp));
	if (tcp == NULL)
		return false;
	layout->l4_len = (tcp->data_off >> 4) * 4u;
	return layout->l4_len >= sizeof(*tcp) && offset + layout->l4_len <= m->data_len;
}

static bool
parse_ip(const struct rte_mbuf *m, struct layout *layout)
{
	rte_be16_t ether_type;

	if (!parse_ether(m, layout, &ether_type))
		return false;
	if (ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return parse_ipv4(m, layout);
	return ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && parse_ipv6(m, layout);
}

// True when m is a whole TCP segment or UDP datagram, its headers in the first mbuf.
static bool
parse(const struct rte_mbuf *m, struct layout *layout)
{
	*layout = (struct layout){0};
	return parse_ip(m, layout) && parse_l4(m, layout);
}

// The same of what is inside VXLAN or IPIP. Other UDP with its checksum further behind is no
// business of Linux.
static bool
parse_tunnel(const struct rte_mbuf *m, struct layout *outer, struct layout *inner)
{
	*outer = *inner = (struct layout){0};
	if (!parse_ip(m, outer))
		return false;
	inner->start = l4_offset(outer);
	if (outer->protocol == IPPROTO_IPIP)
		return parse_ipv4(m, inner) && parse_l4(m, inner);
	inner->start += (uint32_t)sizeof(struct rte_udp_hdr) + VXLAN_HEADER_LEN;
	return outer->protocol == IPPROTO_UDP && parse_ip(m, inner) && parse_l4(m, inner);
}

static uint16_t
checksum_offset(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? offsetof(struct rte_tcp_hdr, cksum)
				       : offsetof(struct rte_udp_hdr, dgram_cksum);
}

static int
finish_checksum(struct rte_mbuf *m, uint32_t start, uint32_t field)
{
	uint16_t sum;

	if (field + sizeof(sum) > m->data_len
		|| rte_raw_cksum_mbuf(m, start, m->pkt_len - start, &sum) != 0)
		return -EBADMSG;
	sum = (uint16_t)~sum;
	if (sum == 0)
		sum = 0xffff; // zero means "no checksum" in UDP and the same number elsewhere
	memcpy(rte_pktmbuf_mtod_offset(m, void *, field), &sum, sizeof(sum));
	return 0;
}

static void
set_checksum_metadata(struct rte_mbuf *m, const struct layout *layout)
{
	m->l2_len = layout->l2_len & 0x7f;
	m->l3_len = layout->l3_len & 0x1ff;
	m->l4_len = layout->l4_len & 0xff;
	m->ol_flags |= layout->ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
	m->ol_flags |=
		layout->protocol == IPPROTO_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
}

static bool
gso_fits_protocol(uint8_t gso_type, const struct layout *layout)
{
	switch (gso_type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return !layout->ipv6 && layout->protocol == IPPROTO_TCP;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return layout->ipv6 && layout->protocol == IPPROTO_TCP;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return layout->protocol == IPPROTO_UDP;
	default:
		return false; // UFO was never offered
	}
}

static int
set_gso_metadata(
	struct rte_mbuf *m, const struct virtio_net_hdr *header, const struct layout *layout)
{
	uint8_t gso_type = header->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	bool udp = layout->protocol == IPPROTO_UDP;
	uint32_t headers = l4_offset(layout) + layout->l4_len, segments;

	if (!gso_fits_protocol(gso_type, layout) || header->gso_size == 0
		|| layout->ip_end != m->pkt_len)
		return -EBADMSG;
	if (m->pkt_len - headers <= header->gso_size)
		return 0;
	segments = (m->pkt_len - headers + header->gso_size - 1) / header->gso_size;
	if (segments > (udp ? VNET_UDP_SEGMENTS_MAX : VNET_TCP_SEGMENTS_MAX))
		return -EBADMSG;
	m->tso_segsz = header->gso_size;
	m->ol_flags |= udp ? RTE_MBUF_F_TX_UDP_SEG : RTE_MBUF_F_TX_TCP_SEG;
	return 0;
}

static bool
describes(const struct virtio_net_hdr *header, const struct layout *layout)
{
	return header->csum_start == l4_offset(layout)
	       && header->csum_offset == checksum_offset(layout->protocol);
}

static int
super_frame_in_tunnel(const struct virtio_net_hdr *header, struct rte_mbuf *m)
{
	struct layout outer, inner;
	int ret;

	if (!parse_tunnel(m, &outer, &inner) || !describes(header, &inner)
		|| outer.ip_end != inner.ip_end)
		return -EBADMSG;
	set_checksum_metadata(m, &inner);
	ret = set_gso_metadata(m, header, &inner);
	if (ret < 0)
		return ret;
	m->l2_len = (inner.start - l4_offset(&outer) + inner.l2_len) & 0x7f;
	m->outer_l2_len = outer.l2_len & 0x7f;
	m->outer_l3_len = outer.l3_len & 0x1ff;
	m->ol_flags |= outer.ipv6 ? RTE_MBUF_F_TX_OUTER_IPV6 : RTE_MBUF_F_TX_OUTER_IPV4;
	m->ol_flags |= outer.protocol == IPPROTO_UDP ? RTE_MBUF_F_TX_TUNNEL_VXLAN
						     : RTE_MBUF_F_TX_TUNNEL_IPIP;
	return 0;
}

static int
to_mbuf(const struct virtio_net_hdr *header, struct rte_mbuf *m, bool tunnels)
{
	uint32_t field = (uint32_t)header->csum_start + header->csum_offset;
	struct layout layout;

	if ((header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0) {
		if (header->gso_type != VIRTIO_NET_HDR_GSO_NONE)
			return -EBADMSG; // virtio 1.2, 5.1.6.2.1: a segment size needs a checksum
		if ((header->flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0)
			m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		return 0;
	}
	if (field + sizeof(uint16_t) > m->pkt_len)
		return -EBADMSG;
	if (!parse(m, &layout) || !describes(header, &layout)) {
		if (header->gso_type == VIRTIO_NET_HDR_GSO_NONE)
			return finish_checksum(m, header->csum_start, field);
		return tunnels ? super_frame_in_tunnel(header, m) : -EBADMSG;
	}
	set_checksum_metadata(m, &layout);
	if (header->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return 0;
	return set_gso_metadata(m, header, &layout);
}

int
vnet_to_mbuf(const struct virtio_net_hdr *header, struct rte_mbuf *m)
{
	return to_mbuf(header, m, false);
}

int
vnet_to_mbuf_of_uplink(const struct virtio_net_hdr *header, struct rte_mbuf *m)
{
	return to_mbuf(header, m, true);
}

static uint8_t
gso_type_of(const struct rte_mbuf *m)
{
	if ((m->ol_flags & RTE_MBUF_F_TX_UDP_SEG) != 0)
		return VIRTIO_NET_HDR_GSO_UDP_L4;
	return (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0 ? VIRTIO_NET_HDR_GSO_TCPV6
						       : VIRTIO_NET_HDR_GSO_TCPV4;
}

void
vnet_from_mbuf(const struct rte_mbuf *m, struct virtio_net_hdr *header)
{
	uint64_t checksum = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;

	memset(header, 0, sizeof(*header));
	if (checksum == RTE_MBUF_F_TX_TCP_CKSUM || checksum == RTE_MBUF_F_TX_UDP_CKSUM) {
		header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header->csum_start = (uint16_t)(m->l2_len + m->l3_len);
		header->csum_offset = checksum_offset(
			checksum == RTE_MBUF_F_TX_TCP_CKSUM ? IPPROTO_TCP : IPPROTO_UDP);
	} else if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD) {
		header->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if ((m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)) != 0) {
		header->gso_type = gso_type_of(m);
		header->gso_size = m->tso_segsz;
		header->hdr_len = (uint16_t)(m->l2_len + m->l3_len + m->l4_len);
	}
}

int
vnet_insert_vlan(struct rte_mbuf *m, uint16_t tpid, uint16_t tci)
{
	const rte_be16_t tag[2] = {rte_cpu_to_be_16(tpid), rte_cpu_to_be_16(tci)};
	uint8_t *start;

	if (m->data_len < RTE_ETHER_HDR_LEN)
		return -EBADMSG;
	start = (uint8_t *)rte_pktmbuf_prepend(m, sizeof(tag));
	if (start == NULL)
		return -ENOSPC;
	memmove(start, start + sizeof(tag), 2 * RTE_ETHER_ADDR_LEN);
	memcpy(start + 2 * RTE_ETHER_ADDR_LEN, tag, sizeof(tag));
	if ((m->ol_flags & RTE_MBUF_F_TX_L4_MASK) != 0)
		m->l2_len = (m->l2_len + sizeof(tag)) & 0x7f;
	return 0;
}
