/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIRROR_ROUTES_H
#define MIRROR_ROUTES_H

// The kernel's routes. Those to one prefix of one table stand together, the one that the kernel
// uses first. What they say is shared (struct path): a hundred thousand routes over a dozen
// gateways are a dozen paths, and what changes behind a path is found without looking at its
// routes. Main thread.

#include <sys/queue.h>

#include "mirror/kernel.h"

struct route_entry;

// Where routes lead; lives as long as one of them. 'nexthop' belongs to whoever resolves paths.
struct path {
	LIST_HEAD(path_routes, route_entry) routes;
	struct path *previous, *next; // all paths
	uint32_t nexthop; // id of what the path is for the data plane; 0: nothing
	struct kernel_path kernel;
};

struct prefix;

struct route_entry {
	LIST_ENTRY(route_entry) of_path;
	struct route_entry *next; // to the same prefix, less wanted
	struct prefix *prefix;
	struct path *path;
	uint32_t generation, priority;
	uint8_t tos;
	bool dumped; // the dump of this generation has told it
};

struct prefix {
	STAILQ_ENTRY(prefix) dirty_link;
	struct route_entry *routes; // the one that the kernel uses first; NULL: all are gone
	uint32_t table;
	struct cw_ip ip;
	bool dirty; // in the list of those that changed
	bool is_shown; // belongs to whoever takes the changes: what it made of it, in 'network'
	uint32_t network;
};

struct routes;

// Returns NULL: no memory.
struct routes *routes_create(void);
void routes_free(struct routes *routes); // accepts NULL
uint32_t routes_count(const struct routes *routes);

// How a message brings a route.
enum route_news {
	ROUTE_ADDED, // an event
	ROUTE_REPLACED, // an event, with NLM_F_REPLACE
	ROUTE_DUMPED, // in a dump, which tells routes with one key in the order of their use
};
#define ROUTE_UNCLEAR 2

// Takes a route in. Returns 1 when something changed, 0, ROUTE_UNCLEAR, or -ENOMEM. Unclear: the
// kernel keeps more than one route by this key, in an order that only a dump tells.
int routes_put(struct routes *routes, const struct kernel_route *route, enum route_news news);
// Takes a route out: only the one that says the same. Returns 1, 0 when there is none by that key,
// or ROUTE_UNCLEAR.
int routes_remove(struct routes *routes, const struct kernel_route *route);

void routes_begin(struct routes *routes); // a generation
uint32_t routes_sweep(struct routes *routes); // takes out what it has not told; returns how many

// Prefixes that changed, each until it is taken. Returns NULL: none.
struct prefix *routes_take_dirty(struct routes *routes);
bool routes_are_dirty(const struct routes *routes);
void routes_touch(struct routes *routes, struct prefix *prefix); // as if it had changed
void routes_touch_path(struct routes *routes, struct path *path);
void routes_touch_all(struct routes *routes);
void routes_touch_prefix(struct routes *routes, uint32_t table, const struct cw_ip *ip);
// Of a prefix that was taken: frees it when no route leads to it and nothing is shown of it.
void routes_release(struct routes *routes, struct prefix *prefix);

// All paths: the first one, and from there path->next.
struct path *routes_paths(const struct routes *routes);
// The route that a packet to ip takes among those of a table that the mirror can follow, or NULL.
const struct route_entry *routes_lookup(
	const struct routes *routes, uint32_t table, const struct cw_ip *ip);

// Calls fn for each prefix in the order of keys.
void routes_each(
	const struct routes *routes, void (*fn)(void *arg, struct prefix *prefix), void *arg);

#endif
