/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_TOMBSTONES_H
#define CONTROL_TOMBSTONES_H

// Endpoints that the CNI plugin had to delete while causewayd was away
// (control/client/tombstone.h).

#include "causewayd.h"

struct tombstones;

// Deletes them, and from now on those that a plugin leaves that did not notice our start. Returns
// NULL, logged, when the folder cannot be watched. Main thread.
struct tombstones *tombstones_watch(struct causewayd *d);
void tombstones_free(struct tombstones *tombstones); // accepts NULL

#endif
