/* SPDX-License-Identifier: Apache-2.0 */

// Endpoints in real namespaces: what is made, what a failure at each step leaves, what restarts and
// vanished pods do.

#include "control_pod.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <causeway/error.h>

#include "address.h"
#include "fail_point.h"
#include "link.h"
#include "netlink.h"
#include "netns.h"
#include "tombstone.h"

#define ADDRESSING                                                         \
	"\"ips\":[{\"address\":\"10.1.0.5/16\",\"gateway\":\"10.1.0.1\"}," \
	"{\"address\":\"fd00:1::5/64\",\"gateway\":\"fd00:1::1\"}],"       \
	"\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"::/0\",\"mtu\":1300}]"
#define KEY "\"container\":\"c1\",\"ifname\":\"eth0\""

static void
add_refused(struct pod *pod, const char *params, int code)
{
	cJSON *answer = pod_add(pod, params);
	const cJSON *error = cJSON_GetObjectItem(answer, "error");

	if (error == NULL || cJSON_GetObjectItem(error, "code")->valueint != code)
		fail_msg("expected %d: %s", code, cJSON_PrintUnformatted(answer));
	cJSON_Delete(answer);
}

static void
del(struct pod *pod)
{
	control_expect_ok(pod->c, "endpoint.del", "{" KEY "}");
}

static int
in_pod(struct pod *pod, const char *command)
{
	struct netns_guard guard;
	int ret;

	assert_int_equal(netns_enter(&guard, pod->netns), 0);
	ret = system(command);
	netns_leave(&guard);
	return ret;
}

static void
assert_state(struct pod *pod, const char *expected)
{
	cJSON *endpoint = control_expect(pod->c, "endpoint.get", "{" KEY "}");

	assert_string_equal(json_text(endpoint, "state"), expected);
	cJSON_Delete(endpoint);
}

// Nothing but what was there before: lo in the pod; lo and the host port here.
static void
assert_nothing_left(struct pod *pod)
{
	struct control *c = pod->c;

	if (pod->netns >= 0)
		assert_int_equal(in_pod(pod, "test $(ip -o link | wc -l) = 1"), 0);
	assert_int_equal(system("test $(ip -o link | wc -l) = 2"), 0);
	assert_int_equal(objects_count(c->d->objects, OBJECT_ENDPOINT), 0);
	assert_int_equal(objects_count(c->d->objects, OBJECT_PORT), 1);
	for (uint32_t id = 2; id < CW_MAX_PORTS; id++)
		assert_int_equal(c->d->devices[id].n, 0);
	if (control_is_ready(c)) {
		assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_ENDPOINT), 0);
		assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_PORT), 1);
	}
}

static void
assert_configured(struct pod *pod)
{
	assert_int_equal(in_pod(pod, "ip -o -4 addr show dev eth0 | grep -q 10.1.0.5/16"), 0);
	assert_int_equal(
		in_pod(pod, "ip -o -6 addr show dev eth0 | grep -q 'fd00:1::5/64.*nodad'"), 0);
	assert_int_equal(in_pod(pod, "ip -4 route | grep -q 'default via 10.1.0.1 dev eth0'"), 0);
	assert_int_equal(
		in_pod(pod, "ip -6 route | grep -q 'default via fd00:1::1 dev eth0.*mtu 1300'"), 0);
	assert_int_equal(in_pod(pod, "ip link show dev eth0 up | grep -q 'mtu 1400'"), 0);
}

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
test_failed_del_is_repeated(void **state)
{
	static const char *const steps[] = {"device_remove", "store_commit"};
	struct pod *pod = *state;

	for (size_t i = 0; i < 2; i++) {
		cJSON_Delete(pod_add_ok(pod, KEY "," ADDRESSING));
		assert_true(fail_point_set(steps[i]));
		cJSON_Delete(control_call(pod->c, "endpoint.del", "{" KEY "}"));
		fail_point_set(NULL);
		assert_int_equal(objects_count(pod->c->d->objects, OBJECT_ENDPOINT), 1);
		// A data plane that did not take it back is told everything again.
		if (!control_is_ready(pod->c)) {
			control_connect_dp(pod->c);
			control_run_until(pod->c, control_is_ready);
		}
		del(pod);
		assert_nothing_left(pod);
	}
}

static void
check_restarts(struct pod *pod, const char *kind)
{
	struct control *c = pod->c;
	char params[512];
	uint64_t generation;

	snprintf(params, sizeof(params), KEY ",\"kind\":\"%s\",\"mtu\":1400," ADDRESSING, kind);
	cJSON_Delete(pod_add_ok(pod, params));
	generation =
		((const struct cw_port *)fake_dp_get(&c->dp, CW_ITEM_PORT, 1)->item)->generation;

	// causewayd alone: the data plane gives the descriptors back and notices nothing.
	control_stop(c);
	control_start(c, true);
	assert_state(pod, "ready");
	assert_int_equal(
		((const struct cw_port *)fake_dp_get(&c->dp, CW_ITEM_PORT, 1)->item)->generation,
		generation);
	// The data plane alone.
	fake_dp_hang_up(&c->dp);
	fake_dp_forget(&c->dp);
	control_run_until(c, control_is_away);
	assert_state(pod, "waiting");
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
	assert_state(pod, "ready");
	assert_true(fake_dp_get(&c->dp, CW_ITEM_PORT, 1)->n_fds > 0);
	// Both.
	control_stop(c);
	fake_dp_forget(&c->dp);
	control_start(c, true);
	assert_state(pod, "ready");
	assert_true(fake_dp_get(&c->dp, CW_ITEM_PORT, 1)->n_fds > 0);
	assert_configured(pod);
	del(pod);
	assert_nothing_left(pod);
}

static void
test_restarts_tap(void **state)
{
	check_restarts(*state, "tap");
}

static void
test_restarts_af_packet(void **state)
{
	check_restarts(*state, "af_packet");
}

static void
test_restarts_af_xdp(void **state)
{
	check_restarts(*state, "af_xdp");
}

static bool
is_gone(struct control *c)
{
	cJSON *endpoint = control_expect(c, "endpoint.get", "{" KEY "}");
	const bool gone = strcmp(json_text(endpoint, "state"), "gone") == 0;

	cJSON_Delete(endpoint);
	return gone;
}

static void
test_pod_vanishes(void **state)
{
	static const char *const kinds[] = {"tap", "af_packet", "af_xdp"};
	struct pod *pod = *state;
	char params[512];

	for (size_t i = 0; i < 3; i++) {
		snprintf(params, sizeof(params), KEY ",\"kind\":\"%s\"," ADDRESSING, kinds[i]);
		cJSON_Delete(pod_add_ok(pod, params));
		close(pod->netns);
		pod->netns = -1;
		control_run_until(pod->c, is_gone);
		if (i < 2) {
			del(pod);
			assert_nothing_left(pod);
		}
		pod->netns = namespace_new();
		snprintf(pod->path, sizeof(pod->path), "/proc/self/fd/%d", pod->netns);
	}
	// A new pod of that name takes the place of one that has vanished.
	cJSON_Delete(pod_add_ok(pod, params));
	assert_state(pod, "ready");
	del(pod);
	assert_nothing_left(pod);
}

static void
test_pod_vanishes_while_we_are_away(void **state)
{
	struct pod *pod = *state;
	struct control *c = pod->c;

	cJSON_Delete(pod_add_ok(pod, KEY "," ADDRESSING));
	control_stop(c);
	fake_dp_forget(&c->dp);
	close(pod->netns);
	pod->netns = -1;
	control_start(c, true);
	assert_state(pod, "gone");
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_ENDPOINT), 0);
	del(pod);
	assert_nothing_left(pod);
}

static void
test_del_without_data_plane(void **state)
{
	struct pod *pod = *state;
	struct control *c = pod->c;

	cJSON_Delete(pod_add_ok(pod, KEY "," ADDRESSING));
	fake_dp_hang_up(&c->dp);
	control_run_until(c, control_is_away);
	del(pod);
	assert_nothing_left(pod);
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
	assert_nothing_left(pod);

	// And after a restart, from the record alone.
	cJSON_Delete(pod_add_ok(pod, KEY "," ADDRESSING));
	control_stop(c);
	fake_dp_forget(&c->dp);
	control_start(c, false);
	del(pod);
	assert_nothing_left(pod);
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
}

static bool
has_no_endpoint(struct control *c)
{
	return objects_count(c->d->objects, OBJECT_ENDPOINT) == 0;
}

static void
test_tombstones(void **state)
{
	struct pod *pod = *state;
	struct control *c = pod->c;

	cJSON_Delete(pod_add_ok(pod, KEY "," ADDRESSING));
	control_stop(c);
	assert_int_equal(tombstone_write(c->folder, "c1", "eth0"), 0);
	control_start(c, false);
	control_run_until(c, has_no_endpoint);
	assert_nothing_left(pod);
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
	assert_nothing_left(pod);
	// One that was left when nobody answered, though we run.
	cJSON_Delete(pod_add_ok(pod, KEY "," ADDRESSING));
	assert_int_equal(tombstone_write(c->folder, "c1", "eth0"), 0);
	control_run_until(c, has_no_endpoint);
	assert_nothing_left(pod);
}

// As a crash between the device and its record leaves it: the row says what was begun.
static void
test_interrupted_attachment_is_cleaned_up(void **state)
{
	static const char *const kinds[] = {"tap", "af_packet"};
	struct pod *pod = *state;
	struct control *c = pod->c;

	for (size_t i = 0; i < 2; i++) {
		struct endpoint *endpoint;
		struct port *port;
		cJSON *json;
		char params[512], key[16], *text;

		snprintf(params, sizeof(params), KEY ",\"kind\":\"%s\"," ADDRESSING, kinds[i]);
		cJSON_Delete(pod_add_ok(pod, params));
		endpoint = endpoint_find(c->d->objects, "c1", "eth0");
		port = port_by_id(c->d->objects, endpoint->port);
		json = cJSON_CreateObject();
		cJSON_AddItemToObject(
			json, "port", port_class.to_json(c->d->objects, &port->object));
		cJSON_AddItemToObject(
			json, "endpoint", endpoint_class.to_json(c->d->objects, &endpoint->object));
		text = cJSON_PrintUnformatted(json);
		snprintf(key, sizeof(key), "%u", port->id);
		assert_int_equal(store_begin(c->d->store), 0);
		assert_int_equal(store_put(c->d->store, "intent", key, text), 0);
		assert_int_equal(store_remove(c->d->store, "port", port->name), 0);
		assert_int_equal(store_remove(c->d->store, "endpoint", "c1/eth0"), 0);
		assert_int_equal(store_commit(c->d->store), 0);
		free(text);
		cJSON_Delete(json);
		control_stop(c);
		fake_dp_forget(&c->dp);
		control_start(c, true);
		assert_nothing_left(pod);
	}
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
		TEST(test_failed_del_is_repeated),
		TEST(test_restarts_tap),
		TEST(test_restarts_af_packet),
		TEST(test_restarts_af_xdp),
		TEST(test_pod_vanishes),
		TEST(test_pod_vanishes_while_we_are_away),
		TEST(test_del_without_data_plane),
		TEST(test_tombstones),
		TEST(test_interrupted_attachment_is_cleaned_up),
		TEST(test_vlan_networks_come_and_go),
		TEST(test_what_leads_to_the_port_goes_with_it),
	};

	if (!control_enter_namespace())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
