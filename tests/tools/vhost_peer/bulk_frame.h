/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VHOST_PEER_BULK_FRAME_H
#define VHOST_PEER_BULK_FRAME_H

// The frames of one TCP-like stream: every byte of its payload follows from its sequence number.

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port.h"

// The pattern is little longer than a frame: it stays in the cache of who compares with it.
#define BULK_SHIFT 61u

struct bulk_stream {
	bool ipv6, partial; // partial: the sender leaves checksums to the receiver
	uint16_t vlan; // 0 = untagged
	uint8_t source_mac[6], target_mac[6];
	uint8_t source_ip[16], target_ip[16];
	uint32_t payload; // bytes of a frame
	uint16_t mss;
	uint16_t frames; // payload repeats after so many; no two before have a byte alike in place
	uint8_t *pattern; // random; frame n's payload is what begins at n * BULK_SHIFT
	uint32_t l2_len, l3_len, headers;
};

struct bulk_errors {
	uint64_t foreign; // not of this stream
	uint64_t length, bytes, ip_checksum, checksum, metadata, order;
};

// Fills what follows from the rest. Returns false without memory.
bool bulk_stream_start(struct bulk_stream *stream, uint16_t frames);
void bulk_stream_free(struct bulk_stream *stream);

// Writes a whole frame behind its virtio header. offset: of its first byte in the stream.
void bulk_frame_write(const struct bulk_stream *stream, uint8_t *frame, uint64_t offset);
// Changes a frame that was written into one that stands a multiple of 'frames' later.
void bulk_frame_move(const struct bulk_stream *stream, uint8_t *frame, uint64_t offset);
void bulk_header(const struct bulk_stream *stream, struct virtio_net_hdr_mrg_rxbuf *header);

// Checks every byte and checksum of a received frame. Returns its payload's length (0: not of the
// stream). *offset: the one expected, then the frame's own.
uint32_t bulk_frame_check(const struct bulk_stream *stream, const struct rx_frame *frame,
	uint64_t *offset, struct bulk_errors *errors);

#endif
