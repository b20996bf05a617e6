/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENT_STREAM_H
#define CLIENT_STREAM_H

// Lines over an AF_UNIX stream with deadlines. Internal to the client.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_LINE_MAX (64u << 20) // a list of everything is long; more is not believed
#define STREAM_FOREVER INT64_MAX

struct stream {
	int fd;
	bool stop_on_signal; // -EINTR instead of going on
	char *buffer; // received, not yet handed out: [start, end)
	size_t start, end, size;
};

// Milliseconds of CLOCK_MONOTONIC.
int64_t stream_now_ms(void);

// Connects, waiting at most timeout_ms for a full backlog. Returns -errno.
int stream_open(struct stream *stream, const char *path, unsigned timeout_ms);
void stream_close(struct stream *stream);

// Sends all of line, the descriptors with its first byte. deadline_ms is absolute.
int stream_send(struct stream *stream, const char *line, size_t length, const int *fds,
	unsigned n_fds, int64_t deadline_ms);

// Waits for a whole line. *line is terminated, without its newline, and valid until the next call.
// Returns -EPIPE at the end of the stream, -EMSGSIZE for more than STREAM_LINE_MAX.
int stream_receive(struct stream *stream, char **line, int64_t deadline_ms);

#endif
