/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "log.h"
#include "port.h"
#include "replay.h"
#include "requests.h"
#include "server_private.h"
#include "stats/stats.h"

static const struct cw_item *
first_item(const struct cw_frame *frame)
{
	return (const struct cw_item *)(const void *)(frame + 1);
}

static void
begin(struct reply *reply, struct connection *c, const struct cw_frame *frame)
{
	reply_begin(reply, c, frame->type | CW_REPLY, frame->seq);
}

// A reply that holds a status only when something was refused.
static void
answer(struct connection *c, const struct cw_frame *frame, uint16_t object, int error,
	const struct reason *why)
{
	struct reply reply;

	begin(&reply, c, frame);
	if (error != 0)
		reply_status(&reply, 0, object, error, why);
	reply_end(&reply, NULL, 0);
}

static void
handle_hello(struct connection *c, const struct cw_frame *frame)
{
	const struct cw_hello *hello = (const struct cw_hello *)first_item(frame);
	struct cw_hello *mine;
	struct reply reply;

	if (hello->magic != CW_WIRE_MAGIC || c->greeted) {
		connection_end(c, c->greeted ? "a second HELLO" : "HELLO with wrong magic");
		return;
	}
	begin(&reply, c, frame);
	mine = reply_item(&reply, CW_ITEM_HELLO, sizeof(*mine));
	if (mine != NULL) {
		mine->magic = CW_WIRE_MAGIC;
		mine->version = CW_WIRE_VERSION;
		snprintf(mine->build, sizeof(mine->build), "causeway-dp %s", CW_VERSION);
	}
	if (hello->version != CW_WIRE_VERSION) {
		log_line(LOG_WARNING, "peer speaks another version of the protocol",
			"pid=%d build=\"%.*s\" version=%u expected=%u", (int)c->pid,
			(int)strnlen(hello->build, sizeof(hello->build)), hello->build,
			hello->version, CW_WIRE_VERSION);
		c->closing = true;
		reply_end(&reply, NULL, 0);
		return;
	}
	c->greeted = true;
	event_remove_timer(c->readable);
	log_line(LOG_INFO, "peer connected", "pid=%d build=\"%.*s\"", (int)c->pid,
		(int)strnlen(hello->build, sizeof(hello->build)), hello->build);
	reply_end(&reply, NULL, 0);
	stats_send_names(c);
}

static void
handle_begin(struct connection *c, const struct cw_frame *frame)
{
	const struct cw_epoch *epoch = (const struct cw_epoch *)first_item(frame);
	struct reason why = {""};
	int error = 0;

	server_take_over(c->server, c);
	if (c->replay != NULL)
		error = refuse(&why, -EBUSY, "epoch %llu was begun and not committed",
			(unsigned long long)replay_epoch(c->replay));
	else if ((c->replay = replay_create(epoch->epoch)) == NULL)
		error = refuse(&why, -ENOMEM, "no memory for epoch %llu",
			(unsigned long long)epoch->epoch);
	answer(c, frame, CW_ITEM_EPOCH, error, &why);
}

static void
handle_commit(struct connection *c, const struct cw_frame *frame)
{
	const struct cw_epoch *epoch = (const struct cw_epoch *)first_item(frame);
	struct replay *replay = c->replay;
	struct reason why = {""};
	struct reply reply;

	if (replay == NULL || replay_epoch(replay) != epoch->epoch) {
		refuse(&why, -EINVAL, "epoch %llu was not begun", (unsigned long long)epoch->epoch);
		answer(c, frame, CW_ITEM_EPOCH, -EINVAL, &why);
		return;
	}
	c->replay = NULL;
	begin(&reply, c, frame);
	replay_commit(replay, c->server->objects, &reply);
	c->server->epoch = epoch->epoch;
	log_line(LOG_INFO, "epoch committed", "epoch=%llu", (unsigned long long)epoch->epoch);
	reply_end(&reply, NULL, 0);
}

// Between BEGIN and COMMIT: judged by itself and put aside.
static bool
stage(struct connection *c, struct cw_frame *frame, const int *fds, uint16_t n)
{
	const struct cw_item *item = NULL;
	struct reason why = {""}, no_room = {""};
	struct reply reply;
	uint32_t index = 0;
	bool bad = false;
	const int error = replay_add(c->replay, frame, fds, n, &no_room);

	begin(&reply, c, frame);
	while ((item = cw_item_next(frame, item, &bad)) != NULL) {
		if (error != 0)
			reply_status(&reply, index++, item->type, error, &no_room);
		else
			reply_status(&reply, index++, item->type, objects_check(item, &why), &why);
	}
	reply_end(&reply, NULL, 0);
	if (error == 0)
		return true;
	connection_end(c, no_room.text); // what is missing would be removed by its COMMIT
	return false;
}

static bool
handle_set(struct connection *c, struct cw_frame *frame, int *fds, uint16_t n)
{
	struct objects *objects = c->server->objects;
	const struct cw_item *item = NULL;
	struct reason why = {""};
	struct reply reply;
	uint32_t index = 0;
	uint16_t used = 0;
	bool bad = false;

	server_take_over(c->server, c);
	if (c->replay != NULL)
		return stage(c, frame, fds, n);
	begin(&reply, c, frame);
	while ((item = cw_item_next(frame, item, &bad)) != NULL) {
		const uint16_t own =
			item->type == CW_ITEM_PORT ? ((const struct cw_port *)item)->n_fds : 0;
		const int error = objects_set(objects, item, fds + used, own, &why);

		used = (uint16_t)(used + own);
		reply_status(&reply, index++, item->type, error, &why);
	}
	objects_settle(objects);
	reply_end(&reply, NULL, 0);
	return false;
}

static void
handle_del(struct connection *c, const struct cw_frame *frame)
{
	struct objects *objects = c->server->objects;
	const struct cw_item *item = NULL;
	struct reason why = {""};
	struct reply reply;
	uint32_t index = 0;
	bool bad = false;
	int error;

	server_take_over(c->server, c);
	begin(&reply, c, frame);
	while ((item = cw_item_next(frame, item, &bad)) != NULL) {
		if (c->replay != NULL)
			error = refuse(&why, -EBUSY, "epoch %llu is not committed yet",
				(unsigned long long)replay_epoch(c->replay));
		else
			error = objects_del(objects, item, &why);
		reply_status(&reply, index++, item->type, error, &why);
	}
	objects_settle(objects);
	reply_end(&reply, NULL, 0);
}

static int
duplicate_fds(struct port *device, int *fds, uint16_t *n, struct reason *why)
{
	uint16_t have;

	*n = 0;
	if (device->driver->descriptors == NULL)
		return 0;
	have = device->driver->descriptors(device, fds, CW_FRAME_FDS);
	for (uint16_t i = 0; i < have; i++) {
		const int copy = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);

		if (copy < 0) {
			const int error = -errno;

			while (*n > 0)
				close(fds[--*n]);
			return refuse(why, error, "descriptors of port %s: %s", device->name,
				strerror(-error));
		}
		fds[(*n)++] = copy;
	}
	return 0;
}

static void
handle_get_port_fds(struct connection *c, const struct cw_frame *frame)
{
	const struct cw_port *port = (const struct cw_port *)first_item(frame);
	struct port *device = port->id < CW_MAX_PORTS
				      ? objects_device(c->server->objects, (uint16_t)port->id)
				      : NULL;
	int error, fds[CW_FRAME_FDS];
	struct reason why = {""};
	struct reply reply;
	uint16_t n = 0;

	if (device == NULL)
		error = refuse(&why, -ENOENT, "port %u does not exist", port->id);
	else
		error = duplicate_fds(device, fds, &n, &why);
	begin(&reply, c, frame);
	if (error != 0)
		reply_status(&reply, 0, CW_ITEM_PORT, error, &why);
	reply_end(&reply, fds, n);
}

static void
handle_trace(struct connection *c, const struct cw_frame *frame)
{
	struct reason why = {""};
	const int error =
		tracing_set(c->server->tracing, (const struct cw_trace *)first_item(frame), &why);

	answer(c, frame, CW_ITEM_TRACE, error, &why);
}

bool
requests_handle(struct connection *c, struct cw_frame *frame, int *fds, uint16_t n)
{
	struct reply reply;

	switch (frame->type) {
	case CW_HELLO:
		handle_hello(c, frame);
		return false;
	case CW_BEGIN:
		handle_begin(c, frame);
		return false;
	case CW_COMMIT:
		handle_commit(c, frame);
		return false;
	case CW_SET:
		return handle_set(c, frame, fds, n);
	case CW_DEL:
		handle_del(c, frame);
		return false;
	case CW_GET_PORT_FDS:
		handle_get_port_fds(c, frame);
		return false;
	case CW_TRACE:
		handle_trace(c, frame);
		return false;
	default:
		break;
	}
	begin(&reply, c, frame);
	if (frame->type == CW_GET_STATS)
		stats_fill(c->server, &reply);
	else if (frame->type == CW_GET_NODE)
		node_fill(c->server, &reply);
	else if (frame->type == CW_GET_FLOWS)
		offload_fill(c->server->offload, &reply);
	else
		fdb_fill(c->server, &reply);
	reply_end(&reply, NULL, 0);
	return false;
}
