/* SPDX-License-Identifier: Apache-2.0 */
#include "batch.h"

#include <errno.h>
#include <stdlib.h>

#include "log.h"

// A frame and the indices of its objects, [first, first + n).
struct part {
	struct batch *batch;
	struct part *next;
	struct dp_frame *frame;
	unsigned int first, n, answered;
};

struct batch {
	struct causewayd *d;
	const struct batch_handler *handler;
	void *arg;
	struct part *parts, *last;
	unsigned int n; // objects
	unsigned int waiting; // parts without an answer
	bool gap; // what was added last is not sent: the next object begins a part
	bool failed; // no memory or no descriptors: ends as if the connection had
};

struct batch *
batch_new(struct causewayd *d, const struct batch_handler *handler, void *arg)
{
	struct batch *batch = calloc(1, sizeof(*batch));

	if (batch != NULL)
		*batch = (struct batch){.d = d, .handler = handler, .arg = arg};
	return batch;
}

static void
batch_free(struct batch *batch)
{
	while (batch->parts != NULL) {
		struct part *part = batch->parts;

		batch->parts = part->next;
		dp_frame_free(part->frame);
		free(part);
	}
	free(batch);
}

static struct part *
add_part(struct batch *batch, uint16_t type)
{
	struct part *part = calloc(1, sizeof(*part));

	if (part != NULL)
		part->frame = dp_frame_new(type);
	if (part == NULL || part->frame == NULL) {
		free(part);
		batch->failed = true;
		return NULL;
	}
	part->batch = batch;
	part->first = batch->n;
	if (batch->last != NULL)
		batch->last->next = part;
	else
		batch->parts = part;
	batch->last = part;
	return part;
}

static void
add_object(struct batch *batch, uint16_t type, const struct object *object, unsigned int n_fds)
{
	const struct object_class *class = object_class(object);
	const struct device *device = NULL;
	const size_t size = class->wire_size(object);
	struct part *part = batch->last;
	struct cw_item *item;

	if (part == NULL || part->frame->header->type != type || batch->gap
		|| !dp_frame_fits(part->frame, size, n_fds))
		part = add_part(batch, type);
	batch->gap = false;
	batch->n++;
	if (part == NULL)
		return;
	item = dp_frame_add(part->frame, class->item, size);
	if (item == NULL) {
		batch->failed = true;
		return;
	}
	class->to_wire(object, item);
	if (object->type == OBJECT_PORT && batch->d->offload_off)
		((struct cw_port *)item)->flags &= ~(uint32_t)CW_PORT_OFFLOAD;
	part->n++;
	if (n_fds == 0)
		return;
	device = &batch->d->devices[((const struct port *)object)->id];
	((struct cw_port *)item)->n_fds = (uint8_t)n_fds;
	if (dp_frame_add_fds(part->frame, device->fds, n_fds) < 0)
		batch->failed = true;
}

void
batch_set(struct batch *batch, const struct object *object)
{
	unsigned int n_fds = 0;

	if (object->type == OBJECT_PORT)
		n_fds = batch->d->devices[((const struct port *)object)->id].n;
	add_object(batch, CW_SET, object, n_fds);
}

void
batch_skip(struct batch *batch)
{
	batch->n++;
	batch->gap = true;
}

void
batch_del(struct batch *batch, const struct object *object)
{
	add_object(batch, CW_DEL, object, 0);
}

static void
add_mark(struct batch *batch, uint16_t type, uint64_t epoch)
{
	struct part *part = add_part(batch, type);
	struct cw_epoch *mark;

	if (part == NULL)
		return;
	mark = (struct cw_epoch *)dp_frame_add(part->frame, CW_ITEM_EPOCH, sizeof(*mark));
	mark->epoch = epoch;
}

void
batch_begin(struct batch *batch, uint64_t epoch)
{
	add_mark(batch, CW_BEGIN, epoch);
}

void
batch_commit(struct batch *batch, uint64_t epoch)
{
	add_mark(batch, CW_COMMIT, epoch);
}

static void
end(struct batch *batch, bool lost)
{
	batch->handler->done(batch->arg, lost);
	batch_free(batch);
}

static void
take_status(struct part *part, const struct cw_status *status)
{
	struct batch *batch = part->batch;
	unsigned int index = status->index;

	// Objects are answered in order, a COMMIT names those that it refused.
	if (part->n > 0)
		index = part->first + part->answered++;
	if (status->error == 0)
		return;
	if (part->n == 0 && index >= batch->n)
		log_warning(
			"data plane refused a replay: %s error=%d", status->reason, status->error);
	else if (index < batch->n)
		batch->handler->refused(batch->arg, index, status->error, status->reason);
}

static void
on_reply(void *arg, const struct dp_reply *reply)
{
	struct part *part = arg;
	struct batch *batch = part->batch;
	const struct cw_item *item = NULL;
	bool bad = false;

	if (reply == NULL) {
		batch->failed = true;
	} else {
		while ((item = cw_item_next(reply->frame, item, &bad)) != NULL)
			if (item->type == CW_ITEM_STATUS)
				take_status(part, (const struct cw_status *)item);
		if (reply->more)
			return;
		if (part->answered != part->n) {
			log_error("data plane answered %u of %u objects", part->answered, part->n);
			batch->failed = true;
		}
	}
	if (--batch->waiting == 0)
		end(batch, batch->failed);
}

void
batch_send(struct batch *batch)
{
	struct dp *dp = batch->d->dp;

	if (batch->parts == NULL || batch->failed || !dp_is_connected(dp)) {
		end(batch, batch->parts != NULL);
		return;
	}
	for (struct part *part = batch->parts; part != NULL; part = part->next)
		batch->waiting++;
	for (struct part *part = batch->parts; part != NULL; part = part->next) {
		struct dp_frame *frame = part->frame;

		part->frame = NULL;
		if (dp_request(dp, frame, on_reply, part) < 0) {
			batch->failed = true;
			batch->waiting--;
		}
	}
	if (batch->waiting == 0)
		end(batch, true);
}
