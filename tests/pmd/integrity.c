/* SPDX-License-Identifier: Apache-2.0 */
#include "integrity.h"

#include <netinet/in.h>

#include <rte_tcp.h>
#include <rte_udp.h>

#include "headers.h"

// What the checksum of layer 4 covers beside it.
struct pseudo_header {
	const void *addresses;
	size_t size, l4_length;
};

static bool
is_sum_right(const struct cursor *l4, const struct pseudo_header *pseudo)
{
	uint32_t sum = rte_raw_cksum(pseudo->addresses, pseudo->size)
		       + rte_raw_cksum(l4->at, pseudo->l4_length) + rte_cpu_to_be_16(l4->protocol)
		       + rte_cpu_to_be_16((uint16_t)pseudo->l4_length);

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

static void
look_at_l4(const struct cursor *l4, const struct pseudo_header *pseudo,
	struct rte_flow_item_integrity *value)
{
	const struct rte_udp_hdr *udp = (const void *)l4->at;
	bool is_long_enough = false;

	if (!value->l3_ok || !l4->has_l4 || pseudo->l4_length > l4->left)
		return;
	if (l4->protocol == IPPROTO_TCP)
		is_long_enough = pseudo->l4_length >= sizeof(struct rte_tcp_hdr);
	else if (l4->protocol == IPPROTO_UDP)
		is_long_enough = pseudo->l4_length >= sizeof(*udp)
				 && rte_be_to_cpu_16(udp->dgram_len) == pseudo->l4_length;
	if (!is_long_enough)
		return;
	value->l4_csum_ok =
		(l4->protocol == IPPROTO_UDP && udp->dgram_cksum == 0) || is_sum_right(l4, pseudo);
	value->l4_ok = value->l4_csum_ok;
}

static void
look_at_ipv4(const struct cursor *l4, const struct rte_ipv4_hdr *ip, size_t left,
	struct rte_flow_item_integrity *value)
{
	size_t length = rte_be_to_cpu_16(ip->total_length), header = rte_ipv4_hdr_len(ip);
	struct pseudo_header pseudo = {&ip->src_addr, 8, length - header};

	// Summed over a right one, its checksum included, the result is zero.
	value->ipv4_csum_ok = rte_raw_cksum(ip, header) == 0xffff;
	value->l3_len_ok = length >= header && length <= left;
	value->l3_ok = value->ipv4_csum_ok && value->l3_len_ok;
	if ((ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG)) == 0)
		look_at_l4(l4, &pseudo, value);
}

static void
look_at_ipv6(const struct cursor *l4, const struct rte_ipv6_hdr *ip, size_t left,
	struct rte_flow_item_integrity *value)
{
	size_t length = rte_be_to_cpu_16(ip->payload_len);
	size_t extensions = (size_t)(l4->at - (const uint8_t *)(ip + 1));
	struct pseudo_header pseudo = {ip->src_addr, 32, length - extensions};

	value->l3_len_ok = length >= extensions && length + sizeof(*ip) <= left;
	value->l3_ok = value->l3_len_ok;
	if (!(l4->extensions & EXTENSION_FRAGMENT))
		look_at_l4(l4, &pseudo, value);
}

static void
look_at_ip(struct cursor *cursor, struct rte_flow_item_integrity *value)
{
	size_t left = cursor->left;
	const struct rte_ipv4_hdr *ip4 = cursor_ipv4(cursor);
	const struct rte_ipv6_hdr *ip6 = ip4 == NULL ? cursor_ipv6(cursor) : NULL;

	if (ip4 != NULL)
		look_at_ipv4(cursor, ip4, left, value);
	else if (ip6 != NULL)
		look_at_ipv6(cursor, ip6, left, value);
	// Of the topmost layer: 4 for TCP and UDP, else 3.
	value->packet_ok =
		value->l3_ok
		&& (value->l4_ok
			|| (cursor->protocol != IPPROTO_TCP && cursor->protocol != IPPROTO_UDP));
}

bool
integrity_matches(const struct rte_flow_item *item, const struct frame *frame)
{
	const struct rte_flow_item_integrity *spec = item->spec, *mask = item->mask;
	struct rte_flow_item_integrity value = {.l2_ok = 1, .l2_crc_ok = 1};
	struct cursor cursor = cursor_start(frame->data, frame->length);

	if (spec == NULL || mask == NULL)
		return true;
	if (cursor_ether(&cursor) == NULL)
		return false;
	cursor_tags(&cursor);
	if (spec->level > 1) {
		if ((cursor_ipv4(&cursor) == NULL && cursor_ipv6(&cursor) == NULL)
			|| !cursor_vxlan(&cursor) || cursor_ether(&cursor) == NULL)
			return false;
		cursor_tags(&cursor);
	}
	look_at_ip(&cursor, &value);
	return (value.value & mask->value) == (spec->value & mask->value);
}
