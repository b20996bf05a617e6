/* SPDX-License-Identifier: Apache-2.0 */
#include "netdev_stats.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <netlink/netlink.h>
#include <netlink/route/link.h>

static int
query(struct nl_sock *socket, const char *ifname, struct netdev_stats *stats)
{
	struct rtnl_link *link;

	if (rtnl_link_get_kernel(socket, 0, ifname, &link) < 0)
		return -ENODEV;
	stats->rx_dropped = rtnl_link_get_stat(link, RTNL_LINK_RX_DROPPED);
	stats->tx_dropped = rtnl_link_get_stat(link, RTNL_LINK_TX_DROPPED);
	rtnl_link_put(link);
	return 0;
}

// A socket stays in the network namespace that it was made in.
static int
connect_in(int netns, int home, struct nl_sock *socket)
{
	int ret;

	if (setns(netns, CLONE_NEWNET) < 0)
		return -errno;
	ret = nl_connect(socket, NETLINK_ROUTE) < 0 ? -ENOBUFS : 0;
	if (setns(home, CLONE_NEWNET) < 0)
		return -errno; // cannot happen: this thread was there before
	return ret;
}

int
netdev_stats_read(int netns, const char *ifname, struct netdev_stats *stats)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), ret;
	struct nl_sock *socket;

	if (home < 0)
		return -errno;
	socket = nl_socket_alloc();
	ret = socket != NULL ? connect_in(netns, home, socket) : -ENOMEM;
	if (ret == 0)
		ret = query(socket, ifname, stats);
	nl_socket_free(socket);
	close(home);
	return ret;
}
