/* SPDX-License-Identifier: Apache-2.0 */
#include "flow_rule.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>

#define ALL16 RTE_BE16(0xffff)

enum { OUTER, INNER };

static void
put_item(struct flow_build *b, enum rte_flow_item_type type, const void *spec, const void *last,
	const void *mask)
{
	b->items[b->n_items++] =
		(struct rte_flow_item){.type = type, .spec = spec, .last = last, .mask = mask};
}

// RFC 4632 and RFC 4291: the first 'prefix' bits.
static void
put_address(const struct cw_ip *ip, void *spec, void *mask, size_t len)
{
	uint8_t *to = spec, *bits = mask;

	for (size_t i = 0; i < len; i++) {
		const unsigned int left = ip->prefix > 8 * i ? ip->prefix - 8 * (unsigned int)i : 0;

		bits[i] = left >= 8 ? 0xff : (uint8_t)(0xff00u >> left);
		to[i] = ip->addr[i] & bits[i];
	}
}

// Around a tunnel the UDP length counts, too: decap cuts the packet there.
static void
put_sound(struct flow_build *b, const struct flow_headers *h, int level, bool is_tunnel,
	uint32_t dialect)
{
	struct rte_flow_item_integrity *spec = &b->item.integrity[level][0],
				       *mask = &b->item.integrity[level][1];

	if ((h->fields & FLOW_SOUND) == 0)
		return;
	mask->l3_ok = 1;
	mask->ipv4_csum_ok = !h->is_v6;
	mask->l3_len_ok = (dialect & FLOW_DIALECT_L3_OK) == 0;
	mask->l4_ok = is_tunnel;
	spec->value = mask->value;
	spec->level = (uint32_t)level + 1; // as in RSS: 1 is the outermost
	mask->level = UINT32_MAX;
	put_item(b, RTE_FLOW_ITEM_TYPE_INTEGRITY, spec, NULL, mask);
}

static rte_be16_t
ether_type(const struct flow_headers *h)
{
	return h->is_v6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);
}

static void
put_eth(struct flow_build *b, const struct flow_headers *h, int level)
{
	struct rte_flow_item_eth *spec = &b->item.eth[level][0], *mask = &b->item.eth[level][1];
	struct rte_flow_item_vlan *tag = &b->item.vlan[level][0],
				  *tag_mask = &b->item.vlan[level][1];
	const bool is_tagged = (h->fields & FLOW_TAG) && h->vlan != 0;
	const bool knows_type = (h->fields & FLOW_IP) != 0;

	if (h->fields & FLOW_SRC_MAC) {
		spec->hdr.src_addr = h->src;
		memset(&mask->hdr.src_addr, 0xff, sizeof(mask->hdr.src_addr));
	}
	if (h->fields & FLOW_STATION_SRC)
		mask->hdr.src_addr.addr_bytes[0] |= RTE_ETHER_GROUP_ADDR;
	if (h->fields & FLOW_DST_MAC) {
		spec->hdr.dst_addr = h->dst;
		memset(&mask->hdr.dst_addr, 0xff, sizeof(mask->hdr.dst_addr));
	}
	if (is_tagged || knows_type) {
		spec->hdr.ether_type = is_tagged ? RTE_BE16(RTE_ETHER_TYPE_VLAN) : ether_type(h);
		mask->hdr.ether_type = ALL16;
	} else if (h->fields & FLOW_TAG) {
		mask->has_vlan = 1;
	}
	put_item(b, RTE_FLOW_ITEM_TYPE_ETH, spec, NULL, mask);
	if (!is_tagged)
		return;
	tag->hdr.vlan_tci = rte_cpu_to_be_16(h->vlan);
	tag_mask->hdr.vlan_tci = ALL16;
	if (knows_type) {
		tag->hdr.eth_proto = ether_type(h);
		tag_mask->hdr.eth_proto = ALL16;
	}
	put_item(b, RTE_FLOW_ITEM_TYPE_VLAN, tag, NULL, tag_mask);
}

static void
put_ipv4(struct flow_build *b, const struct flow_headers *h, int level)
{
	struct rte_ipv4_hdr *spec = &b->item.ipv4[level][0].hdr,
			    *last = &b->item.ipv4[level][1].hdr,
			    *mask = &b->item.ipv4[level][2].hdr;
	const bool has_range = (h->fields & FLOW_LENGTH) != 0;

	if (h->fields & FLOW_WHOLE) {
		spec->version_ihl = RTE_IPV4_VHL_DEF;
		mask->version_ihl = UINT8_MAX;
	}
	if (h->fields & (FLOW_WHOLE | FLOW_NO_FRAGMENT))
		mask->fragment_offset = RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG);
	if (h->fields & FLOW_TRAFFIC_CLASS) {
		spec->type_of_service = h->traffic_class;
		mask->type_of_service = h->traffic_class_mask;
	}
	if (h->fields & FLOW_HOPS) {
		spec->time_to_live = h->hops;
		mask->time_to_live = UINT8_MAX;
	}
	if (h->fields & FLOW_PROTO) {
		spec->next_proto_id = h->proto;
		mask->next_proto_id = UINT8_MAX;
	}
	if (h->fields & FLOW_SRC_IP)
		put_address(&h->src_ip, &spec->src_addr, &mask->src_addr, sizeof(spec->src_addr));
	if (h->fields & FLOW_DST_IP)
		put_address(&h->dst_ip, &spec->dst_addr, &mask->dst_addr, sizeof(spec->dst_addr));
	if (has_range) { // a range of one field: in the others last is spec, or zero
		*last = *spec;
		spec->total_length = rte_cpu_to_be_16(h->min_length);
		last->total_length = rte_cpu_to_be_16(h->max_length);
		mask->total_length = ALL16;
	}
	put_item(b, RTE_FLOW_ITEM_TYPE_IPV4, spec, has_range ? last : NULL, mask);
}

static void
put_ipv6(struct flow_build *b, const struct flow_headers *h, int level, uint32_t dialect)
{
	struct rte_flow_item_ipv6 *spec = &b->item.ipv6[level][0], *last = &b->item.ipv6[level][1],
				  *mask = &b->item.ipv6[level][2];
	const bool has_range = (h->fields & FLOW_LENGTH) != 0;
	const uint16_t header = sizeof(struct rte_ipv6_hdr);

	if ((h->fields & FLOW_WHOLE) && (dialect & FLOW_DIALECT_NEXT_HEADER) == 0)
		mask->has_frag_ext = 1;
	if (h->fields & FLOW_TRAFFIC_CLASS) {
		spec->hdr.vtc_flow = rte_cpu_to_be_32((uint32_t)h->traffic_class << 20);
		mask->hdr.vtc_flow = rte_cpu_to_be_32((uint32_t)h->traffic_class_mask << 20);
	}
	if (h->fields & FLOW_HOPS) {
		spec->hdr.hop_limits = h->hops;
		mask->hdr.hop_limits = UINT8_MAX;
	}
	if (h->fields & FLOW_PROTO) {
		spec->hdr.proto = h->proto;
		mask->hdr.proto = UINT8_MAX;
	}
	if (h->fields & FLOW_SRC_IP)
		put_address(&h->src_ip, &spec->hdr.src_addr, &mask->hdr.src_addr, 16);
	if (h->fields & FLOW_DST_IP)
		put_address(&h->dst_ip, &spec->hdr.dst_addr, &mask->hdr.dst_addr, 16);
	if (has_range) {
		*last = *spec;
		spec->hdr.payload_len = rte_cpu_to_be_16((uint16_t)(h->min_length - header));
		last->hdr.payload_len = rte_cpu_to_be_16((uint16_t)(h->max_length - header));
		mask->hdr.payload_len = ALL16;
	}
	put_item(b, RTE_FLOW_ITEM_TYPE_IPV6, spec, has_range ? last : NULL, mask);
}

// Source and destination port are the first two words of all three.
static void
put_l4(struct flow_build *b, const struct flow_headers *h, int level)
{
	struct rte_udp_hdr *spec = &b->item.l4[level][0].udp.hdr,
			   *mask = &b->item.l4[level][1].udp.hdr;
	enum rte_flow_item_type type = RTE_FLOW_ITEM_TYPE_UDP;

	if ((h->fields & (FLOW_SRC_PORT | FLOW_DST_PORT)) == 0)
		return;
	if (h->proto == IPPROTO_TCP)
		type = RTE_FLOW_ITEM_TYPE_TCP;
	else if (h->proto == IPPROTO_SCTP)
		type = RTE_FLOW_ITEM_TYPE_SCTP;
	if (h->fields & FLOW_SRC_PORT) {
		spec->src_port = rte_cpu_to_be_16(h->src_port);
		mask->src_port = ALL16;
	}
	if (h->fields & FLOW_DST_PORT) {
		spec->dst_port = rte_cpu_to_be_16(h->dst_port);
		mask->dst_port = ALL16;
	}
	put_item(b, type, spec, NULL, mask);
}

static void
put_headers(struct flow_build *b, const struct flow_headers *h, int level, uint32_t dialect)
{
	put_eth(b, h, level);
	if ((h->fields & FLOW_IP) && h->is_v6)
		put_ipv6(b, h, level, dialect);
	else if (h->fields & FLOW_IP)
		put_ipv4(b, h, level);
	put_l4(b, h, level);
}

static void
put_vni(uint8_t to[3], uint32_t vni)
{
	to[0] = (uint8_t)(vni >> 16);
	to[1] = (uint8_t)(vni >> 8);
	to[2] = (uint8_t)vni;
}

static void
build_pattern(const struct flow_rule *rule, uint32_t dialect, struct flow_build *b)
{
	const struct flow_match *match = &rule->match;

	if (rule->transfer) {
		b->item.port[0].port_id = match->in_ethdev;
		b->item.port[1].port_id = UINT16_MAX;
		put_item(b, RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT, &b->item.port[0], NULL,
			&b->item.port[1]);
	}
	put_sound(b, &match->frame, OUTER, match->is_vxlan, dialect);
	if (match->is_vxlan)
		put_sound(b, &match->inner, INNER, false, dialect);
	put_headers(b, &match->frame, OUTER, dialect);
	if (match->is_vxlan) {
		b->item.vxlan[0].hdr.vx_flags = RTE_BE32(0x08000000);
		b->item.vxlan[1].hdr.vx_flags = RTE_BE32(0x08000000);
		if (match->vni != FLOW_ANY_VNI) {
			put_vni(b->item.vxlan[0].vni, match->vni);
			memset(b->item.vxlan[1].vni, 0xff, sizeof(b->item.vxlan[1].vni));
		}
		put_item(b, RTE_FLOW_ITEM_TYPE_VXLAN, &b->item.vxlan[0], NULL, &b->item.vxlan[1]);
		if (match->inner.fields != 0)
			put_headers(b, &match->inner, INNER, dialect);
	}
	put_item(b, RTE_FLOW_ITEM_TYPE_END, NULL, NULL, NULL);
}

static void
put_action(struct flow_build *b, enum rte_flow_action_type type, const void *conf)
{
	b->actions[b->n_actions++] = (struct rte_flow_action){.type = type, .conf = conf};
}

static void
put_tunnel(struct flow_build *b, unsigned int n, enum rte_flow_item_type type, const void *spec,
	const void *mask)
{
	b->action.tunnel[n] = (struct rte_flow_item){.type = type, .spec = spec, .mask = mask};
}

// The tunnel as items: what their headers say, lengths and checksums left to the device. The masks
// are of no meaning here (they only have to be there).
static void
build_tunnel(const struct flow_actions *actions, struct flow_build *b)
{
	static const struct rte_flow_item_eth eth_mask = {
		.hdr = {.dst_addr.addr_bytes = "\xff\xff\xff\xff\xff\xff",
			.src_addr.addr_bytes = "\xff\xff\xff\xff\xff\xff",
			.ether_type = ALL16}};
	static const struct rte_flow_item_vlan vlan_mask = {
		.hdr = {.vlan_tci = ALL16, .eth_proto = ALL16}};
	static const struct rte_flow_item_ipv4 ipv4_mask = {.hdr = {.version_ihl = UINT8_MAX,
								    .type_of_service = UINT8_MAX,
								    .fragment_offset = ALL16,
								    .time_to_live = UINT8_MAX,
								    .next_proto_id = UINT8_MAX,
								    .src_addr = UINT32_MAX,
								    .dst_addr = UINT32_MAX}};
	static const struct rte_flow_item_udp udp_mask = {
		.hdr = {.src_port = ALL16, .dst_port = ALL16}};
	static const struct rte_flow_item_vxlan vxlan_mask = {
		.hdr = {.vx_flags = UINT32_MAX, .vx_vni = UINT32_MAX}};
	const uint8_t *at = actions->encap;
	unsigned int n = 0;

	memcpy(&b->action.eth.hdr, at, sizeof(b->action.eth.hdr));
	at += sizeof(b->action.eth.hdr);
	put_tunnel(b, n++, RTE_FLOW_ITEM_TYPE_ETH, &b->action.eth, &eth_mask);
	if (b->action.eth.hdr.ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN)) {
		memcpy(&b->action.vlan.hdr, at, sizeof(b->action.vlan.hdr));
		at += sizeof(b->action.vlan.hdr);
		put_tunnel(b, n++, RTE_FLOW_ITEM_TYPE_VLAN, &b->action.vlan, &vlan_mask);
	}
	memcpy(&b->action.ipv4.hdr, at, sizeof(b->action.ipv4.hdr));
	at += sizeof(b->action.ipv4.hdr);
	put_tunnel(b, n++, RTE_FLOW_ITEM_TYPE_IPV4, &b->action.ipv4, &ipv4_mask);
	memcpy(&b->action.udp.hdr, at, sizeof(b->action.udp.hdr));
	at += sizeof(b->action.udp.hdr);
	put_tunnel(b, n++, RTE_FLOW_ITEM_TYPE_UDP, &b->action.udp, &udp_mask);
	memcpy(&b->action.vni.hdr, at, sizeof(b->action.vni.hdr));
	put_tunnel(b, n++, RTE_FLOW_ITEM_TYPE_VXLAN, &b->action.vni, &vxlan_mask);
	put_tunnel(b, n, RTE_FLOW_ITEM_TYPE_END, NULL, NULL);
	b->action.vxlan.definition = b->action.tunnel;
}

static void
put_encap(const struct flow_actions *actions, uint32_t dialect, struct flow_build *b)
{
	if (dialect & FLOW_DIALECT_RAW_ENCAP) {
		memcpy(b->action.bytes, actions->encap, actions->encap_len);
		b->action.raw.data = b->action.bytes;
		b->action.raw.size = actions->encap_len;
		put_action(b, RTE_FLOW_ACTION_TYPE_RAW_ENCAP, &b->action.raw);
		return;
	}
	build_tunnel(actions, b);
	put_action(b, RTE_FLOW_ACTION_TYPE_VXLAN_ENCAP, &b->action.vxlan);
}

static void
put_push(const struct flow_actions *actions, struct flow_build *b)
{
	b->action.push.ethertype = RTE_BE16(RTE_ETHER_TYPE_VLAN);
	b->action.vid.vlan_vid = rte_cpu_to_be_16(actions->push_vlan);
	put_action(b, RTE_FLOW_ACTION_TYPE_OF_PUSH_VLAN, &b->action.push);
	put_action(b, RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_VID, &b->action.vid);
	put_action(b, RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_PCP, &b->action.pcp);
}

static void
put_queues(const struct flow_actions *actions, struct flow_build *b)
{
	if (actions->n_queues == 1) { // which more devices know than RSS
		put_action(b, RTE_FLOW_ACTION_TYPE_QUEUE, &b->action.only);
		return;
	}
	for (uint16_t i = 0; i < actions->n_queues; i++)
		b->action.queue[i] = i;
	b->action.rss.level = actions->rss_level;
	b->action.rss.types = actions->rss_types;
	b->action.rss.queue_num = actions->n_queues;
	b->action.rss.queue = b->action.queue;
	put_action(b, RTE_FLOW_ACTION_TYPE_RSS, &b->action.rss);
}

static void
put_fate(const struct flow_rule *rule, struct flow_build *b)
{
	switch (rule->actions.fate) {
	case FLOW_FORWARD:
		b->action.port.port_id = rule->actions.out_ethdev;
		put_action(b, RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT, &b->action.port);
		break;
	case FLOW_TO_SWITCH:
		b->action.port.port_id = rule->match.in_ethdev;
		put_action(b, RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR, &b->action.port);
		break;
	case FLOW_TO_QUEUES:
		put_queues(&rule->actions, b);
		break;
	default:
		put_action(b, RTE_FLOW_ACTION_TYPE_DROP, NULL);
		break;
	}
}

static void
build_actions(const struct flow_rule *rule, uint32_t dialect, struct flow_build *b)
{
	const struct flow_actions *actions = &rule->actions;

	put_action(b, RTE_FLOW_ACTION_TYPE_COUNT, &b->action.count);
	if (actions->decap)
		put_action(b, RTE_FLOW_ACTION_TYPE_VXLAN_DECAP, NULL);
	if (actions->pop_tag)
		put_action(b, RTE_FLOW_ACTION_TYPE_OF_POP_VLAN, NULL);
	if (actions->set_src) {
		memcpy(b->action.src.mac_addr, &actions->src, RTE_ETHER_ADDR_LEN);
		put_action(b, RTE_FLOW_ACTION_TYPE_SET_MAC_SRC, &b->action.src);
	}
	if (actions->set_dst) {
		memcpy(b->action.dst.mac_addr, &actions->dst, RTE_ETHER_ADDR_LEN);
		put_action(b, RTE_FLOW_ACTION_TYPE_SET_MAC_DST, &b->action.dst);
	}
	if (actions->dec_hops)
		put_action(b, RTE_FLOW_ACTION_TYPE_DEC_TTL, NULL);
	if (actions->encap_len != 0)
		put_encap(actions, dialect, b);
	if (actions->push_vlan != 0)
		put_push(actions, b);
	put_fate(rule, b);
	put_action(b, RTE_FLOW_ACTION_TYPE_END, NULL);
}

uint32_t
flow_rule_dialects(const struct flow_rule *rule)
{
	const struct flow_headers *frame = &rule->match.frame, *inner = &rule->match.inner;
	uint32_t dialects = 0;

	if (rule->actions.encap_len != 0)
		dialects |= FLOW_DIALECT_RAW_ENCAP;
	if ((frame->fields | inner->fields) & FLOW_SOUND)
		dialects |= FLOW_DIALECT_L3_OK;
	if ((frame->is_v6 && (frame->fields & FLOW_WHOLE))
		|| (inner->is_v6 && (inner->fields & FLOW_WHOLE)))
		dialects |= FLOW_DIALECT_NEXT_HEADER;
	return dialects;
}

void
flow_rule_build(const struct flow_rule *rule, uint32_t dialect, struct flow_build *build)
{
	memset(build, 0, sizeof(*build));
	build->attr.priority = rule->priority;
	build->attr.transfer = rule->transfer;
	build->attr.ingress = !rule->transfer;
	build_pattern(rule, dialect, build);
	build_actions(rule, dialect, build);
}
