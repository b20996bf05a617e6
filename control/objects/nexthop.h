/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_NEXTHOP_H
#define OBJECTS_NEXTHOP_H

#include "types.h"

extern const char *const nexthop_kinds[]; // names by cw_nexthop_kind, from 1; ends with NULL

// "port", "via", "host", "blackhole", "unreachable", "prohibit", "group" or "tunnel".
const char *nexthop_kind_name(const struct nexthop *nexthop);

// A next hop refers to those of lower ranks only: plain ones, groups of them, tunnels (whose
// underlay may be a group), groups of tunnels. In this order they are loaded and sent, and in the
// reverse one deleted.
#define NEXTHOP_RANKS 4
unsigned int nexthop_rank(const struct nexthop *nexthop);

// Of nexthop_class, see there.
struct object *nexthop_from_json(
	const struct objects *objects, const cJSON *json, struct failure *failure);

// The keys of kind "tunnel": vtep, remote, vni, underlay, mac, mtu (of their right types). The
// remote suits the vtep, the underlay is no tunnel. Returns 0, or a negative number with failure.
int nexthop_read_tunnel(const struct objects *objects, struct nexthop *nexthop, const cJSON *json,
	struct failure *failure);
// Appends a member to a group with room for it; groups do not nest. Returns as above.
int nexthop_add_member(const struct objects *objects, struct nexthop *group, uint32_t id,
	uint32_t weight, struct failure *failure);

// "vtep" and "remote" of next hop id, when it is a tunnel.
void nexthop_show_tunnel(const struct objects *objects, uint32_t id, cJSON *json);

#endif
