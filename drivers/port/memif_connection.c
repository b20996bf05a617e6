/* SPDX-License-Identifier: Apache-2.0 */
#include "memif_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "memif_socket.h"

#define HANDSHAKE_MS 5000
#define PACKETS_A_TURN 16 // others want to be served, too

static LIST_HEAD(, memif_connection) connections = LIST_HEAD_INITIALIZER(connections);

// at_once: nothing is wrong with the peer, it may have been restarted.
static void
close_connection(struct memif_connection *connection, const char *why, bool at_once)
{
	struct memif_interface *interface = connection->interface;
	uint16_t unwanted;

	LIST_REMOVE(connection, link);
	memif_loop_remove(&connection->source);
	close(connection->source.fd);
	if (interface != NULL) {
		unwanted = interface->end.is_slave
				   ? memif_session_unwanted_ring(&connection->session)
				   : 0;
		memif_interface_disconnected(interface, why, at_once, unwanted);
	}
	memif_session_release(&connection->session);
	free(connection);
}

void
memif_connection_refuse(struct memif_connection *connection, const char *why)
{
	struct memif_reply reply = {.fd = -1};

	memif_session_refuse(&connection->session, why, &reply);
	memif_socket_send(connection->source.fd, &reply.message, -1);
	close_connection(connection, why, false);
}

// The master's choice at INIT. The connection is the interface's from now on.
static const struct memif_end *
choose(void *arg, uint32_t id, const char **why)
{
	struct memif_connection *connection = arg;
	struct memif_interface *interface = memif_listener_find(connection->listener, id, why);

	if (interface == NULL)
		return NULL;
	connection->interface = interface;
	interface->connection = connection;
	return &interface->end;
}

// Before the peer hears CONNECTED, our rings run.
static void
go_up(struct memif_connection *connection, struct memif_reply *reply)
{
	struct memif_interface *interface = connection->interface;
	const char *why = interface->handlers->up(interface, &connection->session);

	if (why != NULL) {
		interface->handlers->down(interface);
		memif_session_refuse(&connection->session, why, reply);
		return;
	}
	interface->is_up = true;
	interface->connects++;
	memif_interface_changed(interface);
}

// Returns false when the connection is no more.
static bool
handle(struct memif_connection *connection, const struct memif_packet *packet)
{
	struct memif_session *session = &connection->session;
	bool was_connected = session->state == MEMIF_SESSION_CONNECTED;
	struct memif_reply reply;
	int error = 0;

	memif_session_receive(
		session, &packet->message, packet->len, packet->fd, packet->n_fds, &reply);
	if (session->state == MEMIF_SESSION_CONNECTED && !was_connected)
		go_up(connection, &reply);
	if (reply.message.type != 0)
		error = memif_socket_send(connection->source.fd, &reply.message, reply.fd);
	if (session->state == MEMIF_SESSION_CLOSED)
		close_connection(connection, session->reason, session->by_peer);
	else if (error < 0)
		close_connection(connection, "peer does not take messages", error != -EAGAIN);
	else
		return true;
	return false;
}

static void
ready(struct memif_source *source)
{
	struct memif_connection *connection = (struct memif_connection *)(void *)source;
	struct memif_packet packet;

	for (int i = 0; i < PACKETS_A_TURN; i++) {
		int ret = memif_socket_receive(source->fd, &packet);

		if (ret == -EAGAIN || ret == -EINTR)
			return;
		if (ret <= 0) {
			close_connection(connection, "peer closed the connection", true);
			return;
		}
		if (!handle(connection, &packet))
			return;
	}
}

int
memif_connection_open(int fd, struct memif_interface *interface, struct memif_listener *listener,
	uint16_t n_queues)
{
	struct memif_connection *connection = calloc(1, sizeof(*connection));
	struct memif_reply hello;
	int error = -ENOMEM;

	if (connection == NULL)
		goto close;
	connection->source = (struct memif_source){fd, ready};
	connection->interface = interface;
	connection->listener = listener;
	connection->deadline_ms = memif_loop_now() + HANDSHAKE_MS;
	error = memif_loop_add(&connection->source);
	if (error < 0)
		goto close;
	if (interface != NULL) {
		interface->connection = connection;
		memif_session_start_slave(&connection->session, &interface->end);
	} else {
		memif_session_start_master(
			&connection->session, n_queues, choose, connection, &hello);
		memif_socket_send(fd, &hello.message, -1); // a fresh socket has room
	}
	LIST_INSERT_HEAD(&connections, connection, link);
	memif_loop_at(connection->deadline_ms);
	return 0;
close:
	free(connection);
	close(fd);
	return error;
}

uint64_t
memif_connections_tick(uint64_t now_ms)
{
	struct memif_connection *connection, *next;
	uint64_t first = UINT64_MAX;

	for (connection = LIST_FIRST(&connections); connection != NULL; connection = next) {
		next = LIST_NEXT(connection, link);
		if (connection->session.state == MEMIF_SESSION_CONNECTED)
			continue;
		if (connection->deadline_ms <= now_ms)
			memif_connection_refuse(connection, "peer is too slow to connect");
		else if (connection->deadline_ms < first)
			first = connection->deadline_ms;
	}
	return first;
}

unsigned int
memif_connections_waiting(const struct memif_listener *listener)
{
	const struct memif_connection *connection;
	unsigned int n = 0;

	LIST_FOREACH (connection, &connections, link)
		n += connection->listener == listener && connection->interface == NULL;
	return n;
}

void
memif_connections_of_listener_close(const struct memif_listener *listener)
{
	struct memif_connection *connection, *next;

	for (connection = LIST_FIRST(&connections); connection != NULL; connection = next) {
		next = LIST_NEXT(connection, link);
		if (connection->listener == listener)
			memif_connection_refuse(connection, "no interface listens here any more");
	}
}
