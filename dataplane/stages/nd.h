/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_ND_H
#define STAGES_ND_H

// Neighbour discovery messages (RFC 4861, section 4) as the guard and the nd stage read them.

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_ether.h>

#include "packet.h"

enum nd_type {
	ND_ROUTER_SOLICITATION = 133,
	ND_ROUTER_ADVERTISEMENT,
	ND_NEIGHBOR_SOLICITATION,
	ND_NEIGHBOR_ADVERTISEMENT,
	ND_REDIRECT,
};

enum nd_option_type {
	ND_OPTION_SOURCE_ADDRESS = 1,
	ND_OPTION_TARGET_ADDRESS = 2,
};

enum nd_flag {
	ND_FLAG_ROUTER = 0x80,
	ND_FLAG_SOLICITED = 0x40,
	ND_FLAG_OVERRIDE = 0x20,
};

struct nd_message {
	uint8_t type; // nd_type
	uint8_t code;
	rte_be16_t checksum;
	uint8_t flags; // nd_flag, advertisements only
	uint8_t reserved[3];
	uint8_t target[16]; // not in router solicitations and advertisements
};

struct nd_link_option {
	uint8_t type; // nd_option_type
	uint8_t length; // in units of 8 bytes
	struct rte_ether_addr mac;
};

static inline bool
ipv6_is_link_local(const uint8_t addr[16])
{
	static const uint8_t prefix[8] = {0xfe, 0x80};

	return memcmp(addr, prefix, sizeof(prefix)) == 0; // fe80::/64, RFC 4291, 2.5.6
}

static inline bool
ipv6_is_unspecified(const uint8_t addr[16])
{
	static const uint8_t zero[16];

	return memcmp(addr, zero, sizeof(zero)) == 0;
}

// Whether the packet is a neighbour discovery message, or the start of a fragmented one.
static inline bool
packet_is_nd(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	if (ctx->ether_type != RTE_ETHER_TYPE_IPV6 || ctx->ip_proto != IPPROTO_ICMPV6
		|| ctx->fragment == PACKET_LATER_FRAGMENT)
		return false;
	const uint8_t *type = packet_l4(m, ctx);

	return *type >= ND_ROUTER_SOLICITATION && *type <= ND_REDIRECT;
}

// Bytes of the ICMPv6 message, or 0 when the frame's first segment does not hold all of it.
static inline uint32_t
nd_length(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	uint32_t l3_bytes = (uint32_t)sizeof(struct rte_ipv6_hdr)
			    + rte_be_to_cpu_16(packet_ipv6(m, ctx)->payload_len);

	if (ctx->l2_len + l3_bytes > m->data_len || l3_bytes < ctx->l3_len)
		return 0;
	return l3_bytes - ctx->l3_len;
}

// Bytes before the options of a message, by type.
static inline uint32_t
nd_header_length(uint8_t type)
{
	switch (type) {
	case ND_ROUTER_SOLICITATION:
		return 8;
	case ND_ROUTER_ADVERTISEMENT:
		return 16;
	case ND_REDIRECT:
		return 40;
	default:
		return sizeof(struct nd_message);
	}
}

// Looks for an option with a link-layer address among the 'len' bytes of a message. Returns false
// when the message is too short for its type or an option has length zero, runs over the end or,
// being link-layer, is too short. *found is NULL when there is no such option.
static inline bool
nd_find_link_option(
	const void *message, uint32_t len, uint8_t type, const struct nd_link_option **found)
{
	const uint8_t *bytes = message;
	uint32_t at = nd_header_length(bytes[0]);

	*found = NULL;
	if (len < at)
		return false;
	while (at < len) {
		const struct nd_link_option *option = (const void *)(bytes + at);

		if (len - at < sizeof(*option) || option->length == 0
			|| option->length * 8u > len - at)
			return false;
		if (option->type == type && *found == NULL)
			*found = option;
		at += option->length * 8u;
	}
	return true;
}

#endif
