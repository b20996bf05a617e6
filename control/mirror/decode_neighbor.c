/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/decode.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <netlink/msg.h>

#include "mirror/attribute.h"

int
decode_neighbor(struct nlmsghdr *message, struct kernel_neighbor *neighbor)
{
	const struct ndmsg *header = nlmsg_data(message);
	struct nlattr *tb[NDA_MAX + 1];

	if (nlmsg_parse(message, sizeof(*header), tb, NDA_MAX, NULL) < 0)
		return -EBADMSG;
	if ((header->ndm_family != AF_INET && header->ndm_family != AF_INET6)
		|| (header->ndm_flags & NTF_PROXY) != 0)
		return 0;
	*neighbor = (struct kernel_neighbor){
		.ifindex = header->ndm_ifindex,
		.state = header->ndm_state,
		.ip = attribute_ip(tb[NDA_DST]),
	};
	attribute_mac(tb[NDA_LLADDR], neighbor->mac);
	return neighbor->ip.family != 0;
}

int
decode_fdb(struct nlmsghdr *message, struct kernel_fdb *fdb)
{
	const struct ndmsg *header = nlmsg_data(message);
	struct nlattr *tb[NDA_MAX + 1];

	if (nlmsg_parse(message, sizeof(*header), tb, NDA_MAX, NULL) < 0)
		return -EBADMSG;
	// A bridge tells the entries of its ports, too: those are its own.
	if (header->ndm_family != AF_BRIDGE || (header->ndm_flags & NTF_SELF) == 0
		|| tb[NDA_LLADDR] == NULL || nla_len(tb[NDA_LLADDR]) != 6)
		return 0;
	*fdb = (struct kernel_fdb){
		.ifindex = header->ndm_ifindex,
		.lower = (int32_t)attribute_u32(tb[NDA_IFINDEX]),
		.vni = attribute_u32(tb[NDA_VNI]),
		.source_vni = attribute_u32(tb[NDA_SRC_VNI]),
		.nexthop = attribute_u32(tb[NDA_NH_ID]),
		.udp_port = ntohs(attribute_u16(tb[NDA_PORT])),
		.remote = attribute_ip(tb[NDA_DST]),
	};
	attribute_mac(tb[NDA_LLADDR], fdb->mac);
	return fdb->remote.family != 0 || fdb->nexthop != 0;
}
