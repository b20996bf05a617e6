/* SPDX-License-Identifier: Apache-2.0 */

// What a slave brings along: one region, [S2M rings][M2S rings][buffers of each ring in this
// order], and the messages that describe it.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include <rte_common.h>

#include "memif_protocol_private.h"

static uint32_t
ring_bytes(uint8_t log2_size)
{
	return (uint32_t)(sizeof(struct memif_shared_ring)
			  + (sizeof(struct memif_desc) << log2_size));
}

// Returns the slot of ring number i, S2M first.
static struct memif_session_ring *
ring_at(struct memif_session *session, uint16_t i)
{
	return i < session->n_s2m ? &session->s2m[i] : &session->m2s[i - session->n_s2m];
}

static int
make_ring(struct memif_session_ring *ring, uint32_t offset, uint8_t log2_size)
{
	ring->region = 0;
	ring->offset = offset;
	ring->log2_size = log2_size;
	ring->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return ring->fd >= 0 ? 0 : -errno;
}

static void
fill_ring(const struct memif_session *session, uint16_t i, uint8_t log2_size)
{
	uint8_t *base = session->regions.region[0].base;
	uint32_t size = 1u << log2_size, buffer_size = session->end->buffer_size;
	struct memif_shared_ring *shared =
		(struct memif_shared_ring *)(void *)(base + i * ring_bytes(log2_size));

	shared->cookie = MEMIF_COOKIE;
	for (uint32_t slot = 0; slot < size; slot++) {
		shared->desc[slot].length = buffer_size;
		shared->desc[slot].offset =
			session->buffers_offset + (i * size + slot) * buffer_size;
	}
}

static int
make_rings(struct memif_session *session, uint16_t n, uint8_t log2_size, char *reason,
	size_t reason_len)
{
	session->n_s2m = session->n_m2s = 0;
	for (uint16_t i = 0; i < 2 * n; i++) {
		struct memif_session_ring *ring = i < n ? &session->s2m[i] : &session->m2s[i - n];
		int error = make_ring(ring, i * ring_bytes(log2_size), log2_size);

		if (error < 0) {
			snprintf(reason, reason_len, "no eventfd: %s", strerror(-error));
			return error;
		}
		if (i < n)
			session->n_s2m++;
		else
			session->n_m2s++;
		fill_ring(session, i, log2_size);
	}
	return 0;
}

int
memif_slave_make_rings(struct memif_session *session, const struct memif_hello *hello, char *reason,
	size_t reason_len)
{
	const struct memif_end *end = session->end;
	uint32_t most = 1u + RTE_MIN(hello->max_s2m_ring, hello->max_m2s_ring);
	uint16_t n = (uint16_t)RTE_MIN(most, end->n_queues);
	uint8_t log2_size = (uint8_t)RTE_MIN(hello->max_log2_ring_size, end->log2_ring_size);
	uint64_t buffers;

	if (log2_size == 0) {
		snprintf(reason, reason_len, "master allows rings of one entry only");
		return -EINVAL;
	}
	// Buffers of a page's multiple do not lie across pages.
	session->buffers_offset = RTE_ALIGN_CEIL(2u * n * ring_bytes(log2_size), 4096u);
	buffers = ((uint64_t)2 * n << log2_size) * end->buffer_size;
	if (session->buffers_offset + buffers > UINT32_MAX) {
		snprintf(reason, reason_len, "%u queues of %u buffers of %u bytes exceed 4 GiB", n,
			1u << log2_size, end->buffer_size);
		return -EINVAL;
	}
	session->region_fd = memif_region_create(
		&session->regions, session->buffers_offset + buffers, reason, reason_len);
	if (session->region_fd < 0)
		return session->region_fd;
	return make_rings(session, n, log2_size, reason, reason_len);
}

uint8_t *
memif_session_buffers(const struct memif_session *session, bool s2m, uint16_t index)
{
	uint64_t i = s2m ? index : (uint64_t)session->n_s2m + index;

	return session->regions.region[0].base + session->buffers_offset
	       + (i << session->s2m[0].log2_size) * session->end->buffer_size;
}

uint16_t
memif_session_unwanted_ring(const struct memif_session *session)
{
	uint16_t n = (uint16_t)(session->n_s2m + session->n_m2s);

	if (!session->by_peer || !session->end->is_slave || session->step < 3
		|| session->step - 3 >= n)
		return 0;
	return (uint16_t)((session->step - 3) % session->n_s2m);
}

static void
make_init(const struct memif_end *end, struct memif_message *message)
{
	message->type = MEMIF_INIT;
	message->init.version = MEMIF_VERSION;
	message->init.id = end->id;
	message->init.mode = MEMIF_MODE_ETHERNET;
	memif_put_text(message->init.secret, sizeof(message->init.secret), end->secret);
	memif_put_text(message->init.name, sizeof(message->init.name) - 1, MEMIF_APPLICATION);
}

static void
make_add_region(const struct memif_session *session, struct memif_reply *reply)
{
	reply->message.type = MEMIF_ADD_REGION;
	reply->message.add_region.index = 0;
	reply->message.add_region.size = session->regions.region[0].size;
	reply->fd = session->region_fd;
}

static void
make_add_ring(struct memif_session *session, uint16_t i, struct memif_reply *reply)
{
	const struct memif_session_ring *ring = ring_at(session, i);
	bool s2m = i < session->n_s2m;

	reply->message.type = MEMIF_ADD_RING;
	reply->message.add_ring = (struct memif_add_ring){
		.flags = s2m ? MEMIF_RING_S2M : 0,
		.index = s2m ? i : (uint16_t)(i - session->n_s2m),
		.region = ring->region,
		.offset = ring->offset,
		.log2_ring_size = ring->log2_size,
	};
	reply->fd = ring->fd;
}

void
memif_slave_next(struct memif_session *session, struct memif_reply *reply)
{
	uint16_t step = session->step++, n = (uint16_t)(session->n_s2m + session->n_m2s);

	if (step == 0) {
		make_init(session->end, &reply->message);
	} else if (step == 1) {
		make_add_region(session, reply);
	} else if (step - 2 < n) {
		make_add_ring(session, (uint16_t)(step - 2), reply);
	} else {
		reply->message.type = MEMIF_CONNECT;
		memif_put_text(reply->message.connect.interface,
			sizeof(reply->message.connect.interface) - 1, session->end->name);
		session->state = MEMIF_SESSION_CONNECTING;
	}
}
