/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_RESOLVE_H
#define SERVER_RESOLVE_H

// Who has which address on the links of networks with CW_NETWORK_RESOLVE: the switch asks by ARP
// (RFC 826) and neighbour solicitations (RFC 4861, 7.2 and 7.3), puts answers into the neighbour
// table, asks again before it forgets. Ports with endpoints and the host port are not asked: what
// is behind those is known. Main thread.
//
// An address is looked for by RESOLVE_TRIES requests, a second apart. One that answered is asked
// directly after RESOLVE_REACHABLE_S, and forgotten when that is not answered either.

#include <stdbool.h>
#include <stdint.h>

#include "objects.h"

#define RESOLVE_TRIES 3
#define RESOLVE_REACHABLE_S 30
#define RESOLVE_MAX 4096 // addresses of all networks together

struct rte_ether_addr;
struct resolve;

struct resolve *resolve_create(struct dataplane *dp, struct objects *objects); // NULL: no memory
void resolve_free(struct resolve *resolve);

// A packet waits for ip, or for the next hop of that id (0: on link) with this gateway. Returns
// false when the network leaves the asking to others.
bool resolve_wanted(
	struct resolve *resolve, uint16_t network, const struct cw_ip *ip, uint32_t nexthop);
// ip said from behind this port that its MAC is mac. What nobody asked for is not kept.
void resolve_seen(struct resolve *resolve, uint16_t network, uint16_t port,
	const struct rte_ether_addr *mac, const struct cw_ip *ip);
// Tells next hops and workers what changed since the last call.
void resolve_settle(struct resolve *resolve);
// Asks again, forgets. Once a second.
void resolve_second(struct resolve *resolve);
uint32_t resolve_count(const struct resolve *resolve);

#endif
