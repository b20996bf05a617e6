/* SPDX-License-Identifier: Apache-2.0 */

// What a master makes of the messages by which a slave describes its memory and rings.

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memif_protocol_private.h"

#define HIGHEST_REGION (MEMIF_REGIONS_MAX - 1)

static void
acknowledge(struct memif_reply *reply)
{
	reply->message.type = MEMIF_ACK;
}

void
memif_session_start_master(struct memif_session *session, uint16_t n_queues,
	const struct memif_end *(*choose)(void *arg, uint32_t id, const char **why), void *arg,
	struct memif_reply *reply)
{
	struct memif_hello *hello = &reply->message.hello;

	*session = (struct memif_session){
		.state = MEMIF_SESSION_INIT, .region_fd = -1, .choose = choose, .arg = arg};
	*reply = (struct memif_reply){.message.type = MEMIF_HELLO, .fd = -1};
	memif_put_text(hello->name, sizeof(hello->name) - 1, MEMIF_APPLICATION);
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

void
memif_master_init(
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
	memif_get_text(init->name, sizeof(init->name), session->peer_name);
	session->state = MEMIF_SESSION_SET_UP;
	acknowledge(reply);
}

void
memif_master_region(struct memif_session *session, const struct memif_add_region *region, int fd,
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
bool
memif_master_ring(struct memif_session *session, const struct memif_add_ring *ring, int fd,
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

void
memif_master_connect(struct memif_session *session, const struct memif_connect *connect,
	struct memif_reply *reply)
{
	if (session->n_s2m == 0 && session->n_m2s == 0)
		return memif_session_refuse(session, "connect without rings", reply);
	memif_get_text(connect->interface, sizeof(connect->interface), session->peer_interface);
	session->state = MEMIF_SESSION_CONNECTED;
	reply->message.type = MEMIF_CONNECTED;
	memif_put_text(reply->message.connect.interface,
		sizeof(reply->message.connect.interface) - 1, session->end->name);
}
