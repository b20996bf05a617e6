/* SPDX-License-Identifier: Apache-2.0 */
#include "act.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "hash.h"
#include "headers.h"
#include "options.h"

#define FIRST_DYNAMIC_PORT 49152 // RFC 7348, 5: from here on for entropy

// What lies in front of IP in a header that was just put on, or 0: it ends below IP.
static size_t
l3_offset(const uint8_t *header, size_t size, uint16_t *ether_type)
{
	struct cursor cursor = cursor_start(header, size);

	if (cursor_ether(&cursor) == NULL)
		return 0;
	cursor_tags(&cursor);
	*ether_type = cursor.ether_type;
	return cursor.left > 0 ? (size_t)(cursor.at - header) : 0;
}

static void
finish_udp(struct frame *frame, size_t at, size_t size, const struct op *op, uint32_t entropy)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(frame->data + at);

	if (at + sizeof(*udp) > size)
		return;
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(frame->length - at));
	udp->dgram_cksum = 0;
	if (op->picks_source_port)
		udp->src_port =
			rte_cpu_to_be_16((uint16_t)(FIRST_DYNAMIC_PORT | (entropy & 0x3fff)));
}

static void
finish_ipv4(struct frame *frame, size_t at, size_t size, const struct op *op, uint32_t entropy)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame->data + at);

	if (at + sizeof(*ip) > size || at + rte_ipv4_hdr_len(ip) > size)
		return;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(frame->length - at));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	if (ip->next_proto_id == IPPROTO_UDP)
		finish_udp(frame, at + rte_ipv4_hdr_len(ip), size, op, entropy);
}

static void
finish_ipv6(struct frame *frame, size_t at, size_t size, const struct op *op, uint32_t entropy)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(frame->data + at);

	if (at + sizeof(*ip) > size)
		return;
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(frame->length - at - sizeof(*ip)));
	if (ip->proto == IPPROTO_UDP)
		finish_udp(frame, at + sizeof(*ip), size, op, entropy);
}

bool
act_encap(struct frame *frame, const struct op *op, unsigned int wrong)
{
	uint32_t entropy = hash_outer(frame);
	uint16_t ether_type = 0;
	size_t at;

	if (!frame_push(frame, op->header_size))
		return false;
	memcpy(frame->data, op->header, op->header_size);
	at = l3_offset(op->header, op->header_size, &ether_type);
	if (at != 0 && ether_type == RTE_ETHER_TYPE_IPV4)
		finish_ipv4(frame, at, op->header_size, op, entropy);
	else if (at != 0 && ether_type == RTE_ETHER_TYPE_IPV6)
		finish_ipv6(frame, at, op->header_size, op, entropy);
	for (size_t i = 0; i < op->header_size; i++)
		frame->data[i] = (uint8_t)((frame->data[i] & ~op->preserve[i])
					   | (op->header[i] & op->preserve[i]));
	if (at != 0 && (wrong & WRONG_VNI))
		frame->data[op->header_size - 2] ^= 1;
	return true;
}

bool
act_vxlan_decap(struct frame *frame)
{
	struct cursor cursor = cursor_start(frame->data, frame->length);

	if (cursor_ether(&cursor) == NULL)
		return false;
	cursor_tags(&cursor);
	if (cursor_ipv4(&cursor) == NULL && cursor_ipv6(&cursor) == NULL)
		return false;
	if (cursor_l4(&cursor, IPPROTO_UDP, sizeof(struct rte_udp_hdr)) == NULL
		|| cursor_bytes(&cursor, sizeof(struct rte_vxlan_hdr)) == NULL)
		return false;
	return frame_pull(frame, (size_t)(cursor.at - frame->data));
}
