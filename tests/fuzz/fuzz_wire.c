/* SPDX-License-Identifier: Apache-2.0 */

// libFuzzer target: bytes of one connection to dp.sock after its HELLO. Needs clang and
// -Dfuzz=true; run it as "fuzz_wire -detect_leaks=0 -max_len=4096 CORPUS" (the leak check does not
// look into the memory of rte_malloc, which holds pointers to the heap).

#include "../unit/server_peer.h"
#include "log.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct event_base *base;
static struct server *server;
static void *fixture; // lives on

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct server_config config = {.idle = "poll"};
	int error;

	log_set_level(LOG_ERROR);
	fixture_setup(&fixture);
	fake_reset();
	base = event_base_new();
	server = server_create(base, ((struct fixture *)fixture)->dp, &config, &error);
	return server != NULL ? 0 : -1;
}

// Every input meets the same world: one network with a port and a tunnel, and nothing of the input
// before.
static void
reset_world(struct peer *peer)
{
	union item item;

	peer_epoch(peer, CW_BEGIN, 1);
	peer_set(peer, make_network(&item, 7));
	peer_set(peer, make_port(&item, 2, 7));
	peer_set(peer, make_endpoint(&item, 2, 7));
	peer_set(peer, make_vtep(&item, 1, 2, make_ip4(192, 0, 2, 1, 32)));
	peer_set(peer, make_nexthop(&item, 5, 7, 2));
	peer_set(peer, make_tunnel(&item, 6, 7, 1, make_ip4(192, 0, 2, 2, 32), 5));
	peer_epoch(peer, CW_COMMIT, 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peer peer;

	peer_connect(&peer, base, server);
	peer_hello(&peer);
	reset_world(&peer);
	peer_write(&peer, data, size, NULL, 0);
	peer_turn(&peer);
	peer_close(&peer);
	return 0;
}
