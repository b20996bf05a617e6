/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/tables.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"

// An entry with its generation in front.
struct row {
	uint32_t generation;
	_Alignas(8) char content[];
};

static int
order_u32(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

static int
order_ip(const struct cw_ip *a, const struct cw_ip *b)
{
	return memcmp(a, b, sizeof(*a));
}

static int
compare_links(const void *a, const void *b)
{
	const struct kernel_link *x = (const void *)((const struct row *)a)->content;
	const struct kernel_link *y = (const void *)((const struct row *)b)->content;

	return order_u32((uint32_t)x->ifindex, (uint32_t)y->ifindex);
}

static int
compare_addresses(const void *a, const void *b)
{
	const struct kernel_address *x = (const void *)((const struct row *)a)->content;
	const struct kernel_address *y = (const void *)((const struct row *)b)->content;
	const int order = order_u32((uint32_t)x->ifindex, (uint32_t)y->ifindex);

	return order != 0 ? order : order_ip(&x->ip, &y->ip);
}

static int
compare_nexthops(const void *a, const void *b)
{
	const struct kernel_nexthop *x = (const void *)((const struct row *)a)->content;
	const struct kernel_nexthop *y = (const void *)((const struct row *)b)->content;

	return order_u32(x->id, y->id);
}

static int
compare_neighbors(const void *a, const void *b)
{
	const struct kernel_neighbor *x = (const void *)((const struct row *)a)->content;
	const struct kernel_neighbor *y = (const void *)((const struct row *)b)->content;
	const int order = order_u32((uint32_t)x->ifindex, (uint32_t)y->ifindex);

	return order != 0 ? order : order_ip(&x->ip, &y->ip);
}

// Frames to a station go to one place, those to groups and unknown ones to all that are listed.
static bool
is_list(const struct kernel_fdb *fdb)
{
	return mac_is_zero(fdb->mac) || mac_is_multicast(fdb->mac);
}

static int
compare_fdb(const void *a, const void *b)
{
	const struct kernel_fdb *x = (const void *)((const struct row *)a)->content;
	const struct kernel_fdb *y = (const void *)((const struct row *)b)->content;
	int order = order_u32((uint32_t)x->ifindex, (uint32_t)y->ifindex);

	if (order == 0)
		order = memcmp(x->mac, y->mac, sizeof(x->mac));
	if (order == 0)
		order = order_u32(x->source_vni, y->source_vni);
	if (order != 0 || !is_list(x))
		return order;
	order = order_ip(&x->remote, &y->remote);
	if (order == 0)
		order = order_u32(x->udp_port, y->udp_port);
	if (order == 0)
		order = order_u32(x->vni, y->vni);
	return order != 0 ? order : order_u32((uint32_t)x->lower, (uint32_t)y->lower);
}

static const struct {
	size_t size;
	int (*compare)(const void *a, const void *b);
} kinds[TABLES_KINDS] = {
	[TABLES_LINKS] = {sizeof(struct kernel_link), compare_links},
	[TABLES_ADDRESSES] = {sizeof(struct kernel_address), compare_addresses},
	[TABLES_NEXTHOPS] = {sizeof(struct kernel_nexthop), compare_nexthops},
	[TABLES_NEIGHBORS] = {sizeof(struct kernel_neighbor), compare_neighbors},
	[TABLES_FDB] = {sizeof(struct kernel_fdb), compare_fdb},
};

// Room for a key that is looked up.
union probe {
	struct row row;
	char room[sizeof(struct row) + sizeof(struct kernel_nexthop) + 16];
};

struct tables *
tables_create(void)
{
	struct tables *tables = calloc(1, sizeof(*tables));

	if (tables == NULL)
		return NULL;
	tables->routes = routes_create();
	if (tables->routes == NULL) {
		free(tables);
		return NULL;
	}
	return tables;
}

void
tables_free(struct tables *tables)
{
	if (tables == NULL)
		return;
	for (unsigned int kind = 0; kind < TABLES_KINDS; kind++)
		tdestroy(tables->roots[kind], free);
	routes_free(tables->routes);
	free(tables);
}

static struct row *
find(const struct tables *tables, enum tables_kind kind, const void *key)
{
	union probe probe;
	void *found;

	memcpy(probe.row.content, key, kinds[kind].size);
	found = tfind(&probe, &tables->roots[kind], kinds[kind].compare);
	return found != NULL ? *(struct row **)found : NULL;
}

int
tables_put(struct tables *tables, enum tables_kind kind, const void *content)
{
	const size_t size = kinds[kind].size;
	struct row *row = find(tables, kind, content);
	const bool is_new = row == NULL;

	if (is_new) {
		row = malloc(sizeof(*row) + size);
		if (row == NULL)
			return -ENOMEM;
		memcpy(row->content, content, size);
		if (tsearch(row, &tables->roots[kind], kinds[kind].compare) == NULL) {
			free(row);
			return -ENOMEM;
		}
		tables->counts[kind]++;
	}
	row->generation = tables->generation;
	if (!is_new && memcmp(row->content, content, size) == 0)
		return 0;
	memcpy(row->content, content, size);
	tables->changed = true;
	return 1;
}

static void
take_out(struct tables *tables, enum tables_kind kind, struct row *row)
{
	tdelete(row, &tables->roots[kind], kinds[kind].compare);
	free(row);
	tables->counts[kind]--;
	tables->changed = true;
}

bool
tables_remove(struct tables *tables, enum tables_kind kind, const void *key)
{
	struct row *row = find(tables, kind, key);

	if (row != NULL)
		take_out(tables, kind, row);
	return row != NULL;
}

void
tables_begin(struct tables *tables)
{
	tables->generation++;
	routes_begin(tables->routes);
}

struct sweep {
	uint32_t generation, n, capacity;
	struct row **old;
};

static void
collect(const void *node, VISIT which, void *closure)
{
	struct row *row = *(struct row *const *)node;
	struct sweep *sweep = closure;

	if ((which == postorder || which == leaf) && row->generation != sweep->generation)
		sweep->old[sweep->n++] = row;
}

uint32_t
tables_sweep(struct tables *tables, enum tables_kind kind)
{
	struct sweep sweep = {.generation = tables->generation};

	sweep.old = calloc(tables->counts[kind] + 1, sizeof(struct row *));
	if (sweep.old == NULL)
		return 0; // the next one will find them
	twalk_r(tables->roots[kind], collect, &sweep);
	for (uint32_t i = 0; i < sweep.n; i++)
		take_out(tables, kind, sweep.old[i]);
	free(sweep.old);
	return sweep.n;
}

const struct kernel_link *
tables_link(const struct tables *tables, int32_t ifindex)
{
	const struct kernel_link key = {.ifindex = ifindex};
	const struct row *row = find(tables, TABLES_LINKS, &key);

	return row != NULL ? (const void *)row->content : NULL;
}

const struct kernel_nexthop *
tables_nexthop(const struct tables *tables, uint32_t id)
{
	const struct kernel_nexthop key = {.id = id};
	const struct row *row = find(tables, TABLES_NEXTHOPS, &key);

	return row != NULL ? (const void *)row->content : NULL;
}

const struct kernel_neighbor *
tables_neighbor(const struct tables *tables, int32_t ifindex, const struct cw_ip *ip)
{
	const struct kernel_neighbor key = {.ifindex = ifindex, .ip = ip_host(ip)};
	const struct row *row = find(tables, TABLES_NEIGHBORS, &key);

	return row != NULL ? (const void *)row->content : NULL;
}

const struct kernel_fdb *
tables_fdb(const struct tables *tables, int32_t ifindex, const uint8_t mac[6])
{
	struct kernel_fdb key = {.ifindex = ifindex};
	const struct row *row;

	memcpy(key.mac, mac, sizeof(key.mac));
	row = find(tables, TABLES_FDB, &key);
	return row != NULL ? (const void *)row->content : NULL;
}

struct walk {
	void (*fn)(void *arg, const void *entry);
	void *arg;
};

static void
visit(const void *node, VISIT which, void *closure)
{
	const struct walk *walk = closure;

	if (which == postorder || which == leaf)
		walk->fn(walk->arg, (*(struct row *const *)node)->content);
}

void
tables_each(const struct tables *tables, enum tables_kind kind,
	void (*fn)(void *arg, const void *entry), void *arg)
{
	struct walk walk = {.fn = fn, .arg = arg};

	twalk_r(tables->roots[kind], visit, &walk);
}

struct by_name {
	const char *name;
	const struct kernel_link *found;
};

static void
match_name(void *arg, const void *entry)
{
	const struct kernel_link *link = entry;
	struct by_name *search = arg;

	if (strcmp(link->name, search->name) == 0)
		search->found = link;
}

const struct kernel_link *
tables_link_by_name(const struct tables *tables, const char *name)
{
	struct by_name search = {.name = name};

	tables_each(tables, TABLES_LINKS, match_name, &search);
	return search.found;
}

struct by_address {
	const struct cw_ip *ip;
	int32_t found;
};

static void
match_address(void *arg, const void *entry)
{
	const struct kernel_address *address = entry;
	struct by_address *search = arg;

	if (search->found == 0 && ip_same_address(&address->ip, search->ip))
		search->found = address->ifindex;
}

int32_t
tables_address_owner(const struct tables *tables, const struct cw_ip *ip)
{
	struct by_address search = {.ip = ip};

	tables_each(tables, TABLES_ADDRESSES, match_address, &search);
	return search.found;
}

bool
neighbor_is_valid(const struct kernel_neighbor *neighbor)
{
	return (neighbor->state
		       & (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY
			       | NUD_PROBE))
		       != 0
	       && !mac_is_zero(neighbor->mac);
}
