/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_LINE_BUFFER_H
#define API_LINE_BUFFER_H

// Lines that arrive on a stream, each with the descriptors that came with its first byte. A peer
// sends descriptors in a message that begins with the line that they belong to and holds no other.

#include <stddef.h>

#include <causeway/limits.h>

struct line_buffer;

// Returns NULL: no memory.
struct line_buffer *line_buffer_new(void);
void line_buffer_free(struct line_buffer *buffer); // accepts NULL

// Reads once. Returns 0, -EAGAIN, -EPIPE at the end of the stream, -EMSGSIZE when a line is longer
// than CW_LINE_MAX, -EBADMSG too many descriptors, or another -errno.
int line_buffer_read(struct line_buffer *buffer, int fd);

struct line {
	char *text; // terminated, without its newline
	size_t length;
	int fds[CW_FRAME_FDS]; // the taker's
	unsigned int n_fds;
};

// The next complete line; its text is valid until the next call. Returns 1, or 0: none.
int line_buffer_next(struct line_buffer *buffer, struct line *line);

#endif
