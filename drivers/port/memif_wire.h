/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_MEMIF_WIRE_H
#define DRIVERS_PORT_MEMIF_WIRE_H

// Shared memory packet interface (memif), version 2.0: messages of the control socket and layout of
// the rings. The protocol has no RFC; FD.io publishes it in vpp/src/plugins/memif/memif.h and
// extras/libmemif (Apache-2.0), DPDK speaks it in drivers/net/memif (BSD-3-Clause). Names and
// numbers below are theirs.
//
// The socket is AF_UNIX SOCK_SEQPACKET, one message of 128 bytes a packet, host byte order.
//   master -> slave HELLO, then the slave leads: INIT, ADD_REGION.., ADD_RING.., CONNECT; the
//   master answers each by ACK, and CONNECT by CONNECTED. Either says DISCONNECT at any time.
// The slave owns all memory, rings and buffers. It writes the head of every ring, the master every
// tail: slave to master (S2M) head..tail are filled buffers; master to slave (M2S) tail..head are
// empty ones.

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define MEMIF_COOKIE 0x3E31F20u
#define MEMIF_VERSION 0x0200u
#define MEMIF_NAME_LEN 32
#define MEMIF_SECRET_LEN 24
#define MEMIF_REASON_LEN 96
#define MEMIF_LOG2_RING_SIZE_MAX 14 // as announced by all implementations

enum memif_message_type {
	MEMIF_ACK = 1,
	MEMIF_HELLO,
	MEMIF_INIT,
	MEMIF_ADD_REGION,
	MEMIF_ADD_RING,
	MEMIF_CONNECT,
	MEMIF_CONNECTED,
	MEMIF_DISCONNECT,
	MEMIF_MESSAGE_TYPES, // number of types, not a type
};

enum memif_mode {
	MEMIF_MODE_ETHERNET = 0,
	MEMIF_MODE_IP,
	MEMIF_MODE_PUNT_INJECT,
};

struct memif_hello {
	uint8_t name[MEMIF_NAME_LEN];
	uint16_t min_version, max_version;
	uint16_t max_region; // highest index of each kind, not a count
	uint16_t max_m2s_ring, max_s2m_ring;
	uint8_t max_log2_ring_size;
} __attribute__((packed));

struct memif_init {
	uint16_t version;
	uint32_t id;
	uint8_t mode; // memif_mode
	uint8_t secret[MEMIF_SECRET_LEN];
	uint8_t name[MEMIF_NAME_LEN];
} __attribute__((packed));

// Carries the memory's descriptor.
struct memif_add_region {
	uint16_t index;
	uint64_t size;
} __attribute__((packed));

#define MEMIF_RING_S2M 1u // in memif_add_ring.flags

// Carries the descriptor of an eventfd.
struct memif_add_ring {
	uint16_t flags;
	uint16_t index;
	uint16_t region;
	uint32_t offset;
	uint8_t log2_ring_size;
	uint16_t private_header_size;
} __attribute__((packed));

struct memif_connect {
	uint8_t interface[MEMIF_NAME_LEN];
} __attribute__((packed));

struct memif_disconnect {
	uint32_t code;
	uint8_t reason[MEMIF_REASON_LEN];
} __attribute__((packed));

struct memif_message {
	uint16_t type;
	union {
		struct memif_hello hello;
		struct memif_init init;
		struct memif_add_region add_region;
		struct memif_add_ring add_ring;
		struct memif_connect connect; // CONNECT and CONNECTED
		struct memif_disconnect disconnect;
		uint8_t bytes[126];
	};
} __attribute__((packed));

#define MEMIF_DESC_NEXT 1u // the frame goes on in the next descriptor

struct memif_desc {
	uint16_t flags;
	uint16_t region;
	uint32_t length;
	uint32_t offset;
	uint32_t metadata;
};

#define MEMIF_MASK_INT 1u // the receiver polls: no interrupts, please

struct memif_shared_ring {
	uint32_t cookie;
	uint16_t flags; // writer: who receives frames by this ring
	uint16_t head; // writer: slave
	uint8_t pad1[56];
	uint16_t tail; // writer: master
	uint8_t pad2[62];
	struct memif_desc desc[];
};

static_assert(sizeof(struct memif_message) == 128, "wire layout");
static_assert(sizeof(struct memif_hello) == 43, "wire layout");
static_assert(sizeof(struct memif_init) == 63, "wire layout");
static_assert(sizeof(struct memif_add_ring) == 13, "wire layout");
static_assert(sizeof(struct memif_desc) == 16, "ring layout");
static_assert(offsetof(struct memif_shared_ring, tail) == 64, "ring layout");
static_assert(offsetof(struct memif_shared_ring, desc) == 128, "ring layout");

#endif
