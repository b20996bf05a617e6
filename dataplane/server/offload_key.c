/* SPDX-License-Identifier: Apache-2.0 */
#include "offload_key.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "stages/parse_ip.h"
#include "tables/vtep.h"

#define PAYLOAD 18 // bytes behind the transport header of a made-up packet
#define ALL_FIELDS                                                                                 \
	(FLOW_SRC_MAC | FLOW_DST_MAC | FLOW_TAG | FLOW_IP | FLOW_SRC_IP | FLOW_DST_IP | FLOW_PROTO \
		| FLOW_HOPS | FLOW_TRAFFIC_CLASS | FLOW_WHOLE | FLOW_SOUND)
#define ECN_CHANGES 0x01 // ECT(1) and CE outside mean something to the packet inside (RFC 6040)

static bool
has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

// Reads a frame's headers. *used: bytes up to the end of the last that was read.
static const char *
read_ethernet(const uint8_t *frame, uint16_t len, struct flow_headers *h, uint16_t *used)
{
	rte_be16_t type, tci;
	uint16_t at = RTE_ETHER_HDR_LEN;

	if (len < RTE_ETHER_HDR_LEN + sizeof(struct rte_vlan_hdr))
		return "short";
	if ((frame[0] | frame[RTE_ETHER_ADDR_LEN]) & 1)
		return "group address";
	memcpy(&h->dst, frame, RTE_ETHER_ADDR_LEN);
	memcpy(&h->src, frame + RTE_ETHER_ADDR_LEN, RTE_ETHER_ADDR_LEN);
	memcpy(&type, frame + at - sizeof(type), sizeof(type));
	if (type == RTE_BE16(RTE_ETHER_TYPE_VLAN)) {
		memcpy(&tci, frame + at, sizeof(tci));
		memcpy(&type, frame + at + sizeof(tci), sizeof(type));
		h->vlan = rte_be_to_cpu_16(tci);
		at += (uint16_t)sizeof(struct rte_vlan_hdr);
		if (h->vlan == 0 || h->vlan > 4094)
			return "priority tag";
	}
	h->is_v6 = type == RTE_BE16(RTE_ETHER_TYPE_IPV6);
	if (!h->is_v6 && type != RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return "not IP";
	*used = at;
	return NULL;
}

static const char *
read_ipv4(const uint8_t *at, struct flow_headers *h)
{
	struct rte_ipv4_hdr ip;

	memcpy(&ip, at, sizeof(ip));
	if (ip.version_ihl != RTE_IPV4_VHL_DEF)
		return "IPv4 options";
	if (ip.fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG))
		return "fragment";
	h->traffic_class = ip.type_of_service;
	h->hops = ip.time_to_live;
	h->proto = ip.next_proto_id;
	h->src_ip = (struct cw_ip){.family = 4, .prefix = 32};
	h->dst_ip = h->src_ip;
	memcpy(h->src_ip.addr, &ip.src_addr, sizeof(ip.src_addr));
	memcpy(h->dst_ip.addr, &ip.dst_addr, sizeof(ip.dst_addr));
	return NULL;
}

static const char *
read_ipv6(const uint8_t *at, struct flow_headers *h)
{
	struct rte_ipv6_hdr ip;

	memcpy(&ip, at, sizeof(ip));
	if (ipv6_is_extension(ip.proto))
		return "extension headers";
	if (ip.proto == IPPROTO_ICMPV6)
		return "ICMPv6";
	h->traffic_class = (uint8_t)(rte_be_to_cpu_32(ip.vtc_flow) >> 20);
	h->hops = ip.hop_limits;
	h->proto = ip.proto;
	h->src_ip = (struct cw_ip){.family = 6, .prefix = 128};
	h->dst_ip = h->src_ip;
	memcpy(h->src_ip.addr, &ip.src_addr, 16);
	memcpy(h->dst_ip.addr, &ip.dst_addr, 16);
	return NULL;
}

static const char *
read_headers(const uint8_t *frame, uint16_t len, struct flow_headers *h, uint16_t *used)
{
	const char *why = read_ethernet(frame, len, h, used);
	rte_be16_t ports[2];
	uint16_t l3_len;

	if (why != NULL)
		return why;
	l3_len = h->is_v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	if (len < *used + l3_len)
		return "short";
	why = h->is_v6 ? read_ipv6(frame + *used, h) : read_ipv4(frame + *used, h);
	if (why != NULL)
		return why;
	*used = (uint16_t)(*used + l3_len);
	h->fields = ALL_FIELDS;
	h->traffic_class_mask = UINT8_MAX;
	if (!has_ports(h->proto))
		return NULL;
	if (len < *used + sizeof(ports))
		return "short";
	memcpy(ports, frame + *used, sizeof(ports));
	h->src_port = rte_be_to_cpu_16(ports[0]);
	h->dst_port = rte_be_to_cpu_16(ports[1]);
	h->fields |= FLOW_SRC_PORT | FLOW_DST_PORT;
	return NULL;
}

static const struct vtep *
vtep_of(const struct dataplane *dp, uint16_t port, const struct flow_headers *h)
{
	rte_be32_t dst;

	if (dp->vteps == NULL || h->proto != IPPROTO_UDP)
		return NULL;
	if (h->is_v6)
		return vtep_lookup6(dp->vteps, port, h->dst_ip.addr, rte_cpu_to_be_16(h->dst_port));
	memcpy(&dst, h->dst_ip.addr, sizeof(dst));
	return vtep_lookup4(dp->vteps, port, dst, rte_cpu_to_be_16(h->dst_port));
}

// The outer headers' part in a rule: who sent it to whom. Source port, DSCP and TTL are any.
static const char *
read_tunnel(const uint8_t *frame, uint16_t len, uint16_t used, struct offload_key *key)
{
	struct flow_headers *outer = &key->match.frame;
	struct rte_vxlan_hdr vxlan;
	uint16_t inner_used;

	if (outer->is_v6)
		return "tunnel over IPv6, whose checksum the switch looks at";
	used = (uint16_t)(used + sizeof(struct rte_udp_hdr));
	if (len < used + sizeof(vxlan))
		return "short";
	memcpy(&vxlan, frame + used, sizeof(vxlan));
	if ((vxlan.vx_flags & RTE_BE32(0x08000000)) == 0)
		return "VXLAN without VNI";
	if (outer->traffic_class & ECN_CHANGES)
		return "ECN mark on the tunnel";
	used = (uint16_t)(used + sizeof(vxlan));
	key->match.is_vxlan = true;
	key->match.vni = rte_be_to_cpu_32(vxlan.vx_vni) >> 8;
	outer->fields &= ~(uint32_t)(FLOW_SRC_PORT | FLOW_HOPS | FLOW_SRC_MAC);
	outer->src_port = 0;
	outer->hops = 0;
	outer->traffic_class = 0;
	outer->traffic_class_mask = ECN_CHANGES;
	memset(&outer->src, 0, sizeof(outer->src));
	return read_headers(frame + used, (uint16_t)(len - used), &key->match.inner, &inner_used);
}

const char *
offload_key_of(const struct dataplane *dp, uint16_t port, const uint8_t *frame, uint16_t len,
	struct offload_key *key)
{
	const struct dp_port *p = dp_port_get(dp, port);
	const struct vtep *vtep;
	const char *why;
	uint16_t used;

	memset(key, 0, sizeof(*key));
	key->port = port;
	why = read_headers(frame, len, &key->match.frame, &used);
	if (why != NULL || p == NULL || (p->flags & CW_PORT_UPLINK) == 0)
		return why;
	vtep = vtep_of(dp, port, &key->match.frame);
	if (vtep == NULL)
		return NULL;
	return vtep->kind == CW_TUNNEL_VXLAN ? read_tunnel(frame, len, used, key)
					     : "tunnel without frames";
}

// Writers of a made-up packet: each puts its header at 'at' and returns the byte behind it.

static uint8_t *
write_ethernet(uint8_t *at, const struct flow_headers *h)
{
	const rte_be16_t type =
		h->is_v6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);
	const rte_be16_t tag[2] = {RTE_BE16(RTE_ETHER_TYPE_VLAN), rte_cpu_to_be_16(h->vlan)};

	memcpy(at, &h->dst, RTE_ETHER_ADDR_LEN);
	memcpy(at + RTE_ETHER_ADDR_LEN, &h->src, RTE_ETHER_ADDR_LEN);
	at += 2 * RTE_ETHER_ADDR_LEN;
	if (h->vlan != 0) {
		memcpy(at, tag, sizeof(tag));
		at += sizeof(tag);
	}
	memcpy(at, &type, sizeof(type));
	return at + sizeof(type);
}

static uint8_t *
write_ip(uint8_t *at, const struct flow_headers *h, uint16_t l4_len)
{
	const uint8_t hops = h->fields & FLOW_HOPS ? h->hops : 64;
	struct rte_ipv6_hdr *v6 = (void *)at;
	struct rte_ipv4_hdr *v4 = (void *)at;

	if (h->is_v6) {
		memset(v6, 0, sizeof(*v6));
		v6->vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)h->traffic_class << 20);
		v6->payload_len = rte_cpu_to_be_16(l4_len);
		v6->proto = h->proto;
		v6->hop_limits = hops;
		memcpy(&v6->src_addr, h->src_ip.addr, 16);
		memcpy(&v6->dst_addr, h->dst_ip.addr, 16);
		return at + sizeof(*v6);
	}
	memset(v4, 0, sizeof(*v4));
	v4->version_ihl = RTE_IPV4_VHL_DEF;
	v4->type_of_service = h->traffic_class;
	v4->total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*v4) + l4_len));
	v4->time_to_live = hops;
	v4->next_proto_id = h->proto;
	memcpy(&v4->src_addr, h->src_ip.addr, sizeof(v4->src_addr));
	memcpy(&v4->dst_addr, h->dst_ip.addr, sizeof(v4->dst_addr));
	v4->hdr_checksum = rte_ipv4_cksum(v4);
	return at + sizeof(*v4);
}

static uint16_t
l4_header_len(const struct flow_headers *h)
{
	return parse_l4_min[h->proto];
}

// Ports, and the length of UDP; the rest of the transport header is no stage's business.
static uint8_t *
write_l4(uint8_t *at, const struct flow_headers *h, uint16_t len)
{
	const rte_be16_t ports[3] = {rte_cpu_to_be_16(h->src_port), rte_cpu_to_be_16(h->dst_port),
		rte_cpu_to_be_16(len)};

	memset(at, 0, len);
	if (h->proto == IPPROTO_UDP)
		memcpy(at, ports, sizeof(ports));
	else if (has_ports(h->proto))
		memcpy(at, ports, 2 * sizeof(ports[0]));
	return at + len;
}

static uint16_t
headers_len(const struct flow_headers *h)
{
	return (uint16_t)(RTE_ETHER_HDR_LEN + (h->vlan != 0 ? sizeof(struct rte_vlan_hdr) : 0)
			  + (h->is_v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr)));
}

static uint8_t *
write_packet(uint8_t *at, const struct flow_headers *h)
{
	const uint16_t l4_len = (uint16_t)(l4_header_len(h) + PAYLOAD);

	at = write_ethernet(at, h);
	at = write_ip(at, h, l4_len);
	return write_l4(at, h, l4_len);
}

static uint8_t *
write_tunnel(uint8_t *at, const struct flow_match *match)
{
	const struct flow_headers *inner = &match->inner;
	const uint16_t inner_len = (uint16_t)(headers_len(inner) + l4_header_len(inner) + PAYLOAD);
	const uint16_t udp_len =
		(uint16_t)(sizeof(struct rte_udp_hdr) + sizeof(struct rte_vxlan_hdr) + inner_len);
	const struct rte_vxlan_hdr vxlan = {
		.vx_flags = RTE_BE32(0x08000000), .vx_vni = rte_cpu_to_be_32(match->vni << 8)};
	const rte_be16_t udp[4] = {RTE_BE16(0xc000), rte_cpu_to_be_16(match->frame.dst_port),
		rte_cpu_to_be_16(udp_len), 0};

	at = write_ethernet(at, &match->frame);
	at = write_ip(at, &match->frame, udp_len);
	memcpy(at, udp, sizeof(udp));
	memcpy(at + sizeof(udp), &vxlan, sizeof(vxlan));
	return write_packet(at + sizeof(udp) + sizeof(vxlan), inner);
}

uint16_t
offload_key_frame(const struct offload_key *key, uint8_t frame[OFFLOAD_FRAME_MAX])
{
	uint8_t *end = key->match.is_vxlan ? write_tunnel(frame, &key->match)
					   : write_packet(frame, &key->match.frame);

	return (uint16_t)(end - frame);
}
