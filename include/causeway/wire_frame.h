/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAUSEWAY_WIRE_FRAME_H
#define CAUSEWAY_WIRE_FRAME_H

// Frames and items of dp.sock, and the items that are neither objects nor answers nor events. See
// wire.h.

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <causeway/limits.h>

#define CW_WIRE_MAGIC 0x50445743u // "CWDP"
#define CW_WIRE_VERSION 4u

enum cw_frame_type {
	CW_HELLO = 1, // one cw_hello each way; the reply is followed by a CW_NAMES event
	CW_BEGIN = 2, // one cw_epoch
	CW_COMMIT = 3, // one cw_epoch; the reply holds one cw_status for each refused object only
	CW_SET = 4, // any number of objects: add or replace
	CW_DEL = 5, // any number of objects, only their key fields are read; absent is no error;
		    // refused between BEGIN and COMMIT: leave the object out of the epoch instead
	CW_GET_STATS = 6, // no item; reply: cw_port_stats, cw_queue_stats, cw_stage_stats,
			  // cw_worker_stats
	CW_GET_NODE = 7, // no item; reply: one cw_node, cw_worker_info each, cw_port_info each
	CW_GET_FDB = 8, // no item; reply: cw_fdb, learned ones with CW_FDB_LEARNED
	CW_GET_PORT_FDS = 9, // one cw_port (id); reply carries duplicates of the port's descriptors
	CW_TRACE = 10, // one cw_trace: start, or stop when count is 0
	CW_GET_FLOWS = 11, // no item; reply: cw_flow, what devices are asked to do by themselves
	CW_MORE = 0x2000, // or-ed to the type of a reply: another frame of it follows
	CW_EVENT = 0x4000, // data plane to control plane, unasked: items are the event structures
	CW_REPLY = 0x8000, // or-ed to the request's type
};

enum cw_item_type {
	CW_ITEM_HELLO = 1,
	CW_ITEM_EPOCH,
	CW_ITEM_STATUS,
	CW_ITEM_NAME,
	// objects
	CW_ITEM_NETWORK = 16,
	CW_ITEM_PORT,
	CW_ITEM_ENDPOINT,
	CW_ITEM_FDB,
	CW_ITEM_NEIGHBOR,
	CW_ITEM_NEXTHOP,
	CW_ITEM_ROUTE,
	CW_ITEM_VTEP,
	CW_ITEM_FLOOD,
	// answers
	CW_ITEM_PORT_STATS = 64,
	CW_ITEM_STAGE_STATS,
	CW_ITEM_WORKER_STATS,
	CW_ITEM_NODE,
	CW_ITEM_WORKER_INFO,
	CW_ITEM_PORT_INFO,
	CW_ITEM_TRACE,
	CW_ITEM_QUEUE_STATS,
	CW_ITEM_FLOW,
	// events
	CW_ITEM_PORT_EVENT = 96,
	CW_ITEM_NEIGHBOR_WANTED,
	CW_ITEM_TABLE_FULL,
	CW_ITEM_TRACE_RECORD,
	CW_ITEM_REMOTE_WANTED,
};

struct cw_frame {
	uint32_t length; // of the whole frame, header included; a multiple of 8
	uint16_t type; // cw_frame_type
	uint16_t n_fds;
	uint32_t seq;
	uint32_t n_items;
};

struct cw_item {
	uint16_t type; // cw_item_type
	uint16_t length; // header and body, a multiple of 8
	uint32_t reserved; // zero
};

struct cw_ip {
	uint8_t addr[16]; // an IPv4 address fills the first 4 bytes, the rest is zero
	uint8_t family; // 4 or 6
	uint8_t prefix; // bits
	uint16_t reserved;
};

struct cw_hello {
	struct cw_item item;
	uint32_t magic;
	uint32_t version;
	char build[CW_NAME_LEN]; // program and version, for logs
};

struct cw_epoch {
	struct cw_item item;
	uint64_t epoch;
};

struct cw_status {
	struct cw_item item;
	int32_t error; // 0, or a negative errno
	uint32_t index; // of the item in its request; in COMMIT the running number in the epoch
	uint16_t object; // cw_item_type
	uint16_t reserved;
	uint32_t reserved2;
	char reason[128]; // names the key and the value when error is not 0
};

enum cw_name_kind {
	CW_NAME_STAGE = 1,
	CW_NAME_DROP = 2,
};

// One entry of the numbering that the statistics use; sent once after HELLO.
struct cw_name {
	struct cw_item item;
	uint16_t kind; // cw_name_kind
	uint16_t index;
	char name[CW_NAME_LEN];
	char help[124];
};

#define CW_ALIGN8(n) (((n) + 7u) & ~7u)

static_assert(sizeof(struct cw_frame) == 16, "wire layout");
static_assert(sizeof(struct cw_item) == 8, "wire layout");
static_assert(sizeof(struct cw_ip) == 20, "wire layout");

// Walks the items of a frame. prev NULL gives the first. Returns NULL after the last and, with *bad
// set, when an item's length is not a multiple of 8, below its header or beyond the frame.
static inline const struct cw_item *
cw_item_next(const struct cw_frame *frame, const struct cw_item *prev, bool *bad)
{
	const uint8_t *base = (const uint8_t *)frame, *at;
	const struct cw_item *item;
	size_t left;

	at = prev == NULL ? base + sizeof(*frame) : (const uint8_t *)prev + prev->length;
	left = frame->length - (size_t)(at - base);
	if (left == 0)
		return NULL;
	item = (const struct cw_item *)(const void *)at;
	if (left < sizeof(*item) || item->length < sizeof(*item) || item->length % 8 != 0
		|| item->length > left) {
		*bad = true;
		return NULL;
	}
	return item;
}

#endif
