/* SPDX-License-Identifier: Apache-2.0 */
#include "memif_region.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "guarded_memory.h"

static int
refuse(int error, const char *what, char *reason, size_t reason_len)
{
	snprintf(reason, reason_len, "%s: %s", what, strerror(-error));
	return error;
}

static void
add(struct memif_regions *regions, void *base, uint64_t size)
{
	struct memif_region *region = &regions->region[regions->n++];

	region->base = base;
	region->size = size;
	region->is_guarded = false;
	atomic_store(&region->lost, false);
	regions->bytes += size;
}

int
memif_region_create(struct memif_regions *regions, uint64_t size, char *reason, size_t reason_len)
{
	int fd = memfd_create("memif", MFD_CLOEXEC | MFD_ALLOW_SEALING), error;
	void *base;

	if (fd < 0)
		return refuse(-errno, "no shared memory", reason, reason_len);
	if (ftruncate(fd, (off_t)size) < 0
		|| fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		error = -errno;
		close(fd);
		return refuse(error, "shared memory cannot be set up", reason, reason_len);
	}
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (base == MAP_FAILED) {
		error = -errno;
		close(fd);
		return refuse(error, "shared memory cannot be mapped", reason, reason_len);
	}
	add(regions, base, size);
	return fd;
}

static bool
is_memory(int fd)
{
	struct statfs fs;
	struct stat file;

	return fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && fstatfs(fd, &fs) == 0
	       && (fs.f_type == TMPFS_MAGIC || (unsigned long)fs.f_type == HUGETLBFS_MAGIC);
}

static const char *
objection(const struct memif_regions *regions, uint16_t index, int fd, uint64_t size)
{
	struct stat file;

	if (index != regions->n || index >= MEMIF_REGIONS_MAX)
		return "region index out of order";
	if (size == 0 || size > MEMIF_REGIONS_BYTES - regions->bytes)
		return "region size is zero or too large";
	if (!is_memory(fd))
		return "region is not in memory";
	if (fstat(fd, &file) < 0 || file.st_size < 0 || (uint64_t)file.st_size < size)
		return "region is larger than its file";
	return NULL;
}

int
memif_region_map(struct memif_regions *regions, uint16_t index, int fd, uint64_t size, int wake_fd,
	char *reason, size_t reason_len)
{
	const char *why = objection(regions, index, fd, size);
	struct memif_region *region;
	void *base;
	int ret;

	if (why != NULL) {
		snprintf(reason, reason_len, "%s (region %u, %llu bytes)", why, index,
			(unsigned long long)size);
		return -EINVAL;
	}
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (base == MAP_FAILED)
		return refuse(-errno, "region cannot be mapped", reason, reason_len);
	add(regions, base, size);
	region = &regions->region[index];
	ret = guarded_memory_add(base, size, &region->lost, wake_fd);
	if (ret < 0) {
		munmap(base, size);
		regions->n--;
		regions->bytes -= size;
		return refuse(ret, "region cannot be guarded", reason, reason_len);
	}
	region->is_guarded = true;
	return 0;
}

bool
memif_regions_lost(const struct memif_regions *regions)
{
	for (uint16_t i = 0; i < regions->n; i++)
		if (atomic_load(&regions->region[i].lost))
			return true;
	return false;
}

void
memif_regions_unmap(struct memif_regions *regions)
{
	for (uint16_t i = 0; i < regions->n; i++) {
		struct memif_region *region = &regions->region[i];

		if (region->is_guarded)
			guarded_memory_remove(region->base);
		munmap(region->base, region->size);
	}
	regions->n = 0;
	regions->bytes = 0;
}
