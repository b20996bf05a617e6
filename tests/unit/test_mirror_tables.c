/* SPDX-License-Identifier: Apache-2.0 */

// The kernel's tables as the mirror keeps them: keys, replacing, what is unclear, generations,
// look-ups.

#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "address_text.h"
#include "mirror_world.h"

static int
set_up(void **state)
{
	*state = tables_create();
	return *state == NULL;
}

static int
tear_down(void **state)
{
	tables_free(*state);
	return 0;
}

static struct kernel_route
route(const char *prefix, const char *gateway, uint32_t priority)
{
	struct kernel_route route = kernel_route_to(prefix, RTPROT_BIRD);

	kernel_hop(&route, ETH0, gateway);
	route.priority = priority;
	return route;
}

static int
put(struct tables *tables, struct kernel_route route, enum route_news news)
{
	return routes_put(tables->routes, &route, news);
}

static int
take(struct tables *tables, struct kernel_route route)
{
	return routes_remove(tables->routes, &route);
}

static unsigned int
take_dirty(struct tables *tables)
{
	struct prefix *prefix;
	unsigned int n = 0;

	while ((prefix = routes_take_dirty(tables->routes)) != NULL) {
		routes_release(tables->routes, prefix);
		n++;
	}
	return n;
}

static const char *
gateway_of(const struct tables *tables, const char *address)
{
	static char text[IP_TEXT_LEN];
	const struct route_entry *found;
	struct cw_ip ip;

	assert_true(ip_parse(address, &ip));
	found = routes_lookup(tables->routes, RT_TABLE_MAIN, &ip);
	return found != NULL ? ip_format(&found->path->kernel.hops[0].gateway, text) : "none";
}

static void
test_same_again_changes_nothing(void **state)
{
	struct tables *t = *state;

	assert_int_equal(put(t, route("10.0.0.0/8", "192.168.0.2", 0), ROUTE_ADDED), 1);
	assert_int_equal(take_dirty(t), 1);
	assert_int_equal(put(t, route("10.0.0.0/8", "192.168.0.2", 0), ROUTE_ADDED), 0);
	assert_int_equal(put(t, route("10.0.0.0/8", "192.168.0.2", 0), ROUTE_DUMPED), 0);
	assert_int_equal(take_dirty(t), 0);
	assert_int_equal(routes_count(t->routes), 1);
}

static void
test_replace(void **state)
{
	struct tables *t = *state;

	put(t, route("10.0.0.0/8", "192.168.0.2", 0), ROUTE_ADDED);
	assert_int_equal(put(t, route("10.0.0.0/8", "192.168.0.3", 0), ROUTE_REPLACED), 1);
	assert_int_equal(routes_count(t->routes), 1);
	assert_string_equal(gateway_of(t, "10.1.1.1"), "192.168.0.3");
	// What was replaced is no longer there to be deleted.
	assert_int_equal(take(t, route("10.0.0.0/8", "192.168.0.2", 0)), ROUTE_UNCLEAR);
	assert_int_equal(take(t, route("10.0.0.0/8", "192.168.0.3", 0)), 1);
	assert_int_equal(take(t, route("10.0.0.0/8", "192.168.0.3", 0)), 0);
	assert_string_equal(gateway_of(t, "10.1.1.1"), "none");
	assert_int_equal(take_dirty(t), 1);
	assert_null(routes_paths(t->routes));
}

// "ip route append": a second route by the same key. Only a dump tells their order.
static void
test_appended(void **state)
{
	struct tables *t = *state;

	put(t, route("10.0.0.0/8", "192.168.0.2", 0), ROUTE_ADDED);
	assert_int_equal(put(t, route("10.0.0.0/8", "192.168.0.3", 0), ROUTE_ADDED), ROUTE_UNCLEAR);
	tables_begin(t);
	put(t, route("10.0.0.0/8", "192.168.0.2", 0), ROUTE_DUMPED);
	put(t, route("10.0.0.0/8", "192.168.0.3", 0), ROUTE_DUMPED);
	assert_int_equal(routes_sweep(t->routes), 0);
	assert_int_equal(routes_count(t->routes), 2);
	assert_string_equal(gateway_of(t, "10.1.1.1"), "192.168.0.2");
	assert_int_equal(take(t, route("10.0.0.0/8", "192.168.0.2", 0)), 1);
	assert_string_equal(gateway_of(t, "10.1.1.1"), "192.168.0.3");
}

static void
test_metrics_in_order(void **state)
{
	struct tables *t = *state;

	put(t, route("10.0.0.0/8", "192.168.0.3", 300), ROUTE_ADDED);
	put(t, route("10.0.0.0/8", "192.168.0.1", 100), ROUTE_ADDED);
	put(t, route("10.0.0.0/8", "192.168.0.2", 200), ROUTE_ADDED);
	assert_string_equal(gateway_of(t, "10.1.1.1"), "192.168.0.1");
	assert_int_equal(take(t, route("10.0.0.0/8", "192.168.0.1", 100)), 1);
	assert_string_equal(gateway_of(t, "10.1.1.1"), "192.168.0.2");
}

static void
test_lookup(void **state)
{
	struct tables *t = *state;

	put(t, route("0.0.0.0/0", "192.168.0.254", 0), ROUTE_ADDED);
	put(t, route("10.0.0.0/8", "192.168.0.2", 0), ROUTE_ADDED);
	put(t, route("10.1.0.0/16", "192.168.0.3", 0), ROUTE_ADDED);
	put(t, route("10.1.2.3/32", "192.168.0.4", 0), ROUTE_ADDED);
	put(t, route("fd00:1::/32", "fd00::2", 0), ROUTE_ADDED);
	assert_string_equal(gateway_of(t, "10.1.2.3"), "192.168.0.4");
	assert_string_equal(gateway_of(t, "10.1.2.4"), "192.168.0.3");
	assert_string_equal(gateway_of(t, "10.2.0.0"), "192.168.0.2");
	assert_string_equal(gateway_of(t, "11.0.0.0"), "192.168.0.254");
	assert_string_equal(gateway_of(t, "fd00:1::9"), "fd00::2");
	assert_string_equal(gateway_of(t, "fd00:2::9"), "none");
}

// A dump tells some of what was there, events tell more while it goes on; the rest is swept.
static void
test_generations(void **state)
{
	struct tables *t = *state;
	struct kernel_link one = {.ifindex = 1, .name = "one"}, two = {.ifindex = 2, .name = "two"};

	put(t, route("10.0.0.0/8", "192.168.0.2", 0), ROUTE_ADDED);
	put(t, route("11.0.0.0/8", "192.168.0.2", 0), ROUTE_ADDED);
	tables_put(t, TABLES_LINKS, &one);
	tables_put(t, TABLES_LINKS, &two);
	tables_begin(t);
	put(t, route("10.0.0.0/8", "192.168.0.2", 0), ROUTE_DUMPED);
	put(t, route("12.0.0.0/8", "192.168.0.2", 0), ROUTE_ADDED);
	tables_put(t, TABLES_LINKS, &two);
	assert_int_equal(routes_sweep(t->routes), 1);
	assert_int_equal(tables_sweep(t, TABLES_LINKS), 1);
	assert_string_equal(gateway_of(t, "11.0.0.1"), "none");
	assert_string_equal(gateway_of(t, "12.0.0.1"), "192.168.0.2");
	assert_null(tables_link(t, 1));
	assert_ptr_equal(tables_link_by_name(t, "two"), tables_link(t, 2));
}

static void
test_fdb_keys(void **state)
{
	struct tables *t = *state;
	struct kernel_fdb station = {
		.ifindex = 5, .mac = {2}, .remote = {.addr = {1}, .family = 4}};
	struct kernel_fdb flood = {.ifindex = 5, .remote = {.addr = {1}, .family = 4}};

	assert_int_equal(tables_put(t, TABLES_FDB, &station), 1);
	assert_int_equal(tables_put(t, TABLES_FDB, &station), 0);
	station.remote.addr[0] = 2;
	assert_int_equal(tables_put(t, TABLES_FDB, &station), 1);
	assert_int_equal(t->counts[TABLES_FDB], 1);
	assert_int_equal(tables_fdb(t, 5, station.mac)->remote.addr[0], 2);
	tables_put(t, TABLES_FDB, &flood);
	flood.remote.addr[0] = 2;
	tables_put(t, TABLES_FDB, &flood);
	assert_int_equal(t->counts[TABLES_FDB], 3);
	assert_true(tables_remove(t, TABLES_FDB, &flood));
	assert_false(tables_remove(t, TABLES_FDB, &flood));
	assert_int_equal(t->counts[TABLES_FDB], 2);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_same_again_changes_nothing),
		TEST(test_replace),
		TEST(test_appended),
		TEST(test_metrics_in_order),
		TEST(test_lookup),
		TEST(test_generations),
		TEST(test_fdb_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
