/* SPDX-License-Identifier: Apache-2.0 */
#include "hash.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_thash.h>

#include "headers.h"

#define IP_TYPES (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP)
#define WORDS 9 // two IPv6 addresses and the ports

const uint8_t hash_default_key[HASH_KEY] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41,
	0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4,
	0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01,
	0xfa};

static void
order(struct tuple *tuple)
{
	uint8_t address[16];
	uint16_t port = tuple->src_port;

	if (memcmp(tuple->src, tuple->dst, 16) > 0) {
		memcpy(address, tuple->src, 16);
		memcpy(tuple->src, tuple->dst, 16);
		memcpy(tuple->dst, address, 16);
	}
	if (rte_be_to_cpu_16(tuple->src_port) > rte_be_to_cpu_16(tuple->dst_port)) {
		tuple->src_port = tuple->dst_port;
		tuple->dst_port = port;
	}
}

// The ports count where their protocol was asked for.
static bool
has_ports(const struct tuple *tuple, uint64_t types)
{
	if (types == 0)
		return tuple->src_port != 0 || tuple->dst_port != 0;
	return (tuple->protocol == IPPROTO_UDP && (types & RTE_ETH_RSS_UDP) != 0)
	       || (tuple->protocol == IPPROTO_TCP && (types & RTE_ETH_RSS_TCP) != 0);
}

uint32_t
hash_frame(const struct frame *frame, bool inner, uint64_t types, const uint8_t key[HASH_KEY],
	bool is_symmetric)
{
	struct tuple tuple;
	uint32_t words[WORDS];
	uint8_t bytes[WORDS * 4];
	size_t n = 0;

	if (!tuple_of(frame->data, frame->length, inner, &tuple)
		|| (types != 0 && (types & IP_TYPES) == 0))
		return 0;
	if (is_symmetric)
		order(&tuple);
	memcpy(bytes, tuple.src, tuple.address_size);
	memcpy(bytes + tuple.address_size, tuple.dst, tuple.address_size);
	n = 2u * tuple.address_size;
	if (has_ports(&tuple, types)) {
		memcpy(bytes + n, &tuple.src_port, 2);
		memcpy(bytes + n + 2, &tuple.dst_port, 2);
		n += 4;
	}
	for (size_t i = 0; i < n / 4; i++) {
		rte_be32_t word;

		memcpy(&word, bytes + 4 * i, 4);
		words[i] = rte_be_to_cpu_32(word);
	}
	return rte_softrss(words, (uint32_t)(n / 4), key);
}

uint32_t
hash_outer(const struct frame *frame)
{
	return hash_frame(frame, false, 0, hash_default_key, false);
}
