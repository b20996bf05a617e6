/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIRROR_PLAN_H
#define MIRROR_PLAN_H

// What Causeway's objects must be to follow the kernel's tables: compares the two and says what to
// put and what to delete. Knows no netlink and no data plane. One pass resolves every chain anew
//
//   route -> gateway -> neighbour -> FDB -> underlay route -> underlay neighbour
//
// from the tables as they are: next hops are few, however many routes share them, so that nothing
// need be remembered about what depends on what. Only prefixes that changed are looked at, and
// those of paths that became another next hop. Main thread.

#include "mirror/tables.h"
#include "objects/objects.h"

#define PLAN_PROTOCOLS 256

struct plan_filter {
	bool protocols[PLAN_PROTOCOLS]; // whose routes are followed, by rtm_protocol
	char interfaces[256]; // patterns of device names (fnmatch), separated by commas
};

// What a pass wants done. Objects that are put are the sink's from then on.
struct plan_sink {
	void (*put)(void *arg, struct object *object);
	void (*del)(void *arg, struct object *object); // one of the tree
	// The kernel is to find out who has this address on the device.
	void (*ask)(void *arg, int32_t ifindex, const struct cw_ip *ip);
	void *arg;
};

struct plan;

// tables and objects stay the caller's. Returns NULL: no memory.
struct plan *plan_create(struct tables *tables, struct objects *objects);
void plan_free(struct plan *plan); // accepts NULL
// Another filter: the next pass looks at every route.
void plan_set_filter(struct plan *plan, const struct plan_filter *filter);
// The usual one: routes of all but kernel, redirect, ra and dhcp, through any device.
struct plan_filter plan_default_filter(void);

// One pass, with at most max_routes routes. refused: objects that the data plane has refused are
// put again. The tree must not change during it, and must hold what the sink got before the next
// one. Returns whether another pass is needed.
bool plan_pass(
	struct plan *plan, const struct plan_sink *sink, unsigned int max_routes, bool refused);

// An object that the mirror does not own came or went: what it hid, or now hides, is looked at.
void plan_touch(struct plan *plan, const struct object *object);

// Asks for the address behind a next hop: one of the plan's own, or a user's. Returns false when
// the kernel does not know the device.
bool plan_ask(struct plan *plan, const struct plan_sink *sink, uint32_t nexthop);
// Asks for all addresses that are used and were not confirmed lately.
void plan_refresh(struct plan *plan, const struct plan_sink *sink);

// Figures for people.
struct plan_counts {
	uint32_t nexthops, unresolved; // unresolved: on an uplink, without a MAC
	uint32_t vteps;
};
struct plan_counts plan_counts(const struct plan *plan);

// Whether an object is the mirror's.
static inline bool
plan_owns(const struct object *object)
{
	return object->origin > ORIGIN_LEASE;
}

#endif
