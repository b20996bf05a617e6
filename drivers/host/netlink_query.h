/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_NETLINK_QUERY_H
#define HOST_NETLINK_QUERY_H

// Requests that libnl-route has no calls for.

#include <netlink/msg.h>

#include "netlink.h"

// Of a dump: what it tells of changed meanwhile, so something may be missing (NLM_F_DUMP_INTR).
#define NETLINK_INTERRUPTED 1

// Sends a request and waits until the kernel has acknowledged or refused it; parse (may be NULL)
// is called for each message of the reply and may return a negative errno. The kernel's error
// comes back as it is: libnl's own codes keep too few apart to tell why a driver refuses. Returns
// 0, NETLINK_INTERRUPTED or -errno. The message stays the caller's.
int netlink_query(struct nl_sock *sock, struct nl_msg *request,
	int (*parse)(struct nlmsghdr *reply, void *arg), void *arg);

#endif
