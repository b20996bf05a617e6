/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_TUNNEL_FRAMES_H
#define TESTS_TUNNEL_FRAMES_H

// What the tests of tunnels share: port 2 is an uplink in network 1 (the underlay, VNI 2), ports 3
// and 4 are pods in network 0 (VNI 1). Frames that another node would send to a vtep.

#include <rte_vxlan.h>

#include "checksum.h"
#include "l2_frames.h"
#include "packet.h"
#include "tables/vtep.h"

#define UPLINK 2
#define UNDERLAY 1
#define VTEP_MAC "02:aa:00:00:00:01"
enum { VTEP_V4 = 1, VTEP_V6, VTEP_IPIP, VTEP_UDP };
#define PORT_FLANNEL 8472
#define PORT_IANA 4789
#define PORT_BARE 8285
#define NODE 1 // last byte of addresses: this node
#define PEER 2

static inline struct cw_ip
node_ip4(uint8_t last)
{
	return (struct cw_ip){.addr = {192, 168, 0, last}, .family = 4, .prefix = 32};
}

static inline struct cw_ip
node_ip6(uint8_t last)
{
	return (struct cw_ip){.addr = {0xfd, 0x99, [15] = last}, .family = 6, .prefix = 128};
}

// How a frame is wrapped. Zero is the usual for what has no other zero.
struct outer {
	uint8_t kind; // cw_tunnel_kind
	bool is_v6, has_checksum;
	uint8_t source; // last byte, 0: PEER
	uint8_t ecn;
	uint16_t udp_port, vlan;
	uint32_t vni; // 0: 1
	const struct cw_ip *dst; // NULL: this node
};

static const struct outer vxlan4 = {.kind = CW_TUNNEL_VXLAN, .udp_port = PORT_FLANNEL};
static const struct outer vxlan6 = {
	.kind = CW_TUNNEL_VXLAN, .udp_port = PORT_IANA, .is_v6 = true, .has_checksum = true};
static const struct outer ipip = {.kind = CW_TUNNEL_IPIP};
static const struct outer bare_udp = {.kind = CW_TUNNEL_UDP, .udp_port = PORT_BARE};

static inline struct rte_udp_hdr *
outer_udp(struct frame *frame, bool is_v6)
{
	return (struct rte_udp_hdr *)(frame->bytes + RTE_ETHER_HDR_LEN
				      + (is_v6 ? sizeof(struct rte_ipv6_hdr)
					       : sizeof(struct rte_ipv4_hdr)));
}

static inline void
outer_fix_udp6(struct frame *frame)
{
	struct rte_udp_hdr *udp = outer_udp(frame, true);

	udp->dgram_cksum = 0;
	udp->dgram_cksum = rte_ipv6_udptcp_cksum(frame_ipv6(frame), udp);
}

static inline void
outer_put_ip(struct frame *frame, const struct outer *outer, uint16_t len)
{
	const uint8_t proto = outer->kind == CW_TUNNEL_IPIP ? IPPROTO_IPIP : IPPROTO_UDP;
	const uint8_t source = outer->source != 0 ? outer->source : PEER;
	struct cw_ip src = outer->is_v6 ? node_ip6(source) : node_ip4(source);
	struct cw_ip dst = outer->is_v6 ? node_ip6(NODE) : node_ip4(NODE);

	if (outer->dst != NULL)
		dst = *outer->dst;
	if (outer->is_v6) {
		struct rte_ipv6_hdr *ip = frame_ipv6(frame);

		ip->vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)outer->ecn << 20);
		ip->payload_len = rte_cpu_to_be_16(len);
		ip->proto = proto;
		ip->hop_limits = 64;
		memcpy(ipv6_src(ip), src.addr, 16);
		memcpy(ipv6_dst(ip), dst.addr, 16);
		return;
	}
	*frame_ipv4(frame) = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = outer->ecn,
		.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(struct rte_ipv4_hdr) + len)),
		.time_to_live = 64,
		.next_proto_id = proto,
	};
	memcpy(&frame_ipv4(frame)->src_addr, src.addr, 4);
	memcpy(&frame_ipv4(frame)->dst_addr, dst.addr, 4);
	frame_fix_ipv4(frame);
}

// The inner frame as another node would send it here; of bare kinds without its Ethernet header.
static inline struct frame
wrap(const struct frame *inner, const struct outer *outer)
{
	const uint16_t skip = outer->kind == CW_TUNNEL_VXLAN ? 0 : RTE_ETHER_HDR_LEN;
	const uint16_t ip =
		outer->is_v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	const uint16_t udp = outer->kind == CW_TUNNEL_IPIP ? 0 : sizeof(struct rte_udp_hdr);
	const uint16_t vxlan = outer->kind == CW_TUNNEL_VXLAN ? sizeof(struct rte_vxlan_hdr) : 0;
	const uint16_t payload = (uint16_t)(vxlan + inner->len - skip);
	struct frame frame = {.len = (uint16_t)(RTE_ETHER_HDR_LEN + ip + udp + payload)};
	rte_be32_t word[2] = {
		RTE_BE32(1u << 27), rte_cpu_to_be_32((outer->vni != 0 ? outer->vni : 1) << 8)};

	frame_ether(&frame)->dst_addr = port_mac(UPLINK);
	frame_ether(&frame)->src_addr = (struct rte_ether_addr){{2, 0, 0, 0, 9, PEER}};
	frame_ether(&frame)->ether_type =
		outer->is_v6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);
	outer_put_ip(&frame, outer, (uint16_t)(udp + payload));
	if (udp != 0)
		*outer_udp(&frame, outer->is_v6) = (struct rte_udp_hdr){
			.src_port = RTE_BE16(50000),
			.dst_port = rte_cpu_to_be_16(outer->udp_port),
			.dgram_len = rte_cpu_to_be_16((uint16_t)(udp + payload)),
		};
	memcpy(frame.bytes + RTE_ETHER_HDR_LEN + ip + udp, word, vxlan);
	memcpy(frame.bytes + frame.len - payload + vxlan, inner->bytes + skip,
		(size_t)(inner->len - skip));
	if (outer->is_v6 && outer->has_checksum)
		outer_fix_udp6(&frame);
	else if (outer->has_checksum)
		outer_udp(&frame, false)->dgram_cksum =
			rte_ipv4_udptcp_cksum(frame_ipv4(&frame), outer_udp(&frame, false));
	if (outer->vlan != 0)
		frame_tag(&frame, outer->vlan);
	return frame;
}

static inline void
make_uplink(struct dp_port *port, void *arg)
{
	port->network = UNDERLAY;
	port->flags = CW_PORT_UPLINK;
	port->origin = PACKET_FROM_UPLINK;
	port->n_ips = 0;
}

union vtep_object {
	uint8_t bytes[sizeof(struct cw_vtep) + 4 * sizeof(struct cw_ip)];
	struct cw_vtep vtep;
};

static inline union vtep_object
vtep_object(uint8_t id)
{
	union vtep_object object = {.bytes = {0}};

	object.vtep.id = id;
	object.vtep.kind = CW_TUNNEL_VXLAN;
	object.vtep.address = id == VTEP_V6 ? node_ip6(NODE) : node_ip4(NODE);
	object.vtep.udp_port = id == VTEP_V6 ? PORT_IANA : PORT_FLANNEL;
	memcpy(object.vtep.mac, "\x02\xaa\x00\x00\x00\x01", 6);
	if (id == VTEP_IPIP) {
		object.vtep.kind = CW_TUNNEL_IPIP;
		object.vtep.udp_port = 0;
	} else if (id == VTEP_UDP) {
		object.vtep.kind = CW_TUNNEL_UDP;
		object.vtep.udp_port = PORT_BARE;
	}
	return object;
}

static inline void
set_vtep(struct fixture *f, const union vtep_object *object)
{
	assert_int_equal(vtep_set(f->dp->vteps, &object->vtep), 0);
	nexthops_resolve(f->dp->nexthops);
}

static inline void
reset_vtep(struct fixture *f, uint8_t id)
{
	union vtep_object object = vtep_object(id);

	set_vtep(f, &object);
}

#define NH_UNDERLAY 1
#define NH_PEER 2 // a tunnel of VTEP_V4 to PEER, in network 0

static inline void
set_nexthops(struct fixture *f)
{
	struct cw_nexthop underlay = {.id = NH_UNDERLAY,
		.network = UNDERLAY,
		.kind = CW_NEXTHOP_PORT,
		.mac = {2, 0, 0, 0, 9, PEER},
		.port = UPLINK};
	struct cw_nexthop peer = {.id = NH_PEER,
		.kind = CW_NEXTHOP_TUNNEL,
		.via = node_ip4(PEER),
		.vtep = VTEP_V4,
		.underlay = NH_UNDERLAY};

	assert_int_equal(nexthop_set(f->dp->nexthops, &underlay), 0);
	assert_int_equal(nexthop_set(f->dp->nexthops, &peer), 0);
}

// Group setup.
static inline int
setup_tunnels(void **state)
{
	struct rte_ether_addr mac = port_mac(UPLINK);
	struct fixture *f;

	if (setup_ports(state) != 0)
		return -1;
	f = *state;
	fixture_network(f, UNDERLAY, NULL, NULL);
	for (int i = 0; i < 2; i++)
		neighbor_del(f->dp->neighbors, NEIGHBOR_ENDPOINT, 0, &f->dp->ports[UPLINK]->ips[i]);
	fdb_del(f->dp->fdb, 0, &mac);
	fixture_port_change(f, UPLINK, make_uplink, NULL);
	assert_int_equal(vtep_set_vni(f->dp->vteps, 1, 0), 0);
	assert_int_equal(vtep_set_vni(f->dp->vteps, 2, UNDERLAY), 0);
	for (uint8_t id = VTEP_V4; id <= VTEP_UDP; id++)
		reset_vtep(f, id);
	set_nexthops(f);
	return 0;
}

#endif
