/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_NEXTHOP_SHARE_H
#define CONTROL_NEXTHOP_SHARE_H

// Next hops that routes, neighbours and FDB entries describe inline: equal ones are shared, and go
// with their last user. Main thread.

#include "changes.h"
#include "schema.h"

// Keys that describe a next hop: nexthop | kind | via | port, mac, via | vtep, remote, mac, vni,
// underlay; mtu.
#define TARGET_FIELDS                                                                 \
	{"nexthop", FIELD_INTEGER, false, 1, CW_MAX_NEXTHOPS - 1}, {"via", FIELD_IP}, \
		{"port", FIELD_NAME, false, 1, CW_NAME_LEN - 1}, {"mac", FIELD_MAC},  \
		{"mtu", FIELD_INTEGER, false, CW_MTU_MIN, CW_MTU_MAX}, TUNNEL_FIELDS
#define TUNNEL_FIELDS                                                          \
	{"vtep", FIELD_NAME, false, 1, CW_NAME_LEN - 1}, {"remote", FIELD_IP}, \
		{"vni", FIELD_INTEGER, false, 1, CW_VNI_MAX},                  \
	{                                                                      \
		"underlay", FIELD_INTEGER, false, 1, CW_MAX_NEXTHOPS - 1       \
	}

extern const char *const target_kinds[]; // that need no more than their name; ends with NULL

struct nexthop_share;

// For a transaction. Returns NULL: no memory.
struct nexthop_share *nexthop_share_new(struct transaction *t, struct causewayd *d);
// Deletes, in the transaction, the next hops that have lost their last user; ends the collection.
void nexthop_share_end(struct nexthop_share *share); // accepts NULL

// The identifier of a next hop with the content of wanted: one that is there, or a new one that the
// transaction puts. Returns 0 with failure.
uint32_t nexthop_share_get(
	struct nexthop_share *share, const struct nexthop *wanted, struct failure *failure);
// The same for a next hop that json describes, members aside (types are checked).
uint32_t nexthop_share_target(
	struct nexthop_share *share, uint32_t network, const cJSON *json, struct failure *failure);
// The same for a group; members is the list of what its members lead to, with weights.
uint32_t nexthop_share_group(struct nexthop_share *share, uint32_t network, const cJSON *members,
	struct failure *failure);

// An object that refers to a next hop comes, or goes. 0 is no next hop.
void nexthop_share_keep(struct nexthop_share *share, uint32_t id);
void nexthop_share_drop(struct nexthop_share *share, uint32_t id);

#endif
