/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_HASH_H
#define PMD_HASH_H

// Toeplitz hashes over addresses and ports, by which receive queues are chosen.

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"

#define HASH_KEY 40

extern const uint8_t hash_default_key[HASH_KEY];

// types: RTE_ETH_RSS_* bits, 0 = whatever there is. is_symmetric: both directions hash alike.
uint32_t hash_frame(const struct frame *frame, bool inner, uint64_t types,
	const uint8_t key[HASH_KEY], bool is_symmetric);

uint32_t hash_outer(const struct frame *frame);

#endif
