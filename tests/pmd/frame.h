/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_FRAME_H
#define PMD_FRAME_H

// A frame inside the card: plain bytes, so that what carries rules out knows nothing of mbufs.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADROOM 256
#define FRAME_MAX 9728

struct frame {
	uint8_t *data;
	size_t length;
	uint32_t mark; // action MARK
	uint32_t hash; // action RSS
	bool is_marked, is_flagged, is_hashed;
	_Alignas(64) uint8_t room[FRAME_HEADROOM + FRAME_MAX]; // headers want even addresses
};

// An empty frame, or NULL. frame_free() takes NULL.
struct frame *frame_new(void);
struct frame *frame_copy(const struct frame *frame);
void frame_free(struct frame *frame);

// Makes room for n bytes before the first one; false when there is none.
bool frame_push(struct frame *frame, size_t n);

// Takes n bytes off the front; false when it has not that many.
bool frame_pull(struct frame *frame, size_t n);

#endif
