/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_NETNS_FIND_H
#define HOST_NETNS_FIND_H

#include "netns.h"

// Opens a namespace that no path is known of any more, through a process that is in it. Reads
// /proc, which takes some microseconds a process. Returns the descriptor, -ENOENT when no process
// is in it, or another -errno.
int netns_find(const struct netns_id *id);

#endif
