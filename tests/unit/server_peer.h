/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SERVER_PEER_H
#define TESTS_SERVER_PEER_H

// A peer of a server that runs in the same thread: writes frames into one end of a socket pair and
// turns the server's loop until the answer is there.

#include <fcntl.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "server/server.h"
#include "server_helper.h"

struct peer {
	struct event_base *base;
	int fd;
	struct cw_frame *out; // the frame being built, CW_FRAME_MAX bytes
	int out_fds[CW_FRAME_FDS];
	struct cw_frame *in; // the last frame read, CW_FRAME_MAX bytes
	int in_fds[CW_FRAME_FDS];
	uint16_t n_in_fds;
	uint32_t seq;
};

static inline void
peer_turn(struct peer *peer)
{
	for (int i = 0; i < 4; i++)
		event_base_loop(peer->base, EVLOOP_NONBLOCK);
}

static inline void
peer_connect(struct peer *peer, struct event_base *base, struct server *server)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
	*peer = (struct peer){.base = base, .fd = pair[0]};
	peer->out = malloc(CW_FRAME_MAX);
	peer->in = malloc(CW_FRAME_MAX);
	assert_non_null(peer->out);
	assert_non_null(peer->in);
	assert_int_equal(server_serve(server, pair[1]), 0);
}

static inline void
peer_close(struct peer *peer)
{
	if (peer->fd >= 0)
		close(peer->fd);
	free(peer->out);
	free(peer->in);
	peer_turn(peer);
}

static inline void
peer_start(struct peer *peer, uint16_t type)
{
	*peer->out = (struct cw_frame){
		.length = sizeof(*peer->out),
		.type = type,
		.seq = ++peer->seq,
	};
}

static inline void *
peer_add(struct peer *peer, const struct cw_item *item)
{
	void *room = (uint8_t *)peer->out + peer->out->length;

	assert_true(peer->out->length + item->length <= CW_FRAME_MAX);
	memcpy(room, item, item->length);
	peer->out->length += item->length;
	peer->out->n_items++;
	return room;
}

// Sends n bytes with descriptors; the server reads while the socket is full. Returns false when the
// server closed.
static inline bool
peer_write(struct peer *peer, const void *data, size_t n, const int *fds, uint16_t n_fds)
{
	char room[CMSG_SPACE(sizeof(int) * 253)] = {0};
	struct cmsghdr *control = (struct cmsghdr *)(void *)room;
	size_t done = 0;

	while (done < n) {
		struct iovec vector = {(uint8_t *)(uintptr_t)data + done, n - done};
		struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
		ssize_t put;

		if (done == 0 && n_fds != 0) {
			message.msg_control = room;
			message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
			control->cmsg_level = SOL_SOCKET;
			control->cmsg_type = SCM_RIGHTS;
			control->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
			memcpy(CMSG_DATA(control), fds, sizeof(int) * n_fds);
		}
		put = sendmsg(peer->fd, &message, MSG_NOSIGNAL);
		if (put < 0 && errno != EAGAIN)
			return false;
		done += put > 0 ? (size_t)put : 0;
		peer_turn(peer);
	}
	return true;
}

static inline void
peer_send(struct peer *peer)
{
	assert_true(
		peer_write(peer, peer->out, peer->out->length, peer->out_fds, peer->out->n_fds));
}

// Reads n bytes. Returns false at the end of the stream; fails when nothing comes.
static inline bool
peer_read(struct peer *peer, void *to, size_t n)
{
	char room[CMSG_SPACE(sizeof(int) * CW_FRAME_FDS)];
	size_t done = 0;

	for (int tries = 0; done < n; tries++) {
		struct iovec vector = {(uint8_t *)to + done, n - done};
		struct msghdr message = {.msg_iov = &vector,
			.msg_iovlen = 1,
			.msg_control = room,
			.msg_controllen = sizeof(room)};
		ssize_t got = recvmsg(peer->fd, &message, MSG_CMSG_CLOEXEC);

		if (got == 0 || (got < 0 && errno == ECONNRESET))
			return false;
		if (got < 0) {
			if (tries > 1000)
				fail_msg("no answer");
			peer_turn(peer);
			continue;
		}
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL;
			c = CMSG_NXTHDR(&message, c)) {
			peer->n_in_fds = (uint16_t)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(peer->in_fds, CMSG_DATA(c), peer->n_in_fds * sizeof(int));
		}
		done += (size_t)got;
		tries = 0;
	}
	return true;
}

// The next frame of any kind. Returns false at the end of the stream.
static inline bool
peer_frame(struct peer *peer)
{
	peer->n_in_fds = 0;
	if (!peer_read(peer, peer->in, sizeof(*peer->in)))
		return false;
	assert_in_range(peer->in->length, sizeof(*peer->in), CW_FRAME_MAX);
	return peer_read(peer, peer->in + 1, peer->in->length - sizeof(*peer->in));
}

// The next frame of the reply to the last request; events before it are skipped.
static inline void
peer_reply(struct peer *peer)
{
	do
		assert_true(peer_frame(peer));
	while (peer->in->type == CW_EVENT);
	assert_int_equal(peer->in->seq, peer->seq);
	assert_int_equal(peer->in->type & ~CW_MORE, peer->out->type | CW_REPLY);
}

static inline void
peer_call(struct peer *peer)
{
	peer_send(peer);
	peer_reply(peer);
}

static inline const void *
peer_item(const struct peer *peer, uint32_t index)
{
	const struct cw_item *item = NULL;
	bool bad = false;

	for (uint32_t i = 0; i <= index; i++) {
		item = cw_item_next(peer->in, item, &bad);
		assert_non_null(item);
	}
	return item;
}

static inline int
peer_status(const struct peer *peer, uint32_t index)
{
	const struct cw_status *status = peer_item(peer, index);

	assert_int_equal(status->item.type, CW_ITEM_STATUS);
	return status->error;
}

static inline void
peer_hello(struct peer *peer)
{
	const struct cw_hello hello = {
		.item = {CW_ITEM_HELLO, sizeof(hello), 0},
		.magic = CW_WIRE_MAGIC,
		.version = CW_WIRE_VERSION,
		.build = "test",
	};

	peer_start(peer, CW_HELLO);
	peer_add(peer, &hello.item);
	peer_call(peer);
}

static inline void
peer_epoch(struct peer *peer, uint16_t type, uint64_t epoch)
{
	const struct cw_epoch item = {.item = {CW_ITEM_EPOCH, sizeof(item), 0}, .epoch = epoch};

	peer_start(peer, type);
	peer_add(peer, &item.item);
	peer_call(peer);
}

// One object: its status.
static inline int
peer_set(struct peer *peer, const struct cw_item *item)
{
	peer_start(peer, CW_SET);
	peer_add(peer, item);
	peer_call(peer);
	assert_int_equal(peer->in->n_items, 1);
	return peer_status(peer, 0);
}

static inline bool
peer_is_closed(struct peer *peer)
{
	peer_turn(peer);
	while (peer_frame(peer))
		;
	return true;
}

#endif
