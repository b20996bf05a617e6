/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_FLOW_RULE_H
#define DRIVERS_PORT_FLOW_RULE_H

// A flow rule in the switch's terms, and its translation into rte_flow's pattern and actions. A
// rule matches exactly what it names and nothing that the stages would treat otherwise: no options,
// no fragments, no tags beyond the one named, lengths that fit, checksums that are right.

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_flow.h>

#include <causeway/wire.h>

enum flow_field {
	FLOW_SRC_MAC = 1u << 0,
	FLOW_DST_MAC = 1u << 1,
	FLOW_TAG = 1u << 2, // exactly this tag with priority 0; vlan 0: no tag
	FLOW_IP = 1u << 3, // IPv4 or IPv6 behind the tag
	FLOW_SRC_IP = 1u << 4, // with its prefix
	FLOW_DST_IP = 1u << 5,
	FLOW_PROTO = 1u << 6, // the header right behind IP's
	FLOW_SRC_PORT = 1u << 7, // of TCP, UDP, SCTP
	FLOW_DST_PORT = 1u << 8,
	FLOW_HOPS = 1u << 9, // TTL or hop limit
	FLOW_TRAFFIC_CLASS = 1u << 10, // under traffic_class_mask
	FLOW_LENGTH = 1u << 11, // of the IP packet, its header included
	FLOW_WHOLE = 1u << 12, // no options, extension headers or fragments
	FLOW_SOUND = 1u << 13, // the device has found lengths and header checksum right
	FLOW_NO_FRAGMENT = 1u << 14, // IPv4: a whole packet, options allowed
	FLOW_STATION_SRC = 1u << 15, // any source MAC but a group's
};

// What one level of headers must be.
struct flow_headers {
	uint32_t fields; // flow_field
	struct rte_ether_addr src, dst;
	uint16_t vlan;
	bool is_v6;
	uint8_t proto, hops, traffic_class, traffic_class_mask;
	uint16_t src_port, dst_port;
	uint16_t min_length, max_length;
	struct cw_ip src_ip, dst_ip;
};

#define FLOW_ANY_VNI UINT32_MAX

struct flow_match {
	uint16_t in_ethdev; // transfer: from what this one represents
	struct flow_headers frame;
	bool is_vxlan; // the frame holds an inner one, of this VNI
	uint32_t vni;
	struct flow_headers inner;
};

enum flow_fate {
	FLOW_FORWARD = 1, // transfer: to what out_ethdev represents
	FLOW_TO_SWITCH, // transfer: to in_ethdev, which is the switch's
	FLOW_DROP,
	FLOW_TO_QUEUES, // ingress: to n_queues of this device, by rss_level and rss_types
};

#define FLOW_ENCAP_MAX 78 // 14 + 4 + 40 + 8 + 8, rounded up
#define FLOW_MAX_QUEUES CW_MAX_QUEUES

// Done in this order: decap, pop_tag, MACs, hops, encap or push_vlan, fate.
struct flow_actions {
	uint8_t fate; // flow_fate
	bool decap, pop_tag, set_src, set_dst, dec_hops;
	uint16_t out_ethdev;
	uint16_t push_vlan; // 0: none
	uint16_t encap_len; // 0: none; the headers of a VXLAN tunnel over IPv4
	uint16_t n_queues;
	uint32_t rss_level;
	uint64_t rss_types;
	struct rte_ether_addr src, dst;
	uint8_t encap[FLOW_ENCAP_MAX];
};

// Lower numbers win, as in rte_flow.
enum flow_priority {
	FLOW_PRIORITY_FLOW = 0,
	FLOW_PRIORITY_GUARD_PASS = 1,
	FLOW_PRIORITY_GUARD_DROP = 2,
	FLOW_PRIORITY_OTHER_PASS = 3,
	FLOW_PRIORITY_OTHER_DROP = 4,
	// Ingress rules, which meet none of the above.
	FLOW_PRIORITY_SPREAD = 0,
	FLOW_PRIORITY_TUNNEL = 1,
	FLOW_PRIORITY_SUBNET = 2,
	FLOW_PRIORITY_TAG = 3,
};

struct flow_rule {
	bool transfer; // else ingress
	uint32_t priority; // flow_priority
	struct flow_match match;
	struct flow_actions actions;
};

// Ways to say the same, for devices that do not know the first. All match the same packets.
enum flow_dialect {
	FLOW_DIALECT_RAW_ENCAP = 1u << 0, // the tunnel's headers as bytes instead of items
	FLOW_DIALECT_L3_OK = 1u << 1, // l3_ok alone, which holds the length check of l3_len_ok
	FLOW_DIALECT_NEXT_HEADER = 1u << 2, // IPv6 fragments by the next header alone
	FLOW_DIALECTS = 1u << 3,
};

#define FLOW_MAX_ITEMS 16
#define FLOW_MAX_ACTIONS 12

// A rule for rte_flow. Points into itself: it is not copied.
struct flow_build {
	struct rte_flow_attr attr;
	struct rte_flow_item items[FLOW_MAX_ITEMS];
	struct rte_flow_action actions[FLOW_MAX_ACTIONS];
	unsigned int n_items, n_actions;
	struct {
		struct rte_flow_item_ethdev port[3];
		struct rte_flow_item_integrity integrity[2][2];
		struct rte_flow_item_eth eth[2][2];
		struct rte_flow_item_vlan vlan[2][2];
		struct rte_flow_item_ipv4 ipv4[2][3];
		struct rte_flow_item_ipv6 ipv6[2][3];
		union {
			struct rte_flow_item_tcp tcp;
			struct rte_flow_item_udp udp;
			struct rte_flow_item_sctp sctp;
		} l4[2][2];
		struct rte_flow_item_vxlan vxlan[2];
	} item;
	struct {
		struct rte_flow_action_count count;
		struct rte_flow_action_of_push_vlan push;
		struct rte_flow_action_of_set_vlan_vid vid;
		struct rte_flow_action_of_set_vlan_pcp pcp;
		struct rte_flow_action_set_mac src, dst;
		struct rte_flow_action_ethdev port;
		struct rte_flow_action_rss rss;
		uint16_t queue[FLOW_MAX_QUEUES];
		struct rte_flow_action_queue only;
		struct rte_flow_action_raw_encap raw;
		struct rte_flow_action_vxlan_encap vxlan;
		struct rte_flow_item tunnel[6];
		struct rte_flow_item_eth eth;
		struct rte_flow_item_vlan vlan;
		struct rte_flow_item_ipv4 ipv4;
		struct rte_flow_item_udp udp;
		struct rte_flow_item_vxlan vni;
		uint8_t bytes[FLOW_ENCAP_MAX];
	} action;
};

// Dialects that make a difference to this rule.
uint32_t flow_rule_dialects(const struct flow_rule *rule);
// Any thread. The rule is consistent: see flow_field.
void flow_rule_build(const struct flow_rule *rule, uint32_t dialect, struct flow_build *build);

// For people: "port 3 tag 10 ipv4 tcp 10.1.0.2:5001 > 10.1.0.3:80 ttl 64 length 40-1500", "decap
// src 02:.. dst 02:.. ttl-1 to port 4". Ports are ethdev numbers unless in_port and out_port say
// other names.
void flow_match_text(const struct flow_match *match, const char *in_port, char *text, size_t len);
void flow_actions_text(
	const struct flow_actions *actions, const char *out_port, char *text, size_t len);

#endif
