/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "replay.h"

#define REPLAY_MAX_BYTES (512u << 20)

struct staged {
	struct cw_frame *frame;
	uint16_t n_fds;
	int *fds;
};

struct replay {
	uint64_t epoch;
	size_t n, room, bytes;
	struct staged *frames;
};

struct replay *
replay_create(uint64_t epoch)
{
	struct replay *replay = calloc(1, sizeof(*replay));

	if (replay != NULL)
		replay->epoch = epoch;
	return replay;
}

void
replay_free(struct replay *replay)
{
	if (replay == NULL)
		return;
	for (size_t i = 0; i < replay->n; i++) {
		struct staged *staged = &replay->frames[i];

		for (uint16_t j = 0; j < staged->n_fds; j++)
			if (staged->fds[j] >= 0)
				close(staged->fds[j]);
		free(staged->fds);
		free(staged->frame);
	}
	free(replay->frames);
	free(replay);
}

uint64_t
replay_epoch(const struct replay *replay)
{
	return replay->epoch;
}

static int
make_room(struct replay *replay)
{
	const size_t wanted = replay->room == 0 ? 64 : replay->room * 2;
	struct staged *frames;

	if (replay->n < replay->room)
		return 0;
	frames = realloc(replay->frames, wanted * sizeof(*frames));
	if (frames == NULL)
		return -ENOMEM;
	replay->frames = frames;
	replay->room = wanted;
	return 0;
}

int
replay_add(struct replay *replay, struct cw_frame *frame, const int *fds, uint16_t n_fds,
	struct reason *why)
{
	struct staged staged = {.frame = frame, .n_fds = n_fds};

	if (replay->bytes + frame->length > REPLAY_MAX_BYTES)
		return refuse(why, -ENOSPC, "epoch %llu is larger than %u bytes",
			(unsigned long long)replay->epoch, REPLAY_MAX_BYTES);
	staged.fds = calloc(n_fds + 1u, sizeof(*staged.fds));
	if (staged.fds == NULL || make_room(replay) != 0) {
		free(staged.fds);
		return refuse(why, -ENOMEM, "no memory for epoch %llu",
			(unsigned long long)replay->epoch);
	}
	memcpy(staged.fds, fds, n_fds * sizeof(*fds));
	replay->frames[replay->n++] = staged;
	replay->bytes += frame->length;
	return 0;
}

// Position in the walk over all items.
struct cursor {
	struct replay *replay;
	struct objects *objects;
	struct reply *reply;
	unsigned int pass;
	uint32_t index;
	int *fds; // of this item
	uint16_t n_fds;
};

static void
walk(struct cursor *at, void (*fn)(struct cursor *at, const struct cw_item *item))
{
	at->index = 0;
	for (size_t i = 0; i < at->replay->n; i++) {
		const struct staged *staged = &at->replay->frames[i];
		const struct cw_item *item = NULL;
		uint16_t used = 0;
		bool bad = false;

		while ((item = cw_item_next(staged->frame, item, &bad)) != NULL) {
			at->n_fds = item->type == CW_ITEM_PORT
					    ? ((const struct cw_port *)item)->n_fds
					    : 0;
			at->fds = staged->fds + used;
			used = (uint16_t)(used + at->n_fds);
			fn(at, item);
			at->index++;
		}
	}
}

static void
name_item(struct cursor *at, const struct cw_item *item)
{
	objects_epoch_name(at->objects, item);
}

static void
release_item(struct cursor *at, const struct cw_item *item)
{
	objects_epoch_release(at->objects, item);
}

static void
set_item(struct cursor *at, const struct cw_item *item)
{
	struct reason why = {""};
	int error;

	if (object_pass(item) != at->pass)
		return;
	error = objects_set(at->objects, item, at->fds, at->n_fds, &why);
	if (error != 0)
		reply_status(at->reply, at->index, item->type, error, &why);
}

void
replay_commit(struct replay *replay, struct objects *objects, struct reply *reply)
{
	struct cursor at = {.replay = replay, .objects = objects, .reply = reply};

	objects_epoch_begin(objects);
	walk(&at, name_item);
	walk(&at, release_item);
	objects_epoch_sweep_early(objects);
	for (at.pass = 0; at.pass < OBJECT_PASSES; at.pass++)
		walk(&at, set_item);
	objects_epoch_sweep_late(objects);
	replay_free(replay);
}
