/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIRROR_PLAN_PRIVATE_H
#define MIRROR_PLAN_PRIVATE_H

// What the files of a plan share: devices.c (what a device is to Causeway), nodes.c (next hops),
// resolve.c (chains), bridging.c (L2 entries), plan.c (routes, the pass).

#include "mirror/plan.h"

enum device_role {
	DEVICE_UPLINK, // of a port with CW_PORT_UPLINK, or a VLAN on it
	DEVICE_TUNNEL, // vxlan or ipip over an uplink
};

struct mirror_device {
	int32_t ifindex;
	uint8_t role; // device_role
	bool is_up;
	uint32_t port, network; // UPLINK
	uint32_t vtep; // TUNNEL: id
	const struct kernel_link *link;
};

// A local end that devices share: their address and port are the same.
struct tunnel_end {
	struct tunnel_end *next;
	uint32_t id; // 0: there is none
	uint32_t pass;
	struct vtep wanted;
	int32_t mac_of; // device whose MAC it has, 0: none
	bool is_static; // a vtep that is not ours serves it
};

struct table_network {
	uint32_t number; // routing table or VNI
	uint32_t network;
};

enum node_kind {
	NODE_PATH, // what hops say: of a route, or of the underlay of a tunnel
	NODE_OBJECT, // next-hop object of the kernel
	NODE_REMOTE, // the other end of a tunnel, for frames (L2)
	NODE_SPECIAL, // blackhole, unreachable, prohibit
};

// A next hop of ours is known by this. Compared by its bytes.
struct node_key {
	uint8_t kind; // node_kind
	uint8_t type; // SPECIAL: RTN_*
	uint16_t mtu;
	uint32_t network;
	uint32_t object; // OBJECT
	uint32_t vni; // REMOTE
	int32_t ifindex; // REMOTE
	struct cw_ip remote; // REMOTE
	uint8_t mac[6]; // REMOTE: inner destination of routed packets, zero: for frames alone
	uint16_t reserved;
	uint32_t n_hops; // PATH
	struct kernel_hop hops[];
};

struct node {
	struct node *next; // all nodes
	uint32_t id;
	uint32_t pass; // in which it was wanted last
	bool is_usable; // of that pass: it leads where Causeway can send
	bool asked; // the kernel was asked for its neighbour
	uint8_t kind; // of what it became, cw_nexthop_kind
	uint8_t mac[6]; // last one known of the neighbour
	int32_t ifindex; // device of the neighbour on an uplink that it leads to; 0: none
	struct cw_ip gateway; // that neighbour
	struct node_key key;
};

struct plan {
	struct tables *tables;
	struct objects *objects;
	const struct plan_sink *sink; // of the pass
	struct plan_filter filter;
	uint32_t pass;
	unsigned int n_changes; // of the pass
	bool refused;
	unsigned int waited; // passes that routes have waited for
	bool full; // no identifier was left, and it was said
	struct mirror_device *devices; // by ifindex
	uint32_t n_devices;
	struct tunnel_end *ends;
	struct table_network *by_table, *by_vni; // by number
	uint32_t n_by_table, n_by_vni;
	void *nodes_by_key;
	struct node *nodes;
	struct node *by_id[CW_MAX_NEXTHOPS];
	void *wanted; // L2 entries of the pass, by class and key
};

// --- devices.c

// Finds out what devices and networks are, and puts vteps. Returns 0 or -ENOMEM.
int devices_scan(struct plan *plan);
void devices_free(struct plan *plan);
const struct mirror_device *device_of(const struct plan *plan, int32_t ifindex); // NULL: foreign
// Deletes vteps that are no longer wanted and that nothing refers to. Returns whether some are
// left.
bool ends_collect(struct plan *plan);
// UINT32_MAX: none.
uint32_t network_of_table(const struct plan *plan, uint32_t table);
uint32_t network_of_vni(const struct plan *plan, uint32_t vni);

// --- nodes.c

size_t node_key_size(const struct node_key *key);
// The node with this key, made when there is none, and resolved if it was not in this pass. Returns
// NULL: no memory, or no identifier left.
struct node *node_get(struct plan *plan, const struct node_key *key, uint8_t origin);
// Takes the MACs of next hops that are no longer wanted and whose device is down.
void nodes_lose_ways(struct plan *plan);
// Deletes next hops that are no longer wanted and that nothing refers to. Returns whether some are
// left.
bool nodes_collect(struct plan *plan);
void nodes_free(struct plan *plan);

// --- resolve.c

// What a next hop of the data plane is, with room for members.
union resolved {
	struct nexthop nexthop;
	char room[sizeof(struct nexthop) + CW_MAX_MEMBERS * sizeof(struct cw_member)];
};
// Follows the chain of a node. Returns whether it leads where Causeway can send; then 'to' says
// how.
bool resolve(struct plan *plan, struct node *node, uint8_t origin, union resolved *to);
// The node that packets to a tunnel's other end take; lower: device they must leave by, 0: as
// routes say. NULL: none.
struct node *resolve_underlay(struct plan *plan, const struct cw_ip *remote, int32_t lower);
// Where a vxlan device sends what its table says of fdb, or, when that is NULL, what it has no
// entry for: one peer. Returns false when there is none, or none that a vtep of ours could send to.
bool resolve_remote_of(const struct plan *plan, const struct kernel_link *link,
	const struct kernel_fdb *fdb, struct cw_ip *remote, uint32_t *vni);

// --- bridging.c

// FDB, flood lists and neighbours of vxlan devices whose VNI is a network's; gateways and underlays
// of what users configured. Returns 0 or -ENOMEM.
int bridging(struct plan *plan);
// The uplink that the gateway of a next hop of kind VIA or PORT is on link of; NULL: none.
const struct mirror_device *gateway_device(const struct plan *plan, const struct nexthop *nexthop);

// --- plan.c

// Puts an object unless the tree has the same, or one that is not ours. Takes it over. L2 entries
// are noted as wanted.
void plan_put(struct plan *plan, struct object *object);
void plan_delete(struct plan *plan, struct object *object);
// Whether the data plane would be told the same of both.
bool plan_same(const struct object *a, const struct object *b);
// Whose device or route it is, for people.
uint8_t plan_origin(uint8_t protocol, const struct kernel_link *link);
bool plan_takes_interface(const struct plan *plan, const char *name);

#endif
