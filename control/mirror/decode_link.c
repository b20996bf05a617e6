/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/decode.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include <netlink/msg.h>

#include "mirror/attribute.h"

static const struct {
	const char *name;
	uint8_t kind;
} kinds[] = {
	{"vlan", KERNEL_LINK_VLAN},
	{"vxlan", KERNEL_LINK_VXLAN},
	{"ipip", KERNEL_LINK_IPIP},
	{"dummy", KERNEL_LINK_DUMMY},
};

static void
read_kind(struct kernel_link *link, const struct nlattr *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (nla_strcmp(name, kinds[i].name) == 0)
			link->kind = kinds[i].kind;
}

static int
read_vxlan(struct kernel_link *link, struct nlattr *data)
{
	struct nlattr *tb[IFLA_VXLAN_MAX + 1];

	if (nla_parse_nested(tb, IFLA_VXLAN_MAX, data, NULL) < 0)
		return -EBADMSG;
	link->vni = attribute_u32(tb[IFLA_VXLAN_ID]);
	link->lower = (int32_t)attribute_u32(tb[IFLA_VXLAN_LINK]);
	link->udp_port = ntohs(attribute_u16(tb[IFLA_VXLAN_PORT]));
	link->ttl = attribute_u8(tb[IFLA_VXLAN_TTL]);
	link->checksum = attribute_u8(tb[IFLA_VXLAN_UDP_CSUM]) != 0;
	link->external = attribute_u8(tb[IFLA_VXLAN_COLLECT_METADATA]) != 0;
	link->local = attribute_ip(
		tb[tb[IFLA_VXLAN_LOCAL6] != NULL ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL]);
	link->remote = attribute_ip(
		tb[tb[IFLA_VXLAN_GROUP6] != NULL ? IFLA_VXLAN_GROUP6 : IFLA_VXLAN_GROUP]);
	return 0;
}

static int
read_ipip(struct kernel_link *link, struct nlattr *data)
{
	struct nlattr *tb[IFLA_IPTUN_MAX + 1];

	if (nla_parse_nested(tb, IFLA_IPTUN_MAX, data, NULL) < 0)
		return -EBADMSG;
	link->lower = (int32_t)attribute_u32(tb[IFLA_IPTUN_LINK]);
	link->ttl = attribute_u8(tb[IFLA_IPTUN_TTL]);
	link->external = tb[IFLA_IPTUN_COLLECT_METADATA] != NULL;
	link->local = attribute_ip(tb[IFLA_IPTUN_LOCAL]);
	link->remote = attribute_ip(tb[IFLA_IPTUN_REMOTE]);
	return 0;
}

static int
read_vlan(struct kernel_link *link, struct nlattr *data)
{
	struct nlattr *tb[IFLA_VLAN_MAX + 1];

	if (nla_parse_nested(tb, IFLA_VLAN_MAX, data, NULL) < 0)
		return -EBADMSG;
	link->vlan = attribute_u16(tb[IFLA_VLAN_ID]);
	return 0;
}

static int
read_info(struct kernel_link *link, struct nlattr *info)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1], *data;

	if (nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) < 0)
		return -EBADMSG;
	data = tb[IFLA_INFO_DATA];
	if (tb[IFLA_INFO_KIND] == NULL)
		return 0;
	read_kind(link, tb[IFLA_INFO_KIND]);
	if (data == NULL)
		return 0;
	if (link->kind == KERNEL_LINK_VXLAN)
		return read_vxlan(link, data);
	if (link->kind == KERNEL_LINK_IPIP)
		return read_ipip(link, data);
	return link->kind == KERNEL_LINK_VLAN ? read_vlan(link, data) : 0;
}

int
decode_link(struct nlmsghdr *message, struct kernel_link *link)
{
	const struct ifinfomsg *header = nlmsg_data(message);
	struct nlattr *tb[IFLA_MAX + 1];

	if (nlmsg_parse(message, sizeof(*header), tb, IFLA_MAX, NULL) < 0)
		return -EBADMSG;
	// Bridges tell about their ports by the same message.
	if (header->ifi_family != AF_UNSPEC)
		return 0;
	*link = (struct kernel_link){
		.ifindex = header->ifi_index,
		.lower = (int32_t)attribute_u32(tb[IFLA_LINK]),
		.master = (int32_t)attribute_u32(tb[IFLA_MASTER]),
		.flags = header->ifi_flags,
		.mtu = attribute_u32(tb[IFLA_MTU]),
	};
	attribute_mac(tb[IFLA_ADDRESS], link->mac);
	if (tb[IFLA_IFNAME] != NULL)
		nla_strlcpy(link->name, tb[IFLA_IFNAME], sizeof(link->name));
	if (tb[IFLA_LINKINFO] != NULL && read_info(link, tb[IFLA_LINKINFO]) < 0)
		return -EBADMSG;
	return 1;
}

int
decode_address(struct nlmsghdr *message, struct kernel_address *address)
{
	const struct ifaddrmsg *header = nlmsg_data(message);
	struct nlattr *tb[IFA_MAX + 1];
	uint32_t flags;

	if (nlmsg_parse(message, sizeof(*header), tb, IFA_MAX, NULL) < 0)
		return -EBADMSG;
	*address = (struct kernel_address){
		.ifindex = (int32_t)header->ifa_index,
		.ip = attribute_ip(tb[tb[IFA_LOCAL] != NULL ? IFA_LOCAL : IFA_ADDRESS]),
	};
	address->ip.prefix = header->ifa_prefixlen;
	flags = tb[IFA_FLAGS] != NULL ? attribute_u32(tb[IFA_FLAGS]) : header->ifa_flags;
	// One that is not yet known to be ours alone is not ours; those that go are taken as told.
	if (message->nlmsg_type == RTM_NEWADDR
		&& (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0)
		return 0;
	return address->ip.family != 0;
}
