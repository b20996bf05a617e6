/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATAPLANE_CHECKSUM_H
#define DATAPLANE_CHECKSUM_H

// Internet checksums (RFC 1071) beyond what DPDK brings: updates of a changed word (RFC 1624), sums
// over chains with segments of odd length, pseudo-headers behind IPv6 extension headers, and the
// completion of a checksum that a sender left to its device. Any thread. Sums and words are in
// memory order, as they lie in the frame.

#include <stdint.h>
#include <string.h>

#include "packet.h"

static inline uint16_t
checksum_fold(uint32_t sum)
{
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}

// The checksum after one word under it changed (RFC 1624, equation 3).
static inline uint16_t
checksum_replace16(uint16_t checksum, uint16_t from, uint16_t to)
{
	uint32_t sum = (uint32_t)(uint16_t)~checksum + (uint16_t)~from + to;

	return (uint16_t)~checksum_fold(sum);
}

// The same for 4 bytes on a word boundary.
static inline uint16_t
checksum_replace32(uint16_t checksum, uint32_t from, uint32_t to)
{
	checksum = checksum_replace16(checksum, (uint16_t)from, (uint16_t)to);
	return checksum_replace16(checksum, (uint16_t)(from >> 16), (uint16_t)(to >> 16));
}

// Writes the folded, uninverted sum over len bytes from offset. rte_raw_cksum_mbuf() loses carries
// when a segment that starts at an odd place is summed, hence ours. Returns 0, or -EINVAL when the
// frame is shorter.
int checksum_sum(const struct rte_mbuf *m, uint32_t offset, uint32_t len, uint16_t *sum);

// Folded, uninverted sum of the pseudo-header (RFC 793, 3.1; RFC 8200, 8.1). l4_len in bytes, host
// order.
uint16_t checksum_pseudo4(const struct rte_ipv4_hdr *ip, uint8_t proto, uint32_t l4_len);
uint16_t checksum_pseudo6(const struct rte_ipv6_hdr *ip, uint8_t proto, uint32_t l4_len);

// Completes the TCP or UDP checksum that the frame's metadata says is unfinished (see port.h) and
// clears that metadata; the headers are where ctx says. Writes to the first segment only, which
// must not be shared. Nothing to do is success. Returns 0, or -EINVAL when the metadata contradicts
// the headers or the lengths do not fit the frame.
int checksum_finish(struct rte_mbuf *m, const struct packet_ctx *ctx);

#endif
