/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DP_STREAM_H
#define DP_STREAM_H

// Frames over a non-blocking AF_UNIX stream, with their descriptors. Knows nothing of what they
// say.

#include "dp/frame.h"

struct dp_stream;

// Takes fd over. Returns NULL: no memory (fd stays the caller's).
struct dp_stream *dp_stream_new(int fd);
void dp_stream_free(struct dp_stream *stream); // accepts NULL

// Puts a frame into the queue and takes it over.
void dp_stream_queue(struct dp_stream *stream, struct dp_frame *frame);
// Sends what the socket takes. Returns 1 when something is left, 0, or -errno.
int dp_stream_flush(struct dp_stream *stream);

// Reads once. Returns 0, -EAGAIN, -EPIPE at the end of the stream, -EBADMSG when what came is
// malformed, or another -errno.
int dp_stream_read(struct dp_stream *stream);
// The next complete, checked frame with its n_fds descriptors, valid until the next call, which
// closes the descriptors that are not -1. Returns 1, 0 when none is complete, or -EBADMSG.
int dp_stream_next(struct dp_stream *stream, struct cw_frame **frame, int **fds);

#endif
