/* SPDX-License-Identifier: Apache-2.0 */
#include "memif_protocol.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_string_fns.h>

#include "memif_protocol_private.h"

#define APPLICATION "Causeway " CW_VERSION
#define HIGHEST_REGION (MEMIF_REGIONS_MAX - 1)

void
memif_put_text(uint8_t *field, size_t size, const char *text)
{
	size_t len = strnlen(text, size);

	memset(field, 0, size);
	memcpy(field, text, len);
}

// For logs and terminals: whatever is not printable becomes a question mark.
static void
get_text(const uint8_t *field, size_t size, char *text)
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

static void
acknowledge(struct memif_reply *reply)
{
	reply->message.type = MEMIF_ACK;
}

// ------------------------------------------------------------------------------------ master

void
memif_session_start_master(struct memif_session *session, uint16_t n_queues,
	const struct memif_end *(*choose)(void *arg, uint32_t id, const char **why), void *arg,
	struct memif_reply *reply)
{
	struct memif_hello *hello = &reply->message.hello;

	*session = (struct memif_session){
		.state = MEMIF_SESSION_INIT, .region_fd = -1, .choose = choose, .arg = arg};
	*reply = (struct memif_reply){.message.type = MEMIF_HELLO, .fd = -1};
	memif_put_text(hello->name, sizeof(hello->name) - 1, APPLICATION);
	hello->min_version = hello->max_version = MEMIF_VERSION;
	hello->max_region = HIGHEST_REGION;
	hello->max_m2s_ring = hello->max_s2m_ring = (uint16_t)(n_queues - 1);
	hello->max_log2_ring_size = MEMIF_LOG2_RING_SIZE_MAX;
}

// In the same time whatever the difference. A field without its terminating zero is one, too.
static bool
same_secret(const char *ours, const uint8_t *theirs)
{
	uint8_t wanted[MEMIF_SECRET_LEN], difference = 0;

	memif_put_text(wanted, sizeof(wanted), ours);
	for (size_t i = 0; i < sizeof(wanted); i++)
		difference |= wanted[i] ^ theirs[i];
	return difference == 0;
}

static void
receive_init(
	struct memif_session *session, const struct memif_init *init, struct memif_reply *reply)
{
	const char *why = "no such interface";

	if (init->version != MEMIF_VERSION)
		return memif_session_refuse(session, "protocol version is not 2.0", reply);
	if (init->mode != MEMIF_MODE_ETHERNET)
		return memif_session_refuse(session, "only ethernet mode is served", reply);
	session->end = session->choose(session->arg, init->id, &why);
	if (session->end == NULL)
		return memif_session_refuse(session, why, reply);
	if (session->end->secret[0] != '\0' && !same_secret(session->end->secret, init->secret))
		return memif_session_refuse(session, "wrong secret", reply);
	get_text(init->name, sizeof(init->name), session->peer_name);
	session->state = MEMIF_SESSION_SET_UP;
	acknowledge(reply);
}

static void
receive_region(struct memif_session *session, const struct memif_add_region *region, int fd,
	struct memif_reply *reply)
{
	char reason[MEMIF_REASON_LEN];

	if (memif_region_map(&session->regions, region->index, fd, region->size,
		    session->end->control_fd, reason, sizeof(reason))
		< 0)
		memif_session_refuse(session, reason, reply);
	else
		acknowledge(reply);
}

// Reading and writing must not block whatever the descriptor was made of.
static bool
is_eventfd(int fd)
{
	char link[64], target[64] = "";
	int flags = fcntl(fd, F_GETFL);

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, target, sizeof(target) - 1) < 0)
		return false;
	return strcmp(target, "anon_inode:[eventfd]") == 0 && flags >= 0
	       && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static const char *
ring_objection(const struct memif_session *session, const struct memif_add_ring *ring, int fd)
{
	uint16_t n = (ring->flags & MEMIF_RING_S2M) != 0 ? session->n_s2m : session->n_m2s;
	uint64_t end;

	if (ring->index >= session->end->n_queues)
		return "more rings than the interface has queues";
	if (ring->index != n)
		return "ring index out of order";
	if (ring->log2_ring_size == 0 || ring->log2_ring_size > MEMIF_LOG2_RING_SIZE_MAX)
		return "ring size is not 2 to 16384";
	if (ring->private_header_size != 0)
		return "private headers are not served";
	if (ring->region >= session->regions.n)
		return "ring in an unknown region";
	end = (uint64_t)ring->offset + sizeof(struct memif_shared_ring)
	      + (sizeof(struct memif_desc) << ring->log2_ring_size);
	if (ring->offset % sizeof(uint64_t) != 0
		|| end > session->regions.region[ring->region].size)
		return "ring outside of its region, or not aligned";
	if (!is_eventfd(fd))
		return "a ring's descriptor must be an eventfd";
	return NULL;
}

// Returns true when fd was taken over.
static bool
receive_ring(struct memif_session *session, const struct memif_add_ring *ring, int fd,
	struct memif_reply *reply)
{
	const char *why = ring_objection(session, ring, fd);
	struct memif_session_ring *at;

	if (why != NULL) {
		memif_session_refuse(session, why, reply);
		return false;
	}
	at = (ring->flags & MEMIF_RING_S2M) != 0 ? &session->s2m[session->n_s2m++]
						 : &session->m2s[session->n_m2s++];
	*at = (struct memif_session_ring){
		.region = ring->region,
		.offset = ring->offset,
		.log2_size = ring->log2_ring_size,
		.fd = fd,
	};
	acknowledge(reply);
	return true;
}

static void
receive_connect(struct memif_session *session, const struct memif_connect *connect,
	struct memif_reply *reply)
{
	if (session->n_s2m == 0 && session->n_m2s == 0)
		return memif_session_refuse(session, "connect without rings", reply);
	get_text(connect->interface, sizeof(connect->interface), session->peer_interface);
	session->state = MEMIF_SESSION_CONNECTED;
	reply->message.type = MEMIF_CONNECTED;
	memif_put_text(reply->message.connect.interface,
		sizeof(reply->message.connect.interface) - 1, session->end->name);
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
	get_text(hello->name, sizeof(hello->name), session->peer_name);
	if (memif_slave_make_rings(session, hello, reason, sizeof(reason)) < 0)
		return memif_session_refuse(session, reason, reply);
	session->state = MEMIF_SESSION_SET_UP;
	memif_slave_next(session, reply);
}

static void
receive_connected(struct memif_session *session, const struct memif_connect *connected)
{
	get_text(connected->interface, sizeof(connected->interface), session->peer_interface);
	session->state = MEMIF_SESSION_CONNECTED;
}

// -------------------------------------------------------------------------------------- both

static void
receive_disconnect(struct memif_session *session, const struct memif_disconnect *disconnect)
{
	char text[MEMIF_REASON_LEN + 1];

	get_text(disconnect->reason, sizeof(disconnect->reason), text);
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
		receive_init(session, &message->init, reply);
		return false;
	case MEMIF_ADD_REGION:
		receive_region(session, &message->add_region, fd, reply);
		return false;
	case MEMIF_ADD_RING:
		return receive_ring(session, &message->add_ring, fd, reply);
	case MEMIF_CONNECT:
		receive_connect(session, &message->connect, reply);
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
