/* SPDX-License-Identifier: Apache-2.0 */
#include "route.h"

#include <errno.h>
#include <linux/rtnetlink.h>

#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

// Sets one address member and lets go of our reference.
static int
set_address(void (*set)(struct rtnl_nexthop *, struct nl_addr *), struct rtnl_nexthop *nexthop,
	const struct cw_ip *ip)
{
	struct nl_addr *addr = netlink_addr(ip);

	if (addr == NULL)
		return -ENOMEM;
	set(nexthop, addr);
	nl_addr_put(addr);
	return 0;
}

static int
set_nexthop(struct rtnl_route *route, const struct route_spec *spec)
{
	struct rtnl_nexthop *nexthop = rtnl_route_nh_alloc();

	if (nexthop == NULL)
		return -ENOMEM;
	rtnl_route_nh_set_ifindex(nexthop, spec->ifindex);
	if (spec->gateway.family != 0) {
		struct cw_ip gateway = spec->gateway;

		gateway.prefix = gateway.family == 4 ? 32 : 128;
		if (set_address(rtnl_route_nh_set_gateway, nexthop, &gateway) < 0) {
			rtnl_route_nh_free(nexthop);
			return -ENOMEM;
		}
		if (spec->gateway_on_link)
			rtnl_route_nh_set_flags(nexthop, RTNH_F_ONLINK);
	}
	rtnl_route_add_nexthop(route, nexthop); // the route's now
	return 0;
}

static int
set_source(struct rtnl_route *route, const struct cw_ip *source)
{
	struct cw_ip host = *source;
	struct nl_addr *addr;
	int ret;

	if (source->family == 0)
		return 0;
	host.prefix = host.family == 4 ? 32 : 128;
	addr = netlink_addr(&host);
	if (addr == NULL)
		return -ENOMEM;
	ret = netlink_errno(rtnl_route_set_pref_src(route, addr));
	nl_addr_put(addr);
	return ret;
}

static int
build(const struct route_spec *spec, struct rtnl_route **built)
{
	struct rtnl_route *route = rtnl_route_alloc();
	struct nl_addr *destination = netlink_addr(&spec->destination);
	int ret = -ENOMEM;

	if (route == NULL || destination == NULL)
		goto fail;
	ret = netlink_errno(rtnl_route_set_dst(route, destination));
	if (ret == 0)
		ret = set_source(route, &spec->source);
	if (ret == 0)
		ret = set_nexthop(route, spec);
	if (ret < 0)
		goto fail;
	rtnl_route_set_table(route, RT_TABLE_MAIN);
	rtnl_route_set_protocol(route, ROUTE_PROTOCOL);
	rtnl_route_set_scope(route, spec->gateway.family != 0 || spec->destination.family == 6
					    ? RT_SCOPE_UNIVERSE
					    : RT_SCOPE_LINK);
	if (spec->priority != 0)
		rtnl_route_set_priority(route, spec->priority);
	if (spec->mtu != 0)
		rtnl_route_set_metric(route, RTAX_MTU, spec->mtu);
	nl_addr_put(destination);
	*built = route;
	return 0;
fail:
	if (destination != NULL)
		nl_addr_put(destination);
	if (route != NULL)
		rtnl_route_put(route);
	return ret;
}

int
route_add(struct nl_sock *sock, const struct route_spec *spec)
{
	struct rtnl_route *route;
	int ret = build(spec, &route);

	if (ret < 0)
		return ret;
	ret = netlink_errno(rtnl_route_add(sock, route, NLM_F_CREATE | NLM_F_EXCL));
	rtnl_route_put(route);
	return ret;
}

int
route_delete(struct nl_sock *sock, const struct route_spec *spec)
{
	struct rtnl_route *route;
	int ret = build(spec, &route);

	if (ret < 0)
		return ret;
	ret = netlink_errno(rtnl_route_delete(sock, route, 0));
	rtnl_route_put(route);
	return ret == -ENOENT ? -ESRCH : ret;
}
