/* SPDX-License-Identifier: Apache-2.0 */
// Two requests: libnl-genl would be a library for the first of them alone.
#include "devlink.h"

#include <errno.h>
#include <linux/devlink.h>
#include <linux/genetlink.h>
#include <netlink/socket.h>

#include "netlink_query.h"

// A request of generic netlink; NULL: no memory.
static struct nl_msg *
request(int family, uint8_t command, uint8_t version)
{
	const struct genlmsghdr header = {.cmd = command, .version = version};
	struct nl_msg *msg = nlmsg_alloc_simple(family, 0);

	if (msg != NULL && nlmsg_append(msg, (void *)&header, sizeof(header), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

// A u16 attribute of a reply: all that is asked for here.
struct answer {
	int attribute;
	int value; // -1: absent
};

static int
take_answer(struct nlmsghdr *reply, void *arg)
{
	struct answer *answer = arg;
	struct nlattr *attribute = nlmsg_find_attr(reply, GENL_HDRLEN, answer->attribute);

	if (attribute != NULL && nla_len(attribute) >= (int)sizeof(uint16_t))
		answer->value = nla_get_u16(attribute);
	return 0;
}

static int
find_family(struct nl_sock *sock)
{
	struct answer answer = {CTRL_ATTR_FAMILY_ID, -1};
	struct nl_msg *msg = request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	int ret = -ENOMEM;

	if (msg != NULL && nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, DEVLINK_GENL_NAME) == 0)
		ret = netlink_query(sock, msg, take_answer, &answer);
	nlmsg_free(msg);
	if (ret < 0)
		return ret == -ENOENT ? -EOPNOTSUPP : ret; // no such family
	return answer.value > 0 ? answer.value : -EOPNOTSUPP;
}

static int
ask_mode(struct nl_sock *sock, int family, const char *address)
{
	struct answer answer = {DEVLINK_ATTR_ESWITCH_MODE, -1};
	struct nl_msg *msg = request(family, DEVLINK_CMD_ESWITCH_GET, DEVLINK_GENL_VERSION);
	int ret = -ENOMEM;

	if (msg != NULL && nla_put_string(msg, DEVLINK_ATTR_BUS_NAME, "pci") == 0
		&& nla_put_string(msg, DEVLINK_ATTR_DEV_NAME, address) == 0)
		ret = netlink_query(sock, msg, take_answer, &answer);
	nlmsg_free(msg);
	if (ret < 0)
		return ret == -ENODEV ? -EOPNOTSUPP : ret; // not registered with devlink
	return answer.value >= 0 ? answer.value : -EOPNOTSUPP;
}

int
devlink_is_switchdev(const char *address, bool *is_switchdev)
{
	struct nl_sock *sock = nl_socket_alloc();
	int ret;

	if (sock == NULL)
		return -ENOMEM;
	ret = nl_connect(sock, NETLINK_GENERIC);
	ret = ret < 0 ? netlink_errno(ret) : find_family(sock);
	if (ret >= 0)
		ret = ask_mode(sock, ret, address);
	nl_socket_free(sock);
	if (ret < 0)
		return ret;
	*is_switchdev = ret == DEVLINK_ESWITCH_MODE_SWITCHDEV;
	return 0;
}
