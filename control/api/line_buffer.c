/* SPDX-License-Identifier: Apache-2.0 */
#include "line_buffer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536
#define GROUPS 4 // lines with descriptors that wait at once

struct group {
	size_t start; // of their line in the buffer
	int fds[CW_FRAME_FDS];
	unsigned int n;
};

struct line_buffer {
	char *bytes;
	size_t done, used, size; // [done, used) waits
	size_t scanned; // no newline before it
	struct group groups[GROUPS];
	unsigned int n_groups;
};

struct line_buffer *
line_buffer_new(void)
{
	return calloc(1, sizeof(struct line_buffer));
}

static void
close_group(struct group *group)
{
	while (group->n > 0)
		close(group->fds[--group->n]);
}

void
line_buffer_free(struct line_buffer *buffer)
{
	if (buffer == NULL)
		return;
	for (unsigned int i = 0; i < buffer->n_groups; i++)
		close_group(&buffer->groups[i]);
	free(buffer->bytes);
	free(buffer);
}

// Moves what waits to the front and makes room for a chunk.
static int
make_room(struct line_buffer *buffer)
{
	char *bytes;

	if (buffer->done > 0) {
		buffer->used -= buffer->done;
		memmove(buffer->bytes, buffer->bytes + buffer->done, buffer->used);
		for (unsigned int i = 0; i < buffer->n_groups; i++)
			buffer->groups[i].start -= buffer->done;
		buffer->scanned -= buffer->done;
		buffer->done = 0;
	}
	if (buffer->size - buffer->used >= CHUNK)
		return 0;
	bytes = realloc(buffer->bytes, buffer->used + 2 * CHUNK);
	if (bytes == NULL)
		return -ENOMEM;
	buffer->bytes = bytes;
	buffer->size = buffer->used + 2 * CHUNK;
	return 0;
}

// Where the line begins to which the last byte read belongs.
static size_t
last_line(const struct line_buffer *buffer)
{
	size_t at = buffer->used - 1;

	while (at > 0 && buffer->bytes[at - 1] != '\n')
		at--;
	return at;
}

static int
keep_fds(struct line_buffer *buffer, const struct cmsghdr *header)
{
	const size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int), start = last_line(buffer);
	struct group *group = &buffer->groups[buffer->n_groups];
	bool room = buffer->n_groups < GROUPS;

	if (buffer->n_groups > 0 && group[-1].start == start)
		group--; // more for the same line
	else if (room)
		*group = (struct group){.start = start};
	room = room || group < &buffer->groups[buffer->n_groups];
	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
		if (room && group->n < CW_FRAME_FDS) {
			group->fds[group->n++] = fd;
		} else {
			close(fd);
			room = false;
		}
	}
	if (group == &buffer->groups[buffer->n_groups] && buffer->n_groups < GROUPS)
		buffer->n_groups++;
	return room ? 0 : -EBADMSG;
}

int
line_buffer_read(struct line_buffer *buffer, int fd)
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
	int ret = make_room(buffer);

	if (ret < 0)
		return ret;
	iov = (struct iovec){buffer->bytes + buffer->used, CHUNK};
	n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (n == 0)
		return -EPIPE;
	buffer->used += (size_t)n;
	if ((message.msg_flags & MSG_CTRUNC) != 0)
		ret = -EBADMSG;
	for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL;
		header = CMSG_NXTHDR(&message, header))
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS
			&& keep_fds(buffer, header) < 0)
			ret = -EBADMSG;
	if (ret == 0 && buffer->used - buffer->done > CW_LINE_MAX
		&& memchr(buffer->bytes + buffer->done, '\n', CW_LINE_MAX + 1) == NULL)
		ret = -EMSGSIZE;
	return ret;
}

static void
take_group(struct line_buffer *buffer, struct line *line)
{
	struct group *group = &buffer->groups[0];

	line->n_fds = 0;
	if (buffer->n_groups == 0 || group->start != buffer->done)
		return;
	line->n_fds = group->n;
	memcpy(line->fds, group->fds, group->n * sizeof(group->fds[0]));
	buffer->n_groups--;
	memmove(group, group + 1, buffer->n_groups * sizeof(*group));
}

int
line_buffer_next(struct line_buffer *buffer, struct line *line)
{
	char *newline;

	if (buffer->scanned < buffer->done)
		buffer->scanned = buffer->done;
	if (buffer->used == buffer->scanned)
		return 0;
	newline = memchr(buffer->bytes + buffer->scanned, '\n', buffer->used - buffer->scanned);
	if (newline == NULL) {
		buffer->scanned = buffer->used;
		return 0;
	}
	take_group(buffer, line);
	line->text = buffer->bytes + buffer->done;
	line->length = (size_t)(newline - line->text);
	*newline = '\0';
	buffer->done = buffer->scanned = (size_t)(newline - buffer->bytes) + 1;
	return 1;
}
