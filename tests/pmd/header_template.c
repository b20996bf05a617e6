/* SPDX-License-Identifier: Apache-2.0 */
#include "header_template.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>

#define DEFAULT_TTL 64
#define VXLAN_PORT 4789
#define VXLAN_FLAGS 0x08

bool
header_template_is_vxlan(const struct rte_flow_item *definition)
{
	static const enum rte_flow_item_type order[] = {RTE_FLOW_ITEM_TYPE_ETH,
		RTE_FLOW_ITEM_TYPE_VLAN, RTE_FLOW_ITEM_TYPE_IPV4, RTE_FLOW_ITEM_TYPE_UDP,
		RTE_FLOW_ITEM_TYPE_VXLAN, RTE_FLOW_ITEM_TYPE_END};
	unsigned int at = 0;

	for (;; definition++) {
		enum rte_flow_item_type type = definition->type;

		if (type == RTE_FLOW_ITEM_TYPE_VOID)
			continue;
		if (type == RTE_FLOW_ITEM_TYPE_IPV6)
			type = RTE_FLOW_ITEM_TYPE_IPV4;
		if (order[at] == RTE_FLOW_ITEM_TYPE_VLAN && type != RTE_FLOW_ITEM_TYPE_VLAN)
			at++;
		if (order[at] != type)
			return false;
		if (type == RTE_FLOW_ITEM_TYPE_END)
			return true;
		if (definition->spec == NULL)
			return false;
		at++;
	}
}

// The item's header, without the bits that its mask leaves out. Returns its place.
static void *
append(struct op *op, const struct rte_flow_item *item, size_t size)
{
	uint8_t *place = op->header + op->header_size;
	const uint8_t *mask = item->mask;

	memcpy(place, item->spec, size);
	for (size_t i = 0; mask != NULL && i < size; i++)
		place[i] &= mask[i];
	op->header_size = (uint16_t)(op->header_size + size);
	return place;
}

static void
append_ipv4(struct op *op, const struct rte_flow_item *item)
{
	struct rte_ipv4_hdr *ip = append(op, item, sizeof(*ip));

	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->next_proto_id = IPPROTO_UDP;
	if (ip->time_to_live == 0)
		ip->time_to_live = DEFAULT_TTL;
}

static void
append_ipv6(struct op *op, const struct rte_flow_item *item)
{
	struct rte_ipv6_hdr *ip = append(op, item, sizeof(*ip));

	ip->vtc_flow = (ip->vtc_flow & RTE_BE32(0x0fffffff)) | RTE_BE32(0x60000000);
	ip->proto = IPPROTO_UDP;
	if (ip->hop_limits == 0)
		ip->hop_limits = DEFAULT_TTL;
}

static void
append_udp(struct op *op, const struct rte_flow_item *item)
{
	struct rte_udp_hdr *udp = append(op, item, sizeof(*udp));

	op->picks_source_port = udp->src_port == 0;
	if (udp->dst_port == 0)
		udp->dst_port = RTE_BE16(VXLAN_PORT);
}

// The EtherType of what comes next, into the two bytes before it.
static void
set_ether_type(struct op *op, const struct rte_flow_item *item, rte_be16_t tpid)
{
	rte_be16_t type = tpid;

	if (item->type == RTE_FLOW_ITEM_TYPE_IPV4)
		type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	else if (item->type == RTE_FLOW_ITEM_TYPE_IPV6)
		type = RTE_BE16(RTE_ETHER_TYPE_IPV6);
	memcpy(op->header + op->header_size - sizeof(type), &type, sizeof(type));
}

void
header_template_vxlan(struct op *op, const struct rte_flow_item *definition)
{
	rte_be16_t tpid = RTE_BE16(RTE_ETHER_TYPE_VLAN);

	for (; definition->type != RTE_FLOW_ITEM_TYPE_END; definition++) {
		struct rte_vxlan_hdr *vxlan;

		if (definition->type >= RTE_FLOW_ITEM_TYPE_VLAN
			&& definition->type <= RTE_FLOW_ITEM_TYPE_IPV6)
			set_ether_type(op, definition, tpid);
		switch (definition->type) {
		case RTE_FLOW_ITEM_TYPE_ETH:
			append(op, definition, sizeof(struct rte_ether_hdr));
			break;
		case RTE_FLOW_ITEM_TYPE_VLAN:
			append(op, definition, sizeof(struct rte_vlan_hdr));
			break;
		case RTE_FLOW_ITEM_TYPE_IPV4:
			append_ipv4(op, definition);
			break;
		case RTE_FLOW_ITEM_TYPE_IPV6:
			append_ipv6(op, definition);
			break;
		case RTE_FLOW_ITEM_TYPE_UDP:
			append_udp(op, definition);
			break;
		case RTE_FLOW_ITEM_TYPE_VXLAN:
			vxlan = append(op, definition, sizeof(*vxlan));
			((uint8_t *)vxlan)[0] |= VXLAN_FLAGS;
			break;
		default:
			break;
		}
	}
}
