/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/route_lookup.h"

#include "tables/lpm.h"
#include "tables/neighbor.h"
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

void
route_lookup4(const struct dataplane *dp, const uint16_t *network, const rte_be32_t *ip, uint16_t n,
	const struct nexthop **nexthop)
{
	const struct neighbor *found[WORKER_BURST];
	uint32_t id[WORKER_BURST];
	rte_be32_t some[WORKER_BURST];
	struct misses misses;

	neighbor_lookup4_bulk(dp->neighbors, network, ip, n, found);
	take_neighbors(found, n, nexthop, &misses);
	for (uint16_t start = 0, count; start < misses.n; start = (uint16_t)(start + count)) {
		const uint16_t *at = misses.at + start;
		const struct network *of = dp_network(dp, network[*at]);

		count = run_length(&misses, network, start);
		for (uint16_t i = 0; i < count; i++) {
			some[i] = ip[at[i]];
			id[i] = LPM_MISS;
		}
		if (of != NULL)
			lpm_lookup4_bulk(of->routes4, some, count, id);
		for (uint16_t i = 0; i < count; i++)
			nexthop[at[i]] = resolve(dp, id[i]);
	}
}

void
route_lookup6(const struct dataplane *dp, const uint16_t *network, const uint8_t *const *ip,
	uint16_t n, const struct nexthop **nexthop)
{
	const struct neighbor *found[WORKER_BURST];
	uint32_t id[WORKER_BURST];
	const uint8_t *some[WORKER_BURST];
	struct misses misses;

	neighbor_lookup6_bulk(dp->neighbors, network, ip, n, found);
	take_neighbors(found, n, nexthop, &misses);
	for (uint16_t start = 0, count; start < misses.n; start = (uint16_t)(start + count)) {
		const uint16_t *at = misses.at + start;
		const struct network *of = dp_network(dp, network[*at]);

		count = run_length(&misses, network, start);
		for (uint16_t i = 0; i < count; i++) {
			some[i] = ip[at[i]];
			id[i] = LPM_MISS;
		}
		if (of != NULL)
			lpm_lookup6_bulk(of->routes6, some, count, id);
		for (uint16_t i = 0; i < count; i++)
			nexthop[at[i]] = resolve(dp, id[i]);
	}
}

const struct nexthop *
route_member(const struct dataplane *dp, const struct nexthop *group, uint32_t hash)
{
	const struct nexthop *member = nexthop_member(dp->nexthops, group, hash);

	return member != NULL ? member : &no_nexthop;
}
