/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_VIRTQUEUE_COPY_H
#define DRIVERS_PORT_VIRTQUEUE_COPY_H

// Copies of frames, inline for the sizes that frames have (blocks of 64 bytes), and of
// super-frames.

#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_memcpy.h>

#define COPY_BLOCK 64u

static inline uint32_t
copy_rounded(uint32_t len)
{
	return (len + COPY_BLOCK - 1) & ~(COPY_BLOCK - 1);
}

// len > 0; both sides have copy_rounded(len) bytes, and what lands behind len is of no interest to
// anyone: never for memory that somebody else may read.
static inline void
copy_blocks(uint8_t *to, const uint8_t *from, uint32_t len)
{
	uint32_t at = 0;

	do {
		rte_mov64(to + at, from + at);
		at += COPY_BLOCK;
	} while (at < len);
}

// Exactly len bytes: the last block overlaps the one before.
static inline void
copy_exact(uint8_t *to, const uint8_t *from, uint32_t len)
{
	uint32_t at = 0;

	if (unlikely(len < COPY_BLOCK)) {
		rte_memcpy(to, from, len);
		return;
	}
	while (len - at > COPY_BLOCK) {
		rte_mov64(to + at, from + at);
		at += COPY_BLOCK;
	}
	rte_mov64(to + len - COPY_BLOCK, from + len - COPY_BLOCK);
}

// Of super-frames, between memory that other cores write and read. The processor's string copy
// takes whole lines over without reading them first, where it has one that is fast (ERMS): by
// perf's scenario superframes a worker carries 1.5 times as much with it. Any length; the two do
// not overlap.
void copy_large(void *to, const void *from, uint32_t len);

#endif
