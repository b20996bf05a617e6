/* SPDX-License-Identifier: Apache-2.0 */
#include "virtqueue_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "kick.h"

static const struct virtqueue_layout *
layout_of(uint64_t features)
{
	return virtqueue_feature(features, VIRTIO_F_RING_PACKED) != 0 ? &virtqueue_packed
								      : &virtqueue_split;
}

size_t
virtqueue_bytes(uint16_t size)
{
	(void)size; // both layouts write what is used in place
	return RTE_CACHE_LINE_ROUNDUP(sizeof(struct virtqueue));
}

static void
set_features(struct virtqueue *vq, uint64_t features)
{
	bool guest_checksum = virtqueue_feature(features, VIRTIO_NET_F_GUEST_CSUM) != 0;

	vq->features = features;
	vq->event_idx = virtqueue_feature(features, VIRTIO_RING_F_EVENT_IDX) != 0;
	vq->indirect = virtqueue_feature(features, VIRTIO_RING_F_INDIRECT_DESC) != 0;
	vq->in_order = virtqueue_feature(features, VIRTIO_F_IN_ORDER) != 0;
	vq->mergeable = virtqueue_feature(features, VIRTIO_NET_F_MRG_RXBUF) != 0;
	vq->header_len = vq->mergeable || virtqueue_feature(features, VIRTIO_F_VERSION_1) != 0
				 ? VIRTQUEUE_HEADER_MAX
				 : (uint8_t)VNET_HEADER_LEN;
	// virtio 1.2, 5.1.6.2.1: without CSUM the header asks for nothing.
	vq->reads_header = virtqueue_feature(features, VIRTIO_NET_F_CSUM) != 0;
	// 5.1.6.4.1: without GUEST_CSUM it says nothing, not even DATA_VALID.
	vq->metadata = RTE_MBUF_F_TX_L4_MASK | VIRTQUEUE_SUPER
		       | (guest_checksum ? RTE_MBUF_F_RX_L4_CKSUM_GOOD : 0);
}

// The guest chose this descriptor: a worker must not wait in it.
static void
set_call_fd(struct virtqueue *vq, int fd)
{
	int flags;

	vq->call_fd = fd;
	if (fd < 0)
		return;
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && (flags & O_NONBLOCK) == 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int
virtqueue_start(struct virtqueue *vq, const struct virtqueue_config *config, char *reason,
	size_t reason_len)
{
	int error;

	if (config->desc == NULL || config->driver == NULL || config->device == NULL
		|| config->size == 0 || config->size > VIRTQUEUE_SIZE_MAX
		|| config->memory->n > VIRTQUEUE_REGIONS_MAX) {
		snprintf(reason, reason_len,
			"queue of %u entries without a ring or with %u regions", config->size,
			config->memory->n);
		return -EINVAL;
	}
	vq->layout = layout_of(config->features);
	atomic_store_explicit(&vq->broken, NULL, memory_order_relaxed);
	vq->desc = config->desc;
	vq->driver = config->driver;
	vq->device = config->device;
	vq->size = config->size;
	vq->memory = config->memory;
	vq->region = (struct virtqueue_region){0};
	vq->may_lend = config->lends;
	vq->owes = false;
	rte_mbuf_ext_refcnt_set(&vq->lent, 1);
	set_call_fd(vq, config->call_fd);
	vq->next = config->position.used;
	vq->wrap = config->position.used_wrap;
	set_features(vq, config->features);
	error = vq->layout->start(vq, config, reason, reason_len);
	if (error != 0)
		return error;
	vq->given = vq->next;
	vq->given_wrap = vq->wrap;
	virtqueue_arm(vq);
	virtqueue_call(vq);
	return 0;
}

bool
virtqueue_lends(const struct virtqueue *vq)
{
	bool lends = rte_mbuf_ext_refcnt_read(&vq->lent) > 1;

	rte_atomic_thread_fence(__ATOMIC_ACQUIRE);
	return lends;
}

// Shows the guest what a burst with lent frames gave back. Returns false while some are about.
static bool
settle(struct virtqueue *vq)
{
	if (likely(!vq->owes))
		return true;
	if (virtqueue_lends(vq))
		return false;
	vq->owes = false;
	vq->layout->show(vq);
	return true;
}

void
virtqueue_stop(struct virtqueue *vq, struct virtqueue_position *position)
{
	if (!virtqueue_is_broken(vq)) {
		settle(vq);
		if (vq->layout->stop != NULL)
			vq->layout->stop(vq);
	}
	*position = (struct virtqueue_position){
		.avail = vq->next,
		.used = vq->next,
		.avail_wrap = vq->wrap,
		.used_wrap = vq->wrap,
	};
}

bool
virtqueue_position_fits(
	const struct virtqueue_config *config, const struct virtqueue_position *position)
{
	return layout_of(config->features)->position_fits(config, position);
}

uint16_t
virtqueue_rx(
	struct virtqueue *vq, const struct buffer_pools *pools, struct rte_mbuf **pkts, uint16_t n)
{
	return virtqueue_is_broken(vq) || !settle(vq) ? 0 : vq->layout->rx(vq, pools, pkts, n);
}

uint16_t
virtqueue_tx(struct virtqueue *vq, struct rte_mbuf **pkts, uint16_t n, enum port_tx_stop *stop)
{
	if (virtqueue_is_broken(vq)) {
		*stop = PORT_TX_DOWN;
		return 0;
	}
	return vq->layout->tx(vq, pkts, n, stop);
}

bool
virtqueue_arm(struct virtqueue *vq)
{
	return !virtqueue_is_broken(vq) && (!settle(vq) || vq->layout->arm(vq));
}

void
virtqueue_disarm(struct virtqueue *vq)
{
	if (!virtqueue_is_broken(vq))
		vq->layout->disarm(vq);
}

enum virtqueue_result
virtqueue_break(struct virtqueue *vq, const char *reason)
{
	if (!virtqueue_is_broken(vq))
		atomic_store_explicit(&vq->broken, reason, memory_order_release);
	return VIRTQUEUE_BROKEN;
}

const char *
virtqueue_broken(const struct virtqueue *vq)
{
	return atomic_load_explicit(&vq->broken, memory_order_acquire);
}

void
virtqueue_call(struct virtqueue *vq)
{
	if (vq->call_fd < 0)
		return;
	if (unlikely(!kick(vq->call_fd)))
		virtqueue_break(vq, "its call descriptor made a worker wait");
	counter_add(&vq->calls, 1);
}

void
virtqueue_stats(const struct virtqueue *vq, struct virtqueue_stats *stats)
{
	stats->packets = atomic_load_explicit(&vq->packets, memory_order_relaxed);
	stats->bytes = atomic_load_explicit(&vq->bytes, memory_order_relaxed);
	stats->full = atomic_load_explicit(&vq->full, memory_order_relaxed);
	stats->calls = atomic_load_explicit(&vq->calls, memory_order_relaxed);
	stats->malformed = atomic_load_explicit(&vq->malformed, memory_order_relaxed);
}
