/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_FRAME_H
#define SERVER_FRAME_H

// Shape of the frames that arrive on dp.sock. Pure functions, any thread. What is refused here is
// malformed and ends its connection; what an object says is judged elsewhere, item by item.

#include <causeway/wire.h>

#include "reason.h"

// The header alone, before the body is read. Returns 0, or -EBADMSG with why.
int frame_check_header(const struct cw_frame *frame, struct reason *why);

// A whole frame of frame->length bytes whose header passed: known request, items that fill it
// exactly, each of the right type and length for the request, and as many descriptors as its ports
// claim. Returns 0, or -EBADMSG with why.
int frame_check(const struct cw_frame *frame, struct reason *why);

#endif
