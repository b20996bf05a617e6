/* SPDX-License-Identifier: Apache-2.0 */
#include "veth.h"

#include <errno.h>
#include <sys/socket.h>

#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>

int
veth_create(struct nl_sock *sock, const char *name, int netns, const char *peer_name,
	const uint8_t mac[6], unsigned int mtu)
{
	struct rtnl_link *link = rtnl_link_veth_alloc(), *peer;
	struct nl_addr *addr = nl_addr_build(AF_LLC, mac, 6);
	int ret = -ENOMEM;

	if (link == NULL || addr == NULL)
		goto out;
	rtnl_link_set_name(link, name);
	rtnl_link_set_mtu(link, mtu);
	peer = rtnl_link_veth_get_peer(link);
	rtnl_link_set_name(peer, peer_name);
	rtnl_link_set_mtu(peer, mtu);
	rtnl_link_set_addr(peer, addr);
	rtnl_link_set_ns_fd(peer, netns);
	ret = netlink_errno(rtnl_link_add(sock, link, NLM_F_CREATE | NLM_F_EXCL));
	rtnl_link_put(peer);
out:
	if (addr != NULL)
		nl_addr_put(addr);
	if (link != NULL)
		rtnl_link_put(link);
	return ret;
}
