/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_NEXTHOP_H
#define TABLES_NEXTHOP_H

// Next hops: what a route points at. A next hop is immutable once published and replaced by a copy,
// so that failover is one store however many routes share it. Writer: main thread. Readers:
// workers, lock-free.

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include <causeway/limits.h>
#include <causeway/wire.h>

struct dataplane;

enum nexthop_action {
	NEXTHOP_FORWARD = 1, // rewrite with the header below, send to out_port
	NEXTHOP_HOST, // the same towards the host port, whatever the MTU of the network says
	NEXTHOP_LOCAL, // the router's own address
	NEXTHOP_CONNECTED, // on link, but no neighbour known: resolution wanted
	NEXTHOP_BLACKHOLE,
	NEXTHOP_UNREACHABLE,
	NEXTHOP_PROHIBIT,
	NEXTHOP_GROUP,
	NEXTHOP_TUNNEL, // encapsulate with the header of .tunnel, send to out_port
};

// Everything in front of the inner frame (VXLAN) or packet (IPIP, UDP), ready to be copied:
// Ethernet without tags, IP, UDP and VXLAN, as far as the kind has them. Lengths, the UDP source
// port, checksums, DSCP, ECN and the IPv4 identification are the packet's own.
#define TUNNEL_HEADER_MAX 72 // 14 + 40 + 8 + 8, rounded up
struct nexthop_tunnel {
	uint8_t kind; // cw_tunnel_kind
	uint8_t header_len; // bytes of header[]
	uint8_t outer_v6; // 0 or 1
	uint8_t checksum; // 1: UDP checksum wanted (IPv6 always)
	uint16_t vtep; // id
	uint16_t underlay_network; // of the uplink, for its VLAN tag
	// Where several underlays share the load (ECMP): next hops of action NEXTHOP_FORWARD when
	// this one was made; the flow's member says Ethernet addresses, port and network. NULL: the
	// header is complete.
	const struct nexthop_group *underlay;
	uint8_t header[TUNNEL_HEADER_MAX] __rte_aligned(8);
	// Sums over header[], not inverted, with zero where the packet's own values go: of the IPv4
	// header, and of the UDP header with its pseudo-header without lengths.
	uint16_t ip_sum, udp_sum;
	uint32_t remote_hash; // of the remote's address, for "is this where it came from"
	struct cw_ip remote;
};

// Buckets of an ECMP group: a power of two, filled in proportion to the weights. At least 64, and
// more until each member's share is within 2% of what its weight asks for (or 4,096 are reached).
struct nexthop_group {
	uint32_t mask;
	uint32_t bucket[]; // next-hop ids
};

// Room for a group of one member: whoever stands for another next hop, whatever that becomes.
union nexthop_alias {
	struct nexthop_group group;
	uint32_t words[2]; // mask 0, id
};

struct nexthop {
	uint8_t action; // nexthop_action
	uint8_t reserved;
	uint16_t out_port;
	uint16_t mtu; // of the path, L3 bytes
	uint16_t network;
	struct {
		struct rte_ether_addr dst, src;
	} header; // ready to be copied over the frame's
	const struct nexthop_group *group;
	const struct cw_ip *via; // of NEXTHOP_CONNECTED: whom to resolve, NULL = the destination
	// NEXTHOP_TUNNEL: mtu is in inner terms (L3 bytes that fit the tunnel), header.dst and
	// header.src are the inner MACs of routed packets.
	const struct nexthop_tunnel *tunnel;
	uint32_t id; // as on the wire; 0: ready-made one of a neighbour
};

// Whether packets leave by its out_port, in a tunnel or not.
static inline bool
nexthop_forwards(const struct nexthop *nexthop)
{
	return (nexthop->action == NEXTHOP_FORWARD || nexthop->action == NEXTHOP_TUNNEL
		       || nexthop->action == NEXTHOP_HOST)
	       && nexthop->out_port != 0;
}

struct nexthops;
struct network;
struct dp_port;

// Forwards to mac by a port of a network: what next hops of kind PORT and neighbours have in
// common. Sets action, out_port, header and mtu.
void nexthop_to_port(const struct network *network, const struct dp_port *port,
	const uint8_t mac[6], struct nexthop *nexthop);

// As in nexthop_tunnel.remote_hash. No two IPv4 addresses share one, and IPv6 addresses only by
// chance.
static inline uint32_t
nexthop_remote_hash(const uint8_t *addr, bool is_v6)
{
	uint64_t half[2];
	uint32_t word;

	if (!is_v6) {
		__builtin_memcpy(&word, addr, sizeof(word));
		return word;
	}
	__builtin_memcpy(half, addr, sizeof(half));
	half[0] = (half[0] * UINT64_C(0x9e3779b97f4a7c15)) ^ half[1];
	return (uint32_t)(half[0] * UINT64_C(0xc2b2ae3d27d4eb4f) >> 32);
}

struct nexthops *nexthops_create(struct dataplane *dp, int socket_id);
void nexthops_free(struct nexthops *nexthops);

// Main thread. Adds or replaces from the wire object; the caller has checked that references exist.
// A VIA next hop is resolved against the neighbours now and again by nexthops_resolve(). Groups and
// tunnels that refer to it follow at once. A PORT without MAC, and a tunnel whose underlay is not
// resolved, has action NEXTHOP_CONNECTED with the id, network and via of who is to be resolved; a
// tunnel without its vtep is NEXTHOP_UNREACHABLE.
// Returns 0, -EINVAL (no or nested members, bad kind, id, weight or address), -ENOENT (member
// absent), -ENOMEM. object->members must hold n_members.
int nexthop_set(struct nexthops *nexthops, const struct cw_nexthop *object);
// Routes that still point at it drop with reason no_nexthop; groups go on with the rest of their
// members. Returns 0 or -ENOENT.
int nexthop_del(struct nexthops *nexthops, uint32_t id);
// The wire object as last set, or NULL.
const struct cw_nexthop *nexthop_object(const struct nexthops *nexthops, uint32_t id);
// Recomputes every next hop that depends on a neighbour, a port, a network or a vtep that changed.
void nexthops_resolve(struct nexthops *nexthops);
uint32_t nexthops_count(const struct nexthops *nexthops);

// Workers: the next hop with this id, groups resolved by the flow hash; NULL when there is none.
const struct nexthop *nexthop_select(const struct nexthops *nexthops, uint32_t id, uint32_t hash);
// Workers: the same without resolving groups.
const struct nexthop *nexthop_get(const struct nexthops *nexthops, uint32_t id);
// Workers: the member of a group (action NEXTHOP_GROUP) by the flow hash, NULL when it is gone.
// Never a group: members may stand for others (union nexthop_alias), these for no more.
const struct nexthop *nexthop_member(
	const struct nexthops *nexthops, const struct nexthop *group, uint32_t hash);

// Main thread and workers: whether some tunnel next hop of this vtep has this remote (strict mode,
// learning). *id is the lowest such next hop of the network, 0 when there is none in it.
bool nexthop_has_remote(const struct nexthops *nexthops, uint16_t vtep, uint16_t network,
	const struct cw_ip *remote, uint32_t *id);

// Identifiers above CW_MAX_NEXTHOPS are the data plane's own, one per meaning and network:
// the leaf values of the routes that a network brings with it.
#define NEXTHOP_OWN_CONNECTED(network) (CW_MAX_NEXTHOPS + (uint32_t)(network))
#define NEXTHOP_OWN_LAST (CW_MAX_NEXTHOPS + CW_MAX_NETWORKS)

#endif
