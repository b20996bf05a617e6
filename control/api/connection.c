/* SPDX-License-Identifier: Apache-2.0 */
#include "connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/line_buffer.h"
#include "api/trace.h"
#include "log.h"

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);

struct connection *
connection_new(struct api *api, int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL)
		return NULL;
	connection->api = api;
	connection->fd = fd;
	connection->lines = line_buffer_new();
	connection->out = evbuffer_new();
	connection->readable =
		event_new(api->d->base, fd, EV_READ | EV_PERSIST, on_readable, connection);
	connection->writable = event_new(api->d->base, fd, EV_WRITE, on_writable, connection);
	LIST_INSERT_HEAD(&api->connections, connection, link);
	api->n_connections++;
	if (connection->lines == NULL || connection->out == NULL || connection->readable == NULL
		|| connection->writable == NULL || event_add(connection->readable, NULL) < 0) {
		connection->fd = -1;
		connection_free(connection);
		return NULL;
	}
	return connection;
}

void
connection_free(struct connection *connection)
{
	struct api *api = connection->api;
	struct request *request;

	LIST_FOREACH (request, &api->requests, link)
		if (request->connection == connection)
			request->connection = NULL;
	if (api->tracer == connection)
		trace_stop(api);
	LIST_REMOVE(connection, link);
	api->n_connections--;
	if (connection->readable != NULL)
		event_free(connection->readable);
	if (connection->writable != NULL)
		event_free(connection->writable);
	if (connection->out != NULL)
		evbuffer_free(connection->out);
	line_buffer_free(connection->lines);
	if (connection->fd >= 0)
		close(connection->fd);
	free(connection);
}

static void
set_writable(struct connection *connection)
{
	// Sent, and closed, from the loop: nobody loses a connection under their hands.
	event_add(connection->writable, NULL);
}

void
connection_end(struct connection *connection)
{
	connection->closing = true;
	event_del(connection->readable);
	set_writable(connection);
}

void
connection_send(struct connection *connection, cJSON *json)
{
	char *text = json != NULL ? cJSON_PrintUnformatted(json) : NULL;

	cJSON_Delete(json);
	if (text == NULL || evbuffer_add(connection->out, text, strlen(text)) < 0
		|| evbuffer_add(connection->out, "\n", 1) < 0) {
		log_error("no memory for an answer");
		connection_end(connection);
	} else if (evbuffer_get_length(connection->out) > CONNECTION_OUT_MAX
		   && connection->watches != 0) {
		log_warning("a peer that watches does not read and is let go");
		evbuffer_drain(connection->out, evbuffer_get_length(connection->out));
		connection_end(connection);
	}
	cJSON_free(text);
	set_writable(connection);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *connection = arg;

	if (evbuffer_get_length(connection->out) > 0
		&& evbuffer_write(connection->out, connection->fd) < 0 && errno != EAGAIN
		&& errno != EINTR) {
		connection_free(connection);
		return;
	}
	if (evbuffer_get_length(connection->out) > 0)
		event_add(connection->writable, NULL);
	else if (connection->closing || (connection->eof && connection->n_requests == 0))
		connection_free(connection);
}

static void
take_lines(struct connection *connection)
{
	struct line line;

	while (!connection->closing && connection->n_requests < CONNECTION_REQUESTS
		&& line_buffer_next(connection->lines, &line) > 0)
		request_take(connection, line.text, line.length, line.fds, line.n_fds);
	if (connection->closing || connection->eof || connection->n_requests == CONNECTION_REQUESTS)
		event_del(connection->readable);
	else
		event_add(connection->readable, NULL);
	if (connection->eof && connection->n_requests == 0)
		set_writable(connection);
}

void
connection_resume(struct connection *connection)
{
	connection->n_requests--;
	// Inside take_lines() the loop there goes on by itself.
	if (connection->in_use == 0) {
		connection->in_use++;
		take_lines(connection);
		connection->in_use--;
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *connection = arg;
	const int ret = line_buffer_read(connection->lines, connection->fd);

	if (ret == -EAGAIN)
		return;
	if (ret == -EMSGSIZE || ret == -EBADMSG) {
		request_refuse_line(connection, CW_RPC_INVALID_REQUEST,
			ret == -EMSGSIZE ? "the line is longer than 1048576 bytes"
					 : "too many descriptors");
		log_warning("connection of control.sock is closed: %s",
			ret == -EMSGSIZE ? "line too long" : "too many descriptors");
		connection_end(connection);
		return;
	}
	if (ret < 0)
		connection->eof = true;
	connection->in_use++;
	take_lines(connection);
	connection->in_use--;
}
