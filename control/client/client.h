/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENT_H
#define CLIENT_H

// Client of control.sock: JSON-RPC 2.0, one object a line, descriptors by SCM_RIGHTS with the
// line's first byte. Blocking, one connection, one thread at a time. Used by causeway-cni and
// cwctl; needs libc and cJSON only.

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#define CLIENT_TIMEOUT_MS 30000

struct client;

// Why a call failed, for people (message, hint) and for programs (code). All strings are
// terminated; those that do not apply are empty.
struct client_error {
	int code; // enum cw_rpc_error when causewayd answered, else 0
	char message[512];
	char key[64]; // the parameter that was refused
	char value[256]; // and its value, as JSON
	char hint[256]; // the way out
};

// Called for each event of a watch; params stays the client's. Any value but 0 ends the watch.
typedef int (*client_event_fn)(const cJSON *params, void *arg);

// Writes the path of control.sock in runtime_dir (NULL: the default one) to path. Returns
// -ENAMETOOLONG when it does not fit into size or into a socket address.
int client_path(char *path, size_t size, const char *runtime_dir);

// Connects to the socket at path. On failure *client is NULL and error says why: -ENOENT and
// -ECONNREFUSED mean that causewayd does not run there, -EACCES that the caller may not talk to it.
int client_open(struct client **client, const char *path, struct client_error *error);

// Accepts NULL.
void client_close(struct client *client);

// How long connecting and each later call may take in all, in milliseconds. A new client waits
// CLIENT_TIMEOUT_MS.
void client_set_timeout(struct client *client, unsigned timeout_ms);

// Calls method and waits for its reply. Takes params in every case (NULL: none); descriptors stay
// the caller's. *result, when result is not NULL, is the caller's to free. Returns 0, -EREMOTEIO
// when causewayd refused (error->code says how), -ETIMEDOUT, -EPIPE when it closed the connection,
// -EPROTO when its answer is no JSON-RPC reply, or another negative errno. After anything but 0 and
// -EREMOTEIO it is not known whether the call had an effect, and the client must be closed.
int client_call(struct client *client, const char *method, cJSON *params, const int *fds,
	unsigned n_fds, cJSON **result, struct client_error *error);

// Calls method and hands the events that follow to fn until fn ends it, a signal arrives (-EINTR)
// or causewayd closes the connection (-EPIPE). Otherwise as client_call; returns what fn returned.
// The client can only be closed afterwards. There is no time limit between events.
int client_watch(struct client *client, const char *method, cJSON *params, client_event_fn fn,
	void *arg, struct client_error *error);

// True when the failure says that causewayd itself is away, not that it refused.
bool client_is_away(int result);

#endif
