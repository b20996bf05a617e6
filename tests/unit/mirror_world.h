/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIRROR_WORLD_H
#define MIRROR_WORLD_H

// A kernel that exists in tables only, a tree of objects, and the plan between them. The node has
// eth0 (index 2, 192.168.0.1/24 and fd00::1/64, a default route by 192.168.0.254), which is uplink
// port "uplink" (id 1) of network "default" (id 0, VNI 1, the kernel's main table).

#include "mirror/plan.h"

#define ETH0 2
#define ETH1 3
#define UPLINK 1

struct world {
	struct tables *tables;
	struct objects *objects;
	struct plan *plan;
	struct object *puts[200000]; // of the pass
	struct object *dels[200000];
	unsigned int n_puts, n_dels;
	unsigned int n_nexthops; // of the last passes: next hops that were put
	unsigned int n_routes; // routes that were put or deleted
	unsigned int n_asked;
	int32_t asked_ifindex;
	struct cw_ip asked;
};

struct world *world_create(void);
void world_free(struct world *world);
// Passes until nothing is left to do.
void world_settle(struct world *world);
// One pass with at most so many routes. Returns whether another is needed.
bool world_pass(struct world *world, unsigned int max_routes);
struct plan_sink world_sink(struct world *world);

// The kernel. Addresses are text.
void kernel_ether(struct world *world, int32_t ifindex, const char *name, bool up);
void kernel_vxlan(struct world *world, int32_t ifindex, const char *name, uint32_t vni,
	const char *local, const char *mac);
void kernel_address(struct world *world, int32_t ifindex, const char *prefixed);
void kernel_neighbor(
	struct world *world, int32_t ifindex, const char *ip, const char *mac, uint16_t state);
void kernel_fdb(struct world *world, int32_t ifindex, const char *mac, const char *remote);
struct kernel_route kernel_route_to(const char *prefix, uint8_t protocol);
void kernel_hop(struct kernel_route *route, int32_t ifindex, const char *gateway);
// A route of one hop, with metric 0 in the main table.
void kernel_route(struct world *world, const char *prefix, const char *gateway, int32_t ifindex,
	uint8_t protocol);
void kernel_unroute(struct world *world, const char *prefix, const char *gateway, int32_t ifindex,
	uint8_t protocol);

// Causeway's tree.
void world_add(struct world *world, struct object *object);
const struct route *world_route(const struct world *world, const char *prefix);
// Where the route to a prefix leads; fails the test when there is none.
const struct nexthop *world_nexthop(const struct world *world, const char *prefix);
unsigned int world_mirrored(const struct world *world, enum object_type type);

void assert_ip(const struct cw_ip *ip, const char *text);
void assert_mac(const uint8_t mac[6], const char *text);

#endif
