/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_L2_FRAMES_H
#define TESTS_L2_FRAMES_H

// What the tests of the L2 stages share: frames that are built field by field, changes of a port.

#include <string.h>

#include <rte_arp.h>

#include "fixture.h"
#include "stages/nd.h"

#define ROUTER_MAC "02:00:00:00:00:01"
#define BROADCAST_MAC "ff:ff:ff:ff:ff:ff"

struct frame {
	uint8_t bytes[2048];
	uint16_t len;
};

static inline struct rte_ether_hdr *
frame_ether(struct frame *frame)
{
	return (struct rte_ether_hdr *)frame->bytes;
}

static inline struct rte_ipv4_hdr *
frame_ipv4(struct frame *frame)
{
	return (struct rte_ipv4_hdr *)(frame->bytes + RTE_ETHER_HDR_LEN);
}

static inline struct rte_ipv6_hdr *
frame_ipv6(struct frame *frame)
{
	return (struct rte_ipv6_hdr *)(frame->bytes + RTE_ETHER_HDR_LEN);
}

static inline struct frame
frame_udp4(uint16_t from, uint16_t to, const char *dst_mac)
{
	struct frame frame = {.len = 0};

	frame.len = fixture_udp4(frame.bytes, from, to, dst_mac, 18);
	return frame;
}

static inline struct frame
frame_udp6(uint16_t from, uint16_t to, const char *dst_mac)
{
	struct frame frame = {.len = 0};

	frame.len = fixture_udp6(frame.bytes, from, to, dst_mac, 18);
	return frame;
}

static inline void
frame_fix_ipv4(struct frame *frame)
{
	struct rte_ipv4_hdr *ip = frame_ipv4(frame);
	size_t len = (ip->version_ihl & 0xfu) * 4;

	ip->hdr_checksum = 0;
	ip->hdr_checksum = (rte_be16_t)~rte_raw_cksum(ip, len);
}

// Opens a gap of len bytes at an offset and fills it.
static inline void
frame_insert(struct frame *frame, uint16_t at, const void *bytes, uint16_t len)
{
	memmove(frame->bytes + at + len, frame->bytes + at, frame->len - at);
	memcpy(frame->bytes + at, bytes, len);
	frame->len = (uint16_t)(frame->len + len);
}

static inline void
frame_tag(struct frame *frame, uint16_t tci)
{
	const uint8_t tag[4] = {0x81, 0x00, (uint8_t)(tci >> 8), (uint8_t)tci};

	frame_insert(frame, 2 * RTE_ETHER_ADDR_LEN, tag, sizeof(tag));
}

static inline struct rte_ether_addr
port_mac(uint16_t port)
{
	return (struct rte_ether_addr){{2, 0, 0, 0, 1, (uint8_t)port}};
}

static inline rte_be32_t
port_ip4(uint16_t port)
{
	return rte_cpu_to_be_32(RTE_IPV4(10, 1, 0, 0) + port);
}

static inline void
port_ip6(uint16_t port, uint8_t addr[16])
{
	memset(addr, 0, 16);
	addr[0] = 0xfd;
	addr[3] = 0x01;
	addr[15] = (uint8_t)port;
}

static inline struct rte_arp_hdr *
frame_arp_header(struct frame *frame)
{
	return (struct rte_arp_hdr *)(frame->bytes + RTE_ETHER_HDR_LEN);
}

// ARP as port 'from' would send it; a request is broadcast.
static inline struct frame
frame_arp(uint16_t op, uint16_t from, rte_be32_t sender, rte_be32_t target)
{
	struct frame frame = {.len = 60};
	struct rte_arp_hdr *arp = frame_arp_header(&frame);

	memset(frame_ether(&frame)->dst_addr.addr_bytes, 0xff, RTE_ETHER_ADDR_LEN);
	frame_ether(&frame)->src_addr = port_mac(from);
	frame_ether(&frame)->ether_type = RTE_BE16(RTE_ETHER_TYPE_ARP);
	arp->arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = RTE_ETHER_ADDR_LEN;
	arp->arp_plen = 4;
	arp->arp_opcode = rte_cpu_to_be_16(op);
	arp->arp_data.arp_sha = port_mac(from);
	arp->arp_data.arp_sip = sender;
	arp->arp_data.arp_tip = target;
	return frame;
}

static inline struct nd_message *
frame_nd_message(struct frame *frame)
{
	return (struct nd_message *)(frame->bytes + RTE_ETHER_HDR_LEN
				     + sizeof(struct rte_ipv6_hdr));
}

static inline struct nd_link_option *
frame_nd_option(struct frame *frame)
{
	return (struct nd_link_option *)(frame_nd_message(frame) + 1);
}

// Computes lengths and checksum anew. No extension headers.
static inline void
frame_fix_icmp6(struct frame *frame)
{
	struct rte_ipv6_hdr *ip = frame_ipv6(frame);
	struct nd_message *message = frame_nd_message(frame);

	ip->payload_len =
		rte_cpu_to_be_16((uint16_t)(frame->len - RTE_ETHER_HDR_LEN - sizeof(*ip)));
	message->checksum = 0;
	message->checksum = rte_ipv6_udptcp_cksum(ip, message);
}

// A neighbour solicitation or advertisement of port 'from' with a link-layer address option, to the
// target's solicited-node group.
static inline struct frame
frame_nd(uint8_t type, uint16_t from, const uint8_t src[16], const uint8_t target[16])
{
	struct frame frame = {.len = 86};
	struct rte_ipv6_hdr *ip = frame_ipv6(&frame);
	uint8_t group[16] = {0xff, 0x02, [11] = 1, 0xff, target[13], target[14], target[15]};

	frame_ether(&frame)->dst_addr =
		(struct rte_ether_addr){{0x33, 0x33, 0xff, target[13], target[14], target[15]}};
	frame_ether(&frame)->src_addr = port_mac(from);
	frame_ether(&frame)->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6);
	ip->vtc_flow = RTE_BE32(6u << 28);
	ip->proto = IPPROTO_ICMPV6;
	ip->hop_limits = 255;
	memcpy(ipv6_src(ip), src, 16);
	memcpy(ipv6_dst(ip), group, 16);
	frame_nd_message(&frame)->type = type;
	memcpy(frame_nd_message(&frame)->target, target, 16);
	frame_nd_option(&frame)->type = type == ND_NEIGHBOR_ADVERTISEMENT
						? ND_OPTION_TARGET_ADDRESS
						: ND_OPTION_SOURCE_ADDRESS;
	frame_nd_option(&frame)->length = 1;
	frame_nd_option(&frame)->mac = port_mac(from);
	frame_fix_icmp6(&frame);
	return frame;
}

static inline void
inject(struct fixture *f, uint16_t port, const struct frame *frame)
{
	fixture_inject_one(f, port, frame->bytes, frame->len);
}

static inline void
change_guard(struct dp_port *port, void *arg)
{
	port->guard = *(uint32_t *)arg;
}

static inline void
change_flags(struct dp_port *port, void *arg)
{
	port->flags = *(uint32_t *)arg;
}

static inline void
change_kind(struct dp_port *port, void *arg)
{
	port->kind = *(uint8_t *)arg;
}

static inline void
change_mtu(struct dp_port *port, void *arg)
{
	port->mtu = *(uint16_t *)arg;
}

static inline void
change_vlan(struct dp_port *port, void *arg)
{
	port->vlan = *(uint16_t *)arg;
}

static inline void
change_capabilities(struct dp_port *port, void *arg)
{
	port->capabilities = *(uint32_t *)arg;
}

// Injects one frame and expects that it is dropped for this reason and nothing leaves.
#define assert_dropped(f, port, frame, reason)                                 \
	do {                                                                   \
		uint64_t before_ = fixture_drops(f, port, reason);             \
		inject(f, port, frame);                                        \
		assert_int_equal(fixture_drops(f, port, reason), before_ + 1); \
	} while (0)

// Injects one frame and expects it at another port, unchanged.
#define assert_passed(f, port, frame, to)  \
	do {                               \
		fixture_sent_clear(f);     \
		inject(f, port, frame);    \
		assert_sent(f, to, frame); \
		fixture_sent_clear(f);     \
	} while (0)

#define assert_sent(f, to, frame)                                   \
	do {                                                        \
		assert_int_equal(fixture_sent(f, to), 1);           \
		assert_frame(fixture_sent_packet(f, to, 0), frame); \
	} while (0)

#define assert_frame(m, frame)                                                                   \
	do {                                                                                     \
		uint8_t copy_[2048];                                                             \
		assert_int_equal(rte_pktmbuf_pkt_len(m), (frame)->len);                          \
		assert_memory_equal(rte_pktmbuf_read(m, 0, (frame)->len, copy_), (frame)->bytes, \
			(frame)->len);                                                           \
	} while (0)

// Group setup: ports 1 to 3 in network 0.
static inline int
setup_ports(void **state)
{
	if (fixture_setup(state) != 0)
		return -1;
	for (uint16_t id = 2; id <= 4; id++)
		fixture_port(*state, id);
	return 0;
}

// After each test: nothing lost, nothing left behind.
static inline int
check_books(void **state)
{
	struct fixture *f = *state;

	fixture_sent_clear(f);
	fixture_assert_balanced(f);
	fixture_assert_no_leak(f);
	return 0;
}

#define l2_test(function) cmocka_unit_test_setup_teardown(function, NULL, check_books)

#endif
