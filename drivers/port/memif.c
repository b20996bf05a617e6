/* SPDX-License-Identifier: Apache-2.0 */

// Kind memif: packets through memory shared with a pod (memif_wire.h), no ethdev. Arguments are
// those of memif_args.h. Descriptors: a master may be given a listening socket, else it binds its
// path itself; a slave with an abstract path may be given the network namespace of that name.
//
// n_queues rings each way are offered. A peer may use fewer: then its rings are shared among our tx
// queues. Frames carry no offload metadata; those longer than a buffer go in chains, both ways.
// Connections, and who may call what on which thread, are in memif_control.h and memif_ring.h.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_malloc.h>

#include "buffer.h"
#include "kick.h"
#include "memif_private.h"
#include "memif_socket.h"

// ------------------------------------------------------------------------------ open and close

static int
check_descriptors(const struct memif_args *args, const struct port_config *config, char *reason,
	size_t reason_len)
{
	if (config->n_fds > 1) {
		snprintf(reason, reason_len, "a memif port takes one descriptor, not %u",
			config->n_fds);
		return -EINVAL;
	}
	if (!args->is_slave && config->n_fds == 1)
		return memif_socket_check_listener(config->fds[0], reason, reason_len);
	if (args->path[0] == '\0') {
		snprintf(reason, reason_len, "a memif %s needs path=",
			args->is_slave ? "slave" : "master without a listening descriptor");
		return -EINVAL;
	}
	if (args->is_slave && config->n_fds == 1 && args->path[0] != '@') {
		snprintf(reason, reason_len,
			"a memif slave takes a network namespace with an abstract path only, not "
			"with %s",
			args->path);
		return -EINVAL;
	}
	return 0;
}

static int
check_config(const struct memif_args *args, const struct port_config *config, char *reason,
	size_t reason_len)
{
	if (rte_pktmbuf_data_room_size(config->mbufs)
			< RTE_PKTMBUF_HEADROOM + RTE_MBUF_DEFAULT_DATAROOM
		|| rte_pktmbuf_data_room_size(config->jumbos)
			   < RTE_PKTMBUF_HEADROOM + MEMIF_FRAME_MAX) {
		snprintf(reason, reason_len, "packet buffers are too small for a memif port");
		return -EINVAL;
	}
	return check_descriptors(args, config, reason, reason_len);
}

static int
open_descriptors(struct memif *memif)
{
	for (uint16_t i = 0; i < memif->n_queues; i++) {
		memif->queues[i].rx.ring.interrupt_fd = -1;
		memif->queues[i].wake_fd = epoll_create1(EPOLL_CLOEXEC);
		if (memif->queues[i].wake_fd < 0)
			return -errno;
	}
	memif->interface.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return memif->interface.event_fd >= 0 ? 0 : -errno;
}

static void
close_descriptors(struct memif *memif)
{
	for (uint16_t i = 0; i < memif->n_queues; i++)
		if (memif->queues[i].wake_fd >= 0)
			close(memif->queues[i].wake_fd);
	if (memif->interface.event_fd >= 0)
		close(memif->interface.event_fd);
}

static struct memif *
make(const struct memif_args *args, const struct port_config *config)
{
	uint16_t n = config->n_queues > 0 ? config->n_queues : 1;
	struct memif *memif =
		buffer_zmalloc(sizeof(*memif) + n * sizeof(memif->queues[0]), config->socket_id);
	int fd = config->n_fds == 1 ? config->fds[0] : -1;

	if (memif == NULL)
		return NULL;
	memif->args = *args;
	memif->pools = (struct buffer_pools){config->mbufs, config->jumbos};
	memif->n_queues = n;
	snprintf(memif->name, sizeof(memif->name), "%s", config->name != NULL ? config->name : "");
	for (uint16_t i = 0; i < n; i++)
		memif->queues[i].wake_fd = -1;
	memif->interface = (struct memif_interface){
		.handlers = &memif_rings_handlers,
		.end =
			{
				.is_slave = args->is_slave,
				.id = args->id,
				.secret = memif->args.secret,
				.name = memif->name,
				.n_queues = n,
				.log2_ring_size = args->log2_ring_size,
				.buffer_size = args->buffer_size,
			},
		.path = fd >= 0 && !args->is_slave ? "" : memif->args.path,
		.listen_fd = args->is_slave ? -1 : fd,
		.netns_fd = args->is_slave ? fd : -1,
		.event_fd = -1,
	};
	return memif;
}

static int
memif_open(struct port *port, const struct port_config *config, char *reason, size_t reason_len)
{
	struct memif_args args;
	struct memif *memif;
	int error = memif_args_parse(config->args, &args, reason, reason_len);

	if (error == 0)
		error = check_config(&args, config, reason, reason_len);
	if (error < 0)
		return error;
	memif = make(&args, config);
	if (memif == NULL) {
		snprintf(reason, reason_len, "no memory for %u memif queues", config->n_queues);
		return -ENOMEM;
	}
	error = open_descriptors(memif);
	if (error == 0)
		error = kick_start();
	if (error < 0)
		snprintf(reason, reason_len, "no descriptors for wake-ups: %s", strerror(-error));
	else
		error = memif_control_add(&memif->interface, reason, reason_len);
	if (error < 0) {
		close_descriptors(memif);
		rte_free(memif);
		return error;
	}
	port->priv = memif;
	port->n_rx = port->n_tx = memif->n_queues;
	port->capabilities = PORT_TX_CHAINS | PORT_RX_EDGE;
	return 0;
}

static void
memif_close(struct port *port)
{
	struct memif *memif = port->priv;
	int given = memif->args.is_slave ? memif->interface.netns_fd : memif->interface.listen_fd;

	memif_control_remove(&memif->interface);
	close_descriptors(memif);
	if (given >= 0)
		close(given);
	rte_free(memif);
}

// ----------------------------------------------------------------------------------- packets

static uint16_t
memif_rx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct memif *memif = port->priv;

	return memif_queue_rx(&memif->queues[queue].rx, &memif->pools, pkts, n);
}

static uint16_t
memif_tx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	struct memif *memif = port->priv;
	uint16_t n_tx = atomic_load_explicit(&memif->n_tx, memory_order_relaxed);

	if (unlikely(n_tx == 0)) {
		*stop = PORT_TX_DOWN;
		return 0;
	}
	if (unlikely(queue >= n_tx))
		queue %= n_tx;
	return memif_queue_tx(&memif->queues[queue].tx, pkts, n, n_tx < memif->n_queues, stop);
}

static int
memif_wake_fd(struct port *port, uint16_t queue)
{
	struct memif *memif = port->priv;

	return memif->queues[queue].wake_fd;
}

static bool
memif_rx_arm(struct port *port, uint16_t queue)
{
	struct memif *memif = port->priv;

	return memif_queue_arm(&memif->queues[queue].rx);
}

// ---------------------------------------------------------------------------------- questions

static enum cw_port_state
memif_state(struct port *port, char *reason, size_t reason_len)
{
	struct memif *memif = port->priv;
	struct memif_status status;

	memif_control_status(&memif->interface, &status);
	snprintf(reason, reason_len, "%s", status.reason);
	return status.is_up ? CW_PORT_UP : CW_PORT_DOWN;
}

static uint64_t
value(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void
memif_device_stats(struct port *port, struct port_device_stats *stats)
{
	struct memif *memif = port->priv;

	*stats = (struct port_device_stats){0};
	for (uint16_t i = 0; i < memif->n_queues; i++)
		stats->rx_dropped += value(&memif->queues[i].rx.counters.refused);
}

static void
memif_queue_stats(struct port *port, uint16_t queue, struct port_queue_stats *stats)
{
	struct memif *memif = port->priv;
	const struct memif_counters *rx = &memif->queues[queue].rx.counters;
	const struct memif_counters *tx = &memif->queues[queue].tx.counters;

	*stats = (struct port_queue_stats){
		.rx_packets = value(&rx->packets),
		.rx_bytes = value(&rx->bytes),
		.tx_packets = value(&tx->packets),
		.tx_bytes = value(&tx->bytes),
		.tx_full = value(&tx->full),
		.kicks_sent = value(&tx->kicks),
		.kicks_received = value(&rx->kicks),
	};
}

static void
memif_peer(struct port *port, struct port_peer *peer)
{
	struct memif *memif = port->priv;
	struct memif_status status;
	char buffer[24] = "";

	memif_control_status(&memif->interface, &status);
	*peer = (struct port_peer){
		.n_queues = status.n_s2m < status.n_m2s ? status.n_s2m : status.n_m2s,
		.connects = status.connects,
	};
	if (!status.is_up)
		return;
	if (status.buffer_size != 0)
		snprintf(buffer, sizeof(buffer), ",buffer=%u", status.buffer_size);
	snprintf(peer->features, sizeof(peer->features), "s2m=%u,m2s=%u,ring=%u%s,peer=%s",
		status.n_s2m, status.n_m2s, status.ring_size, buffer, status.peer);
}

static int
memif_event_fd(struct port *port)
{
	struct memif *memif = port->priv;

	return memif->interface.event_fd;
}

static uint16_t
memif_descriptors(struct port *port, int *fds, uint16_t max)
{
	struct memif *memif = port->priv;
	int fd = memif->args.is_slave ? memif->interface.netns_fd
				      : memif_control_listener(&memif->interface);

	if (fd < 0 || max == 0)
		return 0;
	fds[0] = fd;
	return 1;
}

static const struct port_driver memif_driver = {
	.name = "memif",
	.kinds = 1u << CW_PORT_MEMIF,
	.tx_copies = true,
	.open = memif_open,
	.close = memif_close,
	.rx = memif_rx,
	.tx = memif_tx,
	.wake_fd = memif_wake_fd,
	.rx_arm = memif_rx_arm,
	.state = memif_state,
	.device_stats = memif_device_stats,
	.queue_stats = memif_queue_stats,
	.peer = memif_peer,
	.event_fd = memif_event_fd,
	.descriptors = memif_descriptors,
};
PORT_DRIVER_REGISTER(memif_driver)
