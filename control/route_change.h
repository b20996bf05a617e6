/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_ROUTE_CHANGE_H
#define CONTROL_ROUTE_CHANGE_H

// Routes as users give them, with next hops that are described inline.

#include "nexthop_share.h"

extern const struct field route_keys[]; // of one route: network, prefix, and where to

// Fills key with the network (default: "default") and the prefix that json names. Returns 0, or a
// negative number with failure.
int route_key(struct causewayd *d, const cJSON *json, struct route *key, struct failure *failure);

// What changes of routes belong to.
struct route_change {
	struct transaction *t;
	struct causewayd *d;
	struct nexthop_share *share;
};

// A route as route_keys describe it (checked). replace: of other content than one that exists, else
// that is a conflict; a mirrored one is no conflict, it stands back. Returns 1 when it is put, 0
// when it exists like that, or a negative number with failure.
int route_change_put(
	struct route_change *change, const cJSON *json, bool replace, struct failure *failure);
// Deletes the route to the prefix that json names; absent is no error, mirrored is. Returns as
// above.
int route_change_del(struct route_change *change, const cJSON *json, struct failure *failure);

#endif
