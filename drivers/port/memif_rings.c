/* SPDX-License-Identifier: Apache-2.0 */

// A connection's rings become the queues of a port, and cease to be.

#include <sys/epoll.h>

#include "memif_private.h"

static struct memif *
memif_of(struct memif_interface *interface)
{
	return (struct memif *)(void *)((uint8_t *)interface - offsetof(struct memif, interface));
}

static bool
start_ring(struct memif *memif, const struct memif_session *session, bool s2m, uint16_t index)
{
	const struct memif_session_ring *ring = s2m ? &session->s2m[index] : &session->m2s[index];
	bool is_slave = memif->args.is_slave, is_rx = s2m != is_slave;
	struct memif_queue_pair *pair = &memif->queues[index];
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	struct memif_ring_config config = {
		.shared = (struct memif_shared_ring *)(void
				*)(session->regions.region[ring->region].base + ring->offset),
		.log2_size = ring->log2_size,
		.is_slave = is_slave,
		.interrupt_fd = ring->fd,
		.control_fd = session->end->control_fd,
		.regions = &session->regions,
	};

	if (is_slave) {
		config.buffers = memif_session_buffers(session, s2m, index);
		config.buffer_size = session->end->buffer_size;
	}
	if (is_rx)
		epoll_ctl(pair->wake_fd, EPOLL_CTL_ADD, ring->fd, &event);
	return memif_queue_start(is_rx ? &pair->rx : &pair->tx, &config, is_rx);
}

static const char *
interface_up(struct memif_interface *interface, const struct memif_session *session)
{
	struct memif *memif = memif_of(interface);
	bool is_slave = memif->args.is_slave, ok = true;

	for (uint16_t i = 0; i < session->n_s2m; i++)
		ok &= start_ring(memif, session, true, i);
	for (uint16_t i = 0; i < session->n_m2s; i++)
		ok &= start_ring(memif, session, false, i);
	if (!ok)
		return "a ring lacks its cookie";
	atomic_store(&memif->n_rx, is_slave ? session->n_m2s : session->n_s2m);
	atomic_store(&memif->n_tx, is_slave ? session->n_s2m : session->n_m2s);
	return NULL;
}

// The rings' eventfds leave the epoll sets here: the peer holds duplicates, which would keep them.
static void
interface_down(struct memif_interface *interface)
{
	struct memif *memif = memif_of(interface);

	atomic_store(&memif->n_rx, 0);
	atomic_store(&memif->n_tx, 0);
	for (uint16_t i = 0; i < memif->n_queues; i++) {
		struct memif_queue_pair *pair = &memif->queues[i];

		memif_queue_stop(&pair->tx);
		memif_queue_stop(&pair->rx);
		if (pair->rx.ring.interrupt_fd >= 0)
			epoll_ctl(pair->wake_fd, EPOLL_CTL_DEL, pair->rx.ring.interrupt_fd, NULL);
		pair->rx.ring.interrupt_fd = -1;
	}
}

static const char *
interface_broken(struct memif_interface *interface)
{
	const struct memif *memif = memif_of(interface);

	for (uint16_t i = 0; i < memif->n_queues; i++) {
		const char *rx = memif_queue_broken(&memif->queues[i].rx);
		const char *tx = memif_queue_broken(&memif->queues[i].tx);

		if (rx != NULL || tx != NULL)
			return rx != NULL ? rx : tx;
	}
	return NULL;
}

const struct memif_interface_handlers memif_rings_handlers = {
	.up = interface_up,
	.down = interface_down,
	.broken = interface_broken,
};
