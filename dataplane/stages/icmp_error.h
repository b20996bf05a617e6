/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_ICMP_ERROR_H
#define STAGES_ICMP_ERROR_H

// A stage asks for an ICMP error by setting ctx->drop, icmp_type, icmp_code (in the packet's own
// family) and icmp_info (MTU or pointer, else 0) and handing the packet to "icmp_error". Whether
// one is sent or not, the packet is dropped there with ctx->drop.

#include <stdbool.h>
#include <stdint.h>

// Token bucket, filled at ICMP_ERRORS_PER_SECOND (RFC 1812, 4.3.2.8; RFC 4443, 2.4 (f)).
#define ICMP_ERRORS_PER_SECOND 1000
#define ICMP_ERRORS_BURST 100

struct icmp_bucket {
	uint64_t tsc; // up to when tokens came back
	uint32_t taken; // at most ICMP_ERRORS_BURST
	uint16_t packet_id; // of the next IPv4 error
};

// Takes a token. The owning worker only. hz: cycles of now_tsc a second, not 0.
bool icmp_bucket_take(struct icmp_bucket *bucket, uint64_t now_tsc, uint64_t hz);

struct rte_mbuf;
struct packet_ctx;
struct network;

// Whether the rules allow an error of ctx->icmp_type about this packet (RFC 1812, 4.3.2.7; RFC
// 4443, 2.4 (e)). network: where it came in.
bool icmp_error_is_allowed(
	const struct rte_mbuf *m, const struct packet_ctx *ctx, const struct network *network);

// The router's address that the error comes from: the one the packet was sent to, else the one
// whose subnet holds the sender, else any of the family. NULL when there is none; points into the
// network or the frame.
const uint8_t *icmp_error_source(
	const struct rte_mbuf *m, const struct packet_ctx *ctx, const struct network *network);

#endif
