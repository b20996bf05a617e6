/* SPDX-License-Identifier: Apache-2.0 */

// Next hops to tunnel peers that the data plane has heard stations behind.

#include "control_fixture.h"

#include <stdio.h>

#include <causeway/error.h>

static const struct cw_nexthop *
tunnel_of(struct control *c, unsigned int n)
{
	const struct fake_dp_object *object;

	for (unsigned int i = 0; (object = fake_dp_get(&c->dp, CW_ITEM_NEXTHOP, i)) != NULL; i++)
		if (((const struct cw_nexthop *)object->item)->kind == CW_NEXTHOP_TUNNEL
			&& n-- == 0)
			return (const struct cw_nexthop *)object->item;
	return NULL;
}

static bool
has_tunnel(struct control *c)
{
	return tunnel_of(c, 0) != NULL;
}

static bool
has_two_tunnels(struct control *c)
{
	return tunnel_of(c, 1) != NULL;
}

static bool
has_no_tunnel(struct control *c)
{
	return tunnel_of(c, 0) == NULL;
}

static uint32_t
network_id(struct control *c)
{
	const struct fake_dp_object *object;

	for (unsigned int i = 0; (object = fake_dp_get(&c->dp, CW_ITEM_NETWORK, i)) != NULL; i++)
		if (((const struct cw_network *)object->item)->vni == 77)
			return ((const struct cw_network *)object->item)->id;
	fail_msg("the network is not in the data plane");
	return 0;
}

static struct cw_remote_wanted
wanted(struct control *c, uint8_t last)
{
	const struct fake_dp_object *vtep = fake_dp_get(&c->dp, CW_ITEM_VTEP, 0);

	assert_non_null(vtep);
	return (struct cw_remote_wanted){
		.item = {.type = CW_ITEM_REMOTE_WANTED,
			.length = CW_ALIGN8(sizeof(struct cw_remote_wanted))},
		.network = network_id(c),
		.vtep = ((const struct cw_vtep *)vtep->item)->id,
		.ip = {.addr = {192, 0, 2, last}, .family = 4, .prefix = 32},
	};
}

static int
setup(void **state)
{
	struct control *c;

	if (control_setup(state) != 0)
		return -1;
	c = *state;
	control_expect_ok(c, "network.add", "{\"name\":\"l2\",\"vni\":77,\"learning\":true}");
	control_expect_ok(
		c, "vtep.add", "{\"name\":\"v\",\"kind\":\"vxlan\",\"address\":\"192.0.2.1\"}");
	return 0;
}

static void
a_peer_becomes_a_next_hop(void **state)
{
	struct control *c = *state;
	const struct cw_remote_wanted event = wanted(c, 9);
	const struct cw_nexthop *nexthop;
	char params[32];
	cJSON *json;

	fake_dp_event(&c->dp, &event.item);
	control_run_until(c, has_tunnel);
	nexthop = tunnel_of(c, 0);
	assert_int_equal(nexthop->network, event.network);
	assert_int_equal(nexthop->vtep, event.vtep);
	assert_memory_equal(nexthop->via.addr, event.ip.addr, 4);
	snprintf(params, sizeof(params), "{\"id\":%u}", nexthop->id);
	json = control_expect(c, "nexthop.get", params);
	assert_string_equal(json_text(json, "origin"), "learned");
	cJSON_Delete(json);
	control_expect_error(c, "nexthop.del", params, CW_RPC_REFUSED);
}

// The same peer, one of another family and one behind nothing that is known bring no next hop.
static void
others_do_not(void **state)
{
	struct control *c = *state;
	const struct cw_remote_wanted good = wanted(c, 9), last = wanted(c, 10);
	struct cw_remote_wanted bad = good;

	fake_dp_event(&c->dp, &good.item);
	control_run_until(c, has_tunnel);
	fake_dp_event(&c->dp, &good.item);
	bad.ip.family = 6;
	fake_dp_event(&c->dp, &bad.item);
	bad = good;
	bad.vtep = 200;
	fake_dp_event(&c->dp, &bad.item);
	bad = good;
	bad.network = UINT32_MAX;
	fake_dp_event(&c->dp, &bad.item);
	fake_dp_event(&c->dp, &last.item); // comes after them
	control_run_until(c, has_two_tunnels);
	assert_null(tunnel_of(c, 2));
}

static void
they_go_with_their_vtep(void **state)
{
	struct control *c = *state;
	const struct cw_remote_wanted event = wanted(c, 9);

	fake_dp_event(&c->dp, &event.item);
	control_run_until(c, has_tunnel);
	control_expect_ok(c, "vtep.del", "{\"name\":\"v\"}");
	assert_null(tunnel_of(c, 0));
}

static void
they_go_with_their_network(void **state)
{
	struct control *c = *state;
	const struct cw_remote_wanted event = wanted(c, 9);

	fake_dp_event(&c->dp, &event.item);
	control_run_until(c, has_tunnel);
	control_expect_ok(c, "network.del", "{\"name\":\"l2\"}");
	assert_null(tunnel_of(c, 0));
}

static void
they_are_not_stored(void **state)
{
	struct control *c = *state;
	const struct cw_remote_wanted event = wanted(c, 9);

	fake_dp_event(&c->dp, &event.item);
	control_run_until(c, has_tunnel);
	control_stop(c);
	control_start(c, true);
	control_run_until(c, has_no_tunnel);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_VTEP), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, control_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_peer_becomes_a_next_hop),
		TEST(others_do_not),
		TEST(they_go_with_their_vtep),
		TEST(they_go_with_their_network),
		TEST(they_are_not_stored),
	};

	if (!control_enter_namespace())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
