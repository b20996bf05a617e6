/* SPDX-License-Identifier: Apache-2.0 */

// Random and mutated frames against a server in this process. A malformed frame changes nothing; a
// well-formed one may change anything, and still the server serves the next peer.

#include "log.h"
#include "server/frame.h"
#include "server_fixture.h"

#define ROUNDS 20000

static uint64_t seed = 0x5eed0001;

static uint32_t
draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

static int
setup(void **state)
{
	log_set_level(LOG_ERROR);
	return server_setup_greeted(state);
}

static void
reconnect(void)
{
	peer_close(&peer);
	peer_connect(&peer, base, server);
	peer_hello(&peer);
}

static void
replay_world(void)
{
	peer_epoch(&peer, CW_BEGIN, 1);
	peer_set(&peer, make_network(&a, 7));
	for (uint32_t port = 2; port < 6; port++) {
		peer_set(&peer, make_port(&a, port, 7));
		peer_set(&peer, make_endpoint(&a, port, 7));
	}
	peer_set(&peer, make_nexthop(&a, 5, 7, 2));
	peer_set(&peer, make_route(&a, 7, make_ip4(10, 99, 0, 0, 16), 5));
	peer_set(&peer, make_vtep(&a, 1, 2, make_ip4(192, 0, 2, 1, 32)));
	peer_set(&peer, make_tunnel(&a, 20, 7, 1, make_ip4(192, 0, 2, 2, 32), 5));
	peer_set(&peer, make_flood(&a, 7, 20));
	peer_epoch(&peer, CW_COMMIT, 1);
	assert_int_equal(peer.in->n_items, 0);
}

static void
assert_world(void)
{
	for (uint16_t port = 2; port < 6; port++) {
		assert_non_null(dp_port_get(f->dp, port));
		assert_int_equal(dp_port_get(f->dp, port)->n_ips, 1);
		assert_int_equal(fdb_port(f->dp, 7, (uint8_t)port), port);
		assert_int_equal(neighbor_at(f->dp, 7, (uint8_t)port)->port, port);
		assert_true(flooded_to(f->dp, 7, port));
	}
	assert_int_equal(route_at(f->dp, 7, make_ip4(10, 99, 1, 1, 32)), 5);
	assert_non_null(nexthop_get(f->dp->nexthops, 5));
	assert_int_equal(nexthop_get(f->dp->nexthops, 20)->action, NEXTHOP_TUNNEL);
	assert_int_equal(dp_network(f->dp, 7)->flood->n_remote, 1);
}

static const struct cw_item *
random_tunnel_object(uint32_t network, uint32_t port)
{
	const struct cw_ip address = make_ip4(192, 0, 2, (uint8_t)(1 + draw(4)), 32);

	switch (draw(4)) {
	case 0:
		return make_vtep(&a, 1 + draw(4), draw(2) * port, address);
	case 1:
		return make_tunnel(
			&a, 1 + draw(24), network, 1 + draw(4), address, draw(2) * (1 + draw(24)));
	case 2:
		make_fdb(&a, network, (uint8_t)draw(256), 0);
		a.fdb.nexthop = 1 + draw(24);
		return &a.item;
	default:
		return make_flood(&a, network, 1 + draw(24));
	}
}

static const struct cw_item *
random_object(void)
{
	const uint32_t network = 7 + draw(3), port = 2 + draw(6);

	switch (draw(9)) {
	case 7:
	case 8:
		return random_tunnel_object(network, port);
	case 0:
		return make_network(&a, network);
	case 1:
		return make_port(&a, port, network);
	case 2:
		return make_endpoint(&a, port, network);
	case 3:
		return make_fdb(&a, network, (uint8_t)draw(256), port);
	case 4:
		return make_neighbor(&a, network, (uint8_t)draw(256), port);
	case 5:
		return make_nexthop(&a, 1 + draw(8), network, port);
	default:
		return make_route(&a, network,
			make_ip4(10, (uint8_t)draw(256), 0, 0, (uint8_t)draw(33)), 1 + draw(8));
	}
}

static void
build_frame(void)
{
	static const uint16_t types[] = {CW_BEGIN, CW_COMMIT, CW_SET, CW_SET, CW_SET, CW_DEL,
		CW_GET_STATS, CW_GET_NODE, CW_GET_FDB, CW_GET_PORT_FDS, CW_TRACE};
	const struct cw_epoch epoch = {.item = {CW_ITEM_EPOCH, sizeof(epoch), 0}, .epoch = 1};
	const struct cw_trace trace = {.item = {CW_ITEM_TRACE, sizeof(trace), 0}, .count = draw(3)};
	const uint16_t type = types[draw(RTE_DIM(types))];

	peer_start(&peer, type);
	if (type == CW_SET || type == CW_DEL)
		for (uint32_t n = draw(6); n > 0; n--)
			peer_add(&peer, random_object());
	else if (type == CW_BEGIN || type == CW_COMMIT)
		peer_add(&peer, &epoch.item);
	else if (type == CW_TRACE)
		peer_add(&peer, &trace.item);
	else if (type == CW_GET_PORT_FDS)
		peer_add(&peer, make_port(&a, 2 + draw(6), 7));
}

static void
mutate(uint32_t length)
{
	uint8_t *bytes = (uint8_t *)peer.out;

	for (uint32_t n = draw(4); n > 0; n--) {
		const uint32_t at = draw(length);

		if (draw(2) == 0)
			bytes[at] = (uint8_t)draw(256);
		else
			bytes[at] ^= (uint8_t)(1u << draw(8));
	}
}

static bool
is_malformed(uint32_t length)
{
	struct reason why;

	return length < sizeof(*peer.out) || frame_check_header(peer.out, &why) != 0
	       || peer.out->length != length || peer.out->n_fds != 0
	       || frame_check(peer.out, &why) != 0 || peer.out->type == CW_HELLO;
}

// Sends what is in peer.out as it is, and reads what comes back. Makes a new connection when this
// one ended.
static void
deliver(uint32_t length)
{
	bool alive = peer_write(&peer, peer.out, length, NULL, 0);

	peer_turn(&peer);
	while (alive) {
		ssize_t got = recv(peer.fd, peer.in, CW_FRAME_MAX, 0);

		if (got < 0 && errno == EAGAIN)
			return;
		alive = got > 0;
	}
	reconnect();
}

static void
malformed_frames_leave_the_world_alone(void **state)
{
	uint32_t malformed = 0;

	replay_world();
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t length;

		build_frame();
		length = peer.out->length;
		mutate(length);
		if (!is_malformed(length))
			continue;
		malformed++;
		deliver(length);
		if (draw(2) == 0 || peer.out->length != length)
			reconnect(); // a part of a frame may wait for its rest
		if (malformed % 256 == 0)
			assert_world();
	}
	assert_in_range(malformed, ROUNDS / 20, ROUNDS);
	assert_world();
}

static void
any_frames_leave_the_server_alive(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t length;

		build_frame();
		length = peer.out->length;
		mutate(length);
		deliver(length);
		fake.error = draw(16) == 0 ? -ENODEV : 0;
		if (draw(8) == 0)
			reconnect();
	}
	fake.error = 0;
	reconnect();
	replay_world();
	assert_world();
}

static void
noise_is_refused(void **state)
{
	replay_world();
	for (int round = 0; round < ROUNDS / 10; round++) {
		const uint32_t length = 1 + draw(512);

		for (uint32_t i = 0; i < length; i++)
			((uint8_t *)peer.out)[i] = (uint8_t)draw(256);
		deliver(length);
		reconnect();
	}
	assert_world();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			malformed_frames_leave_the_world_alone, setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			any_frames_leave_the_server_alive, setup, server_teardown),
		cmocka_unit_test_setup_teardown(noise_is_refused, setup, server_teardown),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
