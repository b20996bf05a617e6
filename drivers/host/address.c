/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <errno.h>
#include <linux/if_addr.h>

#include <netlink/cache.h>
#include <netlink/route/addr.h>

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

int
address_each(
	struct nl_sock *sock, int ifindex, int (*fn)(void *arg, const struct cw_ip *ip), void *arg)
{
	struct nl_cache *cache;
	struct nl_object *object;
	int ret = netlink_errno(rtnl_addr_alloc_cache(sock, &cache));

	if (ret < 0)
		return ret;
	for (object = nl_cache_get_first(cache); object != NULL && ret == 0;
		object = nl_cache_get_next(object)) {
		struct rtnl_addr *addr = (struct rtnl_addr *)object;
		struct nl_addr *local = rtnl_addr_get_local(addr);
		struct cw_ip ip;

		if ((ifindex == 0 || rtnl_addr_get_ifindex(addr) == ifindex) && local != NULL
			&& netlink_ip(local, &ip) && !is_link_local(&ip))
			ret = fn(arg, &ip);
	}
	nl_cache_free(cache);
	return ret;
}
