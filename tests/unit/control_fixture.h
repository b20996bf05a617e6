/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CONTROL_FIXTURE_H
#define TESTS_CONTROL_FIXTURE_H

// A whole causewayd in the test's process: scratch directories, a fake data plane, one client. Host
// ports and pods are real devices in namespaces of the test's own, so this needs root.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "causewayd.h"
#include "fake_dp.h"

struct control {
	char folder[64];
	struct options options;
	struct causewayd *d;
	struct fake_dp dp;
	int client;
	char in[1 << 18]; // received, not yet a line
	size_t used;
	unsigned int last_id;
};

// For main(): into a namespace of its own. Returns false, having said so as TAP, without root.
bool control_enter_namespace(void);

// cmocka setup and teardown: *state is a struct control, connected to the data plane.
int control_setup(void **state);
int control_teardown(void **state);

// Starts causewayd on the same directories, with a data plane or without.
void control_start(struct control *c, bool dataplane);
// Ends it as a crash would: nothing is deleted, descriptors are closed.
void control_stop(struct control *c);
void control_connect_dp(struct control *c);

// Runs the event loop until condition(c) holds; fails the test after 10 s.
void control_run_until(struct control *c, bool (*condition)(struct control *c));
bool control_is_ready(struct control *c);
bool control_is_away(struct control *c);

// A client of control.sock, in place of the former.
void control_new_client(struct control *c);
void control_send(struct control *c, const char *bytes, size_t len, const int *fds, unsigned int n);
// The next line as JSON; NULL when the connection was closed. The caller's to delete.
cJSON *control_receive(struct control *c);

// Calls a method; params is JSON text. Returns the whole answer, the caller's to delete.
cJSON *control_call_fd(struct control *c, const char *method, const char *params, int fd);
cJSON *control_call(struct control *c, const char *method, const char *params);
// Calls and expects success, or this code. control_expect returns the result.
cJSON *control_expect(struct control *c, const char *method, const char *params);
void control_expect_ok(struct control *c, const char *method, const char *params);
void control_expect_error(struct control *c, const char *method, const char *params, int code);

const char *json_text(const cJSON *json, const char *key);

// A network namespace that lives as long as its descriptor.
int namespace_new(void);

#endif
