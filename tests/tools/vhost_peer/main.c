/* SPDX-License-Identifier: Apache-2.0 */
// vhost_peer: small vhost-user front ends, the guests' side of a switch. Reads commands on
// standard input, writes answers and events on standard output, one JSON object a line; ends with
// its input. tests/functional/lib/vhost_peer.py drives it and lists the commands.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "text.h"
#include "vhost_user_proto.h"

#define RETRY_MS 20
#define RX_BURST 64
#define LINE_MAX_BYTES (64u << 20)

enum source { SOURCE_LISTEN, SOURCE_CONNECTION, SOURCE_CALL };

static LIST_HEAD(, port) ports = LIST_HEAD_INITIALIZER(ports);
static int poll_fd;
static unsigned n_retrying;

// What epoll says is port and source in one number: nothing dangles when a port goes.
static int
watch(const struct port *port, int fd, enum source source)
{
	struct epoll_event event = {
		.events = EPOLLIN,
		.data.u64 = (uint64_t)port->number << 2 | source,
	};

	return epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

struct port *
peer_find(unsigned number)
{
	struct port *port;

	LIST_FOREACH (port, &ports, link) {
		if (port->number == number)
			return port;
	}
	return NULL;
}

void
peer_each(peer_visitor visit, void *context)
{
	struct port *port, *next;

	for (port = LIST_FIRST(&ports); port != NULL; port = next) {
		next = LIST_NEXT(port, link);
		visit(port, context);
	}
}

void
peer_lost(struct port *port, const char *why)
{
	cJSON *event = event_new("disconnected", port->number);

	cJSON_AddStringToObject(event, "reason", why);
	if (port->step != NULL)
		cJSON_AddStringToObject(event, "step", port->step);
	print_json(event);
	port_disconnect(port);
	if (port->options.connects)
		n_retrying++;
}

static void
connected(struct port *port)
{
	cJSON *event;
	int error = port_negotiate(port);

	if (error == 0)
		error = watch(port, port->fd, SOURCE_CONNECTION);
	if (error != 0) {
		peer_lost(port, strerror(-error));
		return;
	}
	event = event_new("ready", port->number);
	cJSON_AddItemToObject(event, "features", features_to_json(port->features));
	cJSON_AddItemToObject(event, "offered", features_to_json(port->offered));
	cJSON_AddNumberToObject(event, "pairs", port->pairs);
	cJSON_AddNumberToObject(event, "connects", port->connects);
	print_json(event);
}

static void
on_listen(struct port *port)
{
	int fd = vu_accept(port->listen_fd);

	if (fd < 0)
		return;
	if (port->fd >= 0)
		peer_lost(port, "another connection came");
	port->fd = fd;
	connected(port);
}

static void
try_to_connect(struct port *port, void *context)
{
	int fd;

	if (!port->options.connects || port->fd >= 0)
		return;
	fd = vu_connect(port->options.path);
	if (fd < 0)
		return;
	n_retrying--;
	port->fd = fd;
	connected(port);
}

static void
on_connection(struct port *port)
{
	char byte;
	ssize_t got = recv(port->fd, &byte, 1, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	// Nothing is ever sent to us unasked: there is no back-end channel. Late answers to
	// messages of the tests' own are thrown away.
	if (got <= 0)
		peer_lost(port, got == 0 ? "closed by the switch" : strerror(errno));
}

static void
report(struct port *port, struct port_queue *queue, const struct rx_frame *frame, void *context)
{
	cJSON *event = event_new("rx", port->number);
	char *text = malloc(2 * (size_t)frame->len + 1);
	size_t at = 0;

	for (unsigned i = 0; i < frame->n; i++) {
		hex_encode(text + at, frame->parts[i].iov_base, frame->parts[i].iov_len);
		at += 2 * frame->parts[i].iov_len;
	}
	cJSON_AddNumberToObject(event, "queue", queue->index / 2);
	cJSON_AddItemToObject(event, "header", header_to_json(&frame->header));
	cJSON_AddStringToObject(event, "data", text);
	print_json(event);
	free(text);
}

void
peer_poll(struct port *port)
{
	port_rx_handler handler = port->options.rx == PORT_RX_REPORT ? report : NULL;

	for (unsigned pair = 0; pair < port->pairs && port->options.rx != PORT_RX_HOLD; pair++) {
		struct port_queue *queue = port_rx_queue(port, pair);

		do {
			while (port_rx(port, queue, RX_BURST, handler, NULL) == RX_BURST)
				;
		} while (ring_interrupts(&queue->ring, true) && queue->ring.broken == NULL);
	}
}

static void
on_call(struct port *port)
{
	uint64_t calls;

	if (read(port->call_fd, &calls, sizeof(calls)) == sizeof(calls))
		port->queues[0].counters.calls += calls;
	if (port->has_rings)
		peer_poll(port);
}

int
peer_renew_call(struct port *port)
{
	const int former = port->call_fd, fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0 || watch(port, fd, SOURCE_CALL) != 0)
		return -1;
	epoll_ctl(poll_fd, EPOLL_CTL_DEL, former, NULL);
	port->call_fd = fd;
	return former;
}

int
peer_add(struct port *port)
{
	int error = watch(port, port->call_fd, SOURCE_CALL);

	if (error == 0 && port->listen_fd >= 0)
		error = watch(port, port->listen_fd, SOURCE_LISTEN);
	if (error != 0)
		return error;
	LIST_INSERT_HEAD(&ports, port, link);
	if (port->options.connects) {
		n_retrying++;
		try_to_connect(port, NULL);
	}
	return 0;
}

void
peer_remove(struct port *port)
{
	if (port->options.connects && port->fd < 0)
		n_retrying--;
	LIST_REMOVE(port, link);
	port_close(port);
}

static void
dispatch(uint64_t data)
{
	struct port *port = peer_find((unsigned)(data >> 2));
	enum source source = data & 3;

	if (port == NULL)
		return;
	if (source == SOURCE_LISTEN)
		on_listen(port);
	else if (source == SOURCE_CALL)
		on_call(port);
	else if (port->fd >= 0)
		on_connection(port);
}

// Returns false at the end of the input.
static bool
read_commands(void)
{
	static char *text;
	static size_t len, room;
	char *end;
	ssize_t got;

	if (room - len < 65536) {
		room = room * 2 + 131072;
		text = room > LINE_MAX_BYTES ? NULL : realloc(text, room);
		if (text == NULL)
			return false;
	}
	got = read(STDIN_FILENO, text + len, room - len - 1);
	if (got <= 0)
		return got < 0 && errno == EINTR;
	len += (size_t)got;
	text[len] = '\0';
	for (char *line = text; (end = strchr(line, '\n')) != NULL; line = text) {
		*end = '\0';
		command_line(line);
		len -= (size_t)(end + 1 - text);
		memmove(text, end + 1, len + 1);
	}
	return true;
}

static void
raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	signal(SIGPIPE, SIG_IGN);
}

int
main(void)
{
	struct epoll_event events[64], input = {.events = EPOLLIN, .data.u64 = UINT64_MAX};
	bool is_open = true;

	raise_limits();
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (poll_fd < 0 || epoll_ctl(poll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &input) != 0)
		return 1;
	while (is_open) {
		int n = epoll_wait(poll_fd, events, 64, n_retrying > 0 ? RETRY_MS : -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.u64 == UINT64_MAX)
				is_open = read_commands();
			else
				dispatch(events[i].data.u64);
		}
		if (n_retrying > 0)
			peer_each(try_to_connect, NULL);
	}
	while (!LIST_EMPTY(&ports))
		peer_remove(LIST_FIRST(&ports));
	return 0;
}
