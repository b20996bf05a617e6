/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_ROUTE_BLOCKS_H
#define TABLES_ROUTE_BLOCKS_H

// A 16-bit number for each /24 of each network, for as many as are in use: the first 12 bits of an
// address find a page, the next 12 the place in it (as in P. Gupta, S. Lin, N. McKeown, "Routing
// Lookups in Hardware at Memory Access Speeds", INFOCOM 1998, cut in two). 32 blocks in a row share
// a cache line, so that thousands of routes to nodes' /24s need a few of them.
//
// A block leaves its first address out, x.x.x.0: with VXLAN, Flannel makes that of each node's pods
// the node's own, a neighbour, and it would keep all of them from having one answer.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#include <causeway/limits.h>

#define ROUTE_BLOCK_LENGTH 24 // bits of a block's prefix
#define ROUTE_BLOCK_PAGE_LOG 12
#define ROUTE_BLOCK_PAGES 128u
#define ROUTE_BLOCK_PATIENCE 65536 // numbers refused for want of pages before all are forgotten

// One owner: a worker.
struct route_blocks {
	// Page 0 has no numbers; a network's root has numbers of pages.
	uint16_t page[ROUTE_BLOCK_PAGES][1 << ROUTE_BLOCK_PAGE_LOG] __rte_cache_aligned;
	uint16_t root[CW_MAX_NETWORKS]; // pages, 0: none
	uint16_t network[ROUTE_BLOCK_PAGES]; // those with a root
	uint16_t n_networks, n_pages; // in use; page 0 is not counted
	uint32_t refused;
};

// All zero is an empty one. Forgets all numbers.
void route_blocks_forget(struct route_blocks *blocks);
// number: not 0. Returns false when there is no page for it.
bool route_blocks_set(
	struct route_blocks *blocks, uint16_t network, rte_be32_t ip, uint16_t number);

// As rte_be_to_cpu_32(), which is assembler and keeps a loop from being done by vectors.
static inline uint32_t
route_host_order(rte_be32_t ip)
{
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
	return __builtin_bswap32(ip);
#else
	return ip;
#endif
}

static inline bool
route_block_leaves_out(uint32_t host_order)
{
	return (host_order & (UINT32_MAX >> ROUTE_BLOCK_LENGTH)) == 0;
}

// Where an address's number stands: which place in the root, and which in that page. In bytes.
static inline uint32_t
route_block_upper(uint32_t host_order)
{
	return host_order >> (32 - ROUTE_BLOCK_PAGE_LOG) << 1;
}

static inline uint32_t
route_block_lower(uint32_t host_order)
{
	return host_order >> (31 - ROUTE_BLOCK_LENGTH) & ((2u << ROUTE_BLOCK_PAGE_LOG) - 2);
}

// 0: none.
static inline uint16_t
route_block_number(
	const struct route_blocks *blocks, const uint16_t *root, uint32_t upper, uint32_t lower)
{
	uint32_t page = *(const uint16_t *)((const uint8_t *)root + upper);

	return *(const uint16_t *)((const uint8_t *)blocks->page
				   + ((size_t)page << (ROUTE_BLOCK_PAGE_LOG + 1)) + lower);
}

static inline const uint16_t *
route_block_root(const struct route_blocks *blocks, uint16_t network)
{
	return blocks->page[blocks->root[network]];
}

static inline uint16_t
route_block_of(const struct route_blocks *blocks, uint16_t network, uint32_t host_order)
{
	return route_block_number(blocks, route_block_root(blocks, network),
		route_block_upper(host_order), route_block_lower(host_order));
}

#endif
