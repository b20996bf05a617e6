/* SPDX-License-Identifier: Apache-2.0 */

// Endpoints in real namespaces: what is made, what a failure at each step leaves.

#include "endpoint_helper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <causeway/error.h>

#include "fail_point.h"

static void
check_kind(struct pod *pod, const char *kind, uint8_t wire_kind, unsigned int queues)
{
	const struct fake_dp_object *object;
	const struct cw_endpoint *endpoint;
	const struct cw_port *port;
	char params[512];
	cJSON *result;

	snprintf(params, sizeof(params), KEY ",\"kind\":\"%s\",\"mtu\":1400," ADDRESSING, kind);
	result = pod_add_ok(pod, params);
	assert_string_equal(json_text(result, "kind"), kind);
	assert_string_equal(json_text(result, "state"), "ready");
	assert_configured(pod);
	object = fake_dp_get(&pod->c->dp, CW_ITEM_PORT, 1);
	port = (const struct cw_port *)object->item;
	assert_int_equal(port->kind, wire_kind);
	assert_int_equal(port->guard, CW_GUARD_ALL);
	assert_int_equal(object->n_fds, queues);
	endpoint = (const struct cw_endpoint *)fake_dp_get(&pod->c->dp, CW_ITEM_ENDPOINT, 0)->item;
	assert_int_equal(endpoint->n_ips, 2);
	assert_memory_equal(endpoint->mac, port->mac, 6);
	// The gateways are the router's now, here and in the data plane.
	assert_int_equal(system("ip -o -4 addr show dev cwhost | grep -q 10.1.0.1/32"), 0);
	assert_int_equal(
		((const struct cw_network *)fake_dp_get(&pod->c->dp, CW_ITEM_NETWORK, 0)->item)
			->n_addresses,
		2);
	cJSON_Delete(result);
	del(pod);
	del(pod);
	assert_nothing_left(pod);
}

static void
test_tap(void **state)
{
	check_kind(*state, "tap", CW_PORT_TAP, 2);
}

static void
test_af_packet(void **state)
{
	check_kind(*state, "af_packet", CW_PORT_AF_PACKET, 1);
}

static void
test_af_xdp(void **state)
{
	check_kind(*state, "af_xdp", CW_PORT_AF_XDP, 1);
}

static void
test_falls_back_when_taps_are_not_usable(void **state)
{
	struct pod *pod = *state;
	cJSON *result;

	strcpy(pod->c->d->options.tun_device, "/nonexistent");
	result = pod_add_ok(pod, KEY "," ADDRESSING);
	assert_string_equal(json_text(result, "kind"), "af_packet");
	assert_non_null(strstr(json_text(result, "why"), "/nonexistent"));
	cJSON_Delete(result);
	strcpy(pod->c->d->options.tun_device, "/dev/net/tun");
	del(pod);
	assert_nothing_left(pod);
}

static void
test_same_again_and_conflicts(void **state)
{
	struct pod *pod = *state;
	cJSON *first = pod_add_ok(pod, KEY "," ADDRESSING),
	      *second = pod_add_ok(pod, KEY "," ADDRESSING);

	assert_true(cJSON_Compare(first, second, true));
	cJSON_Delete(first);
	cJSON_Delete(second);
	add_refused(pod, KEY ",\"mtu\":1300," ADDRESSING, CW_RPC_CONFLICT);
	add_refused(pod, KEY ",\"guard\":false," ADDRESSING, CW_RPC_CONFLICT);
	add_refused(pod, "\"container\":\"c2\",\"ifname\":\"eth1\"," ADDRESSING, CW_RPC_CONFLICT);
	add_refused(pod,
		"\"container\":\"c2\",\"ifname\":\"eth1\",\"ips\":[{\"address\":\"10.1.0.1/16\"}]",
		CW_RPC_CONFLICT);
	add_refused(pod, "\"container\":\"c2\",\"ifname\":\"eth0\"", CW_RPC_REFUSED);
	add_refused(pod, "\"container\":\"c2\",\"ifname\":\"e/0\"", CW_RPC_INVALID_PARAMS);
	add_refused(pod, "\"container\":\"c2\",\"ifname\":\"..\"", CW_RPC_INVALID_PARAMS);
	add_refused(
		pod, "\"container\":\"c2\",\"ifname\":\"e\",\"network\":\"x\"", CW_RPC_NOT_FOUND);
	// Another network's DEL leaves it alone.
	control_expect_ok(pod->c, "endpoint.del", "{" KEY ",\"network\":\"other\"}");
	assert_state(pod, "ready");
	control_expect_ok(pod->c, "endpoint.del", "{" KEY ",\"network\":\"default\"}");
	assert_nothing_left(pod);
}

static void
test_foreign_interface_is_not_touched(void **state)
{
	static const char *const kinds[] = {"tap", "af_packet", "af_xdp"};
	struct pod *pod = *state;
	char params[512];

	assert_int_equal(in_pod(pod, "ip link add eth0 type veth peer name other"), 0);
	for (size_t i = 0; i < 3; i++) {
		snprintf(params, sizeof(params), KEY ",\"kind\":\"%s\"," ADDRESSING, kinds[i]);
		add_refused(pod, params, CW_RPC_REFUSED);
		assert_int_equal(in_pod(pod, "ip link show dev eth0 | grep -q eth0@other"), 0);
		assert_int_equal(in_pod(pod, "test $(ip -o link | wc -l) = 3"), 0);
		assert_int_equal(system("test $(ip -o link | wc -l) = 2"), 0);
	}
	assert_int_equal(in_pod(pod, "ip link del eth0"), 0);
	assert_nothing_left(pod);
}

static void
test_every_step_fails(void **state)
{
	static const char *const kinds[] = {"tap", "af_packet", "af_xdp"};
	struct pod *pod = *state;
	char params[512];
	unsigned int failed = 0;

	for (size_t i = 0; i < 3; i++) {
		snprintf(params, sizeof(params), KEY ",\"kind\":\"%s\",\"mtu\":1400," ADDRESSING,
			kinds[i]);
		for (const char *const *step = fail_points; *step != NULL; step++) {
			cJSON *answer;

			assert_true(fail_point_set(*step));
			answer = pod_add(pod, params);
			fail_point_set(NULL);
			if (cJSON_GetObjectItem(answer, "error") != NULL)
				failed++;
			else
				del(pod); // not a step of this kind
			cJSON_Delete(answer);
			assert_nothing_left(pod);
		}
		cJSON_Delete(pod_add_ok(pod, params));
		assert_configured(pod);
		del(pod);
	}
	assert_in_range(failed, 3 * 10, 3 * 20);
	// Nor in the store.
	control_stop(pod->c);
	control_start(pod->c, true);
	assert_nothing_left(pod);
}

static void
test_refused_by_the_data_plane(void **state)
{
	struct pod *pod = *state;

	pod->c->dp.refuse = CW_ITEM_ENDPOINT;
	add_refused(pod, KEY "," ADDRESSING, CW_RPC_REFUSED);
	assert_nothing_left(pod);
	// The router address came with it and went with it.
	assert_int_equal(network_find(pod->c->d->objects, "default")->n_subnets, 0);
	assert_int_not_equal(system("ip addr show dev cwhost | grep -q 10.1.0.1"), 0);
	pod->c->dp.refuse = 0;
	pod->c->dp.hang_up = CW_SET;
	add_refused(pod, KEY "," ADDRESSING, CW_RPC_UNAVAILABLE);
	assert_nothing_left(pod);
	add_refused(pod, KEY "," ADDRESSING, CW_RPC_UNAVAILABLE);
	assert_nothing_left(pod);
	pod->c->dp.hang_up = 0;
	control_connect_dp(pod->c);
	control_run_until(pod->c, control_is_ready);
	assert_nothing_left(pod);
}

static void
test_vlan_networks_come_and_go(void **state)
{
	struct pod *pod = *state;
	struct control *c = pod->c;
	const struct cw_port *port;
	cJSON *result = pod_add_ok(pod,
		KEY ",\"vlan\":7,\"trunk\":[{\"vlan\":5,\"network\":\"default.5\"},{\"vlan\":6,"
		    "\"network\":\"default\"}]");

	assert_string_equal(json_text(result, "network"), "default.7");
	cJSON_Delete(result);
	assert_int_equal(objects_count(c->d->objects, OBJECT_NETWORK), 3);
	port = (const struct cw_port *)fake_dp_get(&c->dp, CW_ITEM_PORT, 1)->item;
	assert_int_equal(port->vlan, 0);
	assert_int_equal(port->n_trunk, 2);
	control_expect_ok(c, "endpoint.del", "{" KEY ",\"network\":\"default\"}");
	assert_int_equal(objects_count(c->d->objects, OBJECT_NETWORK), 1);
	assert_nothing_left(pod);
	add_refused(pod, KEY ",\"trunk\":[{\"vlan\":5,\"network\":\"nope.5\"}]", CW_RPC_NOT_FOUND);
	add_refused(pod, KEY ",\"trunk\":[{\"vlan\":5,\"network\":\"default.4095\"}]",
		CW_RPC_NOT_FOUND);
	add_refused(pod,
		KEY ",\"trunk\":[{\"vlan\":5,\"network\":\"default.5\"},{\"vlan\":5,\"network\":"
		    "\"default.6\"}]",
		CW_RPC_INVALID_PARAMS);
	assert_int_equal(objects_count(c->d->objects, OBJECT_NETWORK), 1);
}

// A route, a neighbour and a flood list entry through tunnels whose packets go by the port.
static void
lead_tunnels_to(struct control *c, const char *port)
{
	char params[128];

	control_expect_ok(
		c, "vtep.add", "{\"name\":\"vx\",\"kind\":\"vxlan\",\"address\":\"192.0.2.1\"}");
	snprintf(params, sizeof(params),
		"{\"id\":90,\"kind\":\"port\",\"port\":\"%s\",\"via\":\"10.1.0.5\"}", port);
	control_expect_ok(c, "nexthop.add", params);
	control_expect_ok(
		c, "nexthop.add", "{\"id\":80,\"kind\":\"group\",\"members\":[{\"nexthop\":90}]}");
	control_expect_ok(c, "route.add",
		"{\"prefix\":\"10.8.0.0/"
		"16\",\"members\":[{\"vtep\":\"vx\",\"remote\":\"192.0.2.2\","
		"\"underlay\":80}]}");
	control_expect_ok(c, "neighbor.add",
		"{\"ip\":\"10.1.0.78\",\"mac\":\"02:00:00:00:00:0a\",\"vtep\":\"vx\","
		"\"remote\":\"192.0.2.2\",\"underlay\":90}");
	control_expect_ok(c, "fdb.add",
		"{\"mac\":\"00:00:00:00:00:00\",\"vtep\":\"vx\",\"remote\":\"192.0.2.3\","
		"\"underlay\":80}");
}

static void
test_what_leads_to_the_port_goes_with_it(void **state)
{
	struct pod *pod = *state;
	struct control *c = pod->c;

	cJSON_Delete(pod_add_ok(pod, KEY "," ADDRESSING));
	control_expect_ok(c, "neighbor.add",
		"{\"ip\":\"10.1.0.77\",\"mac\":\"02:00:00:00:00:09\",\"port\":\"c1-eth0\"}");
	control_expect_ok(c, "fdb.add", "{\"mac\":\"02:00:00:00:00:09\",\"port\":\"c1-eth0\"}");
	control_expect_ok(c, "route.add",
		"{\"prefix\":\"10.9.0.0/"
		"16\",\"members\":[{\"port\":\"c1-eth0\",\"mac\":\"02:00:00:00:00:09\"},"
		"{\"via\":\"10.1.0.9\"}]}");
	lead_tunnels_to(c, "c1-eth0");
	del(pod);
	control_expect_ok(c, "vtep.del", "{\"name\":\"vx\"}");
	assert_int_equal(objects_count(c->d->objects, OBJECT_NEIGHBOR), 0);
	assert_int_equal(objects_count(c->d->objects, OBJECT_FDB), 0);
	assert_int_equal(objects_count(c->d->objects, OBJECT_ROUTE), 2);
	assert_int_equal(objects_count(c->d->objects, OBJECT_NEXTHOP), 1);
	assert_nothing_left(pod);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pod_setup, pod_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tap),
		TEST(test_af_packet),
		TEST(test_af_xdp),
		TEST(test_falls_back_when_taps_are_not_usable),
		TEST(test_same_again_and_conflicts),
		TEST(test_foreign_interface_is_not_touched),
		TEST(test_every_step_fails),
		TEST(test_refused_by_the_data_plane),
		TEST(test_vlan_networks_come_and_go),
		TEST(test_what_leads_to_the_port_goes_with_it),
	};

	if (!control_enter_namespace())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
