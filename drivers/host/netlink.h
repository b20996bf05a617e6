/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_NETLINK_H
#define HOST_NETLINK_H

// rtnetlink sockets of libnl. A socket belongs to the namespace that the calling thread was in when
// it was opened, and stays there. One thread at a time.

#include <netlink/addr.h>
#include <netlink/netlink.h>

#include <causeway/wire.h>

// Returns 0 or -errno.
int netlink_open(struct nl_sock **sock);
// The same in the network namespace behind a descriptor.
int netlink_open_in(int netns, struct nl_sock **sock);
// Accepts NULL.
void netlink_close(struct nl_sock *sock);

// A descriptor that becomes readable when something in the calling thread's namespace changes that
// these groups (RTMGRP_LINK, ...) tell of; or -errno. netlink_watch_read() makes it unreadable.
int netlink_watch(uint32_t groups);
void netlink_watch_read(int fd);

// libnl's error (negative NLE_*) as -errno; 0 and positive values become 0.
int netlink_errno(int nl_error);

// A copy of ip with its prefix; NULL: no memory. To be freed by nl_addr_put().
struct nl_addr *netlink_addr(const struct cw_ip *ip);
// The reverse; false when the address is neither IPv4 nor IPv6.
bool netlink_ip(const struct nl_addr *addr, struct cw_ip *ip);

#endif
