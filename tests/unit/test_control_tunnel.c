/* SPDX-License-Identifier: Apache-2.0 */

// Tunnel end points, tunnels as next hops of routes, neighbours, FDB entries and flood lists, and
// objects that are mirrored, over control.sock.

#include "control_fixture.h"

#include <stdlib.h>
#include <string.h>

#include <causeway/error.h>

#include "address_text.h"
#include "changes.h"

#define VX                                                                                 \
	"{\"name\":\"vx\",\"kind\":\"vxlan\",\"address\":\"192.0.2.1\",\"udp_port\":8472," \
	"\"uplink\":\"up\",\"mac\":\"02:00:00:00:01:00\",\"own\":[\"10.244.1.0\"],"        \
	"\"groups\":[\"239.1.1.1\"],\"strict\":true}"
#define REMOTE "\"vtep\":\"vx\",\"remote\":\"192.0.2.2\""
#define PREFIX "\"prefix\":\"10.244.2.0/24\""

static int
setup(void **state)
{
	if (control_setup(state) != 0)
		return -1;
	control_expect_ok(
		*state, "port.add", "{\"name\":\"up\",\"kind\":\"null\",\"uplink\":true}");
	control_expect_ok(*state, "port.add", "{\"name\":\"pod\",\"kind\":\"null\"}");
	control_expect_ok(*state, "network.add", "{\"name\":\"blue\",\"vni\":7}");
	control_expect_ok(*state, "vtep.add", VX);
	return 0;
}

static const void *
sent(struct control *c, uint16_t type, unsigned int n)
{
	const struct fake_dp_object *object = fake_dp_get(&c->dp, type, n);

	assert_non_null(object);
	return object->item;
}

static const struct cw_nexthop *
last_nexthop(struct control *c)
{
	return sent(c, CW_ITEM_NEXTHOP, fake_dp_count(&c->dp, CW_ITEM_NEXTHOP) - 1);
}

static unsigned int
count(struct control *c, enum object_type type)
{
	return objects_count(c->d->objects, type);
}

static void
expect_text(struct control *c, const char *method, const char *params, const char *key,
	const char *value)
{
	cJSON *json = control_expect(c, method, params);

	assert_string_equal(json_text(json, key), value);
	cJSON_Delete(json);
}

static void
test_vtep_on_the_wire(void **state)
{
	struct control *c = *state;
	const struct port *up = port_find(c->d->objects, "up");
	const struct cw_vtep *wire = sent(c, CW_ITEM_VTEP, 0);
	static const uint8_t mac[6] = {2, 0, 0, 0, 1, 0};
	struct cw_ip ip;

	assert_int_equal(wire->port, up->id);
	assert_int_equal(wire->kind, CW_TUNNEL_VXLAN);
	assert_int_equal(wire->udp_port, 8472);
	assert_int_equal(wire->ttl, 64);
	assert_int_equal(wire->flags, CW_VTEP_STRICT);
	assert_memory_equal(wire->mac, mac, 6);
	assert_int_equal(wire->n_own, 1);
	assert_int_equal(wire->n_groups, 1);
	assert_true(ip_parse("10.244.1.0", &ip));
	assert_memory_equal(&wire->addresses[0], &ip, sizeof(ip));
	assert_true(ip_parse("239.1.1.1", &ip));
	assert_memory_equal(&wire->addresses[1], &ip, sizeof(ip));
	assert_int_equal(((const struct cw_port *)sent(c, CW_ITEM_PORT, 1))->flags, CW_PORT_UPLINK);
	control_expect_ok(c, "vtep.add", VX);
	control_expect_ok(c, "vtep.set", "{\"name\":\"vx\",\"strict\":false,\"checksum\":true}");
	wire = sent(c, CW_ITEM_VTEP, 0);
	assert_int_equal(wire->flags, CW_VTEP_CHECKSUM);
	assert_int_equal(wire->n_own, 1);
	expect_text(c, "vtep.get", "{\"name\":\"vx\"}", "origin", "static");
	control_expect_error(c, "port.del", "{\"name\":\"up\"}", CW_RPC_IN_USE);
	control_expect_ok(c, "vtep.del", "{\"name\":\"vx\"}");
	control_expect_ok(c, "vtep.del", "{\"name\":\"vx\"}");
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_VTEP), 0);
}

static void
test_vteps_that_make_no_sense(void **state)
{
	static const char *const bad[] = {
		"{\"name\":\"v\",\"kind\":\"gre\",\"address\":\"192.0.2.9\"}",
		"{\"name\":\"v\",\"kind\":\"vxlan\"}",
		"{\"name\":\"v\",\"kind\":\"vxlan\",\"address\":\"239.0.0.1\"}",
		"{\"name\":\"v\",\"kind\":\"vxlan\",\"address\":\"192.0.2.9\",\"network\":"
		"\"blue\"}",
		"{\"name\":\"v\",\"kind\":\"vxlan\",\"address\":\"192.0.2.9\",\"uplink\":\"pod\"}",
		"{\"name\":\"v\",\"kind\":\"vxlan\",\"address\":\"192.0.2.9\","
		"\"groups\":[\"10.0.0.1\"]}",
		"{\"name\":\"v\",\"kind\":\"vxlan\",\"address\":\"fd00::1\","
		"\"groups\":[\"239.0.0.1\"]}",
		"{\"name\":\"v\",\"kind\":\"vxlan\",\"address\":\"192.0.2.9\",\"own\":[\"0.0.0.0\"]"
		"}",
		"{\"name\":\"v\",\"kind\":\"ipip\",\"address\":\"fd00::1\"}",
		"{\"name\":\"v\",\"kind\":\"ipip\",\"address\":\"192.0.2.9\",\"udp_port\":1}",
		"{\"name\":\"v\",\"kind\":\"ipip\",\"address\":\"192.0.2.9\",\"checksum\":true}",
		"{\"name\":\"v\",\"kind\":\"udp\",\"address\":\"192.0.2.9\","
		"\"mac\":\"02:00:00:00:00:01\"}",
	};
	struct control *c = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		control_expect_error(c, "vtep.add", bad[i], CW_RPC_INVALID_PARAMS);
	control_expect_error(c, "vtep.add",
		"{\"name\":\"v\",\"kind\":\"vxlan\",\"address\":\"192.0.2.9\",\"uplink\":"
		"\"absent\"}",
		CW_RPC_NOT_FOUND);
	control_expect_error(c, "vtep.set", "{\"name\":\"v\",\"ttl\":9}", CW_RPC_NOT_FOUND);
	assert_int_equal(count(c, OBJECT_VTEP), 1);
}

static void
test_kinds_without_ethernet(void **state)
{
	struct control *c = *state;
	const struct cw_vtep *wire;

	control_expect_ok(
		c, "vtep.add", "{\"name\":\"i\",\"kind\":\"ipip\",\"address\":\"192.0.2.1\"}");
	wire = sent(c, CW_ITEM_VTEP, 1);
	assert_int_equal(wire->kind, CW_TUNNEL_IPIP);
	assert_int_equal(wire->udp_port, 0);
	assert_int_equal(wire->network, 0);
	control_expect_ok(c, "vtep.add",
		"{\"name\":\"u\",\"kind\":\"udp\",\"address\":\"192.0.2.1\",\"network\":\"blue\"}");
	wire = sent(c, CW_ITEM_VTEP, 2);
	assert_int_equal(wire->udp_port, 8285);
	assert_int_equal(wire->network, network_find(c->d->objects, "blue")->id);
	control_expect_error(c, "network.del", "{\"name\":\"blue\"}", CW_RPC_IN_USE);
	control_expect_ok(c, "route.add",
		"{\"prefix\":\"10.1.0.0/24\",\"vtep\":\"i\",\"remote\":\"192.0.2.2\"}");
	control_expect_error(c, "route.add",
		"{\"prefix\":\"10.2.0.0/24\",\"vtep\":\"i\",\"remote\":\"192.0.2.2\","
		"\"mac\":\"02:00:00:00:02:00\"}",
		CW_RPC_INVALID_PARAMS);
}

static void
test_routes_share_a_tunnel(void **state)
{
	struct control *c = *state;
	const unsigned int before = count(c, OBJECT_NEXTHOP);
	const struct cw_nexthop *wire;
	cJSON *route;

	control_expect_ok(c, "route.add", "{" PREFIX "," REMOTE ",\"mac\":\"02:00:00:00:02:00\"}");
	control_expect_ok(c, "route.add",
		"{\"prefix\":\"10.9.0.0/16\"," REMOTE ",\"mac\":\"02:00:00:00:02:00\"}");
	assert_int_equal(count(c, OBJECT_NEXTHOP), before + 1);
	wire = last_nexthop(c);
	assert_int_equal(wire->kind, CW_NEXTHOP_TUNNEL);
	assert_int_equal(wire->vtep, vtep_find(c->d->objects, "vx")->id);
	assert_int_equal(wire->underlay, 0);
	assert_int_equal(wire->mac[4], 2);
	assert_int_equal(wire->via.addr[3], 2);
	control_expect_error(c, "vtep.del", "{\"name\":\"vx\"}", CW_RPC_IN_USE);
	// Another VNI, MTU or MAC is another next hop.
	control_expect_ok(c, "route.set",
		"{\"prefix\":\"10.9.0.0/16\"," REMOTE ",\"mac\":\"02:00:00:00:02:00\",\"vni\":9,"
		"\"mtu\":1400}");
	assert_int_equal(count(c, OBJECT_NEXTHOP), before + 2);
	assert_int_equal(last_nexthop(c)->vni, 9);
	assert_int_equal(last_nexthop(c)->mtu, 1400);
	route = control_expect(c, "route.get", "{" PREFIX "}");
	assert_string_equal(json_text(route, "kind"), "tunnel");
	assert_string_equal(json_text(route, "vtep"), "vx");
	assert_string_equal(json_text(route, "remote"), "192.0.2.2");
	assert_string_equal(json_text(route, "mac"), "02:00:00:00:02:00");
	assert_string_equal(json_text(route, "origin"), "static");
	cJSON_Delete(route);
	control_expect_ok(
		c, "route.del", "{\"routes\":[{" PREFIX "},{\"prefix\":\"10.9.0.0/16\"}]}");
	assert_int_equal(count(c, OBJECT_NEXTHOP), before);
	control_expect_ok(c, "vtep.del", "{\"name\":\"vx\"}");
}

static void
test_tunnels_that_make_no_sense(void **state)
{
	static const char *const bad[] = {
		"{" PREFIX ",\"vtep\":\"vx\"}",
		"{" PREFIX ",\"remote\":\"192.0.2.2\"}",
		"{" PREFIX "," REMOTE ",\"via\":\"10.0.0.1\"}",
		"{" PREFIX "," REMOTE ",\"port\":\"up\"}",
		"{" PREFIX ",\"via\":\"10.0.0.1\",\"mac\":\"02:00:00:00:02:00\"}",
		"{" PREFIX ",\"kind\":\"host\",\"mtu\":1400}",
		"{" PREFIX ",\"vtep\":\"vx\",\"remote\":\"fd00::2\"}",
		"{" PREFIX ",\"vtep\":\"vx\",\"remote\":\"192.0.2.1\"}",
		"{" PREFIX ",\"vtep\":\"vx\",\"remote\":\"0.0.0.0\"}",
		"{" PREFIX ",\"mtu\":1400,\"members\":[{" REMOTE "}]}",
		"{" PREFIX ",\"port\":\"up\"}",
	};
	struct control *c = *state;
	const unsigned int before = count(c, OBJECT_NEXTHOP);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		control_expect_error(c, "route.add", bad[i], CW_RPC_INVALID_PARAMS);
	control_expect_error(
		c, "route.add", "{" PREFIX "," REMOTE ",\"underlay\":999}", CW_RPC_NOT_FOUND);
	control_expect_error(c, "route.add",
		"{" PREFIX ",\"vtep\":\"absent\",\"remote\":\"192.0.2.2\"}", CW_RPC_NOT_FOUND);
	assert_int_equal(count(c, OBJECT_NEXTHOP), before);
	assert_int_equal(count(c, OBJECT_ROUTE), 2);
}

// Whatever order the identifiers have, what is referred to is told first: to the data plane when it
// comes back, and to the objects at a start.
static void
test_underlays_come_first(void **state)
{
	struct control *c = *state;
	const struct cw_nexthop *wire;

	control_expect_ok(c, "nexthop.add",
		"{\"id\":900,\"kind\":\"port\",\"port\":\"up\",\"via\":\"192.0.2.254\"}");
	control_expect_ok(c, "nexthop.add",
		"{\"id\":800,\"kind\":\"group\",\"members\":[{\"nexthop\":900}]}");
	control_expect_ok(
		c, "nexthop.add", "{\"id\":700,\"kind\":\"tunnel\"," REMOTE ",\"underlay\":800}");
	control_expect_ok(c, "nexthop.add",
		"{\"id\":600,\"kind\":\"group\",\"members\":[{\"nexthop\":700}]}");
	control_expect_ok(c, "route.add", "{" PREFIX ",\"nexthop\":600}");
	control_expect_error(c, "nexthop.add", "{\"kind\":\"tunnel\"," REMOTE ",\"underlay\":700}",
		CW_RPC_INVALID_PARAMS);
	control_expect_error(c, "nexthop.add", "{\"kind\":\"tunnel\"," REMOTE ",\"underlay\":600}",
		CW_RPC_INVALID_PARAMS);
	control_expect_error(
		c, "nexthop.add", "{\"kind\":\"port\",\"port\":\"up\"}", CW_RPC_INVALID_PARAMS);
	control_expect_error(c, "nexthop.del", "{\"id\":800}", CW_RPC_IN_USE);
	control_stop(c);
	fake_dp_forget(&c->dp);
	control_start(c, true);
	wire = last_nexthop(c);
	assert_int_equal(wire->id, 600);
	assert_int_equal(wire->flags, CW_NEXTHOP_OF_TUNNELS);
	for (unsigned int i = 0; i < 4; i++) {
		wire = sent(c, CW_ITEM_NEXTHOP, fake_dp_count(&c->dp, CW_ITEM_NEXTHOP) - 4 + i);
		assert_int_equal(wire->id, 900 - 100 * i);
	}
	control_expect_ok(c, "route.del", "{" PREFIX "}");
	for (int id = 600; id <= 900; id += 100) {
		char params[16];

		snprintf(params, sizeof(params), "{\"id\":%d}", id);
		control_expect_ok(c, "nexthop.del", params);
	}
}

static void
test_stations_behind_tunnels(void **state)
{
	struct control *c = *state;
	const unsigned int before = count(c, OBJECT_NEXTHOP);
	const struct cw_neighbor *neighbor;
	const struct cw_fdb *fdb;

	control_expect_ok(
		c, "fdb.add", "{\"network\":\"blue\",\"mac\":\"02:00:00:00:00:09\"," REMOTE "}");
	control_expect_ok(c, "neighbor.add",
		"{\"network\":\"blue\",\"ip\":\"10.2.0.9\",\"mac\":\"02:00:00:00:00:09\"," REMOTE
		"}");
	assert_int_equal(count(c, OBJECT_NEXTHOP), before + 1);
	assert_true(mac_is_zero(last_nexthop(c)->mac));
	fdb = sent(c, CW_ITEM_FDB, 0);
	neighbor = sent(c, CW_ITEM_NEIGHBOR, 0);
	assert_int_equal(fdb->port, 0);
	assert_int_equal(fdb->nexthop, last_nexthop(c)->id);
	assert_int_equal(neighbor->nexthop, last_nexthop(c)->id);
	expect_text(c, "neighbor.get", "{\"network\":\"blue\",\"ip\":\"10.2.0.9\"}", "remote",
		"192.0.2.2");
	control_expect_error(c, "fdb.add",
		"{\"network\":\"blue\",\"mac\":\"02:00:00:00:00:09\",\"port\":\"pod\"}",
		CW_RPC_CONFLICT);
	control_expect_ok(c, "fdb.set",
		"{\"network\":\"blue\",\"mac\":\"02:00:00:00:00:09\",\"port\":\"pod\"}");
	assert_int_equal(count(c, OBJECT_NEXTHOP), before + 1);
	control_expect_ok(c, "neighbor.del", "{\"network\":\"blue\",\"ip\":\"10.2.0.9\"}");
	assert_int_equal(count(c, OBJECT_NEXTHOP), before);
	control_expect_error(c, "fdb.add", "{\"mac\":\"02:00:00:00:00:08\",\"nexthop\":1}",
		CW_RPC_INVALID_PARAMS);
	control_expect_error(
		c, "fdb.add", "{\"mac\":\"02:00:00:00:00:08\"}", CW_RPC_INVALID_PARAMS);
	control_expect_error(c, "fdb.add",
		"{\"mac\":\"02:00:00:00:00:08\",\"port\":\"pod\",\"remote\":\"192.0.2.2\"}",
		CW_RPC_INVALID_PARAMS);
	control_expect_error(
		c, "fdb.set", "{\"mac\":\"02:00:00:00:00:08\",\"port\":\"pod\"}", CW_RPC_NOT_FOUND);
}

#define FLOOD "\"network\":\"blue\",\"mac\":\"00:00:00:00:00:00\""

static void
test_flood_list(void **state)
{
	struct control *c = *state;
	const unsigned int before = count(c, OBJECT_NEXTHOP);
	const struct cw_flood *wire;
	cJSON *list;

	control_expect_ok(c, "fdb.add", "{" FLOOD "," REMOTE "}");
	control_expect_ok(c, "fdb.add", "{" FLOOD "," REMOTE "}");
	control_expect_ok(c, "fdb.add", "{" FLOOD ",\"vtep\":\"vx\",\"remote\":\"192.0.2.3\"}");
	control_expect_ok(c, "fdb.add", "{" FLOOD ",\"vtep\":\"vx\",\"remote\":\"239.1.1.1\"}");
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_FLOOD), 3);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_FDB), 0);
	wire = sent(c, CW_ITEM_FLOOD, 2);
	assert_int_equal(wire->network, network_find(c->d->objects, "blue")->id);
	assert_int_equal(wire->nexthop, last_nexthop(c)->id);
	list = control_expect(c, "fdb.list", "{\"network\":\"blue\"}");
	assert_int_equal(cJSON_GetArraySize(list), 3);
	assert_string_equal(json_text(cJSON_GetArrayItem(list, 0), "remote"), "192.0.2.2");
	cJSON_Delete(list);
	control_expect_error(c, "fdb.add", "{" FLOOD ",\"port\":\"pod\"}", CW_RPC_INVALID_PARAMS);
	control_stop(c);
	control_start(c, true);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_FLOOD), 3);
	control_expect_ok(c, "fdb.del", "{" FLOOD ",\"vtep\":\"vx\",\"remote\":\"192.0.2.3\"}");
	control_expect_ok(c, "fdb.del", "{" FLOOD ",\"vtep\":\"vx\",\"remote\":\"192.0.2.3\"}");
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_FLOOD), 2);
	control_expect_ok(c, "fdb.del", "{" FLOOD "}");
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_FLOOD), 0);
	assert_int_equal(count(c, OBJECT_NEXTHOP), before);
}

static void
test_network_keys(void **state)
{
	struct control *c = *state;
	const struct cw_network *wire;

	assert_int_equal(network_find(c->d->objects, "default")->table, 254);
	assert_int_equal(network_find(c->d->objects, "blue")->table, 0);
	control_expect_ok(c, "network.set", "{\"name\":\"blue\",\"table\":77,\"resolve\":true}");
	wire = sent(c, CW_ITEM_NETWORK, 1);
	assert_int_equal(wire->flags, CW_NETWORK_RESOLVE);
	control_expect_error(c, "network.add", "{\"name\":\"red\",\"table\":77}", CW_RPC_CONFLICT);
	control_expect_error(
		c, "network.set", "{\"name\":\"blue\",\"table\":254}", CW_RPC_CONFLICT);
	control_stop(c);
	control_start(c, true);
	assert_int_equal(network_find(c->d->objects, "blue")->table, 77);
	assert_true(network_find(c->d->objects, "blue")->resolve);
}

static void
test_uplinks_of_devices(void **state)
{
	struct control *c = *state;

	control_expect_error(c, "port.add",
		"{\"name\":\"x\",\"kind\":\"af_packet\",\"ifname\":\"eth0\"}",
		CW_RPC_INVALID_PARAMS);
	control_expect_error(c, "port.add", "{\"name\":\"x\",\"kind\":\"af_xdp\",\"uplink\":true}",
		CW_RPC_INVALID_PARAMS);
	control_expect_error(c, "port.add",
		"{\"name\":\"x\",\"kind\":\"null\",\"ifname\":\"eth0\"}", CW_RPC_INVALID_PARAMS);
}

// --- mirrored objects

static void
on_done(void *arg, const struct failure *failure)
{
	*(struct failure *)arg = *failure;
}

// What the mirror of the kernel's tables does: a next hop and a route that nobody configured.
static void
mirror_route(struct control *c)
{
	struct nexthop *nexthop = object_new(OBJECT_NEXTHOP, sizeof(*nexthop));
	struct route *route = object_new(OBJECT_ROUTE, sizeof(*route));
	struct transaction *t = transaction_new(c->d);
	struct failure failure = {.code = -1};

	assert_true(nexthop != NULL && route != NULL && t != NULL);
	nexthop->object.origin = route->object.origin = ORIGIN_BIRD;
	nexthop->id = 500;
	nexthop->kind = CW_NEXTHOP_BLACKHOLE;
	nexthop->automatic = true;
	route->nexthop = 500;
	assert_true(ip_parse_prefixed("10.244.2.0/24", &route->prefix));
	transaction_put(t, &nexthop->object);
	transaction_put(t, &route->object);
	transaction_run(t, true, on_done, &failure);
	while (failure.code == -1)
		event_base_loop(c->d->base, EVLOOP_ONCE);
	assert_int_equal(failure.code, 0);
}

static void
test_mirrored_objects_are_not_kept(void **state)
{
	struct control *c = *state;

	mirror_route(c);
	expect_text(c, "route.get", "{" PREFIX "}", "origin", "mirror:bird");
	expect_text(c, "nexthop.get", "{\"id\":500}", "origin", "mirror:bird");
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_ROUTE), 3);
	control_stop(c);
	control_start(c, true);
	control_expect_error(c, "route.get", "{" PREFIX "}", CW_RPC_NOT_FOUND);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_ROUTE), 2);
}

static void
test_configured_goes_over_mirrored(void **state)
{
	struct control *c = *state;

	mirror_route(c);
	control_expect_error(c, "route.del", "{" PREFIX "}", CW_RPC_REFUSED);
	control_expect_error(
		c, "nexthop.set", "{\"id\":500,\"mac\":\"02:00:00:00:00:01\"}", CW_RPC_REFUSED);
	// What is stored does not lead to what is not.
	control_expect_error(
		c, "route.add", "{\"prefix\":\"10.9.0.0/16\",\"nexthop\":500}", CW_RPC_REFUSED);
	control_expect_ok(c, "route.add", "{\"prefix\":\"10.9.0.0/16\",\"kind\":\"blackhole\"}");
	assert_int_not_equal(last_nexthop(c)->id, 500);
	control_expect_ok(c, "route.add", "{" PREFIX ",\"kind\":\"blackhole\"}");
	expect_text(c, "route.get", "{" PREFIX "}", "origin", "static");
	// The mirror's next hop is the mirror's to delete.
	assert_non_null(nexthop_by_id(c->d->objects, 500));
	control_expect_error(c, "route.add", "{" PREFIX ",\"kind\":\"prohibit\"}", CW_RPC_CONFLICT);
	control_stop(c);
	control_start(c, true);
	expect_text(c, "route.get", "{" PREFIX "}", "origin", "static");
	assert_null(nexthop_by_id(c->d->objects, 500));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, control_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_vtep_on_the_wire),
		TEST(test_vteps_that_make_no_sense),
		TEST(test_kinds_without_ethernet),
		TEST(test_routes_share_a_tunnel),
		TEST(test_tunnels_that_make_no_sense),
		TEST(test_underlays_come_first),
		TEST(test_stations_behind_tunnels),
		TEST(test_flood_list),
		TEST(test_network_keys),
		TEST(test_uplinks_of_devices),
		TEST(test_mirrored_objects_are_not_kept),
		TEST(test_configured_goes_over_mirrored),
	};

	if (!control_enter_namespace())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
