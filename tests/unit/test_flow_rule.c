/* SPDX-License-Identifier: Apache-2.0 */
// What a rule says in rte_flow's words.

#include <netinet/in.h>

#include "server_helper.h"

#include "fake_flow.h"
#include "flow_offload.h"

static struct flow_build build;

static struct flow_rule
make_rule(bool is_v6)
{
	struct flow_rule rule;
	struct flow_headers *h = &rule.match.frame;

	memset(&rule, 0, sizeof(rule));
	rule.transfer = true;
	rule.match.in_ethdev = 3;
	h->fields = FLOW_DST_MAC | FLOW_TAG | FLOW_IP | FLOW_DST_IP | FLOW_PROTO | FLOW_DST_PORT
		    | FLOW_HOPS | FLOW_LENGTH | FLOW_WHOLE | FLOW_SOUND;
	h->is_v6 = is_v6;
	make_mac(h->dst.addr_bytes, 9);
	h->dst_ip = make_ip4(10, 1, 2, 3, 24);
	if (is_v6)
		h->dst_ip = (struct cw_ip){.addr = {0xfd, 0xff}, .family = 6, .prefix = 12};
	h->proto = IPPROTO_TCP;
	h->dst_port = 80;
	h->hops = 64;
	h->min_length = 60;
	h->max_length = 1500;
	rule.actions.fate = FLOW_FORWARD;
	rule.actions.out_ethdev = 4;
	return rule;
}

static const struct rte_flow_item *
item(enum rte_flow_item_type type)
{
	for (unsigned int i = 0; i < build.n_items; i++)
		if (build.items[i].type == type)
			return &build.items[i];
	fail_msg("no item %d", (int)type);
	return NULL;
}

static void
assert_items(const enum rte_flow_item_type *types, unsigned int n)
{
	assert_int_equal(build.n_items, n);
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(build.items[i].type, types[i]);
}

static void
assert_actions(const enum rte_flow_action_type *types, unsigned int n)
{
	assert_int_equal(build.n_actions, n);
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(build.actions[i].type, types[i]);
}
#define ITEMS(...)                                                     \
	do {                                                           \
		const enum rte_flow_item_type types[] = {__VA_ARGS__}; \
		assert_items(types, RTE_DIM(types));                   \
	} while (0)
#define ACTIONS(...)                                                     \
	do {                                                             \
		const enum rte_flow_action_type types[] = {__VA_ARGS__}; \
		assert_actions(types, RTE_DIM(types));                   \
	} while (0)

static void
ipv4_matches_nothing_else(void **state)
{
	const struct flow_rule rule = make_rule(false);
	const struct rte_ipv4_hdr *spec, *last, *mask;
	const struct rte_flow_item_eth *eth;

	flow_rule_build(&rule, 0, &build);
	ITEMS(RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT, RTE_FLOW_ITEM_TYPE_INTEGRITY,
		RTE_FLOW_ITEM_TYPE_ETH, RTE_FLOW_ITEM_TYPE_IPV4, RTE_FLOW_ITEM_TYPE_TCP,
		RTE_FLOW_ITEM_TYPE_END);
	spec = item(RTE_FLOW_ITEM_TYPE_IPV4)->spec;
	last = item(RTE_FLOW_ITEM_TYPE_IPV4)->last;
	mask = item(RTE_FLOW_ITEM_TYPE_IPV4)->mask;
	assert_int_equal(spec->version_ihl, 0x45);
	assert_int_equal(mask->version_ihl, 0xff);
	assert_int_equal(spec->fragment_offset, 0);
	assert_int_equal(mask->fragment_offset, RTE_BE16(0x3fff)); // but not DF
	assert_int_equal(spec->total_length, RTE_BE16(60));
	assert_int_equal(last->total_length, RTE_BE16(1500));
	assert_int_equal(last->time_to_live, spec->time_to_live);
	assert_int_equal(spec->dst_addr, RTE_BE32(RTE_IPV4(10, 1, 2, 0)));
	assert_int_equal(mask->dst_addr, RTE_BE32(0xffffff00));
	assert_int_equal(mask->src_addr, 0);
	assert_int_equal(mask->type_of_service, 0);
	eth = item(RTE_FLOW_ITEM_TYPE_ETH)->spec;
	assert_int_equal(eth->hdr.ether_type, RTE_BE16(0x0800)); // so that no tag is before it
}

static void
ipv6_matches_nothing_else(void **state)
{
	const struct flow_rule rule = make_rule(true);
	const struct rte_flow_item_ipv6 *spec, *mask;

	flow_rule_build(&rule, 0, &build);
	spec = item(RTE_FLOW_ITEM_TYPE_IPV6)->spec;
	mask = item(RTE_FLOW_ITEM_TYPE_IPV6)->mask;
	assert_int_equal(spec->hdr.payload_len, RTE_BE16(20));
	assert_int_equal(mask->hdr.proto, 0xff);
	assert_int_equal(mask->has_frag_ext, 1);
	assert_int_equal(spec->has_frag_ext, 0);
	assert_int_equal(((const uint8_t *)&spec->hdr.dst_addr)[1], 0xf0);
	assert_int_equal(((const uint8_t *)&mask->hdr.dst_addr)[1], 0xf0);
	flow_rule_build(&rule, FLOW_DIALECT_NEXT_HEADER, &build);
	assert_int_equal(mask->has_frag_ext, 0);
}

static void
a_tag_is_exact(void **state)
{
	struct flow_rule rule = make_rule(false);
	const struct rte_flow_item_vlan *spec, *mask;

	rule.match.frame.vlan = 100;
	flow_rule_build(&rule, 0, &build);
	spec = item(RTE_FLOW_ITEM_TYPE_VLAN)->spec;
	mask = item(RTE_FLOW_ITEM_TYPE_VLAN)->mask;
	assert_int_equal(spec->hdr.vlan_tci, RTE_BE16(100));
	assert_int_equal(mask->hdr.vlan_tci, 0xffff); // priority, too: the switch does not keep it
	assert_int_equal(spec->hdr.eth_proto, RTE_BE16(0x0800));
}

static void
actions_come_in_the_order_of_the_stages(void **state)
{
	struct flow_rule rule = make_rule(false);

	rule.actions.decap = rule.actions.set_src = rule.actions.set_dst = true;
	rule.actions.dec_hops = true;
	rule.actions.push_vlan = 7;
	flow_rule_build(&rule, 0, &build);
	ACTIONS(RTE_FLOW_ACTION_TYPE_COUNT, RTE_FLOW_ACTION_TYPE_VXLAN_DECAP,
		RTE_FLOW_ACTION_TYPE_SET_MAC_SRC, RTE_FLOW_ACTION_TYPE_SET_MAC_DST,
		RTE_FLOW_ACTION_TYPE_DEC_TTL, RTE_FLOW_ACTION_TYPE_OF_PUSH_VLAN,
		RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_VID, RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_PCP,
		RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT, RTE_FLOW_ACTION_TYPE_END);
	rule.actions = (struct flow_actions){.fate = FLOW_TO_SWITCH, .pop_tag = true};
	flow_rule_build(&rule, 0, &build);
	ACTIONS(RTE_FLOW_ACTION_TYPE_COUNT, RTE_FLOW_ACTION_TYPE_OF_POP_VLAN,
		RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR, RTE_FLOW_ACTION_TYPE_END);
}

static void
a_tunnel_is_items_or_bytes(void **state)
{
	struct flow_rule rule = make_rule(false);
	const struct rte_flow_action_vxlan_encap *items;
	const struct rte_flow_action_raw_encap *raw;

	rule.actions.encap_len = 54;
	rule.actions.encap[12] = 0x81; // a tag
	flow_rule_build(&rule, 0, &build);
	assert_int_equal(build.actions[1].type, RTE_FLOW_ACTION_TYPE_VXLAN_ENCAP);
	items = build.actions[1].conf;
	assert_int_equal(items->definition[1].type, RTE_FLOW_ITEM_TYPE_VLAN);
	assert_int_equal(items->definition[4].type, RTE_FLOW_ITEM_TYPE_VXLAN);
	assert_int_equal(items->definition[5].type, RTE_FLOW_ITEM_TYPE_END);
	assert_int_equal(flow_rule_dialects(&rule), FLOW_DIALECT_RAW_ENCAP | FLOW_DIALECT_L3_OK);
	flow_rule_build(&rule, FLOW_DIALECT_RAW_ENCAP, &build);
	assert_int_equal(build.actions[1].type, RTE_FLOW_ACTION_TYPE_RAW_ENCAP);
	raw = build.actions[1].conf;
	assert_int_equal(raw->size, 54);
	assert_memory_equal(raw->data, rule.actions.encap, 54);
}

static void
a_queue_rule_is_of_its_own_port(void **state)
{
	struct flow_rule rule = make_rule(false);
	const struct rte_flow_action_rss *rss;

	rule.transfer = false;
	rule.actions = (struct flow_actions){
		.fate = FLOW_TO_QUEUES, .n_queues = 3, .rss_level = 2, .rss_types = 5};
	flow_rule_build(&rule, 0, &build);
	assert_int_equal(build.attr.ingress, 1);
	assert_int_equal(build.attr.transfer, 0);
	assert_int_equal(build.items[0].type, RTE_FLOW_ITEM_TYPE_INTEGRITY);
	rss = build.actions[1].conf;
	assert_int_equal(rss->queue_num, 3);
	assert_int_equal(rss->queue[2], 2);
	assert_int_equal(rss->level, 2);
}

// The device's first words are told when none of the dialects suits it.
static void
the_device_chooses_the_dialect(void **state)
{
	const struct flow_rule rule = make_rule(false);
	struct flow_device *device;
	struct flow_entry entry;
	char reason[128] = "";

	fake_flows_reset();
	device = flow_device_open(1, true, reason, sizeof(reason));
	assert_non_null(device);
	assert_int_equal(flow_device_ethdev(device), FAKE_PROXY);
	assert_int_equal(flow_add(device, &rule, &entry, reason, sizeof(reason)), 0);
	assert_int_equal(flows.validates, 1);
	assert_int_equal(flow_remove(device, &entry, reason, sizeof(reason)), 0);
	flows.unknown_item = RTE_FLOW_ITEM_TYPE_INTEGRITY;
	assert_int_equal(flow_add(device, &rule, &entry, reason, sizeof(reason)), -ENOTSUP);
	assert_string_equal(reason, "refused: item not supported");
	assert_int_equal(flows.validates, 3); // both dialects
	flow_device_close(device);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_matches_nothing_else),
		cmocka_unit_test(ipv6_matches_nothing_else),
		cmocka_unit_test(a_tag_is_exact),
		cmocka_unit_test(actions_come_in_the_order_of_the_stages),
		cmocka_unit_test(a_tunnel_is_items_or_bytes),
		cmocka_unit_test(a_queue_rule_is_of_its_own_port),
		cmocka_unit_test(the_device_chooses_the_dialect),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
