/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection.h"
#include "frame.h"
#include "log.h"
#include "replay.h"
#include "requests.h"
#include "server_private.h"

#define FRAMES_PER_TURN 16 // then other events have their turn
#define GREETING_TIMEOUT_S 5 // for a HELLO after connecting
#define SEND_TIMEOUT_S 30 // for a peer that reads nothing
#define QUEUE_PAUSE (4u << 20) // bytes unread: no more requests are taken
#define QUEUE_LIMIT (64u << 20) // bytes unread: the peer is given up

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);

static void
close_fds(int *fds, uint16_t *n)
{
	for (uint16_t i = 0; i < *n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*n = 0;
}

struct connection *
connection_create(struct server *server, int fd)
{
	const struct timeval greeting = {.tv_sec = GREETING_TIMEOUT_S};
	struct connection *c = calloc(1, sizeof(*c));
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	if (c == NULL) {
		close(fd);
		return NULL;
	}
	c->server = server;
	c->fd = fd;
	STAILQ_INIT(&c->queue);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
		c->pid = peer.pid;
	c->readable = event_new(server->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(server->base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	if (c->readable == NULL || c->writable == NULL || evutil_make_socket_nonblocking(fd) != 0
		|| event_add(c->readable, &greeting) != 0) {
		connection_free(c);
		return NULL;
	}
	return c;
}

void
connection_free(struct connection *c)
{
	struct outgoing *out;

	while ((out = STAILQ_FIRST(&c->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->queue, link);
		close_fds(out->fds, &out->n_fds);
		free(out->data);
		free(out);
	}
	replay_free(c->replay);
	close_fds(c->fds, &c->n_fds);
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->writable != NULL)
		event_free(c->writable);
	close(c->fd);
	free(c->frame);
	free(c);
}

void
connection_end(struct connection *c, const char *reason)
{
	if (c->dead)
		return;
	c->dead = true;
	if (reason != NULL)
		log_line(LOG_WARNING, "connection closed", "pid=%d reason=\"%s\"", (int)c->pid,
			reason);
	event_del(c->readable);
	event_del(c->writable);
	server_bury(c->server, c);
}

// Descriptors come with the bytes that are read in the same call, never ahead of them.
static int
take_fds(struct connection *c, struct msghdr *message)
{
	struct cmsghdr *control;
	// Set also when the process has no descriptor left for one of them.
	bool too_many = (message->msg_flags & MSG_CTRUNC) != 0;

	for (control = CMSG_FIRSTHDR(message); control != NULL;
		control = CMSG_NXTHDR(message, control)) {
		const size_t n = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(fd));
			if (c->n_fds < CW_FRAME_FDS) {
				c->fds[c->n_fds++] = fd;
			} else {
				close(fd);
				too_many = true;
			}
		}
	}
	return too_many ? -EMFILE : 0;
}

// Reads up to n bytes of the current frame and never beyond it, so that descriptors cannot be taken
// for those of another frame. Returns bytes, 0 at the end, or -errno.
static ssize_t
read_some(struct connection *c, void *to, size_t n)
{
	char room[CMSG_SPACE(sizeof(int) * 253)]; // SCM_MAX_FD
	struct iovec vector = {.iov_base = to, .iov_len = n};
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room),
	};
	const uint16_t fds_before = c->n_fds;
	ssize_t got = recvmsg(c->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (got < 0)
		return -errno;
	if (take_fds(c, &message) != 0)
		return -EMFILE;
	return c->n_fds != fds_before && c->have != 0 ? -EBADMSG : got;
}

static int
start_frame(struct connection *c)
{
	struct reason why = {""};

	if (frame_check_header(&c->header, &why) != 0) {
		connection_end(c, why.text);
		return -EBADMSG;
	}
	if (c->n_fds != c->header.n_fds) {
		refuse(&why, -EBADMSG, "frame claims %u descriptors and brings %u", c->header.n_fds,
			c->n_fds);
		connection_end(c, why.text);
		return -EBADMSG;
	}
	if (!c->greeted && c->header.type != CW_HELLO) {
		connection_end(c, "the first frame is not HELLO");
		return -EBADMSG;
	}
	c->frame = malloc(c->header.length);
	if (c->frame == NULL) {
		connection_end(c, "no memory for a frame");
		return -ENOMEM;
	}
	memcpy(c->frame, &c->header, sizeof(c->header));
	return 0;
}

static void
finish_frame(struct connection *c)
{
	struct cw_frame *frame = c->frame;
	struct reason why = {""};

	c->frame = NULL;
	c->have = 0;
	if (frame_check(frame, &why) != 0)
		connection_end(c, why.text);
	else if (requests_handle(c, frame, c->fds, c->n_fds))
		frame = NULL; // kept, with its descriptors
	if (frame == NULL)
		c->n_fds = 0;
	free(frame);
	close_fds(c->fds, &c->n_fds);
}

// Returns whether there may be more to read.
static bool
read_frame(struct connection *c)
{
	uint8_t *to = c->frame != NULL ? (uint8_t *)c->frame : (uint8_t *)&c->header;
	const uint32_t want = c->frame != NULL ? c->header.length : sizeof(c->header);
	ssize_t got = 0;

	if (c->have < want) {
		got = read_some(c, to + c->have, want - c->have);
		if (got == -EAGAIN || got == -EINTR)
			return false;
		if (got <= 0) {
			connection_end(c, got == -EBADMSG ? "descriptors that no frame claims"
					  : got < 0       ? strerror((int)-got)
					  : c->have != 0  ? "the peer left within a frame"
							  : NULL);
			return false;
		}
		c->have += (uint32_t)got;
	}
	if (c->have < want)
		return true;
	if (c->frame == NULL && start_frame(c) != 0)
		return false;
	if (c->have == c->header.length)
		finish_frame(c);
	return !c->dead;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	uint32_t before;

	if ((what & EV_TIMEOUT) != 0) {
		connection_end(c, "no HELLO in time");
		return;
	}
	for (int frames = 0; frames < FRAMES_PER_TURN && !c->closing;) {
		if (c->queued > QUEUE_PAUSE) {
			event_del(c->readable); // goes on when the peer has read
			return;
		}
		before = c->have;
		if (!read_frame(c))
			return;
		frames += c->have <= before;
	}
}

static struct outgoing *
outgoing_create(uint8_t *data, const int *fds, uint16_t n_fds)
{
	struct outgoing *out = calloc(1, sizeof(*out));

	if (out == NULL)
		return NULL;
	out->data = data;
	out->length = ((const struct cw_frame *)(const void *)data)->length;
	out->n_fds = n_fds;
	if (n_fds != 0)
		memcpy(out->fds, fds, n_fds * sizeof(fds[0]));
	return out;
}

static void
attach_fds(struct msghdr *message, char *room, const struct outgoing *out)
{
	struct cmsghdr *control = (struct cmsghdr *)(void *)room;

	message->msg_control = room;
	message->msg_controllen = CMSG_SPACE(sizeof(int) * out->n_fds);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(sizeof(int) * out->n_fds);
	memcpy(CMSG_DATA(control), out->fds, sizeof(int) * out->n_fds);
}

static ssize_t
write_some(struct connection *c, struct outgoing *out)
{
	char room[CMSG_SPACE(sizeof(int) * CW_FRAME_FDS)] = {0};
	struct iovec vector = {
		.iov_base = out->data + out->sent,
		.iov_len = out->length - out->sent,
	};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	ssize_t put;

	if (out->n_fds != 0)
		attach_fds(&message, room, out);
	put = sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (put < 0)
		return -errno;
	close_fds(out->fds, &out->n_fds);
	return put;
}

// Sends until the socket is full. Returns 0, or -errno when the peer is gone.
static int
flush(struct connection *c)
{
	struct outgoing *out;
	ssize_t put;

	while ((out = STAILQ_FIRST(&c->queue)) != NULL) {
		put = write_some(c, out);
		if (put == -EAGAIN || put == -EINTR)
			return 0;
		if (put < 0)
			return (int)put;
		out->sent += (size_t)put;
		c->queued -= (size_t)put;
		if (out->sent < out->length)
			continue;
		STAILQ_REMOVE_HEAD(&c->queue, link);
		free(out->data);
		free(out);
	}
	return 0;
}

static void
after_flush(struct connection *c, int error)
{
	const struct timeval patience = {.tv_sec = SEND_TIMEOUT_S};

	if (error != 0) {
		connection_end(c, strerror(-error));
		return;
	}
	if (!STAILQ_EMPTY(&c->queue)) {
		event_add(c->writable, &patience);
		return;
	}
	event_del(c->writable);
	if (c->closing)
		connection_end(c, NULL);
	else if (c->greeted)
		event_add(c->readable, NULL);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	if ((what & EV_TIMEOUT) != 0)
		connection_end(c, "the peer reads nothing");
	else
		after_flush(c, flush(c));
}

void
connection_send(struct connection *c, uint8_t *data, const int *fds, uint16_t n_fds)
{
	struct outgoing *out = c->dead ? NULL : outgoing_create(data, fds, n_fds);

	if (out == NULL) {
		for (uint16_t i = 0; i < n_fds; i++)
			close(fds[i]);
		free(data);
		connection_end(c, "no memory for a reply");
		return;
	}
	STAILQ_INSERT_TAIL(&c->queue, out, link);
	c->queued += out->length;
	if (c->queued > QUEUE_LIMIT)
		connection_end(c, "the peer does not read its replies and events");
	else if (STAILQ_FIRST(&c->queue) == out || !event_pending(c->writable, EV_WRITE, NULL))
		after_flush(c, flush(c));
}
