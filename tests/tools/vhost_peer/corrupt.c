/* SPDX-License-Identifier: Apache-2.0 */
// What a hostile driver writes into its rings. Each corruption is up to three descriptors, put
// where a sound driver would put its next buffer, and made available.
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"
#include "text.h"

#define FLAG_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define FLAG_USED (1u << VRING_PACKED_DESC_F_USED)
#define FRAME_LEN 100
#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT

enum where { SOUND, OUTSIDE, LAST_BYTES, TOP, TABLE };
enum next { ZERO, SELF, ONE, BEYOND };

struct bad_desc {
	enum where where;
	uint32_t len;
	uint16_t flags;
	enum next next; // split, with NEXT
};

struct corruption {
	const char *name;
	struct bad_desc table[2]; // indirect table
	struct bad_desc desc;
	uint16_t repeat; // more descriptors like it behind; UINT16_MAX: all of the ring
	bool toggles_write; // the direction is wrong
	void (*special)(struct port *, struct port_queue *);
};

static void
publish_split(struct ring *ring, uint16_t head, uint16_t n)
{
	ring->avail->ring[ring->next_avail % ring->size] = head;
	atomic_thread_fence(memory_order_release);
	ring->next_avail = (uint16_t)(ring->next_avail + n);
	*(volatile uint16_t *)&ring->avail->idx = ring->next_avail;
}

static void
bad_head(struct port *port, struct port_queue *queue)
{
	if (!queue->ring.packed)
		publish_split(&queue->ring, queue->ring.size, 1);
}

static void
avail_jump(struct port *port, struct port_queue *queue)
{
	if (!queue->ring.packed)
		publish_split(&queue->ring, 0, (uint16_t)(queue->ring.size + 1));
}

static void
scribble(struct port *port, struct port_queue *queue)
{
	struct ring *ring = &queue->ring;

	if (ring->packed)
		memset(ring->slots, 0xff, ring->size * sizeof(*ring->slots));
	else
		memset(ring->desc, 0xff, ring->size * sizeof(*ring->desc));
	if (!ring->packed)
		publish_split(ring, 1, 1);
}

static void
truncate_memory(struct port *port, struct port_queue *queue)
{
	port->has_rings = ftruncate(port->memory.fd, 0) != 0; // from now on not even we may look
}

static void
shrink_table(struct port *port, struct port_queue *queue)
{
	port_set_memory(port, 8192);
}

// A full counter, and writers wait (eventfd(2)): flags are the file's, which the device shares.
static void
block_calls(struct port *port, struct port_queue *queue)
{
	const uint64_t full = UINT64_MAX - 1;
	const int fd = peer_renew_call(port);
	uint64_t calls;

	if (fd < 0)
		return;
	if (read(fd, &calls, sizeof(calls)) < 0 && errno != EAGAIN)
		return;
	if (write(fd, &full, sizeof(full)) == sizeof(full))
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	close(fd);
}

static const struct corruption corruptions[] = {
	{"address", .desc = {OUTSIDE, FRAME_LEN}},
	{"address_end", .desc = {LAST_BYTES, FRAME_LEN}},
	{"address_wrap", .desc = {TOP, FRAME_LEN}},
	{"length_zero", .desc = {SOUND, 0}},
	{"length_huge", .desc = {SOUND, UINT32_MAX}},
	{"length_runt", .desc = {SOUND, 13}},
	{"header_cut", .desc = {SOUND, 5}},
	{"direction", .desc = {SOUND, FRAME_LEN}, .toggles_write = true},
	{"loop", .desc = {SOUND, FRAME_LEN, NEXT, SELF}, .repeat = UINT16_MAX},
	{"next", .desc = {SOUND, FRAME_LEN, NEXT, BEYOND}, .repeat = UINT16_MAX},
	{"frame_huge", {{SOUND, 60000, NEXT, ONE}, {SOUND, 60000}}, {TABLE, 32, INDIRECT}},
	{"indirect_nested", {{TABLE, 16, INDIRECT}}, {TABLE, 16, INDIRECT}},
	{"indirect_length", {{SOUND, FRAME_LEN}}, {TABLE, 17, INDIRECT}},
	{"indirect_empty", {{SOUND, FRAME_LEN}}, {TABLE, 0, INDIRECT}},
	{"indirect_huge", {{SOUND, FRAME_LEN}}, {TABLE, 1u << 24, INDIRECT}},
	{"indirect_outside", .desc = {OUTSIDE, 32, INDIRECT}},
	{"indirect_end", .desc = {LAST_BYTES, 32, INDIRECT}},
	{"indirect_loop", {{SOUND, FRAME_LEN, NEXT, SELF}, {SOUND, 1, NEXT}},
		{TABLE, 32, INDIRECT}},
	{"indirect_next", {{SOUND, FRAME_LEN, NEXT, BEYOND}}, {TABLE, 16, INDIRECT}},
	{"indirect_address", {{OUTSIDE, FRAME_LEN}}, {TABLE, 16, INDIRECT}},
	{"indirect_chained", {{SOUND, FRAME_LEN}}, {TABLE, 16, INDIRECT | NEXT, SELF}},
	{"head", .special = bad_head},
	{"avail_jump", .special = avail_jump},
	{"scribble", .special = scribble},
	{"memory_truncated", .special = truncate_memory},
	{"memory_shrunk", .special = shrink_table},
	{"calls_block", .special = block_calls},
};
#define N_CORRUPTIONS (sizeof(corruptions) / sizeof(corruptions[0]))

static uint64_t
bad_address(const struct port *port, const struct port_queue *queue, enum where where)
{
	switch (where) {
	case OUTSIDE:
		return GUEST_BASE + port->memory.size + (1ull << 40);
	case LAST_BYTES:
		return GUEST_BASE + port->memory.size - 10;
	case TOP:
		return UINT64_MAX - 10;
	case TABLE:
		return guest_address(&port->memory, queue->tables);
	default:
		return guest_address(&port->memory, queue->buffers);
	}
}

static uint16_t
next_of(const struct ring *ring, enum next next, uint16_t at)
{
	switch (next) {
	case SELF:
		return at;
	case ONE:
		return 1;
	case BEYOND:
		return ring->size;
	default:
		return 0;
	}
}

static struct vring_desc
describe(const struct port *port, const struct port_queue *queue, const struct bad_desc *bad,
	uint16_t at, bool toggles_write)
{
	bool write = (queue->index % 2 == 0) != toggles_write && (bad->flags & INDIRECT) == 0;

	return (struct vring_desc){
		.addr = bad_address(port, queue, bad->where),
		.len = bad->len,
		.flags = bad->flags | (write ? WRITE : 0),
		.next = next_of(&queue->ring, bad->next, at),
	};
}

static void
put_packed(struct ring *ring, const struct vring_desc *desc, bool has_next)
{
	struct vring_packed_desc *slot = &ring->slots[ring->next_avail];

	slot->addr = desc->addr;
	slot->len = desc->len;
	slot->id = 0;
	atomic_thread_fence(memory_order_release);
	*(volatile uint16_t *)&slot->flags =
		(uint16_t)((desc->flags & ~NEXT) | (has_next ? NEXT : 0)
			   | (ring->avail_wrap ? FLAG_AVAIL : FLAG_USED));
	ring->next_avail = (uint16_t)((ring->next_avail + 1) % ring->size);
	ring->avail_wrap ^= ring->next_avail == 0;
	ring->added++;
}

static void
put(struct port *port, struct port_queue *queue, const struct corruption *c)
{
	struct ring *ring = &queue->ring;
	uint16_t head = ring->free_head < ring->size ? ring->free_head : 0;
	uint16_t n = c->repeat == UINT16_MAX ? ring->size : (uint16_t)(c->repeat + 1);
	struct vring_desc desc = describe(port, queue, &c->desc, head, c->toggles_write);
	struct vring_desc table[2];

	for (uint16_t i = 0; i < 2; i++)
		table[i] = describe(port, queue, &c->table[i], i, c->toggles_write);
	if (ring->packed)
		for (uint16_t i = 0; i < 2; i++)
			((struct vring_packed_desc *)(void *)queue->tables)[i] =
				(struct vring_packed_desc){
					table[i].addr, table[i].len, i, table[i].flags};
	else
		memcpy(queue->tables, table, sizeof(table));
	if (ring->packed) {
		for (uint16_t i = 0; i < n; i++)
			put_packed(ring, &desc, (desc.flags & NEXT) != 0);
		return;
	}
	ring->desc[head] = desc;
	ring->added++;
	publish_split(ring, head, 1);
}

// {"what": name, "tx": bool}: into a transmitq, or a receiveq.
const char *
command_corrupt(const cJSON *arguments, cJSON *result)
{
	const char *what = string_of(arguments, "what");
	struct port *port;
	struct port_queue *queue;
	const char *wrong =
		argument_queue(arguments, number_of(arguments, "tx", 1) != 0, &port, &queue);
	const uint64_t one = 1;

	for (size_t i = 0; wrong == NULL && what != NULL && i < N_CORRUPTIONS; i++) {
		if (strcmp(corruptions[i].name, what) != 0)
			continue;
		if (corruptions[i].special == NULL || corruptions[i].desc.len != 0)
			put(port, queue, &corruptions[i]);
		if (corruptions[i].special != NULL)
			corruptions[i].special(port, queue);
		return write(queue->kick_fd, &one, sizeof(one)) == sizeof(one) ? NULL : "no kick";
	}
	return wrong != NULL ? wrong : "no such corruption";
}
