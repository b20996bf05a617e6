/* SPDX-License-Identifier: Apache-2.0 */
#include "match.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>

#include "headers.h"
#include "integrity.h"

#define VXLAN_PORT 4789 // RFC 7348, where the pattern names no port

// One frame held against one pattern.
struct matching {
	const struct frame *frame;
	const struct origin *origin;
	struct cursor cursor;
	uint16_t tag_type; // TPID that the item before a VLAN item asks for, or 0
	bool port_is_named; // by the UDP item
	bool by_shape; // a fault: values do not count
};

static bool
is_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

// Compares as numbers in network order, under the mask.
static int
compare(const uint8_t *a, const uint8_t *b, const uint8_t *mask, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((a[i] & mask[i]) != (b[i] & mask[i]))
			return (a[i] & mask[i]) - (b[i] & mask[i]);
	return 0;
}

// `last` of zero, or equal to `spec`, makes no range; the mask comes before the comparison.
static bool
field_matches(const uint8_t *value, const uint8_t *spec, const uint8_t *last, const uint8_t *mask,
	size_t n)
{
	if (last == NULL || is_zero(last, n) || memcmp(last, spec, n) == 0)
		return compare(value, spec, mask, n) == 0;
	return compare(value, spec, mask, n) >= 0 && compare(value, last, mask, n) <= 0;
}

// value: the item's structure as this frame would fill it.
static bool
item_matches(const struct matching *m, const struct rte_flow_item *item, const void *value)
{
	const struct match_type *type = match_type_of(item->type);
	const uint8_t *mask = item->mask != NULL ? item->mask : type->default_mask;

	if (item->spec == NULL || m->by_shape)
		return true;
	for (unsigned int i = 0; i < type->n_fields; i++) {
		size_t at = type->fields[i].offset;
		const uint8_t *last = item->last;

		if (!field_matches((const uint8_t *)value + at, (const uint8_t *)item->spec + at,
			    last != NULL ? last + at : NULL, mask + at, type->fields[i].size))
			return false;
	}
	return true;
}

// Of this machine's own byte order.
static bool
number_matches(uint32_t value, uint32_t spec, const uint32_t *last, uint32_t mask)
{
	if (last == NULL || *last == 0 || *last == spec)
		return (value & mask) == (spec & mask);
	return (value & mask) >= (spec & mask) && (value & mask) <= (*last & mask);
}

static bool
port_matches(const struct rte_flow_item *item, uint16_t port_id)
{
	const struct rte_flow_item_ethdev *spec = item->spec, *last = item->last,
					  *mask = item->mask;
	uint32_t high = last != NULL ? last->port_id : 0;

	return spec == NULL
	       || number_matches(port_id, spec->port_id, &high,
		       mask != NULL ? mask->port_id : rte_flow_item_ethdev_mask.port_id);
}

static bool
port_id_matches(const struct rte_flow_item *item, uint16_t port_id)
{
	const struct rte_flow_item_port_id *spec = item->spec, *last = item->last,
					   *mask = item->mask;

	return spec == NULL
	       || number_matches(port_id, spec->id, last != NULL ? &last->id : NULL,
		       mask != NULL ? mask->id : rte_flow_item_port_id_mask.id);
}

static bool
mark_matches(const struct rte_flow_item *item, const struct frame *frame)
{
	const struct rte_flow_item_mark *spec = item->spec, *last = item->last, *mask = item->mask;

	if (!frame->is_marked)
		return false;
	return spec == NULL
	       || number_matches(frame->mark, spec->id, last != NULL ? &last->id : NULL,
		       mask != NULL ? mask->id : rte_flow_item_mark_mask.id);
}

static bool
match_eth(struct matching *m, const struct rte_flow_item *item)
{
	const struct rte_ether_hdr *ether = cursor_ether(&m->cursor);
	const struct rte_flow_item_eth *spec = item->spec, *mask = item->mask;
	struct rte_flow_item_eth value = {0};

	if (ether == NULL)
		return false;
	value.hdr = *ether;
	value.has_vlan = ether_type_is_tag(m->cursor.ether_type);
	m->tag_type = 0;
	if (spec != NULL && mask != NULL && mask->hdr.ether_type == RTE_BE16(0xffff))
		m->tag_type = rte_be_to_cpu_16(spec->hdr.ether_type);
	return item_matches(m, item, &value);
}

// A TPID that is none of the usual ones counts where the item before asks for it.
static bool
match_vlan(struct matching *m, const struct rte_flow_item *item)
{
	uint16_t wanted = m->tag_type;
	const struct rte_flow_item_vlan *spec = item->spec, *mask = item->mask;
	struct rte_flow_item_vlan value = {0};
	const struct rte_vlan_hdr *tag;

	if (!ether_type_is_tag(m->cursor.ether_type)
		&& (wanted == 0 || m->cursor.ether_type != wanted))
		return false;
	tag = cursor_tag(&m->cursor);
	if (tag == NULL)
		return false;
	value.hdr = *tag;
	value.has_more_vlan = ether_type_is_tag(m->cursor.ether_type);
	m->tag_type = 0;
	if (spec != NULL && mask != NULL && mask->hdr.eth_proto == RTE_BE16(0xffff))
		m->tag_type = rte_be_to_cpu_16(spec->hdr.eth_proto);
	return item_matches(m, item, &value);
}

// Tags that no item speaks of do not keep a frame from matching what is above them.
static bool
match_ipv4(struct matching *m, const struct rte_flow_item *item)
{
	const struct rte_ipv4_hdr *ip;

	cursor_tags(&m->cursor);
	ip = cursor_ipv4(&m->cursor);
	return ip != NULL && item_matches(m, item, ip);
}

static bool
match_ipv6(struct matching *m, const struct rte_flow_item *item)
{
	struct rte_flow_item_ipv6 value = {0};
	const struct rte_ipv6_hdr *ip;
	uint16_t extensions;

	cursor_tags(&m->cursor);
	ip = cursor_ipv6(&m->cursor);
	if (ip == NULL)
		return false;
	extensions = m->cursor.extensions;
	value.hdr = *ip;
	value.has_hop_ext = (extensions & EXTENSION_HOP) != 0;
	value.has_route_ext = (extensions & EXTENSION_ROUTE) != 0;
	value.has_frag_ext = (extensions & EXTENSION_FRAGMENT) != 0;
	value.has_auth_ext = (extensions & EXTENSION_AUTH) != 0;
	value.has_esp_ext = (extensions & EXTENSION_ESP) != 0;
	value.has_dest_ext = (extensions & EXTENSION_DEST) != 0;
	value.has_mobil_ext = (extensions & EXTENSION_MOBILITY) != 0;
	value.has_hip_ext = (extensions & EXTENSION_HIP) != 0;
	value.has_shim6_ext = (extensions & EXTENSION_SHIM6) != 0;
	return item_matches(m, item, &value);
}

static bool
match_udp(struct matching *m, const struct rte_flow_item *item)
{
	const struct rte_udp_hdr *udp = cursor_l4(&m->cursor, IPPROTO_UDP, sizeof(*udp));
	const struct rte_flow_item_udp *mask =
		item->mask != NULL ? item->mask : &rte_flow_item_udp_mask;

	m->port_is_named = item->spec != NULL && mask->hdr.dst_port != 0;
	if (udp == NULL || !item_matches(m, item, udp))
		return false;
	// What is above is VXLAN by its port, where the pattern does not name another one.
	if (item[1].type == RTE_FLOW_ITEM_TYPE_VXLAN)
		return m->port_is_named || udp->dst_port == RTE_BE16(VXLAN_PORT);
	return true;
}

static bool
match_l4(struct matching *m, const struct rte_flow_item *item, uint8_t protocol, size_t size)
{
	const void *header = cursor_l4(&m->cursor, protocol, size);

	return header != NULL && item_matches(m, item, header);
}

static bool
match_vxlan(struct matching *m, const struct rte_flow_item *item)
{
	const void *header = cursor_bytes(&m->cursor, sizeof(struct rte_vxlan_hdr));

	return header != NULL && item_matches(m, item, header);
}

static bool
match_one(struct matching *m, const struct rte_flow_item *item)
{
	switch (item->type) {
	case RTE_FLOW_ITEM_TYPE_VOID:
		return true;
	case RTE_FLOW_ITEM_TYPE_PORT_REPRESENTOR:
		return m->origin->is_ethdev && port_matches(item, m->origin->port_id);
	case RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT:
		return !m->origin->is_ethdev && port_matches(item, m->origin->port_id);
	case RTE_FLOW_ITEM_TYPE_PORT_ID:
		return m->origin->is_ethdev && port_id_matches(item, m->origin->port_id);
	case RTE_FLOW_ITEM_TYPE_MARK:
		return mark_matches(item, m->frame);
	case RTE_FLOW_ITEM_TYPE_INTEGRITY:
		return integrity_matches(item, m->frame);
	case RTE_FLOW_ITEM_TYPE_ETH:
		return match_eth(m, item);
	case RTE_FLOW_ITEM_TYPE_VLAN:
		return match_vlan(m, item);
	case RTE_FLOW_ITEM_TYPE_IPV4:
		return match_ipv4(m, item);
	case RTE_FLOW_ITEM_TYPE_IPV6:
		return match_ipv6(m, item);
	case RTE_FLOW_ITEM_TYPE_UDP:
		return match_udp(m, item);
	case RTE_FLOW_ITEM_TYPE_TCP:
		return match_l4(m, item, IPPROTO_TCP, sizeof(struct rte_tcp_hdr));
	case RTE_FLOW_ITEM_TYPE_SCTP:
		return match_l4(m, item, IPPROTO_SCTP, sizeof(struct rte_sctp_hdr));
	case RTE_FLOW_ITEM_TYPE_ICMP:
		return match_l4(m, item, IPPROTO_ICMP, sizeof(struct rte_icmp_hdr));
	case RTE_FLOW_ITEM_TYPE_ICMP6:
		return match_l4(m, item, IPPROTO_ICMPV6, sizeof(struct rte_flow_item_icmp6));
	case RTE_FLOW_ITEM_TYPE_VXLAN:
		return match_vxlan(m, item);
	default:
		return false;
	}
}

bool
pattern_matches(const struct rte_flow_item *pattern, const struct frame *frame,
	const struct origin *origin, bool by_shape)
{
	struct matching m = {
		.frame = frame,
		.origin = origin,
		.by_shape = by_shape,
		.cursor = cursor_start(frame->data, frame->length),
	};

	for (const struct rte_flow_item *item = pattern; item->type != RTE_FLOW_ITEM_TYPE_END;
		item++)
		if (!match_one(&m, item))
			return false;
	return true;
}
