/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/route/addr.h>

#include "netlink_query.h"

static struct rtnl_addr *
build(int ifindex, const struct cw_ip *ip)
{
	struct rtnl_addr *addr = rtnl_addr_alloc();
	struct nl_addr *local = netlink_addr(ip);

	if (addr == NULL || local == NULL || rtnl_addr_set_local(addr, local) < 0) {
		if (addr != NULL)
			rtnl_addr_put(addr);
		if (local != NULL)
			nl_addr_put(local);
		return NULL;
	}
	rtnl_addr_set_ifindex(addr, ifindex);
	if (ip->family == 6)
		rtnl_addr_set_flags(addr, IFA_F_NODAD);
	nl_addr_put(local);
	return addr;
}

int
address_add(struct nl_sock *sock, int ifindex, const struct cw_ip *ip)
{
	struct rtnl_addr *addr = build(ifindex, ip);
	int ret;

	if (addr == NULL)
		return -ENOMEM;
	ret = netlink_errno(rtnl_addr_add(sock, addr, NLM_F_CREATE | NLM_F_EXCL));
	rtnl_addr_put(addr);
	return ret;
}

int
address_delete(struct nl_sock *sock, int ifindex, const struct cw_ip *ip)
{
	struct rtnl_addr *addr = build(ifindex, ip);
	int ret;

	if (addr == NULL)
		return -ENOMEM;
	ret = netlink_errno(rtnl_addr_delete(sock, addr, 0));
	rtnl_addr_put(addr);
	return ret;
}

static bool
is_link_local(const struct cw_ip *ip)
{
	return ip->family == 6 && ip->addr[0] == 0xfe && (ip->addr[1] & 0xc0) == 0x80;
}

// What a dump has told.
struct addresses {
	int ifindex; // wanted, 0: all
	struct cw_ip *ips;
	size_t n, room;
};

static int
append(struct addresses *found, const struct cw_ip *ip)
{
	const size_t room = found->room == 0 ? 64 : 2 * found->room;
	struct cw_ip *grown;

	if (found->n == found->room) {
		grown = realloc(found->ips, room * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		found->ips = grown;
		found->room = room;
	}
	found->ips[found->n++] = *ip;
	return 0;
}

static int
take_address(struct nlmsghdr *reply, void *arg)
{
	const struct ifaddrmsg *message = nlmsg_data(reply);
	struct addresses *found = arg;
	struct nlattr *attributes[IFA_MAX + 1], *local;
	struct cw_ip ip = {0};

	if (reply->nlmsg_type != RTM_NEWADDR
		|| nlmsg_parse(reply, sizeof(*message), attributes, IFA_MAX, NULL) < 0)
		return 0;
	// Of a point-to-point link IFA_ADDRESS is the far end's.
	local = attributes[IFA_LOCAL] != NULL ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
	ip.family = message->ifa_family == AF_INET ? 4 : 6;
	if (local == NULL || nla_len(local) != (ip.family == 4 ? 4 : 16)
		|| (found->ifindex != 0 && message->ifa_index != (uint32_t)found->ifindex))
		return 0;
	memcpy(ip.addr, nla_data(local), (size_t)nla_len(local));
	ip.prefix = message->ifa_prefixlen;
	return is_link_local(&ip) ? 0 : append(found, &ip);
}

// Not by libnl's cache, which asks again as long as addresses come and go: whoever needs them all
// is told of changes, and asks then.
static int
dump(struct nl_sock *sock, struct addresses *found)
{
	const struct ifaddrmsg all = {.ifa_family = AF_UNSPEC};
	struct nl_msg *request = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_DUMP);
	int ret = -ENOMEM;

	if (request != NULL && nlmsg_append(request, (void *)(uintptr_t)&all, sizeof(all), 4) == 0)
		ret = netlink_query(sock, request, take_address, found);
	nlmsg_free(request);
	return ret;
}

int
address_each(
	struct nl_sock *sock, int ifindex, int (*fn)(void *arg, const struct cw_ip *ip), void *arg)
{
	struct addresses found = {.ifindex = ifindex};
	int ret = dump(sock, &found);

	for (size_t i = 0; i < found.n && ret == 0; i++)
		ret = fn(arg, &found.ips[i]);
	free(found.ips);
	return ret;
}
