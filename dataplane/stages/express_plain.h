/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_EXPRESS_PLAIN_H
#define STAGES_EXPRESS_PLAIN_H

// Whether parse, classify and guard find nothing in a frame: shared by the finders of plain
// packets.

#include "stages/express.h"
#include "stages/guard_source.h"
#include "stages/parse_ip.h"

#define L3 RTE_ETHER_HDR_LEN
#define MAC_BITS ((UINT64_C(1) << 48) - 1)
// Shortest plain packets: with 8 bytes behind the IP header, so that ports may be read.
#define PLAIN4_MIN (sizeof(struct rte_ipv4_hdr) + 8)
#define PLAIN6_MIN (sizeof(struct rte_ipv6_hdr) + 8)

static inline uint64_t
load64(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline uint32_t
load32(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

// Version 4, no options, no fragment: of the first 8 bytes of the header.
static inline uint64_t
unusual4(uint64_t word)
{
	static const uint8_t usual[8] = {RTE_IPV4_VHL_DEF};
	static const uint8_t mask[8] = {[0] = 0xff, [6] = 0x3f, [7] = 0xff};

	return (word ^ load64(usual)) & load64(mask);
}

// Whether parse, classify and guard find nothing. len: of the frame.
static inline bool
is_plain4(const struct express_ready *ready, const uint8_t *frame, uint32_t len)
{
	const struct rte_ipv4_hdr *ip = (const void *)(frame + L3);
	uint64_t wrong;
	uint32_t total;

	if (unlikely(len < L3 + PLAIN4_MIN))
		return false;
	wrong = (load64(frame + 6) ^ ready->source4) & ready->source_mask;
	wrong |= unusual4(load64(frame + L3));
	wrong |= (load64(frame + L3 + 8) ^ ready->address4) & ready->address4_mask;
	if (unlikely(wrong != 0) || unlikely((frame[0] & 1) != 0))
		return false;
	total = rte_be_to_cpu_32(load32(frame + L3)) & UINT16_MAX; // its total length
	return likely(total - PLAIN4_MIN <= len - L3 - PLAIN4_MIN)
	       && likely(total - sizeof(*ip) >= parse_l4_min[ip->next_proto_id])
	       && likely(load32(frame + L3 + sizeof(*ip))
			 != RTE_BE32(DHCP_SERVER << 16 | DHCP_CLIENT))
	       && likely(ipv4_checksum_is_right(ip, sizeof(*ip)));
}

static inline bool
is_plain6(const struct express_ready *ready, const uint8_t *frame, uint32_t len)
{
	const struct rte_ipv6_hdr *ip = (const void *)(frame + L3);
	uint32_t payload;

	if (len < L3 + PLAIN6_MIN
		|| ((load64(frame + 6) ^ ready->source6) & ready->source_mask) != 0
		|| (frame[0] & 1) != 0 || frame[L3] >> 4 != 6)
		return false;
	payload = rte_be_to_cpu_16(ip->payload_len);
	return payload >= RTE_MAX(8u, (uint32_t)parse_l4_min[ip->proto])
	       && payload <= len - L3 - sizeof(*ip) && !ipv6_is_extension(ip->proto)
	       && ip->proto != IPPROTO_ICMPV6
	       && load32(frame + L3 + sizeof(*ip)) != RTE_BE32(DHCP6_SERVER << 16 | DHCP6_CLIENT)
	       && (!ready->guards_ip || guard_owns6(ready->port, ipv6_src(ip)));
}

// mac: with two more readable bytes behind it.
static inline fdb_key
key_of(const struct express_ready *ready, const uint8_t *mac)
{
	return (load64(mac) & MAC_BITS) | ready->network_key;
}

#endif
