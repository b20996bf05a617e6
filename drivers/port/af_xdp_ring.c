/* SPDX-License-Identifier: Apache-2.0 */
#include "af_xdp_ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#ifndef SOL_XDP
#define SOL_XDP 283
#endif

static int
set_size(int fd, int option, uint32_t size)
{
	return setsockopt(fd, SOL_XDP, option, &size, sizeof(size));
}

static int
map_ring(struct xdp_ring *ring, int fd, const struct xdp_ring_offset *offset, uint32_t size,
	size_t entry_len, off_t page)
{
	uint8_t *map;

	ring->map_len = offset->desc + size * entry_len;
	map = mmap(
		NULL, ring->map_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, page);
	if (map == MAP_FAILED)
		return -errno;
	ring->map = map;
	ring->producer = (uint32_t *)(void *)(map + offset->producer);
	ring->consumer = (uint32_t *)(void *)(map + offset->consumer);
	ring->flags = (uint32_t *)(void *)(map + offset->flags);
	ring->entries = map + offset->desc;
	ring->size = size;
	ring->mask = size - 1;
	return 0;
}

int
xdp_rings_map(
	struct xdp_rings *rings, int fd, uint32_t rx_size, uint32_t tx_size, const char **what)
{
	struct xdp_mmap_offsets offsets;
	socklen_t len = sizeof(offsets);
	int ret;

	memset(rings, 0, sizeof(*rings));
	*what = "ring sizes";
	if (set_size(fd, XDP_UMEM_FILL_RING, rx_size) < 0
		|| set_size(fd, XDP_UMEM_COMPLETION_RING, tx_size) < 0
		|| set_size(fd, XDP_RX_RING, rx_size) < 0 || set_size(fd, XDP_TX_RING, tx_size) < 0)
		return -errno;
	*what = "XDP_MMAP_OFFSETS";
	if (getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &len) < 0)
		return -errno;
	*what = "ring mappings";
	if (len != sizeof(offsets))
		return -ENOPROTOOPT; // Linux before 5.4 has no flags word
	ret = map_ring(&rings->fill, fd, &offsets.fr, rx_size, sizeof(uint64_t),
		(off_t)XDP_UMEM_PGOFF_FILL_RING);
	if (ret == 0)
		ret = map_ring(&rings->completion, fd, &offsets.cr, tx_size, sizeof(uint64_t),
			(off_t)XDP_UMEM_PGOFF_COMPLETION_RING);
	if (ret == 0)
		ret = map_ring(&rings->rx, fd, &offsets.rx, rx_size, sizeof(struct xdp_desc),
			XDP_PGOFF_RX_RING);
	if (ret == 0)
		ret = map_ring(&rings->tx, fd, &offsets.tx, tx_size, sizeof(struct xdp_desc),
			(off_t)XDP_PGOFF_TX_RING);
	if (ret < 0)
		xdp_rings_unmap(rings);
	return ret;
}

static void
unmap_ring(struct xdp_ring *ring)
{
	if (ring->map != NULL)
		munmap(ring->map, ring->map_len);
}

void
xdp_rings_unmap(struct xdp_rings *rings)
{
	unmap_ring(&rings->rx);
	unmap_ring(&rings->tx);
	unmap_ring(&rings->fill);
	unmap_ring(&rings->completion);
	memset(rings, 0, sizeof(*rings));
}
