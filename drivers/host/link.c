/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <netlink/route/link.h>

static void
copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from != NULL ? from : "");
}

// One of ifindex and name; the other is 0 or NULL.
static int
look_up(struct nl_sock *sock, int ifindex, const char *name, struct link_info *info)
{
	struct rtnl_link *link;
	struct nl_addr *mac;
	int ret;

	ret = netlink_errno(rtnl_link_get_kernel(sock, ifindex, name, &link));
	if (ret < 0)
		return ret == -ENOENT ? -ENODEV : ret;
	*info = (struct link_info){
		.ifindex = rtnl_link_get_ifindex(link),
		.mtu = rtnl_link_get_mtu(link),
		.flags = rtnl_link_get_flags(link),
	};
	copy_text(info->name, sizeof(info->name), rtnl_link_get_name(link));
	copy_text(info->kind, sizeof(info->kind), rtnl_link_get_type(link));
	copy_text(info->alias, sizeof(info->alias), rtnl_link_get_ifalias(link));
	mac = rtnl_link_get_addr(link);
	if (mac != NULL && nl_addr_get_len(mac) == sizeof(info->mac))
		memcpy(info->mac, nl_addr_get_binary_addr(mac), sizeof(info->mac));
	rtnl_link_put(link);
	return 0;
}

int
link_find(struct nl_sock *sock, const char *name, struct link_info *info)
{
	if (name[0] == '\0' || strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	return look_up(sock, 0, name, info);
}

int
link_get(struct nl_sock *sock, int ifindex, struct link_info *info)
{
	return ifindex > 0 ? look_up(sock, ifindex, NULL, info) : -ENODEV;
}

static int
change(struct nl_sock *sock, int ifindex, struct rtnl_link *changes)
{
	struct rtnl_link *link = rtnl_link_alloc();
	int ret;

	if (link == NULL)
		return -ENOMEM;
	rtnl_link_set_ifindex(link, ifindex);
	ret = netlink_errno(rtnl_link_change(sock, link, changes, 0));
	rtnl_link_put(link);
	return ret == -ENOENT ? -ENODEV : ret;
}

int
link_change(struct nl_sock *sock, int ifindex, const struct link_settings *settings)
{
	struct rtnl_link *changes = rtnl_link_alloc();
	struct nl_addr *mac;
	int ret = -ENOMEM;

	if (changes == NULL)
		return -ENOMEM;
	if (settings->mac != NULL) {
		mac = nl_addr_build(AF_LLC, settings->mac, 6);
		if (mac == NULL)
			goto out;
		rtnl_link_set_addr(changes, mac);
		nl_addr_put(mac);
	}
	if (settings->mtu != 0)
		rtnl_link_set_mtu(changes, settings->mtu);
	if (settings->alias != NULL)
		rtnl_link_set_ifalias(changes, settings->alias);
	rtnl_link_set_flags(changes, settings->set_flags);
	rtnl_link_unset_flags(changes, settings->clear_flags);
	ret = change(sock, ifindex, changes);
out:
	rtnl_link_put(changes);
	return ret;
}

int
link_move(struct nl_sock *sock, int ifindex, int netns, const char *name)
{
	struct rtnl_link *changes = rtnl_link_alloc();
	int ret;

	if (changes == NULL)
		return -ENOMEM;
	rtnl_link_set_name(changes, name);
	rtnl_link_set_ns_fd(changes, netns);
	ret = change(sock, ifindex, changes);
	rtnl_link_put(changes);
	return ret;
}

int
link_delete(struct nl_sock *sock, int ifindex)
{
	struct rtnl_link *link = rtnl_link_alloc();
	int ret;

	if (link == NULL)
		return -ENOMEM;
	rtnl_link_set_ifindex(link, ifindex);
	ret = netlink_errno(rtnl_link_delete(sock, link));
	rtnl_link_put(link);
	return ret == -ENOENT ? -ENODEV : ret;
}
