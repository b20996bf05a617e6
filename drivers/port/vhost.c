/* SPDX-License-Identifier: Apache-2.0 */

// Kind vhost-user: see vhost.h and vhost_arguments.h.

#include "vhost.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_malloc.h>

#include "kick.h"
#include "vhost_features.h"

// A worker that shares a virtqueue with another, because the guest enabled fewer than there are
// workers, waits for no more than a burst of the other's.
#define TX_LOCK_TRIES 256

static struct vhost *
make(struct port *port, const struct port_config *config, const struct vhost_arguments *arguments)
{
	uint16_t n_pairs = config->n_queues > 0 ? config->n_queues : 1;
	struct vhost *v =
		buffer_zmalloc(sizeof(*v) + 2 * n_pairs * sizeof(v->queues[0]), config->socket_id);

	if (v == NULL)
		return NULL;
	v->port = port;
	v->arguments = *arguments;
	v->rings = arguments->own_rings ? &vhost_own_rings : &vhost_librte_rings;
	v->pools = (struct buffer_pools){config->mbufs, config->jumbos};
	v->own_capabilities = PORT_TX_CHAINS | (arguments->own_rings ? PORT_RX_EDGE : 0);
	v->n_pairs = n_pairs;
	v->vid = v->node = v->event_fd = v->wake_event = -1;
	pthread_mutex_init(&v->mutex, NULL);
	for (uint16_t i = 0; i < CW_MAX_QUEUES; i++)
		v->tx_map[i] = VHOST_NO_QUEUE;
	for (uint16_t i = 0; i < vhost_n_queues(v); i++) {
		struct vhost_queue *q = &v->queues[i];

		q->index = i;
		q->wake_fd = q->kick_fd = q->call_fd = -1;
		rte_spinlock_init(&q->lock);
	}
	return v;
}

// A worker sleeps on an epoll set of our own, which outlives the guest's descriptors.
static int
open_fds(struct vhost *v)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};

	v->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (v->event_fd < 0)
		return -errno;
	if (!v->rings->own)
		return 0;
	v->wake_event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (v->wake_event < 0)
		return -errno;
	for (uint16_t i = 1; i < vhost_n_queues(v); i += 2) {
		v->queues[i].wake_fd = epoll_create1(EPOLL_CLOEXEC);
		if (v->queues[i].wake_fd < 0
			|| epoll_ctl(v->queues[i].wake_fd, EPOLL_CTL_ADD, v->wake_event, &event)
				   < 0)
			return -errno;
	}
	return 0;
}

static int
open_waiting(struct vhost *v, int socket_id)
{
	int ret = 0;

	for (uint16_t i = 0; i < vhost_n_queues(v) && v->arguments.iommu && ret == 0; i += 2)
		ret = vhost_waiting_open(&v->queues[i], socket_id);
	return ret;
}

static void
destroy(struct vhost *v)
{
	for (uint16_t i = 0; i < vhost_n_queues(v); i++) {
		if (v->queues[i].wake_fd >= 0)
			close(v->queues[i].wake_fd);
		vhost_waiting_close(&v->queues[i]);
		rte_free(v->queues[i].vq);
	}
	if (v->wake_event >= 0)
		close(v->wake_event);
	if (v->event_fd >= 0)
		close(v->event_fd);
	pthread_mutex_destroy(&v->mutex);
	rte_free(v);
}

static int
vhost_open(struct port *port, const struct port_config *config, char *reason, size_t reason_len)
{
	struct vhost_arguments arguments;
	struct vhost *v;
	int ret = vhost_arguments_parse(config->args, &arguments, reason, reason_len);

	if (ret < 0)
		return ret;
	if (config->n_queues > CW_MAX_QUEUES) {
		snprintf(reason, reason_len, "queues: %u wanted, a port has at most %d",
			config->n_queues, CW_MAX_QUEUES);
		return -EINVAL;
	}
	if (config->n_fds > 0) {
		snprintf(reason, reason_len, "a vhost-user port takes no descriptors");
		return -EINVAL;
	}
	v = make(port, config, &arguments);
	ret = v == NULL ? -ENOMEM : kick_start();
	if (ret == 0)
		ret = open_fds(v);
	if (ret == 0)
		ret = open_waiting(v, config->socket_id);
	if (ret < 0) {
		snprintf(reason, reason_len, "vhost-user port: %s", strerror(-ret));
		goto fail;
	}
	port->priv = v;
	port->n_rx = port->n_tx = v->n_pairs;
	port->capabilities = v->own_capabilities;
	ret = vhost_device_register(v, reason, reason_len);
	if (ret == 0)
		return 0;
fail:
	if (v != NULL)
		destroy(v);
	return ret;
}

static void
vhost_close(struct port *port)
{
	struct vhost *v = port->priv;

	vhost_device_unregister(v);
	destroy(v);
}

static uint16_t
vhost_rx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct vhost *v = port->priv;
	struct vhost_queue *q = &v->queues[2 * queue + 1];
	uint16_t received = 0;

	if (!atomic_load_explicit(&q->running, memory_order_relaxed)
		|| !rte_spinlock_trylock(&q->lock))
		return 0;
	if (likely(atomic_load_explicit(&q->running, memory_order_relaxed)))
		received = v->rings->rx(v, q, pkts, n);
	rte_spinlock_unlock(&q->lock);
	return received;
}

static bool
vhost_lends(struct port *port, uint16_t queue)
{
	const struct vhost *v = port->priv;

	return v->queues[2 * queue + 1].lends;
}

static bool
lock_for_tx(struct vhost_queue *q)
{
	for (int tries = 0; tries < TX_LOCK_TRIES; tries++) {
		if (likely(rte_spinlock_trylock(&q->lock)))
			return true;
		rte_pause();
	}
	return false;
}

static uint16_t
vhost_tx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	struct vhost *v = port->priv;
	uint16_t index = atomic_load_explicit(&v->tx_map[queue], memory_order_relaxed), sent = 0;
	struct vhost_queue *q;

	*stop = PORT_TX_DOWN;
	if (unlikely(index == VHOST_NO_QUEUE))
		return 0;
	q = &v->queues[index];
	*stop = PORT_TX_FULL;
	if (unlikely(!lock_for_tx(q)))
		return 0;
	if (likely(atomic_load_explicit(&q->running, memory_order_relaxed)))
		sent = v->rings->tx(v, q, pkts, n, stop);
	rte_spinlock_unlock(&q->lock);
	return sent;
}

static int
vhost_wake_fd(struct port *port, uint16_t queue)
{
	struct vhost *v = port->priv;

	return v->queues[2 * queue + 1].wake_fd;
}

static bool
vhost_rx_arm(struct port *port, uint16_t queue)
{
	struct vhost *v = port->priv;
	struct vhost_queue *q = &v->queues[2 * queue + 1];
	bool waiting = false;

	if (!atomic_load_explicit(&q->running, memory_order_relaxed))
		return false; // its start wakes the worker
	if (!rte_spinlock_trylock(&q->lock))
		return true;
	if (atomic_load_explicit(&q->running, memory_order_relaxed))
		waiting = v->rings->arm(v, q);
	rte_spinlock_unlock(&q->lock);
	return waiting;
}

static enum cw_port_state
vhost_state(struct port *port, char *reason, size_t reason_len)
{
	struct vhost *v = port->priv;
	enum cw_port_state state = CW_PORT_DOWN;

	pthread_mutex_lock(&v->mutex);
	vhost_queues_check(v);
	if (v->node >= 0)
		port->socket_id = v->node;
	if (v->broken[0] != '\0')
		snprintf(reason, reason_len, "%s", v->broken);
	else if (!v->connected)
		snprintf(reason, reason_len, "waiting for a peer at %s", v->arguments.path);
	else if (vhost_queues_enabled(v) == 0)
		snprintf(reason, reason_len, "no queue pair is enabled by the peer at %s",
			v->arguments.path);
	else
		state = CW_PORT_UP;
	pthread_mutex_unlock(&v->mutex);
	return state;
}

static uint64_t
read_counter(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

// Of one virtqueue, over both data paths. The mutex is held: vq stays.
static void
count(const struct vhost_queue *q, struct virtqueue_stats *stats)
{
	*stats = (struct virtqueue_stats){0};
	if (q->vq != NULL)
		virtqueue_stats(q->vq, stats);
	stats->packets += read_counter(&q->packets);
	stats->bytes += read_counter(&q->bytes);
	stats->full += read_counter(&q->full);
	stats->calls += read_counter(&q->calls);
	stats->malformed += read_counter(&q->refused);
}

static void
vhost_device_stats(struct port *port, struct port_device_stats *stats)
{
	struct vhost *v = port->priv;
	struct virtqueue_stats counts;

	*stats = (struct port_device_stats){0};
	pthread_mutex_lock(&v->mutex);
	for (uint16_t i = 1; i < vhost_n_queues(v); i += 2) {
		count(&v->queues[i], &counts);
		stats->rx_dropped += counts.malformed;
		stats->tx_dropped += read_counter(&v->queues[i - 1].lost);
	}
	pthread_mutex_unlock(&v->mutex);
}

static void
vhost_queue_stats(struct port *port, uint16_t queue, struct port_queue_stats *stats)
{
	struct vhost *v = port->priv;
	struct virtqueue_stats rx, tx;

	pthread_mutex_lock(&v->mutex);
	count(&v->queues[2 * queue + 1], &rx);
	count(&v->queues[2 * queue], &tx);
	pthread_mutex_unlock(&v->mutex);
	*stats = (struct port_queue_stats){
		.rx_packets = rx.packets,
		.rx_bytes = rx.bytes,
		.tx_packets = tx.packets,
		.tx_bytes = tx.bytes,
		.tx_full = tx.full,
		.kicks_sent = rx.calls + tx.calls,
		.kicks_received = read_counter(&v->queues[2 * queue + 1].kicks),
	};
}

static void
vhost_peer(struct port *port, struct port_peer *peer)
{
	struct vhost *v = port->priv;

	*peer = (struct port_peer){0};
	pthread_mutex_lock(&v->mutex);
	peer->mtu = v->peer_mtu;
	peer->n_queues = vhost_queues_enabled(v);
	peer->connects = v->connects;
	if (v->device)
		vhost_features_names(v->features, peer->features, sizeof(peer->features));
	pthread_mutex_unlock(&v->mutex);
}

static int
vhost_event_fd(struct port *port)
{
	struct vhost *v = port->priv;

	return v->event_fd;
}

static const struct port_driver vhost_driver = {
	.name = "vhost",
	.kinds = 1u << CW_PORT_VHOST_USER,
	.tx_copies = true,
	.open = vhost_open,
	.close = vhost_close,
	.rx = vhost_rx,
	.lends = vhost_lends,
	.tx = vhost_tx,
	.wake_fd = vhost_wake_fd,
	.rx_arm = vhost_rx_arm,
	.state = vhost_state,
	.device_stats = vhost_device_stats,
	.queue_stats = vhost_queue_stats,
	.peer = vhost_peer,
	.event_fd = vhost_event_fd,
};
PORT_DRIVER_REGISTER(vhost_driver)
