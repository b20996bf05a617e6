/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int
guest_memory_open(struct guest_memory *memory, size_t size)
{
	int error;

	*memory = (struct guest_memory){.size = size};
	memory->fd = memfd_create("guest", MFD_CLOEXEC);
	if (memory->fd < 0)
		return -errno;
	if (ftruncate(memory->fd, (off_t)size) == 0) {
		memory->base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
		if (memory->base != MAP_FAILED)
			return 0;
	}
	error = -errno;
	close(memory->fd);
	return error;
}

void
guest_memory_close(struct guest_memory *memory)
{
	munmap(memory->base, memory->size);
	close(memory->fd);
}

int
guest_memory_reset(struct guest_memory *memory)
{
	memory->used = 0;
	// Pages go back to the file system, and come again as zeroes.
	return ftruncate(memory->fd, (off_t)memory->size) == 0
			       && madvise(memory->base, memory->size, MADV_REMOVE) == 0
		       ? 0
		       : -errno;
}

void *
guest_memory_take(struct guest_memory *memory, size_t size, size_t align)
{
	size_t start = (memory->used + align - 1) & ~(align - 1);

	if (start > memory->size || size > memory->size - start)
		return NULL;
	memory->used = start + size;
	return memory->base + start;
}
