/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_STATION_H
#define API_STATION_H

// Handlers of FDB entries and neighbours: both say where a station is.

#include "api/common.h"
#include "nexthop_share.h"
#include "objects/place.h"

struct station {
	const struct object_class *class;
	const char *key; // the parameter that names it in its network: "mac", "ip"
	// A new object with the key that params give. NULL: no memory.
	struct object *(*probe)(uint32_t network, const cJSON *params);
	struct place (*place)(const struct object *object);
	void (*set_place)(struct object *object, struct place place);
	int (*check)(const struct object *object, struct failure *failure);
};

// Keys of add and set that say where: port | nexthop | vtep with remote, vni, underlay, mtu.
#define STATION_FIELDS \
	{"mtu", FIELD_INTEGER, false, CW_MTU_MIN, CW_MTU_MAX}, PLACE_FIELDS, TUNNEL_FIELDS

// Identifier of the network that params name (default: "default"). Returns 0, or -1 after having
// answered.
int station_network(struct request *request, uint32_t *network);

void station_add(struct request *request, const struct station *station);
void station_set(struct request *request, const struct station *station);

// Deletes objects, which may be none, with the next hops of which they are the last users. Takes
// the list over.
struct station_list {
	struct object **objects;
	unsigned int n, capacity;
	bool no_memory;
};
void station_list_free(struct station_list *list);
void station_collect(struct station_list *list, struct object *object); // NULL is left out
void station_del(struct request *request, const struct station *station, struct station_list *list);

#endif
