/* SPDX-License-Identifier: Apache-2.0 */
#include "headers.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#define ETHER_TYPE_QINQ1 0x9100 // older than 802.1ad, still met

struct cursor
cursor_start(const uint8_t *data, size_t length)
{
	return (struct cursor){.at = data, .left = length};
}

const void *
cursor_bytes(struct cursor *cursor, size_t size)
{
	const void *header = cursor->at;

	if (cursor->left < size)
		return NULL;
	cursor->at += size;
	cursor->left -= size;
	return header;
}

bool
ether_type_is_tag(uint16_t ether_type)
{
	return ether_type == RTE_ETHER_TYPE_VLAN || ether_type == RTE_ETHER_TYPE_QINQ
	       || ether_type == ETHER_TYPE_QINQ1;
}

const struct rte_ether_hdr *
cursor_ether(struct cursor *cursor)
{
	const struct rte_ether_hdr *ether = cursor_bytes(cursor, sizeof(*ether));

	if (ether != NULL)
		cursor->ether_type = rte_be_to_cpu_16(ether->ether_type);
	return ether;
}

const struct rte_vlan_hdr *
cursor_tag(struct cursor *cursor)
{
	const struct rte_vlan_hdr *tag = cursor_bytes(cursor, sizeof(*tag));

	if (tag != NULL)
		cursor->ether_type = rte_be_to_cpu_16(tag->eth_proto);
	return tag;
}

void
cursor_tags(struct cursor *cursor)
{
	while (ether_type_is_tag(cursor->ether_type) && cursor_tag(cursor) != NULL)
		;
}

const struct rte_ipv4_hdr *
cursor_ipv4(struct cursor *cursor)
{
	const struct rte_ipv4_hdr *ip = (const void *)cursor->at;
	size_t size;

	if (cursor->ether_type != RTE_ETHER_TYPE_IPV4 || cursor->left < sizeof(*ip)
		|| ip->version != IPVERSION)
		return NULL;
	size = rte_ipv4_hdr_len(ip);
	if (size < sizeof(*ip) || cursor->left < size)
		return NULL;
	cursor->at += size;
	cursor->left -= size;
	cursor->protocol = ip->next_proto_id;
	cursor->has_l4 = (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) == 0;
	return ip;
}

static uint16_t
extension_of(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_HOPOPTS:
		return EXTENSION_HOP;
	case IPPROTO_ROUTING:
		return EXTENSION_ROUTE;
	case IPPROTO_FRAGMENT:
		return EXTENSION_FRAGMENT;
	case IPPROTO_AH:
		return EXTENSION_AUTH;
	case IPPROTO_ESP:
		return EXTENSION_ESP;
	case IPPROTO_DSTOPTS:
		return EXTENSION_DEST;
	case 135:
		return EXTENSION_MOBILITY;
	case 139:
		return EXTENSION_HIP;
	case 140:
		return EXTENSION_SHIM6;
	default:
		return 0;
	}
}

// RFC 8200, 4; AH counts its length in words of four bytes (RFC 4302), a fragment header has none.
static size_t
extension_size(const struct cursor *cursor)
{
	if (cursor->protocol == IPPROTO_FRAGMENT)
		return 8;
	if (cursor->protocol == IPPROTO_AH)
		return (cursor->at[1] + 2u) * 4;
	return (cursor->at[1] + 1u) * 8;
}

static void
step_over_extensions(struct cursor *cursor)
{
	uint16_t extension;

	while ((extension = extension_of(cursor->protocol)) != 0) {
		const uint8_t *header = cursor->at;

		cursor->extensions |= extension;
		if (extension == EXTENSION_ESP || !cursor->has_l4 || cursor->left < 8
			|| cursor_bytes(cursor, extension_size(cursor)) == NULL)
			return;
		if (extension == EXTENSION_FRAGMENT && ((header[2] << 8 | header[3]) & ~7) != 0)
			cursor->has_l4 = false;
		cursor->protocol = header[0];
	}
}

const struct rte_ipv6_hdr *
cursor_ipv6(struct cursor *cursor)
{
	const struct rte_ipv6_hdr *ip = (const void *)cursor->at;

	if (cursor->ether_type != RTE_ETHER_TYPE_IPV6 || cursor->left < sizeof(*ip)
		|| cursor->at[0] >> 4 != 6)
		return NULL;
	cursor_bytes(cursor, sizeof(*ip));
	cursor->protocol = ip->proto;
	cursor->has_l4 = true;
	cursor->extensions = 0;
	step_over_extensions(cursor);
	return ip;
}

const void *
cursor_l4(struct cursor *cursor, uint8_t protocol, size_t size)
{
	if (!cursor->has_l4 || cursor->protocol != protocol)
		return NULL;
	return cursor_bytes(cursor, size);
}

bool
cursor_vxlan(struct cursor *cursor)
{
	return cursor_l4(cursor, IPPROTO_UDP, sizeof(struct rte_udp_hdr)) != NULL
	       && cursor_bytes(cursor, sizeof(struct rte_vxlan_hdr)) != NULL;
}

static bool
take_addresses(struct cursor *cursor, struct tuple *tuple)
{
	const struct rte_ipv4_hdr *ip4;
	const struct rte_ipv6_hdr *ip6;

	if (cursor_ether(cursor) == NULL)
		return false;
	cursor_tags(cursor);
	if ((ip4 = cursor_ipv4(cursor)) != NULL) {
		tuple->address_size = 4;
		memcpy(tuple->src, &ip4->src_addr, 4);
		memcpy(tuple->dst, &ip4->dst_addr, 4);
	} else if ((ip6 = cursor_ipv6(cursor)) != NULL) {
		tuple->address_size = 16;
		memcpy(tuple->src, ip6->src_addr, 16);
		memcpy(tuple->dst, ip6->dst_addr, 16);
	} else {
		return false;
	}
	tuple->protocol = cursor->protocol;
	return true;
}

bool
tuple_of(const uint8_t *data, size_t length, bool inner, struct tuple *tuple)
{
	struct cursor cursor = cursor_start(data, length);
	const struct rte_udp_hdr *ports;

	*tuple = (struct tuple){0};
	if (!take_addresses(&cursor, tuple))
		return false;
	if (inner) {
		*tuple = (struct tuple){0};
		if (!cursor_vxlan(&cursor) || !take_addresses(&cursor, tuple))
			return false;
	}
	ports = (const void *)cursor.at;
	if (cursor.has_l4 && cursor.left >= 4
		&& (cursor.protocol == IPPROTO_UDP || cursor.protocol == IPPROTO_TCP)) {
		tuple->src_port = ports->src_port;
		tuple->dst_port = ports->dst_port;
	}
	return true;
}
