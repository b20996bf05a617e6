/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_REWRITE_L3_H
#define STAGES_REWRITE_L3_H

// What the router changes in a frame: shared by rewrite and express.

#include <stdbool.h>
#include <string.h>

#include "checksum.h"
#include "tables/nexthop.h"

static inline void
rewrite_macs(struct rte_ether_hdr *ether, const struct nexthop *nexthop)
{
	memcpy(ether, &nexthop->header, sizeof(nexthop->header));
}

// One hop less to live. TTL and protocol share one word of the IPv4 header (RFC 1624).
static inline void
rewrite_hop(void *header, bool is_v4)
{
	struct rte_ipv4_hdr *ip = header;
	uint16_t from, to;

	if (!is_v4) {
		((struct rte_ipv6_hdr *)header)->hop_limits--;
		return;
	}
	memcpy(&from, &ip->time_to_live, sizeof(from));
	ip->time_to_live--;
	memcpy(&to, &ip->time_to_live, sizeof(to));
	ip->hdr_checksum = checksum_replace16(ip->hdr_checksum, from, to);
}

#endif
