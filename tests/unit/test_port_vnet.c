/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "port_fixture.h"
#include "vnet.h"

enum shape {
	TCP4,
	UDP4,
	TCP6,
	UDP6,
	TCP4_TAGGED,
	TCP6_OPTIONS, // hop-by-hop options before TCP
	FRAGMENT4,
	FRAGMENT6,
	SCTP4,
	IPIP_TCP, // TCP inside IPv4 inside IPv4
	ARP,
	BAD_IHL,
	SHORT_TCP, // TCP header says 16 bytes
	ENDLESS6, // extension headers to the end of the frame
	N_SHAPES,
};

// Builds a frame with payload_len bytes after L4; returns its length. *l4 is where L4 starts.
static uint32_t
build(uint8_t *frame, enum shape shape, uint16_t payload_len, uint16_t *l4)
{
	bool udp = shape == UDP4 || shape == UDP6;
	bool ipv6 = shape == TCP6 || shape == UDP6 || shape == TCP6_OPTIONS || shape == FRAGMENT6
		    || shape == ENDLESS6;
	uint8_t protocol = udp ? IPPROTO_UDP : IPPROTO_TCP;
	uint16_t at = 12, l4_len = (uint16_t)((udp ? 8 : 20) + payload_len);

	memset(frame, 0, FRAME_MAX);
	if (shape == TCP4_TAGGED) {
		frame[at] = 0x81;
		frame[at + 3] = 7;
		at = (uint16_t)(at + 4);
	}
	frame[at] = ipv6 ? 0x86 : 8;
	frame[at + 1] = shape == ARP ? 6 : ipv6 ? 0xdd : 0;
	at = (uint16_t)(at + 2);
	if (ipv6) {
		struct rte_ipv6_hdr *ip = (void *)(frame + at);
		uint16_t extension = shape == TCP6 || shape == UDP6 ? 0 : 8;

		ip->vtc_flow = RTE_BE32(0x60000000);
		ip->payload_len = rte_cpu_to_be_16((uint16_t)(l4_len + extension));
		ip->proto = extension == 0       ? protocol
			    : shape == FRAGMENT6 ? IPPROTO_FRAGMENT
						 : IPPROTO_HOPOPTS;
		at = (uint16_t)(at + sizeof(*ip));
		if (extension > 0)
			frame[at] = protocol;
		if (shape == ENDLESS6)
			frame[at + 1] = 0xff;
		at = (uint16_t)(at + extension);
	} else {
		uint16_t outer = shape == IPIP_TCP ? 20 : 0;

		for (uint16_t i = 0; i <= outer; i = (uint16_t)(i + 20)) {
			struct rte_ipv4_hdr *ip = (void *)(frame + at);

			ip->version_ihl = shape == BAD_IHL ? 0x44 : 0x45;
			ip->total_length = rte_cpu_to_be_16((uint16_t)(20 + outer - i + l4_len));
			ip->next_proto_id = shape == SCTP4 ? IPPROTO_SCTP
					    : i < outer    ? IPPROTO_IPIP
							   : protocol;
			if (shape == FRAGMENT4)
				ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_MF_FLAG);
			at = (uint16_t)(at + sizeof(*ip));
		}
	}
	*l4 = at;
	if (!udp)
		frame[at + 12] = shape == SHORT_TCP ? 4 << 4 : 5 << 4;
	for (uint32_t i = 0; i < payload_len; i++)
		frame[at + l4_len - payload_len + i] = (uint8_t)(i * 13);
	return at + l4_len;
}

#define NEEDS VIRTIO_NET_HDR_F_NEEDS_CSUM
#define VALID VIRTIO_NET_HDR_F_DATA_VALID
#define G_NONE VIRTIO_NET_HDR_GSO_NONE
#define G_TCP4 VIRTIO_NET_HDR_GSO_TCPV4
#define G_TCP6 VIRTIO_NET_HDR_GSO_TCPV6
#define G_UDP VIRTIO_NET_HDR_GSO_UDP_L4
#define G_UFO VIRTIO_NET_HDR_GSO_UDP
#define G_ECN VIRTIO_NET_HDR_GSO_ECN
#define TCP4_FLAGS (RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4)
#define TCP6_FLAGS (RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV6)
#define UDP4_FLAGS (RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4)
#define UDP6_FLAGS (RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV6)
#define SEG RTE_MBUF_F_TX_TCP_SEG
#define USEG RTE_MBUF_F_TX_UDP_SEG
#define L4 0 // csum_start at L4 plus this
#define HERE(n) (20000 + (n)) // csum_start absolute

static const struct {
	const char *name;
	enum shape shape;
	uint16_t payload;
	uint8_t flags, gso_type;
	uint16_t gso_size, start, offset;
	int result;
	uint64_t ol_flags;
	bool finished; // checksum was completed in place
} table[] = {
	// as the kernel sends them
	{"nothing", TCP4, 100, 0, G_NONE, 0, 0, 0, 0, 0},
	{"valid", TCP4, 100, VALID, G_NONE, 0, 0, 0, 0, RTE_MBUF_F_RX_L4_CKSUM_GOOD},
	{"tcp4", TCP4, 100, NEEDS, G_NONE, 0, L4, 16, 0, TCP4_FLAGS},
	{"udp4", UDP4, 100, NEEDS, G_NONE, 0, L4, 6, 0, UDP4_FLAGS},
	{"tcp6", TCP6, 100, NEEDS, G_NONE, 0, L4, 16, 0, TCP6_FLAGS},
	{"udp6", UDP6, 0, NEEDS, G_NONE, 0, L4, 6, 0, UDP6_FLAGS},
	{"vlan", TCP4_TAGGED, 9, NEEDS, G_NONE, 0, L4, 16, 0, TCP4_FLAGS},
	{"options", TCP6_OPTIONS, 9, NEEDS, G_NONE, 0, L4, 16, 0, TCP6_FLAGS},
	{"tso4", TCP4, 60000, NEEDS, G_TCP4, 1448, L4, 16, 0, TCP4_FLAGS | SEG},
	{"tso4 ecn", TCP4, 60000, NEEDS, G_TCP4 | G_ECN, 1448, L4, 16, 0, TCP4_FLAGS | SEG},
	{"tso6", TCP6, 60000, NEEDS, G_TCP6, 1440, L4, 16, 0, TCP6_FLAGS | SEG},
	{"tso vlan", TCP4_TAGGED, 3000, NEEDS, G_TCP4, 1448, L4, 16, 0, TCP4_FLAGS | SEG},
	{"uso4", UDP4, 6000, NEEDS, G_UDP, 1400, L4, 6, 0, UDP4_FLAGS | USEG},
	{"uso6", UDP6, 6000, NEEDS, G_UDP, 1400, L4, 6, 0, UDP6_FLAGS | USEG},
	// checksums that metadata cannot describe are finished
	{"inner tcp", IPIP_TCP, 101, NEEDS, G_NONE, 0, L4, 16, 0, 0, true},
	{"fragment4", FRAGMENT4, 100, NEEDS, G_NONE, 0, L4, 16, 0, 0, true},
	{"fragment6", FRAGMENT6, 100, NEEDS, G_NONE, 0, L4, 16, 0, 0, true},
	{"sctp field", SCTP4, 100, NEEDS, G_NONE, 0, L4, 8, 0, 0, true},
	{"no ip", ARP, 100, NEEDS, G_NONE, 0, HERE(14), 16, 0, 0, true},
	{"ihl", BAD_IHL, 100, NEEDS, G_NONE, 0, L4, 16, 0, 0, true},
	{"short tcp", SHORT_TCP, 100, NEEDS, G_NONE, 0, L4, 16, 0, 0, true},
	{"start elsewhere", TCP4, 100, NEEDS, G_NONE, 0, HERE(21), 16, 0, 0, true},
	{"start in ethernet", TCP4, 100, NEEDS, G_NONE, 0, HERE(0), 24, 0, 0, true},
	{"offset elsewhere", TCP4, 100, NEEDS, G_NONE, 0, L4, 6, 0, 0, true},
	{"endless options", ENDLESS6, 100, NEEDS, G_NONE, 0, L4, 16, 0, 0, true},
	// what the frame does not need is forgotten
	{"one segment", TCP4, 1448, NEEDS, G_TCP4, 1448, L4, 16, 0, TCP4_FLAGS},
	{"no payload", TCP4, 0, NEEDS, G_TCP4, 1448, L4, 16, 0, TCP4_FLAGS},
	// contradictions are refused
	{"start beyond", TCP4, 100, NEEDS, G_NONE, 0, HERE(9000), 16, -EBADMSG},
	{"field at end", TCP4, 0, NEEDS, G_NONE, 0, L4, 19, -EBADMSG},
	{"offset huge", TCP4, 100, NEEDS, G_NONE, 0, L4, 65535, -EBADMSG},
	{"field in jumbo", UDP4, 9000, NEEDS, G_NONE, 0, L4, 5000, -EBADMSG},
	{"field across", UDP4, 9000, NEEDS, G_NONE, 0, HERE(0), 2047, -EBADMSG},
	{"gso alone", TCP4, 3000, 0, G_TCP4, 1448, L4, 16, -EBADMSG},
	{"gso valid", TCP4, 3000, VALID, G_TCP4, 1448, L4, 16, -EBADMSG},
	{"gso size 0", TCP4, 3000, NEEDS, G_TCP4, 0, L4, 16, -EBADMSG},
	{"gso size 1", TCP4, 3000, NEEDS, G_TCP4, 1, L4, 16, -EBADMSG},
	{"uso too many", UDP4, 1300, NEEDS, G_UDP, 10, L4, 6, -EBADMSG},
	{"ufo", UDP4, 3000, NEEDS, G_UFO, 1448, L4, 6, -EBADMSG},
	{"unknown gso", TCP4, 3000, NEEDS, 0x42, 1448, L4, 16, -EBADMSG},
	{"ecn only", TCP4, 3000, NEEDS, G_ECN, 1448, L4, 16, -EBADMSG},
	{"tcp6 on tcp4", TCP4, 3000, NEEDS, G_TCP6, 1448, L4, 16, -EBADMSG},
	{"tcp4 on tcp6", TCP6, 3000, NEEDS, G_TCP4, 1448, L4, 16, -EBADMSG},
	{"tcp4 on udp4", UDP4, 3000, NEEDS, G_TCP4, 1448, L4, 6, -EBADMSG},
	{"udp on tcp4", TCP4, 3000, NEEDS, G_UDP, 1448, L4, 16, -EBADMSG},
	{"gso fragment", FRAGMENT4, 3000, NEEDS, G_TCP4, 1448, L4, 16, -EBADMSG},
	{"gso inner", IPIP_TCP, 3000, NEEDS, G_TCP4, 1448, L4, 16, -EBADMSG},
	{"gso start", TCP4, 3000, NEEDS, G_TCP4, 1448, HERE(14), 16, -EBADMSG},
	{"gso short tcp", SHORT_TCP, 3000, NEEDS, G_TCP4, 1448, L4, 16, -EBADMSG},
	{"gso arp", ARP, 3000, NEEDS, G_TCP4, 1448, L4, 16, -EBADMSG},
};

static struct virtio_net_hdr
header_of(size_t row, uint16_t l4)
{
	return (struct virtio_net_hdr){
		.flags = table[row].flags,
		.gso_type = table[row].gso_type,
		.gso_size = table[row].gso_size,
		.csum_start = table[row].start == L4 ? l4 : (uint16_t)(table[row].start - 20000),
		.csum_offset = table[row].offset,
	};
}

static void
check_metadata(size_t row, const struct rte_mbuf *m, uint16_t l4, uint32_t len)
{
	bool udp = table[row].shape == UDP4 || table[row].shape == UDP6;

	assert_int_equal(m->ol_flags, table[row].ol_flags);
	if ((m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == 0)
		return;
	assert_int_equal(m->l2_len, table[row].shape == TCP4_TAGGED ? 18 : 14);
	assert_int_equal(m->l2_len + m->l3_len, l4);
	assert_int_equal(m->l4_len, udp ? 8 : 20);
	if ((m->ol_flags & (SEG | USEG)) != 0)
		assert_int_equal(m->tso_segsz, table[row].gso_size);
	assert_int_equal(m->pkt_len, len);
}

static void
test_headers(void **state)
{
	struct port_fixture *f = *state;
	static uint8_t frame[FRAME_MAX];

	for (size_t row = 0; row < RTE_DIM(table); row++) {
		uint16_t l4, field;
		uint32_t len = build(frame, table[row].shape, table[row].payload, &l4);
		struct rte_mbuf *m = make_frame(f, frame, len);
		struct virtio_net_hdr header = header_of(row, l4);
		int result = vnet_to_mbuf(&header, m);

		if (result != table[row].result)
			fail_msg("%s: result %d", table[row].name, result);
		if (result == 0)
			check_metadata(row, m, l4, len);
		field = (uint16_t)(header.csum_start + header.csum_offset);
		if (table[row].finished) {
			// All of it sums up to "right" but for the field's own former value, zero.
			assert_memory_not_equal(flat(m), frame, len);
			assert_int_equal(
				rte_raw_cksum(flat(m) + header.csum_start, len - header.csum_start),
				0xffff);
			assert_memory_equal(flat(m), frame, field);
			assert_memory_equal(
				flat(m) + field + 2, frame + field + 2, len - field - 2);
		} else {
			assert_memory_equal(flat(m), frame, len);
		}
		rte_pktmbuf_free(m);
	}
	assert_no_leak(f);
}

static void
test_round_trip(void **state)
{
	struct port_fixture *f = *state;
	static uint8_t frame[FRAME_MAX];

	for (size_t row = 0; row < RTE_DIM(table); row++) {
		uint16_t l4;
		uint32_t len = build(frame, table[row].shape, table[row].payload, &l4);
		struct virtio_net_hdr header = header_of(row, l4), back;
		struct rte_mbuf *m = make_frame(f, frame, len);

		if (vnet_to_mbuf(&header, m) == 0) {
			vnet_from_mbuf(m, &back);
			if (table[row].finished || (header.flags & NEEDS) == 0)
				header = (struct virtio_net_hdr){.flags = header.flags & VALID};
			if ((m->ol_flags & (SEG | USEG)) != 0) {
				header.hdr_len = (uint16_t)(l4 + m->l4_len);
			} else {
				header.gso_type = G_NONE;
				header.gso_size = 0;
			}
			header.gso_type &= (uint8_t)~G_ECN;
			assert_memory_equal(&back, &header, sizeof(back));
		}
		rte_pktmbuf_free(m);
	}
}

// Every header on every shape and length of frame: no crash, and metadata within the frame.
static void
test_hostile(void **state)
{
	struct port_fixture *f = *state;
	static uint8_t frame[FRAME_MAX];
	uint64_t random = 88172645463325252u;

	for (int i = 0; i < 200000; i++) {
		struct virtio_net_hdr header;
		struct rte_mbuf *m;
		uint16_t l4;
		uint32_t len;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		len = build(
			frame, (enum shape)(random % N_SHAPES), (uint16_t)(random >> 50 & 63), &l4);
		len -= (uint32_t)(random >> 20) % (len - 1);
		frame[(random >> 44) % len] ^= (uint8_t)(random >> 12);
		memcpy(&header, (const uint8_t *)&random + 1, 7);
		header.gso_type = (uint8_t)(random >> 5 & 7);
		header.csum_start = (random & 32) != 0 ? l4 : (uint16_t)(random >> 33 & 127);
		header.csum_offset = (random & 64) != 0 ? 16 : (uint16_t)(random >> 25 & 31);
		m = make_frame(f, frame, len);
		if (((i & 1) != 0 ? vnet_to_mbuf_of_uplink(&header, m) : vnet_to_mbuf(&header, m))
				== 0
			&& (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) != 0)
			assert_true((uint32_t)(m->l2_len + m->l3_len + m->l4_len) <= m->pkt_len);
		rte_pktmbuf_free(m);
	}
	assert_no_leak(f);
}

// --- super-frames inside tunnels

// An outer IPv4 or IPv6 header and, for VXLAN, UDP and VXLAN headers before an inner frame (IPIP:
// its packet). Returns the length; *inner is where the inner frame or packet starts.
static uint32_t
build_tunnel(uint8_t *frame, bool vxlan, bool outer6, const uint8_t *payload, uint32_t len,
	uint32_t *inner)
{
	const uint16_t udp = vxlan ? 8 + 8 : 0, at = 14;
	const uint16_t l3_len = outer6 ? 40 : 20;

	memset(frame, 0, FRAME_MAX);
	frame[12] = outer6 ? 0x86 : 8;
	frame[13] = outer6 ? 0xdd : 0;
	if (outer6) {
		struct rte_ipv6_hdr *ip = (void *)(frame + at);

		ip->vtc_flow = RTE_BE32(0x60000000);
		ip->payload_len = rte_cpu_to_be_16((uint16_t)(udp + len));
		ip->proto = vxlan ? IPPROTO_UDP : IPPROTO_IPIP;
	} else {
		struct rte_ipv4_hdr *ip = (void *)(frame + at);

		ip->version_ihl = 0x45;
		ip->total_length = rte_cpu_to_be_16((uint16_t)(l3_len + udp + len));
		ip->next_proto_id = vxlan ? IPPROTO_UDP : IPPROTO_IPIP;
	}
	*inner = (uint32_t)(at + l3_len + udp);
	memcpy(frame + *inner, payload, len);
	return *inner + len;
}

static const struct {
	const char *name;
	bool vxlan, outer6;
	enum shape shape;
	uint8_t gso_type;
	uint64_t ol_flags;
} tunnels[] = {
	{"vxlan", true, false, TCP4, G_TCP4,
		TCP4_FLAGS | SEG | RTE_MBUF_F_TX_TUNNEL_VXLAN | RTE_MBUF_F_TX_OUTER_IPV4},
	{"vxlan over v6", true, true, TCP4, G_TCP4,
		TCP4_FLAGS | SEG | RTE_MBUF_F_TX_TUNNEL_VXLAN | RTE_MBUF_F_TX_OUTER_IPV6},
	{"v6 in vxlan", true, false, TCP6, G_TCP6,
		TCP6_FLAGS | SEG | RTE_MBUF_F_TX_TUNNEL_VXLAN | RTE_MBUF_F_TX_OUTER_IPV4},
	{"vxlan with a tag", true, false, TCP4_TAGGED, G_TCP4,
		TCP4_FLAGS | SEG | RTE_MBUF_F_TX_TUNNEL_VXLAN | RTE_MBUF_F_TX_OUTER_IPV4},
	{"udp in vxlan", true, false, UDP4, G_UDP,
		UDP4_FLAGS | USEG | RTE_MBUF_F_TX_TUNNEL_VXLAN | RTE_MBUF_F_TX_OUTER_IPV4},
	{"ipip", false, false, TCP4, G_TCP4,
		TCP4_FLAGS | SEG | RTE_MBUF_F_TX_TUNNEL_IPIP | RTE_MBUF_F_TX_OUTER_IPV4},
};

// Returns the frame's length; *header is what the kernel sends with it.
static uint32_t
build_tunnel_row(uint8_t *frame, size_t row, struct virtio_net_hdr *header)
{
	static uint8_t inner[FRAME_MAX];
	uint16_t l4, skipped = tunnels[row].vxlan ? 0 : 14;
	uint32_t len = build(inner, tunnels[row].shape, 6000, &l4), start;

	len = build_tunnel(frame, tunnels[row].vxlan, tunnels[row].outer6, inner + skipped,
		len - skipped, &start);
	*header = (struct virtio_net_hdr){
		.flags = NEEDS,
		.gso_type = tunnels[row].gso_type,
		.gso_size = 1400,
		.csum_start = (uint16_t)(start + l4 - skipped),
		.csum_offset = tunnels[row].shape == UDP4 ? 6 : 16,
	};
	return len;
}

static void
test_tunnels(void **state)
{
	struct port_fixture *f = *state;
	static uint8_t frame[FRAME_MAX];

	for (size_t row = 0; row < RTE_DIM(tunnels); row++) {
		struct virtio_net_hdr header;
		const uint32_t len = build_tunnel_row(frame, row, &header);
		struct rte_mbuf *m = make_frame(f, frame, len);

		assert_int_equal(vnet_to_mbuf(&header, m), -EBADMSG);
		if (vnet_to_mbuf_of_uplink(&header, m) != 0)
			fail_msg("%s: refused", tunnels[row].name);
		assert_true(m->ol_flags == tunnels[row].ol_flags);
		assert_int_equal(m->tso_segsz, 1400);
		assert_int_equal(m->outer_l2_len, 14);
		assert_int_equal(m->outer_l3_len, tunnels[row].outer6 ? 40 : 20);
		assert_int_equal(m->outer_l2_len + m->outer_l3_len + m->l2_len + m->l3_len,
			header.csum_start);
		assert_memory_equal(flat(m), frame, len);
		rte_pktmbuf_free(m);
	}
	assert_no_leak(f);
}

// Headers that contradict the tunnel: each is refused, however the others are.
static void
test_tunnel_lies(void **state)
{
	struct port_fixture *f = *state;
	static uint8_t frame[FRAME_MAX];

	for (int lie = 0; lie < 5; lie++) {
		struct virtio_net_hdr header;
		uint32_t len = build_tunnel_row(frame, 0, &header);
		struct rte_mbuf *m;

		if (lie == 0)
			header.csum_start++;
		else if (lie == 1)
			header.gso_type = G_TCP6;
		else if (lie == 2)
			frame[17]--; // the outer packet ends before the inner one
		else if (lie == 3)
			len--;
		else
			header.gso_size = 1; // more segments than anybody makes
		m = make_frame(f, frame, len);
		assert_int_equal(vnet_to_mbuf_of_uplink(&header, m), -EBADMSG);
		rte_pktmbuf_free(m);
	}
}

static void
test_vlan(void **state)
{
	struct port_fixture *f = *state;
	static uint8_t frame[FRAME_MAX];
	const uint8_t tag[] = {0x88, 0xa8, 0x20, 0x64};
	uint16_t l4;
	uint32_t len = build(frame, TCP4, 50, &l4);
	struct virtio_net_hdr header = {.flags = NEEDS, .csum_start = l4, .csum_offset = 16};
	struct rte_mbuf *m = make_frame(f, frame, len);

	for (uint8_t i = 0; i < 12; i++)
		rte_pktmbuf_mtod(m, uint8_t *)[i] = frame[i] = i;
	assert_int_equal(vnet_to_mbuf(&header, m), 0);
	assert_int_equal(vnet_insert_vlan(m, 0x88a8, 0x2064), 0);
	assert_int_equal(m->pkt_len, len + 4);
	assert_memory_equal(flat(m), frame, 12);
	assert_memory_equal(flat(m) + 12, tag, 4);
	assert_memory_equal(flat(m) + 16, frame + 12, len - 12);
	vnet_from_mbuf(m, &header);
	assert_int_equal(header.csum_start, l4 + 4);
	rte_pktmbuf_free(m);

	m = make_frame(f, frame, 13);
	assert_int_equal(vnet_insert_vlan(m, 0x8100, 1), -EBADMSG);
	rte_pktmbuf_free(m);
	assert_no_leak(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_tunnels),
		cmocka_unit_test(test_tunnel_lies),
		cmocka_unit_test(test_vlan),
	};

	return cmocka_run_group_tests(tests, port_fixture_setup, port_fixture_teardown);
}
