/* SPDX-License-Identifier: Apache-2.0 */
#include "vf_link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/attr.h>

#include "netlink_query.h"
#include "pci_private.h"
#include "sriov.h"
#include "vf_message.h"

static struct nl_msg *
request_link(int ifindex, uint32_t mask)
{
	struct ifinfomsg link = {.ifi_family = AF_UNSPEC, .ifi_index = ifindex};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, 0);

	if (msg == NULL)
		return NULL;
	if (nlmsg_append(msg, &link, sizeof(link), NLMSG_ALIGNTO) == 0
		&& (mask == 0 || nla_put_u32(msg, IFLA_EXT_MASK, mask) == 0))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static int
ask_link(struct nl_sock *sock, int ifindex, uint32_t mask,
	int (*parse)(struct nlmsghdr *reply, void *arg), void *arg)
{
	struct nl_msg *msg = request_link(ifindex, mask);
	int ret;

	if (msg == NULL)
		return -ENOMEM;
	ret = netlink_query(sock, msg, parse, arg);
	nlmsg_free(msg);
	return ret;
}

// What tells whether an ifindex that sysfs gave means the same device at the socket.
struct parent {
	const char *ifname, *pf;
	bool is_same;
};

static int
check_parent(struct nlmsghdr *reply, void *arg)
{
	struct parent *parent = arg;
	struct nlattr *items[IFLA_MAX + 1];

	if (nlmsg_parse(reply, sizeof(struct ifinfomsg), items, IFLA_MAX, NULL) < 0)
		return 0;
	if (items[IFLA_PARENT_DEV_NAME] != NULL)
		parent->is_same = nla_strcmp(items[IFLA_PARENT_DEV_NAME], parent->pf) == 0;
	else if (items[IFLA_IFNAME] != NULL) // before Linux 5.14
		parent->is_same = nla_strcmp(items[IFLA_IFNAME], parent->ifname) == 0;
	return 0;
}

// Renamed between two looks, the interface is looked for again.
static int
find_ifindex(const char *root, const char *pf, char ifname[IFNAMSIZ], long *ifindex)
{
	char path[SYSFS_PATH_LEN], file[64];
	int ret = -ENONET;

	for (int i = 0; i < 3; i++) {
		ret = sriov_pf_netdev(root, pf, ifname);
		if (ret < 0)
			return ret;
		snprintf(file, sizeof(file), "net/%s/ifindex", ifname);
		pci_path(path, root, pf, file);
		ret = sysfs_read_number(path, ifindex);
		if (ret != -ENOENT)
			return ret;
	}
	return ret;
}

int
vf_link_pf(struct nl_sock *sock, const char *root, const char *pf, struct link_info *info)
{
	char ifname[IFNAMSIZ];
	struct parent parent = {.ifname = ifname, .pf = pf};
	long ifindex;
	int ret = find_ifindex(root, pf, ifname, &ifindex);

	if (ret == 0)
		ret = ask_link(sock, (int)ifindex, 0, check_parent, &parent);
	else
		return ret;
	if (ret == -ENODEV || (ret == 0 && !parent.is_same))
		return -ENONET;
	return ret < 0 ? ret : link_get(sock, (int)ifindex, info);
}

struct vf_query {
	struct vf_settings *list;
	unsigned int n;
	unsigned int found, num; // VFs told of, VFs that there are
};

static int
take_vfs(struct nlmsghdr *reply, void *arg)
{
	struct vf_query *query = arg;

	query->found = vf_message_parse(reply, query->list, query->n, &query->num);
	return 0;
}

// A list attribute ends at 64 KiB: some 200 VFs with their counters, half as many again without.
int
vf_link_list(struct nl_sock *sock, int pf_ifindex, struct vf_settings *list, unsigned int n)
{
	struct vf_query query = {.list = list, .n = n};
	int ret;

	memset(list, 0, n * sizeof(*list));
	ret = ask_link(sock, pf_ifindex, RTEXT_FILTER_VF, take_vfs, &query);
	if (ret == -EMSGSIZE || (ret == 0 && query.found < query.num))
		ret = ask_link(sock, pf_ifindex, RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS,
			take_vfs, &query);
	return ret;
}

int
vf_link_get(struct nl_sock *sock, int pf_ifindex, unsigned int index, struct vf_settings *settings)
{
	struct vf_settings *list = calloc((size_t)index + 1, sizeof(*list));
	int ret;

	if (list == NULL)
		return -ENOMEM;
	ret = vf_link_list(sock, pf_ifindex, list, index + 1);
	if (ret == 0 && list[index].known == 0)
		ret = -ENOENT;
	if (ret == 0)
		*settings = list[index];
	free(list);
	return ret;
}

static int
set_one(struct nl_sock *sock, int pf_ifindex, unsigned int index,
	const struct vf_settings *settings, enum vf_setting setting)
{
	struct nl_msg *msg = vf_message_set(pf_ifindex, index, settings, setting);
	int ret;

	if (msg == NULL)
		return -ENOMEM;
	ret = netlink_query(sock, msg, NULL, NULL);
	nlmsg_free(msg);
	return ret;
}

int
vf_link_set(struct nl_sock *sock, int pf_ifindex, unsigned int index,
	const struct vf_settings *settings, unsigned int which, enum vf_setting *refused)
{
	int ret;

	for (unsigned int bit = 1; (bit & VF_SETTINGS_ALL) != 0; bit <<= 1) {
		if ((which & bit) == 0)
			continue;
		ret = set_one(sock, pf_ifindex, index, settings, (enum vf_setting)bit);
		if (ret < 0) {
			if (refused != NULL)
				*refused = (enum vf_setting)bit;
			return ret;
		}
	}
	return 0;
}

unsigned int
vf_settings_differ(
	const struct vf_settings *one, const struct vf_settings *other, unsigned int which)
{
	const bool is_tagged = one->vlan != 0 || other->vlan != 0;
	unsigned int differ = 0;

	if (memcmp(one->mac, other->mac, sizeof(one->mac)) != 0)
		differ |= VF_MAC;
	if (one->vlan != other->vlan
		|| (is_tagged && (one->qos != other->qos || one->vlan_proto != other->vlan_proto)))
		differ |= VF_VLAN;
	if (one->spoofchk != other->spoofchk)
		differ |= VF_SPOOFCHK;
	if (one->trust != other->trust)
		differ |= VF_TRUST;
	if (one->min_tx_rate != other->min_tx_rate || one->max_tx_rate != other->max_tx_rate)
		differ |= VF_RATE;
	if (one->link_state != other->link_state)
		differ |= VF_LINK_STATE;
	return differ & which;
}

const char *
vf_setting_name(enum vf_setting setting)
{
	switch (setting) {
	case VF_MAC:
		return "mac";
	case VF_VLAN:
		return "vlan";
	case VF_SPOOFCHK:
		return "spoofchk";
	case VF_TRUST:
		return "trust";
	case VF_RATE:
		return "tx rate";
	case VF_LINK_STATE:
		return "link_state";
	}
	return "unknown";
}
