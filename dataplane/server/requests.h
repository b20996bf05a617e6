/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_REQUESTS_H
#define SERVER_REQUESTS_H

#include "connection.h"

// Handles a frame that frame_check() passed and replies to it. fds: the n that came with it, -1 for
// those taken over. Returns whether it kept the frame and all descriptors. Main thread.
bool requests_handle(struct connection *c, struct cw_frame *frame, int *fds, uint16_t n);

#endif
