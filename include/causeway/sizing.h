/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAUSEWAY_SIZING_H
#define CAUSEWAY_SIZING_H

// Hugepage memory of a data plane by its configuration: causeway-dp checks it at start, cwctl
// doctor says it before. Sizes of DPDK's structures are asserted where they are known, in
// dataplane/memory.c.

#include <stdint.h>

#define CW_MBUFS_DEFAULT 16383
#define CW_JUMBOS_DEFAULT 511
#define CW_FDB_ENTRIES_DEFAULT 65536
#define CW_NEIGHBORS_DEFAULT 65536

#define CW_HUGEPAGE_BYTES (2ull << 20)
#define CW_MBUF_HEADER 128u
#define CW_MBUF_ROOM 2176u // 2 KiB and the headroom
// The second segment of a super-frame: with the first one it holds 64 KiB and the L2 header.
#define CW_JUMBO_ROOM (UINT16_MAX - 63) // the widest that an mbuf can be
#define CW_POOL_OVERHEAD 64u // of each buffer in a pool
#define CW_ENTRY_BYTES 160u // of a hash table, with its buckets and free lists
#define CW_WORKER_BYTES (2ull << 20) // what it remembers of routes
#define CW_FIXED_BYTES (48ull << 20) // counters, ports, rings, the rest of workers, heap overhead

struct cw_sizing {
	uint64_t mbufs, jumbos; // a NUMA node
	uint64_t fdb_entries, neighbors; // in all
};

// Bytes of the buffer pools of one NUMA node.
static inline uint64_t
cw_pool_bytes(const struct cw_sizing *sizing)
{
	return sizing->mbufs * (CW_MBUF_ROOM + CW_MBUF_HEADER + CW_POOL_OVERHEAD)
	       + sizing->jumbos * (CW_JUMBO_ROOM + CW_MBUF_HEADER + CW_POOL_OVERHEAD);
}

// Hugepages of 2 MiB in all, when so many workers run on so many NUMA nodes.
static inline uint64_t
cw_hugepages_needed(const struct cw_sizing *sizing, unsigned int workers, unsigned int nodes)
{
	const uint64_t bytes = nodes * cw_pool_bytes(sizing)
			       + (sizing->fdb_entries + 2 * sizing->neighbors) * CW_ENTRY_BYTES
			       + workers * CW_WORKER_BYTES + CW_FIXED_BYTES;

	return (bytes + CW_HUGEPAGE_BYTES - 1) / CW_HUGEPAGE_BYTES;
}

#endif
