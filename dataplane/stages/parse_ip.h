/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_PARSE_IP_H
#define STAGES_PARSE_IP_H

// What makes an IP header right: shared by parse and express.

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_ip.h>

// Shortest header of the transports that later stages look into, by protocol.
extern const uint8_t parse_l4_min[UINT8_MAX + 1];

// The ones' complement sum is all ones: the sum of all words is a multiple of 2^16 - 1 (and not
// zero, as the version is not). Headers without options take three loads.
static inline bool
ipv4_checksum_is_right(const struct rte_ipv4_hdr *ip, uint32_t len)
{
	const uint8_t *at = (const uint8_t *)ip;
	uint64_t half[2], sum;
	uint32_t word;

	memcpy(half, at, sizeof(half));
	memcpy(&word, at + sizeof(half), sizeof(word));
	sum = (half[0] >> 32) + (half[0] & UINT32_MAX) + (half[1] >> 32) + (half[1] & UINT32_MAX)
	      + word;
	if (unlikely(len > sizeof(*ip)))
		sum += rte_raw_cksum(ip + 1, len - sizeof(*ip));
	return sum % UINT16_MAX == 0;
}

static inline bool
ipv6_is_extension(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS
	       || proto == IPPROTO_FRAGMENT;
}

#endif
