/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_OBJECTS_H
#define OBJECTS_OBJECTS_H

// All objects, by key and by identifier. Main thread.

#include "types.h"

// Returns NULL: no memory.
struct objects *objects_create(void);
void objects_free(struct objects *objects);

// Takes the object over; its key and its identifier are not there yet. Returns 0 or -ENOMEM (the
// object stays the caller's).
int objects_insert(struct objects *objects, struct object *object);
// Takes an object out of the tree; it becomes the caller's.
void objects_remove(struct objects *objects, struct object *object);

// Calls fn after each insertion and removal with the type of the object; one fn at a time.
typedef void objects_changed_fn(void *arg, enum object_type type);
void objects_on_change(struct objects *objects, objects_changed_fn *fn, void *arg);

// The object with the key of probe, or NULL.
struct object *objects_find(const struct objects *objects, const struct object *probe);
// Calls fn for each object of the type in the order of keys, until it returns other than 0; returns
// that. fn does not insert or remove.
int objects_each(const struct objects *objects, enum object_type type,
	int (*fn)(void *arg, struct object *object), void *arg);
uint32_t objects_count(const struct objects *objects, enum object_type type);
// How many objects refer to this identifier.
uint32_t objects_users(const struct objects *objects, enum object_type type, uint32_t id);

// A free identifier of networks, ports, vteps or next hops, and the longest unused one that is at
// hand, so that a late message never meets a new owner. Returns -1 when none is left. It is taken
// when an object with it is inserted; 'skip' further ones are passed over.
int64_t objects_free_id(const struct objects *objects, enum object_type type, unsigned int skip);

// NULL when there is none.
struct network *network_find(const struct objects *objects, const char *name);
struct network *network_by_id(const struct objects *objects, uint32_t id);
struct port *port_find(const struct objects *objects, const char *name);
struct port *port_by_id(const struct objects *objects, uint32_t id);
struct endpoint *endpoint_find(
	const struct objects *objects, const char *container, const char *ifname);
struct endpoint *endpoint_by_port(const struct objects *objects, uint32_t port);
struct vtep *vtep_find(const struct objects *objects, const char *name);
struct vtep *vtep_by_id(const struct objects *objects, uint32_t id);
struct nexthop *nexthop_by_id(const struct objects *objects, uint32_t id);
// An automatic next hop with the content of probe. Mirrored ones and others are never taken for
// each other: what is stored must not lead to what is not.
struct nexthop *nexthop_same(const struct objects *objects, const struct nexthop *probe);
// The host port of a network.
struct port *port_of_host(const struct objects *objects, uint32_t network);

// "?" when there is none.
const char *network_name(const struct objects *objects, uint32_t id);
const char *port_name(const struct objects *objects, uint32_t id);
const char *vtep_name(const struct objects *objects, uint32_t id);

#endif
