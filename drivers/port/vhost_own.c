/* SPDX-License-Identifier: Apache-2.0 */

// The data path by virtqueue.h. librte_vhost has mapped the guest's memory and knows where the
// rings are; it does not touch them itself.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <rte_malloc.h>
#include <rte_vhost.h>

#include "vhost.h"

#define KICK_TAG 1u
#define WRAP (1u << 15) // in librte_vhost's positions of packed rings
#define PACKED (1ull << VIRTIO_F_RING_PACKED)

// librte_vhost looked when it was told the addresses, but the size may have grown since.
static bool
is_mapped(const struct virtqueue_memory *memory, const void *start, size_t len)
{
	for (uint32_t i = 0; i < memory->n; i++) {
		const struct virtqueue_region *region = &memory->regions[i];
		uint64_t offset = (uint64_t)((uintptr_t)start - (uintptr_t)region->host);

		if (offset < region->size && len <= region->size - offset)
			return true;
	}
	return false;
}

static bool
ring_is_mapped(const struct vhost *v, const struct virtqueue_config *config)
{
	size_t desc = config->size * sizeof(struct vring_desc);
	size_t driver = (3 + config->size) * sizeof(uint16_t); // flags, idx, ring, used_event
	size_t device = 3 * sizeof(uint16_t) + config->size * sizeof(struct vring_used_elem);

	if ((v->features & PACKED) != 0)
		driver = device = sizeof(uint32_t);
	return is_mapped(&v->memory, config->desc, desc)
	       && is_mapped(&v->memory, config->driver, driver)
	       && is_mapped(&v->memory, config->device, device);
}

static void
load_position(const struct vhost *v, uint16_t index, struct virtqueue_position *position)
{
	uint16_t avail = 0, used = 0;

	rte_vhost_get_vring_base(v->vid, index, &avail, &used);
	*position = (struct virtqueue_position){.avail = avail, .used = used};
	if ((v->features & PACKED) == 0)
		return;
	*position = (struct virtqueue_position){
		.avail = avail & (WRAP - 1),
		.used = used & (WRAP - 1),
		.avail_wrap = (avail & WRAP) != 0,
		.used_wrap = (used & WRAP) != 0,
	};
}

static void
save_position(const struct vhost *v, uint16_t index, const struct virtqueue_position *position)
{
	uint16_t avail = position->avail, used = position->used;

	if ((v->features & PACKED) != 0) {
		avail |= position->avail_wrap ? WRAP : 0;
		used |= position->used_wrap ? WRAP : 0;
	}
	rte_vhost_set_vring_base(v->vid, index, avail, used);
}

// A duplicate, because librte_vhost closes its own at any message. The guest may send what it
// likes: only an eventfd is neither slow nor waited for.
static int
take_eventfd(int fd, int *duplicate)
{
	char link[64], target[64];
	ssize_t len;

	*duplicate = -1;
	if (fd < 0) // the peer polls
		return 0;
	*duplicate = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (*duplicate < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", *duplicate);
	len = readlink(link, target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = '\0';
	if (strcmp(target, "anon_inode:[eventfd]") != 0)
		return -EINVAL;
	// A full counter must not hold up a worker.
	return fcntl(*duplicate, F_SETFL, O_NONBLOCK) == 0 ? 0 : -errno;
}

static void
close_fds(struct vhost_queue *q)
{
	if (q->kick_fd >= 0 && q->wake_fd >= 0)
		epoll_ctl(q->wake_fd, EPOLL_CTL_DEL, q->kick_fd, NULL);
	if (q->kick_fd >= 0)
		close(q->kick_fd);
	if (q->call_fd >= 0)
		close(q->call_fd);
	q->kick_fd = q->call_fd = -1;
}

static int
open_fds(
	struct vhost_queue *q, const struct rte_vhost_vring *vring, char *reason, size_t reason_len)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = KICK_TAG};
	int ret = take_eventfd(vring->callfd, &q->call_fd);

	if (ret == 0)
		ret = take_eventfd(vring->kickfd, &q->kick_fd);
	if (ret == 0 && q->wake_fd >= 0 && q->kick_fd >= 0
		&& epoll_ctl(q->wake_fd, EPOLL_CTL_ADD, q->kick_fd, &event) < 0)
		ret = -errno;
	if (ret == 0)
		return 0;
	snprintf(reason, reason_len, "its %s descriptor is no eventfd of use: %s",
		q->kick_fd < 0 ? "call" : "kick", strerror(-ret));
	close_fds(q);
	return ret;
}

static int
make_room(struct vhost *v, struct vhost_queue *q, uint16_t size)
{
	struct virtqueue *vq;

	if (q->vq != NULL && q->vq_size >= size && (v->node < 0 || q->vq_node == v->node))
		return 0;
	vq = buffer_zmalloc(virtqueue_bytes(size), v->node >= 0 ? v->node : SOCKET_ID_ANY);
	if (vq == NULL)
		return -ENOMEM;
	if (q->vq != NULL) {
		struct virtqueue_stats stats;

		virtqueue_stats(q->vq, &stats);
		counter_add(&q->packets, stats.packets);
		counter_add(&q->bytes, stats.bytes);
		counter_add(&q->full, stats.full);
		counter_add(&q->calls, stats.calls);
		counter_add(&q->refused, stats.malformed);
		rte_free(q->vq);
	}
	q->vq = vq;
	q->vq_size = size;
	q->vq_node = v->node;
	return 0;
}

// The lock is held.
static int
start_locked(struct vhost *v, struct vhost_queue *q, const struct rte_vhost_vring *vring,
	char *reason, size_t reason_len)
{
	struct virtqueue_config config = {
		.desc = vring->desc,
		.driver = vring->avail,
		.device = vring->used,
		.size = vring->size,
		.features = v->features,
		.memory = &v->memory,
		.lends = true,
	};
	int ret = make_room(v, q, vring->size);

	if (ret < 0) {
		snprintf(reason, reason_len, "no memory for %u entries", vring->size);
		return ret;
	}
	if (!ring_is_mapped(v, &config)) {
		snprintf(reason, reason_len, "it is not within the guest's memory");
		return -EINVAL;
	}
	ret = open_fds(q, vring, reason, reason_len);
	if (ret < 0)
		return ret;
	load_position(v, q->index, &config.position);
	config.call_fd = q->call_fd;
	ret = virtqueue_recover(&config, reason, reason_len);
	if (ret == 0)
		ret = virtqueue_start(q->vq, &config, reason, reason_len);
	if (ret < 0) {
		close_fds(q);
		return ret;
	}
	q->told = false;
	q->armed = q->index % 2 != 0; // as it starts out
	if (!q->armed)
		virtqueue_disarm(q->vq);
	return 0;
}

static int
own_start(struct vhost *v, struct vhost_queue *q, char *reason, size_t reason_len)
{
	struct rte_vhost_vring vring = {0};
	int ret;

	if (!v->memory_valid || rte_vhost_get_vhost_vring(v->vid, q->index, &vring) < 0
		|| vring.desc == NULL || vring.avail == NULL || vring.used == NULL)
		return -EAGAIN;
	rte_spinlock_lock(&q->lock);
	ret = start_locked(v, q, &vring, reason, reason_len);
	if (ret == 0)
		atomic_store(&q->running, true);
	rte_spinlock_unlock(&q->lock);
	return ret;
}

// A worker is done with what it was lent at the end of its round.
static void
wait_for_lent(const struct virtqueue *vq)
{
	const struct timespec some = {.tv_nsec = 20000};

	while (virtqueue_lends(vq))
		nanosleep(&some, NULL);
}

static void
own_stop(struct vhost *v, struct vhost_queue *q)
{
	struct virtqueue_position position;

	atomic_store(&q->running, false); // workers keep off the lock
	rte_spinlock_lock(&q->lock);
	wait_for_lent(q->vq);
	virtqueue_stop(q->vq, &position);
	close_fds(q);
	rte_spinlock_unlock(&q->lock);
	// A broken queue is stopped by the main thread, while librte_vhost may change its own.
	if (virtqueue_broken(q->vq) == NULL && v->broken[0] == '\0')
		save_position(v, q->index, &position);
}

static void
tell_broken(struct vhost *v, struct vhost_queue *q)
{
	if (q->told)
		return;
	q->told = true;
	vhost_tell_main(v);
}

static uint16_t
own_rx(struct vhost *v, struct vhost_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	if (q->armed) {
		q->armed = false;
		virtqueue_disarm(q->vq);
	}
	n = virtqueue_rx(q->vq, &v->pools, pkts, n);
	q->lends = virtqueue_lends(q->vq);
	if (unlikely(n == 0 && virtqueue_broken(q->vq) != NULL))
		tell_broken(v, q);
	return n;
}

static uint16_t
own_tx(struct vhost *v, struct vhost_queue *q, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	uint16_t sent = virtqueue_tx(q->vq, pkts, n, stop);

	if (unlikely(sent < n && virtqueue_broken(q->vq) != NULL))
		tell_broken(v, q);
	return sent;
}

// Takes the wake-ups so far out of the set, so that the next one is an edge.
static void
count_kicks(struct vhost_queue *q)
{
	struct epoll_event events[2];
	int n = epoll_wait(q->wake_fd, events, 2, 0);

	for (int i = 0; i < n; i++)
		if (events[i].data.u32 == KICK_TAG)
			counter_add(&q->kicks, 1);
}

static bool
own_arm(struct vhost *v, struct vhost_queue *q)
{
	if (virtqueue_broken(q->vq) != NULL)
		return false;
	count_kicks(q);
	q->armed = true;
	return virtqueue_arm(q->vq) || q->kick_fd < 0; // a guest that cannot kick is polled
}

const struct vhost_rings vhost_own_rings = {
	.name = "own",
	.own = true,
	.start = own_start,
	.stop = own_stop,
	.rx = own_rx,
	.tx = own_tx,
	.arm = own_arm,
};
