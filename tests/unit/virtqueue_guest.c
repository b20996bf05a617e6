/* SPDX-License-Identifier: Apache-2.0 */
#include "virtqueue_guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define REGIONS 5
#define AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define USED (1u << VRING_PACKED_DESC_F_USED)

#define check(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

uint32_t
guest_random(struct guest *guest, uint32_t below)
{
	guest->random ^= guest->random << 13;
	guest->random ^= guest->random >> 7;
	guest->random ^= guest->random << 17;
	return (uint32_t)((guest->random >> 16) % below);
}

static void *
allocate(size_t bytes)
{
	size_t rounded = (bytes + 63) & ~(size_t)63;
	void *memory = aligned_alloc(64, rounded);

	check(memory != NULL);
	memset(memory, 0, rounded);
	return memory;
}

// Ends of regions are at odd places, so that pieces and table entries lie across them.
static void
make_memory(struct guest *guest)
{
	uint64_t at = GUEST_BASE, share = guest->bytes / REGIONS, size;

	guest->memory.n = REGIONS;
	for (uint32_t i = 0; i < REGIONS; i++) {
		size = i + 1 < REGIONS ? share + i * 7 - 3 : GUEST_BASE + guest->bytes - at;
		guest->memory.regions[i] = (struct virtqueue_region){
			.guest_addr = at,
			.size = size,
			.host = malloc(size),
		};
		check(guest->memory.regions[i].host != NULL);
		memset(guest->memory.regions[i].host, 0xa5, size);
		at += size;
	}
}

static void
make_ring(struct guest *guest, uint16_t size, uint16_t position)
{
	guest->config.size = size;
	guest->config.desc = allocate(16u * size);
	guest->config.driver = allocate(guest->packed ? 4 : 6u + 2u * size);
	guest->config.device = allocate(guest->packed ? 4 : 6u + 8u * size);
	guest->config.position = (struct virtqueue_position){position, position, true, true};
	if (!guest->packed) {
		((uint16_t *)guest->config.driver)[1] = position;
		((uint16_t *)guest->config.device)[1] = position;
	} else {
		for (uint16_t i = 0; i < position; i++) // used in this round
			((uint16_t *)guest->config.desc)[8 * i + 7] = AVAIL | USED;
	}
	guest->avail = guest->published = guest->used = position;
	guest->avail_wrap = guest->published_wrap = guest->used_wrap = true;
	guest->n_free = size;
	guest->n_ids = size;
	guest->next_desc = position & (size - 1);
	for (uint16_t i = 0; i < size; i++)
		guest->free_ids[i] = i;
}

static void
start_device(struct guest *guest)
{
	char reason[128] = "";
	size_t bytes = virtqueue_bytes(guest->config.size);

	guest->vq = allocate(bytes);
	if (virtqueue_start(guest->vq, &guest->config, reason, sizeof(reason)) != 0) {
		fprintf(stderr, "%s\n", reason);
		abort();
	}
	guest_calls(guest);
}

struct guest *
guest_create(const struct guest_options *options)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	uint64_t features = options->features;

	check(guest != NULL && options->size <= GUEST_SIZE_MAX);
	guest->random = options->seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	guest->packed = (features & GUEST_FEATURE(VIRTIO_F_RING_PACKED)) != 0;
	guest->in_order = (features & GUEST_FEATURE(VIRTIO_F_IN_ORDER)) != 0;
	guest->event_idx = (features & GUEST_FEATURE(VIRTIO_RING_F_EVENT_IDX)) != 0;
	guest->header_len = (features
				    & (GUEST_FEATURE(VIRTIO_F_VERSION_1)
					    | GUEST_FEATURE(VIRTIO_NET_F_MRG_RXBUF)))
					    != 0
				    ? 12
				    : 10;
	guest->write = options->write;
	guest->chunk = options->chunk + GUEST_TABLE_BYTES + 63;
	guest->bytes = (uint64_t)guest->chunk * options->size + 64;
	make_memory(guest);
	make_ring(guest, options->size, options->position);
	guest->call_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	guest->config.features = features;
	guest->config.memory = &guest->memory;
	guest->config.call_fd = guest->call_fd;
	guest->config.lends = options->lends;
	start_device(guest);
	return guest;
}

void
guest_destroy(struct guest *guest)
{
	for (uint32_t i = 0; i < guest->memory.n; i++)
		free(guest->memory.regions[i].host);
	free(guest->config.desc);
	free(guest->config.driver);
	free(guest->config.device);
	free(guest->vq);
	close(guest->call_fd);
	free(guest);
}

// The part of [addr, addr + len) that lies in one region.
static uint8_t *
span(const struct guest *guest, uint64_t addr, uint32_t *len)
{
	for (uint32_t i = 0; i < guest->memory.n; i++) {
		const struct virtqueue_region *region = &guest->memory.regions[i];
		uint64_t offset = addr - region->guest_addr;

		if (offset >= region->size)
			continue;
		if (*len > region->size - offset)
			*len = (uint32_t)(region->size - offset);
		return region->host + offset;
	}
	abort(); // the model itself erred
	return NULL;
}

void
guest_write(const struct guest *guest, uint64_t addr, const void *bytes, uint32_t len)
{
	const uint8_t *from = bytes;
	uint32_t some;
	uint8_t *to;

	for (; len > 0; len -= some, addr += some, from += some) {
		some = len;
		to = span(guest, addr, &some);
		memcpy(to, from, some);
	}
}

void
guest_read(const struct guest *guest, uint64_t addr, void *bytes, uint32_t len)
{
	const uint8_t *from;
	uint8_t *to = bytes;
	uint32_t some;

	for (; len > 0; len -= some, addr += some, to += some) {
		some = len;
		from = span(guest, addr, &some);
		memcpy(to, from, some);
	}
}

uint64_t
guest_chunk(const struct guest *guest, uint16_t id)
{
	return GUEST_BASE + (uint64_t)id * guest->chunk;
}

// ------------------------------------------------------------------------------ descriptors

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

static void
write_desc(uint8_t *at, const struct desc *desc)
{
	memcpy(at, desc, sizeof(*desc));
}

static uint16_t
take_id(struct guest *guest)
{
	uint16_t i, id;

	if (guest->in_order) {
		id = guest->next_desc;
		guest->next_desc = (uint16_t)((id + 1) % guest->config.size);
		return id;
	}
	i = (uint16_t)guest_random(guest, guest->n_ids);
	id = guest->free_ids[i];
	guest->free_ids[i] = guest->free_ids[--guest->n_ids];
	return id;
}

static void
free_id(struct guest *guest, uint16_t id)
{
	if (!guest->in_order)
		guest->free_ids[guest->n_ids++] = id;
}

// Pieces one after the other in the id's chunk, behind room for a table, at any alignment.
static void
place(struct guest *guest, struct guest_record *record, uint16_t id, const uint8_t *bytes,
	const uint32_t *lens, uint16_t n)
{
	uint64_t at = guest_chunk(guest, id) + GUEST_TABLE_BYTES + guest_random(guest, 63);

	record->n = n;
	for (uint16_t i = 0; i < n; i++) {
		record->addr[i] = at;
		record->len[i] = lens[i];
		check(at + lens[i] <= guest_chunk(guest, id) + guest->chunk);
		if (bytes != NULL) {
			guest_write(guest, at, bytes, lens[i]);
			bytes += lens[i];
		}
		at += lens[i];
	}
}

static struct desc
table_desc(struct guest *guest, const struct guest_record *record, uint16_t id)
{
	uint64_t table = guest_chunk(guest, id);
	struct desc desc;

	for (uint16_t i = 0; i < record->n; i++) {
		uint16_t flags = guest->write ? VRING_DESC_F_WRITE : 0;

		if (!guest->packed && i + 1 < record->n)
			flags |= VRING_DESC_F_NEXT;
		desc = (struct desc){record->addr[i], record->len[i], flags, (uint16_t)(i + 1)};
		if (guest->packed) {
			desc.next = flags;
			desc.flags = 0xdead; // an id without meaning
		}
		guest_write(guest, table + 16u * i, &desc, sizeof(desc));
	}
	return (struct desc){table, 16u * record->n, VRING_DESC_F_INDIRECT, 0};
}

static bool
post_split(struct guest *guest, uint16_t *ids, uint16_t n, const struct desc *descs)
{
	uint16_t *ring = (uint16_t *)guest->config.driver + 2;

	for (uint16_t i = 0; i < n; i++) {
		struct desc desc = descs[i];

		if (i + 1 < n) {
			desc.flags |= VRING_DESC_F_NEXT;
			desc.next = ids[i + 1];
		}
		write_desc((uint8_t *)guest->config.desc + 16u * ids[i], &desc);
	}
	ring[guest->avail & (guest->config.size - 1)] = ids[0];
	guest->avail++;
	return true;
}

static void
step(const struct guest *guest, uint16_t *slot, bool *wrap)
{
	if (++*slot == guest->config.size) {
		*slot = 0;
		*wrap = !*wrap;
	}
}

static void
post_packed(struct guest *guest, uint16_t id, uint16_t n, const struct desc *descs)
{
	for (uint16_t i = 0; i < n; i++) {
		uint8_t *at = (uint8_t *)guest->config.desc + 16u * guest->avail;
		uint16_t flags = descs[i].flags;
		uint64_t rest;

		flags |= guest->avail_wrap ? AVAIL : USED;
		flags |= i + 1 < n ? VRING_DESC_F_NEXT : 0;
		rest = descs[i].len | (uint64_t)id << 32 | (uint64_t)flags << 48;
		memcpy(at, &descs[i].addr, 8);
		if (!guest->holds) {
			guest->held = rest;
			guest->holds = true;
		} else {
			memcpy(at + 8, &rest, 8);
		}
		step(guest, &guest->avail, &guest->avail_wrap);
	}
}

bool
guest_post(
	struct guest *guest, const uint8_t *bytes, const uint32_t *lens, uint16_t n, bool indirect)
{
	uint16_t ids[GUEST_PIECES_MAX], slots = indirect ? 1 : n;
	struct desc descs[GUEST_PIECES_MAX];
	struct guest_record *record;

	check(n > 0 && n <= GUEST_PIECES_MAX);
	if (slots > guest->n_free)
		return false;
	ids[0] = take_id(guest);
	for (uint16_t i = 1; i < slots && (!guest->packed || guest->in_order); i++)
		ids[i] = take_id(guest);
	record = &guest->records[ids[0]];
	check(!record->active);
	place(guest, record, ids[0], bytes, lens, n);
	record->active = true;
	record->slots = slots;
	for (uint16_t i = 0; i < n; i++)
		descs[i] = (struct desc){
			record->addr[i], record->len[i], guest->write ? VRING_DESC_F_WRITE : 0, 0};
	if (indirect)
		descs[0] = table_desc(guest, record, ids[0]);
	guest->n_free = (uint16_t)(guest->n_free - slots);
	guest->order[guest->order_tail++ % GUEST_SIZE_MAX] = ids[0];
	if (guest->packed)
		post_packed(guest, ids[0], slots, descs);
	else
		post_split(guest, ids, slots, descs);
	return true;
}

static bool
kick_wanted_split(const struct guest *guest, uint16_t old)
{
	const uint16_t *device = guest->config.device;
	uint16_t event = device[2 + 4 * guest->config.size];

	if (!guest->event_idx)
		return (device[0] & VRING_USED_F_NO_NOTIFY) == 0;
	return (uint16_t)(guest->avail - event - 1) < (uint16_t)(guest->avail - old);
}

static bool
kick_wanted_packed(const struct guest *guest, uint16_t old)
{
	const uint16_t *device = guest->config.device;
	uint16_t event = device[0] & 0x7fff, size = guest->config.size;

	if (device[1] != VRING_PACKED_EVENT_FLAG_DESC)
		return device[1] == VRING_PACKED_EVENT_FLAG_ENABLE;
	check(guest->event_idx);
	if (guest->avail <= old)
		old = (uint16_t)(old - size);
	if ((device[0] >> 15) != guest->avail_wrap)
		event = (uint16_t)(event - size);
	return (uint16_t)(guest->avail - event - 1) < (uint16_t)(guest->avail - old);
}

bool
guest_publish(struct guest *guest)
{
	uint16_t old = guest->published;

	if (guest->packed) {
		if (guest->holds)
			__atomic_store_n((uint64_t *)((uint8_t *)guest->config.desc
						      + 16u * guest->published + 8),
				guest->held, __ATOMIC_RELEASE);
		guest->holds = false;
		guest->published = guest->avail;
		return kick_wanted_packed(guest, old);
	}
	__atomic_store_n((uint16_t *)guest->config.driver + 1, guest->avail, __ATOMIC_RELEASE);
	guest->published = guest->avail;
	return kick_wanted_split(guest, old);
}

bool
guest_send(struct guest *guest, const void *frame, uint32_t len)
{
	static uint8_t bytes[1 << 17];
	uint32_t lens[1] = {guest->header_len + len};

	memset(bytes, 0, guest->header_len);
	memcpy(bytes + guest->header_len, frame, len);
	if (!guest_post(guest, bytes, lens, 1, false))
		return false;
	guest_publish(guest);
	return true;
}

// ------------------------------------------------------------------------------- used ring

// The used element at the guest's place, if there is one.
static bool
read_used(struct guest *guest, uint16_t *id, uint32_t *len)
{
	const uint8_t *device = guest->config.device;
	uint64_t rest;
	uint32_t id32;
	uint16_t flags;

	if (!guest->packed) {
		if (__atomic_load_n((const uint16_t *)(const void *)(device + 2), __ATOMIC_ACQUIRE)
			== guest->used)
			return false;
		device += 4 + 8u * (guest->used & (guest->config.size - 1));
		memcpy(&id32, device, 4);
		memcpy(len, device + 4, 4);
		*id = (uint16_t)id32;
		check(id32 < guest->config.size);
		return true;
	}
	rest = __atomic_load_n((const uint64_t *)(const void *)((uint8_t *)guest->config.desc
								+ 16u * guest->used + 8),
		__ATOMIC_ACQUIRE);
	flags = (uint16_t)(rest >> 48);
	if ((flags & (AVAIL | USED)) != (guest->used_wrap ? AVAIL | USED : 0)
		|| guest->n_free == guest->config.size)
		return false;
	*id = (uint16_t)(rest >> 32);
	*len = (flags & VRING_DESC_F_WRITE) != 0 ? (uint32_t)rest : 0;
	return true;
}

static void
read_back(struct guest *guest, const struct guest_record *record, uint8_t *bytes, uint32_t room,
	uint32_t len)
{
	uint32_t done = 0, some;

	for (uint16_t i = 0; i < record->n && done < len; i++) {
		some = record->len[i] < len - done ? record->len[i] : len - done;
		check(done + some <= room);
		guest_read(guest, record->addr[i], bytes + done, some);
		done += some;
	}
	check(done == len);
}

bool
guest_reap(struct guest *guest, uint8_t *bytes, uint32_t room, uint32_t *len)
{
	struct guest_record *record;
	uint16_t id;

	*len = 0;
	if (!guest->in_batch && !read_used(guest, &guest->batch_id, len))
		return false;
	id = guest->order[guest->order_head++ % GUEST_SIZE_MAX];
	if (guest->in_order)
		guest->in_batch = id != guest->batch_id;
	else
		id = guest->batch_id;
	record = &guest->records[id];
	check(guest->order_head <= guest->order_tail && record->active);
	if (bytes != NULL)
		read_back(guest, record, bytes, room, *len);
	record->active = false;
	guest->n_free = (uint16_t)(guest->n_free + record->slots);
	for (uint16_t i = 0; guest->packed && i < record->slots; i++)
		step(guest, &guest->used, &guest->used_wrap);
	if (!guest->packed) {
		const uint8_t *desc = (uint8_t *)guest->config.desc;
		uint16_t at = id;

		guest->used++;
		for (uint16_t i = 1; i < record->slots; i++) {
			memcpy(&at, desc + 16u * at + 14, 2);
			free_id(guest, at);
		}
	}
	free_id(guest, id);
	return true;
}

bool
guest_receive(struct guest *guest, struct virtio_net_hdr *header, uint8_t *frame, uint32_t room,
	uint32_t *len)
{
	static uint8_t bytes[1 << 17];
	uint32_t at, some;
	uint16_t buffers = 1;

	if (!guest_reap(guest, bytes, sizeof(bytes), &at))
		return false;
	check(at >= guest->header_len);
	memcpy(header, bytes, sizeof(*header));
	if (guest->header_len == 12)
		memcpy(&buffers, bytes + 10, sizeof(buffers));
	check(buffers > 0);
	for (uint16_t i = 1; i < buffers; i++) {
		check(guest_reap(guest, bytes + at, (uint32_t)sizeof(bytes) - at, &some));
		at += some;
	}
	*len = at - guest->header_len;
	check(*len <= room);
	memcpy(frame, bytes + guest->header_len, *len);
	return true;
}

// --------------------------------------------------------------------------- notifications

void
guest_calls_off(struct guest *guest)
{
	uint16_t *driver = guest->config.driver;

	if (guest->packed)
		driver[1] = VRING_PACKED_EVENT_FLAG_DISABLE;
	else if (guest->event_idx)
		driver[2 + guest->config.size] = (uint16_t)(guest->used - 1);
	else
		driver[0] = VRING_AVAIL_F_NO_INTERRUPT;
}

void
guest_calls_on(struct guest *guest)
{
	uint16_t *driver = guest->config.driver;

	if (guest->packed)
		driver[1] = VRING_PACKED_EVENT_FLAG_ENABLE;
	else if (guest->event_idx)
		driver[2 + guest->config.size] = guest->used;
	else
		driver[0] = 0;
}

void
guest_calls_after(struct guest *guest, uint16_t after)
{
	uint16_t *driver = guest->config.driver, slot = guest->used;
	bool wrap = guest->used_wrap;

	check(guest->event_idx);
	if (!guest->packed) {
		driver[2 + guest->config.size] = (uint16_t)(guest->used + after);
		return;
	}
	for (uint16_t i = 0; i < after; i++)
		step(guest, &slot, &wrap);
	driver[0] = (uint16_t)(slot | (wrap ? 0x8000 : 0));
	driver[1] = VRING_PACKED_EVENT_FLAG_DESC;
}

uint64_t
guest_calls(struct guest *guest)
{
	eventfd_t value = 0;

	return eventfd_read(guest->call_fd, &value) == 0 ? value : 0;
}
