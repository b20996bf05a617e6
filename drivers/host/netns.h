/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_NETNS_H
#define HOST_NETNS_H

// Network namespaces. A namespace is known by its inode; a path is only a way to find it. Functions
// act on the calling thread.

#include <stdbool.h>
#include <stdint.h>

struct netns_id {
	uint64_t device, inode;
};

// Opens the namespace at path (close-on-exec). Returns the descriptor or -errno; -EINVAL: the path
// leads to something else.
int netns_open(const char *path);
// Returns 0 when fd is a network namespace, else -EINVAL or -errno.
int netns_check(int fd);
// Returns 0 or -errno.
int netns_identify(int fd, struct netns_id *id);
// The calling thread's own. Returns 0 or -errno.
int netns_own(struct netns_id *id);
bool netns_equal(const struct netns_id *a, const struct netns_id *b);

// Opens the namespace at path if it is still the one with this identity: the descriptor, or -ENOENT
// when the path is gone or leads to another namespace, or another -errno.
int netns_reopen(const char *path, const struct netns_id *id);

struct netns_guard {
	int own; // descriptor of the namespace to come back to
};

// Takes the calling thread into the namespace. After 0 netns_leave() must follow; on -errno the
// thread stayed where it was. Needs CAP_SYS_ADMIN.
int netns_enter(struct netns_guard *guard, int fd);
// Back to where netns_enter() came from; preserves errno.
void netns_leave(struct netns_guard *guard);

#endif
