/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <stdlib.h>
#include <string.h>

struct frame *
frame_new(void)
{
	struct frame *frame = aligned_alloc(_Alignof(struct frame), sizeof(*frame));

	if (frame == NULL)
		return NULL;
	frame->data = frame->room + FRAME_HEADROOM;
	frame->length = 0;
	frame->mark = frame->hash = 0;
	frame->is_marked = frame->is_flagged = frame->is_hashed = false;
	return frame;
}

struct frame *
frame_copy(const struct frame *frame)
{
	struct frame *copy = aligned_alloc(_Alignof(struct frame), sizeof(*copy));

	if (copy == NULL)
		return NULL;
	memcpy(copy, frame, offsetof(struct frame, room));
	copy->data = copy->room + (frame->data - frame->room);
	memcpy(copy->data, frame->data, frame->length);
	return copy;
}

void
frame_free(struct frame *frame)
{
	free(frame);
}

bool
frame_push(struct frame *frame, size_t n)
{
	if ((size_t)(frame->data - frame->room) < n)
		return false;
	frame->data -= n;
	frame->length += n;
	return true;
}

bool
frame_pull(struct frame *frame, size_t n)
{
	if (frame->length < n)
		return false;
	frame->data += n;
	frame->length -= n;
	return true;
}
