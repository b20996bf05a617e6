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

#endif
