/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_ROUTE_CHANGE_H
#define CONTROL_ROUTE_CHANGE_H

// Routes with next hops that are described inline: equal ones are shared, and go with their last
// route.

#include "changes.h"
#include "schema.h"

extern const struct field route_keys[]; // of one route: network, prefix, and where to

struct route_change;

// Fills key with the network (default: "default") and the prefix that json names. Returns 0, or a
// negative number with failure.
int route_key(struct causewayd *d, const cJSON *json, struct route *key, struct failure *failure);

// Collects changes of routes for a transaction. Returns NULL: no memory.
struct route_change *route_change_new(struct transaction *t, struct causewayd *d);
// Puts the next hops that are no longer wanted into the transaction, and ends the collection.
void route_change_end(struct route_change *change); // accepts NULL

// A route as route_keys describe it (checked). replace: of other content than one that exists, else
// that is a conflict. Returns 1 when it is put, 0 when it exists like that, or a negative number
// with failure.
int route_change_put(
	struct route_change *change, const cJSON *json, bool replace, struct failure *failure);
// Deletes the route to the prefix that json names; absent is no error. Returns as above.
int route_change_del(struct route_change *change, const cJSON *json, struct failure *failure);

#endif
