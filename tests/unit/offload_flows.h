/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_OFFLOAD_FLOWS_H
#define TESTS_OFFLOAD_FLOWS_H

// Flows between ports A and B of network 7, and what became of them. Each test runs by the plain
// and by the asynchronous API.

#include "offload_world.h"

#define A 2
#define B 3
#define C 4
#define UPLINK 5
#define UNDERLAY 10
#define TUNNEL 20

static inline void
set_port(uint32_t id, uint32_t guard)
{
	make_port(&a, id, 7);
	a.port.flags = CW_PORT_OFFLOAD;
	a.port.guard = guard;
	set(&a.item);
	set(make_endpoint(&a, id, 7));
}

static inline void
set_uplink(void)
{
	make_port(&a, UPLINK, 7);
	a.port.flags = CW_PORT_OFFLOAD | CW_PORT_UPLINK;
	make_mac(a.port.mac, 0x55);
	set(&a.item);
	set(make_vtep(&a, 1, UPLINK, make_ip4(192, 0, 2, 1, 32)));
	set(make_nexthop(&a, UNDERLAY, 7, UPLINK));
	set(make_tunnel(&a, TUNNEL, 7, 1, make_ip4(192, 0, 2, 2, 32), UNDERLAY));
}

static inline int
setup_with(void **state, bool is_async)
{
	fake_reset();
	fake_flows_reset();
	flows.is_async = is_async;
	flow_device_prepare(FAKE_PROXY);
	world_open(state);
	set_port(A, 0);
	set_port(B, 0);
	return 0;
}

static inline int
setup(void **state)
{
	return setup_with(state, false);
}

static inline int
setup_async(void **state)
{
	return setup_with(state, true);
}

static inline int
teardown(void **state)
{
	world_close();
	assert_int_equal(flows.n_tables, 0);
	assert_int_equal(fake.opens, fake.closes);
	return 0;
}

static inline struct offload_key
flow_key(uint16_t port, uint8_t from, uint8_t to, uint16_t src_port)
{
	struct offload_key key;
	struct flow_headers *h = &key.match.frame;

	memset(&key, 0, sizeof(key));
	key.port = port;
	h->fields = FLOW_SRC_MAC | FLOW_DST_MAC | FLOW_TAG | FLOW_IP | FLOW_SRC_IP | FLOW_DST_IP
		    | FLOW_PROTO | FLOW_HOPS | FLOW_TRAFFIC_CLASS | FLOW_WHOLE | FLOW_SOUND
		    | FLOW_SRC_PORT | FLOW_DST_PORT;
	make_mac(h->src.addr_bytes, from);
	make_mac(h->dst.addr_bytes, to);
	h->src_ip = make_ip4(10, 7, 0, from, 32);
	h->dst_ip = make_ip4(10, 7, 0, to, 32);
	h->proto = IPPROTO_UDP;
	h->src_port = src_port;
	h->dst_port = 9;
	h->hops = 64;
	h->traffic_class_mask = UINT8_MAX;
	return key;
}

// The worker sees the flow's packets, the main thread hears of it.
static inline void
see(const struct offload_key *key, unsigned int packets)
{
	uint8_t frame[OFFLOAD_FRAME_MAX];
	const uint16_t len = offload_key_frame(key, frame);

	f->w->now_tsc = rte_rdtsc();
	for (unsigned int i = 0; i < packets; i++)
		fixture_inject_one(f, key->port, frame, len);
	offload_poll(offload);
}

static inline void
see_flow(uint16_t port, uint8_t from, uint8_t to, uint16_t src_port)
{
	const struct offload_key key = flow_key(port, from, to, src_port);

	see(&key, 2);
}

static inline unsigned int
count(uint8_t state)
{
	struct offload_flow *flow;
	unsigned int n = 0;

	TAILQ_FOREACH (flow, &offload->flows, link)
		n += flow->is_seen && flow->state == state;
	return n;
}

static inline unsigned int
count_kind(uint16_t kind)
{
	struct offload_flow *flow;
	unsigned int n = 0;

	TAILQ_FOREACH (flow, &offload->flows, link)
		n += flow->kind == kind && flow->state == CW_FLOW_OFFLOADED;
	return n;
}

static inline struct offload_flow *
only_flow(void)
{
	struct offload_flow *flow, *found = NULL;

	TAILQ_FOREACH (flow, &offload->flows, link)
		if (flow->is_seen) {
			assert_null(found);
			found = flow;
		}
	assert_non_null(found);
	return found;
}

static inline void
assert_state(uint8_t state, const char *words)
{
	const struct offload_flow *flow = only_flow();

	if (flow->state != state || strstr(flow->reason, words) == NULL)
		fail_msg("state %s, reason \"%s\"", cw_flow_state_names[flow->state], flow->reason);
}

static inline void
assert_texts(const char *match, const char *actions)
{
	const struct offload_flow *flow = only_flow();
	char text[192];

	flow_match_text(&flow->rule.match, "in", text, sizeof(text));
	assert_string_equal(text, match);
	flow_actions_text(&flow->rule.actions, "out", text, sizeof(text));
	assert_string_equal(text, actions);
}

static inline void
hit(uint64_t hits)
{
	struct fake_rule *rule = (struct fake_rule *)only_flow()->entry.flow;

	rule->hits += hits;
}

#define BOTH(test)                                                  \
	cmocka_unit_test_setup_teardown(test, setup, teardown),     \
	{                                                           \
#test " (async)", test, setup_async, teardown, NULL \
	}

#endif
