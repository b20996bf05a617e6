/* SPDX-License-Identifier: Apache-2.0 */
// The fields of each item: a range (`last`) holds for a field, not for the structure.
#include "match.h"

#include <stddef.h>

#define FIELD(type, member)                                                       \
	{                                                                         \
		offsetof(struct type, member), sizeof(((struct type *)0)->member) \
	}
#define BITS_AT(type) (sizeof(struct type) - sizeof(uint32_t))
#define TYPE(list, item)                                                    \
	{                                                                   \
		.fields = list, .n_fields = sizeof(list) / sizeof(list[0]), \
		.size = sizeof(struct rte_flow_item_##item),                \
		.default_mask = &rte_flow_item_##item##_mask                \
	}

static const struct match_field eth_fields[] = {
	FIELD(rte_flow_item_eth, hdr.dst_addr),
	FIELD(rte_flow_item_eth, hdr.src_addr),
	FIELD(rte_flow_item_eth, hdr.ether_type),
	// The bit lies in what the header leaves of its word.
	{sizeof(struct rte_ether_hdr),
		sizeof(struct rte_flow_item_eth) - sizeof(struct rte_ether_hdr)},
};
static const struct match_field vlan_fields[] = {
	FIELD(rte_flow_item_vlan, hdr.vlan_tci),
	FIELD(rte_flow_item_vlan, hdr.eth_proto),
	{BITS_AT(rte_flow_item_vlan), 4},
};
static const struct match_field ipv4_fields[] = {
	FIELD(rte_flow_item_ipv4, hdr.version_ihl),
	FIELD(rte_flow_item_ipv4, hdr.type_of_service),
	FIELD(rte_flow_item_ipv4, hdr.total_length),
	FIELD(rte_flow_item_ipv4, hdr.packet_id),
	FIELD(rte_flow_item_ipv4, hdr.fragment_offset),
	FIELD(rte_flow_item_ipv4, hdr.time_to_live),
	FIELD(rte_flow_item_ipv4, hdr.next_proto_id),
	FIELD(rte_flow_item_ipv4, hdr.hdr_checksum),
	FIELD(rte_flow_item_ipv4, hdr.src_addr),
	FIELD(rte_flow_item_ipv4, hdr.dst_addr),
};
static const struct match_field ipv6_fields[] = {
	FIELD(rte_flow_item_ipv6, hdr.vtc_flow),
	FIELD(rte_flow_item_ipv6, hdr.payload_len),
	FIELD(rte_flow_item_ipv6, hdr.proto),
	FIELD(rte_flow_item_ipv6, hdr.hop_limits),
	FIELD(rte_flow_item_ipv6, hdr.src_addr),
	FIELD(rte_flow_item_ipv6, hdr.dst_addr),
	{BITS_AT(rte_flow_item_ipv6), 4},
};
static const struct match_field udp_fields[] = {
	FIELD(rte_flow_item_udp, hdr.src_port),
	FIELD(rte_flow_item_udp, hdr.dst_port),
	FIELD(rte_flow_item_udp, hdr.dgram_len),
	FIELD(rte_flow_item_udp, hdr.dgram_cksum),
};
static const struct match_field tcp_fields[] = {
	FIELD(rte_flow_item_tcp, hdr.src_port),
	FIELD(rte_flow_item_tcp, hdr.dst_port),
	FIELD(rte_flow_item_tcp, hdr.sent_seq),
	FIELD(rte_flow_item_tcp, hdr.recv_ack),
	FIELD(rte_flow_item_tcp, hdr.data_off),
	FIELD(rte_flow_item_tcp, hdr.tcp_flags),
	FIELD(rte_flow_item_tcp, hdr.rx_win),
	FIELD(rte_flow_item_tcp, hdr.cksum),
	FIELD(rte_flow_item_tcp, hdr.tcp_urp),
};
static const struct match_field sctp_fields[] = {
	FIELD(rte_flow_item_sctp, hdr.src_port),
	FIELD(rte_flow_item_sctp, hdr.dst_port),
	FIELD(rte_flow_item_sctp, hdr.tag),
	FIELD(rte_flow_item_sctp, hdr.cksum),
};
static const struct match_field icmp_fields[] = {
	FIELD(rte_flow_item_icmp, hdr.icmp_type),
	FIELD(rte_flow_item_icmp, hdr.icmp_code),
	FIELD(rte_flow_item_icmp, hdr.icmp_cksum),
	FIELD(rte_flow_item_icmp, hdr.icmp_ident),
	FIELD(rte_flow_item_icmp, hdr.icmp_seq_nb),
};
static const struct match_field icmp6_fields[] = {
	FIELD(rte_flow_item_icmp6, type),
	FIELD(rte_flow_item_icmp6, code),
	FIELD(rte_flow_item_icmp6, checksum),
};
static const struct match_field vxlan_fields[] = {
	FIELD(rte_flow_item_vxlan, flags),
	FIELD(rte_flow_item_vxlan, rsvd0),
	FIELD(rte_flow_item_vxlan, vni),
	FIELD(rte_flow_item_vxlan, rsvd1),
};
// Numbers of this machine: see number_matches().
static const struct match_field ethdev_fields[] = {FIELD(rte_flow_item_ethdev, port_id)};
static const struct match_field port_id_fields[] = {FIELD(rte_flow_item_port_id, id)};
static const struct match_field mark_fields[] = {FIELD(rte_flow_item_mark, id)};
static const struct match_field integrity_fields[] = {FIELD(rte_flow_item_integrity, value)};

const struct match_type *
match_type_of(enum rte_flow_item_type type)
{
	static const struct match_type types[] = {
		[RTE_FLOW_ITEM_TYPE_ETH] = TYPE(eth_fields, eth),
		[RTE_FLOW_ITEM_TYPE_VLAN] = TYPE(vlan_fields, vlan),
		[RTE_FLOW_ITEM_TYPE_IPV4] = TYPE(ipv4_fields, ipv4),
		[RTE_FLOW_ITEM_TYPE_IPV6] = TYPE(ipv6_fields, ipv6),
		[RTE_FLOW_ITEM_TYPE_UDP] = TYPE(udp_fields, udp),
		[RTE_FLOW_ITEM_TYPE_TCP] = TYPE(tcp_fields, tcp),
		[RTE_FLOW_ITEM_TYPE_SCTP] = TYPE(sctp_fields, sctp),
		[RTE_FLOW_ITEM_TYPE_ICMP] = TYPE(icmp_fields, icmp),
		[RTE_FLOW_ITEM_TYPE_ICMP6] = TYPE(icmp6_fields, icmp6),
		[RTE_FLOW_ITEM_TYPE_VXLAN] = TYPE(vxlan_fields, vxlan),
		[RTE_FLOW_ITEM_TYPE_PORT_REPRESENTOR] = TYPE(ethdev_fields, ethdev),
		[RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT] = TYPE(ethdev_fields, ethdev),
		[RTE_FLOW_ITEM_TYPE_PORT_ID] = TYPE(port_id_fields, port_id),
		[RTE_FLOW_ITEM_TYPE_INTEGRITY] = TYPE(integrity_fields, integrity),
		[RTE_FLOW_ITEM_TYPE_MARK] = TYPE(mark_fields, mark),
	};

	if ((size_t)type >= sizeof(types) / sizeof(types[0]) || types[type].fields == NULL)
		return NULL;
	return &types[type];
}
