/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_MEMIF_REGION_H
#define DRIVERS_PORT_MEMIF_REGION_H

// The memory that both ends of a memif share. A slave makes it; a master maps what its peer sent
// and trusts nothing about it:
//  - only memory files (tmpfs, memfd, hugetlbfs) are mapped: a page of any other file system may
//    take for ever to come;
//  - the file has at least the announced size, all regions together at most MEMIF_REGIONS_BYTES:
//    pages of a sparse file are charged to whoever touches them first;
//  - a file may be truncated, or run out of pages, at any time. Sealing would exclude the first,
//  but
//    DPDK's zero-copy slaves share hugepages, which are not sealed, so no seal is asked for: every
//    mapping is guarded (guarded_memory.h), and a truncation costs the connection only.
// One thread at a time (the control thread of memif_control.h).

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMIF_REGIONS_MAX 64
#define MEMIF_REGIONS_BYTES ((uint64_t)4 << 30)

struct memif_region {
	uint8_t *base;
	uint64_t size;
	bool is_guarded;
	_Atomic bool lost; // truncated by the peer: reads as zeros, writes reach nobody
};

struct memif_regions {
	uint16_t n;
	uint64_t bytes; // of all
	struct memif_region region[MEMIF_REGIONS_MAX];
};

// Makes memory of at least size bytes, sealed against shrinking and growing, as the next region.
// Returns its descriptor (the caller's), or -errno and a sentence.
int memif_region_create(
	struct memif_regions *regions, uint64_t size, char *reason, size_t reason_len);

// Maps a peer's memory as region 'index', which must be the next one. The descriptor stays the
// caller's. wake_fd as in guarded_memory.h. Returns 0, or -errno and a sentence.
int memif_region_map(struct memif_regions *regions, uint16_t index, int fd, uint64_t size,
	int wake_fd, char *reason, size_t reason_len);

// True when the peer took memory away.
bool memif_regions_lost(const struct memif_regions *regions);

// Nobody uses the memory any more.
void memif_regions_unmap(struct memif_regions *regions);

#endif
