/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_REQUEST_H
#define API_REQUEST_H

// A method call of control.sock, from its line to its answer.

#include <sys/queue.h>

#include "causewayd.h"
#include "changes.h"
#include "schema.h"

struct connection;
struct request;

struct method {
	const char *name; // "network.add"; NULL ends a table
	const struct field *params;
	bool changes; // waits for its turn, and ends it with its answer
	// Answers now or later, exactly once. Params were checked.
	void (*handler)(struct request *request);
};

struct request {
	LIST_ENTRY(request) link;
	struct causewayd *d;
	struct connection *connection; // NULL: the peer has gone
	const struct method *method;
	cJSON *message; // the whole line
	const cJSON *id; // NULL: a notification, never answered
	const cJSON *params; // an object, or NULL
	int fds[CW_FRAME_FDS];
	unsigned int n_fds;
	const struct object *shown; // the answer of request_run()
};
LIST_HEAD(requests, request);

extern const struct method network_methods[], port_methods[], endpoint_methods[], route_methods[],
	vtep_methods[], nexthop_methods[], neighbor_methods[], fdb_methods[], node_methods[],
	stats_methods[], health_methods[], mirror_methods[], trace_methods[], vf_methods[],
	flow_methods[];
extern const struct field no_params[];

// A line has arrived. Takes the descriptors over.
void request_take(
	struct connection *connection, char *line, size_t length, int *fds, unsigned int n_fds);
// An error without a request: id is null.
void request_refuse_line(struct connection *connection, int code, const char *message);

// Each answers and frees the request. request_reply takes result over.
void request_reply(struct request *request, cJSON *result);
void request_fail(struct request *request, const struct failure *failure);
void request_free(struct request *request); // without an answer

// Runs a transaction and answers with 'shown', an object that it puts; NULL: an empty object.
void request_run(struct request *request, struct transaction *t, const struct object *shown);

// Sends a frame (taken over) to a data plane that has everything. Returns 0, or -1 after having
// answered that it is away.
int request_dataplane(struct request *request, struct dp_frame *frame, dp_reply_fn *fn, void *arg);
void request_fail_away(struct request *request);

#endif
