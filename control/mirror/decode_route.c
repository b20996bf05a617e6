/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/decode.h"

#include <errno.h>
#include <linux/lwtunnel.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include <netlink/msg.h>

#include "mirror/attribute.h"

// RTA_VIA: a gateway of another family (RFC 5549).
static struct cw_ip
read_via(const struct nlattr *attribute)
{
	const struct rtvia *via = nla_data(attribute);
	const int length = nla_len(attribute) - (int)sizeof(*via);
	struct cw_ip ip = {0};

	if (via->rtvia_family == AF_INET && length == 4)
		ip = (struct cw_ip){.family = 4, .prefix = 32};
	else if (via->rtvia_family == AF_INET6 && length == 16)
		ip = (struct cw_ip){.family = 6, .prefix = 128};
	if (ip.family != 0)
		memcpy(ip.addr, via->rtvia_addr, (size_t)length);
	return ip;
}

static struct cw_ip
read_gateway(struct nlattr **tb)
{
	if (tb[RTA_VIA] != NULL && nla_len(tb[RTA_VIA]) > (int)sizeof(struct rtvia))
		return read_via(tb[RTA_VIA]);
	return attribute_ip(tb[RTA_GATEWAY]);
}

static bool
is_encapsulated(struct nlattr **tb)
{
	return tb[RTA_ENCAP_TYPE] != NULL
	       && attribute_u16(tb[RTA_ENCAP_TYPE]) != LWTUNNEL_ENCAP_NONE;
}

static int
read_multipath(struct kernel_route *route, struct nlattr *attribute)
{
	struct rtnexthop *next = nla_data(attribute);
	int left = nla_len(attribute);
	struct nlattr *tb[RTA_MAX + 1];

	while (left >= (int)sizeof(*next) && next->rtnh_len >= sizeof(*next)
		&& next->rtnh_len <= left) {
		struct kernel_hop *hop = &route->path.hops[route->path.n_hops];

		if (nla_parse(tb, RTA_MAX, (struct nlattr *)(void *)RTNH_DATA(next),
			    next->rtnh_len - (int)sizeof(*next), NULL)
			< 0)
			return -EBADMSG;
		if (route->path.n_hops == CW_MAX_MEMBERS || is_encapsulated(tb)) {
			route->path.unusable = 1;
			return 0;
		}
		*hop = (struct kernel_hop){
			.ifindex = next->rtnh_ifindex,
			.weight = next->rtnh_hops + 1u,
			.gateway = read_gateway(tb),
		};
		route->path.n_hops++;
		left -= (int)RTNH_ALIGN(next->rtnh_len);
		next = RTNH_NEXT(next);
	}
	return 0;
}

static uint16_t
read_mtu(struct nlattr *metrics)
{
	struct nlattr *tb[RTAX_MAX + 1];
	uint32_t mtu;

	if (metrics == NULL || nla_parse_nested(tb, RTAX_MAX, metrics, NULL) < 0)
		return 0;
	mtu = attribute_u32(tb[RTAX_MTU]);
	return mtu <= UINT16_MAX ? (uint16_t)mtu : 0;
}

// Which messages are entries of the routing tables that packets to others are sent by.
static bool
is_kept(const struct rtmsg *header)
{
	if ((header->rtm_family != AF_INET && header->rtm_family != AF_INET6)
		|| (header->rtm_flags & RTM_F_CLONED) != 0)
		return false;
	return header->rtm_type == RTN_UNICAST || header->rtm_type == RTN_BLACKHOLE
	       || header->rtm_type == RTN_UNREACHABLE || header->rtm_type == RTN_PROHIBIT;
}

static void
read_prefix(struct kernel_route *route, const struct rtmsg *header, struct nlattr *destination)
{
	route->prefix = attribute_ip(destination);
	route->prefix.family = header->rtm_family == AF_INET ? 4 : 6;
	route->prefix.prefix = header->rtm_dst_len;
}

int
decode_route(struct nlmsghdr *message, struct kernel_route *route)
{
	const struct rtmsg *header = nlmsg_data(message);
	struct nlattr *tb[RTA_MAX + 1];

	if (nlmsg_parse(message, sizeof(*header), tb, RTA_MAX, NULL) < 0)
		return -EBADMSG;
	if (!is_kept(header))
		return 0;
	*route = (struct kernel_route){
		.priority = attribute_u32(tb[RTA_PRIORITY]),
		.tos = header->rtm_tos,
		.path =
			{
				.table = tb[RTA_TABLE] != NULL ? attribute_u32(tb[RTA_TABLE])
							       : header->rtm_table,
				.nexthop = attribute_u32(tb[RTA_NH_ID]),
				.mtu = read_mtu(tb[RTA_METRICS]),
				.type = header->rtm_type,
				.protocol = header->rtm_protocol,
				.unusable = header->rtm_src_len != 0 || is_encapsulated(tb),
			},
	};
	read_prefix(route, header, tb[RTA_DST]);
	// An object says more than what the kernel copies from it for those who know none, and
	// changes without its routes.
	if (route->path.nexthop != 0 || header->rtm_type != RTN_UNICAST)
		return 1;
	if (tb[RTA_MULTIPATH] != NULL)
		return read_multipath(route, tb[RTA_MULTIPATH]) < 0 ? -EBADMSG : 1;
	route->path.n_hops = 1;
	route->path.hops[0] = (struct kernel_hop){
		.ifindex = (int32_t)attribute_u32(tb[RTA_OIF]),
		.weight = 1,
		.gateway = read_gateway(tb),
	};
	return 1;
}

static void
read_members(struct kernel_nexthop *nexthop, const struct nlattr *group)
{
	const struct nexthop_grp *entry = nla_data(group);
	const size_t n = (size_t)nla_len(group) / sizeof(*entry);

	for (size_t i = 0; i < n && i < CW_MAX_MEMBERS; i++)
		nexthop->members[nexthop->n_members++] = (struct kernel_member){
			.nexthop = entry[i].id,
			.weight = entry[i].weight + 1u,
		};
}

int
decode_nexthop(struct nlmsghdr *message, struct kernel_nexthop *nexthop)
{
	const struct nhmsg *header = nlmsg_data(message);
	struct nlattr *tb[NHA_MAX + 1];

	if (nlmsg_parse(message, sizeof(*header), tb, NHA_MAX, NULL) < 0)
		return -EBADMSG;
	*nexthop = (struct kernel_nexthop){
		.id = attribute_u32(tb[NHA_ID]),
		.blackhole = tb[NHA_BLACKHOLE] != NULL,
		.fdb = tb[NHA_FDB] != NULL,
		.hop = {.ifindex = (int32_t)attribute_u32(tb[NHA_OIF]),
			.weight = 1,
			.gateway = attribute_ip(tb[NHA_GATEWAY])},
	};
	if (tb[NHA_GROUP] != NULL)
		read_members(nexthop, tb[NHA_GROUP]);
	return nexthop->id != 0;
}
