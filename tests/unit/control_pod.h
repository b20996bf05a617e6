/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CONTROL_POD_H
#define TESTS_CONTROL_POD_H

// A pod's namespace beside the causewayd of control_fixture.h.

#include "control_fixture.h"

struct pod {
	struct control *c;
	int netns; // -1: the test has closed it
	char path[64];
};

// cmocka setup and teardown: *state is a struct pod.
int pod_setup(void **state);
int pod_teardown(void **state);

// endpoint.add with the namespace and these further members. Returns the whole answer, or the
// result of one that must succeed; the caller's to delete.
cJSON *pod_add(struct pod *pod, const char *params);
cJSON *pod_add_ok(struct pod *pod, const char *params);

#endif
