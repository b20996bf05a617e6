/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_NEXTHOP_PRIVATE_H
#define TABLES_NEXTHOP_PRIVATE_H

// What the nexthop*.c files share. Main thread only, but for what is marked atomic.

#include <sys/queue.h>

#include "nexthop.h"
#include "nexthop_group.h"
#include "nexthop_remote.h"

// What the main thread knows of a next hop: the object as set.
struct record {
	TAILQ_ENTRY(record) next; // in the list of its kind
	struct remote_member remote; // of tunnels
	struct cw_nexthop object; // with its members
};

TAILQ_HEAD(record_list, record);

// What workers see, in one piece of memory.
struct published {
	struct nexthop nexthop;
	struct nexthop_tunnel tunnel __rte_cache_aligned;
	struct cw_ip via;
	struct nexthop_group group;
};

struct nexthops {
	struct dataplane *dp;
	int socket_id;
	uint32_t count;
	struct record_list direct; // dependent on ports, networks, neighbours
	struct record_list groups, tunnels; // dependent on other next hops
	struct record *records[CW_MAX_NEXTHOPS];
	struct published *ready[CW_MAX_NEXTHOPS]; // atomic, NULL = none
	uint32_t memberships[CW_MAX_NEXTHOPS]; // in groups, whether the member exists or not
	uint32_t underlies[CW_MAX_NEXTHOPS]; // how many tunnels name it, whether it exists or not
	struct nexthop connected[CW_MAX_NETWORKS]; // NEXTHOP_OWN_CONNECTED
	struct remotes *remotes;
};

// A next hop before it has memory of its own. The pointers of 'nexthop' are set with that.
struct draft {
	struct nexthop nexthop;
	bool has_via, has_tunnel;
	struct cw_ip via;
	struct nexthop_tunnel tunnel;
	uint32_t size; // of the group, in buckets; 0: none
	uint32_t n_members;
	struct cw_member members[CW_MAX_MEMBERS];
};

// nexthop_build.c
// What a next hop that is no group comes to now.
void nexthop_draft(
	const struct nexthops *nexthops, const struct cw_nexthop *object, struct draft *draft);
// NULL: no memory.
struct published *nexthop_make(const struct nexthops *nexthops, const struct draft *draft);
bool nexthop_says_the_same(const struct published *published, const struct draft *draft);
// Stands for another next hop.
void nexthop_draft_alias(struct draft *draft, uint32_t id);

// nexthop_tunnel.c
void nexthop_draft_tunnel(
	const struct nexthops *nexthops, const struct cw_nexthop *object, struct draft *draft);

#endif
