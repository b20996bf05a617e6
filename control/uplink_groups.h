/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_UPLINK_GROUPS_H
#define CONTROL_UPLINK_GROUPS_H

// Multicast groups of the vteps behind an uplink: the kernel is a member of them (IGMP, MLD, the
// device's filter), because the device and its addresses are the kernel's.

#include "objects/objects.h"

struct uplink_group {
	struct cw_ip ip;
	int fd; // of the socket that is the member
	bool wanted;
};

struct uplink_groups {
	struct uplink_group *groups;
	unsigned int n;
};

// Joins and leaves until the groups are those of the port's vteps. What cannot be joined now is
// tried again the next time. Returns how many those are.
unsigned int uplink_groups_update(struct uplink_groups *groups, const struct objects *objects,
	const struct port *port, int ifindex);
// Leaves all.
void uplink_groups_free(struct uplink_groups *groups);

#endif
