/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_ROUTE_LOOKUP_H
#define STAGES_ROUTE_LOOKUP_H

// Destination -> next hop: the neighbour with the address, else the longest prefix. Shared by route
// and express. Workers; answers are valid until the next quiescent state.

#include <stdint.h>

#include <rte_byteorder.h>

#include "dataplane.h"
#include "tables/nexthop.h"

// Actions of the answers that no table holds.
enum route_action {
	ROUTE_NO_ROUTE = NEXTHOP_TUNNEL + 1,
	ROUTE_NO_NEXTHOP,
	ROUTE_ACTIONS,
};

// n <= 64 addresses, each in its network (id). Every nexthop[i] is set; groups are not resolved.
void route_lookup4(const struct dataplane *dp, const uint16_t *network, const rte_be32_t *ip,
	uint16_t n, const struct nexthop **nexthop);
void route_lookup6(const struct dataplane *dp, const uint16_t *network, const uint8_t *const *ip,
	uint16_t n, const struct nexthop **nexthop);
// What route_lookup4() says for every address that has its first 24 bits in common with ip, but the
// one that ends in 0; NULL when that may differ.
const struct nexthop *route_block4(const struct dataplane *dp, uint16_t network, rte_be32_t ip);
// The member of a group that a flow takes.
const struct nexthop *route_member(
	const struct dataplane *dp, const struct nexthop *group, uint32_t hash);

#endif
