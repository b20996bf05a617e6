/* SPDX-License-Identifier: Apache-2.0 */
#include "offload_diff.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "stages/parse_ip.h"

// A frame, taken apart.
struct view {
	const uint8_t *frame, *l3;
	uint16_t len; // from l3 on
	uint16_t vlan;
	rte_be16_t type;
};

static bool
view_frame(const uint8_t *frame, uint16_t len, struct view *view)
{
	uint16_t at = RTE_ETHER_HDR_LEN;
	rte_be16_t tci;

	if (len < RTE_ETHER_HDR_LEN + sizeof(struct rte_vlan_hdr))
		return false;
	*view = (struct view){.frame = frame};
	memcpy(&view->type, frame + at - sizeof(view->type), sizeof(view->type));
	if (view->type == RTE_BE16(RTE_ETHER_TYPE_VLAN)) {
		memcpy(&tci, frame + at, sizeof(tci));
		memcpy(&view->type, frame + at + sizeof(tci), sizeof(view->type));
		view->vlan = rte_be_to_cpu_16(tci);
		at += (uint16_t)sizeof(struct rte_vlan_hdr);
	}
	view->l3 = frame + at;
	view->len = (uint16_t)(len - at);
	return true;
}

// Takes the new tunnel's headers off the frame that would be sent; what is each packet's own in
// them becomes zero. The source port is the flow's.
static const char *
take_encap(const struct probe_result *result, struct flow_actions *actions)
{
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
	struct view outer;
	uint16_t l3_at;

	if (!view_frame(result->bytes, result->len, &outer)
		|| outer.type != RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return "tunnel over IPv6, whose checksum the switch makes";
	l3_at = (uint16_t)(outer.l3 - result->bytes);
	actions->encap_len =
		(uint16_t)(l3_at + sizeof(ip) + sizeof(udp) + sizeof(struct rte_vxlan_hdr));
	if (result->len < actions->encap_len || actions->encap_len > sizeof(actions->encap))
		return "tunnel headers";
	memcpy(actions->encap, result->bytes, actions->encap_len);
	memcpy(&ip, outer.l3, sizeof(ip));
	memcpy(&udp, outer.l3 + sizeof(ip), sizeof(udp));
	if (udp.dgram_cksum != 0)
		return "outer UDP checksum, which the switch makes";
	ip.total_length = 0;
	ip.packet_id = 0;
	ip.hdr_checksum = 0;
	udp.dgram_len = 0;
	memcpy(actions->encap + l3_at, &ip, sizeof(ip));
	memcpy(actions->encap + l3_at + sizeof(ip), &udp, sizeof(udp));
	return NULL;
}

static void
compare_l2(const struct view *in, const struct view *out, struct flow_actions *actions)
{
	const uint8_t *dst = out->frame, *src = out->frame + RTE_ETHER_ADDR_LEN;

	actions->set_dst = memcmp(in->frame, dst, RTE_ETHER_ADDR_LEN) != 0;
	actions->set_src = memcmp(in->frame + RTE_ETHER_ADDR_LEN, src, RTE_ETHER_ADDR_LEN) != 0;
	if (actions->set_dst)
		memcpy(&actions->dst, dst, RTE_ETHER_ADDR_LEN);
	if (actions->set_src)
		memcpy(&actions->src, src, RTE_ETHER_ADDR_LEN);
	if (in->vlan == out->vlan)
		return;
	actions->pop_tag = in->vlan != 0;
	actions->push_vlan = out->vlan;
}

// Nothing behind the frame's header may differ but one hop, and the checksum over it.
static const char *
compare_l3(const struct view *in, const struct view *out, struct flow_actions *actions)
{
	const bool is_v6 = in->type == RTE_BE16(RTE_ETHER_TYPE_IPV6);
	const size_t hops_at = is_v6 ? offsetof(struct rte_ipv6_hdr, hop_limits)
				     : offsetof(struct rte_ipv4_hdr, time_to_live);
	uint8_t expected[OFFLOAD_FRAME_MAX];

	if (in->len != out->len || in->type != out->type || in->len > sizeof(expected))
		return "the switch makes another packet of it";
	memcpy(expected, in->l3, in->len);
	actions->dec_hops = out->l3[hops_at] != in->l3[hops_at];
	if (actions->dec_hops)
		expected[hops_at]--;
	if (!is_v6) {
		struct rte_ipv4_hdr *ip = (void *)expected;

		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	}
	return memcmp(expected, out->l3, in->len) == 0 ? NULL
						       : "the switch changes more than its hops";
}

// Fields that the decision does not depend on match anything.
static void
widen(struct flow_headers *h, const struct flow_actions *actions, uint32_t mtu)
{
	const uint16_t header =
		h->is_v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);

	if (!actions->dec_hops) {
		h->fields &= ~(uint32_t)FLOW_HOPS;
		h->hops = 0;
	}
	if (actions->encap_len == 0) {
		h->fields &= ~(uint32_t)FLOW_TRAFFIC_CLASS;
		h->traffic_class = 0;
		h->traffic_class_mask = 0;
	}
	h->fields |= FLOW_LENGTH;
	h->min_length = (uint16_t)(header + parse_l4_min[h->proto]);
	h->max_length = (uint16_t)RTE_MIN(mtu, (uint32_t)UINT16_MAX);
}

const char *
offload_diff(const struct offload_key *key, const uint8_t *frame, uint16_t len,
	const struct probe_result *result, struct flow_rule *rule)
{
	struct flow_actions *actions = &rule->actions;
	const char *why = NULL;
	struct view in, out;
	uint16_t start = 0;

	memset(rule, 0, sizeof(*rule));
	rule->transfer = true;
	rule->priority = FLOW_PRIORITY_FLOW;
	rule->match = key->match;
	actions->fate = FLOW_FORWARD;
	if (key->match.is_vxlan) {
		actions->decap = true;
		if (!view_frame(frame, len, &in))
			return "short";
		start = (uint16_t)(in.l3 - frame + sizeof(struct rte_ipv4_hdr)
				   + sizeof(struct rte_udp_hdr) + sizeof(struct rte_vxlan_hdr));
	}
	if (result->is_vxlan)
		why = take_encap(result, actions);
	if (why != NULL)
		return why;
	if (!view_frame(frame + start, (uint16_t)(len - start), &in)
		|| !view_frame(result->bytes + actions->encap_len,
			(uint16_t)(result->len - actions->encap_len), &out))
		return "short";
	compare_l2(&in, &out, actions);
	why = compare_l3(&in, &out, actions);
	if (why == NULL)
		widen(offload_inner(&rule->match), actions, result->mtu);
	if (why == NULL
		&& offload_inner(&rule->match)->max_length
			   < offload_inner(&rule->match)->min_length)
		why = "no packet of it fits the way";
	return why;
}
