/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

// dp.sock in the runtime directory, and the lock that keeps a second instance from it. Main thread.

#include <event2/event.h>

struct listener;

// Calls accepted(arg, fd) for each peer; fd belongs to the callee. Makes the directory when it is
// missing. Returns NULL with *error = -errno after logging why: -EBUSY another instance serves the
// directory, -ENAMETOOLONG its path does not fit a socket address.
struct listener *listener_create(struct event_base *base, const char *runtime_dir,
	void (*accepted)(void *arg, int fd), void *arg, int *error);
void listener_free(struct listener *listener);

#endif
