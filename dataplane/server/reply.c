/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <unistd.h>

#include "reply.h"

#define INITIAL_ROOM 1024u

static void
start(struct reply *reply)
{
	reply->capacity = INITIAL_ROOM;
	reply->length = sizeof(struct cw_frame);
	reply->n_items = 0;
	reply->frame = calloc(1, reply->capacity);
}

void
reply_begin(struct reply *reply, struct connection *c, uint16_t type, uint32_t seq)
{
	*reply = (struct reply){.c = c, .type = type, .seq = seq};
	start(reply);
}

static void
send_frame(struct reply *reply, uint16_t more, const int *fds, uint16_t n_fds)
{
	const struct cw_frame header = {
		.length = reply->length,
		.type = reply->type | more,
		.n_fds = n_fds,
		.seq = reply->seq,
		.n_items = reply->n_items,
	};

	memcpy(reply->frame, &header, sizeof(header));
	connection_send(reply->c, reply->frame, fds, n_fds);
	reply->frame = NULL;
}

static bool
grow(struct reply *reply, uint32_t length)
{
	uint32_t wanted = reply->capacity;
	uint8_t *bigger;

	while (wanted < reply->length + length)
		wanted *= 2;
	if (wanted == reply->capacity)
		return true;
	bigger = realloc(reply->frame, wanted);
	if (bigger == NULL) {
		free(reply->frame);
		reply->frame = NULL;
		return false;
	}
	memset(bigger + reply->capacity, 0, wanted - reply->capacity);
	reply->frame = bigger;
	reply->capacity = wanted;
	return true;
}

void *
reply_item(struct reply *reply, uint16_t item_type, size_t length)
{
	const uint32_t padded = (uint32_t)CW_ALIGN8(length);
	struct cw_item *item;

	if (reply->frame != NULL && reply->length + padded > CW_FRAME_MAX) {
		send_frame(reply, CW_MORE, NULL, 0);
		start(reply);
	}
	if (reply->frame == NULL || !grow(reply, padded))
		return NULL;
	item = (struct cw_item *)(void *)(reply->frame + reply->length);
	item->type = item_type;
	item->length = (uint16_t)padded;
	reply->length += padded;
	reply->n_items++;
	return item;
}

void
reply_copy(struct reply *reply, const struct cw_item *item)
{
	void *room = reply_item(reply, item->type, item->length);

	if (room != NULL)
		memcpy(room, item, item->length);
}

void
reply_status(
	struct reply *reply, uint32_t index, uint16_t object, int error, const struct reason *why)
{
	struct cw_status *status = reply_item(reply, CW_ITEM_STATUS, sizeof(*status));

	if (status == NULL)
		return;
	status->error = error;
	status->index = index;
	status->object = object;
	if (error != 0)
		snprintf(status->reason, sizeof(status->reason), "%s", why->text);
}

void
reply_end(struct reply *reply, const int *fds, uint16_t n_fds)
{
	if (reply->frame != NULL) {
		send_frame(reply, 0, fds, n_fds);
		return;
	}
	for (uint16_t i = 0; i < n_fds; i++)
		close(fds[i]);
	connection_end(reply->c, "no memory for a reply");
}
