/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink_query.h"

#include <errno.h>

#include <netlink/handlers.h>

struct query {
	int (*parse)(struct nlmsghdr *reply, void *arg);
	void *arg;
	int ret;
	bool is_answered;
};

static int
take_reply(struct nl_msg *msg, void *arg)
{
	struct query *query = arg;
	const int ret = query->parse != NULL ? query->parse(nlmsg_hdr(msg), query->arg) : 0;

	if (ret < 0 && query->ret == 0)
		query->ret = ret;
	return NL_OK;
}

static int
take_acknowledgement(struct nl_msg *msg, void *arg)
{
	((struct query *)arg)->is_answered = true;
	return NL_STOP;
}

static int
take_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct query *query = arg;

	query->ret = error->error;
	query->is_answered = true;
	return NL_STOP;
}

int
netlink_query(struct nl_sock *sock, struct nl_msg *request,
	int (*parse)(struct nlmsghdr *reply, void *arg), void *arg)
{
	struct query query = {.parse = parse, .arg = arg};
	struct nl_cb *callbacks = nl_cb_alloc(NL_CB_DEFAULT);
	int ret;

	if (callbacks == NULL)
		return -ENOMEM;
	nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, take_reply, &query);
	nl_cb_set(callbacks, NL_CB_ACK, NL_CB_CUSTOM, take_acknowledgement, &query);
	nl_cb_set(callbacks, NL_CB_FINISH, NL_CB_CUSTOM, take_acknowledgement, &query); // of a dump
	nl_cb_err(callbacks, NL_CB_CUSTOM, take_error, &query);
	ret = nl_send_auto(sock, request);
	while (ret >= 0 && !query.is_answered)
		ret = nl_recvmsgs(sock, callbacks);
	nl_cb_put(callbacks);
	if (!query.is_answered)
		return netlink_errno(ret);
	return query.ret == 0 && ret == -NLE_DUMP_INTR ? NETLINK_INTERRUPTED : query.ret;
}
