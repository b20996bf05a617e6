/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_NEXTHOP_REMOTE_H
#define TABLES_NEXTHOP_REMOTE_H

// Which peers the tunnel next hops lead to: (vtep, network, address) -> the lowest next hop.
// Writer: main thread. Readers: workers, lock-free.

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <causeway/wire.h>

struct dataplane;
struct remotes;

#define REMOTE_ANY_NETWORK UINT16_MAX

// What a next hop holds while it is in the index. Main thread only.
struct remote_node {
	LIST_ENTRY(remote_node) link;
	uint32_t id; // of the next hop
};
struct remote_member {
	struct remote_node in_network, anywhere;
};

struct remotes *remotes_create(struct dataplane *dp, int socket_id); // NULL: no memory
void remotes_free(struct remotes *remotes);

// Main thread. member stays the caller's and where it is until it is taken out. 0 or -ENOMEM.
int remote_add(struct remotes *remotes, uint16_t vtep, uint16_t network, const struct cw_ip *ip,
	uint32_t nexthop, struct remote_member *member);
// What was added with the same arguments.
void remote_del(struct remotes *remotes, uint16_t vtep, uint16_t network, const struct cw_ip *ip,
	struct remote_member *member);

// Any thread that reports quiescent states: the lowest next hop to this peer in the network, or in
// any (REMOTE_ANY_NETWORK); 0: none. ip->prefix does not count.
uint32_t remote_find(
	const struct remotes *remotes, uint16_t vtep, uint16_t network, const struct cw_ip *ip);

#endif
