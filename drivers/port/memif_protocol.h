/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_MEMIF_PROTOCOL_H
#define DRIVERS_PORT_MEMIF_PROTOCOL_H

// One control connection of a memif, as a state machine without a socket: a message of the peer
// goes in, at most one message of ours comes out. See memif_wire.h for the order of messages.
//
// Whatever the peer sends, the session ends in order: with a DISCONNECT that says why. Ethernet
// mode, protocol version 2.0; rings are announced in order of their index, without private headers.
//
// One thread at a time (the control thread of memif_control.h).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <causeway/limits.h>

#include "memif_region.h"
#include "memif_wire.h"

// What our end is. Valid as long as its session.
struct memif_end {
	bool is_slave;
	uint32_t id;
	const char *secret; // "": none
	const char *name; // of the port
	uint16_t n_queues; // rings at most, each way
	uint8_t log2_ring_size; // slave: wanted
	uint16_t buffer_size; // slave
	int control_fd; // see guarded_memory.h
};

struct memif_session_ring {
	uint16_t region;
	uint32_t offset;
	uint8_t log2_size;
	int fd; // eventfd of the ring, the session's
};

enum memif_session_state {
	MEMIF_SESSION_HELLO, // slave: HELLO awaited
	MEMIF_SESSION_INIT, // master: INIT awaited
	MEMIF_SESSION_SET_UP, // regions and rings
	MEMIF_SESSION_CONNECTING, // slave: CONNECTED awaited
	MEMIF_SESSION_CONNECTED,
	MEMIF_SESSION_CLOSED, // by either end; reason says why
};

struct memif_session {
	const struct memif_end *end; // master: NULL until INIT named it
	enum memif_session_state state;
	bool by_peer; // the peer said DISCONNECT
	uint16_t step; // slave: how many of its messages were sent
	uint16_t n_s2m, n_m2s;
	struct memif_session_ring s2m[CW_MAX_QUEUES], m2s[CW_MAX_QUEUES];
	struct memif_regions regions;
	int region_fd; // slave: of the one region, until it was sent
	uint32_t buffers_offset; // slave: where buffers start; those of S2M rings come first
	char peer_name[MEMIF_NAME_LEN + 1], peer_interface[MEMIF_NAME_LEN + 1];
	char reason[MEMIF_REASON_LEN];
	// Master: who has this id? Returns NULL and *why when nobody may.
	const struct memif_end *(*choose)(void *arg, uint32_t id, const char **why);
	void *arg;
};

// What is to be sent: a message when type is not 0, and a descriptor (the session's) or -1.
struct memif_reply {
	struct memif_message message;
	int fd;
};

// A slave's session waits for HELLO.
void memif_session_start_slave(struct memif_session *session, const struct memif_end *end);
// A master's begins with a HELLO that offers n_queues rings each way.
void memif_session_start_master(struct memif_session *session, uint16_t n_queues,
	const struct memif_end *(*choose)(void *arg, uint32_t id, const char **why), void *arg,
	struct memif_reply *reply);

// Takes a packet of len bytes with n_fds descriptors, of which fd is the first (or -1); the session
// takes fd over, on error, too. The state after it says how things stand; the reply is to be sent
// in any case. When a master's state has become CONNECTED, the caller starts its rings first.
void memif_session_receive(struct memif_session *session, const struct memif_message *message,
	size_t len, int fd, unsigned int n_fds, struct memif_reply *reply);

// Ends it from our side; the reply is the DISCONNECT to be sent. Without effect when closed.
void memif_session_refuse(
	struct memif_session *session, const char *reason, struct memif_reply *reply);

// Gives memory and descriptors back. No ring of it is in use any more.
void memif_session_release(struct memif_session *session);

// A slave's session that its master ended: the index of the ring that it did not want, as DPDK's
// masters do when they have fewer queues; 0 when it ended for another reason.
uint16_t memif_session_unwanted_ring(const struct memif_session *session);

// A slave's buffers of one of its rings.
uint8_t *memif_session_buffers(const struct memif_session *session, bool s2m, uint16_t index);

#endif
