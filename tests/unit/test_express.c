/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"
#include "events.h"
#include "express_frames.h"
#include "stages/rewrite_l3.h"
#include "worker_private.h"

#include <rte_cycles.h>

// The express way and the stages do the same: every burst goes both ways, and what leaves, the
// counters and the events are compared. The seed is printed with a failure; CAUSEWAY_SEED sets it.

#define BURSTS 3000
#define OUT_MAX 1024
#define EVENTS_MAX 256
#define ROUTE_NEXTHOP 50

struct sent {
	uint16_t port, flow;
	uint8_t place; // in its burst, as its pattern says
	uint32_t len;
	uint64_t ol_flags, tx_offload;
	uint32_t sum; // of the bytes
};

struct outcome {
	uint32_t n_sent, n_events;
	uint32_t overtaken; // pairs of a flow and port that left in the other order
	struct sent sent[OUT_MAX];
	struct dp_event events[EVENTS_MAX];
	uint64_t express; // packets that took the express way
	struct port_counters *counters[8]; // by port, what was added
};

static struct rte_mbuf *
make_mbuf(struct fixture *f, const struct express_frame *from)
{
	uint32_t len = from->frame.len;
	uint16_t first = (uint16_t)(from->cut != 0 && from->cut < len ? from->cut : len);
	struct rte_mbuf *m = fixture_packet(f, from->frame.bytes, first);

	if (first < len) {
		struct rte_mbuf *rest = fixture_packet(f, from->frame.bytes + first, len - first);

		assert_int_equal(rte_pktmbuf_chain(m, rest), 0);
	}
	m->ol_flags = from->ol_flags;
	if (from->ol_flags != 0) {
		m->l2_len = RTE_ETHER_HDR_LEN;
		m->l3_len = from->frame.bytes[14] >> 4 == 6 ? 40 : 20;
		m->tso_segsz = from->segment;
	}
	return m;
}

// The flow and place that the pattern in a frame names, or what kind of frame it is.
static void
name_of(const uint8_t *bytes, uint32_t len, struct sent *sent)
{
	const uint8_t *at = memmem(bytes, len, "\xa5\x5a", 2);

	sent->flow = (uint16_t)(0x100 | bytes[12] << 1 | bytes[13]);
	sent->place = 0;
	if (at != NULL && at + 3 < bytes + len) {
		sent->flow = at[2];
		sent->place = at[3];
	}
}

// In any order that is the same for the same frames.
static int
compare_sent(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct sent));
}

static uint32_t
count_overtaken(const struct outcome *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < out->n_sent; i++)
		for (uint32_t k = i + 1; k < out->n_sent; k++)
			n += out->sent[i].port == out->sent[k].port
			     && out->sent[i].flow == out->sent[k].flow
			     && out->sent[i].place > out->sent[k].place;
	return n;
}

// Errors that the router makes are numbered one after the other, whoever caused them.
static void
clear_number(uint8_t *bytes, uint32_t len)
{
	while (len >= 38 && bytes[12] == 0x81) {
		bytes += 4;
		len -= 4;
	}
	if (len >= 34 && bytes[12] == 8 && bytes[13] == 0 && bytes[23] == IPPROTO_ICMP) {
		memset(bytes + 18, 0, 2);
		memset(bytes + 24, 0, 2);
	}
}

static void
note_sent(struct outcome *out, uint16_t port, const struct rte_mbuf *m)
{
	struct sent *sent = &out->sent[out->n_sent++];
	static uint8_t bytes[1 << 16];

	assert_true(out->n_sent < OUT_MAX);
	memcpy(bytes, rte_pktmbuf_read(m, 0, m->pkt_len, bytes), m->pkt_len);
	clear_number(bytes, m->pkt_len);
	memset(sent, 0, sizeof(*sent));
	sent->port = port;
	sent->len = m->pkt_len;
	sent->ol_flags = m->ol_flags;
	sent->tx_offload = m->ol_flags != 0 ? m->tx_offload : 0;
	name_of(bytes, m->pkt_len, sent);
	for (uint32_t i = 0; i < m->pkt_len; i++)
		sent->sum = sent->sum * 31 + bytes[i];
}

static size_t
counters_size(void)
{
	return sizeof(struct port_counters) + graph_n_drops() * sizeof(uint64_t);
}

static void
subtract(uint64_t *from, const uint64_t *what)
{
	for (size_t i = 0; i < counters_size() / sizeof(uint64_t); i++)
		from[i] -= what[i];
}

static void
snapshot(struct fixture *f, struct outcome *out)
{
	for (uint16_t port = 0; port < RTE_DIM(out->counters); port++)
		if (f->w->counters[port] != NULL)
			memcpy(out->counters[port], f->w->counters[port], counters_size());
}

// Runs copies of the frames one way.
static void
run(struct fixture *f, bool express, uint16_t in, const struct express_frame *frames, uint16_t n,
	struct outcome *out)
{
	struct outcome *before = out + 1;
	uint8_t stage = graph_stage_id("express");
	struct rte_mbuf *pkts[WORKER_BURST];

	snapshot(f, before);
	out->express = f->w->stages[stage].packets;
	out->n_sent = 0;
	out->n_events = 0;
	for (uint16_t i = 0; i < n; i++)
		pkts[i] = make_mbuf(f, &frames[i]);
	f->w->express = express;
	f->w->now_tsc += 10 * rte_get_tsc_hz(); // fills all token buckets
	fixture_inject(f, in, pkts, n);
	for (uint16_t port = 2; port <= 4; port++)
		for (uint16_t i = 0; i < fixture_sent(f, port); i++)
			note_sent(out, port, fixture_sent_packet(f, port, i));
	out->overtaken = count_overtaken(out);
	qsort(out->sent, out->n_sent, sizeof(out->sent[0]), compare_sent);
	while (out->n_events < EVENTS_MAX
		&& rte_ring_dequeue_elem(
			   f->dp->events, &out->events[out->n_events], sizeof(struct dp_event))
			   == 0)
		out->n_events++;
	fixture_sent_clear(f);
	snapshot(f, out);
	for (uint16_t port = 0; port < RTE_DIM(out->counters); port++)
		subtract((uint64_t *)out->counters[port], (uint64_t *)before->counters[port]);
	out->express = f->w->stages[stage].packets - out->express;
}

static bool
has_event(const struct outcome *out, const struct dp_event *event)
{
	for (uint32_t i = 0; i < out->n_events; i++)
		if (memcmp(&out->events[i], event, sizeof(*event)) == 0)
			return true;
	return false;
}

static void
assert_same(const struct outcome *a, const struct outcome *b)
{
	assert_int_equal(a->n_sent, b->n_sent);
	assert_memory_equal(a->sent, b->sent, a->n_sent * sizeof(a->sent[0]));
	for (uint16_t port = 0; port < RTE_DIM(a->counters); port++)
		assert_memory_equal(a->counters[port], b->counters[port], counters_size());
	// A train of frames that is cut brings its news again.
	for (uint32_t i = 0; i < a->n_events; i++)
		assert_true(has_event(b, &a->events[i]));
	for (uint32_t i = 0; i < b->n_events; i++)
		assert_true(has_event(a, &b->events[i]));
}

static void
plain_port(struct dp_port *port, void *arg)
{
	port->guard = CW_GUARD_ALL;
	port->mtu = 1500;
	port->capabilities = PORT_TX_OFFLOADS | PORT_TX_CHAINS;
	port->kind = CW_PORT_TAP;
	port->vlan = 0;
	port->flags = 0;
	port->n_ips = 2;
	port->n_trunk = 0;
}

static void
random_port(struct dp_port *port, void *arg)
{
	static const uint16_t mtus[] = {1500, 1500, 1500, 1280, 600};

	port->guard = pick(3) == 0 ? pick(32) : CW_GUARD_ALL;
	port->mtu = mtus[pick(RTE_DIM(mtus))];
	port->capabilities = pick(3) == 0 ? pick(32) : PORT_TX_OFFLOADS | PORT_TX_CHAINS;
	port->kind = pick(8) == 0 ? CW_PORT_AF_XDP : CW_PORT_TAP;
	port->vlan = (uint16_t)(pick(8) == 0 ? 7 : 0);
	port->flags = pick(8) == 0 ? pick(64) : 0;
	port->n_ips = (uint16_t)(pick(6) == 0 ? pick(4) : 2);
	port->ips[2] = port->ips[0];
	port->ips[2].addr[3] ^= 8;
	port->n_trunk = pick(8) == 0;
	port->trunk[0] = (struct cw_tag){.vlan = 8, .network = pick(2)};
}

static void
random_network(struct network *network, void *arg)
{
	network->learning = pick(4) == 0;
	network->mtu = (uint16_t)(pick(4) == 0 ? 1000 : 1500);
}

static void
change_settings(struct fixture *f)
{
	fixture_network(f, 0, random_network, NULL);
	for (uint16_t port = 2; port <= 4; port++)
		fixture_port_change(f, port, pick(2) ? plain_port : random_port, NULL);
	for (uint16_t port = 2; port <= 4; port++) {
		struct rte_ether_addr mac = port_mac(port);

		fdb_del(f->dp->fdb, 0, &mac);
		if (pick(6) != 0)
			fdb_set(f->dp->fdb, 0, &mac, (uint16_t)(pick(10) ? port : 2 + pick(3)),
				pick(3) == 0, f->w->now_s);
	}
}

static void
add_routes(struct fixture *f)
{
	struct cw_nexthop object = {
		.id = ROUTE_NEXTHOP, .kind = CW_NEXTHOP_PORT, .port = 3, .mac = {2, 0, 0, 0, 1, 3}};
	const uint8_t prefix[4] = {10, 9};

	assert_int_equal(nexthop_set(f->dp->nexthops, &object), 0);
	assert_int_equal(lpm_set(f->dp->networks[0]->routes4, prefix, 16, ROUTE_NEXTHOP), 0);
}

static struct outcome *
make_outcomes(void)
{
	struct outcome *out = calloc(4, sizeof(*out));

	assert_non_null(out);
	for (int i = 0; i < 4; i++)
		for (size_t port = 0; port < RTE_DIM(out->counters); port++) {
			out[i].counters[port] = calloc(1, counters_size());
			assert_non_null(out[i].counters[port]);
		}
	return out;
}

static void
free_outcomes(struct outcome *out)
{
	for (int i = 0; i < 4; i++)
		for (size_t port = 0; port < RTE_DIM(out->counters); port++)
			free(out[i].counters[port]);
	free(out);
}

static void
test_same_outcome(void **state)
{
	struct fixture *f = *state;
	struct express_frame *frames = calloc(WORKER_BURST, sizeof(*frames));
	struct outcome *out = make_outcomes();
	uint64_t express = 0, packets = 0;

	assert_true(worker_express_is_open());
	add_routes(f);
	for (uint32_t burst = 0; burst < BURSTS; burst++) {
		uint16_t n = (uint16_t)(1 + pick(WORKER_BURST)), in = (uint16_t)(2 + pick(3));
		uint32_t spoilt = pick(3) == 0 ? 30 : pick(10);

		if (burst % 20 == 0)
			change_settings(f);
		for (uint16_t i = 0; i < n; i++)
			frames[i] = random_frame(in, (uint8_t)i, spoilt);
		run(f, false, in, frames, n, &out[0]);
		assert_int_equal(out[0].express, 0);
		run(f, true, in, frames, n, &out[2]);
		assert_same(&out[0], &out[2]);
		assert_true(out[2].overtaken <= out[0].overtaken);
		express += out[2].express;
		packets += n;
	}
	print_message("# %d%% took the express way\n", (int)(express * 100 / packets));
	assert_true(express > packets / 10);
	free_outcomes(out);
	free(frames);
}

static uint16_t
send_routed(struct fixture *f)
{
	struct frame frame = frame_udp4(2, 3, ROUTER_MAC);
	uint64_t express = f->w->stages[graph_stage_id("express")].packets;

	frame_ipv4(&frame)->dst_addr = RTE_BE32(RTE_IPV4(10, 9, 0, 7));
	frame_fix_ipv4(&frame);
	fixture_sent_clear(f);
	inject(f, 2, &frame);
	return (uint16_t)(f->w->stages[graph_stage_id("express")].packets - express);
}

static uint8_t
last_mac_byte(struct fixture *f, uint16_t port)
{
	return packet_ether(fixture_sent_packet(f, port, 0))->dst_addr.addr_bytes[5];
}

// What was remembered of a route is forgotten with each change of it.
static void
test_changes_are_seen(void **state)
{
	struct fixture *f = *state;
	struct cw_nexthop object = {
		.id = ROUTE_NEXTHOP, .kind = CW_NEXTHOP_PORT, .port = 4, .mac = {2, 0, 0, 0, 1, 9}};
	const struct cw_ip ip = {.addr = {10, 9, 0, 7}, .family = 4, .prefix = 32};
	const struct rte_ether_addr mac = {{2, 0, 0, 0, 1, 77}};
	const uint8_t prefix[4] = {10, 9};
	struct lpm_table *routes = f->dp->networks[0]->routes4;

	f->w->express = true;
	add_routes(f);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(send_routed(f), 1);
		assert_int_equal(last_mac_byte(f, 3), 3);
	}
	assert_int_equal(nexthop_set(f->dp->nexthops, &object), 0);
	assert_int_equal(send_routed(f), 1);
	assert_int_equal(last_mac_byte(f, 4), 9);
	assert_int_equal(neighbor_set(f->dp->neighbors, NEIGHBOR_STATIC, 0, &ip, &mac, 3), 0);
	assert_int_equal(send_routed(f), 1);
	assert_int_equal(last_mac_byte(f, 3), 77);
	assert_int_equal(neighbor_del(f->dp->neighbors, NEIGHBOR_STATIC, 0, &ip), 0);
	assert_int_equal(send_routed(f), 1);
	assert_int_equal(last_mac_byte(f, 4), 9);
	assert_int_equal(lpm_del(routes, prefix, 16), 0);
	assert_int_equal(send_routed(f), 0);
	assert_int_equal(fixture_drops(f, 2, "no_route"), 1);
}

// One hop less, for every checksum.
static void
test_hop(void **state)
{
	for (uint32_t ttl = 1; ttl <= UINT8_MAX; ttl += 127)
		for (uint32_t checksum = 0; checksum <= UINT16_MAX; checksum++) {
			struct rte_ipv4_hdr ip = {.time_to_live = (uint8_t)ttl,
				.next_proto_id = 17,
				.hdr_checksum = (rte_be16_t)checksum};
			uint16_t from, to, expected;

			memcpy(&from, &ip.time_to_live, sizeof(from));
			rewrite_hop4(&ip);
			memcpy(&to, &ip.time_to_live, sizeof(to));
			expected = checksum_replace16((uint16_t)checksum, from, to);
			assert_int_equal(ip.time_to_live, ttl - 1);
			assert_int_equal(ip.hdr_checksum, expected);
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
		cmocka_unit_test_setup_teardown(test_same_outcome, setup_ports, teardown),
		cmocka_unit_test_setup_teardown(test_changes_are_seen, setup_ports, teardown),
		cmocka_unit_test(test_hop),
	};
	const char *text = getenv("CAUSEWAY_SEED");
	unsigned int seed = text != NULL ? (unsigned int)atoi(text) : (unsigned int)rte_rdtsc();

	srandom(seed);
	print_message("# CAUSEWAY_SEED=%u\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
