/* SPDX-License-Identifier: Apache-2.0 */

// Kind vhost-user: see vhost.h and vhost_arguments.h.

#include "vhost.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_malloc.h>

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
	v->rings = &vhost_librte_rings;
	v->pools = (struct buffer_pools){config->mbufs, config->jumbos};
	v->own_capabilities = PORT_TX_CHAINS;
	v->n_pairs = n_pairs;
	v->vid = -1;
	pthread_mutex_init(&v->mutex, NULL);
	for (uint16_t i = 0; i < CW_MAX_QUEUES; i++)
		v->tx_map[i] = VHOST_NO_QUEUE;
	for (uint16_t i = 0; i < vhost_n_queues(v); i++) {
		v->queues[i].index = i;
		rte_spinlock_init(&v->queues[i].lock);
	}
	v->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return v;
}

static void
destroy(struct vhost *v)
{
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
	if (v == NULL || v->event_fd < 0) {
		ret = v == NULL ? -ENOMEM : -errno;
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
	return -1;
}

static uint16_t
enabled_pairs(struct vhost *v)
{
	uint16_t n = 0;

	for (uint16_t i = 0; i < v->n_pairs; i++)
		if (atomic_load(&v->queues[2 * i].running)
			&& atomic_load(&v->queues[2 * i + 1].running))
			n++;
	return n;
}

static enum cw_port_state
vhost_state(struct port *port, char *reason, size_t reason_len)
{
	struct vhost *v = port->priv;
	enum cw_port_state state = CW_PORT_DOWN;

	pthread_mutex_lock(&v->mutex);
	if (!v->connected)
		snprintf(reason, reason_len, "waiting for a peer at %s", v->arguments.path);
	else if (enabled_pairs(v) == 0)
		snprintf(reason, reason_len, "the peer at %s has no queue pair enabled",
			v->arguments.path);
	else
		state = CW_PORT_UP;
	pthread_mutex_unlock(&v->mutex);
	return state;
}

static void
vhost_device_stats(struct port *port, struct port_device_stats *stats)
{
	struct vhost *v = port->priv;

	*stats = (struct port_device_stats){0};
	for (uint16_t i = 1; i < vhost_n_queues(v); i += 2)
		stats->rx_dropped +=
			atomic_load_explicit(&v->queues[i].refused, memory_order_relaxed);
}

static uint64_t
read_counter(_Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void
vhost_queue_stats(struct port *port, uint16_t queue, struct port_queue_stats *stats)
{
	struct vhost *v = port->priv;
	struct vhost_queue *rx = &v->queues[2 * queue + 1], *tx = &v->queues[2 * queue];

	*stats = (struct port_queue_stats){
		.rx_packets = read_counter(&rx->packets),
		.rx_bytes = read_counter(&rx->bytes),
		.tx_packets = read_counter(&tx->packets),
		.tx_bytes = read_counter(&tx->bytes),
		.tx_full = read_counter(&tx->full),
		.kicks_sent = read_counter(&rx->calls) + read_counter(&tx->calls),
	};
}

static void
vhost_peer(struct port *port, struct port_peer *peer)
{
	struct vhost *v = port->priv;

	*peer = (struct port_peer){0};
	pthread_mutex_lock(&v->mutex);
	peer->mtu = v->peer_mtu;
	peer->n_queues = enabled_pairs(v);
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
	.open = vhost_open,
	.close = vhost_close,
	.rx = vhost_rx,
	.tx = vhost_tx,
	.wake_fd = vhost_wake_fd,
	.state = vhost_state,
	.device_stats = vhost_device_stats,
	.queue_stats = vhost_queue_stats,
	.peer = vhost_peer,
	.event_fd = vhost_event_fd,
};
PORT_DRIVER_REGISTER(vhost_driver)
