/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VHOST_PEER_GUEST_MEMORY_H
#define VHOST_PEER_GUEST_MEMORY_H

// The memory of one guest: a memfd, mapped once, handed out from its start. Pages that nobody
// touches cost nothing.

#include <stddef.h>
#include <stdint.h>

#define GUEST_BASE 0x100000000ull // guest-physical address of the first byte

struct guest_memory {
	int fd;
	uint8_t *base;
	size_t size, used;
};

// Returns 0 or -errno.
int guest_memory_open(struct guest_memory *memory, size_t size);
void guest_memory_close(struct guest_memory *memory);

// Forgets what was handed out and zeroes it and truncation undone. 0 or -errno.
int guest_memory_reset(struct guest_memory *memory);
// NULL when the memory is used up. align: a power of 2.
void *guest_memory_take(struct guest_memory *memory, size_t size, size_t align);

static inline uint64_t
guest_address(const struct guest_memory *memory, const void *at)
{
	return GUEST_BASE + (uint64_t)((const uint8_t *)at - memory->base);
}

static inline uint8_t *
guest_pointer(const struct guest_memory *memory, uint64_t address)
{
	return memory->base + (address - GUEST_BASE);
}

#endif
