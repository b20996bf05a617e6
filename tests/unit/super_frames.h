/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPER_FRAMES_H
#define TESTS_SUPER_FRAMES_H

// Builds super-frames in every form, and checks what they were cut into against what the standards
// say of each frame, with arithmetic of its own.

#include "checksum.h"
#include "frames.h"

#define SUPER_FRAME_ROOM 66000

struct super_frame {
	bool is_v6, is_udp, has_tag, has_extensions; // extensions: IPv4 options likewise
	uint8_t tcp_flags;
	uint16_t from, to; // fixture ports
	uint32_t payload;
	uint16_t size; // payload of a segment
	// Filled by super_frame_build():
	uint16_t l2_len, l3_len, l4_len;
	uint32_t len;
	uint8_t bytes[SUPER_FRAME_ROOM];
};

static inline uint8_t
super_frame_byte(uint32_t i)
{
	return (uint8_t)(i * 131 + (i >> 8) * 7);
}

static inline void
super_frame_add(struct super_frame *s, const void *bytes, uint32_t len)
{
	memcpy(s->bytes + s->len, bytes, len);
	s->len += len;
}

static inline void
super_frame_l2(struct super_frame *s)
{
	const uint8_t macs[12] = {2, 0, 0, 0, 1, (uint8_t)s->to, 2, 0, 0, 0, 1, (uint8_t)s->from};

	super_frame_add(s, macs, sizeof(macs));
	if (s->has_tag)
		super_frame_add(s, "\x81\x00\x00\x0a", 4);
	super_frame_add(s, s->is_v6 ? "\x86\xdd" : "\x08\x00", 2);
	s->l2_len = (uint16_t)s->len;
}

static inline void
super_frame_l3_v4(struct super_frame *s, uint8_t proto)
{
	struct rte_ipv4_hdr ip = {
		.version_ihl = s->has_extensions ? 0x47 : 0x45,
		.type_of_service = 0x12,
		.packet_id = RTE_BE16(0xfffe), // runs over
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = 64,
		.next_proto_id = proto,
		.src_addr = rte_cpu_to_be_32(RTE_IPV4(10, 1, 0, 0) + s->from),
		.dst_addr = rte_cpu_to_be_32(RTE_IPV4(10, 1, 0, 0) + s->to),
	};

	s->l3_len = s->has_extensions ? 28 : 20;
	ip.total_length = rte_cpu_to_be_16((uint16_t)(s->l3_len + s->l4_len + s->payload));
	super_frame_add(s, &ip, sizeof(ip));
	if (s->has_extensions)
		super_frame_add(s, "\x94\4\0\0\1\1\1\0", 8); // router alert, padding
	((struct rte_ipv4_hdr *)(s->bytes + s->l2_len))->hdr_checksum =
		rte_ipv4_cksum((const void *)(s->bytes + s->l2_len));
}

static inline void
super_frame_l3_v6(struct super_frame *s, uint8_t proto)
{
	struct rte_ipv6_hdr ip = {
		.vtc_flow = RTE_BE32(0x61234567),
		.proto = s->has_extensions ? IPPROTO_HOPOPTS : proto,
		.hop_limits = 64,
	};
	uint8_t extensions[24] = {IPPROTO_DSTOPTS, 1, 1, 12, [16] = proto, 0, 1, 4};

	s->l3_len = s->has_extensions ? 64 : 40;
	ip.payload_len = rte_cpu_to_be_16((uint16_t)(s->l3_len - 40u + s->l4_len + s->payload));
	frame_set_ip6(ipv6_src(&ip), "fd00:1::");
	frame_set_ip6(ipv6_dst(&ip), "fd00:1::");
	ipv6_src(&ip)[15] = (uint8_t)s->from;
	ipv6_dst(&ip)[15] = (uint8_t)s->to;
	super_frame_add(s, &ip, sizeof(ip));
	if (s->has_extensions)
		super_frame_add(s, extensions, sizeof(extensions));
}

static inline void
super_frame_l4(struct super_frame *s)
{
	struct rte_tcp_hdr tcp = {
		.src_port = RTE_BE16(1000),
		.dst_port = RTE_BE16(2000),
		.sent_seq = RTE_BE32(0xfffffc00), // runs over
		.recv_ack = RTE_BE32(0x12345678),
		.data_off = 0x80,
		.tcp_flags = s->tcp_flags,
		.rx_win = RTE_BE16(512),
	};
	struct rte_udp_hdr udp = {.src_port = RTE_BE16(1000),
		.dst_port = RTE_BE16(2000),
		.dgram_len = rte_cpu_to_be_16((uint16_t)(8 + s->payload))};
	const void *ip = s->bytes + s->l2_len;
	uint32_t len = s->l4_len + s->payload;
	uint8_t proto = s->is_udp ? IPPROTO_UDP : IPPROTO_TCP;
	uint16_t pseudo =
		s->is_v6 ? checksum_pseudo6(ip, proto, len) : checksum_pseudo4(ip, proto, len);

	if (s->is_udp) {
		udp.dgram_cksum = pseudo;
		super_frame_add(s, &udp, sizeof(udp));
	} else {
		tcp.cksum = pseudo;
		super_frame_add(s, &tcp, sizeof(tcp));
		super_frame_add(s, "\1\1\x08\x0a\1\2\3\4\5\6\7\x08", 12); // timestamps
	}
}

static inline void
super_frame_build(struct super_frame *s)
{
	uint8_t proto = s->is_udp ? IPPROTO_UDP : IPPROTO_TCP;

	s->len = 0;
	s->l4_len = s->is_udp ? 8 : 32;
	super_frame_l2(s);
	if (s->is_v6)
		super_frame_l3_v6(s, proto);
	else
		super_frame_l3_v4(s, proto);
	super_frame_l4(s);
	for (uint32_t i = 0; i < s->payload; i++)
		s->bytes[s->len++] = super_frame_byte(i);
}

// The mbuf with its metadata, as a driver gives it.
static inline struct rte_mbuf *
super_frame_mbuf(struct fixture *f, const struct super_frame *s)
{
	struct rte_mbuf *m = fixture_packet(f, s->bytes, s->len);

	m->tx_offload = rte_mbuf_tx_offload(s->l2_len, s->l3_len, s->l4_len, s->size, 0, 0, 0);
	m->ol_flags = (s->is_v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4)
		      | (s->is_udp ? RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_UDP_CKSUM
				   : RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM);
	return m;
}

static inline uint32_t
super_frame_count(const struct super_frame *s)
{
	return s->payload == 0 ? 1 : (s->payload + s->size - 1) / s->size;
}

static inline void
super_frame_check_ip(const struct super_frame *s, const uint8_t *ip, uint32_t i, uint32_t l3_bytes)
{
	const uint8_t *origin = s->bytes + s->l2_len;

	if (s->is_v6) {
		assert_int_equal(ip[4] << 8 | ip[5], l3_bytes - 40);
		assert_memory_equal(ip, origin, 4);
		assert_memory_equal(ip + 6, origin + 6, s->l3_len - 6u);
		return;
	}
	assert_int_equal(ip[2] << 8 | ip[3], l3_bytes);
	assert_int_equal(ip[4] << 8 | ip[5], (0xfffe + i) & 0xffff);
	assert_memory_equal(ip, origin, 2);
	assert_memory_equal(ip + 6, origin + 6, 4);
	assert_memory_equal(ip + 12, origin + 12, s->l3_len - 12u);
	assert_true(frame_header_is_right4((const void *)ip));
}

static inline void
super_frame_check_tcp(const struct super_frame *s, const uint8_t *tcp, uint32_t i)
{
	const uint8_t *origin = s->bytes + s->l2_len + s->l3_len;
	bool is_first = i == 0, is_last = i == super_frame_count(s) - 1;
	uint32_t seq = (uint32_t)tcp[4] << 24 | tcp[5] << 16 | tcp[6] << 8 | tcp[7];
	uint8_t flags = s->tcp_flags;

	if (!is_first)
		flags &= 0x7f; // CWR
	if (!is_last)
		flags &= 0xf6; // PSH, FIN
	assert_int_equal(seq, 0xfffffc00u + i * s->size);
	assert_int_equal(tcp[13], flags);
	assert_memory_equal(tcp, origin, 4);
	assert_memory_equal(tcp + 8, origin + 8, 5);
	assert_memory_equal(tcp + 14, origin + 14, 2);
	assert_memory_equal(tcp + 18, origin + 18, 14);
}

// Frame number i of the cut; unfinished: its checksum was left to the port.
static inline void
super_frame_check(const struct super_frame *s, struct rte_mbuf *m, uint32_t i, bool unfinished)
{
	struct packet_ctx ctx = {
		.ether_type = s->is_v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4,
		.l2_len = (uint8_t)s->l2_len,
		.l3_len = (uint8_t)s->l3_len,
		.ip_proto = s->is_udp ? IPPROTO_UDP : IPPROTO_TCP,
	};
	uint32_t headers = (uint32_t)s->l2_len + s->l3_len + s->l4_len, from = i * s->size;
	uint32_t payload = RTE_MIN(s->payload - from, (uint32_t)s->size);
	const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *), *ip = bytes + s->l2_len;

	assert_int_equal(m->nb_segs, 1);
	assert_int_equal(m->pkt_len, headers + payload);
	assert_int_equal(m->data_len, m->pkt_len);
	assert_int_equal((m->ol_flags & RTE_MBUF_F_TX_L4_MASK) != 0, unfinished);
	assert_int_equal(m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG), 0);
	if (unfinished)
		assert_int_equal(checksum_finish(m, &ctx), 0);
	assert_memory_equal(bytes, s->bytes, s->l2_len);
	super_frame_check_ip(s, ip, i, s->l3_len + s->l4_len + payload);
	if (s->is_udp)
		assert_int_equal(ip[s->l3_len + 4] << 8 | ip[s->l3_len + 5], 8 + payload);
	else
		super_frame_check_tcp(s, ip + s->l3_len, i);
	if (s->is_v6)
		assert_true(frame_l4_is_right6((const void *)ip, s->l3_len, ctx.ip_proto));
	else
		assert_true(frame_l4_is_right4((const void *)ip));
	assert_memory_equal(bytes + headers, s->bytes + headers + from, payload);
}

#endif
