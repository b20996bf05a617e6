/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_PLACE_H
#define OBJECTS_PLACE_H

// Where a station is: behind a port, or behind another node, which is a next hop of kind tunnel.
// What FDB entries and neighbours have in common.

#include "objects.h"
#include "schema.h"

struct place {
	uint32_t port, nexthop; // one of them is 0
};

#define PLACE_FIELDS                                                    \
	{"port", FIELD_NAME, false, 1, CW_NAME_LEN - 1},                \
	{                                                               \
		"nexthop", FIELD_INTEGER, false, 1, CW_MAX_NEXTHOPS - 1 \
	}

// From "port" or "nexthop", exactly one of them. Returns 0, or a negative number with failure.
int place_read(const struct objects *objects, const cJSON *json, struct place *place,
	struct failure *failure);
void place_add(const struct objects *objects, struct place place, cJSON *json);
// "vtep" and "remote" of a station behind another node.
void place_show(const struct objects *objects, struct place place, cJSON *json);
// What must hold beyond the schema. Return 0, or a negative number with failure.
int fdb_check(const struct fdb *fdb, struct failure *failure);
int neighbor_check(const struct neighbor *neighbor, struct failure *failure);
void place_references(struct place place, object_reference_fn *fn, void *arg);

#endif
