/* SPDX-License-Identifier: Apache-2.0 */
#include "dp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dp/stream.h"
#include "log.h"

#define RETRY_MIN_MS 50
#define RETRY_MAX_MS 2000
#define RETRY_ASKED_MS 200 // after we ended it ourselves
#define NAMES_MAX 1024

struct request {
	TAILQ_ENTRY(request) link;
	uint32_t seq;
	dp_reply_fn *fn;
	void *arg;
};
TAILQ_HEAD(requests, request);

struct dp {
	struct event_base *base;
	const char *path;
	const struct dp_handler *handler;
	void *arg;
	struct dp_stream *stream; // NULL: not connected
	struct event *readable, *writable, *retry, *timeout, *directory;
	int inotify;
	unsigned int retry_ms;
	bool greeted, closing, adopted, logged;
	uint32_t seq;
	struct requests requests;
	char build[CW_NAME_LEN];
	char reason[160];
	char *names[2][NAMES_MAX];
};

static void
set_timer(struct event *timer, unsigned int ms)
{
	const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	evtimer_add(timer, &tv);
}

static void
forget_names(struct dp *dp)
{
	for (unsigned int kind = 0; kind < 2; kind++)
		for (unsigned int i = 0; i < NAMES_MAX; i++) {
			free(dp->names[kind][i]);
			dp->names[kind][i] = NULL;
		}
}

static void
fail_requests(struct dp *dp)
{
	struct requests failed = TAILQ_HEAD_INITIALIZER(failed);
	struct request *request;

	TAILQ_CONCAT(&failed, &dp->requests, link);
	while ((request = TAILQ_FIRST(&failed)) != NULL) {
		TAILQ_REMOVE(&failed, request, link);
		request->fn(request->arg, NULL);
		free(request);
	}
}

static void
close_connection(struct dp *dp, const char *reason)
{
	const bool greeted = dp->greeted;

	if (dp->stream == NULL)
		return;
	snprintf(dp->reason, sizeof(dp->reason), "%s", reason);
	if (greeted || !dp->logged)
		log_warning("data plane is away: %s", dp->reason);
	dp->logged = true;
	event_free(dp->readable);
	event_free(dp->writable);
	dp->readable = dp->writable = NULL;
	dp_stream_free(dp->stream);
	dp->stream = NULL;
	dp->greeted = false;
	evtimer_del(dp->timeout);
	fail_requests(dp);
	if (greeted)
		dp->handler->disconnected(dp->arg);
	if (!dp->adopted)
		set_timer(dp->retry, dp->retry_ms);
}

void
dp_disconnect(struct dp *dp, const char *reason)
{
	dp->retry_ms = RETRY_ASKED_MS;
	close_connection(dp, reason);
}

static void
set_timeout(struct dp *dp)
{
	if (TAILQ_EMPTY(&dp->requests))
		evtimer_del(dp->timeout);
	else
		set_timer(dp->timeout, DP_TIMEOUT_S * 1000);
}

static void
flush(struct dp *dp)
{
	const int ret = dp_stream_flush(dp->stream);

	if (ret < 0)
		close_connection(dp, strerror(-ret));
	else if (ret > 0)
		event_add(dp->writable, NULL);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	flush(arg);
}

static int
request(struct dp *dp, struct dp_frame *frame, dp_reply_fn *fn, void *arg)
{
	struct request *made = malloc(sizeof(*made));

	if (made == NULL) {
		dp_frame_free(frame);
		return -ENOTCONN;
	}
	*made = (struct request){.seq = ++dp->seq, .fn = fn, .arg = arg};
	frame->header->seq = made->seq;
	TAILQ_INSERT_TAIL(&dp->requests, made, link);
	if (!evtimer_pending(dp->timeout, NULL))
		set_timeout(dp);
	dp_stream_queue(dp->stream, frame);
	// Sent from the loop: an error must not call fn before this returns.
	event_add(dp->writable, NULL);
	return 0;
}

int
dp_request(struct dp *dp, struct dp_frame *frame, dp_reply_fn *fn, void *arg)
{
	if (frame == NULL || !dp_is_connected(dp)) {
		dp_frame_free(frame);
		return -ENOTCONN;
	}
	return request(dp, frame, fn, arg);
}

static void
learn_name(struct dp *dp, const struct cw_name *item)
{
	char **name;

	if ((item->kind != CW_NAME_STAGE && item->kind != CW_NAME_DROP) || item->index >= NAMES_MAX)
		return;
	name = &dp->names[item->kind - 1][item->index];
	free(*name);
	*name = strdup(item->name);
}

static void
take_event(struct dp *dp, const struct cw_frame *frame)
{
	const struct cw_item *item = NULL;
	bool bad = false;

	while ((item = cw_item_next(frame, item, &bad)) != NULL) {
		if (item->type == CW_ITEM_NAME)
			learn_name(dp, (const struct cw_name *)item);
		else if (dp->greeted)
			dp->handler->event(dp->arg, item);
		if (dp->stream == NULL)
			return;
	}
}

static struct request *
find_request(struct dp *dp, uint32_t seq)
{
	struct request *request = TAILQ_FIRST(&dp->requests);

	while (request != NULL && request->seq != seq)
		request = TAILQ_NEXT(request, link);
	return request;
}

static void
take_reply(struct dp *dp, const struct cw_frame *frame, int *fds)
{
	const struct dp_reply reply = {
		.frame = frame, .fds = fds, .more = (frame->type & CW_MORE) != 0};
	struct request *request = find_request(dp, frame->seq);

	if (request == NULL) {
		log_debug("answer to nothing seq=%u type=%#x", frame->seq, frame->type);
		return;
	}
	if (reply.more) {
		request->fn(request->arg, &reply);
		return;
	}
	TAILQ_REMOVE(&dp->requests, request, link);
	set_timeout(dp);
	request->fn(request->arg, &reply);
	free(request);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct dp *dp = arg;
	struct cw_frame *frame;
	int *fds, ret = dp_stream_read(dp->stream);

	if (ret < 0 && ret != -EAGAIN) {
		close_connection(dp, ret == -EPIPE     ? "it closed the connection"
				     : ret == -EBADMSG ? "it sent too many descriptors"
						       : strerror(-ret));
		return;
	}
	while (dp->stream != NULL && (ret = dp_stream_next(dp->stream, &frame, &fds)) > 0) {
		if (frame->type == CW_EVENT)
			take_event(dp, frame);
		else
			take_reply(dp, frame, fds);
	}
	if (dp->stream != NULL && ret < 0)
		close_connection(dp, "it sent a malformed frame");
}

static void
on_hello(void *arg, const struct dp_reply *reply)
{
	struct dp *dp = arg;
	const struct cw_hello *hello;
	char reason[96];
	bool bad = false;

	if (reply == NULL)
		return;
	hello = (const struct cw_hello *)cw_item_next(reply->frame, NULL, &bad);
	if (hello == NULL || hello->item.type != CW_ITEM_HELLO || hello->magic != CW_WIRE_MAGIC) {
		close_connection(dp, "what answers on dp.sock is no data plane");
		return;
	}
	if (hello->version != CW_WIRE_VERSION) {
		snprintf(reason, sizeof(reason), "it speaks version %u, this is version %u",
			hello->version, CW_WIRE_VERSION);
		close_connection(dp, reason);
		return;
	}
	snprintf(dp->build, sizeof(dp->build), "%s", hello->build);
	dp->greeted = true;
	dp->logged = false;
	dp->retry_ms = RETRY_MIN_MS;
	log_info("connected to the data plane build=\"%s\"", dp->build);
	dp->handler->connected(dp->arg);
}

static int
greet(struct dp *dp)
{
	struct dp_frame *frame = dp_frame_new(CW_HELLO);
	struct cw_hello *hello;

	if (frame == NULL)
		return -ENOMEM;
	hello = (struct cw_hello *)dp_frame_add(frame, CW_ITEM_HELLO, sizeof(*hello));
	hello->magic = CW_WIRE_MAGIC;
	hello->version = CW_WIRE_VERSION;
	snprintf(hello->build, sizeof(hello->build), "causewayd %s", CW_VERSION);
	return request(dp, frame, on_hello, dp);
}

static int
use(struct dp *dp, int fd)
{
	dp->stream = dp_stream_new(fd);
	if (dp->stream == NULL) {
		close(fd);
		return -ENOMEM;
	}
	forget_names(dp);
	dp->readable = event_new(dp->base, fd, EV_READ | EV_PERSIST, on_readable, dp);
	dp->writable = event_new(dp->base, fd, EV_WRITE, on_writable, dp);
	if (dp->readable == NULL || dp->writable == NULL || event_add(dp->readable, NULL) < 0)
		return -ENOMEM;
	return greet(dp);
}

int
dp_adopt(struct dp *dp, int fd)
{
	dp->adopted = true;
	close_connection(dp, "another one takes its place");
	evutil_make_socket_nonblocking(fd);
	return use(dp, fd);
}

static int
connect_socket(struct dp *dp)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, ret;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", dp->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return use(dp, fd);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct dp *dp = arg;
	int ret;

	if (dp->stream != NULL)
		return;
	ret = connect_socket(dp);
	if (ret == 0)
		return;
	snprintf(dp->reason, sizeof(dp->reason), "%s cannot be reached: %s", dp->path,
		strerror(-ret));
	if (!dp->logged)
		log_info("waiting for the data plane: %s", dp->reason);
	dp->logged = true;
	dp->retry_ms = dp->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : dp->retry_ms * 2;
	set_timer(dp->retry, dp->retry_ms);
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	close_connection(arg, "it does not answer");
}

// Something was made in the runtime directory: it may be dp.sock.
static void
on_directory(evutil_socket_t fd, short what, void *arg)
{
	struct dp *dp = arg;
	char events[4096] __attribute__((aligned(8)));

	while (read(dp->inotify, events, sizeof(events)) > 0)
		;
	if (dp->stream == NULL) {
		dp->retry_ms = RETRY_MIN_MS;
		set_timer(dp->retry, 0);
	}
}

static int
watch_directory(struct dp *dp)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", dp->path);
	slash = strrchr(folder, '/');
	if (slash != NULL)
		*slash = '\0';
	dp->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (dp->inotify < 0
		|| inotify_add_watch(dp->inotify, slash != NULL ? folder : ".",
			   IN_CREATE | IN_MOVED_TO | IN_ATTRIB)
			   < 0)
		return -errno;
	dp->directory = event_new(dp->base, dp->inotify, EV_READ | EV_PERSIST, on_directory, dp);
	return dp->directory != NULL && event_add(dp->directory, NULL) == 0 ? 0 : -ENOMEM;
}

int
dp_start(struct dp *dp)
{
	int ret = watch_directory(dp);

	if (ret < 0)
		log_warning("runtime directory cannot be watched, polling: %s", strerror(-ret));
	set_timer(dp->retry, 0);
	return 0;
}

struct dp *
dp_create(struct event_base *base, const char *path, const struct dp_handler *handler, void *arg)
{
	struct dp *dp = calloc(1, sizeof(*dp));

	if (dp == NULL)
		return NULL;
	*dp = (struct dp){
		.base = base,
		.path = path,
		.handler = handler,
		.arg = arg,
		.inotify = -1,
		.retry_ms = RETRY_MIN_MS,
		.requests = TAILQ_HEAD_INITIALIZER(dp->requests),
		.reason = "not yet connected",
	};
	dp->retry = evtimer_new(base, on_retry, dp);
	dp->timeout = evtimer_new(base, on_timeout, dp);
	if (dp->retry == NULL || dp->timeout == NULL) {
		dp_free(dp);
		return NULL;
	}
	return dp;
}

void
dp_free(struct dp *dp)
{
	if (dp == NULL)
		return;
	dp->adopted = true; // no retry
	dp->logged = true;
	dp->greeted = false;
	close_connection(dp, "causewayd ends");
	forget_names(dp);
	if (dp->directory != NULL)
		event_free(dp->directory);
	if (dp->inotify >= 0)
		close(dp->inotify);
	if (dp->retry != NULL)
		event_free(dp->retry);
	if (dp->timeout != NULL)
		event_free(dp->timeout);
	free(dp);
}

bool
dp_is_connected(const struct dp *dp)
{
	return dp->stream != NULL && dp->greeted;
}

const char *
dp_build(const struct dp *dp)
{
	return dp->build;
}

const char *
dp_reason(const struct dp *dp)
{
	return dp->reason;
}

const char *
dp_name(const struct dp *dp, enum cw_name_kind kind, unsigned int index)
{
	return index < NAMES_MAX ? dp->names[kind - 1][index] : NULL;
}
