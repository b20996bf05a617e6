/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <causeway/limits.h>

#define STREAM_CHUNK 16384u

int64_t
stream_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int
stream_open(struct stream *stream, const char *path, unsigned timeout_ms)
{
	const struct timeval timeout = {
		.tv_sec = timeout_ms / 1000,
		.tv_usec = (timeout_ms % 1000) * 1000 + 1, // 0 would mean for ever
	};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, rc;

	memset(stream, 0, sizeof(*stream));
	stream->fd = -1;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	// A full backlog blocks connect() for as long as the send timeout; poll cannot wait for it.
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0
		|| connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		rc = errno == EAGAIN ? -ETIMEDOUT : -errno;
		close(fd);
		return rc;
	}
	stream->fd = fd;
	return 0;
}

void
stream_close(struct stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	free(stream->buffer);
	stream->buffer = NULL;
	stream->fd = -1;
}

static int
wait_for(struct stream *stream, short events, int64_t deadline_ms)
{
	struct pollfd ready = {.fd = stream->fd, .events = events};
	int64_t left;
	int n;

	for (;;) {
		left = deadline_ms == STREAM_FOREVER ? -1 : deadline_ms - stream_now_ms();
		if (deadline_ms != STREAM_FOREVER && left < 0)
			left = 0;
		n = poll(&ready, 1, left > 3600000 ? 3600000 : (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0 && stream->stop_on_signal)
			return -EINTR;
		if (n == 0 && stream_now_ms() >= deadline_ms)
			return -ETIMEDOUT;
	}
}

int
stream_send(struct stream *stream, const char *line, size_t length, const int *fds, unsigned n_fds,
	int64_t deadline_ms)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * CW_FRAME_FDS)];
	} control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)line, .iov_len = length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *header;
	ssize_t sent;
	int rc;

	if (n_fds > CW_FRAME_FDS)
		return -EINVAL;
	if (n_fds > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * n_fds);
	}
	while (part.iov_len > 0) {
		sent = sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno != EAGAIN)
			return -errno;
		if (sent < 0) {
			rc = wait_for(stream, POLLOUT, deadline_ms);
			if (rc < 0)
				return rc;
			continue;
		}
		part.iov_base = (char *)part.iov_base + sent;
		part.iov_len -= (size_t)sent;
		message.msg_control = NULL; // they went with the first byte
		message.msg_controllen = 0;
	}
	return 0;
}

// Makes room for another chunk and a terminating zero.
static int
make_room(struct stream *stream)
{
	size_t size;
	char *grown;

	if (stream->start > 0) {
		memmove(stream->buffer, stream->buffer + stream->start,
			stream->end - stream->start);
		stream->end -= stream->start;
		stream->start = 0;
	}
	if (stream->size - stream->end > STREAM_CHUNK)
		return 0;
	if (stream->end > STREAM_LINE_MAX)
		return -EMSGSIZE;
	size = stream->size == 0 ? 2 * STREAM_CHUNK : 2 * stream->size;
	grown = realloc(stream->buffer, size);
	if (grown == NULL)
		return -ENOMEM;
	stream->buffer = grown;
	stream->size = size;
	return 0;
}

int
stream_receive(struct stream *stream, char **line, int64_t deadline_ms)
{
	size_t scanned = stream->start;
	ssize_t received;
	char *newline;
	int rc;

	for (;;) {
		newline = stream->end > scanned
				  ? memchr(stream->buffer + scanned, '\n', stream->end - scanned)
				  : NULL;
		if (newline != NULL) {
			*newline = '\0';
			*line = stream->buffer + stream->start;
			stream->start = (size_t)(newline - stream->buffer) + 1;
			return 0;
		}
		scanned = stream->end - stream->start; // make_room moves the line to the front
		rc = make_room(stream);
		if (rc < 0)
			return rc;
		rc = wait_for(stream, POLLIN, deadline_ms);
		if (rc < 0)
			return rc;
		received = recv(stream->fd, stream->buffer + stream->end,
			stream->size - stream->end - 1, MSG_DONTWAIT);
		if (received == 0 || (received < 0 && errno == ECONNRESET))
			return -EPIPE;
		if (received < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (received > 0)
			stream->end += (size_t)received;
	}
}
