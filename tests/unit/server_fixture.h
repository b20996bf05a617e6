/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SERVER_FIXTURE_H
#define TESTS_SERVER_FIXTURE_H

// A server on the group's data plane, and a peer at it: for tests that have one of each.

#include "server_peer.h"

static struct fixture *f;
static struct event_base *base;
static struct server *server;
static struct peer peer;
static union item a; // what is being built

// cmocka setup: the peer is connected and has said nothing.
static inline int
server_setup(void **state)
{
	const struct server_config config = {.idle = "poll"};
	int error;

	f = *state;
	fake_reset();
	base = event_base_new();
	server = server_create(base, f->dp, &config, &error);
	assert_non_null(server);
	peer_connect(&peer, base, server);
	return 0;
}

// cmocka setup: the peer has said HELLO.
static inline int
server_setup_greeted(void **state)
{
	server_setup(state);
	peer_hello(&peer);
	return 0;
}

static inline int
server_teardown(void **state)
{
	peer_close(&peer);
	server_free(server);
	event_base_free(base);
	assert_int_equal(fake.opens, fake.closes);
	return 0;
}

static inline int
count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

// A port with these descriptors; n is what the frame claims.
static inline void
start_port_with_fds(const int *fds, uint8_t n, uint64_t generation)
{
	struct cw_port *port;

	peer_start(&peer, CW_SET);
	port = peer_add(&peer, make_port(&a, 2, 7));
	port->n_fds = n;
	port->generation = generation;
	peer.out->n_fds = n;
	memcpy(peer.out_fds, fds, n * sizeof(fds[0]));
}

static inline void
build_small_world(void)
{
	assert_int_equal(peer_set(&peer, make_network(&a, 7)), 0);
	assert_int_equal(peer_set(&peer, make_port(&a, 2, 7)), 0);
	assert_int_equal(peer_set(&peer, make_endpoint(&a, 2, 7)), 0);
	assert_int_equal(peer_set(&peer, make_port(&a, 3, 7)), 0);
	assert_int_equal(peer_set(&peer, make_endpoint(&a, 3, 7)), 0);
	assert_int_equal(peer_set(&peer, make_nexthop(&a, 5, 7, 2)), 0);
	assert_int_equal(peer_set(&peer, make_route(&a, 7, make_ip4(10, 99, 0, 0, 16), 5)), 0);
}

#endif
