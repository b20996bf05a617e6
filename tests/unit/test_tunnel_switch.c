/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/ip_icmp.h>

#include <rte_ring_elem.h>

#include "events.h"
#include "stages/hold.h"
#include "tunnel_frames.h"

// What came out of a tunnel or in by an uplink, in the network: split horizon, head-end
// replication, learning, answers, and what is the host's.

#define STATION "02:00:00:00:08:08" // behind PEER
#define HOST 5

static struct rte_ether_addr
mac_of(const char *text)
{
	struct rte_ether_addr mac;

	assert_int_equal(rte_ether_unformat_addr(text, &mac), 0);
	return mac;
}

static struct frame
frame_of_station(const char *dst_mac)
{
	struct frame frame = frame_udp4(4, 3, dst_mac);

	frame_ether(&frame)->src_addr = mac_of(STATION);
	return frame;
}

static void
set_floods(struct network *network, void *arg)
{
	struct flood_list *flood = (struct flood_list *)(uintptr_t)network->flood;
	static const uint32_t nexthops[] = {NH_PEER, 3};

	flood->n_remote = *(uint16_t *)arg;
	flood->nexthop = nexthops;
}

static void
set_learning(struct network *network, void *arg)
{
	network->learning = *(bool *)arg;
}

static void
set_host_port(struct network *network, void *arg)
{
	network->host_port = *(uint16_t *)arg;
}

// Bytes of the tunnel packet that leaves for the peer, from the inner frame on.
static void
assert_in_tunnel(struct fixture *f, uint16_t index, const struct frame *inner)
{
	const struct rte_mbuf *m = fixture_sent_packet(f, UPLINK, index);
	const uint16_t outer = 14 + 20 + 8 + 8;

	assert_int_equal(m->pkt_len, outer + inner->len);
	assert_memory_equal(
		rte_pktmbuf_mtod_offset(m, const void *, outer), inner->bytes, inner->len);
}

static void
test_split_horizon(void **state)
{
	struct fixture *f = *state;
	const struct rte_ether_addr mac = mac_of("02:00:00:00:08:09");
	struct frame inner = frame_of_station("02:00:00:00:08:09");
	struct frame frame = wrap(&inner, &vxlan4), local = frame_udp4(4, 3, "02:00:00:00:08:09");

	assert_int_equal(fdb_set_behind(f->dp->fdb, 0, &mac, NH_PEER, false, 0), 0);
	assert_dropped(f, UPLINK, &frame, "split_horizon");
	inject(f, 4, &local);
	assert_int_equal(fixture_sent(f, UPLINK), 1);
	assert_in_tunnel(f, 0, &local);
	assert_int_equal(nexthop_del(f->dp->nexthops, NH_PEER), 0);
	assert_dropped(f, 4, &local, "no_nexthop");
	assert_int_equal(fdb_del(f->dp->fdb, 0, &mac), 0);
	assert_int_equal(fdb_set_behind(f->dp->fdb, 0, &mac, NH_PEER, true, 0), 0);
	fixture_sent_clear(f);
	inject(f, 4, &local); // a learned one is looked for
	assert_sent(f, 3, &local);
	set_nexthops(f);
	assert_int_equal(fdb_del(f->dp->fdb, 0, &mac), 0);
}

static void
test_flood(void **state)
{
	struct fixture *f = *state;
	struct frame inner = frame_of_station(BROADCAST_MAC), frame = wrap(&inner, &vxlan4);
	struct frame local = frame_udp4(4, 3, BROADCAST_MAC);
	uint16_t n = 2; // the second does not exist
	uint64_t before = fixture_drops(f, 4, "no_nexthop");

	fixture_network(f, 0, set_floods, &n);
	inject(f, UPLINK, &frame); // to pods alone
	assert_sent(f, 3, &inner);
	assert_sent(f, 4, &inner);
	assert_int_equal(fixture_sent(f, UPLINK), 0);
	fixture_sent_clear(f);
	inject(f, 4, &local);
	assert_sent(f, 3, &local);
	assert_int_equal(fixture_sent(f, UPLINK), 1);
	assert_in_tunnel(f, 0, &local);
	assert_int_equal(fixture_drops(f, 4, "no_nexthop"), before + 1);
	n = 0;
	fixture_network(f, 0, set_floods, &n);
}

static bool
next_event(struct fixture *f, struct dp_event *event)
{
	return rte_ring_dequeue_elem(f->dp->events, event, sizeof(*event)) == 0;
}

// Frames for a station wait while the way to its node is looked for, copies are lost.
static void
test_unresolved(void **state)
{
	struct fixture *f = *state;
	const struct rte_ether_addr mac = mac_of(STATION);
	struct frame known = frame_udp4(4, 3, STATION), group = frame_udp4(4, 3, BROADCAST_MAC);
	struct cw_nexthop underlay = {.id = NH_UNDERLAY,
		.network = UNDERLAY,
		.kind = CW_NEXTHOP_PORT,
		.port = UPLINK,
		.via = node_ip4(77)};
	struct dp_event event;
	uint16_t n = 1;

	fixture_network(f, 0, set_floods, &n);
	assert_int_equal(fdb_set_behind(f->dp->fdb, 0, &mac, NH_PEER, false, 0), 0);
	assert_int_equal(nexthop_set(f->dp->nexthops, &underlay), 0);
	assert_dropped(f, 4, &group, "no_nexthop");
	assert_true(next_event(f, &event));
	assert_int_equal(event.type, DP_EVENT_NEIGHBOR_WANTED);
	assert_int_equal(event.network, UNDERLAY);
	assert_int_equal(event.value, NH_UNDERLAY);
	assert_memory_equal(&event.ip, &underlay.via, sizeof(event.ip));
	fixture_sent_clear(f);
	inject(f, 4, &known);
	assert_true(next_event(f, &event));
	assert_int_equal(event.value, NH_UNDERLAY);
	assert_int_equal(fixture_sent(f, UPLINK), 0);
	set_nexthops(f);
	assert_int_equal(hold_poll(f->w), 1);
	worker_flush(f->w);
	assert_int_equal(fixture_sent(f, UPLINK), 1);
	assert_in_tunnel(f, 0, &known);
	assert_int_equal(fdb_del(f->dp->fdb, 0, &mac), 0);
	n = 0;
	fixture_network(f, 0, set_floods, &n);
}

static void
test_learning(void **state)
{
	struct fixture *f = *state;
	const struct rte_ether_addr mac = mac_of(STATION);
	bool learning = true;
	struct outer outer = vxlan4;
	struct frame inner = frame_of_station(NULL), frame, tagged = inner;
	struct dp_event event;
	struct cw_ip peer = node_ip4(PEER), other = node_ip6(PEER);

	frame_ether(&inner)->dst_addr = port_mac(3);
	fixture_network(f, 0, set_learning, &learning);
	frame = wrap(&inner, &outer);
	inject(f, UPLINK, &frame);
	assert_true(next_event(f, &event));
	assert_int_equal(event.type, DP_EVENT_LEARN_REMOTE);
	assert_int_equal(event.network, 0);
	assert_int_equal(event.value, VTEP_V4);
	assert_memory_equal(&event.ip, &peer, sizeof(peer));
	assert_true(rte_is_same_ether_addr(&event.mac, &mac));
	assert_false(next_event(f, &event));

	assert_int_equal(fdb_set_behind(f->dp->fdb, 0, &mac, NH_PEER, true, 0), 0);
	inject(f, UPLINK, &frame);
	assert_false(next_event(f, &event)); // it is where it was
	outer.source = 3;
	frame = wrap(&inner, &outer);
	inject(f, UPLINK, &frame);
	assert_true(next_event(f, &event)); // it moved to another node
	assert_int_equal(event.ip.addr[3], 3);
	inject(f, 4, &inner);
	assert_true(next_event(f, &event)); // to a pod of this node
	assert_int_equal(event.type, DP_EVENT_LEARN);
	assert_int_equal(event.port, 4);

	frame_tag(&tagged, 5 << 13); // the outer header is found behind a priority tag's removal
	frame = wrap(&tagged, &vxlan6);
	inject(f, UPLINK, &frame);
	assert_true(next_event(f, &event));
	assert_memory_equal(&event.ip, &other, sizeof(other));
	assert_int_equal(event.value, VTEP_V6);
	assert_int_equal(fdb_del(f->dp->fdb, 0, &mac), 0);
	learning = false;
	fixture_network(f, 0, set_learning, &learning);
}

// An unknown peer's request for an address of this node goes back through the tunnel.
static void
test_arp(void **state)
{
	struct fixture *f = *state;
	struct frame inner = frame_arp(
		RTE_ARP_OP_REQUEST, 8, rte_cpu_to_be_32(RTE_IPV4(10, 1, 0, 8)), port_ip4(3));
	struct frame frame = wrap(&inner, &vxlan4), reply = inner;
	struct rte_arp_hdr *arp = frame_arp_header(&reply);

	inject(f, UPLINK, &frame);
	frame_ether(&reply)->dst_addr = port_mac(8);
	frame_ether(&reply)->src_addr = port_mac(3);
	arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_tha = arp->arp_data.arp_sha;
	arp->arp_data.arp_tip = arp->arp_data.arp_sip;
	arp->arp_data.arp_sha = port_mac(3);
	arp->arp_data.arp_sip = port_ip4(3);
	assert_int_equal(fixture_sent(f, UPLINK), 1);
	assert_in_tunnel(f, 0, &reply);
	assert_int_equal(fixture_sent(f, 3) + fixture_sent(f, 4), 0);
}

static void
test_nd(void **state)
{
	struct fixture *f = *state;
	struct frame inner, frame;
	uint8_t asker[16], target[16];
	const struct rte_mbuf *m;

	port_ip6(8, asker);
	port_ip6(3, target);
	inner = frame_nd(ND_NEIGHBOR_SOLICITATION, 8, asker, target);
	frame = wrap(&inner, &vxlan4);
	inject(f, UPLINK, &frame);
	assert_int_equal(fixture_sent(f, UPLINK), 1);
	m = fixture_sent_packet(f, UPLINK, 0);
	assert_int_equal(m->pkt_len, 50 + 86);
	assert_int_equal(
		*rte_pktmbuf_mtod_offset(m, uint8_t *, 50 + 54), ND_NEIGHBOR_ADVERTISEMENT);
	assert_memory_equal(rte_pktmbuf_mtod(m, uint8_t *) + 50, port_mac(8).addr_bytes, 6);
}

// Neighbours behind other nodes are asked by the peers themselves.
static void
test_arp_for_remote(void **state)
{
	struct fixture *f = *state;
	struct cw_ip ip = {.addr = {10, 1, 0, 9}, .family = 4, .prefix = 32};
	struct rte_ether_addr mac = mac_of(STATION);
	struct frame inner = frame_arp(RTE_ARP_OP_REQUEST, 8,
		rte_cpu_to_be_32(RTE_IPV4(10, 1, 0, 8)), rte_cpu_to_be_32(RTE_IPV4(10, 1, 0, 9)));
	struct frame frame = wrap(&inner, &vxlan4);

	assert_int_equal(
		neighbor_set_behind(f->dp->neighbors, NEIGHBOR_STATIC, 0, &ip, &mac, NH_PEER), 0);
	inject(f, UPLINK, &frame);
	assert_sent(f, 3, &inner);
	assert_sent(f, 4, &inner);
	assert_int_equal(fixture_sent(f, UPLINK), 0);
	assert_int_equal(neighbor_del(f->dp->neighbors, NEIGHBOR_STATIC, 0, &ip), 0);
}

static struct frame
ping_router(void)
{
	struct frame frame = frame_udp4(8, 1, ROUTER_MAC);
	uint8_t *icmp = frame.bytes + 34;
	uint16_t sum;

	frame_ipv4(&frame)->next_proto_id = IPPROTO_ICMP;
	frame_fix_ipv4(&frame);
	memset(icmp, 0, 8);
	icmp[0] = ICMP_ECHO;
	sum = (uint16_t)~rte_raw_cksum(icmp, frame.len - 34u);
	memcpy(icmp + 2, &sum, sizeof(sum));
	return frame;
}

// What another node's pod is to be sent to is not sent back to where it came from.
static void
test_routed_back(void **state)
{
	struct fixture *f = *state;
	struct network *network = f->dp->networks[0];
	const uint8_t prefix[4] = {10, 2, 0, 0};
	struct frame inner = frame_of_station(VTEP_MAC), frame;
	struct outer other = vxlan4;

	frame_ipv4(&inner)->dst_addr = RTE_BE32(RTE_IPV4(10, 2, 0, 9));
	frame_fix_ipv4(&inner);
	assert_int_equal(lpm_set(network->routes4, prefix, 16, NH_PEER), 0);
	frame = wrap(&inner, &vxlan4);
	assert_dropped(f, UPLINK, &frame, "split_horizon");
	other.source = 3;
	frame = wrap(&inner, &other);
	inject(f, UPLINK, &frame);
	assert_int_equal(fixture_sent(f, UPLINK), 1); // from node to node through this one
	assert_int_equal(lpm_del(network->routes4, prefix, 16), 0);
}

static void
test_ping(void **state)
{
	struct fixture *f = *state;
	struct frame inner = ping_router(), frame = wrap(&inner, &vxlan4);
	const struct rte_mbuf *m;

	inject(f, UPLINK, &frame);
	assert_int_equal(fixture_sent(f, UPLINK), 1);
	m = fixture_sent_packet(f, UPLINK, 0);
	assert_int_equal(m->pkt_len, 50 + inner.len);
	assert_int_equal(*rte_pktmbuf_mtod_offset(m, uint8_t *, 50 + 34), ICMP_ECHOREPLY);
	fixture_sent_clear(f);
	frame = wrap(&inner, &ipip); // no frame, no way back but by a route, which there is not
	assert_dropped(f, UPLINK, &frame, "no_neighbor");
	assert_int_equal(fixture_sent(f, UPLINK), 0);
}

// Tunnel packets for the node's own inner addresses, other frames for other MACs.
static void
test_punt(void **state)
{
	struct fixture *f = *state;
	union vtep_object object = vtep_object(VTEP_V4);
	uint16_t host = HOST, none = 0, vlan = 100;
	struct frame inner = frame_of_station(VTEP_MAC), frame = wrap(&inner, &vxlan4), tagged;
	struct frame foreign = frame_udp4(8, 77, NULL), lldp = foreign;
	struct frame inner6 = frame_udp6(8, 3, VTEP_MAC), frame6 = wrap(&inner6, &vxlan4);

	object.vtep.n_own = 2;
	object.vtep.addresses[0] = f->dp->ports[3]->ips[1];
	object.vtep.addresses[1] = f->dp->ports[3]->ips[0];
	set_vtep(f, &object);
	assert_dropped(f, UPLINK, &frame, "not_ours");
	assert_dropped(f, UPLINK, &foreign, "not_ours");
	rte_ether_unformat_addr("01:80:c2:00:00:0e", &frame_ether(&lldp)->dst_addr);
	fixture_port(f, HOST);
	fixture_network(f, UNDERLAY, set_host_port, &host);
	assert_passed(f, UPLINK, &frame, HOST);
	assert_passed(f, UPLINK, &frame6, HOST);
	assert_passed(f, UPLINK, &foreign, HOST);
	assert_passed(f, UPLINK, &lldp, HOST);
	tagged = frame;
	frame_tag(&tagged, vlan);
	fixture_port_change(f, UPLINK, change_vlan, &vlan);
	inject(f, UPLINK, &tagged);
	assert_sent(f, HOST, &frame);
	fixture_sent_clear(f);
	vlan = 0;
	fixture_port_change(f, UPLINK, change_vlan, &vlan);
	frame_ipv4(&inner)->dst_addr = port_ip4(4);
	frame_fix_ipv4(&inner);
	frame = wrap(&inner, &vxlan4);
	inject(f, UPLINK, &frame);
	assert_int_equal(fixture_sent(f, HOST), 0);
	assert_int_equal(fixture_sent(f, 4), 1);
	fixture_network(f, UNDERLAY, set_host_port, &none);
	fixture_port_del(f, HOST);
	reset_vtep(f, VTEP_V4);
}

// host-gw: what is sent to the uplink's own MAC is routed in its network.
static void
test_routed_from_uplink(void **state)
{
	struct fixture *f = *state;
	struct network *network = f->dp->networks[UNDERLAY];
	struct cw_nexthop to_pods = {.id = 9,
		.network = 0,
		.kind = CW_NEXTHOP_PORT,
		.mac = {2, 0, 0, 0, 1, 3},
		.port = 3};
	const uint8_t prefix[4] = {10, 1, 0, 0};
	struct frame frame = frame_udp4(8, 3, "02:00:00:00:01:02");

	assert_dropped(f, UPLINK, &frame, "no_route");
	assert_int_equal(nexthop_set(f->dp->nexthops, &to_pods), 0);
	assert_int_equal(lpm_set(network->routes4, prefix, 24, 9), 0);
	inject(f, UPLINK, &frame);
	assert_int_equal(fixture_sent(f, 3), 1);
	frame_ether(&frame)->dst_addr = network->router_mac;
	inject(f, UPLINK, &frame);
	assert_int_equal(fixture_sent(f, 3), 2);
	assert_int_equal(lpm_del(network->routes4, prefix, 24), 0);
	assert_int_equal(nexthop_del(f->dp->nexthops, 9), 0);
}

// A pod's address as source is no spoofing when another node says so, whatever the port's guard.
static void
change_uplink_guard(struct dp_port *port, void *arg)
{
	port->guard = *(uint32_t *)arg;
}

static void
test_guard(void **state)
{
	struct fixture *f = *state;
	uint32_t guard = CW_GUARD_ALL;
	struct frame inner = frame_of_station(NULL), frame;

	frame_ether(&inner)->dst_addr = port_mac(3);
	frame = wrap(&inner, &vxlan4);
	fixture_port_change(f, UPLINK, change_uplink_guard, &guard);
	inject(f, UPLINK, &frame);
	assert_sent(f, 3, &inner);
	guard = 0;
	fixture_port_change(f, UPLINK, change_uplink_guard, &guard);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		l2_test(test_split_horizon),
		l2_test(test_flood),
		l2_test(test_unresolved),
		l2_test(test_learning),
		l2_test(test_arp),
		l2_test(test_nd),
		l2_test(test_arp_for_remote),
		l2_test(test_routed_back),
		l2_test(test_ping),
		l2_test(test_punt),
		l2_test(test_routed_from_uplink),
		l2_test(test_guard),
	};

	return cmocka_run_group_tests(tests, setup_tunnels, fixture_teardown);
}
