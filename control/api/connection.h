/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_CONNECTION_H
#define API_CONNECTION_H

// One peer of control.sock: lines with descriptors in, lines out.

#include <sys/queue.h>

#include <event2/buffer.h>

#include "api/request.h"

#define CONNECTION_REQUESTS 64 // being worked on at once; further lines wait unread
#define CONNECTION_OUT_MAX (64u << 20) // a peer that watches and does not read is let go

// What a connection watches: a bit for each object type, and these.
#define WATCH_HEALTH (1u << OBJECT_TYPES)
#define WATCH_TRACE (1u << (OBJECT_TYPES + 1))
#define WATCH_VF (1u << (OBJECT_TYPES + 2))

struct connection {
	LIST_ENTRY(connection) link;
	struct api *api;
	int fd;
	struct event *readable, *writable;
	struct line_buffer *lines;
	struct evbuffer *out;
	unsigned int n_requests;
	uint32_t watches;
	bool eof; // the peer sends no more
	bool closing; // when everything is sent
	unsigned int in_use; // do not free now
};
LIST_HEAD(connections, connection);

struct api {
	struct causewayd *d;
	int fd; // listening, or -1
	struct event *acceptable;
	struct connections connections;
	unsigned int n_connections;
	struct requests requests; // all that are being worked on
	struct connection *tracer; // NULL: nobody traces
	char path[OPTIONS_PATH_LEN + 16];
};

// Takes fd over. Returns NULL: no memory (fd stays the caller's).
struct connection *connection_new(struct api *api, int fd);
void connection_free(struct connection *connection);

// Sends one JSON object as a line. Takes json over; NULL (no memory) ends the connection.
void connection_send(struct connection *connection, cJSON *json);
// Sends what waits, then closes.
void connection_end(struct connection *connection);
// A request has ended: more lines may be read.
void connection_resume(struct connection *connection);

#endif
