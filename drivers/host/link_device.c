/* SPDX-License-Identifier: Apache-2.0 */
#include "link_device.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "netlink_query.h"
#include <netlink/attr.h>

// Later than the headers of some kernels that we build with.
#define ATTRIBUTE_PARENT_DEV_NAME 56 // IFLA_PARENT_DEV_NAME

#define TRIES 5 // of a dump that changes interrupt

struct search {
	const char *address;
	int ifindex;
};

static int
look(struct nlmsghdr *reply, void *arg)
{
	struct search *search = arg;
	struct nlattr *attrs[ATTRIBUTE_PARENT_DEV_NAME + 1];

	if (nlmsg_parse(reply, sizeof(struct ifinfomsg), attrs, ATTRIBUTE_PARENT_DEV_NAME, NULL) < 0
		|| attrs[ATTRIBUTE_PARENT_DEV_NAME] == NULL)
		return 0;
	if (strcmp(nla_get_string(attrs[ATTRIBUTE_PARENT_DEV_NAME]), search->address) == 0)
		search->ifindex = ((struct ifinfomsg *)nlmsg_data(reply))->ifi_index;
	return 0;
}

// Sends a request for links and calls parse for each answer. Takes msg over.
static int
ask(struct nl_sock *sock, struct nl_msg *msg, int (*parse)(struct nlmsghdr *, void *), void *arg)
{
	int ret = -ENOMEM;

	if (msg != NULL)
		ret = netlink_query(sock, msg, parse, arg);
	nlmsg_free(msg);
	return ret;
}

static struct nl_msg *
request(int type, int flags, int ifindex)
{
	const struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = ifindex};
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg != NULL
		&& nlmsg_append(msg, (void *)(uintptr_t)&header, sizeof(header), NLMSG_ALIGNTO)
			   < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int
link_of_device(struct nl_sock *sock, const char *address, struct link_info *info)
{
	struct search search = {.address = address};
	int ret = NETLINK_INTERRUPTED;

	for (int tries = 0; ret == NETLINK_INTERRUPTED && tries < TRIES; tries++) {
		ret = ask(sock, request(RTM_GETLINK, NLM_F_DUMP, 0), look, &search);
		if (ret >= 0 && search.ifindex != 0)
			return link_get(sock, search.ifindex, info);
	}
	return ret < 0 ? ret : -ENODEV;
}

static int
take_names(struct nlmsghdr *reply, void *arg)
{
	struct link_altnames *altnames = arg;
	struct nlattr *list = nlmsg_find_attr(reply, sizeof(struct ifinfomsg), IFLA_PROP_LIST);
	struct nlattr *name;
	int rest;

	if (list == NULL)
		return 0;
	nla_for_each_nested(name, list, rest)
	{
		if (nla_type(name) == IFLA_ALT_IFNAME && altnames->n < LINK_ALTNAMES)
			snprintf(altnames->names[altnames->n++], LINK_ALTNAME_LEN, "%s",
				nla_get_string(name));
	}
	return 0;
}

int
link_altnames(struct nl_sock *sock, int ifindex, struct link_altnames *altnames)
{
	altnames->n = 0;
	return ask(sock, request(RTM_GETLINK, 0, ifindex), take_names, altnames);
}

static int
change_altname(struct nl_sock *sock, int type, int flags, int ifindex, const char *name)
{
	struct nl_msg *msg = request(type, flags, ifindex);
	struct nlattr *list =
		msg != NULL ? nla_nest_start(msg, IFLA_PROP_LIST | NLA_F_NESTED) : NULL;

	if (list == NULL || nla_put_string(msg, IFLA_ALT_IFNAME, name) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	nla_nest_end(msg, list);
	return ask(sock, msg, NULL, NULL);
}

int
link_altname_add(struct nl_sock *sock, int ifindex, const char *name)
{
	return change_altname(sock, RTM_NEWLINKPROP, NLM_F_EXCL | NLM_F_APPEND, ifindex, name);
}

int
link_altname_delete(struct nl_sock *sock, int ifindex, const char *name)
{
	return change_altname(sock, RTM_DELLINKPROP, 0, ifindex, name);
}
