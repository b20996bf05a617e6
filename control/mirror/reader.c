/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/reader.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <netlink/msg.h>
#include <netlink/socket.h>

#include "log.h"
#include "mirror/reader_private.h"
#include "netlink.h"

#define RECEIVE_ROOM (64 * 1024) // a dump comes in pieces of at most 32 KiB
#define BURST 256 // reads in a row before others have their turn
#define SOON_MS 20 // several reasons for a dump come together
#define PAUSE_MS 200 // between dumps, or four times what the last one took
#define START_S 20

static uint64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
set_timer(struct event *timer, uint64_t ms)
{
	const struct timeval tv = {.tv_sec = (time_t)(ms / 1000), .tv_usec = ms % 1000 * 1000};

	evtimer_add(timer, &tv);
}

// --- the socket

static int
set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int
join_groups(struct reader *reader)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
		RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,
		RTNLGRP_IPV6_RULE, RTNLGRP_NEXTHOP};
	int ret;

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		ret = nl_socket_add_membership(reader->sock, groups[i]);
		if (ret < 0 && groups[i] != RTNLGRP_NEXTHOP) // from Linux 5.3 on
			return netlink_errno(ret);
	}
	return 0;
}

static int
open_socket(struct reader *reader, int buffer)
{
	int ret = netlink_open(&reader->sock), fd;

	if (ret < 0)
		return ret;
	fd = nl_socket_get_fd(reader->sock);
	nl_socket_disable_auto_ack(reader->sock);
	evutil_make_socket_nonblocking(fd);
	if (set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, buffer) < 0)
		set_option(fd, SOL_SOCKET, SO_RCVBUF, buffer);
	set_option(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
	set_option(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
	return join_groups(reader);
}

// --- dumping

static void
plan_resync(struct reader *reader, uint64_t delay_ms)
{
	reader->wanted = true;
	if (!reader->dumping && !evtimer_pending(reader->again, NULL))
		set_timer(reader->again, delay_ms);
}

void
reader_resync(struct reader *reader)
{
	const uint64_t pause = reader->counts.last_dump_ms * 4 > PAUSE_MS
				       ? reader->counts.last_dump_ms * 4
				       : PAUSE_MS;
	const uint64_t now = now_ms(), due = reader->ended_ms + pause;

	plan_resync(reader, reader->counts.dumps > 0 && due > now + SOON_MS ? due - now : SOON_MS);
}

static void
request_failed(struct reader *reader, int ret)
{
	log_warning("mirror: the kernel's tables cannot be read, trying again: %s", strerror(-ret));
	reader->dumping = false;
	plan_resync(reader, 1000);
}

static void
request_step(struct reader *reader)
{
	const int ret = dump_request(reader, &reader->sequence);

	reader->step_interrupted = false;
	if (ret < 0)
		request_failed(reader, ret);
}

static void
begin(struct reader *reader)
{
	reader->wanted = false;
	reader->dumping = true;
	reader->step = 0;
	reader->tries = 0;
	reader->repaired = 0;
	reader->rules = 0;
	reader->began_ms = now_ms();
	tables_begin(reader->tables);
	request_step(reader);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct reader *reader = arg;

	if (!reader->dumping)
		begin(reader);
}

// The switch looks at destinations alone. Said when their number changes, not at every dump.
static void
tell_rules(struct reader *reader)
{
	if (reader->rules > reader->counts.rules)
		log_warning("mirror: rules of policy routing are not followed, only tables are "
			    "(network key "
			    "table) rules=%u",
			reader->rules);
	reader->counts.rules = reader->rules;
}

static void
end(struct reader *reader)
{
	uint32_t n = routes_sweep(reader->tables->routes);

	for (unsigned int kind = 0; kind < TABLES_KINDS; kind++)
		n += tables_sweep(reader->tables, (enum tables_kind)kind);
	reader->dumping = false;
	reader->ended_ms = now_ms();
	reader->counts.last_dump_ms = (uint32_t)(reader->ended_ms - reader->began_ms);
	tell_rules(reader);
	if (reader->counts.dumps++ > 0)
		reader->counts.repaired += reader->repaired + n;
	log_debug("mirror: tables are read routes=%u neighbors=%u fdb=%u gone=%u ms=%u",
		routes_count(reader->tables->routes), reader->tables->counts[TABLES_NEIGHBORS],
		reader->tables->counts[TABLES_FDB], n, reader->counts.last_dump_ms);
	if (reader->wanted)
		reader_resync(reader);
}

void
reader_step_done(struct reader *reader, int error)
{
	if (error < 0 && error != -EOPNOTSUPP && error != -EAFNOSUPPORT && error != -EINVAL) {
		request_failed(reader, error);
		return;
	}
	if (reader->step_interrupted && reader->tries < DUMP_TRIES) {
		reader->counts.interrupted++;
		reader->tries++;
		request_step(reader);
		return;
	}
	if (reader->step_interrupted) // the next dump may have more luck
		reader->wanted = true;
	reader->tries = 0;
	if (++reader->step < DUMP_STEPS)
		request_step(reader);
	else
		end(reader);
}

// --- reading

// Returns 1 when something was read, 0 when there is nothing, or -errno.
static int
read_some(struct reader *reader)
{
	struct sockaddr_nl from;
	socklen_t from_len = sizeof(from);
	const ssize_t n = recvfrom(nl_socket_get_fd(reader->sock), reader->room, RECEIVE_ROOM,
		MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_len);

	if (n < 0 && errno == ENOBUFS) {
		reader->counts.overruns++;
		reader->wanted = true;
		return 1;
	}
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (from.nl_pid != 0)
		return 1; // not the kernel
	if (n > RECEIVE_ROOM) {
		reader->counts.bad++;
		reader->wanted = true;
		return 1;
	}
	reader_take(reader, (struct nlmsghdr *)(void *)reader->room, (int)n);
	return 1;
}

static int
read_burst(struct reader *reader, unsigned int max)
{
	int ret = 1;

	while (ret > 0 && max-- > 0)
		ret = read_some(reader);
	if (reader->wanted && !reader->dumping)
		reader_resync(reader);
	return ret;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct reader *reader = arg;
	const int ret = read_burst(reader, BURST);

	if (ret < 0) {
		log_warning("mirror: rtnetlink: %s", strerror(-ret));
		reader_resync(reader);
	}
	reader->handler->changed(reader->arg);
}

int
reader_start(struct reader *reader)
{
	const uint64_t deadline = now_ms() + START_S * 1000;
	struct pollfd poll_fd = {.fd = nl_socket_get_fd(reader->sock), .events = POLLIN};

	begin(reader);
	while (reader->dumping && now_ms() < deadline)
		if (poll(&poll_fd, 1, 100) > 0 && read_burst(reader, BURST) < 0)
			break;
	return reader->counts.dumps > 0 ? 0 : -ETIMEDOUT;
}

int
reader_ask(struct reader *reader, int32_t ifindex, const struct cw_ip *ip)
{
	return neighbor_request(reader, ifindex, ip);
}

struct reader_counts
reader_counts(const struct reader *reader)
{
	struct reader_counts counts = reader->counts;

	counts.is_synced = counts.dumps > 0 && !reader->wanted && !reader->dumping;
	return counts;
}

struct reader *
reader_create(struct event_base *base, struct tables *tables, int buffer,
	const struct reader_handler *handler, void *arg)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	int ret = -ENOMEM;

	if (reader == NULL)
		goto fail;
	reader->tables = tables;
	reader->handler = handler;
	reader->arg = arg;
	reader->room = malloc(RECEIVE_ROOM);
	ret = open_socket(reader, buffer);
	if (ret < 0)
		goto fail;
	reader->again = evtimer_new(base, on_again, reader);
	reader->readable = event_new(
		base, nl_socket_get_fd(reader->sock), EV_READ | EV_PERSIST, on_readable, reader);
	ret = -ENOMEM;
	if (reader->room != NULL && reader->again != NULL && reader->readable != NULL
		&& event_add(reader->readable, NULL) == 0)
		return reader;
fail:
	log_error("mirror: no rtnetlink socket: %s", strerror(-ret));
	reader_free(reader);
	return NULL;
}

void
reader_free(struct reader *reader)
{
	if (reader == NULL)
		return;
	if (reader->readable != NULL)
		event_free(reader->readable);
	if (reader->again != NULL)
		event_free(reader->again);
	netlink_close(reader->sock);
	free(reader->room);
	free(reader);
}
