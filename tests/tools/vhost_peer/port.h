/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VHOST_PEER_PORT_H
#define VHOST_PEER_PORT_H

// One guest: its memory, its connection to the switch, its queues. Queue 2n is receiveq n+1, queue
// 2n+1 transmitq n+1 (virtio 1.2, 5.1.2).

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include "guest_memory.h"
#include "ring.h"

#define PORT_PAIRS_MAX 32
#define PORT_PARTS_MAX 128 // buffers of one received frame

enum port_kick {
	PORT_KICK_AUTO = 0, // when the device wants it
	PORT_KICK_NEVER,
	PORT_KICK_ALWAYS,
};

enum port_rx_mode {
	PORT_RX_REPORT = 0, // each frame is an event
	PORT_RX_COUNT,
	PORT_RX_HOLD, // nothing is taken: a stuck guest
};

struct port_options {
	char path[108];
	bool connects; // to the switch; else listens
	bool resume; // split: goes on with the rings after a reconnect, as QEMU does
	bool acknowledge; // asks for an answer to each message, where offered
	uint64_t features; // wanted
	uint16_t pairs, enabled, size; // queue pairs, enabled at the start, entries of a ring
	uint32_t rx_buffer, tx_buffer; // bytes of each
	uint16_t rx_buffers, tx_buffers; // of a queue
	uint16_t rx_chain; // descriptors of one receive buffer
	bool rx_indirect;
	uint16_t regions; // that the memory is told as
	uint16_t mtu; // told to the switch, 0 = not
	enum port_kick kick;
	enum port_rx_mode rx;
};

struct queue_counters {
	uint64_t frames, bytes, kicks;
	uint64_t used; // tx: buffers given back
	uint64_t calls; // of the port: both queues of all pairs share a descriptor
};

struct rx_frame {
	struct virtio_net_hdr_mrg_rxbuf header;
	struct iovec parts[PORT_PARTS_MAX]; // without the header
	unsigned n;
	uint32_t cookies[PORT_PARTS_MAX];
	uint32_t missing; // buffers still to come
	uint32_t len;
};

struct port_queue {
	struct ring ring;
	uint16_t index;
	int kick_fd;
	uint8_t *buffers, *tables; // guest memory: one after the other
	bool *is_busy; // tx: buffers in the ring
	uint16_t next; // tx: buffer looked at first
	struct queue_counters counters;
};

struct port {
	LIST_ENTRY(port) link;
	unsigned number;
	struct port_options options;
	int listen_fd, fd, call_fd; // -1: none
	struct guest_memory memory;
	struct port_queue *queues; // 2 * options.pairs
	uint64_t offered, features, protocol; // of this connection
	uint16_t pairs; // that the device has
	uint32_t header_len;
	bool is_ready, has_rings;
	uint32_t connects;
	const char *step; // of the set-up, for errors
};

static inline struct port_queue *
port_rx_queue(struct port *port, unsigned pair)
{
	return &port->queues[2 * pair];
}

static inline struct port_queue *
port_tx_queue(struct port *port, unsigned pair)
{
	return &port->queues[2 * pair + 1];
}

// Fills what the caller left 0. Opens memory and socket. NULL: *error is -errno.
struct port *port_open(unsigned number, const struct port_options *options, int *error);
void port_close(struct port *port);

// The connection is there (port->fd): talks until the rings run. 0 or -errno, with port->step.
int port_negotiate(struct port *port);
void port_disconnect(struct port *port);
// Both rings of a pair, by SET_VRING_ENABLE.
int port_enable(struct port *port, unsigned pair, bool enabled);
int port_set_memory(struct port *port, size_t size);

// Lays out rings and buffers from the start of the memory, and posts receive buffers.
int port_start_rings(struct port *port);
void port_post_rx(struct port *port, struct port_queue *queue, uint32_t buffer);
// Notifies the device as the port's options say.
void port_kick(struct port *port, struct port_queue *queue);

struct tx_frame {
	const void *bytes;
	uint32_t len;
	struct virtio_net_hdr_mrg_rxbuf header;
	bool indirect;
	uint16_t n_cuts;
	uint32_t cuts[RING_SEGMENTS_MAX]; // lengths of descriptors, header included; the last takes
					  // the rest
};

// A free buffer's number, or -1. Its bytes are at port_tx_bytes(), virtio header first.
int port_tx_take(struct port *port, struct port_queue *queue);
uint8_t *port_tx_bytes(const struct port *port, const struct port_queue *queue, unsigned buffer);
// Puts the buffer into the ring without a kick; 0, -ENOSPC, or -EINVAL (cuts).
int port_tx_post(struct port *port, struct port_queue *queue, unsigned buffer, uint32_t len,
	const struct tx_frame *layout);
// All of it; -ENOSPC when ring or buffers are used up, -EMSGSIZE.
int port_tx(struct port *port, struct port_queue *queue, const struct tx_frame *frame);
// Takes used buffers back.
void port_tx_reap(struct port_queue *queue);

typedef void (*port_rx_handler)(
	struct port *, struct port_queue *, const struct rx_frame *, void *);

// Up to n frames; their buffers are posted again. Returns how many.
unsigned port_rx(struct port *port, struct port_queue *queue, unsigned n, port_rx_handler handler,
	void *context);

#endif
