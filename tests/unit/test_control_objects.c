/* SPDX-License-Identifier: Apache-2.0 */

// Objects over control.sock: add, set, del, references, next hops that routes share, and what a
// restart finds.

#include "control_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <causeway/error.h>

static unsigned int
count(struct control *c, enum object_type type)
{
	return objects_count(c->d->objects, type);
}

static int
number(const cJSON *json, const char *key)
{
	const cJSON *value = cJSON_GetObjectItem(json, key);

	return cJSON_IsNumber(value) ? value->valueint : -1;
}

static void
test_default_network(void **state)
{
	struct control *c = *state;
	cJSON *network = control_expect(c, "network.get", "{\"name\":\"default\"}");

	assert_int_equal(number(network, "id"), 0);
	assert_int_equal(number(network, "vni"), 1);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(network, "host")));
	assert_string_equal(json_text(network, "state"), "ready");
	cJSON_Delete(network);
	control_expect_error(c, "network.del", "{\"name\":\"default\"}", CW_RPC_REFUSED);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_PORT), 1);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_ROUTE), 2);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_NEXTHOP), 1);
}

static void
test_add_set_del(void **state)
{
	struct control *c = *state;
	const struct cw_network *wire;
	cJSON *network;

	control_expect_ok(c, "network.add", "{\"name\":\"n\",\"subnets\":[\"10.2.0.1/16\"]}");
	control_expect_ok(c, "network.add", "{\"name\":\"n\",\"subnets\":[\"10.2.0.1/16\"]}");
	control_expect_ok(c, "network.add", "{\"name\":\"n\"}");
	control_expect_error(c, "network.add", "{\"name\":\"n\",\"mtu\":9000}", CW_RPC_CONFLICT);
	control_expect_error(c, "network.add", "{\"name\":\"m\",\"vni\":1}", CW_RPC_CONFLICT);
	control_expect_error(
		c, "network.set", "{\"name\":\"absent\",\"mtu\":9000}", CW_RPC_NOT_FOUND);
	network =
		control_expect(c, "network.set", "{\"name\":\"n\",\"mtu\":9000,\"learning\":true}");
	assert_int_equal(number(network, "mtu"), 9000);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(network, "subnets")), 1);
	cJSON_Delete(network);
	wire = (const struct cw_network *)fake_dp_get(&c->dp, CW_ITEM_NETWORK, 1)->item;
	assert_string_equal(wire->name, "n");
	assert_int_equal(wire->mtu, 9000);
	assert_int_equal(wire->flags, CW_NETWORK_LEARNING);
	assert_int_equal(wire->n_addresses, 1);
	assert_int_equal(wire->addresses[0].prefix, 16);
	control_expect_ok(c, "network.del", "{\"name\":\"n\"}");
	control_expect_ok(c, "network.del", "{\"name\":\"n\"}");
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_NETWORK), 1);
	control_expect_error(c, "network.get", "{\"name\":\"n\"}", CW_RPC_NOT_FOUND);
}

static void
test_references(void **state)
{
	struct control *c = *state;

	control_expect_ok(c, "network.add", "{\"name\":\"n\"}");
	control_expect_ok(c, "port.add", "{\"name\":\"p\",\"kind\":\"null\",\"network\":\"n\"}");
	control_expect_error(c, "network.del", "{\"name\":\"n\"}", CW_RPC_IN_USE);
	control_expect_ok(c, "neighbor.add",
		"{\"network\":\"n\",\"ip\":\"10.2.0.9\",\"mac\":\"02:00:00:00:00:09\",\"port\":"
		"\"p\"}");
	control_expect_ok(
		c, "fdb.add", "{\"network\":\"n\",\"mac\":\"02:00:00:00:00:09\",\"port\":\"p\"}");
	control_expect_error(c, "port.del", "{\"name\":\"p\"}", CW_RPC_IN_USE);
	control_expect_error(c, "port.del", "{\"name\":\"host\"}", CW_RPC_IN_USE);
	control_expect_ok(c, "neighbor.del", "{\"network\":\"n\",\"ip\":\"10.2.0.9\"}");
	control_expect_ok(c, "fdb.del", "{\"network\":\"n\",\"mac\":\"02:00:00:00:00:09\"}");
	control_expect_ok(c, "port.del", "{\"name\":\"p\"}");
	control_expect_ok(c, "network.del", "{\"name\":\"n\"}");
	control_expect_error(c, "neighbor.get", "{\"ip\":\"10.2.0.9\"}", CW_RPC_NOT_FOUND);
}

static void
test_identifiers_are_not_reused_at_once(void **state)
{
	struct control *c = *state;
	cJSON *first, *second;

	first = control_expect(c, "port.add", "{\"name\":\"p\",\"kind\":\"null\"}");
	control_expect_ok(c, "port.del", "{\"name\":\"p\"}");
	second = control_expect(c, "port.add", "{\"name\":\"p\",\"kind\":\"null\"}");
	assert_int_not_equal(number(first, "id"), number(second, "id"));
	assert_string_not_equal(json_text(first, "generation"), json_text(second, "generation"));
	cJSON_Delete(first);
	cJSON_Delete(second);
}

static void
test_inline_nexthops_are_shared(void **state)
{
	struct control *c = *state;
	const unsigned int before = count(c, OBJECT_NEXTHOP);
	cJSON *route;

	control_expect_ok(c, "route.add", "{\"prefix\":\"10.9.0.0/16\",\"via\":\"10.1.0.5\"}");
	control_expect_ok(c, "route.add", "{\"prefix\":\"10.8.0.0/16\",\"via\":\"10.1.0.5\"}");
	control_expect_ok(c, "route.add", "{\"prefix\":\"10.8.0.0/16\",\"via\":\"10.1.0.5\"}");
	assert_int_equal(count(c, OBJECT_NEXTHOP), before + 1);
	control_expect_error(c, "route.add", "{\"prefix\":\"10.8.0.0/16\",\"kind\":\"blackhole\"}",
		CW_RPC_CONFLICT);
	assert_int_equal(count(c, OBJECT_NEXTHOP), before + 1);
	control_expect_ok(c, "route.add",
		"{\"prefix\":\"10.7.0.0/"
		"16\",\"members\":[{\"via\":\"10.1.0.6\"},{\"via\":\"10.1.0.5\","
		"\"weight\":2}]}");
	assert_int_equal(count(c, OBJECT_NEXTHOP), before + 3);
	// The same group, said in another order.
	control_expect_ok(c, "route.add",
		"{\"prefix\":\"10.6.0.0/16\",\"members\":[{\"via\":\"10.1.0.5\",\"weight\":2},"
		"{\"via\":\"10.1.0.6\"}]}");
	assert_int_equal(count(c, OBJECT_NEXTHOP), before + 3);
	route = control_expect(c, "route.get", "{\"prefix\":\"10.6.0.0/16\"}");
	assert_string_equal(json_text(route, "kind"), "group");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(route, "members")), 2);
	cJSON_Delete(route);
	control_expect_ok(c, "route.set", "{\"prefix\":\"10.6.0.0/16\",\"kind\":\"prohibit\"}");
	assert_int_equal(count(c, OBJECT_NEXTHOP), before + 4);
	control_expect_ok(c, "route.del",
		"{\"routes\":[{\"prefix\":\"10.6.0.0/16\"},{\"prefix\":\"10.7.0.0/"
		"16\"},{\"prefix\":\"10."
		"8.0.0/16\"},{\"prefix\":\"10.9.0.0/16\"},{\"prefix\":\"10.10.0.0/16\"}]}");
	assert_int_equal(count(c, OBJECT_NEXTHOP), before);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_NEXTHOP), before);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_ROUTE), 2);
}

static void
test_many_routes_are_all_or_nothing(void **state)
{
	struct control *c = *state;
	char *params = malloc(400000);
	size_t len;

	assert_non_null(params);
	len = (size_t)snprintf(params, 400000, "{\"routes\":[");
	for (int i = 0; i < 5000; i++)
		len += (size_t)snprintf(params + len, 400000 - len,
			"%s{\"prefix\":\"20.%d.%d.0/24\",\"kind\":\"blackhole\"}",
			i == 0 ? "" : ",", i / 256, i % 256);
	strcpy(params + len, "]}");
	control_expect_ok(c, "route.add", params);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_ROUTE), 5002);
	control_expect_error(c, "route.add",
		"{\"routes\":[{\"prefix\":\"30.0.0.0/8\",\"kind\":\"host\"},{\"prefix\":\"20.0.0.0/"
		"24\","
		"\"kind\":\"host\"}]}",
		CW_RPC_CONFLICT);
	control_expect_error(c, "route.add",
		"{\"routes\":[{\"prefix\":\"30.0.0.0/8\",\"kind\":\"host\"},{\"prefix\":\"30.1.0.0/"
		"8\","
		"\"kind\":\"host\"}]}",
		CW_RPC_INVALID_PARAMS);
	control_expect_error(c, "route.get", "{\"prefix\":\"30.0.0.0/8\"}", CW_RPC_NOT_FOUND);
	assert_int_equal(count(c, OBJECT_ROUTE), 5002);
	free(params);
}

static void
test_nexthops(void **state)
{
	struct control *c = *state;
	cJSON *nexthop;

	control_expect_ok(c, "nexthop.add", "{\"id\":100,\"kind\":\"via\",\"via\":\"10.1.0.5\"}");
	control_expect_ok(c, "nexthop.add", "{\"id\":100,\"kind\":\"via\",\"via\":\"10.1.0.5\"}");
	control_expect_error(c, "nexthop.add", "{\"id\":100,\"kind\":\"via\",\"via\":\"10.1.0.6\"}",
		CW_RPC_CONFLICT);
	control_expect_ok(c, "nexthop.add",
		"{\"id\":101,\"kind\":\"group\",\"members\":[{\"nexthop\":100}]}");
	control_expect_error(c, "nexthop.add",
		"{\"kind\":\"group\",\"members\":[{\"nexthop\":101}]}", CW_RPC_INVALID_PARAMS);
	control_expect_ok(c, "route.add", "{\"prefix\":\"10.9.0.0/16\",\"nexthop\":101}");
	control_expect_error(c, "nexthop.del", "{\"id\":101}", CW_RPC_IN_USE);
	control_expect_error(c, "nexthop.del", "{\"id\":100}", CW_RPC_IN_USE);
	nexthop = control_expect(c, "nexthop.set", "{\"id\":100,\"via\":\"10.1.0.7\"}");
	assert_string_equal(json_text(nexthop, "via"), "10.1.0.7");
	cJSON_Delete(nexthop);
	control_expect_error(c, "nexthop.set", "{\"id\":1,\"via\":\"10.1.0.7\"}", CW_RPC_REFUSED);
	control_expect_ok(c, "route.del", "{\"prefix\":\"10.9.0.0/16\"}");
	control_expect_ok(c, "nexthop.del", "{\"id\":101}");
	control_expect_ok(c, "nexthop.del", "{\"id\":100}");
}

static void
test_host_port_follows_the_network(void **state)
{
	struct control *c = *state;

	control_expect_ok(c, "network.add",
		"{\"name\":\"n\",\"host\":true,\"subnets\":[\"10.2.0.1/16\",\"fd00:2::1/64\"]}");
	assert_int_equal(system("ip -o -4 addr show dev cwh-1 | grep -q 10.2.0.1/32"), 0);
	assert_int_equal(system("ip -o -6 addr show dev cwh-1 | grep -q fd00:2::1/128"), 0);
	assert_int_equal(system("ip -4 route | grep -q '10.2.0.0/16 dev cwh-1 .*src 10.2.0.1'"), 0);
	assert_int_equal(
		system("ip -6 route | grep -q 'fd00:2::/64 dev cwh-1 .*src fd00:2::1'"), 0);
	control_expect_ok(
		c, "network.set", "{\"name\":\"n\",\"subnets\":[\"10.3.0.1/16\"],\"mtu\":9000}");
	assert_int_equal(system("ip -o -4 addr show dev cwh-1 | grep -q 10.3.0.1/32"), 0);
	assert_int_not_equal(system("ip addr show dev cwh-1 | grep -q 10.2.0.1"), 0);
	assert_int_not_equal(system("ip -6 route | grep -q fd00:2::/64"), 0);
	assert_int_equal(system("ip link show dev cwh-1 | grep -q 'mtu 9000'"), 0);
	// What is in the way is somebody else's, and stays.
	assert_int_equal(system("ip link add cwh-2 type veth peer name cwh-x"), 0);
	control_expect_error(c, "network.add", "{\"name\":\"m\",\"host\":true}", CW_RPC_REFUSED);
	assert_int_equal(system("ip link show dev cwh-2 >/dev/null"), 0);
	control_expect_error(c, "network.get", "{\"name\":\"m\"}", CW_RPC_NOT_FOUND);
	assert_int_equal(system("ip link del cwh-2"), 0);
	control_expect_ok(c, "network.del", "{\"name\":\"n\"}");
	assert_int_not_equal(system("ip link show dev cwh-1 >/dev/null 2>&1"), 0);
}

static char *
everything(struct control *c)
{
	static const char *const lists[] = {
		"network.list", "port.list", "nexthop.list", "neighbor.list", "route.list"};
	cJSON *all = cJSON_CreateArray();
	char *text;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		cJSON_AddItemToArray(all, control_expect(c, lists[i], "{}"));
	text = cJSON_PrintUnformatted(all);
	cJSON_Delete(all);
	return text;
}

static void
test_restart_finds_everything(void **state)
{
	struct control *c = *state;
	char *before, *after;

	control_expect_ok(c, "network.add",
		"{\"name\":\"n\",\"learning\":true,\"learn_age\":5,\"learn_limit\":6,\"subnets\":["
		"\"10.2.0.1/"
		"16\"]}");
	control_expect_ok(c, "port.add",
		"{\"name\":\"p\",\"kind\":\"ring\",\"network\":\"n\",\"vlan\":7,\"guard\":[\"mac\"]"
		",\"hairpin\":"
		"true,\"trunk\":[{\"vlan\":9,\"network\":\"default\"}],\"args\":\"x=1\"}");
	control_expect_ok(c, "neighbor.add",
		"{\"network\":\"n\",\"ip\":\"fd00::9\",\"mac\":\"02:00:00:00:00:09\",\"port\":"
		"\"p\"}");
	control_expect_ok(
		c, "fdb.add", "{\"network\":\"n\",\"mac\":\"02:00:00:00:00:09\",\"port\":\"p\"}");
	control_expect_ok(c, "route.add",
		"{\"network\":\"n\",\"prefix\":\"fd00:9::/"
		"32\",\"members\":[{\"port\":\"p\",\"mac\":\"02:00:00:"
		"00:00:09\"},{\"via\":\"fd00::9\",\"weight\":3}]}");
	before = everything(c);
	control_stop(c);
	control_start(c, true);
	after = everything(c);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, control_setup, control_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_default_network),
		TEST(test_add_set_del),
		TEST(test_references),
		TEST(test_identifiers_are_not_reused_at_once),
		TEST(test_inline_nexthops_are_shared),
		TEST(test_many_routes_are_all_or_nothing),
		TEST(test_nexthops),
		TEST(test_host_port_follows_the_network),
		TEST(test_restart_finds_everything),
	};

	if (!control_enter_namespace())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
