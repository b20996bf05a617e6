/* SPDX-License-Identifier: Apache-2.0 */
#include "virtqueue_private.h"

#define DESC_BYTES 16u

bool
virtqueue_find_region(struct virtqueue *vq, uint64_t addr)
{
	const struct virtqueue_memory *memory = vq->memory;

	for (uint32_t i = 0; i < memory->n; i++) {
		if (addr - memory->regions[i].guest_addr < memory->regions[i].size) {
			vq->region = memory->regions[i];
			return true;
		}
	}
	return false;
}

// As much of [addr, addr + *len) as one region holds; *len becomes that. NULL: none does.
static uint8_t *
map_some(struct virtqueue *vq, uint64_t addr, uint32_t *len)
{
	uint8_t *host = virtqueue_map(vq, addr, 0);
	uint64_t room;

	if (host == NULL)
		return NULL;
	room = vq->region.size - (addr - vq->region.guest_addr);
	if (*len > room)
		*len = (uint32_t)room;
	return host;
}

enum virtqueue_result
virtqueue_add_pieces(
	struct virtqueue *vq, struct virtqueue_chain *chain, uint64_t addr, uint32_t len)
{
	struct virtqueue_piece *piece;
	uint32_t some;

	while (len > 0) {
		if (chain->n == VIRTQUEUE_PIECES_MAX || chain->len + len < len)
			return VIRTQUEUE_TOO_LONG;
		some = len;
		piece = &chain->pieces[chain->n];
		piece->host = map_some(vq, addr, &some);
		if (piece->host == NULL)
			return virtqueue_break(
				vq, "a descriptor points outside the guest's memory");
		piece->len = some;
		chain->n++;
		chain->len += some;
		addr += some;
		len -= some;
	}
	return VIRTQUEUE_OK;
}

// A table may lie across regions, an entry too.
static bool
read_entry(struct virtqueue *vq, uint64_t addr, struct virtqueue_desc *desc)
{
	uint8_t bytes[DESC_BYTES];
	uint32_t done = 0, some;
	const uint8_t *host;

	while (done < DESC_BYTES) {
		some = DESC_BYTES - done;
		host = map_some(vq, addr + done, &some);
		if (host == NULL)
			return false;
		for (uint32_t i = 0; i < some; i++)
			bytes[done + i] = __atomic_load_n(&host[i], __ATOMIC_RELAXED);
		done += some;
	}
	memcpy(&desc->addr, bytes, sizeof(desc->addr));
	memcpy(&desc->len, bytes + 8, sizeof(desc->len));
	memcpy(&desc->flags, bytes + 12, sizeof(desc->flags));
	memcpy(&desc->id, bytes + 14, sizeof(desc->id)); // split: next
	return true;
}

static enum virtqueue_result
add_entry(struct virtqueue *vq, struct virtqueue_chain *chain, const struct virtqueue_desc *entry,
	uint16_t access)
{
	if ((entry->flags & VRING_DESC_F_WRITE) != access)
		return virtqueue_break(vq, "a descriptor of a table has the wrong direction");
	return virtqueue_add_pieces(vq, chain, entry->addr, entry->len);
}

static enum virtqueue_result
add_linked(struct virtqueue *vq, struct virtqueue_chain *chain, uint64_t addr, uint32_t entries,
	uint16_t access)
{
	struct virtqueue_desc entry = {.id = 0};
	enum virtqueue_result result;

	for (uint32_t i = 0; i < entries; i++) {
		if (entry.id >= entries)
			return virtqueue_break(vq, "a table's link points outside of it");
		if (!read_entry(vq, addr + (uint64_t)entry.id * DESC_BYTES, &entry))
			return virtqueue_break(vq, "a table lies outside the guest's memory");
		if ((entry.flags & VRING_DESC_F_INDIRECT) != 0)
			return virtqueue_break(vq, "an indirect descriptor inside a table");
		result = add_entry(vq, chain, &entry, access);
		if (result != VIRTQUEUE_OK || (entry.flags & VRING_DESC_F_NEXT) == 0)
			return result;
	}
	return virtqueue_break(vq, "a table's links form a loop");
}

static enum virtqueue_result
add_listed(struct virtqueue *vq, struct virtqueue_chain *chain, uint64_t addr, uint32_t entries,
	uint16_t access)
{
	struct virtqueue_desc entry;
	enum virtqueue_result result = VIRTQUEUE_OK;

	// Packed: the flags of an entry say nothing but its direction (virtio 1.2, 2.8.7).
	for (uint32_t i = 0; i < entries && result == VIRTQUEUE_OK; i++) {
		uint16_t flags;

		if (!read_entry(vq, addr + (uint64_t)i * DESC_BYTES, &entry))
			return virtqueue_break(vq, "a table lies outside the guest's memory");
		flags = entry.id;
		entry.id = entry.flags;
		entry.flags = flags;
		result = add_entry(vq, chain, &entry, access);
	}
	return result;
}

enum virtqueue_result
virtqueue_add_table(struct virtqueue *vq, struct virtqueue_chain *chain,
	const struct virtqueue_desc *table, uint16_t access, bool chained)
{
	uint32_t entries = table->len / DESC_BYTES;

	if (!vq->indirect)
		return virtqueue_break(vq, "an indirect descriptor that was not negotiated");
	if (entries == 0 || table->len % DESC_BYTES != 0)
		return virtqueue_break(vq, "a table is not a number of descriptors long");
	if (entries > VIRTQUEUE_PIECES_MAX)
		return VIRTQUEUE_TOO_LONG;
	return chained ? add_linked(vq, chain, table->addr, entries, access)
		       : add_listed(vq, chain, table->addr, entries, access);
}
