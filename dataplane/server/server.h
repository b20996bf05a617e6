/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

// The main thread's side of causeway-dp: dp.sock, the objects that it sets, the life of devices,
// learning, statistics and traces. All functions: main thread.

#include <stdbool.h>

#include <event2/event.h>

#include "dataplane.h"

struct server;

struct server_config {
	const char *runtime_dir; // holds dp.sock and its lock file; NULL: no listener (tests)
	const char *idle; // "adaptive" or "poll", as told by CW_GET_NODE
	bool isolated[CW_MAX_WORKERS]; // the worker's core is isolated from the kernel's scheduler
};

// Listens on <runtime_dir>/dp.sock (mode 0660) and adds its events to the loop. The data plane, its
// tables and workers exist (the workers may run already) and outlive the server; pools are the
// workers'. Returns NULL with *error = -errno after logging why; -EBUSY: another instance serves
// this directory.
struct server *server_create(struct event_base *base, struct dataplane *dp,
	const struct server_config *config, int *error);
// Closes connections and removes the socket. Objects are removed from the data plane and devices
// closed, so the workers must still run or never have run.
void server_free(struct server *server);

// Serves a connected stream socket as if it had been accepted; takes it over. Returns 0 or -errno.
int server_serve(struct server *server, int fd);

#endif
