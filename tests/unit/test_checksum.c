/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "fixture.h"

#include "checksum.h"
#include "frames.h"

// A small generator of our own, so that a failure comes again.
static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

// RFC 1624, 4: the example that equation 2 of RFC 1141 gets wrong.
static void
test_replace_rfc1624_example(void **state)
{
	assert_int_equal(checksum_replace16(0xdd2f, 0x5555, 0x3285), 0x0000);
}

static uint16_t
sum_words(const uint16_t *words, int n)
{
	uint32_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += words[i];
	return checksum_fold(sum);
}

// After any change of any word the update is what a sum from scratch gives; where one's complement
// has two zeros, the receiver's check must still succeed.
static void
test_replace_corners(void **state)
{
	static const uint16_t corners[] = {0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff, 0x00ff, 0xff00};
	uint32_t seed = 1;

	for (size_t i = 0; i < RTE_DIM(corners); i++) {
		for (size_t k = 0; k < RTE_DIM(corners); k++) {
			uint16_t words[3] = {corners[i], (uint16_t)next_random(&seed), 0};

			words[2] = (uint16_t)~sum_words(words, 2);
			words[2] = checksum_replace16(words[2], words[0], corners[k]);
			words[0] = corners[k];
			assert_int_equal(sum_words(words, 3), 0xffff);
		}
	}
}

// A header whose other words sum to 0xffff has checksum 0, and its update may not turn that into
// something that fails.
static void
test_replace_zero_and_ones(void **state)
{
	for (uint32_t from = 0; from <= 0xffff; from += 0x101) {
		uint16_t words[3] = {(uint16_t)from, (uint16_t)(0xffff - from), 0};

		words[2] = checksum_replace16(0x0000, words[0], 0x1234);
		words[0] = 0x1234;
		assert_int_equal(sum_words(words, 3), 0xffff);
		words[0] = (uint16_t)from;
		words[2] = checksum_replace16(0xffff, words[0], 0x1234);
		words[0] = 0x1234;
		assert_int_equal(sum_words(words, 3), 0xffff);
	}
}

static void
test_replace32(void **state)
{
	uint32_t seed = 7;

	for (int i = 0; i < 1000; i++) {
		uint16_t words[4] = {(uint16_t)next_random(&seed), (uint16_t)next_random(&seed),
			(uint16_t)next_random(&seed), 0};
		uint32_t from, to = next_random(&seed) ^ next_random(&seed) << 16;

		words[3] = (uint16_t)~sum_words(words, 3);
		memcpy(&from, words, sizeof(from));
		words[3] = checksum_replace32(words[3], from, to);
		memcpy(words, &to, sizeof(to));
		assert_int_equal(sum_words(words, 4), 0xffff);
	}
}

// A chain of segments with these lengths.
static struct rte_mbuf *
make_chain(struct fixture *f, const uint8_t *bytes, const uint16_t *lens, int n)
{
	struct rte_mbuf *head = NULL;

	for (int i = 0; i < n; i++) {
		struct rte_mbuf *m = fixture_packet(f, bytes, lens[i]);

		bytes += lens[i];
		if (head == NULL)
			head = m;
		else
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
	}
	return head;
}

// Segments of odd lengths in every place, and bytes that make carries.
static void
test_sum_over_odd_chain(void **state)
{
	static const uint16_t lens[] = {33, 1, 500, 7, 1024, 0, 3};
	struct fixture *f = *state;
	uint8_t bytes[1568];
	struct rte_mbuf *m;
	uint16_t sum;

	memset(bytes, 0xff, sizeof(bytes));
	for (uint32_t i = 0; i < sizeof(bytes); i += 5)
		bytes[i] = (uint8_t)i;
	m = make_chain(f, bytes, lens, RTE_DIM(lens));
	assert_int_equal(m->pkt_len, sizeof(bytes));
	for (uint32_t offset = 0; offset < 40; offset++) {
		for (uint32_t len = 0; len <= sizeof(bytes) - 40; len += 31) {
			assert_int_equal(checksum_sum(m, offset, len, &sum), 0);
			assert_int_equal(rte_be_to_cpu_16(sum), frame_sum(bytes + offset, len, 0));
		}
	}
	assert_int_equal(checksum_sum(m, 0, sizeof(bytes) + 1, &sum), -EINVAL);
	assert_int_equal(checksum_sum(m, UINT32_MAX, 2, &sum), -EINVAL);
	assert_int_equal(checksum_sum(m, 1, UINT32_MAX, &sum), -EINVAL);
	rte_pktmbuf_free(m);
}

static struct rte_mbuf *
unfinished_udp4(struct fixture *f, struct packet_ctx *ctx, uint16_t payload)
{
	uint8_t frame[2048];
	uint16_t len = fixture_udp4(frame, 1, 2, NULL, payload);
	struct rte_udp_hdr *udp = (void *)(frame + 34);
	struct rte_mbuf *m;

	udp->dgram_cksum = checksum_pseudo4(frame_ip4(frame), IPPROTO_UDP, 8u + payload);
	assert_int_equal(udp->dgram_cksum, rte_ipv4_phdr_cksum(frame_ip4(frame), 0));
	m = fixture_packet(f, frame, len);
	m->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4;
	*ctx = (struct packet_ctx){.ether_type = RTE_ETHER_TYPE_IPV4,
		.l2_len = 14,
		.l3_len = 20,
		.ip_proto = IPPROTO_UDP};
	return m;
}

static void
test_finish(void **state)
{
	struct packet_ctx ctx;
	struct rte_mbuf *m = unfinished_udp4(*state, &ctx, 999);

	assert_int_equal(checksum_finish(m, &ctx), 0);
	assert_true(frame_l4_is_right4(packet_ipv4(m, &ctx)));
	assert_int_equal(m->ol_flags, 0);
	assert_int_equal(checksum_finish(m, &ctx), 0); // nothing left to do
	assert_true(frame_l4_is_right4(packet_ipv4(m, &ctx)));
	rte_pktmbuf_free(m);
}

// A sum of zero would mean "no checksum" (RFC 768).
static void
test_finish_udp_zero(void **state)
{
	struct packet_ctx ctx;
	struct rte_mbuf *m = unfinished_udp4(*state, &ctx, 2);
	struct rte_udp_hdr *udp = packet_l4(m, &ctx);
	uint8_t *payload = (uint8_t *)(udp + 1);
	uint16_t sum;

	memset(payload, 0, 2);
	assert_int_equal(checksum_sum(m, 34, 10, &sum), 0);
	sum = (uint16_t)~sum;
	memcpy(payload, &sum, 2);
	assert_int_equal(checksum_finish(m, &ctx), 0);
	assert_int_equal(udp->dgram_cksum, 0xffff);
	rte_pktmbuf_free(m);
}

static void
test_finish_refuses(void **state)
{
	struct packet_ctx ctx;
	struct rte_mbuf *m = unfinished_udp4(*state, &ctx, 100);
	struct rte_ipv4_hdr *ip = packet_ipv4(m, &ctx);

	m->ol_flags = RTE_MBUF_F_TX_TCP_CKSUM; // not what the packet is
	assert_int_equal(checksum_finish(m, &ctx), -EINVAL);
	m->ol_flags = RTE_MBUF_F_TX_SCTP_CKSUM;
	assert_int_equal(checksum_finish(m, &ctx), -EINVAL);
	m->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM;
	ip->total_length = rte_cpu_to_be_16(27); // ends before the field
	assert_int_equal(checksum_finish(m, &ctx), -EINVAL);
	ip->total_length = rte_cpu_to_be_16(129); // ends behind the frame
	assert_int_equal(checksum_finish(m, &ctx), -EINVAL);
	ip->total_length = rte_cpu_to_be_16(128);
	ctx.fragment = PACKET_FIRST_FRAGMENT;
	assert_int_equal(checksum_finish(m, &ctx), -EINVAL);
	ctx.fragment = PACKET_WHOLE;
	assert_int_equal(checksum_finish(m, &ctx), 0);
	rte_pktmbuf_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replace_rfc1624_example),
		cmocka_unit_test(test_replace_corners),
		cmocka_unit_test(test_replace_zero_and_ones),
		cmocka_unit_test(test_replace32),
		frames_test(test_sum_over_odd_chain),
		frames_test(test_finish),
		frames_test(test_finish_udp_zero),
		frames_test(test_finish_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
