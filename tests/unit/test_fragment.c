/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#include "super_frames.h"

static uint8_t original[66000], whole[66000];

static uint16_t mtu;

static void
set_mtu(struct dp_port *port, void *arg)
{
	port->mtu = mtu;
	port->vlan = arg != NULL ? *(const uint16_t *)arg : 0;
}

// From port 2 through the router to port 3.
static uint32_t
make_datagram(uint32_t payload)
{
	struct rte_ipv4_hdr *ip = frame_ip4(original);
	uint32_t len = fixture_udp4(original, 2, 3, ROUTER, (uint16_t)payload);

	ip->packet_id = RTE_BE16(0x4711);
	frame_seal4(original);
	return len;
}

static void
inject(struct fixture *f, uint32_t len)
{
	fixture_inject_one(f, 2, original, len);
}

// Puts the datagram together from frames [first, first + n) that left by port 3, checking each;
// returns the datagram's length. l2_len: of the frames.
static uint32_t
reassemble(struct fixture *f, uint16_t first, uint16_t n, uint16_t l2_len)
{
	uint32_t total = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = fixture_sent_packet(f, 3, (uint16_t)(first + i));
		const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, l2_len);
		uint32_t header = rte_ipv4_hdr_len(ip);
		uint32_t bits = rte_be_to_cpu_16(ip->fragment_offset);
		uint32_t at = (bits & RTE_IPV4_HDR_OFFSET_MASK) * 8, len = m->pkt_len - l2_len;

		assert_int_equal(m->nb_segs, 1);
		assert_int_equal(m->ol_flags, 0);
		assert_true(len <= mtu);
		assert_int_equal(rte_be_to_cpu_16(ip->total_length), len);
		assert_true(frame_header_is_right4(ip));
		assert_int_equal(ip->time_to_live, 63);
		assert_int_equal(at, i == 0 ? 0 : total - 20);
		assert_int_equal((bits & RTE_IPV4_HDR_MF_FLAG) != 0, i < n - 1);
		if (i == 0) {
			memcpy(whole, ip, len);
			total = len;
			continue;
		}
		memcpy(whole + total, (const uint8_t *)ip + header, len - header);
		total += len - header;
	}
	((struct rte_ipv4_hdr *)whole)->total_length = rte_cpu_to_be_16((uint16_t)total);
	return total;
}

// Sizes around the edges; the pieces make the datagram again, and its checksum is right.
static void
test_sizes(void **state)
{
	static const uint16_t mtus[] = {1500, 1400, 576, 1281};
	static const uint16_t payloads[] = {1473, 1480, 1481, 2953, 2952, 4000, 8000};
	struct fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(mtus) * RTE_DIM(payloads); i++) {
		uint32_t len = make_datagram(payloads[i % RTE_DIM(payloads)]);
		uint32_t room, n;

		mtu = mtus[i / RTE_DIM(payloads)];
		room = (mtu - 20u) / 8 * 8;
		n = (len - 34 + room - 1) / room;
		fixture_port_change(f, 3, set_mtu, NULL);
		inject(f, len);
		assert_int_equal(fixture_sent(f, 3), n);
		assert_memory_equal(rte_pktmbuf_mtod(fixture_sent_packet(f, 3, 0), void *),
			"\2\0\0\0\1\3\2\0\0\0\0\1\x08\0", 14);
		assert_int_equal(reassemble(f, 0, (uint16_t)n, 14), len - 14);
		assert_memory_equal(whole + 20, original + 34, len - 34);
		assert_memory_equal(whole + 4, original + 18, 2);
		assert_true(frame_l4_is_right4((const void *)whole));
		fixture_sent_clear(f);
	}
}

// An unfinished checksum is finished before it is torn apart.
static void
test_unfinished_checksum(void **state)
{
	struct fixture *f = *state;
	uint32_t len = make_datagram(3001);
	struct rte_udp_hdr *udp = (void *)(original + 34);
	struct rte_mbuf *m;

	mtu = 1500;
	udp->dgram_cksum = checksum_pseudo4(frame_ip4(original), IPPROTO_UDP, len - 34);
	m = fixture_packet(f, original, len);
	m->l2_len = 14;
	m->l3_len = 20;
	m->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4;
	fixture_inject(f, 2, &m, 1);
	assert_int_equal(fixture_sent(f, 3), 3);
	assert_int_equal(reassemble(f, 0, 3, 14), len - 14);
	assert_true(frame_l4_is_right4((const void *)whole));
}

static void
test_tag(void **state)
{
	struct fixture *f = *state;
	uint32_t len = make_datagram(2000);
	uint16_t vlan = 10;

	mtu = 1500;
	fixture_port_change(f, 3, set_mtu, &vlan);
	inject(f, len);
	assert_int_equal(fixture_sent(f, 3), 2);
	for (uint16_t i = 0; i < 2; i++)
		assert_memory_equal(rte_pktmbuf_mtod(fixture_sent_packet(f, 3, i), uint8_t *) + 12,
			"\x81\0\0\x0a\x08\0", 6);
	assert_int_equal(reassemble(f, 0, 2, 18), len - 14);
	assert_memory_equal(whole + 20, original + 34, len - 34);
}

// Fragments of a fragment continue its offset, and the last one is still not the last.
static void
test_fragment_again(void **state)
{
	struct fixture *f = *state;
	uint32_t len = make_datagram(2000);
	const struct rte_ipv4_hdr *ip;

	mtu = 1000;
	fixture_port_change(f, 3, set_mtu, NULL);
	frame_ip4(original)->fragment_offset = RTE_BE16(RTE_IPV4_HDR_MF_FLAG | 100);
	frame_seal4(original);
	inject(f, len);
	assert_int_equal(fixture_sent(f, 3), 3);
	for (uint16_t i = 0; i < 3; i++) {
		ip = rte_pktmbuf_mtod_offset(fixture_sent_packet(f, 3, i), void *, 14);
		assert_int_equal(rte_be_to_cpu_16(ip->fragment_offset),
			RTE_IPV4_HDR_MF_FLAG + 100 + i * (976 / 8));
		assert_true(frame_header_is_right4(ip));
	}
}

// RFC 791, 3.1: options with the copied bit go into every fragment, others only into the first.
static void
test_options(void **state)
{
	static const uint8_t options[] = {148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0};
	struct fixture *f = *state;
	uint32_t len = make_datagram(2000);
	const uint8_t *ip;

	frame_insert(original, (uint16_t)len, 34, options, sizeof(options));
	len += (uint32_t)sizeof(options);
	frame_ip4(original)->version_ihl = 0x48;
	frame_ip4(original)->total_length = rte_cpu_to_be_16((uint16_t)(len - 14));
	frame_seal4(original);
	mtu = 1500;
	fixture_port_change(f, 3, set_mtu, NULL);
	inject(f, len);
	assert_int_equal(fixture_sent(f, 3), 2);
	ip = rte_pktmbuf_mtod_offset(fixture_sent_packet(f, 3, 0), const uint8_t *, 14);
	assert_memory_equal(ip + 20, options, sizeof(options));
	ip = rte_pktmbuf_mtod_offset(fixture_sent_packet(f, 3, 1), const uint8_t *, 14);
	assert_true((ip[0] & 0xf) >= 6);
	assert_memory_equal(ip + 20, options, 4);
	for (uint32_t at = 24; at < (ip[0] & 0xfu) * 4; at++)
		assert_true(ip[at] <= 1); // end of options or padding
	assert_true(frame_header_is_right4((const void *)ip));
}

// Hundreds of fragments: more than the worker has slots.
static void
test_smallest_mtu(void **state)
{
	struct fixture *f = *state;
	uint32_t len = make_datagram(40000);

	mtu = CW_MTU_MIN;
	fixture_port_change(f, 3, set_mtu, NULL);
	inject(f, len);
	assert_int_equal(fixture_sent(f, 3), (len - 34 + 47) / 48);
	assert_int_equal(reassemble(f, 0, fixture_sent(f, 3), 14), len - 14);
	assert_memory_equal(whole + 20, original + 34, len - 34);
	assert_int_equal(fixture_counters(f, 2)->segments, fixture_sent(f, 3) - 1);
}

// UDP super-frame whose datagrams are longer than the MTU: cut, and each datagram fragmented.
static void
test_super_frame(void **state)
{
	static struct super_frame frame;
	struct fixture *f = *state;
	struct rte_mbuf *m;

	frame = (struct super_frame){
		.is_udp = true, .from = 2, .to = 3, .payload = 6000, .size = 2000};
	super_frame_build(&frame);
	memcpy(frame.bytes, "\2\0\0\0\0\1", 6);
	frame_ip4(frame.bytes)->fragment_offset = 0;
	frame_seal4(frame.bytes);
	m = super_frame_mbuf(f, &frame);
	mtu = 1500;
	fixture_inject(f, 2, &m, 1);
	assert_int_equal(fixture_sent(f, 3), 6);
	for (uint16_t i = 0; i < 3; i++) {
		const struct rte_ipv4_hdr *ip = (const void *)whole;

		assert_int_equal(reassemble(f, (uint16_t)(2 * i), 2, 14), 2028);
		assert_int_equal(rte_be_to_cpu_16(ip->packet_id), (0xfffe + i) & 0xffff);
		assert_true(frame_l4_is_right4(ip));
		assert_memory_equal(whole + 28, frame.bytes + 42 + i * 2000, 2000);
	}
}

// Only what is routed and may be fragmented is.
static void
test_not_fragmented(void **state)
{
	struct fixture *f = *state;
	uint32_t len = fixture_udp4(original, 2, 3, NULL, 2000);

	mtu = 1500;
	inject(f, len); // switched
	len = fixture_udp6(original, 2, 3, ROUTER, 2000);
	inject(f, len);
	assert_int_equal(fixture_sent(f, 3), 0);
	assert_int_equal(fixture_drops(f, 2, "too_big"), 2);
}

// Three fragments take six buffers to be made, and one more to be copied into.
static void
inject_with_buffers(struct fixture *f, int left)
{
	struct rte_mbuf **taken = calloc(8192, sizeof(struct rte_mbuf *)), *m;
	uint32_t len = make_datagram(4000), n = 0;

	m = fixture_packet(f, original, len);
	while ((taken[n] = rte_pktmbuf_alloc(f->mbufs)) != NULL)
		n++;
	for (int i = 0; i < left; i++)
		rte_pktmbuf_free(taken[--n]);
	fixture_inject(f, 2, &m, 1);
	while (n > 0)
		rte_pktmbuf_free(taken[--n]);
	free(taken);
}

static void
test_no_memory(void **state)
{
	struct fixture *f = *state;

	mtu = 1500;
	inject_with_buffers(f, 5);
	assert_int_equal(fixture_drops(f, 2, "no_memory"), 1);
	inject_with_buffers(f, 6);
	assert_int_equal(fixture_drops(f, 2, "no_memory"), 2);
	assert_int_equal(fixture_sent(f, 3), 0);
	assert_int_equal(fixture_counters(f, 2)->segments, 0);
	inject_with_buffers(f, 7);
	assert_int_equal(fixture_sent(f, 3), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		frames_test(test_sizes),
		frames_test(test_unfinished_checksum),
		frames_test(test_tag),
		frames_test(test_fragment_again),
		frames_test(test_options),
		frames_test(test_smallest_mtu),
		frames_test(test_super_frame),
		frames_test(test_not_fragmented),
		frames_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
