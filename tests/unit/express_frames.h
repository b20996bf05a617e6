/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_EXPRESS_FRAMES_H
#define TESTS_EXPRESS_FRAMES_H

// Random frames between ports 2, 3 and 4 of the fixture, most of them in order, some not. All
// payload is a pattern that names flow and place, so that whatever is made of a frame shows them.

#include <stdlib.h>

#include "l2_frames.h"

#define EXPRESS_FLOWS 12
#define EXPRESS_ROUTE "10.9.0.0" // /16, to port 3

struct express_frame {
	struct frame frame;
	uint64_t ol_flags;
	uint16_t segment; // super-frames
	uint16_t cut; // bytes in the first segment, 0: all
};

static inline uint32_t
pick(uint32_t n)
{
	return (uint32_t)random() % n;
}

#define PATTERN_LEN 8 // long enough for no checksum or address to look like it

static inline void
make_pattern(uint8_t *pattern, uint8_t flow, uint8_t place)
{
	const uint8_t bytes[PATTERN_LEN] = {
		0xa5, 0x5a, flow, place, (uint8_t)~flow, (uint8_t)~place, 0x5a, 0xa5};

	memcpy(pattern, bytes, sizeof(bytes));
}

static inline void
fill_pattern(uint8_t *at, size_t len, uint8_t flow, uint8_t place)
{
	uint8_t pattern[PATTERN_LEN];

	make_pattern(pattern, flow, place);
	for (size_t i = 0; i < len; i++)
		at[i] = pattern[i % sizeof(pattern)];
}

static inline void
finish4(struct frame *frame)
{
	struct rte_ipv4_hdr *ip = frame_ipv4(frame);

	ip->total_length = rte_cpu_to_be_16((uint16_t)(frame->len - RTE_ETHER_HDR_LEN));
	frame_fix_ipv4(frame);
}

static inline uint16_t
payload_length(void)
{
	static const uint16_t lengths[] = {8, 8, 8, 18, 18, 100, 700, 1472, 1473, 1900};

	return lengths[pick(RTE_DIM(lengths))];
}

// The same flow has the same family, addresses and ports.
static inline struct frame
flow_frame(uint16_t in, uint8_t flow, uint8_t place)
{
	uint16_t to = (uint16_t)(2 + (in - 2 + 1 + flow % 2) % 3), len = payload_length();
	const char *mac = flow % 3 == 0 ? ROUTER_MAC : NULL;
	struct frame frame = {.len = 0};
	size_t headers = RTE_ETHER_HDR_LEN + (flow % 4 == 3 ? 40 : 20) + 8;

	if (flow % 4 == 3)
		frame.len = fixture_udp6(frame.bytes, in, to, mac, len);
	else
		frame.len = fixture_udp4(frame.bytes, in, to, mac, len);
	fill_pattern(frame.bytes + headers, len, flow, place);
	if (flow == 6) // by the longest prefix
		frame_ipv4(&frame)->dst_addr = RTE_BE32(RTE_IPV4(10, 9, 0, 7));
	if (flow == 9) // nobody is there
		frame_ipv4(&frame)->dst_addr = RTE_BE32(RTE_IPV4(10, 1, 0, 99));
	if (flow == 10)
		frame_ether(&frame)->dst_addr.addr_bytes[2] = 7; // in no table
	if (flow == 8) {
		frame_ipv4(&frame)->next_proto_id = IPPROTO_TCP;
		frame.bytes[headers + 4] = 0x50; // header length, where the pattern was
	}
	if (flow % 4 != 3)
		finish4(&frame);
	return frame;
}

static inline void
to_group(struct frame *frame)
{
	static const uint8_t groups[][6] = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {1, 0, 0x5e, 1},
		{0x33, 0x33, 1}, {1, 0x80, 0xc2, 0, 0, 0}};

	memcpy(frame->bytes, groups[pick(RTE_DIM(groups))], 6);
}

static inline void
set_l4_ports(struct frame *frame, uint16_t src, uint16_t dst)
{
	size_t at = RTE_ETHER_HDR_LEN + (frame->bytes[14] >> 4 == 6 ? 40 : 20);
	const rte_be16_t ports[2] = {rte_cpu_to_be_16(src), rte_cpu_to_be_16(dst)};

	memcpy(frame->bytes + at, ports, sizeof(ports));
}

static inline void
add_options(struct frame *frame)
{
	static const uint8_t nop[4] = {1, 1, 1, 0}, strange[4] = {131, 4, 4, 0};

	frame_insert(frame, RTE_ETHER_HDR_LEN + 20, pick(2) ? nop : strange, 4);
	frame->bytes[RTE_ETHER_HDR_LEN]++;
	finish4(frame);
}

static inline void
spoil4(struct frame *frame)
{
	struct rte_ipv4_hdr *ip = frame_ipv4(frame);

	switch (pick(8)) {
	case 0:
		add_options(frame);
		return;
	case 1:
		ip->fragment_offset = rte_cpu_to_be_16((uint16_t)(pick(2) << 13 | pick(3)));
		break;
	case 2:
		ip->time_to_live = (uint8_t)pick(3);
		break;
	case 3:
		ip->src_addr = rte_cpu_to_be_32(RTE_IPV4(10, 1, 0, pick(6)));
		break;
	case 4:
		ip->dst_addr = rte_cpu_to_be_32(
			pick(2) ? RTE_IPV4(127, 0, 0, 1) : RTE_IPV4(224u, 0, 0, 5));
		break;
	case 5:
		ip->next_proto_id = (uint8_t)(pick(2) ? 6 : pick(256));
		break;
	case 6:
		ip->total_length = rte_cpu_to_be_16((uint16_t)pick(100));
		break;
	default:
		ip->hdr_checksum ^= 1;
		return;
	}
	frame_fix_ipv4(frame);
}

static inline void
spoil6(struct frame *frame)
{
	struct rte_ipv6_hdr *ip = frame_ipv6(frame);
	static const uint8_t protos[] = {0, 6, 43, 44, 58, 60, 132, 200};

	switch (pick(5)) {
	case 0:
		ip->proto = protos[pick(RTE_DIM(protos))];
		break;
	case 1:
		ip->hop_limits = (uint8_t)pick(3);
		break;
	case 2:
		ipv6_src(ip)[15] = (uint8_t)pick(6);
		break;
	case 3:
		memcpy(ipv6_dst(ip), "\xfe\x80\0\0\0\0\0", 8);
		break;
	default:
		ip->payload_len = rte_cpu_to_be_16((uint16_t)pick(100));
	}
}

#define EXPRESS_FRAME_MIN 42 // bytes of the shortest frame made here

static inline void
spoil_frame(struct express_frame *f)
{
	struct frame *frame = &f->frame;
	bool is_v6 = frame->bytes[14] >> 4 == 6;

	if (frame->len < EXPRESS_FRAME_MIN)
		return; // was cut before: nothing left to write into
	switch (pick(12)) {
	case 0:
		to_group(frame);
		break;
	case 1:
		frame_tag(frame, (uint16_t)(pick(4) == 0 ? 0 : 7 + pick(3)));
		break;
	case 2:
		frame->bytes[6 + pick(6)] ^= (uint8_t)(1u << pick(8)); // source MAC
		break;
	case 3:
		frame->bytes[12 + pick(2)] ^= (uint8_t)(1u << pick(8)); // EtherType
		break;
	case 4:
		frame->len = (uint16_t)pick(70); // shorter than it says, or padded
		break;
	case 5:
		f->cut = (uint16_t)(1 + pick(80));
		break;
	case 6:
		f->ol_flags = pick(2) ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM;
		if (pick(2)) {
			f->ol_flags |= pick(4) ? RTE_MBUF_F_TX_UDP_SEG : RTE_MBUF_F_TX_TCP_SEG;
			f->segment = (uint16_t)(pick(4) * 300);
		}
		break;
	case 7:
		set_l4_ports(frame, is_v6 ? 547 : 67, is_v6 ? 546 : 68);
		break;
	case 8:
		memcpy(frame->bytes, frame->bytes + 6, 6); // to itself
		break;
	default:
		if (is_v6)
			spoil6(frame);
		else
			spoil4(frame);
	}
}

static inline struct express_frame
random_frame(uint16_t in, uint8_t place, uint32_t spoilt_percent)
{
	struct express_frame f = {.ol_flags = 0};

	f.frame = flow_frame(in, (uint8_t)pick(EXPRESS_FLOWS), place);
	if (pick(100) < spoilt_percent / 4)
		f.frame = frame_arp(1 + (uint16_t)pick(2), in, port_ip4(in), port_ip4(3));
	while (pick(100) < spoilt_percent)
		spoil_frame(&f);
	return f;
}

#endif
