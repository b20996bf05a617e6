/* SPDX-License-Identifier: Apache-2.0 */
#include "memif_protocol.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_string_fns.h>

#include "memif_protocol_private.h"

void
memif_put_text(uint8_t *field, size_t size, const char *text)
{
	size_t len = strnlen(text, size);

	memset(field, 0, size);
	memcpy(field, text, len);
}

void
memif_get_text(const uint8_t *field, size_t size, char *text)
{
	size_t i;

	for (i = 0; i < size && field[i] != '\0'; i++)
		text[i] = isprint(field[i]) ? (char)field[i] : '?';
	text[i] = '\0';
}

void
memif_session_refuse(struct memif_session *session, const char *reason, struct memif_reply *reply)
{
	if (session->state == MEMIF_SESSION_CLOSED)
		return;
	session->state = MEMIF_SESSION_CLOSED;
	strlcpy(session->reason, reason, sizeof(session->reason));
	reply->fd = -1;
	reply->message = (struct memif_message){.type = MEMIF_DISCONNECT};
	memif_put_text(reply->message.disconnect.reason,
		sizeof(reply->message.disconnect.reason) - 1, session->reason);
}

// ------------------------------------------------------------------------------------- slave

void
memif_session_start_slave(struct memif_session *session, const struct memif_end *end)
{
	*session =
		(struct memif_session){.state = MEMIF_SESSION_HELLO, .region_fd = -1, .end = end};
}

static void
receive_hello(
	struct memif_session *session, const struct memif_hello *hello, struct memif_reply *reply)
{
	char reason[MEMIF_REASON_LEN];

	if (hello->min_version > MEMIF_VERSION || hello->max_version < MEMIF_VERSION)
		return memif_session_refuse(session, "protocol version is not 2.0", reply);
	memif_get_text(hello->name, sizeof(hello->name), session->peer_name);
	if (memif_slave_make_rings(session, hello, reason, sizeof(reason)) < 0)
		return memif_session_refuse(session, reason, reply);
	session->state = MEMIF_SESSION_SET_UP;
	memif_slave_next(session, reply);
}

static void
receive_connected(struct memif_session *session, const struct memif_connect *connected)
{
	memif_get_text(connected->interface, sizeof(connected->interface), session->peer_interface);
	session->state = MEMIF_SESSION_CONNECTED;
}

// -------------------------------------------------------------------------------------- both

static void
receive_disconnect(struct memif_session *session, const struct memif_disconnect *disconnect)
{
	char text[MEMIF_REASON_LEN + 1];

	memif_get_text(disconnect->reason, sizeof(disconnect->reason), text);
	snprintf(session->reason, sizeof(session->reason), "peer disconnected: %.70s", text);
	session->by_peer = true;
	session->state = MEMIF_SESSION_CLOSED;
}

static bool
is_expected(const struct memif_session *session, uint16_t type)
{
	bool is_slave = session->end != NULL && session->end->is_slave;

	switch (session->state) {
	case MEMIF_SESSION_HELLO:
		return type == MEMIF_HELLO;
	case MEMIF_SESSION_INIT:
		return type == MEMIF_INIT;
	case MEMIF_SESSION_SET_UP:
		if (is_slave)
			return type == MEMIF_ACK;
		return type == MEMIF_ADD_REGION || type == MEMIF_ADD_RING || type == MEMIF_CONNECT;
	case MEMIF_SESSION_CONNECTING:
		return type == MEMIF_CONNECTED;
	default:
		return false;
	}
}

static const char *
objection(const struct memif_session *session, const struct memif_message *message, size_t len,
	unsigned int n_fds)
{
	if (len != sizeof(*message))
		return "a message must have 128 bytes";
	if (message->type != MEMIF_DISCONNECT && !is_expected(session, message->type))
		return "unexpected message";
	if (n_fds != (message->type == MEMIF_ADD_REGION || message->type == MEMIF_ADD_RING))
		return "a region and a ring come with one descriptor, nothing else does";
	return NULL;
}

// Returns true when fd was taken over.
static bool
dispatch(struct memif_session *session, const struct memif_message *message, int fd,
	struct memif_reply *reply)
{
	switch (message->type) {
	case MEMIF_HELLO:
		receive_hello(session, &message->hello, reply);
		return false;
	case MEMIF_ACK:
		memif_slave_next(session, reply);
		return false;
	case MEMIF_CONNECTED:
		receive_connected(session, &message->connect);
		return false;
	case MEMIF_INIT:
		memif_master_init(session, &message->init, reply);
		return false;
	case MEMIF_ADD_REGION:
		memif_master_region(session, &message->add_region, fd, reply);
		return false;
	case MEMIF_ADD_RING:
		return memif_master_ring(session, &message->add_ring, fd, reply);
	case MEMIF_CONNECT:
		memif_master_connect(session, &message->connect, reply);
		return false;
	default:
		receive_disconnect(session, &message->disconnect);
		return false;
	}
}

void
memif_session_receive(struct memif_session *session, const struct memif_message *message,
	size_t len, int fd, unsigned int n_fds, struct memif_reply *reply)
{
	const char *why = NULL;
	bool taken = false;

	*reply = (struct memif_reply){.fd = -1};
	if (session->state != MEMIF_SESSION_CLOSED) {
		why = objection(session, message, len, n_fds);
		if (why != NULL)
			memif_session_refuse(session, why, reply);
		else
			taken = dispatch(session, message, fd, reply);
	}
	if (fd >= 0 && !taken)
		close(fd);
}

static void
close_rings(struct memif_session_ring *rings, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		close(rings[i].fd);
}

void
memif_session_release(struct memif_session *session)
{
	close_rings(session->s2m, session->n_s2m);
	close_rings(session->m2s, session->n_m2s);
	session->n_s2m = session->n_m2s = 0;
	if (session->region_fd >= 0)
		close(session->region_fd);
	session->region_fd = -1;
	memif_regions_unmap(&session->regions);
}
