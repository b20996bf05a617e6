/* SPDX-License-Identifier: Apache-2.0 */
#include "integrity.h"

#include "headers.h"

bool
integrity_is_known(const struct rte_flow_item_integrity *mask)
{
	return !mask->packet_ok && !mask->l4_ok && !mask->l4_csum_ok && !mask->reserved;
}

static void
look_at_ip(struct cursor *cursor, struct rte_flow_item_integrity *value)
{
	size_t left = cursor->left;
	const struct rte_ipv4_hdr *ip4 = cursor_ipv4(cursor);
	const struct rte_ipv6_hdr *ip6;

	if (ip4 != NULL) {
		size_t length = rte_be_to_cpu_16(ip4->total_length);

		// Summed over a right one, its checksum included, the result is zero.
		value->ipv4_csum_ok = rte_raw_cksum(ip4, rte_ipv4_hdr_len(ip4)) == 0xffff;
		value->l3_len_ok = length >= rte_ipv4_hdr_len(ip4) && length <= left;
		value->l3_ok = value->ipv4_csum_ok && value->l3_len_ok;
		return;
	}
	ip6 = cursor_ipv6(cursor);
	if (ip6 == NULL)
		return;
	value->l3_len_ok = rte_be_to_cpu_16(ip6->payload_len) + sizeof(*ip6) <= left;
	value->l3_ok = value->l3_len_ok;
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
