/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FRAMES_H
#define TESTS_FRAMES_H

// What the tests of the router's stages do to frames, beyond the fixture's builders.

#include <arpa/inet.h>

#include <rte_cycles.h>
#include <rte_icmp.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "fixture.h"

#define ROUTER "02:00:00:00:00:01"

static inline struct rte_ipv4_hdr *
frame_ip4(uint8_t *frame)
{
	return (void *)(frame + sizeof(struct rte_ether_hdr));
}

static inline struct rte_ipv6_hdr *
frame_ip6(uint8_t *frame)
{
	return (void *)(frame + sizeof(struct rte_ether_hdr));
}

// Makes the header checksum right again.
static inline void
frame_seal4(uint8_t *frame)
{
	struct rte_ipv4_hdr *ip = frame_ip4(frame);

	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static inline void
frame_set_ip6(uint8_t *field, const char *text)
{
	struct cw_ip ip = {.family = 6};

	if (inet_pton(AF_INET6, text, ip.addr) != 1)
		fail_msg("%s is no IPv6 address", text);
	memcpy(field, ip.addr, 16);
}

static inline rte_be32_t
frame_ip(const char *text)
{
	rte_be32_t ip;

	if (inet_pton(AF_INET, text, &ip) != 1)
		fail_msg("%s is no IPv4 address", text);
	return ip;
}

// Makes room for len bytes behind the first 'at' bytes of a frame of 'size' bytes.
static inline void
frame_insert(uint8_t *frame, uint16_t size, uint16_t at, const void *bytes, uint16_t len)
{
	memmove(frame + at + len, frame + at, size - at);
	memcpy(frame + at, bytes, len);
}

// The one frame that left by the port: its bytes (in one segment) and length.
static inline uint8_t *
frame_only(struct fixture *f, uint16_t port, uint32_t *len)
{
	struct rte_mbuf *m;

	assert_int_equal(fixture_sent(f, port), 1);
	m = fixture_sent_packet(f, port, 0);
	assert_int_equal(m->nb_segs, 1);
	if (len != NULL)
		*len = m->pkt_len;
	return rte_pktmbuf_mtod(m, uint8_t *);
}

// One's complement sum over bytes that may be odd in number, by the book (RFC 1071).
static inline uint16_t
frame_sum(const uint8_t *bytes, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
	while (sum > UINT16_MAX)
		sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}

// Whether the checksum over the L4 part is right; len: of it, bytes. ICMP has no pseudo-header.
static inline bool
frame_l4_is_right4(const struct rte_ipv4_hdr *ip)
{
	uint32_t l3_len = (ip->version_ihl & 0xfu) * 4;
	uint32_t len = rte_be_to_cpu_16(ip->total_length) - l3_len;
	uint32_t sum = 0;

	if (ip->next_proto_id != IPPROTO_ICMP)
		sum = frame_sum((const uint8_t *)ip + 12, 8, ip->next_proto_id + len);
	return frame_sum((const uint8_t *)ip + l3_len, len, sum) == UINT16_MAX;
}

static inline bool
frame_l4_is_right6(const struct rte_ipv6_hdr *ip, uint32_t l3_len, uint8_t proto)
{
	uint32_t len = 40u + rte_be_to_cpu_16(ip->payload_len) - l3_len;

	return frame_sum((const uint8_t *)ip + l3_len, len,
		       frame_sum((const uint8_t *)ip + 8, 32, proto + len))
	       == UINT16_MAX;
}

static inline bool
frame_header_is_right4(const struct rte_ipv4_hdr *ip)
{
	return frame_sum((const uint8_t *)ip, (ip->version_ihl & 0xfu) * 4, 0) == UINT16_MAX;
}

// Setup and teardown of one test: a fixture with ports 2, 3 and 4 (1 would have the
// router's address), full token buckets; afterwards
// the books balance and no buffer is missing.
static inline int
frames_setup(void **state)
{
	static uint64_t now;
	struct fixture *f;
	int error = fixture_setup(state);

	if (error != 0)
		return error;
	f = *state;
	now += 10 * rte_get_tsc_hz();
	f->w->now_tsc = now;
	for (uint16_t id = 2; id <= 4; id++)
		fixture_port(f, id);
	return 0;
}

static inline int
frames_teardown(void **state)
{
	struct fixture *f = *state;

	fixture_assert_balanced(f);
	fixture_sent_clear(f);
	fixture_assert_no_leak(f);
	return fixture_teardown(state);
}

#define frames_test(function) \
	cmocka_unit_test_setup_teardown(function, frames_setup, frames_teardown)

#endif
