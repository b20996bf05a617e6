/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_SERVER_PRIVATE_H
#define SERVER_SERVER_PRIVATE_H

// What the files of the server share. Main thread only.

#include "connection.h"
#include "learn.h"
#include "objects.h"
#include "offload.h"
#include "server.h"
#include "tracing.h"

TAILQ_HEAD(connection_list, connection);

struct server {
	struct event_base *base;
	struct dataplane *dp;
	struct server_config config;
	struct objects *objects;
	struct offload *offload;
	struct learn *learn;
	struct tracing *tracing;
	struct listener *listener; // NULL in tests
	struct event *tick, *second, *half_second, *reaper;
	struct connection_list connections, dead;
	unsigned int n_connections;
	struct connection *writer; // the control plane, NULL: none
	uint64_t start_tsc, epoch; // epoch: the last that was committed
};

// The connection is dead: it leaves the list now and is freed at the loop's next turn.
void server_bury(struct server *server, struct connection *c);
// Makes c the control plane; ends the connection that was it.
void server_take_over(struct server *server, struct connection *c);
// Sends an event to every peer that said HELLO.
void server_emit(struct server *server, const struct cw_item *event);

#endif
