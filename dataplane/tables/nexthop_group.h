/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_NEXTHOP_GROUP_H
#define TABLES_NEXTHOP_GROUP_H

#include "nexthop.h"

// How many buckets members of these weights need: a power of two. n is 1 .. CW_MAX_MEMBERS.
uint32_t nexthop_group_size(const struct cw_member *members, uint32_t n);
// Fills 'size' buckets; every member gets at least one.
void nexthop_group_fill(
	struct nexthop_group *group, const struct cw_member *members, uint32_t n, uint32_t size);

#endif
