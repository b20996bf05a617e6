/* SPDX-License-Identifier: Apache-2.0 */

// The guest's memory: where librte_vhost has mapped it, and what happens when the peer takes it
// back while it is mapped. librte_vhost itself touches it within the messages that map it: its
// thread is covered meanwhile.

#include <stdlib.h>

#include <rte_vhost.h>

#include "guarded_memory.h"
#include "vhost.h"

void
vhost_memory_forget(struct vhost *v)
{
	v->memory_valid = false;
	for (uint32_t i = 0; i < v->memory.n; i++)
		if (v->guarded[i] != NULL)
			guarded_memory_remove(v->guarded[i]);
	v->memory.n = 0;
	atomic_store(&v->memory_lost, false);
}

static void
guard(struct vhost *v, uint32_t i, const struct rte_vhost_mem_region *region)
{
	int ret = guarded_memory_add(
		region->mmap_addr, region->mmap_size, &v->memory_lost, v->event_fd);

	v->guarded[i] = ret == 0 ? region->mmap_addr : NULL;
}

void
vhost_memory_read(struct vhost *v)
{
	struct rte_vhost_memory *table;
	uint32_t n = 0;

	vhost_memory_forget(v);
	if (rte_vhost_get_mem_table(v->vid, &table) < 0)
		return;
	for (uint32_t i = 0; i < table->nregions && n < VIRTQUEUE_REGIONS_MAX; i++, n++) {
		v->memory.regions[n] = (struct virtqueue_region){
			.guest_addr = table->regions[i].guest_phys_addr,
			.size = table->regions[i].size,
			.host = (uint8_t *)(uintptr_t)table->regions[i].host_user_addr,
		};
		guard(v, n, &table->regions[i]);
	}
	if (guarded_memory_thread_lost()) {
		atomic_store(&v->memory_lost, true);
		vhost_tell_main(v);
	}
	v->memory.n = n;
	v->memory_valid = true;
	free(table);
}
