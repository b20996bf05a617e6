/* SPDX-License-Identifier: Apache-2.0 */
#include "express_compare.h"
#include "tunnel_frames.h"

// The express way into tunnels and out of them does what the stages do, see test_express.c. Port 2
// is the uplink; what its frames come wrapped in, and the vtep that they are for, change all the
// time.

#define BURSTS 3000
#define NH_ROUTED 60 // a tunnel for routed packets, with the peer's MAC

static void
plain_pod(struct dp_port *port, void *arg)
{
	port->guard = CW_GUARD_ALL;
	port->mtu = 1500;
	port->capabilities = PORT_TX_OFFLOADS | PORT_TX_CHAINS;
}

static void
random_pod(struct dp_port *port, void *arg)
{
	port->guard = pick(32);
	port->mtu = (uint16_t)(pick(2) ? 1500 : 600);
	port->capabilities = pick(32);
}

static void
random_uplink(struct dp_port *port, void *arg)
{
	static const uint32_t capabilities[] = {0, PORT_TX_CHAINS, PORT_TX_OFFLOADS,
		PORT_TX_OFFLOADS | PORT_TX_CHAINS,
		PORT_TX_CHAINS | PORT_TX_TUNNEL_CHECKSUM | PORT_TX_TUNNEL_TSO};
	static const uint16_t mtus[] = {1500, 1500, 1550, 9000, 700};

	port->network = pick(3) == 0 ? UNDERLAY : 0;
	port->mtu = mtus[pick(RTE_DIM(mtus))];
	port->vlan = (uint16_t)(pick(8) == 0 ? 7 : 0);
	port->kind = pick(8) == 0 ? CW_PORT_AF_XDP : CW_PORT_MEMIF;
	port->capabilities = capabilities[pick(RTE_DIM(capabilities))];
}

static void
random_learning(struct network *network, void *arg)
{
	network->learning = pick(6) == 0;
}

static void
random_vteps(struct fixture *f)
{
	for (uint8_t id = VTEP_V4; id <= VTEP_UDP; id++) {
		union vtep_object object = vtep_object(id);

		object.vtep.flags = (uint16_t)(pick(2) ? 0 : pick(4));
		object.vtep.n_own = (uint16_t)pick(3);
		object.vtep.addresses[0] =
			(struct cw_ip){.addr = {10, 9, 0, 7}, .family = 4, .prefix = 32};
		object.vtep.addresses[1] = f->dp->ports[3]->ips[pick(2)];
		set_vtep(f, &object);
	}
}

static void
random_nexthops(struct fixture *f)
{
	static const uint8_t vteps[] = {VTEP_V4, VTEP_V4, VTEP_V4, VTEP_V6, VTEP_IPIP, VTEP_UDP};
	struct rte_ether_addr peer = port_mac(2);
	struct cw_nexthop tunnel = {.id = NH_ROUTED,
		.kind = CW_NEXTHOP_TUNNEL,
		.mac = {2, 0xaa, 0, 0, 0, 2},
		.vtep = vteps[pick(RTE_DIM(vteps))],
		.underlay = NH_UNDERLAY,
		.mtu = (uint16_t)(pick(3) ? 0 : 1000)};
	const uint8_t prefix[4] = {10, 9}, prefix6[16] = {0xfd, 0, 0, 1};
	struct network *network = f->dp->networks[0];

	tunnel.via = tunnel.vtep == VTEP_V6 ? node_ip6(PEER) : node_ip4(PEER);
	assert_int_equal(nexthop_set(f->dp->nexthops, &tunnel), 0);
	assert_int_equal(lpm_set(network->routes4, prefix, 16, NH_ROUTED), 0);
	assert_int_equal(lpm_set(network->routes6, prefix6, 64, NH_ROUTED), 0);
	fdb_del(f->dp->fdb, 0, &peer);
	if (pick(8))
		assert_int_equal(fdb_set_behind(f->dp->fdb, 0, &peer, pick(2) ? NH_PEER : NH_ROUTED,
					 pick(3) == 0, f->w->now_s),
			0);
}

static void
change_settings(struct fixture *f)
{
	fixture_network(f, 0, random_learning, NULL);
	fixture_port_change(f, UPLINK, random_uplink, NULL);
	for (uint16_t port = 3; port <= 4; port++)
		fixture_port_change(f, port, pick(3) ? plain_pod : random_pod, NULL);
	random_vteps(f);
	random_nexthops(f);
}

static struct outer
random_outer(uint32_t odd_percent)
{
	static const struct outer *const kinds[] = {&vxlan6, &ipip, &bare_udp};
	struct outer outer = vxlan4;

	outer.has_checksum = pick(4) == 0;
	if (pick(100) >= odd_percent)
		return outer;
	if (pick(3) == 0)
		outer = *kinds[pick(RTE_DIM(kinds))];
	outer.source = (uint8_t)pick(4);
	outer.ecn = (uint8_t)pick(4);
	outer.udp_port = (uint16_t)(pick(4) ? outer.udp_port : PORT_IANA);
	outer.vlan = (uint16_t)(pick(4) ? 0 : 7);
	outer.vni = pick(4);
	return outer;
}

static void
spoil_outer(struct express_frame *f)
{
	struct frame *frame = &f->frame;

	switch (pick(4)) {
	case 0:
		frame->bytes[pick(50)] ^= (uint8_t)(1u << pick(8));
		break;
	case 1:
		frame->len = (uint16_t)(frame->len - pick(8));
		break;
	case 2: // padding
		frame->len = (uint16_t)(frame->len + pick(8));
		break;
	default:
		frame->bytes[14 + 1] ^= (uint8_t)(1 + pick(3));
		if (frame->bytes[14] == 0x45)
			frame_fix_ipv4(frame);
	}
}

// As another node sends it: most of it in a tunnel.
static struct express_frame
random_received(uint8_t place, uint32_t spoilt_percent)
{
	static const uint64_t known[] = {
		0, 0, RTE_MBUF_F_RX_L4_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_BAD};
	struct express_frame f = random_frame(UPLINK, place, spoilt_percent);
	struct rte_ether_addr mac = pick(2) ? port_mac(UPLINK) : port_mac(3);
	struct outer outer = random_outer(spoilt_percent);

	f.frame.len = (uint16_t)RTE_MAX(f.frame.len, 60u);
	if (pick(4) == 0) {
		if (pick(2))
			memcpy(f.frame.bytes, &mac, sizeof(mac));
		return f;
	}
	f.ol_flags = known[pick(RTE_DIM(known))];
	f.cut = (uint16_t)(f.cut != 0 ? f.cut + pick(60) : 0);
	if (memcmp(f.frame.bytes, "\2\0\0\0\0\1", 6) == 0 && pick(2))
		memcpy(f.frame.bytes, "\x02\xaa\x00\x00\x00\x01", 6);
	f.frame = wrap(&f.frame, &outer);
	if (pick(100) < spoilt_percent)
		spoil_outer(&f);
	return f;
}

static void
test_same_outcome(void **state)
{
	struct fixture *f = *state;
	struct express_frame *frames = calloc(WORKER_BURST, sizeof(*frames));
	struct outcome *out = make_outcomes();
	uint64_t express[2] = {0, 0}, packets[2] = {0, 0};

	assert_true(worker_express_is_open());
	for (uint32_t burst = 0; burst < BURSTS; burst++) {
		uint16_t n = (uint16_t)(1 + pick(WORKER_BURST)), in = (uint16_t)(2 + burst % 3);
		uint32_t spoilt = pick(3) == 0 ? 30 : pick(10);

		if (burst % 20 == 0)
			change_settings(f);
		for (uint16_t i = 0; i < n; i++)
			frames[i] = in == UPLINK ? random_received((uint8_t)i, spoilt)
						 : random_frame(in, (uint8_t)i, spoilt);
		run(f, false, in, frames, n, &out[0]);
		assert_int_equal(out[0].express, 0);
		run(f, true, in, frames, n, &out[2]);
		assert_same(&out[0], &out[2]);
		assert_true(out[2].overtaken <= out[0].overtaken);
		express[in == UPLINK] += out[2].express;
		packets[in == UPLINK] += n;
	}
	for (int i = 0; i < 2; i++) {
		print_message("# %d%% of the %s took the express way\n",
			(int)(express[i] * 100 / packets[i]), i ? "uplink's" : "pods'");
		assert_true(express[i] > packets[i] / 20);
	}
	free_outcomes(out);
	free(frames);
}

static uint64_t
ridden(struct fixture *f)
{
	return f->w->stages[graph_stage_id("express")].packets;
}

// What Flannel's nodes send each other takes it both ways, for either family of pods.
static void
test_usual_packets(void **state)
{
	struct fixture *f = *state;
	const struct rte_ether_addr peer = port_mac(UPLINK);
	uint64_t before = ridden(f);

	f->w->express = true;
	assert_int_equal(fdb_set_behind(f->dp->fdb, 0, &peer, NH_PEER, false, f->w->now_s), 0);
	reset_vtep(f, VTEP_V4);
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		struct frame inner = {.len = 0}, frame;

		if (is_v6)
			inner.len = fixture_udp6(inner.bytes, UPLINK, 3, VTEP_MAC, 18);
		else
			inner.len = fixture_udp4(inner.bytes, UPLINK, 3, VTEP_MAC, 18);
		frame = wrap(&inner, &vxlan4);
		inject(f, UPLINK, &frame);
		assert_int_equal(ridden(f), ++before);
		assert_int_equal(fixture_sent(f, 3), 1);
		assert_int_equal(fixture_sent_packet(f, 3, 0)->pkt_len, inner.len);
		fixture_sent_clear(f);
		memcpy(frame.bytes, inner.bytes, inner.len);
		frame.len = inner.len;
		frame_ether(&frame)->src_addr = port_mac(3);
		frame_ether(&frame)->dst_addr = port_mac(UPLINK); // behind the peer
		inject(f, 3, &frame);
		assert_int_equal(ridden(f), ++before);
		assert_int_equal(fixture_sent(f, UPLINK), 1);
		assert_int_equal(fixture_sent_packet(f, UPLINK, 0)->pkt_len, 50 + frame.len);
		fixture_sent_clear(f);
	}
}

static int
teardown(void **state)
{
	check_books(state);
	return fixture_teardown(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_usual_packets, setup_tunnels, teardown),
		cmocka_unit_test_setup_teardown(test_same_outcome, setup_tunnels, teardown),
	};
	const char *text = getenv("CAUSEWAY_SEED");
	unsigned int seed = text != NULL ? (unsigned int)atoi(text) : (unsigned int)rte_rdtsc();

	srandom(seed);
	print_message("# CAUSEWAY_SEED=%u\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
