/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/route_lookup.h"

#include "tables/lpm.h"
#include "tables/neighbor.h"
#include "tables/route_blocks.h"
#include "worker.h"

static const struct nexthop no_route = {.action = ROUTE_NO_ROUTE};
static const struct nexthop no_nexthop = {.action = ROUTE_NO_NEXTHOP};

// What the neighbour table did not know: indices of the burst.
struct misses {
	uint16_t n;
	uint16_t at[WORKER_BURST];
};

static void
take_neighbors(const struct neighbor **found, uint16_t n, const struct nexthop **nexthop,
	struct misses *misses)
{
	misses->n = 0;
	for (uint16_t i = 0; i < n; i++) {
		if (likely(found[i] != NULL))
			nexthop[i] = &found[i]->nexthop;
		else
			misses->at[misses->n++] = i;
	}
}

static const struct nexthop *
resolve(const struct dataplane *dp, uint32_t id)
{
	const struct nexthop *nexthop;

	if (id == LPM_MISS)
		return &no_route;
	nexthop = nexthop_get(dp->nexthops, id);
	return nexthop != NULL ? nexthop : &no_nexthop;
}

// How many misses from 'start' on are of one network.
static uint16_t
run_length(const struct misses *misses, const uint16_t *network, uint16_t start)
{
	uint16_t end = start;

	while (end < misses->n && network[misses->at[end]] == network[misses->at[start]])
		end++;
	return (uint16_t)(end - start);
}

// Destinations of one family; each function below is compiled for each.
struct wanted {
	bool is_v6;
	union {
		const rte_be32_t *v4;
		const uint8_t *const *v6;
	};
};

// Longest prefixes for addresses of one network; places are those of the burst.
static __rte_always_inline void
lookup_routes(const struct network *network, const struct wanted *wanted, const uint16_t *place,
	uint16_t n, uint32_t *id)
{
	rte_be32_t v4[WORKER_BURST];
	const uint8_t *v6[WORKER_BURST];

	for (uint16_t i = 0; i < n; i++) {
		if (wanted->is_v6)
			v6[i] = wanted->v6[place[i]];
		else
			v4[i] = wanted->v4[place[i]];
		id[i] = LPM_MISS;
	}
	if (network != NULL && wanted->is_v6)
		lpm_lookup6_bulk(network->routes6, v6, n, id);
	else if (network != NULL)
		lpm_lookup4_bulk(network->routes4, v4, n, id);
}

static __rte_always_inline void
lookup(const struct dataplane *dp, const uint16_t *network, struct wanted wanted, uint16_t n,
	const struct nexthop **nexthop)
{
	const struct neighbor *found[WORKER_BURST];
	uint32_t id[WORKER_BURST];
	struct misses misses;

	if (wanted.is_v6)
		neighbor_lookup6_bulk(dp->neighbors, network, wanted.v6, n, found);
	else
		neighbor_lookup4_bulk(dp->neighbors, network, wanted.v4, n, found);
	take_neighbors(found, n, nexthop, &misses);
	for (uint16_t start = 0, count; start < misses.n; start = (uint16_t)(start + count)) {
		const uint16_t *at = misses.at + start;

		count = run_length(&misses, network, start);
		lookup_routes(dp_network(dp, network[*at]), &wanted, at, count, id);
		for (uint16_t i = 0; i < count; i++)
			nexthop[at[i]] = resolve(dp, id[i]);
	}
}

void
route_lookup4(const struct dataplane *dp, const uint16_t *network, const rte_be32_t *ip, uint16_t n,
	const struct nexthop **nexthop)
{
	lookup(dp, network, (struct wanted){.v4 = ip}, n, nexthop);
}

void
route_lookup6(const struct dataplane *dp, const uint16_t *network, const uint8_t *const *ip,
	uint16_t n, const struct nexthop **nexthop)
{
	lookup(dp, network, (struct wanted){.is_v6 = true, .v6 = ip}, n, nexthop);
}

const struct nexthop *
route_block4(const struct dataplane *dp, uint16_t network, rte_be32_t ip)
{
	const struct network *found = dp_network(dp, network);
	uint32_t id;

	if (found == NULL || neighbor_may_be_near(dp->neighbors, network, ip)
		|| !lpm_lookup_block(found->routes4, (const uint8_t *)&ip, ROUTE_BLOCK_LENGTH, &id))
		return NULL;
	return resolve(dp, id);
}

const struct nexthop *
route_member(const struct dataplane *dp, const struct nexthop *group, uint32_t hash)
{
	const struct nexthop *member = nexthop_member(dp->nexthops, group, hash);

	return member != NULL ? member : &no_nexthop;
}
