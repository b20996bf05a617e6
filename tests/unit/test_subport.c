/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/ip_icmp.h>

#include "events.h"
#include "l2_frames.h"
#include "subport_setup.h"

// The way of frames through sub-ports, and the router between those behind a card and everybody
// else.

#define PARENT_MAC "02:00:00:00:01:04"

static const struct rte_ether_addr router_mac = {{2, 0, 0, 0, 0, 1}};
static const struct rte_ether_addr parent_mac = {{2, 0, 0, 0, 1, PARENT}};

// The only frame that left by a device; its tag is taken out, 0 when it had none.
static struct frame
take_sent(struct fixture *f, uint16_t port, uint16_t *tag)
{
	struct frame frame = {.len = 0};
	struct rte_mbuf *m;
	uint8_t room[2048];

	assert_int_equal(fixture_sent(f, port), 1);
	m = fixture_sent_packet(f, port, 0);
	frame.len = (uint16_t)m->pkt_len;
	memcpy(frame.bytes, rte_pktmbuf_read(m, 0, m->pkt_len, room), m->pkt_len);
	*tag = 0;
	if (frame_ether(&frame)->ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN)) {
		*tag = (uint16_t)((frame.bytes[14] << 8 | frame.bytes[15]) & 0xfff);
		memmove(frame.bytes + 12, frame.bytes + 16, frame.len - 16u);
		frame.len = (uint16_t)(frame.len - 4);
	}
	fixture_sent_clear(f);
	return frame;
}

static void
inject_tagged(struct fixture *f, const struct frame *frame, uint16_t tag)
{
	struct frame tagged = *frame;

	frame_tag(&tagged, tag);
	inject(f, PARENT, &tagged);
}

#define assert_macs(frame, dst, src)                                                       \
	do {                                                                               \
		const struct rte_ether_addr dst_ = (dst), src_ = (src);                    \
		assert_true(rte_is_same_ether_addr(&frame_ether(frame)->dst_addr, &dst_)); \
		assert_true(rte_is_same_ether_addr(&frame_ether(frame)->src_addr, &src_)); \
	} while (0)

static void
test_comes_in_by_subport(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(VF_A, 2, PARENT_MAC), out;
	const uint64_t parent_before = fixture_counters(f, PARENT)->rx_packets;
	uint16_t tag;

	inject_tagged(f, &frame, TAG_A);
	out = take_sent(f, 2, &tag);
	assert_macs(&out, port_mac(2), router_mac);
	assert_int_equal(frame_ipv4(&out)->time_to_live, frame_ipv4(&frame)->time_to_live - 1);
	assert_int_equal(fixture_counters(f, VF_A)->rx_packets, 1);
	assert_int_equal(fixture_counters(f, VF_A)->rx_bytes, frame.len + 4u);
	assert_int_equal(fixture_counters(f, VF_A)->sent, 1);
	assert_int_equal(fixture_counters(f, PARENT)->rx_packets, parent_before);
}

static void
test_leaves_by_parent(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, VF_B, ROUTER_MAC), out;
	uint16_t tag;

	inject(f, 2, &frame);
	out = take_sent(f, PARENT, &tag);
	assert_int_equal(tag, TAG_B);
	assert_macs(&out, port_mac(VF_B), parent_mac);
	assert_int_equal(fixture_counters(f, VF_B)->tx_packets, 1);
	assert_int_equal(fixture_counters(f, VF_B)->tx_bytes, frame.len + 4u);
	frame = frame_udp6(2, VF_B, ROUTER_MAC);
	inject(f, 2, &frame);
	out = take_sent(f, PARENT, &tag);
	assert_int_equal(tag, TAG_B);
	assert_macs(&out, port_mac(VF_B), parent_mac);
	assert_int_equal(frame_ipv6(&out)->hop_limits, frame_ipv6(&frame)->hop_limits - 1);
}

static void
test_between_subports(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(VF_A, VF_B, PARENT_MAC), out;
	uint16_t tag;

	inject_tagged(f, &frame, TAG_A);
	out = take_sent(f, PARENT, &tag);
	assert_int_equal(tag, TAG_B);
	assert_macs(&out, port_mac(VF_B), parent_mac);
}

static void
test_nothing_is_bridged(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, VF_A, NULL), group = frame_udp4(2, 3, BROADCAST_MAC);

	assert_dropped(f, 2, &frame, "routed_only");
	assert_int_equal(fixture_sent(f, PARENT), 0);
	inject(f, 2, &group);
	assert_int_equal(fixture_sent(f, PARENT), 0);
	assert_int_equal(fixture_sent(f, 3), 1);
	fixture_sent_clear(f);
	// The other way a group's frame goes on.
	group = frame_udp4(VF_A, 3, BROADCAST_MAC);
	inject_tagged(f, &group, TAG_A);
	assert_int_equal(fixture_sent(f, 2), 1);
	assert_int_equal(fixture_sent(f, PARENT), 0);
}

static void
test_guard(void **state)
{
	struct fixture *f = *state;
	struct frame mac = frame_udp4(VF_A, 2, PARENT_MAC), ip = frame_udp4(VF_B, 2, PARENT_MAC);
	struct frame arp = frame_arp(RTE_ARP_OP_REQUEST, VF_A, port_ip4(3), port_ip4(2));
	uint64_t before;

	frame_ether(&mac)->src_addr = port_mac(VF_B);
	before = fixture_drops(f, VF_A, "spoof_mac");
	inject_tagged(f, &mac, TAG_A);
	assert_int_equal(fixture_drops(f, VF_A, "spoof_mac"), before + 1);
	frame_ether(&ip)->src_addr = port_mac(VF_A);
	before = fixture_drops(f, VF_A, "spoof_ip");
	inject_tagged(f, &ip, TAG_A);
	assert_int_equal(fixture_drops(f, VF_A, "spoof_ip"), before + 1);
	before = fixture_drops(f, VF_A, "spoof_arp");
	inject_tagged(f, &arp, TAG_A);
	assert_int_equal(fixture_drops(f, VF_A, "spoof_arp"), before + 1);
}

static void
test_foreign_tags(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(VF_A, 2, PARENT_MAC);
	const uint64_t before = fixture_drops(f, PARENT, "vlan_unknown");

	inject_tagged(f, &frame, TAG_A + 1);
	inject_tagged(f, &frame, TAG_B - 1);
	assert_int_equal(fixture_drops(f, PARENT, "vlan_unknown"), before + 2);
}

static void
test_shared_tag(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(SHARED_A, 2, PARENT_MAC), out;
	const uint64_t before = fixture_counters(f, PARENT)->rx_packets;
	uint16_t tag;

	inject_tagged(f, &frame, TAG_SHARED);
	out = take_sent(f, 2, &tag);
	assert_macs(&out, port_mac(2), router_mac);
	assert_int_equal(fixture_counters(f, PARENT)->rx_packets, before + 1);
	assert_int_equal(fixture_counters(f, SHARED_A)->rx_packets, 0);
	frame = frame_udp4(2, SHARED_B, ROUTER_MAC);
	inject(f, 2, &frame);
	out = take_sent(f, PARENT, &tag);
	assert_int_equal(tag, TAG_SHARED);
	assert_macs(&out, port_mac(SHARED_B), parent_mac);
	assert_int_equal(fixture_counters(f, SHARED_B)->tx_packets, 1);
	// What they send to the router for each other is routed, without a redirect.
	frame = frame_udp4(SHARED_A, SHARED_B, PARENT_MAC);
	inject_tagged(f, &frame, TAG_SHARED);
	out = take_sent(f, PARENT, &tag);
	assert_int_equal(tag, TAG_SHARED);
	assert_macs(&out, port_mac(SHARED_B), parent_mac);
}

// Asks from behind the card; returns the answer's sender, or zero when there is none.
static struct rte_ether_addr
ask(struct fixture *f, uint16_t from, rte_be32_t sender, rte_be32_t target)
{
	const uint16_t tag = f->dp->ports[from]->vlan;
	struct frame request = frame_arp(RTE_ARP_OP_REQUEST, from, sender, target), reply;
	uint16_t sent_tag;

	inject_tagged(f, &request, tag);
	if (fixture_sent(f, PARENT) == 0) {
		fixture_sent_clear(f);
		return (struct rte_ether_addr){{0}};
	}
	reply = take_sent(f, PARENT, &sent_tag);
	assert_int_equal(sent_tag, tag);
	assert_int_equal(frame_arp_header(&reply)->arp_opcode, RTE_BE16(RTE_ARP_OP_REPLY));
	assert_int_equal(frame_arp_header(&reply)->arp_data.arp_sip, target);
	assert_macs(&reply, port_mac(from), frame_arp_header(&reply)->arp_data.arp_sha);
	return frame_arp_header(&reply)->arp_data.arp_sha;
}

static const struct rte_ether_addr nobody;
#define assert_asked(f, from, sender, target, wanted)                            \
	do {                                                                     \
		const struct rte_ether_addr got_ = ask(f, from, sender, target); \
		assert_memory_equal(&got_, &(wanted), sizeof(got_));             \
	} while (0)

static void
test_arp_from_card(void **state)
{
	struct fixture *f = *state;
	const uint16_t behind[] = {VF_A, VF_B, SHARED_A};
	const rte_be32_t unknown = RTE_BE32(RTE_IPV4(10, 1, 7, 7));

	for (size_t i = 0; i < RTE_DIM(behind); i++) {
		const rte_be32_t own = port_ip4(behind[i]);

		assert_asked(f, behind[i], own, RTE_BE32(RTE_IPV4(10, 1, 0, 1)), parent_mac);
		assert_asked(f, behind[i], own, port_ip4(2), parent_mac);
		assert_asked(f, behind[i], 0, port_ip4(2), parent_mac); // taken
		assert_asked(f, behind[i], 0, own, nobody);
		assert_asked(f, behind[i], own, own, nobody);
		assert_asked(f, behind[i], 0, unknown, nobody); // may be free
		assert_asked(f, behind[i], own, unknown, nobody);
	}
	assert_asked(f, VF_A, port_ip4(VF_A), port_ip4(VF_B), parent_mac);
	assert_asked(f, VF_A, port_ip4(VF_A), port_ip4(SHARED_A), parent_mac);
	assert_asked(f, SHARED_A, port_ip4(SHARED_A), port_ip4(VF_A), parent_mac);
	assert_asked(f, SHARED_A, port_ip4(SHARED_A), port_ip4(SHARED_B), nobody);
}

// An address that nobody is known to have is asked for, unless it may be the asker's own.
static void
test_arp_wants(void **state)
{
	struct fixture *f = *state;
	const rte_be32_t unknown = RTE_BE32(RTE_IPV4(10, 1, 7, 8));
	const uint64_t before = fixture_drops(f, VF_A, "no_neighbor");
	struct dp_event event;

	while (rte_ring_dequeue_elem(f->dp->events, &event, sizeof(event)) == 0)
		;
	assert_asked(f, VF_A, 0, unknown, nobody);
	assert_int_not_equal(rte_ring_dequeue_elem(f->dp->events, &event, sizeof(event)), 0);
	assert_asked(f, VF_A, port_ip4(VF_A), unknown, nobody);
	assert_int_equal(fixture_drops(f, VF_A, "no_neighbor"), before + 1);
	assert_int_equal(rte_ring_dequeue_elem(f->dp->events, &event, sizeof(event)), 0);
	assert_int_equal(event.type, DP_EVENT_NEIGHBOR_WANTED);
	assert_memory_equal(event.ip.addr, &unknown, sizeof(unknown));
}

static void
set_host(struct network *network, void *arg)
{
	network->host_port = *(uint16_t *)arg;
	network->resolve = network->host_port != 0;
}

static void
set_host_port(struct dp_port *port, void *arg)
{
	port->kind = *(bool *)arg ? CW_PORT_HOST : CW_PORT_TAP;
	port->origin = *(bool *)arg ? PACKET_FROM_HOST : PACKET_FROM_PORT;
}

// The host shares the router's addresses: the router asks in its place, and answers with its own
// MAC for whoever is out there.
static void
test_host_asks(void **state)
{
	struct fixture *f = *state;
	const struct cw_ip there = {.addr = {10, 1, 7, 9}, .family = 4, .prefix = 32};
	const struct rte_ether_addr mac = {{2, 0, 0, 0, 7, 9}};
	const uint8_t unknown6[16] = {0xfd, 0, 0, 1, [14] = 7, 9};
	uint16_t host = 3, none = 0, tag;
	struct frame arp, nd, reply;
	struct dp_event event;
	uint8_t router[16];
	bool is_host = true;

	while (rte_ring_dequeue_elem(f->dp->events, &event, sizeof(event)) == 0)
		;
	fixture_network(f, 0, set_host, &host);
	fixture_port_change(f, host, set_host_port, &is_host);
	arp = frame_arp(RTE_ARP_OP_REQUEST, host, RTE_BE32(RTE_IPV4(10, 1, 0, 1)),
		RTE_BE32(RTE_IPV4(10, 1, 7, 9)));
	port_ip6(1, router);
	nd = frame_nd(ND_NEIGHBOR_SOLICITATION, host, router, unknown6);
	assert_dropped(f, host, &arp, "no_neighbor");
	assert_int_equal(rte_ring_dequeue_elem(f->dp->events, &event, sizeof(event)), 0);
	assert_int_equal(event.type, DP_EVENT_NEIGHBOR_WANTED);
	assert_memory_equal(event.ip.addr, there.addr, 4);
	assert_dropped(f, host, &nd, "no_neighbor");
	assert_int_equal(rte_ring_dequeue_elem(f->dp->events, &event, sizeof(event)), 0);
	assert_memory_equal(event.ip.addr, unknown6, 16);
	assert_int_equal(
		neighbor_set(f->dp->neighbors, NEIGHBOR_RESOLVED, 0, &there, &mac, PARENT), 0);
	inject(f, host, &arp);
	reply = take_sent(f, host, &tag);
	assert_macs(&reply, port_mac(host), router_mac);
	neighbor_del(f->dp->neighbors, NEIGHBOR_RESOLVED, 0, &there);
	is_host = false;
	fixture_port_change(f, host, set_host_port, &is_host);
	fixture_network(f, 0, set_host, &none);
	assert_int_not_equal(rte_ring_dequeue_elem(f->dp->events, &event, sizeof(event)), 0);
}

// RFC 1027: what a route leads to elsewhere.
static void
test_arp_for_routes(void **state)
{
	struct fixture *f = *state;
	const struct cw_nexthop there = {
		.id = 60, .kind = CW_NEXTHOP_PORT, .port = 3, .mac = {2, 0, 0, 0, 9, 9}};
	const struct cw_nexthop back = {
		.id = 61, .kind = CW_NEXTHOP_PORT, .port = SHARED_A, .mac = {2, 0, 0, 0, 9, 8}};
	const uint8_t prefix[4] = {10, 1, 9}, prefix_back[4] = {10, 1, 10};
	struct lpm_table *routes = f->dp->networks[0]->routes4;

	assert_int_equal(nexthop_set(f->dp->nexthops, &there), 0);
	assert_int_equal(nexthop_set(f->dp->nexthops, &back), 0);
	assert_int_equal(lpm_set(routes, prefix, 24, 60), 0);
	assert_int_equal(lpm_set(routes, prefix_back, 24, 61), 0);
	assert_asked(f, SHARED_A, port_ip4(SHARED_A), RTE_BE32(RTE_IPV4(10, 1, 9, 5)), parent_mac);
	assert_asked(f, SHARED_A, 0, RTE_BE32(RTE_IPV4(10, 1, 9, 5)), nobody);
	assert_asked(f, SHARED_A, port_ip4(SHARED_A), RTE_BE32(RTE_IPV4(10, 1, 10, 5)), nobody);
	assert_asked(f, VF_A, port_ip4(VF_A), RTE_BE32(RTE_IPV4(10, 1, 10, 5)), parent_mac);
	lpm_del(routes, prefix, 24);
	lpm_del(routes, prefix_back, 24);
}

static void
test_arp_for_card(void **state)
{
	struct fixture *f = *state;
	struct frame request = frame_arp(RTE_ARP_OP_REQUEST, 2, port_ip4(2), port_ip4(VF_A)), reply;
	uint16_t tag;

	inject(f, 2, &request);
	reply = take_sent(f, 2, &tag);
	assert_macs(&reply, port_mac(2), router_mac);
	request = frame_arp(RTE_ARP_OP_REQUEST, 2, port_ip4(2), port_ip4(3)); // as ever
	inject(f, 2, &request);
	reply = take_sent(f, 2, &tag);
	assert_macs(&reply, port_mac(2), port_mac(3));
}

static void
test_announcement(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, VF_A, port_ip4(VF_A), port_ip4(VF_A));
	struct frame out;
	uint16_t tag;

	inject_tagged(f, &frame, TAG_A);
	assert_int_equal(fixture_sent(f, PARENT), 0);
	assert_int_equal(fixture_sent(f, 3), 1);
	out = take_sent(f, 2, &tag);
	assert_true(rte_is_same_ether_addr(&frame_ether(&out)->src_addr, &router_mac));
	assert_memory_equal(
		&frame_arp_header(&out)->arp_data.arp_sha, &router_mac, sizeof(router_mac));
	assert_int_equal(frame_arp_header(&out)->arp_data.arp_sip, port_ip4(VF_A));
}

static struct frame
solicitation(uint16_t from, const uint8_t target[16], bool is_probe)
{
	uint8_t src[16] = {0};
	struct frame frame;

	if (!is_probe)
		port_ip6(from, src);
	frame = frame_nd(ND_NEIGHBOR_SOLICITATION, from, src, target);
	if (!is_probe)
		return frame;
	frame.len -= 8;
	frame_fix_icmp6(&frame);
	return frame;
}

static bool
nd_checksum_is_right(struct frame *frame)
{
	const rte_be16_t sum = frame_nd_message(frame)->checksum;

	frame_fix_icmp6(frame);
	return frame_nd_message(frame)->checksum == sum;
}

// Whether the request from behind the card is answered with the parent's MAC.
static bool
is_solicited(struct fixture *f, uint16_t from, const uint8_t target[16], bool is_probe)
{
	struct frame request = solicitation(from, target, is_probe), reply;
	uint16_t tag;

	inject_tagged(f, &request, f->dp->ports[from]->vlan);
	if (fixture_sent(f, PARENT) == 0) {
		fixture_sent_clear(f);
		return false;
	}
	reply = take_sent(f, PARENT, &tag);
	assert_int_equal(tag, f->dp->ports[from]->vlan);
	assert_true(rte_is_same_ether_addr(&frame_ether(&reply)->src_addr, &parent_mac));
	assert_int_equal(frame_nd_message(&reply)->type, ND_NEIGHBOR_ADVERTISEMENT);
	assert_memory_equal(frame_nd_message(&reply)->target, target, 16);
	assert_true(rte_is_same_ether_addr(&frame_nd_option(&reply)->mac, &parent_mac));
	assert_int_equal(frame_nd_message(&reply)->flags & 0x60, is_probe ? 0x20 : 0x60);
	assert_true(nd_checksum_is_right(&reply));
	return true;
}

static void
test_nd_from_card(void **state)
{
	struct fixture *f = *state;
	const uint8_t unknown[16] = {0xfd, 0, 0, 1, [14] = 7, 7}, link[16] = {0xfe, 0x80, [15] = 9};
	const uint16_t behind[] = {VF_A, SHARED_A};
	uint8_t other[16], own[16], router[16];

	port_ip6(2, other);
	port_ip6(1, router);
	for (size_t i = 0; i < RTE_DIM(behind); i++) {
		port_ip6(behind[i], own);
		assert_true(is_solicited(f, behind[i], router, false));
		assert_true(is_solicited(f, behind[i], other, false));
		assert_true(is_solicited(f, behind[i], other, true)); // taken
		assert_false(is_solicited(f, behind[i], own, true));
		assert_false(is_solicited(f, behind[i], unknown, true)); // may be free
		assert_false(is_solicited(f, behind[i], unknown, false));
		assert_false(is_solicited(f, behind[i], link, false));
	}
	port_ip6(SHARED_B, other);
	assert_false(is_solicited(f, SHARED_A, other, false));
	assert_true(is_solicited(f, VF_A, other, false));
}

static void
test_nd_for_card(void **state)
{
	struct fixture *f = *state;
	struct frame request, reply;
	uint8_t target[16];
	uint16_t tag;

	port_ip6(VF_A, target);
	request = solicitation(2, target, false);
	inject(f, 2, &request);
	reply = take_sent(f, 2, &tag);
	assert_macs(&reply, port_mac(2), router_mac);
	assert_true(rte_is_same_ether_addr(&frame_nd_option(&reply)->mac, &router_mac));
	assert_int_equal(frame_nd_message(&reply)->flags, 0x60);
}

// An advertisement to all nodes goes on with the router's MAC.
static void
test_unsolicited(void **state)
{
	struct fixture *f = *state;
	struct frame frame, out;
	uint8_t own[16];
	uint16_t tag;

	port_ip6(VF_A, own);
	frame = frame_nd(ND_NEIGHBOR_ADVERTISEMENT, VF_A, own, own);
	inject_tagged(f, &frame, TAG_A);
	out = take_sent(f, 2, &tag);
	assert_true(rte_is_same_ether_addr(&frame_ether(&out)->src_addr, &router_mac));
	assert_true(rte_is_same_ether_addr(&frame_nd_option(&out)->mac, &router_mac));
	assert_true(nd_checksum_is_right(&out));
}

static void
test_hops_run_out(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(VF_A, VF_B, PARENT_MAC), out;
	uint16_t tag;

	f->w->now_tsc += UINT64_C(1) << 40; // fills the token buckets
	frame_ipv4(&frame)->time_to_live = 1;
	frame_fix_ipv4(&frame);
	inject_tagged(f, &frame, TAG_A);
	out = take_sent(f, PARENT, &tag);
	assert_int_equal(tag, TAG_A);
	assert_macs(&out, port_mac(VF_A), parent_mac);
	assert_int_equal(frame_ipv4(&out)->next_proto_id, IPPROTO_ICMP);
	assert_int_equal(out.bytes[34], ICMP_TIME_EXCEEDED);
}

// The router itself answers with the MAC that the card lets out.
static void
test_echo(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(VF_A, 1, PARENT_MAC), out;
	uint16_t tag;

	frame_ipv4(&frame)->next_proto_id = IPPROTO_ICMP;
	frame_fix_ipv4(&frame);
	memset(frame.bytes + 34, 0, 8);
	frame.bytes[34] = ICMP_ECHO;
	inject_tagged(f, &frame, TAG_A);
	out = take_sent(f, PARENT, &tag);
	assert_int_equal(tag, TAG_A);
	assert_macs(&out, port_mac(VF_A), parent_mac);
	assert_int_equal(out.bytes[34], ICMP_ECHOREPLY);
}

static void
set_parent_flags(struct dp_port *port, void *arg)
{
	port->flags = *(uint32_t *)arg;
}

// Between those who share a tag the card does it, trusted or not.
static void
test_trusted(void **state)
{
	struct fixture *f = *state;
	uint32_t parent = CW_PORT_UPLINK, own = 0, shared = CW_PORT_SHARED_TAG;
	struct frame frame = frame_udp4(2, VF_A, NULL), out;
	const uint64_t before = fixture_drops(f, PARENT, "fdb_same_port");
	uint16_t tag;

	fixture_port_change(f, PARENT, set_parent_flags, &parent);
	fixture_port_change(f, VF_A, set_parent_flags, &own);
	fixture_port_change(f, SHARED_B, set_parent_flags, &shared);
	inject(f, 2, &frame);
	out = take_sent(f, PARENT, &tag);
	assert_int_equal(tag, TAG_A);
	assert_macs(&out, port_mac(VF_A), port_mac(2));
	frame = frame_udp4(SHARED_A, SHARED_B, NULL);
	inject_tagged(f, &frame, TAG_SHARED);
	assert_int_equal(fixture_sent(f, PARENT), 0);
	assert_int_equal(fixture_drops(f, PARENT, "fdb_same_port"), before + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		l2_test(test_comes_in_by_subport),
		l2_test(test_leaves_by_parent),
		l2_test(test_between_subports),
		l2_test(test_nothing_is_bridged),
		l2_test(test_guard),
		l2_test(test_foreign_tags),
		l2_test(test_shared_tag),
		l2_test(test_arp_from_card),
		l2_test(test_arp_wants),
		l2_test(test_host_asks),
		l2_test(test_arp_for_routes),
		l2_test(test_arp_for_card),
		l2_test(test_announcement),
		l2_test(test_nd_from_card),
		l2_test(test_nd_for_card),
		l2_test(test_unsolicited),
		l2_test(test_hops_run_out),
		l2_test(test_echo),
		l2_test(test_trusted),
	};

	return cmocka_run_group_tests(tests, setup_card, fixture_teardown);
}
