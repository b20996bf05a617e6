/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_ROUTE_HELPER_H
#define TESTS_ROUTE_HELPER_H

// Routes and next hops of the tests of the router, and packets that need them: from port 4.

#include "frames.h"

static inline void
set_nexthop(struct fixture *f, uint32_t id, uint8_t kind, uint32_t port)
{
	const struct cw_nexthop object = {
		.id = id, .kind = kind, .port = port, .mac = {2, 0, 0, 9, 9, (uint8_t)id}};

	assert_int_equal(nexthop_set(f->dp->nexthops, &object), 0);
}

static inline void
set_route4(struct fixture *f, uint16_t network, const char *prefix, uint8_t length, uint32_t id)
{
	rte_be32_t ip = frame_ip(prefix);

	assert_int_equal(
		lpm_set(f->dp->networks[network]->routes4, (const uint8_t *)&ip, length, id), 0);
}

static inline void
set_route6(struct fixture *f, const char *prefix, uint8_t length, uint32_t id)
{
	uint8_t ip[16];

	frame_set_ip6(ip, prefix);
	assert_int_equal(lpm_set(f->dp->networks[0]->routes6, ip, length, id), 0);
}

static inline uint16_t
make_udp4_to(uint8_t *frame, const char *dst)
{
	uint16_t len = fixture_udp4(frame, 4, 2, ROUTER, 20);

	frame_ip4(frame)->dst_addr = frame_ip(dst);
	frame_seal4(frame);
	return len;
}

static inline uint16_t
make_udp6_to(uint8_t *frame, const char *dst)
{
	uint16_t len = fixture_udp6(frame, 4, 2, ROUTER, 20);

	frame_set_ip6(ipv6_dst(frame_ip6(frame)), dst);
	return len;
}

static inline void
inject4(struct fixture *f, const char *dst)
{
	uint8_t frame[256];
	uint16_t len = make_udp4_to(frame, dst);

	fixture_inject_one(f, 4, frame, len);
}

static inline void
inject6(struct fixture *f, const char *dst)
{
	uint8_t frame[256];
	uint16_t len = make_udp6_to(frame, dst);

	fixture_inject_one(f, 4, frame, len);
}

#endif
