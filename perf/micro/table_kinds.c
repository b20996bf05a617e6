/* SPDX-License-Identifier: Apache-2.0 */
#include "table_kinds.h"

#include <stdlib.h>
#include <string.h>

#include "plane_private.h"
#include "stages/route_cache.h"
#include "tables/fdb.h"
#include "tables/key_table.h"
#include "tables/lpm.h"
#include "tables/neighbor.h"
#include "tables/nexthop.h"
#include "tables/vtep.h"

#define MILLION 1000000
#define LPM_BYTES (1ul << 30)
#define UDP_PORT 8472

// Numbers that lie as far from each other as MACs and addresses of different makers do.
static uint32_t
scatter(uint32_t entry)
{
	return entry * 2654435761u;
}

// --- 8-byte keys

static uint64_t words[TABLE_BURST];

static void *
fill_key_table(struct plane *plane, uint32_t n)
{
	struct key_table *table = key_table_create("micro", n, plane->dp->qsbr, SOCKET_ID_ANY);

	for (uint32_t i = 0; table != NULL && i < n; i++)
		if (key_table_set(table, scatter(i), i) != 0)
			plane_fail("key table is full");
	return table;
}

static void
draw_word(uint32_t place, uint32_t entry)
{
	words[place] = scatter(entry);
}

static uint32_t
lookup_key_table(void *table, uint32_t n)
{
	uint64_t values[TABLE_BURST];

	return (uint32_t)__builtin_popcountll(key_table_get_bulk(table, words, n, values));
}

static void
free_key_table(void *table)
{
	key_table_free(table);
}

// --- FDB

static struct rte_ether_addr
mac_of(uint32_t entry)
{
	const uint32_t word = scatter(entry);
	struct rte_ether_addr mac = {{2, 7}};

	memcpy(mac.addr_bytes + 2, &word, sizeof(word));
	return mac;
}

static void *
fill_fdb(struct plane *plane, uint32_t n)
{
	struct fdb *fdb = fdb_create(n, plane->dp->qsbr, SOCKET_ID_ANY);

	for (uint32_t i = 0; fdb != NULL && i < n; i++) {
		const struct rte_ether_addr mac = mac_of(i);

		if (fdb_set(fdb, 0, &mac, PLANE_OUT, false, 0) != 0)
			plane_fail("FDB is full");
	}
	return fdb;
}

static void
draw_mac(uint32_t place, uint32_t entry)
{
	const struct rte_ether_addr mac = mac_of(entry);

	words[place] = fdb_make_key(0, &mac);
}

static uint32_t
lookup_fdb(void *table, uint32_t n)
{
	struct fdb_entry entries[TABLE_BURST];

	return (uint32_t)__builtin_popcountll(fdb_lookup_bulk(table, words, n, entries));
}

static void
free_fdb(void *table)
{
	fdb_free(table);
}

// --- addresses

static struct cw_ip ips[TABLE_BURST];
static rte_be32_t ips4[TABLE_BURST];
static const uint8_t *ips6[TABLE_BURST];

// 64.0.0.0/6 and fd07::/64 in an odd order, each address once.
static struct cw_ip
ip_of(uint32_t entry, uint8_t family)
{
	const rte_be32_t low = rte_cpu_to_be_32((64u << 24) + (scatter(entry) & 0x3ffffff));
	struct cw_ip ip = {.family = family, .prefix = family == 4 ? 32 : 128};

	if (family == 6) {
		ip.addr[0] = 0xfd;
		ip.addr[1] = 7;
	}
	memcpy(ip.addr + (family == 4 ? 0 : 12), &low, sizeof(low));
	return ip;
}

static void
draw_ip4(uint32_t place, uint32_t entry)
{
	ips[place] = ip_of(entry, 4);
	memcpy(&ips4[place], ips[place].addr, sizeof(ips4[place]));
}

static void
draw_ip6(uint32_t place, uint32_t entry)
{
	ips[place] = ip_of(entry, 6);
	ips6[place] = ips[place].addr;
}

// --- neighbours

static void *
fill_neighbors(struct plane *plane, uint32_t n, uint8_t family)
{
	static const struct rte_ether_addr mac = {{2, 0, 0, 0, 1, PLANE_OUT}};
	struct neighbors *neighbors = neighbors_create(plane->dp, n, SOCKET_ID_ANY);

	for (uint32_t i = 0; neighbors != NULL && i < n; i++) {
		const struct cw_ip ip = ip_of(i, family);

		if (neighbor_set(neighbors, NEIGHBOR_STATIC, 0, &ip, &mac, PLANE_OUT) != 0) {
			neighbors_free(neighbors); // no memory for so many
			return NULL;
		}
	}
	return neighbors;
}

static void *
fill_neighbors4(struct plane *plane, uint32_t n)
{
	return fill_neighbors(plane, n, 4);
}

static void *
fill_neighbors6(struct plane *plane, uint32_t n)
{
	return fill_neighbors(plane, n, 6);
}

static uint32_t
count_found(const struct neighbor **found, uint32_t n)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += found[i] != NULL;
	return count;
}

static uint32_t
lookup_neighbors4(void *table, uint32_t n)
{
	static const uint16_t networks[TABLE_BURST];
	const struct neighbor *found[TABLE_BURST];

	neighbor_lookup4_bulk(table, networks, ips4, n, found);
	return count_found(found, n);
}

static uint32_t
lookup_neighbors6(void *table, uint32_t n)
{
	static const uint16_t networks[TABLE_BURST];
	const struct neighbor *found[TABLE_BURST];

	neighbor_lookup6_bulk(table, networks, ips6, n, found);
	return count_found(found, n);
}

static void
free_neighbors(void *table)
{
	neighbors_free(table);
}

// --- routes: whole addresses; bench_tables has the Internet's prefixes

struct routes {
	struct lpm *lpm;
	struct lpm_table *table;
};

static void *
fill_routes(struct plane *plane, uint32_t n, uint8_t family)
{
	struct routes *routes = calloc(1, sizeof(*routes));

	if (routes == NULL)
		return NULL;
	routes->lpm = lpm_create(LPM_BYTES, plane->dp->qsbr, SOCKET_ID_ANY);
	routes->table = lpm_table_create(routes->lpm, family == 4 ? 32 : 128);
	for (uint32_t i = 0; i < n; i++) {
		const struct cw_ip ip = ip_of(i, family);

		if (lpm_set(routes->table, ip.addr, ip.prefix, 1 + i % 1000) != 0)
			plane_fail("no room for routes");
	}
	return routes;
}

static void *
fill_routes4(struct plane *plane, uint32_t n)
{
	return fill_routes(plane, n, 4);
}

static void *
fill_routes6(struct plane *plane, uint32_t n)
{
	return fill_routes(plane, n, 6);
}

static uint32_t
count_routes(const uint32_t *nexthops, uint32_t n)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += nexthops[i] != LPM_MISS;
	return count;
}

static uint32_t
lookup_routes4(void *table, uint32_t n)
{
	uint32_t nexthops[TABLE_BURST];

	lpm_lookup4_bulk(((struct routes *)table)->table, ips4, n, nexthops);
	return count_routes(nexthops, n);
}

static uint32_t
lookup_routes6(void *table, uint32_t n)
{
	uint32_t nexthops[TABLE_BURST];

	lpm_lookup6_bulk(((struct routes *)table)->table, ips6, n, nexthops);
	return count_routes(nexthops, n);
}

static void
free_routes(void *table)
{
	struct routes *routes = table;

	lpm_free(routes->lpm);
	free(routes);
}

// --- what workers remember of routes: of whole /24s, or of each address

#define CACHED_NEXTHOP 101

struct cached {
	struct plane *plane;
	struct route_cache *cache;
	uint32_t n_routes;
	uint8_t length; // of them
};

static void *
fill_cached(struct plane *plane, uint32_t n_routes, uint8_t length)
{
	const struct cw_nexthop object = {.id = CACHED_NEXTHOP,
		.kind = CW_NEXTHOP_PORT,
		.port = PLANE_OUT,
		.mac = {2, 0, 0, 0, 1, PLANE_OUT}};
	struct cached *cached = calloc(1, sizeof(*cached));

	if (cached == NULL || nexthop_set(plane->dp->nexthops, &object) != 0)
		plane_fail("no next hop");
	*cached = (struct cached){plane, route_cache_create(SOCKET_ID_ANY), n_routes, length};
	if (cached->cache == NULL)
		plane_fail("no route cache");
	for (uint32_t i = 0; i < n_routes; i++) {
		const struct cw_ip ip = ip_of(i, 4);

		if (lpm_set(plane->dp->networks[0]->routes4, ip.addr, length, CACHED_NEXTHOP) != 0)
			plane_fail("no room for routes");
	}
	return cached;
}

static void *
fill_cached_hosts(struct plane *plane, uint32_t n)
{
	return fill_cached(plane, n, 32);
}

// One route for all: what is remembered is not fewer blocks for it.
static void *
fill_cached_blocks(struct plane *plane, uint32_t n)
{
	return fill_cached(plane, 1, 6);
}

static uint32_t
lookup_cached(void *table, uint32_t n)
{
	const struct nexthop *nexthops[TABLE_BURST];
	struct cached *cached = table;
	uint32_t count = 0;

	route_cache_lookup4(cached->cache, cached->plane->dp, 0, ips4, (uint16_t)n, nexthops);
	for (uint32_t i = 0; i < n; i++)
		count += nexthop_forwards(nexthops[i]);
	return count;
}

static void
free_cached(void *table)
{
	struct cached *cached = table;

	for (uint32_t i = 0; i < cached->n_routes; i++) {
		const struct cw_ip ip = ip_of(i, 4);

		lpm_del(cached->plane->dp->networks[0]->routes4, ip.addr, cached->length);
	}
	route_cache_free(cached->cache);
	free(cached);
}

// --- next hops

static uint32_t ids[TABLE_BURST];

static void *
fill_nexthops(struct plane *plane, uint32_t n)
{
	struct nexthops *nexthops = nexthops_create(plane->dp, SOCKET_ID_ANY);
	struct cw_nexthop object = {
		.kind = CW_NEXTHOP_PORT, .port = PLANE_OUT, .mac = {2, 0, 0, 0, 1, PLANE_OUT}};

	for (object.id = 1; nexthops != NULL && object.id <= n; object.id++)
		if (nexthop_set(nexthops, &object) != 0)
			plane_fail("no next hop");
	return nexthops;
}

static void
draw_id(uint32_t place, uint32_t entry)
{
	ids[place] = entry + 1;
}

// With a look at what is found, as the route stage does.
static uint32_t
lookup_nexthops(void *table, uint32_t n)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += nexthop_select(table, ids[i], i)->action == NEXTHOP_FORWARD;
	return count;
}

static void
free_nexthops(void *table)
{
	nexthops_free(table);
}

// --- vteps

static void *
fill_vteps(struct plane *plane, uint32_t n, uint8_t family)
{
	struct vteps *vteps = vteps_create(plane->dp, SOCKET_ID_ANY);
	struct cw_vtep object = {.kind = CW_TUNNEL_VXLAN, .udp_port = UDP_PORT};

	for (uint32_t i = 0; vteps != NULL && i < n; i++) {
		object.id = i + 1;
		object.address = ip_of(i, family);
		if (vtep_set(vteps, &object) != 0)
			plane_fail("no vtep");
	}
	return vteps;
}

static void *
fill_vteps4(struct plane *plane, uint32_t n)
{
	return fill_vteps(plane, n, 4);
}

static void *
fill_vteps6(struct plane *plane, uint32_t n)
{
	return fill_vteps(plane, n, 6);
}

static uint32_t
lookup_vteps4(void *table, uint32_t n)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += vtep_lookup4(table, PLANE_IN, ips4[i], RTE_BE16(UDP_PORT)) != NULL;
	return count;
}

static uint32_t
lookup_vteps6(void *table, uint32_t n)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += vtep_lookup6(table, PLANE_IN, ips6[i], RTE_BE16(UDP_PORT)) != NULL;
	return count;
}

static void
free_vteps(void *table)
{
	vteps_free(table);
}

// --- VNIs

static uint32_t
vni_of(uint32_t entry)
{
	return 1 + (scatter(entry) & 0xfffff);
}

static void *
fill_vnis(struct plane *plane, uint32_t n)
{
	struct vteps *vteps = vteps_create(plane->dp, SOCKET_ID_ANY);

	for (uint32_t i = 0; vteps != NULL && i < n; i++)
		if (vtep_set_vni(vteps, vni_of(i), i) != 0)
			plane_fail("no room for a VNI");
	return vteps;
}

static void
draw_vni(uint32_t place, uint32_t entry)
{
	ids[place] = vni_of(entry);
}

static uint32_t
lookup_vnis(void *table, uint32_t n)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += vtep_vni_network(table, ids[i]) != UINT16_MAX;
	return count;
}

const struct table_kind table_kinds[] = {
	{"key_table", MILLION, fill_key_table, draw_word, lookup_key_table, free_key_table},
	{"fdb", MILLION, fill_fdb, draw_mac, lookup_fdb, free_fdb},
	{"neighbor4", MILLION, fill_neighbors4, draw_ip4, lookup_neighbors4, free_neighbors},
	{"neighbor6", MILLION, fill_neighbors6, draw_ip6, lookup_neighbors6, free_neighbors},
	{"route4", MILLION, fill_routes4, draw_ip4, lookup_routes4, free_routes},
	{"route6", MILLION, fill_routes6, draw_ip6, lookup_routes6, free_routes},
	{"cached_host4", MILLION, fill_cached_hosts, draw_ip4, lookup_cached, free_cached},
	{"cached_block4", MILLION, fill_cached_blocks, draw_ip4, lookup_cached, free_cached},
	{"nexthop", CW_MAX_NEXTHOPS - 1, fill_nexthops, draw_id, lookup_nexthops, free_nexthops},
	{"vtep4", CW_MAX_VTEPS - 1, fill_vteps4, draw_ip4, lookup_vteps4, free_vteps},
	{"vtep6", CW_MAX_VTEPS - 1, fill_vteps6, draw_ip6, lookup_vteps6, free_vteps},
	{"vni", CW_MAX_NETWORKS, fill_vnis, draw_vni, lookup_vnis, free_vteps},
	{0},
};
