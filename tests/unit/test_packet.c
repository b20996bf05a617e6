/* SPDX-License-Identifier: Apache-2.0 */
#include "l2_frames.h"

#include <rte_udp.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

static uint32_t
hash_of(struct fixture *f, const struct frame *frame, uint8_t fragment)
{
	struct rte_mbuf *m = fixture_packet(f, frame->bytes, frame->len);
	bool v4 = frame->bytes[12] == 0x08;
	struct packet_ctx ctx = {
		.l2_len = 14,
		.ether_type = v4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6,
		.l3_len = v4 ? 20 : 40,
		.ip_proto = IPPROTO_UDP,
		.fragment = fragment,
	};
	uint32_t hash;

	if (frame->bytes[12] == 0x88)
		ctx.l3_len = 0;
	hash = packet_hash(m, &ctx);
	assert_true(ctx.flags & PACKET_HASHED);
	assert_int_equal(ctx.hash, hash);
	rte_pktmbuf_free(m);
	return hash;
}

static void
swap_ports(struct frame *frame, uint16_t l4)
{
	uint8_t kept[2];

	memcpy(kept, frame->bytes + l4, 2);
	memcpy(frame->bytes + l4, frame->bytes + l4 + 2, 2);
	memcpy(frame->bytes + l4 + 2, kept, 2);
}

static void
test_hash_is_symmetric(void **state)
{
	struct fixture *f = *state;
	struct frame there = frame_udp4(2, 3, NULL), back = frame_udp4(3, 2, NULL);

	swap_ports(&back, 34);
	assert_int_equal(hash_of(f, &there, 0), hash_of(f, &back, 0));
	there = frame_udp6(2, 3, NULL);
	back = frame_udp6(3, 2, NULL);
	swap_ports(&back, 54);
	assert_int_equal(hash_of(f, &there, 0), hash_of(f, &back, 0));
	there.bytes[12] = back.bytes[12] = 0x88;
	assert_int_equal(hash_of(f, &there, 0), hash_of(f, &back, 0));
}

static void
test_hash_of_fragments(void **state)
{
	struct fixture *f = *state;
	struct frame first = frame_udp4(2, 3, NULL), later = first;

	later.bytes[35] ^= 0xff;
	assert_int_equal(hash_of(f, &first, PACKET_FIRST_FRAGMENT),
		hash_of(f, &later, PACKET_LATER_FRAGMENT));
	assert_int_not_equal(hash_of(f, &first, PACKET_WHOLE), hash_of(f, &later, PACKET_WHOLE));
}

// Flows that differ in one port fill 16 buckets evenly, by low and by high bits.
static void
test_hash_spreads(void **state)
{
	struct fixture *f = *state;
	unsigned int low[16] = {0}, high[16] = {0};

	for (uint16_t i = 0; i < 4096; i++) {
		struct frame frame = frame_udp4(2, 3, NULL);
		struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(frame.bytes + 34);
		uint32_t hash;

		udp->src_port = rte_cpu_to_be_16((uint16_t)(32768 + i));
		hash = hash_of(f, &frame, PACKET_WHOLE);
		low[hash & 15]++;
		high[hash >> 28]++;
	}
	for (int i = 0; i < 16; i++) {
		assert_in_range(low[i], 192, 320);
		assert_in_range(high[i], 192, 320);
	}
}

// Address pairs with the same XOR must not collide.
static void
test_hash_of_related_addresses(void **state)
{
	struct fixture *f = *state;
	struct frame a = frame_udp4(2, 3, NULL), b = frame_udp4(4, 5, NULL);

	assert_int_not_equal(hash_of(f, &a, 0), hash_of(f, &b, 0));
}

static void
test_room(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, NULL);
	struct rte_mbuf *m = fixture_packet(f, frame.bytes, frame.len);

	packet_poison(m);
	assert_non_null(packet_prepend(m, 4));
	memset(rte_pktmbuf_mtod(m, void *), 0, 4);
	assert_int_equal(m->pkt_len, frame.len + 4);
	assert_non_null(packet_adj(m, 4));
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), frame.bytes, frame.len);
	assert_non_null(packet_append(m, 10));
	memset(rte_pktmbuf_mtod_offset(m, void *, frame.len), 0, 10);
	assert_int_equal(packet_trim(m, 10), 0);
	assert_int_equal(m->pkt_len, frame.len);
	assert_null(packet_prepend(m, UINT16_MAX));
	assert_null(packet_append(m, UINT16_MAX));
	assert_null(packet_adj(m, UINT16_MAX));
	assert_int_equal(packet_trim(m, UINT16_MAX), -1);
	packet_expose(m);
	rte_pktmbuf_free(m);
}

#ifdef __SANITIZE_ADDRESS__
// Sanitizer builds report a read of one byte beyond the frame, and of the headroom.
static void
test_poison(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, NULL);

	for (uint16_t len = 14; len <= frame.len; len++) {
		struct rte_mbuf *m = fixture_packet(f, frame.bytes, len);
		char *data = rte_pktmbuf_mtod(m, char *);

		packet_poison(m);
		assert_null(__asan_region_is_poisoned(data, len));
		assert_ptr_equal(__asan_region_is_poisoned(data, len + 1u), data + len);
		assert_true(__asan_address_is_poisoned(data - 8));
		assert_non_null(packet_append(m, 1));
		assert_null(__asan_region_is_poisoned(data, len + 1u));
		assert_int_equal(packet_trim(m, 1), 0);
		assert_ptr_equal(__asan_region_is_poisoned(data, len + 1u), data + len);
		packet_expose(m);
		assert_null(__asan_region_is_poisoned(m->buf_addr, m->buf_len));
		rte_pktmbuf_free(m);
	}
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		l2_test(test_hash_is_symmetric),
		l2_test(test_hash_of_fragments),
		l2_test(test_hash_spreads),
		l2_test(test_hash_of_related_addresses),
		l2_test(test_room),
#ifdef __SANITIZE_ADDRESS__
		l2_test(test_poison),
#endif
	};

	return cmocka_run_group_tests(tests, setup_ports, fixture_teardown);
}
