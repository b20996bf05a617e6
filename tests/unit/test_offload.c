/* SPDX-License-Identifier: Apache-2.0 */
// Which flows devices get, and that a rule never outlives what it was made of. Devices are fake
// ones; what rules do to packets is tested with the device of tests/pmd.

#include <malloc.h>
#include <netinet/in.h>

#include "candidate.h"
#include "server_helper.h"

#include "fake_flow.h"
#include "server/offload_private.h"

#define A 2
#define B 3
#define C 4
#define UPLINK 5
#define UNDERLAY 10
#define TUNNEL 20

static struct objects *objects;
static struct offload *offload;
static struct fixture *f;
static union item a;
static uint32_t now_s;

static void
ignore(void *arg, const struct cw_item *event)
{
}

static void
set(const struct cw_item *item)
{
	struct reason why = {""};

	if (objects_set(objects, item, NULL, 0, &why) != 0)
		fail_msg("%s", why.text);
	objects_settle(objects);
}

static void
del(const struct cw_item *item)
{
	struct reason why;

	assert_int_equal(objects_del(objects, item, &why), 0);
	objects_settle(objects);
}

static void
set_port(uint32_t id, uint32_t guard)
{
	make_port(&a, id, 7);
	a.port.flags = CW_PORT_OFFLOAD;
	a.port.guard = guard;
	set(&a.item);
	set(make_endpoint(&a, id, 7));
}

static void
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

static int
setup_with(void **state, bool is_async)
{
	f = *state;
	fake_reset();
	fake_flows_reset();
	flows.is_async = is_async;
	flow_device_prepare(FAKE_PROXY);
	fake.ethdev_starts = 1;
	now_s = 1;
	objects = objects_create(f->dp, ignore, NULL);
	assert_non_null(objects);
	offload = offload_create(f->dp, objects);
	assert_non_null(offload);
	objects_set_offload(objects, offload);
	set(make_network(&a, 7));
	set_port(A, 0);
	set_port(B, 0);
	return 0;
}

static int
setup(void **state)
{
	return setup_with(state, false);
}

static int
setup_async(void **state)
{
	return setup_with(state, true);
}

static int
teardown(void **state)
{
	offload_free(offload);
	objects_set_offload(objects, NULL);
	assert_int_equal(flows.n_rules, 0);
	assert_int_equal(flows.n_tables, 0);
	objects_free(objects);
	assert_int_equal(fake.opens, fake.closes);
	candidates_close(f->dp);
	return 0;
}

static struct offload_key
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
static void
see(const struct offload_key *key, unsigned int packets)
{
	uint8_t frame[OFFLOAD_FRAME_MAX];
	const uint16_t len = offload_key_frame(key, frame);

	f->w->now_tsc = rte_rdtsc();
	for (unsigned int i = 0; i < packets; i++)
		fixture_inject_one(f, key->port, frame, len);
	offload_poll(offload);
}

static void
see_flow(uint16_t port, uint8_t from, uint8_t to, uint16_t src_port)
{
	const struct offload_key key = flow_key(port, from, to, src_port);

	see(&key, 2);
}

static void
a_second_passes(void)
{
	offload_second(offload, ++now_s);
}

static unsigned int
count(uint8_t state)
{
	struct offload_flow *flow;
	unsigned int n = 0;

	TAILQ_FOREACH (flow, &offload->flows, link)
		n += flow->is_seen && flow->state == state;
	return n;
}

static struct offload_flow *
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

static void
assert_state(uint8_t state, const char *words)
{
	const struct offload_flow *flow = only_flow();

	if (flow->state != state || strstr(flow->reason, words) == NULL)
		fail_msg("state %s, reason \"%s\"", cw_flow_state_names[flow->state], flow->reason);
}

static void
assert_texts(const char *match, const char *actions)
{
	const struct offload_flow *flow = only_flow();
	char text[192];

	flow_match_text(&flow->rule.match, "in", text, sizeof(text));
	assert_string_equal(text, match);
	flow_actions_text(&flow->rule.actions, "out", text, sizeof(text));
	assert_string_equal(text, actions);
}

static void
hit(uint64_t hits)
{
	struct fake_rule *rule = (struct fake_rule *)only_flow()->entry.flow;

	rule->hits += hits;
}

// What comes after a rule is there, by the plain and by the asynchronous API.

static void
a_switched_flow_is_offloaded(void **state)
{
	see_flow(A, A, B, 1000);
	assert_state(CW_FLOW_OFFLOADED, "");
	assert_texts("in from 02:00:00:00:09:02 to 02:00:00:00:09:03 udp 10.7.0.2:1000 > "
		     "10.7.0.3:9 length 28-1500",
		"to out");
	assert_int_equal(only_flow()->out_port, B);
	assert_int_equal(only_flow()->rule.actions.out_ethdev, 10 + B);
	assert_int_equal(only_flow()->rule.match.in_ethdev, 10 + A);
	see_flow(A, A, B, 1000); // the same
	assert_int_equal(count(CW_FLOW_OFFLOADED), 1);
	assert_int_equal(flows.n_rules, 1);
}

static void
one_packet_is_no_flow(void **state)
{
	const struct offload_key key = flow_key(A, A, B, 1000);

	see(&key, 1);
	assert_int_equal(flows.n_rules, 0);
	see(&key, 1);
	assert_int_equal(flows.n_rules, 1);
}

static void
a_routed_flow_is_rewritten(void **state)
{
	struct offload_key key = flow_key(A, A, B, 1000);

	make_mac(key.match.frame.dst.addr_bytes, 0xfe); // the router
	see(&key, 2);
	assert_texts("in from 02:00:00:00:09:02 to 02:00:00:00:09:fe udp 10.7.0.2:1000 > "
		     "10.7.0.3:9 ttl 64 length 28-1500",
		" src 02:00:00:00:09:fe dst 02:00:00:00:09:03 ttl-1 to out");
	key.match.frame.hops = 1; // is answered by the switch
	key.match.frame.src_port++;
	see(&key, 2);
	assert_int_equal(count(CW_FLOW_OFFLOADED), 1);
	assert_int_equal(count(CW_FLOW_REFUSED), 1);
}

static void
tags_are_taken_and_given(void **state)
{
	struct offload_key key = flow_key(A, A, B, 1000);

	make_port(&a, A, 7);
	a.port.flags = CW_PORT_OFFLOAD;
	a.port.vlan = 100;
	set(&a.item);
	key.match.frame.vlan = 100;
	see(&key, 2);
	assert_texts("in from 02:00:00:00:09:02 to 02:00:00:00:09:03 tag 100 udp 10.7.0.2:1000 > "
		     "10.7.0.3:9 length 28-1500",
		"pop-tag to out");
	make_port(&a, B, 7);
	a.port.flags = CW_PORT_OFFLOAD;
	a.port.vlan = 200;
	set(&a.item);
	assert_texts("in from 02:00:00:00:09:02 to 02:00:00:00:09:03 tag 100 udp 10.7.0.2:1000 > "
		     "10.7.0.3:9 length 28-1500",
		"pop-tag push-tag 200 to out");
	assert_int_equal(flows.n_rules, 1);
}

static void
a_flow_into_a_tunnel(void **state)
{
	struct offload_key key = flow_key(A, A, B, 1000);
	const struct flow_actions *actions;

	set_uplink();
	make_mac(key.match.frame.dst.addr_bytes, 0xfe);
	key.match.frame.dst_ip = make_ip4(10, 9, 0, 1, 32);
	set(make_route(&a, 7, make_ip4(10, 9, 0, 0, 16), TUNNEL));
	see(&key, 2);
	assert_texts("in from 02:00:00:00:09:02 to 02:00:00:00:09:fe udp 10.7.0.2:1000 > "
		     "10.9.0.1:9 ttl 64 tos 0x00/0xff length 28-1450",
		" src 02:00:00:00:09:fe dst 02:00:00:00:09:88 ttl-1 encap(50) to out");
	actions = &only_flow()->rule.actions;
	assert_int_equal(actions->encap[34] << 8 | actions->encap[35],
		0xc000 | (actions->encap[34] << 8 | actions->encap[35])); // a dynamic port
	assert_int_equal(actions->encap[36] << 8 | actions->encap[37], 8472);
	assert_int_equal(actions->encap[16] << 8 | actions->encap[17], 0); // the device's to fill
	assert_int_equal(only_flow()->kind, CW_FLOW_ENCAP);
	del(make_tunnel(&a, TUNNEL, 7, 1, make_ip4(192, 0, 2, 2, 32), UNDERLAY));
	assert_int_equal(flows.n_rules, 0);
}

static void
a_flow_out_of_a_tunnel(void **state)
{
	struct offload_key key = {.port = UPLINK};

	set_uplink();
	memset(&key, 0, sizeof(key));
	key = flow_key(UPLINK, 0x88, A, 1000);
	key.match.inner = key.match.frame;
	make_mac(key.match.frame.dst.addr_bytes, 0x55);
	key.match.frame.src_ip = make_ip4(192, 0, 2, 2, 32);
	key.match.frame.dst_ip = make_ip4(192, 0, 2, 1, 32);
	key.match.frame.dst_port = 8472;
	key.match.is_vxlan = true;
	key.match.vni = 7;
	see(&key, 2);
	assert_state(CW_FLOW_OFFLOADED, "");
	assert_texts("in to 02:00:00:00:09:55 udp 192.0.2.2 > 192.0.2.1:8472 tos 0x00/0x01 vni 7 "
		     "from 02:00:00:00:09:88 to 02:00:00:00:09:02 udp 10.7.0.136:1000 > "
		     "10.7.0.2:9 length 28-1500",
		"decap to out");
	assert_int_equal(only_flow()->kind, CW_FLOW_DECAP);
	del(make_endpoint(&a, A, 7));
	assert_state(CW_FLOW_REFUSED, "handled by the switch");
	set(make_endpoint(&a, A, 7));
	assert_state(CW_FLOW_OFFLOADED, ""); // under its former name no more
	key.match.frame.traffic_class = 3; // congestion, which the inner packet has to tell
	key.match.inner.src_port++;
	see(&key, 2);
	assert_int_equal(flows.n_rules, 1);
}

static void
what_the_switch_must_see_is_not_offloaded(void **state)
{
	struct offload_key key = flow_key(A, A, 0xfe, 1000);

	see(&key, 2); // to nobody: the router does not know 10.7.0.254
	assert_state(CW_FLOW_REFUSED, "handled by the switch");
	del(make_endpoint(&a, B, 7));
	see_flow(A, A, B, 1000); // flooded
	assert_int_equal(flows.n_rules, 0);
	assert_int_equal(count(CW_FLOW_REFUSED), 2);
}

static void
a_port_without_the_flag_takes_no_part(void **state)
{
	make_port(&a, C, 7);
	set(&a.item);
	set(make_endpoint(&a, C, 7));
	see_flow(A, A, C, 1000);
	assert_state(CW_FLOW_REFUSED, "offload of port pod4 is off");
	see_flow(C, C, A, 1000); // not even told
	assert_state(CW_FLOW_REFUSED, "offload of port pod4 is off");
	make_port(&a, C, 7);
	a.port.flags = CW_PORT_OFFLOAD;
	set(&a.item);
	assert_state(CW_FLOW_OFFLOADED, "");
}

// Every change that moves packets has moved the rule when it is answered.

static void
a_moved_address_moves_its_rule(void **state)
{
	set_port(C, 0);
	set(make_fdb(&a, 7, 99, B));
	see_flow(A, A, 99, 1000);
	assert_int_equal(only_flow()->out_port, B);
	set(make_fdb(&a, 7, 99, C));
	assert_int_equal(only_flow()->out_port, C);
	assert_int_equal(only_flow()->rule.actions.out_ethdev, 10 + C);
	assert_int_equal(flows.n_rules, 1);
	del(make_fdb(&a, 7, 99, C));
	assert_int_equal(flows.n_rules, 0);
}

static void
a_changed_route_moves_its_rule(void **state)
{
	struct offload_key key = flow_key(A, A, B, 1000);

	set_port(C, 0);
	make_mac(key.match.frame.dst.addr_bytes, 0xfe);
	key.match.frame.dst_ip = make_ip4(10, 9, 0, 1, 32);
	set(make_nexthop(&a, 11, 7, B));
	set(make_nexthop(&a, 12, 7, C));
	set(make_route(&a, 7, make_ip4(10, 9, 0, 0, 16), 11));
	see(&key, 2);
	assert_int_equal(only_flow()->out_port, B);
	set(make_route(&a, 7, make_ip4(10, 9, 0, 0, 24), 12)); // a longer one
	assert_int_equal(only_flow()->out_port, C);
	make_nexthop(&a, 12, 7, C);
	make_mac(a.nexthop.mac, 0x78);
	set(&a.item);
	assert_int_equal(only_flow()->rule.actions.dst.addr_bytes[5], 0x78);
	assert_int_equal(flows.n_rules, 1);
	set(make_route(&a, 7, make_ip4(10, 9, 0, 0, 24), 11));
	assert_int_equal(only_flow()->out_port, B);
}

static void
a_smaller_mtu_narrows_the_rule(void **state)
{
	see_flow(A, A, B, 1000);
	make_port(&a, B, 7);
	a.port.flags = CW_PORT_OFFLOAD;
	a.port.mtu = 1400;
	set(&a.item);
	assert_int_equal(only_flow()->rule.match.frame.max_length, 1400);
	assert_int_equal(flows.n_rules, 1);
}

static void
a_closed_port_takes_its_rules_along(void **state)
{
	see_flow(A, A, B, 1000);
	see_flow(B, B, A, 1000);
	assert_int_equal(flows.n_rules, 2);
	del(make_port(&a, B, 7));
	assert_int_equal(flows.n_rules, 0);
}

static void
the_flag_off_takes_all_back(void **state)
{
	see_flow(A, A, B, 1000);
	assert_int_equal(flows.n_rules, 1);
	set(make_port(&a, A, 7));
	assert_int_equal(flows.n_rules, 0);
	set(make_port(&a, B, 7));
	assert_false(f->w->looks_for_candidates);
	assert_true(TAILQ_EMPTY(&offload->flows));
}

static void
a_flow_past_the_guard_is_none(void **state)
{
	struct offload_key key = flow_key(A, A, B, 1000);
	const struct offload_flow *flow;

	set_port(A, CW_GUARD_ALL);
	key.match.frame.src_ip = make_ip4(10, 7, 0, 66, 32);
	see(&key, 2);
	assert_state(CW_FLOW_REFUSED, "dropped: spoof_ip");
	see_flow(A, A, B, 1000);
	assert_int_equal(count(CW_FLOW_OFFLOADED), 1);
	make_endpoint(&a, A, 7); // its address is another one now
	a.endpoint.ips[0] = make_ip4(10, 7, 0, 66, 32);
	set(&a.item);
	assert_int_equal(count(CW_FLOW_OFFLOADED), 1);
	TAILQ_FOREACH (flow, &offload->flows, link)
		if (flow->is_seen)
			assert_int_equal(
				flow->device != NULL, flow->key.match.frame.src_ip.addr[3] == 66);
}

static unsigned int
count_kind(uint16_t kind)
{
	struct offload_flow *flow;
	unsigned int n = 0;

	TAILQ_FOREACH (flow, &offload->flows, link)
		n += flow->kind == kind && flow->state == CW_FLOW_OFFLOADED;
	return n;
}

static void
a_guard_is_in_the_device_too(void **state)
{
	set_port(A, CW_GUARD_ALL);
	assert_int_equal(count_kind(CW_FLOW_GUARD_PASS), 5); // own, two unset, link-local, others
	assert_int_equal(count_kind(CW_FLOW_GUARD_DROP), 3); // IPv4, IPv6, other MACs
	set_port(A, CW_GUARD_IP);
	assert_int_equal(count_kind(CW_FLOW_GUARD_PASS), 4);
	assert_int_equal(count_kind(CW_FLOW_GUARD_DROP), 2);
	set_port(A, 0);
	assert_int_equal(flows.n_rules, 0);
}

static void
nothing_is_dropped_before_all_that_may_pass_passes(void **state)
{
	flows.room = 4;
	set_port(A, CW_GUARD_ALL);
	assert_int_equal(count_kind(CW_FLOW_GUARD_DROP), 0);
	flows.room = FAKE_RULES;
	for (int i = 0; i < 31; i++)
		a_second_passes();
	assert_int_equal(count_kind(CW_FLOW_GUARD_DROP), 3);
}

static void
vxlan_is_spread_over_queues(void **state)
{
	set_uplink(); // of one queue
	assert_int_equal(count_kind(CW_FLOW_RSS), 0);
	objects_device(objects, UPLINK)->n_rx = 4;
	objects_settle(objects);
	assert_int_equal(count_kind(CW_FLOW_RSS), 2);
	objects_device(objects, UPLINK)->n_rx = 1;
	objects_settle(objects);
	assert_int_equal(count_kind(CW_FLOW_RSS), 0);
}

// What devices do to it.

static void
a_refusal_is_told(void **state)
{
	flows.refuses = "ranges are not supported";
	see_flow(A, A, B, 1000);
	assert_state(CW_FLOW_REFUSED, "refused: ranges are not supported");
	assert_int_equal(flows.n_rules, 0);
	flows.refuses = NULL;
	for (int i = 0; i < 31; i++) {
		see_flow(A, A, B, 1000);
		only_flow()->in_software = 100;
		a_second_passes();
	}
	assert_state(CW_FLOW_OFFLOADED, "");
}

static void
a_full_device_has_the_busiest(void **state)
{
	struct offload_flow *flow;

	flows.room = 2;
	for (uint16_t i = 0; i < 3; i++)
		see_flow(A, A, B, (uint16_t)(1000 + i));
	assert_int_equal(count(CW_FLOW_OFFLOADED), 2);
	assert_int_equal(count(CW_FLOW_WANTED), 1);
	for (int s = 0; s < 8; s++) {
		unsigned int n = flows.n_creates;

		TAILQ_FOREACH (flow, &offload->flows, link) {
			if (flow->key.match.frame.src_port == 1002)
				flow->in_software = flow->device == NULL ? 1000 : 0;
			if (flow->device != NULL)
				((struct fake_rule *)flow->entry.flow)->hits +=
					flow->key.match.frame.src_port == 1000 ? 900 : 1;
		}
		a_second_passes();
		if (s == 7)
			assert_int_equal(flows.n_creates, n); // no thrash
	}
	TAILQ_FOREACH (flow, &offload->flows, link)
		assert_int_equal(flow->device != NULL, flow->key.match.frame.src_port != 1001);
}

// Whoever goes on with what was freed is to crash. glibc leaves the first seven of a size alone.
static void
overwrite_freed(void)
{
	void *volatile small[8];

	mallopt(M_PERTURB, 0x5a);
	for (size_t i = 0; i < RTE_DIM(small); i++)
		small[i] = malloc(24);
	for (size_t i = 0; i < RTE_DIM(small); i++)
		free(small[i]);
}

static void
a_port_without_rules_takes_none_along(void **state)
{
	flows.proxy = 0;
	set(make_port(&a, C, 7));
	see_flow(A, A, B, 1000);
	del(make_port(&a, C, 7));
	assert_state(CW_FLOW_OFFLOADED, "");
	assert_int_equal(flows.n_creates, 1);
}

// Two flows that differ in their hops alone: the one that becomes a rule anew has the other
// forgotten, which would have been looked at next.
static void
a_flow_is_forgotten_while_all_are_rechecked(void **state)
{
	struct offload_key key = flow_key(A, A, B, 1000);

	make_mac(key.match.frame.dst.addr_bytes, 0xfe);
	see(&key, 2);
	key.match.frame.hops = 1;
	see(&key, 2);
	assert_int_equal(count(CW_FLOW_REFUSED), 1);
	overwrite_freed();
	make_endpoint(&a, B, 7);
	make_mac(a.endpoint.mac, 0x77);
	set(&a.item);
	mallopt(M_PERTURB, 0);
	assert_state(CW_FLOW_OFFLOADED, "");
	assert_int_equal(flows.n_creates, 2);
}

static void
an_idle_flow_is_taken_back(void **state)
{
	see_flow(A, A, B, 1000);
	for (int i = 0; i < 8; i++) {
		hit(1);
		a_second_passes();
	}
	assert_int_equal(only_flow()->packets, 8);
	for (int i = 0; i < 12; i++)
		a_second_passes();
	assert_int_equal(flows.n_rules, 0);
	assert_true(TAILQ_EMPTY(&offload->flows));
}

static void
a_lost_rule_fails(void **state)
{
	see_flow(A, A, B, 1000);
	flows.lost = true;
	a_second_passes();
	assert_state(CW_FLOW_FAILED, "lost: no such rule");
	fake_flush(FAKE_PROXY, NULL);
}

static void
a_device_started_anew_has_no_rules(void **state)
{
	see_flow(A, A, B, 1000);
	fake.ethdev_starts++;
	a_second_passes();
	assert_state(CW_FLOW_FAILED, "started anew");
	assert_int_equal(flows.flushes, 1);
	for (int i = 0; i < 31; i++) {
		only_flow()->in_software = 100;
		a_second_passes();
	}
	assert_state(CW_FLOW_OFFLOADED, "");
}

// It would go on sending packets the old way.
static void
a_device_that_keeps_a_rule_loses_all(void **state)
{
	see_flow(A, A, B, 1000);
	see_flow(B, B, A, 1000);
	flows.keeps_rules = true;
	del(make_endpoint(&a, B, 7));
	assert_int_equal(flows.flushes, 1);
	assert_int_equal(flows.n_rules, 0);
	assert_int_equal(count(CW_FLOW_OFFLOADED), 0);
	flows.keeps_rules = false;
}

static void
a_late_answer_is_waited_for(void **state)
{
	flows.holds_answers = true;
	set_port(A, CW_GUARD_ALL);
	assert_int_equal(count_kind(CW_FLOW_GUARD_PASS), 0);
	flows.holds_answers = false;
	offload_poll(offload);
	assert_int_equal(count_kind(CW_FLOW_GUARD_PASS), 5);
	assert_int_equal(count_kind(CW_FLOW_GUARD_DROP), 3);
}

static void
a_late_failure_goes_back_to_the_switch(void **state)
{
	const struct offload_flow *flow;

	flows.holds_answers = true;
	flows.fails_late = true;
	set_port(A, CW_GUARD_ALL);
	flows.holds_answers = false;
	offload_poll(offload);
	TAILQ_FOREACH (flow, &offload->flows, link) {
		assert_int_equal(flow->state, CW_FLOW_FAILED);
		assert_non_null(strstr(flow->reason, "refused when it was to be carried out"));
	}
	assert_int_equal(flows.n_rules, 0);
	assert_int_equal(count_kind(CW_FLOW_GUARD_DROP), 0);
}

// The device was closed meanwhile, and answers after it was opened again.
static void
a_very_late_answer_meets_nobody(void **state)
{
	flows.holds_answers = true;
	set_port(A, CW_GUARD_ALL);
	overwrite_freed();
	fake.ethdev_starts++;
	a_second_passes();
	mallopt(M_PERTURB, 0);
	flows.holds_answers = false;
	set_port(B, CW_GUARD_ALL);
	offload_poll(offload);
	assert_int_equal(count_kind(CW_FLOW_GUARD_PASS), 10);
	assert_int_equal(count_kind(CW_FLOW_GUARD_DROP), 6);
}

#define BOTH(test)                                                  \
	cmocka_unit_test_setup_teardown(test, setup, teardown),     \
	{                                                           \
#test " (async)", test, setup_async, teardown, NULL \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(a_switched_flow_is_offloaded),
		BOTH(one_packet_is_no_flow),
		BOTH(a_routed_flow_is_rewritten),
		BOTH(tags_are_taken_and_given),
		BOTH(a_flow_into_a_tunnel),
		BOTH(a_flow_out_of_a_tunnel),
		BOTH(what_the_switch_must_see_is_not_offloaded),
		BOTH(a_port_without_the_flag_takes_no_part),
		BOTH(a_moved_address_moves_its_rule),
		BOTH(a_changed_route_moves_its_rule),
		BOTH(a_smaller_mtu_narrows_the_rule),
		BOTH(a_closed_port_takes_its_rules_along),
		BOTH(the_flag_off_takes_all_back),
		BOTH(a_flow_past_the_guard_is_none),
		BOTH(a_guard_is_in_the_device_too),
		BOTH(nothing_is_dropped_before_all_that_may_pass_passes),
		BOTH(vxlan_is_spread_over_queues),
		BOTH(a_refusal_is_told),
		BOTH(a_full_device_has_the_busiest),
		BOTH(a_port_without_rules_takes_none_along),
		BOTH(a_flow_is_forgotten_while_all_are_rechecked),
		BOTH(an_idle_flow_is_taken_back),
		BOTH(a_lost_rule_fails),
		BOTH(a_device_started_anew_has_no_rules),
		BOTH(a_device_that_keeps_a_rule_loses_all),
		cmocka_unit_test_setup_teardown(a_late_answer_is_waited_for, setup_async, teardown),
		cmocka_unit_test_setup_teardown(
			a_late_failure_goes_back_to_the_switch, setup_async, teardown),
		cmocka_unit_test_setup_teardown(
			a_very_late_answer_meets_nobody, setup_async, teardown),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
