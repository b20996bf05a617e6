/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_NEIGHBOR_H
#define TABLES_NEIGHBOR_H

// Who has which address: (network, IP) -> MAC and port, for endpoints, static neighbours and the
// router's own addresses. Exact match; the router asks here before the LPM, ARP and ND answer from
// here. Writer: main thread. Readers: workers, lock-free; entries live until the reader's next
// quiescent state.

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_rcu_qsbr.h>

#include "nexthop.h"

struct dataplane;
struct neighbors;

enum neighbor_kind {
	NEIGHBOR_ENDPOINT = 1, // a pod of this node
	NEIGHBOR_STATIC, // configured or mirrored
	NEIGHBOR_RESOLVED, // answered when the switch asked
	NEIGHBOR_ROUTER, // the network's own router address: nexthop.action is NEXTHOP_LOCAL
};

struct neighbor {
	uint8_t kind; // neighbor_kind
	uint8_t reserved[3];
	uint16_t network;
	uint16_t port; // id; 0 for the router, and behind a next hop
	struct rte_ether_addr mac;
	uint32_t behind; // next hop that leads there, 0: port says where
	// Ready-made: what a packet to this address needs. Behind a next hop: a group
	// (NEXTHOP_GROUP) of that one, so that it follows it.
	struct nexthop nexthop;
	union nexthop_alias alias; // nexthop.group of the latter
};

// max_entries of both families together. Returns NULL with rte_errno set.
struct neighbors *neighbors_create(struct dataplane *dp, uint32_t max_entries, int socket_id);
void neighbors_free(struct neighbors *neighbors);

// Main thread. Adds or replaces. ip->prefix is ignored. The header's source is the network's router
// MAC, its MTU the smaller of network and port; at an uplink both are the port's, at a sub-port the
// source is its parent's MAC. Returns 0,
// -ENOSPC, -ENOENT (network or port unknown).
int neighbor_set(struct neighbors *neighbors, uint8_t kind, uint16_t network,
	const struct cw_ip *ip, const struct rte_ether_addr *mac, uint16_t port);
// The same for an address behind the next hop 'behind' (not 0), whether that exists or not.
int neighbor_set_behind(struct neighbors *neighbors, uint8_t kind, uint16_t network,
	const struct cw_ip *ip, const struct rte_ether_addr *mac, uint32_t behind);
// Removes it when it is of this kind. Returns 0 or -ENOENT.
int neighbor_del(
	struct neighbors *neighbors, uint8_t kind, uint16_t network, const struct cw_ip *ip);
// Removes all of this kind in the network.
void neighbors_flush(struct neighbors *neighbors, uint8_t kind, uint16_t network);
// Rebuilds the ready-made next hops after a port or network changed.
void neighbors_refresh(struct neighbors *neighbors, uint16_t network);
uint32_t neighbors_count(const struct neighbors *neighbors);

// Any thread that reports quiescent states. NULL when not known.
const struct neighbor *neighbor_lookup4(
	const struct neighbors *neighbors, uint16_t network, rte_be32_t ip);
const struct neighbor *neighbor_lookup6(
	const struct neighbors *neighbors, uint16_t network, const uint8_t ip[16]);
// Workers: whether an IPv4 address that has its first 24 bits in common with this one, and does not
// end in 0, may be known.
bool neighbor_may_be_near(const struct neighbors *neighbors, uint16_t network, rte_be32_t ip);
// Workers: n <= 64. found[i] is NULL when not known.
void neighbor_lookup4_bulk(const struct neighbors *neighbors, const uint16_t *network,
	const rte_be32_t *ip, uint32_t n, const struct neighbor **found);
void neighbor_lookup6_bulk(const struct neighbors *neighbors, const uint16_t *network,
	const uint8_t(*const *ip), uint32_t n, const struct neighbor **found);

#endif
