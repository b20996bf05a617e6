/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_REWRITE_L3_H
#define STAGES_REWRITE_L3_H

// What the router changes in a frame: shared by rewrite and express.

#include <stdbool.h>
#include <string.h>

#include "packet.h"
#include "tables/nexthop.h"

static inline void
rewrite_macs(struct rte_ether_hdr *ether, const struct nexthop *nexthop)
{
	memcpy(ether, &nexthop->header, sizeof(nexthop->header));
}

// One hop less to live: at least one is left before. The TTL is the first byte of its 16-bit word,
// so that the sum of the header falls by 0x100 and the checksum rises by as much (RFC 1624,
// equation 3 with m' = m - 0x100).
static inline void
rewrite_hop4(struct rte_ipv4_hdr *ip)
{
	uint32_t sum = (uint16_t)~ip->hdr_checksum + (uint32_t)(UINT16_MAX - RTE_BE16(0x100));

	ip->time_to_live--;
	ip->hdr_checksum = (rte_be16_t) ~((sum & UINT16_MAX) + (sum >> 16));
}

static inline void
rewrite_hop6(struct rte_ipv6_hdr *ip)
{
	ip->hop_limits--;
}

static inline void
rewrite_hop(void *header, bool is_v4)
{
	if (likely(is_v4))
		rewrite_hop4(header);
	else
		rewrite_hop6(header);
}

#endif
