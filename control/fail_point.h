/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_FAIL_POINT_H
#define CONTROL_FAIL_POINT_H

// Injected failures, so that tests can walk every step of a change and look at what is left. Off
// unless the hidden option --fail-at names a step. Main thread.

#include <stdbool.h>

// Every step that can be named, ended by NULL.
extern const char *const fail_points[];

// NULL: none. Returns false when there is no such step.
bool fail_point_set(const char *step);
// Returns 0, or -EIO when this step is to fail.
int fail_point(const char *step);

#endif
