/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DP_DP_H
#define DP_DP_H

// The connection to causeway-dp: connects whenever dp.sock is there, shakes hands, carries requests
// and their replies. What is sent is others' business. Main thread, event loop.

#include <event2/event.h>

#include "dp/frame.h"

#define DP_TIMEOUT_S 15 // a request that takes longer ends the connection

struct dp;

// One frame of the answer to a request; the last one has more == false. fds that fn takes over are
// set to -1, the rest is closed.
struct dp_reply {
	const struct cw_frame *frame;
	int *fds;
	bool more;
};

// Called for each frame of the answer, or once with NULL when the connection ended before the last.
typedef void dp_reply_fn(void *arg, const struct dp_reply *reply);

struct dp_handler {
	void (*connected)(void *arg); // hands are shaken, names are not yet known
	void (*disconnected)(void *arg); // after every waiting dp_reply_fn was called
	void (*event)(void *arg, const struct cw_item *item);
};

// path: of dp.sock. Returns NULL: no memory. The texts and the handler stay the caller's.
struct dp *dp_create(
	struct event_base *base, const char *path, const struct dp_handler *handler, void *arg);
void dp_free(struct dp *dp); // accepts NULL

// Connects now or as soon as there is something to connect to, and again whenever that ends.
// Returns 0 or -errno.
int dp_start(struct dp *dp);
// Uses a connected stream in place of dp.sock, which is not tried again when it ends. For tests.
int dp_adopt(struct dp *dp, int fd);

bool dp_is_connected(const struct dp *dp);
const char *dp_build(const struct dp *dp); // of the data plane, as it said last; "" before
// Why there is no connection now, or why the last one ended.
const char *dp_reason(const struct dp *dp);

// Sends a request; takes the frame in every case. Returns 0, or -ENOTCONN and fn is not called.
int dp_request(struct dp *dp, struct dp_frame *frame, dp_reply_fn *fn, void *arg);
// Ends the connection, which is then made anew.
void dp_disconnect(struct dp *dp, const char *reason);

// Names that the data plane gave its stages and drop reasons; NULL: none by that index.
const char *dp_name(const struct dp *dp, enum cw_name_kind kind, unsigned int index);

#endif
