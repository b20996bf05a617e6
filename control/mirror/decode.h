/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIRROR_DECODE_H
#define MIRROR_DECODE_H

// Messages of rtnetlink as entries of the kernel's tables (kernel.h). The message must be whole;
// what its attributes hold is checked. Each returns 1 when the entry is one that the mirror keeps,
// 0 when it is not, or -EBADMSG. Next-hop objects, and attributes of neighbours and routes that
// libnl 3.7 does not know, are read from the raw attributes, and so is everything else: one way for
// all, and no object of libnl for each of many routes.

#include <linux/netlink.h>

#include "mirror/kernel.h"

int decode_link(struct nlmsghdr *message, struct kernel_link *link);
int decode_address(struct nlmsghdr *message, struct kernel_address *address);
// Neighbours of IPv4 and IPv6.
int decode_neighbor(struct nlmsghdr *message, struct kernel_neighbor *neighbor);
// Neighbours of AF_BRIDGE: entries of vxlan devices themselves (NTF_SELF).
int decode_fdb(struct nlmsghdr *message, struct kernel_fdb *fdb);
int decode_route(struct nlmsghdr *message, struct kernel_route *route);
int decode_nexthop(struct nlmsghdr *message, struct kernel_nexthop *nexthop);
// 1 when the rule is none of those that every Linux has.
int decode_rule(struct nlmsghdr *message);

#endif
