/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <netlink/msg.h>

#include "mirror/reader_private.h"
#include "netlink.h"

// In this order entries meet what they refer to. A dump of neighbours of no family holds no FDB.
static const struct {
	uint16_t type;
	uint8_t family;
} steps[DUMP_STEPS] = {
	{RTM_GETLINK, AF_UNSPEC},
	{RTM_GETADDR, AF_INET},
	{RTM_GETADDR, AF_INET6},
	{RTM_GETNEXTHOP, AF_UNSPEC},
	{RTM_GETNEIGH, AF_INET},
	{RTM_GETNEIGH, AF_INET6},
	{RTM_GETNEIGH, AF_BRIDGE},
	{RTM_GETROUTE, AF_INET},
	{RTM_GETROUTE, AF_INET6},
	{RTM_GETRULE, AF_INET},
	{RTM_GETRULE, AF_INET6},
};

static int
append_header(struct nl_msg *message, uint16_t type, uint8_t family)
{
	switch (type) {
	case RTM_GETLINK:
		return nlmsg_append(message, &(struct ifinfomsg){.ifi_family = family},
			       sizeof(struct ifinfomsg), NLMSG_ALIGNTO)
			       < 0
		       || nla_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0;
	case RTM_GETADDR:
		return nlmsg_append(message, &(struct ifaddrmsg){.ifa_family = family},
			sizeof(struct ifaddrmsg), NLMSG_ALIGNTO);
	case RTM_GETNEXTHOP:
		return nlmsg_append(message, &(struct nhmsg){.nh_family = family},
			sizeof(struct nhmsg), NLMSG_ALIGNTO);
	case RTM_GETNEIGH:
		return nlmsg_append(message, &(struct ndmsg){.ndm_family = family},
			sizeof(struct ndmsg), NLMSG_ALIGNTO);
	case RTM_GETRULE:
		return nlmsg_append(message, &(struct fib_rule_hdr){.family = family},
			sizeof(struct fib_rule_hdr), NLMSG_ALIGNTO);
	default:
		return nlmsg_append(message, &(struct rtmsg){.rtm_family = family},
			sizeof(struct rtmsg), NLMSG_ALIGNTO);
	}
}

static int
send_message(struct reader *reader, struct nl_msg *message)
{
	const int ret = nl_send_auto(reader->sock, message);

	return ret < 0 ? netlink_errno(ret) : 0;
}

int
dump_request(struct reader *reader, uint32_t *sequence)
{
	const uint16_t type = steps[reader->step].type;
	struct nl_msg *message = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_DUMP);
	int ret = -ENOMEM;

	if (message == NULL)
		return ret;
	if (append_header(message, type, steps[reader->step].family) == 0) {
		ret = send_message(reader, message);
		*sequence = nlmsg_hdr(message)->nlmsg_seq;
	}
	nlmsg_free(message);
	return ret;
}

// NTF_USE: as if a packet were to be sent there.
int
neighbor_request(struct reader *reader, int32_t ifindex, const struct cw_ip *ip)
{
	const struct ndmsg header = {
		.ndm_family = ip->family == 4 ? AF_INET : AF_INET6,
		.ndm_ifindex = ifindex,
		.ndm_flags = NTF_USE,
	};
	struct nl_msg *message = nlmsg_alloc_simple(RTM_NEWNEIGH, NLM_F_REQUEST | NLM_F_CREATE);
	int ret = -ENOMEM;

	if (message == NULL)
		return ret;
	if (nlmsg_append(message, (void *)(uintptr_t)&header, sizeof(header), NLMSG_ALIGNTO) == 0
		&& nla_put(message, NDA_DST, ip->family == 4 ? 4 : 16, ip->addr) == 0)
		ret = send_message(reader, message);
	nlmsg_free(message);
	return ret;
}
