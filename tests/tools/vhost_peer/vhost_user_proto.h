/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VHOST_PEER_VHOST_USER_PROTO_H
#define VHOST_PEER_VHOST_USER_PROTO_H

// Messages of the vhost-user protocol (QEMU, docs/interop/vhost-user.rst), front end's side.
// Sockets block for at most VU_TIMEOUT_S seconds. All functions return 0 (or a descriptor) or
// -errno.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VU_TIMEOUT_S 5
#define VU_FDS_MAX 16
#define VU_REGIONS_MAX 8
#define VU_NO_FD 0x100u // in the payload of SET_VRING_KICK and _CALL
#define VU_VERSION 1u
#define VU_REPLY (1u << 2)
#define VU_NEED_REPLY (1u << 3)

enum vu_request {
	VU_GET_FEATURES = 1,
	VU_SET_FEATURES = 2,
	VU_SET_OWNER = 3,
	VU_SET_MEM_TABLE = 5,
	VU_SET_VRING_NUM = 8,
	VU_SET_VRING_ADDR = 9,
	VU_SET_VRING_BASE = 10,
	VU_GET_VRING_BASE = 11,
	VU_SET_VRING_KICK = 12,
	VU_SET_VRING_CALL = 13,
	VU_GET_PROTOCOL_FEATURES = 15,
	VU_SET_PROTOCOL_FEATURES = 16,
	VU_GET_QUEUE_NUM = 17,
	VU_SET_VRING_ENABLE = 18,
	VU_NET_SET_MTU = 20,
};

enum vu_protocol_feature {
	VU_PROTOCOL_MQ = 1u << 0,
	VU_PROTOCOL_REPLY_ACK = 1u << 3,
	VU_PROTOCOL_MTU = 1u << 4,
};

struct vu_region {
	uint64_t guest_address, size, user_address, offset;
};

struct vu_memory_table {
	uint32_t n, padding;
	struct vu_region regions[VU_REGIONS_MAX];
};

struct vu_vring_state {
	uint32_t index, value;
};

struct vu_vring_address {
	uint32_t index, flags;
	uint64_t desc, used, avail, log;
};

struct vu_message {
	uint32_t request, flags, size;
	union {
		uint64_t value;
		struct vu_vring_state state;
		struct vu_vring_address address;
		struct vu_memory_table memory;
		uint8_t bytes[512];
	} payload;
} __attribute__((packed));

#define VU_HEADER_LEN offsetof(struct vu_message, payload)

// The path of a socket of ours that is left over is taken.
int vu_listen(const char *path);
int vu_accept(int listen_fd);
int vu_connect(const char *path);

// Bytes as they are, the descriptors with the first of them.
int vu_send_raw(int fd, const void *bytes, size_t len, const int *fds, unsigned n_fds);
// One whole message; its descriptors are closed.
int vu_receive(int fd, struct vu_message *message);

// Sends one request; with 'ack' also waits for the answer, and -EREMOTEIO is a refusal.
int vu_set(int fd, uint32_t request, const void *payload, size_t size, const int *fds,
	unsigned n_fds, bool ack);
int vu_get(int fd, uint32_t request, uint64_t *value);

#endif
