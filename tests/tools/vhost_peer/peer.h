/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VHOST_PEER_PEER_H
#define VHOST_PEER_PEER_H

// The process: all ports, and the loop that serves them (main.c).

#include <cjson/cJSON.h>

#include "port.h"

struct port *peer_find(unsigned number);
// Serves the port from now on. 0 or -errno.
int peer_add(struct port *port);
void peer_remove(struct port *port);
// Closes the connection and says so; a port that connects tries again.
void peer_lost(struct port *port, const char *why);
// Another call descriptor, for the next connection; nobody looks at the former one any more, which
// is the caller's then. -1: there is no other.
int peer_renew_call(struct port *port);
// Frames that wait are handed out as the port's mode says.
void peer_poll(struct port *port);

typedef void (*peer_visitor)(struct port *, void *);
void peer_each(peer_visitor visit, void *context);

// Executes one line and prints the answer: {"id": ..., "result": {...}} or {"id": ..., "error":
// "..."}.
void command_line(const char *line);

// A command: fills result, or returns what is wrong.
typedef const char *(*command)(const cJSON *arguments, cJSON *result);
struct named_command {
	const char *name;
	command run;
};

// Common arguments: "port" and "queue" (a queue pair).
const char *argument_port(const cJSON *arguments, struct port **port);
const char *argument_queue(
	const cJSON *arguments, bool tx, struct port **port, struct port_queue **queue);

const char *command_add(const cJSON *arguments, cJSON *result);
const char *command_message(const cJSON *arguments, cJSON *result);
const char *command_corrupt(const cJSON *arguments, cJSON *result);
const char *command_bulk(const cJSON *arguments, cJSON *result);

#endif
