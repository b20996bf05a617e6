/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_dp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dp/stream.h"

static void
forget_object(struct fake_dp *fake, unsigned int index)
{
	struct fake_dp_object *object = &fake->objects[index];

	while (object->n_fds > 0)
		close(object->fds[--object->n_fds]);
	free(object->item);
	*object = fake->objects[--fake->n_objects];
}

void
fake_dp_forget(struct fake_dp *fake)
{
	while (fake->n_objects > 0)
		forget_object(fake, fake->n_objects - 1);
}

static void
forget_staged(struct fake_dp *fake)
{
	for (unsigned int i = fake->n_objects; i-- > 0;)
		if (fake->objects[i].staged)
			forget_object(fake, i);
	for (unsigned int i = 0; i < fake->n_objects; i++)
		fake->objects[i].named = false;
	fake->in_epoch = false;
}

void
fake_dp_hang_up(struct fake_dp *fake)
{
	if (fake->stream == NULL)
		return;
	event_free(fake->readable);
	event_free(fake->writable);
	dp_stream_free(fake->stream);
	fake->stream = NULL;
	forget_staged(fake);
}

void
fake_dp_free(struct fake_dp *fake)
{
	fake_dp_hang_up(fake);
	fake_dp_forget(fake);
}

// The bytes that name an object.
static const void *
key_of(const struct cw_item *item, size_t *len)
{
	static uint8_t keys[2][32];
	static unsigned int next;
	uint8_t *key = keys[next++ % 2];

	memset(key, 0, 32);
	*len = 32;
	switch (item->type) {
	case CW_ITEM_NEIGHBOR:
		memcpy(key, &((const struct cw_neighbor *)item)->network, 4);
		memcpy(key + 4, &((const struct cw_neighbor *)item)->ip, sizeof(struct cw_ip));
		break;
	case CW_ITEM_ROUTE:
		memcpy(key, &((const struct cw_route *)item)->network, 4);
		memcpy(key + 4, &((const struct cw_route *)item)->prefix, sizeof(struct cw_ip));
		break;
	case CW_ITEM_FDB:
		memcpy(key, &((const struct cw_fdb *)item)->network, 10);
		break;
	case CW_ITEM_FLOOD:
		memcpy(key, &((const struct cw_flood *)item)->network, 8);
		break;
	default: // network, port, endpoint, vtep, next hop begin with their identifier
		memcpy(key, item + 1, 4);
		break;
	}
	return key;
}

static bool
same_object(const struct cw_item *a, const struct cw_item *b)
{
	size_t len;

	return a->type == b->type && memcmp(key_of(a, &len), key_of(b, &len), 32) == 0;
}

static void
drop(struct fake_dp *fake, const struct cw_item *item, bool staged)
{
	for (unsigned int i = fake->n_objects; i-- > 0;)
		if (fake->objects[i].staged == staged && same_object(fake->objects[i].item, item))
			forget_object(fake, i);
}

// An identical object stays as it is, as in the real one.
static bool
name_identical(struct fake_dp *fake, const struct cw_item *item)
{
	for (unsigned int i = 0; i < fake->n_objects; i++) {
		struct fake_dp_object *object = &fake->objects[i];
		struct cw_port *had = (struct cw_port *)object->item;
		const struct cw_port *port = (const struct cw_port *)item;

		if (!same_object(object->item, item) || object->item->length != item->length)
			continue;
		if (item->type == CW_ITEM_PORT)
			had->n_fds = port->n_fds;
		if (memcmp(object->item, item, item->length) == 0) {
			object->named = true;
			return true;
		}
	}
	return false;
}

static void
keep(struct fake_dp *fake, const struct cw_item *item, int *fds)
{
	struct fake_dp_object *object;

	if (name_identical(fake, item))
		return;
	drop(fake, item, fake->in_epoch);
	if (fake->n_objects == FAKE_DP_OBJECTS)
		abort();
	object = &fake->objects[fake->n_objects++];
	*object = (struct fake_dp_object){.staged = fake->in_epoch, .named = fake->in_epoch};
	object->item = malloc(item->length);
	memcpy(object->item, item, item->length);
	if (item->type != CW_ITEM_PORT)
		return;
	object->n_fds = ((const struct cw_port *)item)->n_fds;
	for (unsigned int i = 0; i < object->n_fds; i++) {
		object->fds[i] = fds[i];
		fds[i] = -1;
	}
}

static void
commit(struct fake_dp *fake)
{
	for (unsigned int i = fake->n_objects; i-- > 0;)
		if (!fake->objects[i].named)
			forget_object(fake, i);
	for (unsigned int i = 0; i < fake->n_objects; i++)
		fake->objects[i].staged = false;
	for (unsigned int i = 0; i < fake->n_objects; i++)
		fake->objects[i].named = false;
	fake->in_epoch = false;
}

static void
add_status(struct dp_frame *reply, uint32_t index, int error, const char *reason)
{
	struct cw_status *status =
		(struct cw_status *)dp_frame_add(reply, CW_ITEM_STATUS, sizeof(*status));

	status->index = index;
	status->error = error;
	snprintf(status->reason, sizeof(status->reason), "%s", reason);
}

static void
take_objects(struct fake_dp *fake, const struct cw_frame *frame, int *fds, struct dp_frame *reply)
{
	const struct cw_item *item = NULL;
	uint32_t index = 0;
	bool bad = false;

	while ((item = cw_item_next(frame, item, &bad)) != NULL) {
		const bool refused = item->type == fake->refuse && frame->type == CW_SET;

		if (refused)
			add_status(reply, index, -EINVAL, "the test refuses it");
		else
			add_status(reply, index, 0, "");
		if (frame->type == CW_DEL)
			drop(fake, item, false);
		else if (!refused)
			keep(fake, item, fds);
		if (item->type == CW_ITEM_PORT && frame->type == CW_SET)
			fds += ((const struct cw_port *)item)->n_fds;
		index++;
	}
}

static void
give_descriptors(struct fake_dp *fake, const struct cw_frame *frame, struct dp_frame *reply)
{
	bool bad = false;
	const struct cw_item *item = cw_item_next(frame, NULL, &bad);

	for (unsigned int i = 0; i < fake->n_objects && !fake->forgets_descriptors; i++)
		if (fake->objects[i].item->type == CW_ITEM_PORT
			&& same_object(fake->objects[i].item, item)) {
			dp_frame_add_fds(reply, fake->objects[i].fds, fake->objects[i].n_fds);
			return;
		}
	add_status(reply, 0, -ENOENT, "no such port");
}

static void
add_hello(struct fake_dp *fake, struct dp_frame *reply)
{
	struct cw_hello *hello =
		(struct cw_hello *)dp_frame_add(reply, CW_ITEM_HELLO, sizeof(*hello));

	hello->magic = CW_WIRE_MAGIC;
	hello->version = fake->version != 0 ? fake->version : CW_WIRE_VERSION;
	strcpy(hello->build, "fake 1");
}

// Of ports with a socket: a peer, and one queue.
static void
add_peers(struct fake_dp *fake, struct dp_frame *reply)
{
	const struct fake_dp_object *object;
	struct cw_port_info *info;

	for (unsigned int n = 0; (object = fake_dp_get(fake, CW_ITEM_PORT, n)) != NULL; n++) {
		const struct cw_port *port = (const struct cw_port *)object->item;

		if (port->kind != CW_PORT_VHOST_USER && port->kind != CW_PORT_MEMIF)
			continue;
		info = (struct cw_port_info *)dp_frame_add(reply, CW_ITEM_PORT_INFO, sizeof(*info));
		info->id = port->id;
		info->kind = port->kind;
		info->state = CW_PORT_UP;
		info->peer_mtu = 9000;
		info->peer_queues = 1;
		info->connects = 3;
		strcpy(info->peer_features, "packed,csum");
	}
}

static void
add_queues(struct fake_dp *fake, struct dp_frame *reply)
{
	const struct fake_dp_object *object;
	struct cw_queue_stats *stats;

	for (unsigned int n = 0; (object = fake_dp_get(fake, CW_ITEM_PORT, n)) != NULL; n++) {
		const struct cw_port *port = (const struct cw_port *)object->item;

		if (port->kind != CW_PORT_VHOST_USER && port->kind != CW_PORT_MEMIF)
			continue;
		stats = (struct cw_queue_stats *)dp_frame_add(
			reply, CW_ITEM_QUEUE_STATS, sizeof(*stats));
		stats->port = port->id;
		stats->rx_packets = 10;
		stats->kicks_sent = 60;
	}
}

static void
add_worker(struct dp_frame *reply)
{
	dp_frame_add(reply, CW_ITEM_NODE, sizeof(struct cw_node));
	dp_frame_add(reply, CW_ITEM_WORKER_INFO, sizeof(struct cw_worker_info));
	dp_frame_add(reply, CW_ITEM_WORKER_INFO, sizeof(struct cw_worker_info));
}

static void
say_down(struct fake_dp *fake, const struct cw_frame *frame)
{
	struct cw_port_event event = {
		.item = {.type = CW_ITEM_PORT_EVENT, .length = sizeof(event)},
		.state = CW_PORT_DOWN,
		.reason = "nobody is connected",
	};
	const struct cw_item *item = NULL;
	bool bad = false;

	while ((item = cw_item_next(frame, item, &bad)) != NULL) {
		if (item->type != CW_ITEM_PORT)
			continue;
		event.port = ((const struct cw_port *)item)->id;
		fake_dp_event(fake, &event.item);
	}
}

static void
answer(struct fake_dp *fake, const struct cw_frame *frame, int *fds)
{
	struct dp_frame *reply = dp_frame_new((uint16_t)(frame->type | CW_REPLY));

	if (fake->ports_are_down && frame->type == CW_SET)
		say_down(fake, frame);

	reply->header->seq = frame->seq;
	fake->n_begin += frame->type == CW_BEGIN;
	fake->n_commit += frame->type == CW_COMMIT;
	fake->n_set += frame->type == CW_SET;
	fake->n_del += frame->type == CW_DEL;
	switch (frame->type) {
	case CW_HELLO:
		add_hello(fake, reply);
		break;
	case CW_BEGIN:
		fake->in_epoch = true;
		break;
	case CW_COMMIT:
		commit(fake);
		break;
	case CW_SET:
	case CW_DEL:
		take_objects(fake, frame, fds, reply);
		break;
	case CW_GET_PORT_FDS:
		give_descriptors(fake, frame, reply);
		break;
	case CW_GET_NODE:
		add_worker(reply);
		add_peers(fake, reply);
		break;
	case CW_GET_STATS:
		add_queues(fake, reply);
		break;
	default:
		break;
	}
	if (frame->type == fake->silent)
		dp_frame_free(reply);
	else
		dp_stream_queue(fake->stream, reply);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct fake_dp *fake = arg;

	if (dp_stream_flush(fake->stream) > 0)
		event_add(fake->writable, NULL);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct fake_dp *fake = arg;
	struct cw_frame *frame;
	int *fds, ret = dp_stream_read(fake->stream);

	if (ret < 0 && ret != -EAGAIN) {
		fake_dp_hang_up(fake);
		return;
	}
	while (dp_stream_next(fake->stream, &frame, &fds) > 0) {
		if (frame->type == fake->hang_up) {
			fake_dp_hang_up(fake);
			return;
		}
		answer(fake, frame, fds);
	}
	event_add(fake->writable, NULL);
}

int
fake_dp_connect(struct fake_dp *fake, struct event_base *base)
{
	int ends[2];

	fake_dp_hang_up(fake);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		abort();
	fake->stream = dp_stream_new(ends[1]);
	fake->readable = event_new(base, ends[1], EV_READ | EV_PERSIST, on_readable, fake);
	fake->writable = event_new(base, ends[1], EV_WRITE, on_writable, fake);
	event_add(fake->readable, NULL);
	return ends[0];
}

unsigned int
fake_dp_count(const struct fake_dp *fake, uint16_t type)
{
	unsigned int n = 0;

	while (fake_dp_get(fake, type, n) != NULL)
		n++;
	return n;
}

const struct fake_dp_object *
fake_dp_get(const struct fake_dp *fake, uint16_t type, unsigned int n)
{
	for (unsigned int i = 0; i < fake->n_objects; i++)
		if (fake->objects[i].item->type == type && !fake->objects[i].staged && n-- == 0)
			return &fake->objects[i];
	return NULL;
}

void
fake_dp_event(struct fake_dp *fake, const struct cw_item *item)
{
	struct dp_frame *frame = dp_frame_new(CW_EVENT);

	memcpy(dp_frame_add(frame, item->type, item->length), item, item->length);
	dp_stream_queue(fake->stream, frame);
	event_add(fake->writable, NULL);
}
