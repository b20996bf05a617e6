/* SPDX-License-Identifier: Apache-2.0 */
// Frames in and out of the rings.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "port.h"

static uint8_t *
rx_bytes(const struct port *port, const struct port_queue *queue, uint32_t buffer)
{
	return queue->buffers + (size_t)buffer * port->options.rx_buffer;
}

static int
start_ring(struct port *port, struct port_queue *queue)
{
	const struct port_options *o = &port->options;
	bool is_rx = queue->index % 2 == 0;
	uint32_t n = is_rx ? o->rx_buffers : o->tx_buffers;
	int error = ring_start(&queue->ring, &port->memory, o->size, port->features);

	queue->tables = guest_memory_take(&port->memory, n * RING_TABLE_BYTES, 64);
	queue->buffers = guest_memory_take(
		&port->memory, (size_t)n * (is_rx ? o->rx_buffer : o->tx_buffer), 64);
	if (error == 0 && (queue->tables == NULL || queue->buffers == NULL))
		error = -ENOMEM;
	memset(queue->is_busy, 0, o->tx_buffers * sizeof(queue->is_busy[0]));
	return error;
}

int
port_start_rings(struct port *port)
{
	int error = guest_memory_reset(&port->memory);

	for (unsigned i = 0; error == 0 && i < 2u * port->options.pairs; i++)
		error = start_ring(port, &port->queues[i]);
	if (error != 0)
		return error;
	for (unsigned pair = 0; pair < port->options.pairs; pair++) {
		for (uint32_t i = 0; i < port->options.rx_buffers; i++)
			port_post_rx(port, port_rx_queue(port, pair), i);
		ring_interrupts(&port_rx_queue(port, pair)->ring, port->options.rx != PORT_RX_HOLD);
		ring_interrupts(&port_tx_queue(port, pair)->ring, false);
	}
	port->has_rings = true;
	return 0;
}

void
port_post_rx(struct port *port, struct port_queue *queue, uint32_t buffer)
{
	struct ring_segment segments[RING_SEGMENTS_MAX];
	uint32_t n = port->options.rx_chain, step = port->options.rx_buffer / n;
	uint64_t address = guest_address(&port->memory, rx_bytes(port, queue, buffer));
	const struct ring_buffer posted = {
		.segments = segments,
		.n = (uint16_t)n,
		.device_writes = true,
		.cookie = buffer,
		.table = port->options.rx_indirect ? queue->tables + buffer * RING_TABLE_BYTES
						   : NULL,
	};

	for (uint32_t i = 0; i < n; i++)
		segments[i] = (struct ring_segment){
			.address = address + i * step,
			.len = i + 1 < n ? step : port->options.rx_buffer - i * step,
		};
	ring_add(&queue->ring, &posted);
}

void
port_kick(struct port *port, struct port_queue *queue)
{
	const uint64_t one = 1;
	bool wanted = ring_kick_wanted(&queue->ring);

	if (port->options.kick == PORT_KICK_NEVER)
		return;
	if (!wanted && port->options.kick != PORT_KICK_ALWAYS)
		return;
	if (write(queue->kick_fd, &one, sizeof(one)) == sizeof(one))
		queue->counters.kicks++;
}

uint8_t *
port_tx_bytes(const struct port *port, const struct port_queue *queue, unsigned buffer)
{
	return queue->buffers + (size_t)buffer * port->options.tx_buffer;
}

void
port_tx_reap(struct port_queue *queue)
{
	uint32_t buffer, len;

	while (ring_get(&queue->ring, &buffer, &len)) {
		queue->is_busy[buffer] = false;
		queue->counters.used++;
	}
}

int
port_tx_take(struct port *port, struct port_queue *queue)
{
	port_tx_reap(queue);
	for (uint16_t i = 0; i < port->options.tx_buffers; i++) {
		uint16_t buffer = (uint16_t)((queue->next + i) % port->options.tx_buffers);

		if (!queue->is_busy[buffer]) {
			queue->next = (uint16_t)(buffer + 1);
			return buffer;
		}
	}
	return -1;
}

// The lengths of descriptors that the layout asks for. Returns how many, 0 when they do not fit.
static uint16_t
cut(struct ring_segment *segments, uint64_t address, uint32_t len, const struct tx_frame *layout)
{
	uint32_t done = 0;
	uint16_t n = 0;

	while (n < layout->n_cuts && done + layout->cuts[n] < len) {
		if (layout->cuts[n] == 0 || n + 1 == RING_SEGMENTS_MAX)
			return 0;
		segments[n] = (struct ring_segment){address + done, layout->cuts[n]};
		done += layout->cuts[n++];
	}
	segments[n++] = (struct ring_segment){address + done, len - done};
	return n;
}

int
port_tx_post(struct port *port, struct port_queue *queue, unsigned buffer, uint32_t len,
	const struct tx_frame *layout)
{
	struct ring_segment segments[RING_SEGMENTS_MAX];
	const uint8_t *bytes = port_tx_bytes(port, queue, buffer);
	const struct ring_buffer posted = {
		.segments = segments,
		.n = cut(segments, guest_address(&port->memory, bytes), len, layout),
		.cookie = buffer,
		.table = layout->indirect ? queue->tables + buffer * RING_TABLE_BYTES : NULL,
	};
	int error = posted.n == 0 ? -EINVAL : ring_add(&queue->ring, &posted);

	if (error != 0)
		return error;
	queue->is_busy[buffer] = true;
	queue->counters.frames++;
	queue->counters.bytes += len - port->header_len;
	return 0;
}

int
port_tx(struct port *port, struct port_queue *queue, const struct tx_frame *frame)
{
	uint32_t len = port->header_len + frame->len;
	int buffer;

	if (len > port->options.tx_buffer)
		return -EMSGSIZE;
	buffer = port_tx_take(port, queue);
	if (buffer < 0)
		return -ENOSPC;
	uint8_t *bytes = port_tx_bytes(port, queue, (unsigned)buffer);

	memcpy(bytes, &frame->header, port->header_len);
	memcpy(bytes + port->header_len, frame->bytes, frame->len);
	return port_tx_post(port, queue, (unsigned)buffer, len, frame);
}

// Starts a frame with its first buffer. Returns false when the device's length cannot be.
static bool
start_frame(const struct port *port, struct rx_frame *frame, const uint8_t *bytes, uint32_t len)
{
	if (len < port->header_len || len > port->options.rx_buffer)
		return false;
	frame->header.num_buffers = 1;
	memcpy(&frame->header, bytes, port->header_len);
	frame->missing = (port->features & (1ull << VIRTIO_NET_F_MRG_RXBUF)) != 0
				 ? frame->header.num_buffers
				 : 1;
	frame->n = 0;
	frame->len = 0;
	return frame->missing > 0 && frame->missing <= PORT_PARTS_MAX;
}

static bool
receive(struct port *port, struct port_queue *queue, struct rx_frame *frame)
{
	uint32_t buffer, len, header;

	frame->missing = 0;
	do {
		uint8_t *bytes;

		if (!ring_get(&queue->ring, &buffer, &len)) {
			if (frame->missing > 0)
				queue->ring.broken = "the device left a frame incomplete";
			return false;
		}
		bytes = rx_bytes(port, queue, buffer);
		header = frame->missing == 0 ? port->header_len : 0;
		if (header > 0 ? !start_frame(port, frame, bytes, len)
			       : len > port->options.rx_buffer) {
			queue->ring.broken = "the device gave back a buffer with an impossible "
					     "length or number of buffers";
			return false;
		}
		frame->parts[frame->n] = (struct iovec){bytes + header, len - header};
		frame->cookies[frame->n++] = buffer;
		frame->len += len - header;
	} while (--frame->missing > 0);
	return true;
}

unsigned
port_rx(struct port *port, struct port_queue *queue, unsigned n, port_rx_handler handler,
	void *context)
{
	struct rx_frame frame = {0};
	unsigned done = 0;

	while (done < n && receive(port, queue, &frame)) {
		queue->counters.frames++;
		queue->counters.bytes += frame.len;
		if (handler != NULL)
			handler(port, queue, &frame, context);
		for (unsigned i = 0; i < frame.n; i++)
			port_post_rx(port, queue, frame.cookies[i]);
		done++;
	}
	if (done > 0)
		port_kick(port, queue);
	return done;
}
