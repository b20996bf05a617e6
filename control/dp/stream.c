/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define PENDING_FDS (2 * CW_FRAME_FDS) // received before their frame is complete

struct queued {
	STAILQ_ENTRY(queued) link;
	struct dp_frame *frame;
	size_t sent;
};

struct dp_stream {
	int fd;
	STAILQ_HEAD(queued_list, queued) queue;
	uint8_t *in; // CW_FRAME_MAX bytes; [done, used) waits
	size_t done, used;
	int fds[PENDING_FDS]; // in the order of arrival
	unsigned int n_fds;
	int given[CW_FRAME_FDS]; // of the frame handed out last
	unsigned int n_given;
};

struct dp_stream *
dp_stream_new(int fd)
{
	struct dp_stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return NULL;
	stream->in = malloc(CW_FRAME_MAX);
	if (stream->in == NULL) {
		free(stream);
		return NULL;
	}
	stream->fd = fd;
	STAILQ_INIT(&stream->queue);
	return stream;
}

static void
close_given(struct dp_stream *stream)
{
	for (unsigned int i = 0; i < stream->n_given; i++)
		if (stream->given[i] >= 0)
			close(stream->given[i]);
	stream->n_given = 0;
}

static void
drop_first(struct dp_stream *stream)
{
	struct queued *first = STAILQ_FIRST(&stream->queue);

	STAILQ_REMOVE_HEAD(&stream->queue, link);
	dp_frame_free(first->frame);
	free(first);
}

void
dp_stream_free(struct dp_stream *stream)
{
	if (stream == NULL)
		return;
	while (!STAILQ_EMPTY(&stream->queue))
		drop_first(stream);
	close_given(stream);
	for (unsigned int i = 0; i < stream->n_fds; i++)
		close(stream->fds[i]);
	close(stream->fd);
	free(stream->in);
	free(stream);
}

void
dp_stream_queue(struct dp_stream *stream, struct dp_frame *frame)
{
	struct queued *queued = calloc(1, sizeof(*queued));

	if (queued == NULL) {
		// The request times out, which ends the connection.
		dp_frame_free(frame);
		return;
	}
	queued->frame = frame;
	STAILQ_INSERT_TAIL(&stream->queue, queued, link);
}

static ssize_t
send_some(int fd, const struct dp_frame *frame, size_t from)
{
	union {
		char bytes[CMSG_SPACE(sizeof(frame->fds))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {
		.iov_base = (uint8_t *)frame->header + from,
		.iov_len = frame->header->length - from,
	};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	const size_t fds_len = frame->header->n_fds * sizeof(frame->fds[0]);

	if (from == 0 && fds_len > 0) {
		struct cmsghdr *header;

		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(fds_len);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(fds_len);
		memcpy(CMSG_DATA(header), frame->fds, fds_len);
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int
dp_stream_flush(struct dp_stream *stream)
{
	struct queued *first;

	while ((first = STAILQ_FIRST(&stream->queue)) != NULL) {
		const ssize_t n = send_some(stream->fd, first->frame, first->sent);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 1 : -errno;
		first->sent += (size_t)n;
		if (first->sent == first->frame->header->length)
			drop_first(stream);
	}
	return 0;
}

// Keeps the descriptors that came with a message. Returns 0 or -EBADMSG: too many.
static int
keep_fds(struct dp_stream *stream, struct msghdr *message)
{
	int ret = (message->msg_flags & MSG_CTRUNC) != 0 ? -EBADMSG : 0;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
		header = CMSG_NXTHDR(message, header)) {
		size_t n;

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
			if (stream->n_fds == PENDING_FDS) {
				close(fd);
				ret = -EBADMSG;
			} else {
				stream->fds[stream->n_fds++] = fd;
			}
		}
	}
	return ret;
}

int
dp_stream_read(struct dp_stream *stream)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * CW_FRAME_FDS)];
		struct cmsghdr align;
	} control;
	struct iovec iov;
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	if (stream->done > 0) {
		memmove(stream->in, stream->in + stream->done, stream->used - stream->done);
		stream->used -= stream->done;
		stream->done = 0;
	}
	iov.iov_base = stream->in + stream->used;
	iov.iov_len = CW_FRAME_MAX - stream->used;
	n = recvmsg(stream->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (n == 0)
		return -EPIPE;
	stream->used += (size_t)n;
	return keep_fds(stream, &message);
}

static void
give_fds(struct dp_stream *stream, unsigned int n)
{
	memcpy(stream->given, stream->fds, n * sizeof(stream->fds[0]));
	stream->n_given = n;
	stream->n_fds -= n;
	memmove(stream->fds, stream->fds + n, stream->n_fds * sizeof(stream->fds[0]));
}

int
dp_stream_next(struct dp_stream *stream, struct cw_frame **frame, int **fds)
{
	const size_t left = stream->used - stream->done;
	struct cw_frame *header = (struct cw_frame *)(void *)(stream->in + stream->done);

	close_given(stream);
	if (left < sizeof(*header))
		return 0;
	if (dp_frame_check_header(header) < 0)
		return -EBADMSG;
	if (left < header->length)
		return 0;
	if (dp_frame_check(header) < 0 || header->n_fds > stream->n_fds)
		return -EBADMSG;
	give_fds(stream, header->n_fds);
	stream->done += header->length;
	*frame = header;
	*fds = stream->given;
	return 1;
}
