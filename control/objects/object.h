/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_OBJECT_H
#define OBJECTS_OBJECT_H

// What all objects of the desired state have in common. Each kind is one file that fills a struct
// object_class. Objects in the tree are never changed but for state and reason: a change puts a new
// one in place of the old. Main thread.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include <causeway/wire.h>

#include "failure.h"

// In this order objects are loaded and sent to the data plane: what is referred to comes first.
enum object_type {
	OBJECT_NETWORK,
	OBJECT_PORT,
	OBJECT_ENDPOINT,
	OBJECT_VTEP,
	OBJECT_NEXTHOP,
	OBJECT_NEIGHBOR,
	OBJECT_FDB,
	OBJECT_ROUTE,
	OBJECT_TYPES, // number of types, not a type
};

enum object_state {
	OBJECT_WAITING, // for the data plane
	OBJECT_READY, // the data plane has it
	OBJECT_REFUSED, // the data plane refused it, see reason
	OBJECT_DOWN, // ports: the device is down, see reason
	OBJECT_GONE, // ports and endpoints: the device has vanished
};

// Who wants an object. Only those of users and endpoints are in the store; of two with one key
// the lower origin wins, and the other comes back when that one goes.
enum object_origin {
	ORIGIN_STATIC, // "static": configured through control.sock
	ORIGIN_HOST, // "host": comes with a host port
	ORIGIN_AUTOMATIC, // "automatic": made for another object, goes with it
	ORIGIN_LEARNED, // "learned": heard by the data plane
	ORIGIN_LEASE, // "lease:flannel": read from Flannel's leases
	// The kernel's tables, by rtm_protocol and device.
	ORIGIN_FLANNEL, // "mirror:flannel"
	ORIGIN_BIRD, // "mirror:bird"
	ORIGIN_FRR, // "mirror:frr" (zebra, bgp, ospf, isis, ...)
	ORIGIN_ADMIN, // "mirror:static": ip route add ... proto static or boot
	ORIGIN_KERNEL, // "mirror:kernel"
	ORIGIN_OTHER, // "mirror:other"
	ORIGINS, // number of origins, not an origin
};

struct object {
	uint8_t type; // object_type
	uint8_t state; // object_state
	uint8_t origin; // object_origin
	char *reason; // owned; NULL: nothing to say
};

struct objects;

typedef void object_reference_fn(void *arg, enum object_type type, uint32_t id);

struct object_class {
	const char *name; // "network": of methods, tables and events
	uint16_t item; // cw_item_type
	// Order by key.
	int (*compare)(const void *a, const void *b);
	// The key as text, unique among objects of the class; for the store and for logs.
	void (*key)(const struct objects *objects, const struct object *object, char *text,
		size_t size);
	// What results show and what the store keeps. NULL: no memory.
	cJSON *(*to_json)(const struct objects *objects, const struct object *object);
	// The reverse; keys that are absent keep their defaults, identifiers stay 0. Returns NULL
	// with failure.
	struct object *(*from_json)(
		const struct objects *objects, const cJSON *json, struct failure *failure);
	// What results show and the store does not keep; NULL: nothing.
	void (*show)(const struct objects *objects, const struct object *object, cJSON *json);
	// Bytes of the item on dp.sock, a multiple of 8, and its content; item is zeroed but for
	// its header. An object that travels as another type of item changes that.
	size_t (*wire_size)(const struct object *object);
	void (*to_wire)(const struct object *object, struct cw_item *item);
	// Calls fn for each object with an identifier that this one refers to.
	void (*references)(const struct object *object, object_reference_fn *fn, void *arg);
	// Of classes whose objects refer to each other, to those of lower ranks only: in this order
	// they are loaded and sent, and in the reverse one deleted. 0 and NULL: none does.
	unsigned int ranks;
	unsigned int (*rank)(const struct object *object);
	unsigned int (*json_rank)(const cJSON *json); // of one that to_json() made
};

extern const struct object_class network_class, port_class, endpoint_class, vtep_class,
	nexthop_class, neighbor_class, fdb_class, route_class;
extern const struct object_class *const object_classes[OBJECT_TYPES];
#define OBJECT_KEY_LEN 320

static inline const struct object_class *
object_class(const struct object *object)
{
	return object_classes[object->type];
}

static inline unsigned int
object_ranks(enum object_type type)
{
	return object_classes[type]->ranks != 0 ? object_classes[type]->ranks : 1;
}

static inline unsigned int
object_rank(const struct object *object)
{
	return object_class(object)->rank != NULL ? object_class(object)->rank(object) : 0;
}

const char *object_state_name(unsigned int state);
const char *object_origin_name(unsigned int origin);

static inline bool
object_is_mirrored(const struct object *object)
{
	return object->origin >= ORIGIN_LEARNED;
}

// Zeroed memory with the type set, or NULL.
void *object_new(enum object_type type, size_t size);
void object_free(struct object *object); // accepts NULL
// Refuses a change of an object that is mirrored. Returns a negative number with failure.
int object_refuse_mirrored(
	const struct objects *objects, const struct object *object, struct failure *failure);
void object_set_state(struct object *object, enum object_state state, const char *reason);

// to_json(), show(), "origin", and what changes by itself: "state", "reason" when there is one.
cJSON *object_show(const struct objects *objects, const struct object *object);
// Whether two objects of one class say the same.
bool object_same(const struct objects *objects, const struct object *a, const struct object *b);

// Copies an object of this size, without state and reason. NULL: no memory.
void *object_copy(const void *object, size_t size);

#endif
