/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_TOMBSTONES_H
#define CONTROL_TOMBSTONES_H

// Endpoints that the CNI plugin had to delete while causewayd was away
// (control/client/tombstone.h).

#include "causewayd.h"

// Deletes them. At start, before anything is served.
void tombstones_replay(struct causewayd *d);

#endif
