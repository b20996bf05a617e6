/* SPDX-License-Identifier: Apache-2.0 */
#define ALLOW_EXPERIMENTAL_API // rte_ipv4_udptcp_cksum_mbuf_verify(), here only

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_gso.h>

#include "fixture.h"

#include "stages/segment_cut.h"
#include "super_frames.h"

static struct super_frame frame; // too large for a stack

static struct segment_headers
headers_of(const struct super_frame *s)
{
	return (struct segment_headers){
		.front = s->bytes,
		.front_len = s->l2_len,
		.l3_offset = s->l2_len,
		.l3_len = s->l3_len,
		.ip_proto = s->is_udp ? IPPROTO_UDP : IPPROTO_TCP,
		.size = s->size,
	};
}

// ----------------------------------------------------------------------------- cutting core

static void
cut_and_check(struct fixture *f, bool leave_unfinished)
{
	struct segment_headers headers;
	struct segment_cut cut;
	struct rte_mbuf *m;
	uint32_t i = 0;

	super_frame_build(&frame);
	m = super_frame_mbuf(f, &frame);
	headers = headers_of(&frame);
	headers.leave_unfinished = leave_unfinished;
	assert_int_equal(segment_cut_start(&cut, m, &headers), 0);
	while (!segment_cut_is_done(&cut)) {
		struct rte_mbuf *out = segment_cut_next(&cut, f->mbufs, f->jumbos);

		assert_non_null(out);
		super_frame_check(&frame, out, i++, leave_unfinished);
		rte_pktmbuf_free(out);
	}
	assert_int_equal(i, super_frame_count(&frame));
	rte_pktmbuf_free(m);
}

// Every form (IPv4 and IPv6, TCP and UDP, tag, options or extension headers, finished or not) in
// sizes around all edges; the frames are chains.
static void
test_every_form(void **state)
{
	static const uint32_t payloads[] = {0, 1, 999, 1000, 1001, 2000, 4321, 7999, 64000};
	static const uint16_t sizes[] = {1000, 999, 1448};

	for (unsigned int form = 0; form < 32; form++) {
		for (size_t i = 0; i < RTE_DIM(payloads) * RTE_DIM(sizes); i++) {
			frame = (struct super_frame){
				.is_v6 = form & 1,
				.is_udp = form & 2,
				.has_tag = form & 4,
				.has_extensions = form & 8,
				.tcp_flags = 0xff,
				.from = 2,
				.to = 3,
				.payload = payloads[i % RTE_DIM(payloads)],
				.size = sizes[i / RTE_DIM(payloads)],
			};
			cut_and_check(*state, form & 16);
		}
	}
}

// Frames that need a large buffer each, and the longest IP packet there is.
static void
test_large_segments(void **state)
{
	frame = (struct super_frame){
		.from = 2, .to = 3, .tcp_flags = 0x18, .payload = 65535 - 52, .size = 8948};
	cut_and_check(*state, false);
}

// A datagram whose checksum comes out as zero says 0xffff: zero means that there is none (RFC 768).
static void
test_udp_zero(void **state)
{
	struct fixture *f = *state;
	struct segment_headers headers;
	struct segment_cut cut;
	struct rte_mbuf *m, *out;
	uint8_t *payload;
	uint16_t sum;

	frame = (struct super_frame){.is_udp = true, .from = 2, .to = 3, .payload = 4, .size = 2};
	super_frame_build(&frame);
	payload = frame.bytes + 14 + 28;
	memset(payload, 0, 2);
	// Pseudo-header and header of the first datagram: 10 bytes of UDP.
	sum = frame_sum(frame.bytes + 26, 8, IPPROTO_UDP + 10 + 10 + 1000 + 2000);
	payload[0] = (uint8_t)(~sum >> 8);
	payload[1] = (uint8_t)~sum;
	m = super_frame_mbuf(f, &frame);
	headers = headers_of(&frame);
	assert_int_equal(segment_cut_start(&cut, m, &headers), 0);
	out = segment_cut_next(&cut, f->mbufs, f->jumbos);
	assert_memory_equal(rte_pktmbuf_mtod_offset(out, uint8_t *, 34 + 6), "\xff\xff", 2);
	rte_pktmbuf_free(out);
	rte_pktmbuf_free(m);
}

// A tunnel hands in other bytes for the front: they, and not the frame's own, precede each packet.
static void
test_front_template(void **state)
{
	struct fixture *f = *state;
	uint8_t front[64];
	struct segment_headers headers;
	struct segment_cut cut;
	struct rte_mbuf *m;

	frame = (struct super_frame){
		.is_v6 = true, .from = 2, .to = 3, .payload = 2500, .size = 1000};
	super_frame_build(&frame);
	m = super_frame_mbuf(f, &frame);
	memset(front, 0xa5, sizeof(front));
	headers = headers_of(&frame);
	headers.front = front;
	headers.front_len = sizeof(front);
	assert_int_equal(segment_cut_start(&cut, m, &headers), 0);
	for (uint32_t i = 0; i < 3; i++) {
		struct rte_mbuf *out = segment_cut_next(&cut, f->mbufs, f->jumbos);

		assert_memory_equal(rte_pktmbuf_mtod(out, void *), front, sizeof(front));
		assert_int_equal(out->l2_len, sizeof(front));
		assert_non_null(rte_pktmbuf_adj(out, sizeof(front) - 14));
		memcpy(rte_pktmbuf_mtod(out, void *), frame.bytes, 14);
		super_frame_check(&frame, out, i, false);
		rte_pktmbuf_free(out);
	}
	assert_true(segment_cut_is_done(&cut));
	rte_pktmbuf_free(m);
}

static void
copy_without_checksums(const struct rte_mbuf *m, uint8_t *to)
{
	const void *bytes = rte_pktmbuf_read(m, 0, m->pkt_len, to);

	if (bytes != to)
		memcpy(to, bytes, m->pkt_len);
	memset(to + 14 + 10, 0, 2);
	memset(to + 34 + 16, 0, 2);
}

// rte_gso is the reference for TCP over IPv4; it leaves checksums to others and knows no CWR.
static void
test_same_as_rte_gso(void **state)
{
	struct fixture *f = *state;
	struct rte_gso_ctx gso = {.direct_pool = f->mbufs,
		.indirect_pool = f->mbufs,
		.gso_types = RTE_ETH_TX_OFFLOAD_TCP_TSO,
		.gso_size = 14 + 52 + 1400};
	struct segment_headers headers;
	struct rte_mbuf *theirs[64], *m;
	struct segment_cut cut;
	int n;

	frame = (struct super_frame){
		.from = 2, .to = 3, .tcp_flags = 0x19, .payload = 60001, .size = 1400};
	super_frame_build(&frame);
	m = super_frame_mbuf(f, &frame);
	headers = headers_of(&frame);
	n = rte_gso_segment(m, &gso, theirs, RTE_DIM(theirs));
	assert_int_equal(n, super_frame_count(&frame));
	assert_int_equal(segment_cut_start(&cut, m, &headers), 0);
	for (int i = 0; i < n; i++) {
		struct rte_mbuf *ours = segment_cut_next(&cut, f->mbufs, f->jumbos);
		uint8_t a[2048], b[2048];

		assert_int_equal(ours->pkt_len, theirs[i]->pkt_len);
		assert_int_equal(rte_ipv4_udptcp_cksum_mbuf_verify(
					 ours, rte_pktmbuf_mtod_offset(ours, void *, 14), 34),
			0);
		copy_without_checksums(ours, a);
		copy_without_checksums(theirs[i], b);
		assert_memory_equal(a, b, ours->pkt_len);
		rte_pktmbuf_free(ours);
		rte_pktmbuf_free(theirs[i]);
	}
	rte_pktmbuf_free(m);
}

static void
assert_refused(struct fixture *f, void (*spoil)(struct rte_mbuf *m, struct segment_headers *h))
{
	struct segment_headers headers;
	struct segment_cut cut;
	struct rte_mbuf *m;

	frame = (struct super_frame){.from = 2, .to = 3, .payload = 1500, .size = 1000};
	super_frame_build(&frame);
	m = super_frame_mbuf(f, &frame);
	headers = headers_of(&frame);
	assert_int_equal(segment_cut_start(&cut, m, &headers), 0);
	spoil(m, &headers);
	assert_int_equal(segment_cut_start(&cut, m, &headers), -EINVAL);
	rte_pktmbuf_free(m);
}

static void
spoil_size(struct rte_mbuf *m, struct segment_headers *h)
{
	h->size = 0;
}

static void
spoil_l3_offset(struct rte_mbuf *m, struct segment_headers *h)
{
	h->l3_offset = UINT16_MAX;
}

static void
spoil_l3_len(struct rte_mbuf *m, struct segment_headers *h)
{
	h->l3_len = 24;
}

static void
spoil_l3_len_zero(struct rte_mbuf *m, struct segment_headers *h)
{
	h->l3_len = 0;
}

static void
spoil_protocol(struct rte_mbuf *m, struct segment_headers *h)
{
	h->ip_proto = IPPROTO_SCTP;
}

static void
spoil_version(struct rte_mbuf *m, struct segment_headers *h)
{
	*rte_pktmbuf_mtod_offset(m, uint8_t *, 14) = 0x55;
}

static void
spoil_data_offset_low(struct rte_mbuf *m, struct segment_headers *h)
{
	*rte_pktmbuf_mtod_offset(m, uint8_t *, 34 + 12) = 0x40;
}

static void
spoil_data_offset_high(struct rte_mbuf *m, struct segment_headers *h)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, 14);

	*rte_pktmbuf_mtod_offset(m, uint8_t *, 34 + 12) = 0xf0;
	ip->total_length = rte_cpu_to_be_16(20 + 59); // ends within the header
}

static void
spoil_total_length(struct rte_mbuf *m, struct segment_headers *h)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, 14);

	ip->total_length = rte_cpu_to_be_16((uint16_t)(m->pkt_len - 14 + 1));
}

static void
spoil_fragment(struct rte_mbuf *m, struct segment_headers *h)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, 14);

	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_MF_FLAG);
}

static void
spoil_first_segment(struct rte_mbuf *m, struct segment_headers *h)
{
	m->data_len = 14 + 20 + 31;
}

static void
test_refusals(void **state)
{
	assert_refused(*state, spoil_size);
	assert_refused(*state, spoil_l3_offset);
	assert_refused(*state, spoil_l3_len);
	assert_refused(*state, spoil_l3_len_zero);
	assert_refused(*state, spoil_protocol);
	assert_refused(*state, spoil_version);
	assert_refused(*state, spoil_data_offset_low);
	assert_refused(*state, spoil_data_offset_high);
	assert_refused(*state, spoil_total_length);
	assert_refused(*state, spoil_fragment);
	assert_refused(*state, spoil_first_segment);
}

// ----------------------------------------------------------------------------------- stage

static void
set_capabilities(struct dp_port *port, void *arg)
{
	port->capabilities = *(const uint32_t *)arg;
}

// Sends 'frame' from port 2 to port 3, which is able to do this.
static void
send_to(struct fixture *f, uint32_t capabilities)
{
	struct rte_mbuf *m;

	fixture_port_change(f, 3, set_capabilities, &capabilities);
	super_frame_build(&frame);
	m = super_frame_mbuf(f, &frame);
	fixture_inject(f, 2, &m, 1);
}

static void
assert_cut(struct fixture *f, bool unfinished)
{
	uint32_t n = super_frame_count(&frame);

	assert_int_equal(fixture_sent(f, 3), n);
	for (uint32_t i = 0; i < n; i++)
		super_frame_check(&frame, fixture_sent_packet(f, 3, (uint16_t)i), i, unfinished);
	fixture_sent_clear(f);
}

static void
assert_whole(struct fixture *f)
{
	const struct rte_mbuf *m;
	static uint8_t bytes[SUPER_FRAME_ROOM];
	const void *at;

	assert_int_equal(fixture_sent(f, 3), 1);
	m = fixture_sent_packet(f, 3, 0);
	assert_int_equal(m->pkt_len, frame.len);
	assert_int_equal(m->tso_segsz, frame.size);
	assert_true(m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG));
	at = rte_pktmbuf_read(m, 0, m->pkt_len, bytes);
	assert_memory_equal(at, frame.bytes, frame.len);
	fixture_sent_clear(f);
}

// Which capability lets which super-frame pass.
static void
test_capabilities(void **state)
{
	static const uint32_t all = PORT_TX_OFFLOADS | PORT_TX_CHAINS;
	struct fixture *f = *state;

	for (unsigned int form = 0; form < 4; form++) {
		uint32_t needed = form & 2 ? PORT_TX_USO : form & 1 ? PORT_TX_TSO6 : PORT_TX_TSO4;

		frame = (struct super_frame){.is_v6 = form & 1,
			.is_udp = form & 2,
			.tcp_flags = 0x99,
			.from = 2,
			.to = 3,
			.payload = 4001,
			.size = 1400};
		send_to(f, all);
		assert_whole(f);
		send_to(f, needed | PORT_TX_CHECKSUM | PORT_TX_CHAINS);
		assert_whole(f);
		send_to(f, all & ~needed);
		assert_cut(f, true);
		send_to(f, all & ~PORT_TX_CHECKSUM);
		assert_cut(f, false);
		send_to(f, 0);
		assert_cut(f, false);
	}
	assert_int_equal(fixture_counters(f, 2)->segments, 4 * 3 * 2);
}

// A port that takes super-frames, but no chains: one piece, or cut when no buffer is that long.
static void
test_no_chains(void **state)
{
	struct fixture *f = *state;

	frame = (struct super_frame){.from = 2, .to = 3, .payload = 30000, .size = 1400};
	send_to(f, PORT_TX_OFFLOADS);
	assert_int_equal(fixture_sent_packet(f, 3, 0)->nb_segs, 1);
	assert_whole(f);
	frame.payload = 65535 - 52;
	send_to(f, PORT_TX_OFFLOADS);
	assert_cut(f, true);
}

// A plain chain, as jumbo frames are.
static void
set_mtu_9000(struct dp_port *port, void *arg)
{
	port->mtu = 9000;
}

static void
test_plain_chain(void **state)
{
	struct fixture *f = *state;
	static uint8_t bytes[9100];
	uint16_t len = fixture_udp4(bytes, 2, 3, NULL, 8000);
	uint32_t none = 0, out_len;

	fixture_port_change(f, 3, set_mtu_9000, NULL);
	fixture_port_change(f, 3, set_capabilities, &none);
	fixture_inject_one(f, 2, bytes, len);
	assert_memory_equal(frame_only(f, 3, &out_len), bytes, len);
	assert_int_equal(out_len, len);
}

// An unfinished checksum, no super-frame.
static void
test_checksum_completed(void **state)
{
	struct fixture *f = *state;

	for (unsigned int form = 0; form < 4; form++) {
		struct rte_mbuf *m;
		uint32_t none = 0;

		frame = (struct super_frame){.is_v6 = form & 1,
			.is_udp = form & 2,
			.tcp_flags = 0x18,
			.from = 2,
			.to = 3,
			.payload = 777,
			.size = 777};
		super_frame_build(&frame);
		m = super_frame_mbuf(f, &frame);
		m->ol_flags &= ~(RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG);
		fixture_port_change(f, 3, set_capabilities, &none);
		fixture_inject(f, 2, &m, 1);
		assert_cut(f, false);
	}
	assert_int_equal(fixture_counters(f, 2)->segments, 0);
}

// More frames than the worker has slots, from one super-frame and from a full burst of them.
static void
test_beyond_slots(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *pkts[64];
	uint32_t none = 0;

	frame = (struct super_frame){
		.from = 2, .to = 3, .tcp_flags = 0x99, .payload = 63990, .size = 64};
	send_to(f, 0);
	assert_cut(f, false);
	assert_int_equal(fixture_counters(f, 2)->segments, 999);

	frame.payload = 15000;
	frame.size = 1000;
	fixture_port_change(f, 3, set_capabilities, &none);
	super_frame_build(&frame);
	for (int i = 0; i < 64; i++)
		pkts[i] = super_frame_mbuf(f, &frame);
	fixture_inject(f, 2, pkts, 64);
	assert_int_equal(fixture_sent(f, 3), 64 * 15);
	for (uint16_t i = 0; i < 64 * 15; i++)
		super_frame_check(&frame, fixture_sent_packet(f, 3, i), i % 15, false);
}

// When flooding has taken every slot, the segments still find their way.
static void
test_flooded(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *pkts[64];
	uint32_t none = 0;

	for (uint16_t port = 5; port <= 9; port++)
		fixture_port(f, port);
	for (uint16_t port = 3; port <= 9; port++)
		fixture_port_change(f, port, set_capabilities, &none);
	frame = (struct super_frame){
		.is_udp = true, .from = 2, .to = 3, .payload = 1000, .size = 400};
	super_frame_build(&frame);
	memset(frame.bytes, 0xff, 6);
	for (int i = 0; i < 64; i++)
		pkts[i] = super_frame_mbuf(f, &frame);
	fixture_inject(f, 2, pkts, 64);
	for (uint16_t port = 3; port <= 9; port++) {
		assert_int_equal(fixture_sent(f, port), 64 * 3);
		for (uint16_t i = 0; i < 64 * 3; i++)
			super_frame_check(&frame, fixture_sent_packet(f, port, i), i % 3, false);
	}
	assert_int_equal(fixture_counters(f, 2)->segments, 64 * 7 * 2);
	assert_int_equal(fixture_counters(f, 2)->replicas, 64 * 6);
}

// A segment a byte each would be thousands of frames for one.
static void
test_too_many(void **state)
{
	struct fixture *f = *state;

	frame = (struct super_frame){.from = 2, .to = 3, .payload = 30000, .size = 1};
	send_to(f, 0);
	assert_int_equal(fixture_sent(f, 3), 0);
	assert_int_equal(fixture_drops(f, 2, "gso_malformed"), 1);
}

// Buffers run out in the middle: what was made is sent, the rest is one drop.
static void
test_no_memory(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf **taken = calloc(8192, sizeof(struct rte_mbuf *));
	uint32_t none = 0, n = 0;
	struct rte_mbuf *m;

	frame = (struct super_frame){.from = 2, .to = 3, .payload = 10000, .size = 1000};
	super_frame_build(&frame);
	m = super_frame_mbuf(f, &frame);
	fixture_port_change(f, 3, set_capabilities, &none);
	while ((taken[n] = rte_pktmbuf_alloc(f->mbufs)) != NULL)
		n++;
	for (int i = 0; i < 4; i++)
		rte_pktmbuf_free(taken[--n]);
	fixture_inject(f, 2, &m, 1);
	assert_int_equal(fixture_sent(f, 3), 4);
	assert_int_equal(fixture_counters(f, 2)->segments, 4);
	assert_int_equal(fixture_drops(f, 2, "no_memory"), 1);
	while (n > 0)
		rte_pktmbuf_free(taken[--n]);
	free(taken);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		frames_test(test_every_form),
		frames_test(test_large_segments),
		frames_test(test_udp_zero),
		frames_test(test_front_template),
		frames_test(test_same_as_rte_gso),
		frames_test(test_refusals),
		frames_test(test_capabilities),
		frames_test(test_no_chains),
		frames_test(test_plain_chain),
		frames_test(test_checksum_completed),
		frames_test(test_beyond_slots),
		frames_test(test_flooded),
		frames_test(test_too_many),
		frames_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
