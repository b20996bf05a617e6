/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_REPLY_H
#define SERVER_REPLY_H

// Builds the frames of a reply or an event: as many as it needs, with CW_MORE on all but the last.
// Main thread.

#include "connection.h"
#include "reason.h"

struct reply {
	struct connection *c;
	uint16_t type; // with CW_REPLY or CW_EVENT
	uint32_t seq;
	uint8_t *frame; // owned, NULL after an error
	uint32_t length, capacity, n_items;
};

void reply_begin(struct reply *reply, struct connection *c, uint16_t type, uint32_t seq);
// Room for an item of 'length' bytes (at most UINT16_MAX, rounded up to 8), zeroed, with its item
// header filled. Valid until the next call. NULL: no memory (the connection ends at reply_end).
void *reply_item(struct reply *reply, uint16_t item_type, size_t length);
// A complete item. Returns nothing to fill.
void reply_copy(struct reply *reply, const struct cw_item *item);
// error 0 or -errno with the reason.
void reply_status(
	struct reply *reply, uint32_t index, uint16_t object, int error, const struct reason *why);
// Sends the last frame; takes over the descriptors.
void reply_end(struct reply *reply, const int *fds, uint16_t n_fds);

#endif
