/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/routes.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"

struct routes {
	void *prefixes; // tsearch tree by table and prefix
	void *paths_by_content;
	struct path *paths;
	STAILQ_HEAD(dirty_list, prefix) dirty;
	uint32_t n_lengths[2][129]; // prefixes by family and length: those that look-ups try
	uint32_t count, generation;
};

struct routes *
routes_create(void)
{
	struct routes *routes = calloc(1, sizeof(*routes));

	if (routes != NULL)
		STAILQ_INIT(&routes->dirty);
	return routes;
}

uint32_t
routes_count(const struct routes *routes)
{
	return routes->count;
}

// --- paths

static size_t
path_size(const struct kernel_path *kernel)
{
	return sizeof(*kernel) + kernel->n_hops * sizeof(kernel->hops[0]);
}

static int
compare_paths(const void *a, const void *b)
{
	const struct kernel_path *x = &((const struct path *)a)->kernel;
	const struct kernel_path *y = &((const struct path *)b)->kernel;

	if (x->n_hops != y->n_hops)
		return x->n_hops < y->n_hops ? -1 : 1;
	return memcmp(x, y, path_size(x));
}

static bool
is_path(const struct path *path, const struct kernel_path *kernel)
{
	return path->kernel.n_hops == kernel->n_hops
	       && memcmp(&path->kernel, kernel, path_size(kernel)) == 0;
}

// The path that says this, made when there is none. Returns NULL: no memory.
static struct path *
path_get(struct routes *routes, const struct kernel_path *kernel)
{
	union {
		struct path path;
		char room[sizeof(struct path) + sizeof(((struct kernel_route *)0)->room)];
	} probe;
	struct path *path;
	void *found;

	memcpy(&probe.path.kernel, kernel, path_size(kernel));
	found = tfind(&probe, &routes->paths_by_content, compare_paths);
	if (found != NULL)
		return *(struct path **)found;
	path = malloc(sizeof(*path) + path_size(kernel));
	if (path == NULL)
		return NULL;
	*path = (struct path){.next = routes->paths};
	memcpy(&path->kernel, kernel, path_size(kernel));
	if (tsearch(path, &routes->paths_by_content, compare_paths) == NULL) {
		free(path);
		return NULL;
	}
	LIST_INIT(&path->routes);
	if (routes->paths != NULL)
		routes->paths->previous = path;
	routes->paths = path;
	return path;
}

static void
path_put(struct routes *routes, struct path *path)
{
	if (!LIST_EMPTY(&path->routes))
		return;
	tdelete(path, &routes->paths_by_content, compare_paths);
	if (path->previous != NULL)
		path->previous->next = path->next;
	else
		routes->paths = path->next;
	if (path->next != NULL)
		path->next->previous = path->previous;
	free(path);
}

// --- prefixes

static int
compare_prefixes(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;

	if (x->table != y->table)
		return x->table < y->table ? -1 : 1;
	return memcmp(&x->ip, &y->ip, sizeof(x->ip));
}

static struct prefix *
find_prefix(const struct routes *routes, uint32_t table, const struct cw_ip *ip)
{
	const struct prefix key = {.table = table, .ip = *ip};
	void *found = tfind(&key, &routes->prefixes, compare_prefixes);

	return found != NULL ? *(struct prefix **)found : NULL;
}

static uint32_t *
n_of_length(struct routes *routes, const struct cw_ip *ip)
{
	return &routes->n_lengths[ip->family == 6][ip->prefix];
}

static struct prefix *
get_prefix(struct routes *routes, uint32_t table, const struct cw_ip *ip)
{
	struct prefix *prefix = find_prefix(routes, table, ip);

	if (prefix != NULL)
		return prefix;
	prefix = calloc(1, sizeof(*prefix));
	if (prefix == NULL)
		return NULL;
	prefix->table = table;
	prefix->ip = *ip;
	if (tsearch(prefix, &routes->prefixes, compare_prefixes) == NULL) {
		free(prefix);
		return NULL;
	}
	++*n_of_length(routes, ip);
	return prefix;
}

void
routes_release(struct routes *routes, struct prefix *prefix)
{
	if (prefix->routes != NULL || prefix->is_shown || prefix->dirty)
		return;
	--*n_of_length(routes, &prefix->ip);
	tdelete(prefix, &routes->prefixes, compare_prefixes);
	free(prefix);
}

// --- changes

void
routes_touch(struct routes *routes, struct prefix *prefix)
{
	if (prefix->dirty)
		return;
	prefix->dirty = true;
	STAILQ_INSERT_TAIL(&routes->dirty, prefix, dirty_link);
}

void
routes_touch_path(struct routes *routes, struct path *path)
{
	struct route_entry *route;

	LIST_FOREACH (route, &path->routes, of_path)
		routes_touch(routes, route->prefix);
}

static void
touch_one(void *arg, struct prefix *prefix)
{
	routes_touch(arg, prefix);
}

void
routes_touch_all(struct routes *routes)
{
	routes_each(routes, touch_one, routes);
}

void
routes_touch_prefix(struct routes *routes, uint32_t table, const struct cw_ip *ip)
{
	struct prefix *prefix = find_prefix(routes, table, ip);

	if (prefix != NULL)
		routes_touch(routes, prefix);
}

struct prefix *
routes_take_dirty(struct routes *routes)
{
	struct prefix *prefix = STAILQ_FIRST(&routes->dirty);

	if (prefix == NULL)
		return NULL;
	STAILQ_REMOVE_HEAD(&routes->dirty, dirty_link);
	prefix->dirty = false;
	return prefix;
}

bool
routes_are_dirty(const struct routes *routes)
{
	return !STAILQ_EMPTY(&routes->dirty);
}

// --- routes

static bool
has_key(const struct route_entry *entry, const struct kernel_route *route)
{
	return entry->priority == route->priority && entry->tos == route->tos;
}

// A route with TOS comes first for packets with it; those are not followed, so that here the metric
// decides.
static bool
comes_after(const struct route_entry *entry, const struct kernel_route *route)
{
	if (entry->priority != route->priority)
		return entry->priority > route->priority;
	return entry->tos > route->tos;
}

static void
detach(struct routes *routes, struct route_entry *entry)
{
	LIST_REMOVE(entry, of_path);
	path_put(routes, entry->path);
}

static void
attach(struct routes *routes, struct route_entry *entry, struct path *path)
{
	entry->path = path;
	LIST_INSERT_HEAD(&path->routes, entry, of_path);
	routes_touch(routes, entry->prefix);
}

// Adds a route behind those that the kernel prefers, and behind those with its key.
static int
insert(struct routes *routes, struct prefix *prefix, const struct kernel_route *route,
	enum route_news news)
{
	struct path *path = path_get(routes, &route->path);
	struct route_entry *entry = malloc(sizeof(*entry)), **at = &prefix->routes;

	if (path == NULL || entry == NULL) {
		if (path != NULL)
			path_put(routes, path);
		free(entry);
		return -ENOMEM;
	}
	while (*at != NULL && !comes_after(*at, route))
		at = &(*at)->next;
	*entry = (struct route_entry){
		.next = *at,
		.prefix = prefix,
		.priority = route->priority,
		.tos = route->tos,
		.generation = routes->generation,
		.dumped = news == ROUTE_DUMPED,
	};
	*at = entry;
	attach(routes, entry, path);
	routes->count++;
	return 1;
}

static int
replace(struct routes *routes, struct route_entry *entry, const struct kernel_route *route)
{
	struct path *path;

	if (is_path(entry->path, &route->path))
		return 0;
	path = path_get(routes, &route->path);
	if (path == NULL)
		return -ENOMEM;
	detach(routes, entry);
	attach(routes, entry, path);
	return 1;
}

// The route that this one takes the place of.
static struct route_entry *
find_replaced(struct routes *routes, struct prefix *prefix, const struct kernel_route *route,
	enum route_news news)
{
	struct route_entry *entry;

	for (entry = prefix->routes; entry != NULL; entry = entry->next)
		if (has_key(entry, route)
			&& (news != ROUTE_DUMPED || !entry->dumped
				|| entry->generation != routes->generation))
			return entry;
	return NULL;
}

int
routes_put(struct routes *routes, const struct kernel_route *route, enum route_news news)
{
	struct prefix *prefix = get_prefix(routes, route->path.table, &route->prefix);
	struct route_entry *entry;
	bool unclear;
	int ret;

	if (prefix == NULL)
		return -ENOMEM;
	entry = find_replaced(routes, prefix, route, news);
	if (entry == NULL) {
		ret = insert(routes, prefix, route, news);
		if (ret < 0)
			routes_release(routes, prefix);
		return ret;
	}
	unclear = news != ROUTE_DUMPED && entry->next != NULL && has_key(entry->next, route);
	if (news == ROUTE_ADDED && !is_path(entry->path, &route->path))
		unclear = true;
	entry->generation = routes->generation;
	entry->dumped = news == ROUTE_DUMPED;
	ret = replace(routes, entry, route);
	return ret >= 0 && unclear ? ROUTE_UNCLEAR : ret;
}

static void
take_out(struct routes *routes, struct route_entry *entry)
{
	struct route_entry **at = &entry->prefix->routes;

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	detach(routes, entry);
	routes_touch(routes, entry->prefix);
	free(entry);
	routes->count--;
}

int
routes_remove(struct routes *routes, const struct kernel_route *route)
{
	struct prefix *prefix = find_prefix(routes, route->path.table, &route->prefix);
	struct route_entry *entry = prefix != NULL ? prefix->routes : NULL;
	bool others = false;

	for (; entry != NULL; entry = entry->next) {
		if (!has_key(entry, route))
			continue;
		if (is_path(entry->path, &route->path)) {
			take_out(routes, entry);
			return 1;
		}
		others = true;
	}
	return others ? ROUTE_UNCLEAR : 0;
}

// --- generations

void
routes_begin(struct routes *routes)
{
	routes->generation++;
}

struct sweep {
	struct routes *routes;
	uint32_t n;
};

static void
sweep_prefix(void *arg, struct prefix *prefix)
{
	struct sweep *sweep = arg;
	struct route_entry *entry = prefix->routes, *next;

	for (; entry != NULL; entry = next) {
		next = entry->next;
		if (entry->generation == sweep->routes->generation)
			continue;
		take_out(sweep->routes, entry);
		sweep->n++;
	}
}

uint32_t
routes_sweep(struct routes *routes)
{
	struct sweep sweep = {.routes = routes};

	routes_each(routes, sweep_prefix, &sweep); // prefixes stay until they are released
	return sweep.n;
}

// --- look-ups

struct path *
routes_paths(const struct routes *routes)
{
	return routes->paths;
}

static const struct route_entry *
first_usable(const struct prefix *prefix)
{
	const struct route_entry *entry = prefix->routes;

	while (entry != NULL && (entry->path->kernel.unusable || entry->tos != 0))
		entry = entry->next;
	return entry;
}

const struct route_entry *
routes_lookup(const struct routes *routes, uint32_t table, const struct cw_ip *ip)
{
	struct cw_ip key = *ip;

	for (int length = ip_bits(ip); length >= 0; length--) {
		const struct prefix *prefix;
		const struct route_entry *entry;

		if (routes->n_lengths[ip->family == 6][length] == 0)
			continue;
		key.prefix = (uint8_t)length;
		key = ip_masked(&key);
		prefix = find_prefix(routes, table, &key);
		entry = prefix != NULL ? first_usable(prefix) : NULL;
		if (entry != NULL)
			return entry;
	}
	return NULL;
}

struct walk {
	void (*fn)(void *arg, struct prefix *prefix);
	void *arg;
};

static void
visit(const void *node, VISIT which, void *closure)
{
	const struct walk *walk = closure;

	if (which == postorder || which == leaf)
		walk->fn(walk->arg, *(struct prefix *const *)node);
}

void
routes_each(const struct routes *routes, void (*fn)(void *arg, struct prefix *prefix), void *arg)
{
	struct walk walk = {.fn = fn, .arg = arg};

	twalk_r(routes->prefixes, visit, &walk);
}

// --- the end

static void
free_prefix(void *node)
{
	struct prefix *prefix = node;

	while (prefix->routes != NULL) {
		struct route_entry *entry = prefix->routes;

		prefix->routes = entry->next;
		free(entry);
	}
	free(prefix);
}

void
routes_free(struct routes *routes)
{
	if (routes == NULL)
		return;
	tdestroy(routes->prefixes, free_prefix);
	tdestroy(routes->paths_by_content, free);
	free(routes);
}
