/* SPDX-License-Identifier: Apache-2.0 */
#include "act.h"

#include <string.h>

#include <rte_byteorder.h>

#include "headers.h"
#include "options.h"

#define TAG_AT 12 // of the outer tag's TPID
#define TAG_SIZE 4
#define PCP_SHIFT 13

bool
act_set_mac(struct frame *frame, const struct op *op, unsigned int wrong)
{
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)frame->data;

	if (frame->length < sizeof(*ether))
		return false;
	if (op->type == RTE_FLOW_ACTION_TYPE_SET_MAC_SRC) {
		ether->src_addr = op->mac;
		return true;
	}
	ether->dst_addr = op->mac;
	if (wrong & WRONG_MAC)
		ether->dst_addr.addr_bytes[5] ^= 1;
	return true;
}

bool
act_swap_macs(struct frame *frame)
{
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)frame->data;
	struct rte_ether_addr source;

	if (frame->length < sizeof(*ether))
		return false;
	source = ether->src_addr;
	ether->src_addr = ether->dst_addr;
	ether->dst_addr = source;
	return true;
}

// RFC 1624, equation 3.
static rte_be16_t
update_checksum(rte_be16_t checksum, uint16_t before, uint16_t after)
{
	uint32_t sum = (uint16_t)~rte_be_to_cpu_16(checksum) + (uint16_t)~before + after;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return rte_cpu_to_be_16((uint16_t)~sum);
}

static uint8_t
next_ttl(const struct op *op, uint8_t ttl, unsigned int wrong)
{
	if (op->type == RTE_FLOW_ACTION_TYPE_SET_TTL)
		return (uint8_t)op->number;
	return (uint8_t)(ttl - (wrong & WRONG_TTL ? 2 : 1));
}

// Decreasing says nothing of zero: who makes the rule has to keep such packets from it.
bool
act_ttl(struct frame *frame, const struct op *op, unsigned int wrong)
{
	struct cursor cursor = cursor_start(frame->data, frame->length);
	struct rte_ipv4_hdr *ip4;
	struct rte_ipv6_hdr *ip6;

	if (cursor_ether(&cursor) == NULL)
		return false;
	cursor_tags(&cursor);
	ip4 = (struct rte_ipv4_hdr *)(uintptr_t)cursor_ipv4(&cursor);
	if (ip4 != NULL) {
		uint16_t before = (uint16_t)(ip4->time_to_live << 8 | ip4->next_proto_id);

		ip4->time_to_live = next_ttl(op, ip4->time_to_live, wrong);
		if (!(wrong & WRONG_CHECKSUM))
			ip4->hdr_checksum = update_checksum(ip4->hdr_checksum, before,
				(uint16_t)(ip4->time_to_live << 8 | ip4->next_proto_id));
		return true;
	}
	ip6 = (struct rte_ipv6_hdr *)(uintptr_t)cursor_ipv6(&cursor);
	if (ip6 == NULL)
		return false;
	ip6->hop_limits = next_ttl(op, ip6->hop_limits, wrong);
	return true;
}

static bool
has_tag(const struct frame *frame)
{
	return frame->length >= TAG_AT + TAG_SIZE
	       && ether_type_is_tag((uint16_t)(frame->data[TAG_AT] << 8 | frame->data[TAG_AT + 1]));
}

// OpenFlow 1.3, 5.12: VID and PCP of the tag that is there already, else zero.
bool
act_push_tag(struct frame *frame, const struct op *op)
{
	uint8_t tci[2] = {0, 0};

	if (frame->length < RTE_ETHER_HDR_LEN)
		return false;
	if (has_tag(frame))
		memcpy(tci, frame->data + TAG_AT + 2, sizeof(tci));
	if (!frame_push(frame, TAG_SIZE))
		return false;
	memmove(frame->data, frame->data + TAG_SIZE, TAG_AT);
	memcpy(frame->data + TAG_AT, &op->tpid, sizeof(op->tpid));
	memcpy(frame->data + TAG_AT + 2, tci, sizeof(tci));
	return true;
}

bool
act_pop_tag(struct frame *frame)
{
	if (!has_tag(frame))
		return false;
	memmove(frame->data + TAG_SIZE, frame->data, TAG_AT);
	return frame_pull(frame, TAG_SIZE);
}

bool
act_set_tag(struct frame *frame, const struct op *op)
{
	uint16_t tci;

	if (!has_tag(frame))
		return false;
	tci = (uint16_t)(frame->data[TAG_AT + 2] << 8 | frame->data[TAG_AT + 3]);
	if (op->type == RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_VID)
		tci = (uint16_t)((tci & 0xf000) | (op->number & 0x0fff));
	else
		tci = (uint16_t)((tci & 0x1fff) | (op->number & 7) << PCP_SHIFT);
	frame->data[TAG_AT + 2] = (uint8_t)(tci >> 8);
	frame->data[TAG_AT + 3] = (uint8_t)tci;
	return true;
}
