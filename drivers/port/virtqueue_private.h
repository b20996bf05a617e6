/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_VIRTQUEUE_PRIVATE_H
#define DRIVERS_PORT_VIRTQUEUE_PRIVATE_H

// What the files of the virtqueue share. A layout (split, packed) knows how buffers come and go; it
// hands simple ones (one descriptor in one region holds header and frame) to the bursts of
// virtqueue_burst.h in batches, all others to virtqueue_frame.c one frame at a time.

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include <rte_byteorder.h>

#include "virtqueue.h"
#include "vnet.h"

#if RTE_BYTE_ORDER != RTE_LITTLE_ENDIAN
#error "rings are little-endian (virtio 1.2, 2.6), and read without conversion"
#endif

#define VIRTQUEUE_HEADER_MAX 12u // virtio 1.2, 5.1.6: virtio_net_hdr and num_buffers

#define VIRTQUEUE_SUPER (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)

// One descriptor as read once. Packed rings have the buffer's id where split ones have 'next'.
struct virtqueue_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, id;
};

struct virtqueue_piece {
	uint8_t *host;
	uint32_t len;
};

// Memory of one frame's buffers.
struct virtqueue_chain {
	uint32_t n, len;
	struct virtqueue_piece pieces[VIRTQUEUE_PIECES_MAX];
};

// One buffer taken from the ring, to be given back.
struct virtqueue_buffer {
	uint16_t id, slots; // slots: of a packed ring
	uint32_t len;
};

struct virtqueue_cursor {
	uint16_t next;
	bool wrap;
};

enum virtqueue_result {
	VIRTQUEUE_OK = 0,
	VIRTQUEUE_EMPTY, // no buffers, or not enough of them
	VIRTQUEUE_BROKEN, // virtqueue_break was called
	VIRTQUEUE_TOO_LONG, // more than VIRTQUEUE_PIECES_MAX
	VIRTQUEUE_NO_MEMORY,
	VIRTQUEUE_MALFORMED,
	VIRTQUEUE_REFUSED,
};

struct virtqueue_layout {
	uint16_t (*rx)(struct virtqueue *vq, const struct buffer_pools *pools,
		struct rte_mbuf **pkts, uint16_t n);
	uint16_t (*tx)(
		struct virtqueue *vq, struct rte_mbuf **pkts, uint16_t n, enum port_tx_stop *stop);
	// Appends the next buffer at the cursor and moves that; the queue itself stays. 'access' is
	// what its descriptors must say: VRING_DESC_F_WRITE or 0.
	enum virtqueue_result (*take)(struct virtqueue *vq, struct virtqueue_cursor *cursor,
		uint16_t access, struct virtqueue_chain *chain, struct virtqueue_buffer *buffer);
	// Gives back the queue's next buffer; the guest sees it after the burst.
	void (*give)(struct virtqueue *vq, const struct virtqueue_buffer *buffer, uint32_t written);
	// Shows the guest what was given back, and notifies it when it wants that.
	void (*show)(struct virtqueue *vq);
	bool (*arm)(struct virtqueue *vq);
	void (*disarm)(struct virtqueue *vq);
	int (*start)(struct virtqueue *vq, const struct virtqueue_config *config, char *reason,
		size_t reason_len);
	void (*stop)(struct virtqueue *vq); // may be NULL
	bool (*position_fits)(
		const struct virtqueue_config *config, const struct virtqueue_position *position);
};

// Packed rings, virtio 1.2, 2.8.1.
#define VIRTQUEUE_PACKED_DESC_BYTES 16u
#define VIRTQUEUE_PACKED_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define VIRTQUEUE_PACKED_USED (1u << VRING_PACKED_DESC_F_USED)
#define VIRTQUEUE_PACKED_WRAP (1u << VRING_PACKED_EVENT_F_WRAP_CTR)
// While the device polls, the driver ignores the offset in the device's event suppression (2.8.14):
// there we keep the position, or this: it moves on and is not kept.
#define VIRTQUEUE_PACKED_NOT_KEPT 0x7fffu

// True when descriptors that were given back look available still, for virtqueue.chained.
bool virtqueue_has_chains(const struct virtqueue_config *config);

extern const struct virtqueue_layout virtqueue_split, virtqueue_packed;

// A layout of the functions that its file has by these names.
#define VIRTQUEUE_LAYOUT(name, stop_or_null)            \
	const struct virtqueue_layout name = {.rx = rx, \
		.tx = tx,                               \
		.take = take,                           \
		.give = give,                           \
		.show = show,                           \
		.arm = arm,                             \
		.disarm = disarm,                       \
		.start = start,                         \
		.stop = stop_or_null,                   \
		.position_fits = position_fits}

static inline bool
virtqueue_is_aligned(const void *ring, uintptr_t alignment)
{
	return ((uintptr_t)ring & (alignment - 1)) == 0;
}

struct virtqueue {
	const struct virtqueue_layout *layout;
	_Atomic(const char *) broken;
	uint8_t *desc, *driver, *device; // as in virtqueue_config
	struct virtqueue_region region; // where the last address was found
	uint16_t size, mask; // mask: split only
	uint16_t next; // buffer to take
	uint16_t seen; // split: the guest's index when last read
	uint16_t given; // next, when the guest last heard of it
	bool wrap; // packed: of next
	bool given_wrap;
	uint8_t header_len;
	bool event_idx, indirect, mergeable, in_order;
	bool reads_header; // the guest may ask for offloads
	bool chained; // packed: descriptors do not tell the position, see virtqueue_recover.c
	bool may_lend;
	bool owes; // what was given back is shown when nothing is lent any more
	int call_fd;
	uint32_t work; // pieces that the running burst walked
	uint64_t held; // packed: used descriptor of slot 'given', written last
	uint64_t metadata; // mbuf flags that need a header
	struct rte_mbuf_ext_shared_info lent; // references: ours, and one for each lent segment
	uint64_t features;
	const struct virtqueue_memory *memory;

	_Atomic uint64_t packets, bytes, full, calls, malformed;
};

static inline uint64_t
virtqueue_feature(uint64_t features, unsigned int bit)
{
	return features & (UINT64_C(1) << bit);
}

static inline uint16_t
virtqueue_load16(const uint8_t *at)
{
	return __atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_RELAXED);
}

static inline uint64_t
virtqueue_load64(const uint8_t *at)
{
	return __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_RELAXED);
}

static inline void
virtqueue_store16(uint8_t *at, uint16_t value)
{
	__atomic_store_n((uint16_t *)(void *)at, value, __ATOMIC_RELAXED);
}

static inline void
virtqueue_store32(uint8_t *at, uint32_t value)
{
	__atomic_store_n((uint32_t *)(void *)at, value, __ATOMIC_RELAXED);
}

static inline void
virtqueue_store64(uint8_t *at, uint64_t value)
{
	__atomic_store_n((uint64_t *)(void *)at, value, __ATOMIC_RELAXED);
}

static inline void
virtqueue_fence(void)
{
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
}

// For lines that the other side wrote last and we write next.
static inline void
virtqueue_prefetch_write(const void *line)
{
#ifdef RTE_ARCH_X86_64
	asm volatile("prefetchw %[line]" : : [line] "m"(*(const volatile char *)line));
#else
	__builtin_prefetch(line, 1, 3);
#endif
}

// Stops the queue for good; the first reason stays. Returns VIRTQUEUE_BROKEN.
enum virtqueue_result virtqueue_break(struct virtqueue *vq, const char *reason);

static inline bool
virtqueue_is_broken(const struct virtqueue *vq)
{
	return unlikely(atomic_load_explicit(&vq->broken, memory_order_relaxed) != NULL);
}

// Makes vq->region the one that holds addr. Returns false when none does.
bool virtqueue_find_region(struct virtqueue *vq, uint64_t addr);

// len bytes in one region, or NULL.
static inline uint8_t *
virtqueue_map(struct virtqueue *vq, uint64_t addr, uint32_t len)
{
	uint64_t offset = addr - vq->region.guest_addr;

	if (unlikely(offset >= vq->region.size)) {
		if (!virtqueue_find_region(vq, addr))
			return NULL;
		offset = addr - vq->region.guest_addr;
	}
	return likely(len <= vq->region.size - offset) ? vq->region.host + offset : NULL;
}

// A burst's own copy of vq->region, for buffers that start before 'limit': whatever one mbuf
// holds ends before the region does.
struct virtqueue_window {
	uint64_t guest_addr, limit;
	uint8_t *host;
};

#define VIRTQUEUE_WINDOW_ROOM (VIRTQUEUE_HEADER_MAX + UINT16_MAX + 64u)

static inline struct virtqueue_window
virtqueue_window(const struct virtqueue *vq)
{
	uint64_t size = vq->region.size;

	return (struct virtqueue_window){
		.guest_addr = vq->region.guest_addr,
		.limit = size > VIRTQUEUE_WINDOW_ROOM ? size - VIRTQUEUE_WINDOW_ROOM : 0,
		.host = vq->region.host,
	};
}

static inline uint8_t *
virtqueue_map_window(
	struct virtqueue *vq, struct virtqueue_window *window, uint64_t addr, uint32_t len)
{
	uint64_t offset = addr - window->guest_addr;
	uint8_t *host;

	if (likely(offset < window->limit))
		return window->host + offset;
	host = virtqueue_map(vq, addr, len);
	*window = virtqueue_window(vq);
	return host;
}

// Appends [addr, addr + len), in as many pieces as regions hold it.
enum virtqueue_result virtqueue_add_pieces(
	struct virtqueue *vq, struct virtqueue_chain *chain, uint64_t addr, uint32_t len);

// Appends what an indirect descriptor describes (virtio 1.2, 2.7.5.3, 2.8.7): 'chained' tables are
// linked by NEXT, others hold descriptors one after the other. Each entry is read once.
enum virtqueue_result virtqueue_add_table(struct virtqueue *vq, struct virtqueue_chain *chain,
	const struct virtqueue_desc *table, uint16_t access, bool chained);

// One frame out of the buffer at vq->next, however it is laid out. OK, MALFORMED: the buffer was
// given back; else nothing changed.
enum virtqueue_result virtqueue_rx_frame(
	struct virtqueue *vq, const struct buffer_pools *pools, struct rte_mbuf **frame);
// One frame into as many buffers as it needs: *n_buffers. On OK m still belongs to the caller.
enum virtqueue_result virtqueue_tx_frame(
	struct virtqueue *vq, struct rte_mbuf *m, uint32_t *n_buffers);

// The guest's header of a frame that is in m already: sets metadata. Returns false: malformed.
bool virtqueue_read_header(
	struct virtqueue *vq, const struct virtio_net_hdr *header, struct rte_mbuf *m);
// The device's header for m. Returns false when the guest did not negotiate what it needs.
bool virtqueue_make_header(
	const struct virtqueue *vq, const struct rte_mbuf *m, struct virtio_net_hdr *header);

// eventfd of the guest.
void virtqueue_call(struct virtqueue *vq);

// virtio 1.2, 2.7.7.2: did the step from old to now pass 'event'?
static inline bool
virtqueue_passed(uint16_t event, uint16_t now, uint16_t old)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

#endif
