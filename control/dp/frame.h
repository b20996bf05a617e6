/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DP_FRAME_H
#define DP_FRAME_H

// Frames of dp.sock as causewayd writes and reads them.

#include <causeway/wire.h>

// A frame that is being built. Descriptors in it are duplicates of its own.
struct dp_frame {
	struct cw_frame *header; // of 'capacity' bytes; header->length are used
	size_t capacity;
	int fds[CW_FRAME_FDS];
};

// Returns NULL: no memory.
struct dp_frame *dp_frame_new(uint16_t type);
void dp_frame_free(struct dp_frame *frame); // accepts NULL

// Whether an item of 'length' bytes with n_fds descriptors still fits.
bool dp_frame_fits(const struct dp_frame *frame, size_t length, unsigned int n_fds);

// Appends a zeroed item of 'length' bytes (a multiple of 8, header included) with its header
// filled. Valid until the next one is added. Returns NULL: no memory, or it does not fit.
struct cw_item *dp_frame_add(struct dp_frame *frame, uint16_t type, size_t length);
// Appends duplicates of n descriptors. Returns 0, -EMFILE or the like, or -ENOSPC.
int dp_frame_add_fds(struct dp_frame *frame, const int *fds, unsigned int n);

// Checks the header that arrived: 0 or -EBADMSG.
int dp_frame_check_header(const struct cw_frame *frame);
// Checks that items fill the frame exactly and that those of known type have their full length: 0
// or -EBADMSG. Texts in them are then terminated.
int dp_frame_check(struct cw_frame *frame);

#endif
