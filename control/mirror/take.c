/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/msg.h>
#include <netlink/socket.h>

#include "log.h"
#include "mirror/decode.h"
#include "mirror/reader_private.h"

// What a message does to the tables.
static int
put(struct reader *reader, enum tables_kind kind, const void *entry)
{
	return tables_put(reader->tables, kind, entry);
}

// The kernel takes IPv4 routes away without a word when their device goes down, and brings some
// back when it comes up.
static int
take_link(struct reader *reader, struct nlmsghdr *message, bool gone)
{
	const struct kernel_link *before;
	struct kernel_link link;
	int ret = decode_link(message, &link);

	if (ret <= 0)
		return ret;
	before = tables_link(reader->tables, link.ifindex);
	if (gone || (before != NULL && ((before->flags ^ link.flags) & IFF_UP) != 0))
		reader->wanted = true;
	if (gone)
		return tables_remove(reader->tables, TABLES_LINKS, &link);
	return put(reader, TABLES_LINKS, &link);
}

// IPv4 routes with this source go, too.
static int
take_address(struct reader *reader, struct nlmsghdr *message, bool gone)
{
	struct kernel_address address;
	const int ret = decode_address(message, &address);

	if (ret <= 0)
		return ret;
	if (!gone)
		return put(reader, TABLES_ADDRESSES, &address);
	if (!tables_remove(reader->tables, TABLES_ADDRESSES, &address))
		return 0;
	reader->wanted = true;
	return 1;
}

static int
take_fdb(struct reader *reader, struct nlmsghdr *message, bool gone)
{
	struct kernel_fdb fdb;
	const int ret = decode_fdb(message, &fdb);

	if (ret <= 0)
		return ret;
	if (gone)
		return tables_remove(reader->tables, TABLES_FDB, &fdb);
	return put(reader, TABLES_FDB, &fdb);
}

static int
take_neighbor(struct reader *reader, struct nlmsghdr *message, bool gone)
{
	const struct ndmsg *header = nlmsg_data(message);
	struct kernel_neighbor neighbor;
	int ret;

	if (message->nlmsg_len >= NLMSG_LENGTH(sizeof(*header)) && header->ndm_family == AF_BRIDGE)
		return take_fdb(reader, message, gone);
	ret = decode_neighbor(message, &neighbor);
	if (ret <= 0)
		return ret;
	if (gone)
		return tables_remove(reader->tables, TABLES_NEIGHBORS, &neighbor);
	return put(reader, TABLES_NEIGHBORS, &neighbor);
}

// Routes of an object that goes are taken away without a word.
static int
take_nexthop(struct reader *reader, struct nlmsghdr *message, bool gone)
{
	struct kernel_nexthop nexthop;
	const int ret = decode_nexthop(message, &nexthop);

	if (ret <= 0)
		return ret;
	if (!gone)
		return put(reader, TABLES_NEXTHOPS, &nexthop);
	reader->wanted = true;
	return tables_remove(reader->tables, TABLES_NEXTHOPS, &nexthop);
}

static int
take_route(struct reader *reader, struct nlmsghdr *message, bool gone, bool dumped)
{
	struct kernel_route route;
	enum route_news news = ROUTE_ADDED;
	int ret = decode_route(message, &route);

	if (ret <= 0)
		return ret;
	if (dumped)
		news = ROUTE_DUMPED;
	else if ((message->nlmsg_flags & NLM_F_REPLACE) != 0)
		news = ROUTE_REPLACED;
	if (gone)
		ret = routes_remove(reader->tables->routes, &route);
	else
		ret = routes_put(reader->tables->routes, &route, news);
	if (ret != ROUTE_UNCLEAR)
		return ret;
	reader->wanted = true;
	return 1;
}

// How many there are is only known when all are told.
static int
take_rule(struct reader *reader, struct nlmsghdr *message, bool dumped)
{
	const int ret = decode_rule(message);

	if (ret > 0 && dumped)
		reader->rules++;
	else if (ret > 0)
		reader->wanted = true;
	return ret < 0 ? ret : 0;
}

static int
take_entry(struct reader *reader, struct nlmsghdr *message, bool dumped)
{
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return take_link(reader, message, message->nlmsg_type == RTM_DELLINK);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return take_address(reader, message, message->nlmsg_type == RTM_DELADDR);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return take_neighbor(reader, message, message->nlmsg_type == RTM_DELNEIGH);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return take_route(reader, message, message->nlmsg_type == RTM_DELROUTE, dumped);
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		return take_nexthop(reader, message, message->nlmsg_type == RTM_DELNEXTHOP);
	case RTM_NEWRULE:
	case RTM_DELRULE:
		return take_rule(reader, message, dumped);
	default:
		return 0;
	}
}

static void
take_error(struct reader *reader, struct nlmsghdr *message, bool dumped)
{
	const struct nlmsgerr *error = nlmsg_data(message);
	const bool is_whole = message->nlmsg_len >= NLMSG_LENGTH(sizeof(*error));

	if (dumped)
		reader_step_done(reader, is_whole ? error->error : -EBADMSG);
	else if (is_whole && error->error != 0)
		log_debug("mirror: the kernel does not look for a neighbour: %s",
			strerror(-error->error));
}

static void
take_one(struct reader *reader, struct nlmsghdr *message)
{
	const bool dumped = reader->dumping && message->nlmsg_seq == reader->sequence
			    && message->nlmsg_pid == nl_socket_get_local_port(reader->sock);
	int ret;

	reader->counts.messages++;
	if (dumped && (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
		reader->step_interrupted = true;
	if (message->nlmsg_type == NLMSG_ERROR) {
		take_error(reader, message, dumped);
		return;
	}
	if (message->nlmsg_type == NLMSG_DONE) {
		if (dumped)
			reader_step_done(reader, 0);
		return;
	}
	ret = take_entry(reader, message, dumped);
	if (ret == -EBADMSG)
		reader->counts.bad++;
	else if (ret < 0)
		reader->wanted = true; // no memory
	else if (ret > 0 && dumped)
		reader->repaired++;
}

void
reader_take(struct reader *reader, struct nlmsghdr *message, int length)
{
	for (; nlmsg_ok(message, length); message = nlmsg_next(message, &length))
		take_one(reader, message);
}
