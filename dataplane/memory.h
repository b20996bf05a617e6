/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATAPLANE_MEMORY_H
#define DATAPLANE_MEMORY_H

// EAL and the memory that packets live in.

#include <rte_mempool.h>

#include "config.h"
#include "cores.h"

#define MEMORY_MAX_NODES 8

struct memory {
	uint16_t n_nodes;
	int node[MEMORY_MAX_NODES]; // socket ids; SOCKET_ID_ANY when the machine has no NUMA
	struct rte_mempool *mbufs[MEMORY_MAX_NODES];
	struct rte_mempool *jumbos[MEMORY_MAX_NODES];
};

// Hugepages of 2 MiB that this configuration needs, and how many are free (1 GiB pages count as
// 512).
uint64_t memory_pages_needed(const struct config *config, const struct cores *cores);
uint64_t memory_pages_free(const char *root);

// Starts EAL: workers are lcores 1 .. n on their CPUs, the main thread is lcore 0. Files, if any,
// carry a prefix derived from the runtime directory. Returns 0 or -errno after logging; too few
// hugepages are -ENOMEM with the command that reserves them.
int memory_start_eal(const struct config *config, const struct cores *cores);

// One pool of each size for every NUMA node that has a worker. A node without memory of its own
// falls back to any node, with a warning. Returns 0 or -ENOMEM.
int memory_create_pools(
	struct memory *memory, const struct config *config, const struct cores *cores);
// Index of the pools for a NUMA node: the node's own, else the first.
uint16_t memory_node_index(const struct memory *memory, int node);

#endif
