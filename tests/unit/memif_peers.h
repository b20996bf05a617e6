/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_MEMIF_PEERS_H
#define TESTS_UNIT_MEMIF_PEERS_H

// Two ends of a memif in one process, without a socket: what one session replies, the other gets.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "memif_protocol.h"

struct memif_peers {
	struct memif_end master_end, slave_end;
	struct memif_session master, slave;
};

static inline const struct memif_end *
peers_choose(void *arg, uint32_t id, const char **why)
{
	struct memif_peers *peers = arg;

	if (id == peers->master_end.id)
		return &peers->master_end;
	*why = "no interface has this id";
	return NULL;
}

static inline void
peers_init(struct memif_peers *peers, uint16_t n_queues, uint8_t log2_size, uint16_t buffer_size)
{
	*peers = (struct memif_peers){
		.master_end = {.secret = "", .name = "m0", .n_queues = n_queues, .control_fd = -1},
		.slave_end = {.is_slave = true,
			.secret = "",
			.name = "s0",
			.n_queues = n_queues,
			.log2_ring_size = log2_size,
			.buffer_size = buffer_size,
			.control_fd = -1},
	};
}

// The kernel would give the receiver a duplicate.
static inline void
peers_pass(struct memif_session *to, const struct memif_reply *from, struct memif_reply *reply)
{
	int fd = from->fd >= 0 ? dup(from->fd) : -1;

	memif_session_receive(to, &from->message, sizeof(from->message), fd, fd >= 0, reply);
}

// Lets them talk until the slave's message of this type is in *message (and has not been
// delivered), or until nobody says anything (type 0).
static inline void
peers_talk(struct memif_peers *peers, uint16_t until, struct memif_reply *message)
{
	struct memif_reply to_slave;

	memif_session_start_slave(&peers->slave, &peers->slave_end);
	memif_session_start_master(
		&peers->master, peers->master_end.n_queues, peers_choose, peers, &to_slave);
	while (to_slave.message.type != 0) {
		peers_pass(&peers->slave, &to_slave, message);
		if (message->message.type == 0 || message->message.type == until)
			return;
		peers_pass(&peers->master, message, &to_slave);
	}
}

static inline void
peers_connect(struct memif_peers *peers)
{
	struct memif_reply last;

	peers_talk(peers, 0, &last);
	assert_int_equal(peers->master.state, MEMIF_SESSION_CONNECTED);
	assert_int_equal(peers->slave.state, MEMIF_SESSION_CONNECTED);
}

static inline void
peers_release(struct memif_peers *peers)
{
	memif_session_release(&peers->master);
	memif_session_release(&peers->slave);
}

#endif
