/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

// One peer of dp.sock: frames in with their descriptors, frames out through a queue. Main thread.

#include <stdbool.h>
#include <stdint.h>

#include <sys/queue.h>
#include <sys/types.h>

#include <event2/event.h>

#include <causeway/wire.h>

struct replay;
struct server;

struct outgoing {
	STAILQ_ENTRY(outgoing) link;
	uint8_t *data;
	size_t length, sent;
	int fds[CW_FRAME_FDS]; // owned; go with the first byte
	uint16_t n_fds;
};

STAILQ_HEAD(outgoing_list, outgoing);

struct connection {
	TAILQ_ENTRY(connection) link;
	struct server *server;
	int fd;
	pid_t pid; // of the peer
	struct event *readable, *writable;
	bool greeted; // said HELLO
	bool closing; // ends when its queue is empty
	bool dead; // ends at the loop's next turn
	// The frame that is being read:
	struct cw_frame header;
	struct cw_frame *frame; // NULL until the header passed
	uint32_t have; // bytes of it
	int fds[CW_FRAME_FDS]; // owned
	uint16_t n_fds;
	// Replies and events that the peer has not read:
	struct outgoing_list queue;
	size_t queued;
	struct replay *replay; // between BEGIN and COMMIT, else NULL
};

// Serves fd; takes it over also when it fails. Returns NULL: no memory, or too many peers.
struct connection *connection_create(struct server *server, int fd);
// Ends it at the loop's next turn. reason is logged, NULL: nothing worth it.
void connection_end(struct connection *c, const char *reason);
void connection_free(struct connection *c);

// Queues a frame of header->length bytes and sends what the socket takes. Takes over data
// (malloc'ed) and the descriptors, also when the connection is dead.
void connection_send(struct connection *c, uint8_t *data, const int *fds, uint16_t n_fds);

#endif
