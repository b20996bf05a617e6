/* SPDX-License-Identifier: Apache-2.0 */
#include "server_fixture.h"

static void
an_epoch_is_applied_at_commit(void **state)
{
	const struct dp_port *port;

	build_small_world();
	port = dp_port_get(f->dp, 2);
	f->w->counters[2]->rx_packets = 42;
	peer_epoch(&peer, CW_BEGIN, 11);
	assert_int_equal(peer.in->n_items, 0);
	// In an order that only the whole epoch makes right.
	assert_int_equal(peer_set(&peer, make_route(&a, 7, make_ip4(10, 98, 0, 0, 16), 6)), 0);
	assert_int_equal(peer_set(&peer, make_nexthop(&a, 6, 7, 4)), 0);
	assert_int_equal(peer_set(&peer, make_endpoint(&a, 2, 7)), 0);
	assert_int_equal(peer_set(&peer, make_port(&a, 2, 7)), 0);
	assert_int_equal(peer_set(&peer, make_port(&a, 4, 7)), 0);
	assert_int_equal(peer_set(&peer, make_network(&a, 7)), 0);
	assert_null(dp_port_get(f->dp, 4)); // not yet
	assert_non_null(dp_port_get(f->dp, 3));
	peer_epoch(&peer, CW_COMMIT, 11);
	assert_int_equal(peer.in->n_items, 0);
	assert_ptr_equal(dp_port_get(f->dp, 2), port);
	assert_int_equal(f->w->counters[2]->rx_packets, 42);
	assert_non_null(dp_port_get(f->dp, 4));
	assert_null(dp_port_get(f->dp, 3)); // not named
	assert_null(neighbor_at(f->dp, 7, 3));
	assert_int_equal(fdb_port(f->dp, 7, 3), 0);
	assert_null(nexthop_get(f->dp->nexthops, 5));
	assert_int_equal(route_at(f->dp, 7, make_ip4(10, 98, 0, 1, 32)), 6);
	assert_int_equal(route_at(f->dp, 7, make_ip4(10, 99, 0, 1, 32)), LPM_MISS);
	assert_int_equal(fake.opens, 3);
	peer_start(&peer, CW_GET_NODE);
	peer_call(&peer);
	assert_int_equal(((const struct cw_node *)peer_item(&peer, 0))->epoch, 11);
	assert_int_equal(((const struct cw_node *)peer_item(&peer, 0))->ports, 2);
}

static void
a_lost_connection_changes_nothing(void **state)
{
	int fds[2], before;
	struct peer other;

	build_small_world();
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	peer_connect(&other, base, server);
	peer_hello(&other);
	before = count_fds();
	peer_epoch(&peer, CW_BEGIN, 12);
	assert_int_equal(peer_set(&peer, make_network(&a, 8)), 0);
	start_port_with_fds(fds, 2, 9);
	peer_call(&peer);
	assert_int_equal(count_fds(), before + 2); // put aside
	close(peer.fd);
	peer.fd = -1;
	peer_turn(&peer);
	assert_int_equal(count_fds(), before - 2);
	assert_null(dp_network(f->dp, 8));
	assert_non_null(dp_port_get(f->dp, 2));
	assert_non_null(dp_port_get(f->dp, 3));
	assert_int_equal(route_at(f->dp, 7, make_ip4(10, 99, 0, 1, 32)), 5);
	assert_int_equal(fake.opens, 2);
	close(fds[0]);
	close(fds[1]);
	peer_close(&other);
}

static void
commit_tells_what_it_refused(void **state)
{
	const struct cw_status *status;

	build_small_world();
	peer_epoch(&peer, CW_BEGIN, 13);
	assert_int_equal(peer_set(&peer, make_network(&a, 7)), 0);
	assert_int_equal(peer_set(&peer, make_port(&a, 2, 7)), 0);
	assert_int_equal(peer_set(&peer, make_endpoint(&a, 3, 7)), 0); // its port is not named
	make_network(&a, 9);
	a.network.mtu = 1;
	assert_int_equal(peer_set(&peer, &a.item), -EINVAL);
	peer_epoch(&peer, CW_COMMIT, 13);
	assert_int_equal(peer.in->n_items, 2);
	status = peer_item(&peer, 0);
	assert_int_equal(status->index, 3); // networks come first
	assert_int_equal(status->error, -EINVAL);
	status = peer_item(&peer, 1);
	assert_int_equal(status->index, 2);
	assert_string_equal(status->reason, "endpoint port 3 does not exist");
	assert_non_null(dp_port_get(f->dp, 2));
	assert_null(dp_port_get(f->dp, 3));
	assert_null(neighbor_at(f->dp, 7, 2)); // its endpoint was not named
}

static void
addresses_may_change_hands_in_an_epoch(void **state)
{
	build_small_world();
	peer_epoch(&peer, CW_BEGIN, 14);
	peer_set(&peer, make_network(&a, 7));
	peer_set(&peer, make_port(&a, 2, 7));
	peer_set(&peer, make_port(&a, 3, 7));
	make_endpoint(&a, 2, 7);
	a.endpoint.ips[0] = make_ip4(10, 7, 0, 3, 32);
	peer_set(&peer, &a.item);
	make_endpoint(&a, 3, 7);
	a.endpoint.ips[0] = make_ip4(10, 7, 0, 2, 32);
	peer_set(&peer, &a.item);
	peer_epoch(&peer, CW_COMMIT, 14);
	assert_int_equal(peer.in->n_items, 0);
	assert_int_equal(neighbor_at(f->dp, 7, 2)->port, 3);
	assert_int_equal(neighbor_at(f->dp, 7, 3)->port, 2);
}

static void
a_new_generation_reopens_at_commit(void **state)
{
	build_small_world();
	f->w->counters[2]->rx_packets = 42;
	peer_epoch(&peer, CW_BEGIN, 15);
	peer_set(&peer, make_network(&a, 7));
	make_port(&a, 2, 7);
	a.port.generation = 2;
	peer_set(&peer, &a.item);
	peer_set(&peer, make_endpoint(&a, 2, 7));
	peer_epoch(&peer, CW_COMMIT, 15);
	assert_int_equal(peer.in->n_items, 0);
	assert_int_equal(fake.opens, 3);
	assert_int_equal(fake.closes, 2); // the old device, and port 3
	assert_int_equal(f->w->counters[2]->rx_packets, 42);
	assert_int_equal(neighbor_at(f->dp, 7, 2)->port, 2);
	assert_true(flooded_to(f->dp, 7, 2));
}

static void
epochs_out_of_turn_are_refused(void **state)
{
	peer_epoch(&peer, CW_COMMIT, 1);
	assert_int_equal(peer_status(&peer, 0), -EINVAL);
	peer_epoch(&peer, CW_BEGIN, 1);
	peer_epoch(&peer, CW_BEGIN, 2);
	assert_int_equal(peer_status(&peer, 0), -EBUSY);
	peer_epoch(&peer, CW_COMMIT, 2);
	assert_int_equal(peer_status(&peer, 0), -EINVAL);
	peer_start(&peer, CW_DEL);
	peer_add(&peer, make_port(&a, 9, 7));
	peer_call(&peer);
	assert_int_equal(peer_status(&peer, 0), -EBUSY);
	peer_epoch(&peer, CW_COMMIT, 1);
	assert_int_equal(peer.in->n_items, 0);
}

static void
a_second_writer_takes_over(void **state)
{
	struct peer other, reader;

	build_small_world();
	peer_connect(&reader, base, server);
	peer_hello(&reader);
	peer_connect(&other, base, server);
	peer_hello(&other);
	peer_start(&reader, CW_GET_NODE);
	peer_call(&reader);
	peer_epoch(&peer, CW_BEGIN, 1);
	peer_epoch(&other, CW_BEGIN, 1);
	assert_true(peer_is_closed(&peer));
	peer_epoch(&other, CW_COMMIT, 1);
	peer_start(&reader, CW_GET_NODE);
	peer_call(&reader);
	assert_int_equal(((const struct cw_node *)peer_item(&reader, 0))->ports, 0);
	peer_close(&other);
	peer_close(&reader);
}

#define GREETED(test) cmocka_unit_test_setup_teardown(test, server_setup_greeted, server_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		GREETED(an_epoch_is_applied_at_commit),
		GREETED(a_lost_connection_changes_nothing),
		GREETED(commit_tells_what_it_refused),
		GREETED(addresses_may_change_hands_in_an_epoch),
		GREETED(a_new_generation_reopens_at_commit),
		GREETED(epochs_out_of_turn_are_refused),
		GREETED(a_second_writer_takes_over),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
