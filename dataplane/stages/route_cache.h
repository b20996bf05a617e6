/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_ROUTE_CACHE_H
#define STAGES_ROUTE_CACHE_H

// Answers of route_lookup4() that one worker remembers: a neighbour look-up and a longest prefix
// match cost a packet several cache misses, and most packets go where others just went. Whatever
// changes in the tables changes dp->generation or lpm_generation(), and nothing older than those is
// ever found.

#include "stages/route_lookup.h"

struct route_cache;

// Before the worker starts. Returns NULL: no memory.
struct route_cache *route_cache_create(int socket_id);
void route_cache_free(struct route_cache *cache);

// The worker that owns it: like route_lookup4(), all addresses in one network, n <= WORKER_BURST.
// Returns true when all next hops are known to forward (nexthop_forwards()).
bool route_cache_lookup4(struct route_cache *cache, const struct dataplane *dp, uint16_t network,
	const rte_be32_t *ip, uint16_t n, const struct nexthop **nexthop);

#endif
