/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vhost_user_proto.h"

#define BIT(n) (1ull << (n))
#define SUPER_FRAME (68u << 10)
#define GUEST_TSO (BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6))
#define HOST_TSO (BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(56))

static void
fill_defaults(struct port_options *o)
{
	bool merges = (o->features & BIT(VIRTIO_NET_F_MRG_RXBUF)) != 0;

	o->pairs = o->pairs == 0 ? 1 : o->pairs;
	o->enabled = o->enabled == 0 ? o->pairs : o->enabled;
	o->size = o->size == 0 ? 256 : o->size;
	o->rx_chain = o->rx_chain == 0 ? 1 : o->rx_chain;
	o->regions = o->regions == 0 ? 1 : o->regions;
	if (o->rx_buffer == 0)
		o->rx_buffer = !merges && (o->features & GUEST_TSO) != 0 ? SUPER_FRAME : 2048;
	if (o->tx_buffer == 0)
		o->tx_buffer = (o->features & HOST_TSO) != 0 ? SUPER_FRAME : 10240;
	if (o->rx_buffers == 0 && o->rx != PORT_RX_HOLD)
		o->rx_buffers = (uint16_t)(o->size / (o->rx_indirect ? 1 : o->rx_chain));
	if (o->tx_buffers == 0)
		o->tx_buffers = o->size < 64 ? o->size : 64;
}

static size_t
memory_bytes(const struct port_options *o)
{
	size_t rx = o->rx_buffers * ((size_t)o->rx_buffer + RING_TABLE_BYTES);
	size_t tx = o->tx_buffers * ((size_t)o->tx_buffer + RING_TABLE_BYTES);
	size_t bytes = o->pairs * (rx + tx + 2 * ring_bytes(o->size) + 4 * 4096);

	bytes += o->regions * 4096u;
	return bytes + 4095 - (bytes + 4095) % 4096;
}

static int
open_descriptors(struct port *port)
{
	port->call_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (port->call_fd < 0)
		return -errno;
	for (unsigned i = 0; i < 2u * port->options.pairs; i++) {
		port->queues[i].index = (uint16_t)i;
		port->queues[i].kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (port->queues[i].kick_fd < 0)
			return -errno;
		port->queues[i].is_busy = calloc(port->options.tx_buffers, sizeof(bool));
	}
	if (port->options.connects)
		return 0;
	port->listen_fd = vu_listen(port->options.path);
	return port->listen_fd < 0 ? port->listen_fd : 0;
}

struct port *
port_open(unsigned number, const struct port_options *options, int *error)
{
	struct port *port = calloc(1, sizeof(*port));

	*error = -ENOMEM;
	if (port == NULL)
		return NULL;
	*port = (struct port){.number = number, .options = *options, .call_fd = -1, .fd = -1};
	port->listen_fd = -1;
	fill_defaults(&port->options);
	port->queues = calloc(2u * port->options.pairs, sizeof(*port->queues));
	for (unsigned i = 0; port->queues != NULL && i < 2u * port->options.pairs; i++)
		port->queues[i].kick_fd = -1;
	*error = guest_memory_open(&port->memory, memory_bytes(&port->options));
	if (*error != 0 || port->queues == NULL) {
		free(port->queues);
		free(port);
		return NULL;
	}
	*error = open_descriptors(port);
	if (*error != 0) {
		port_close(port);
		return NULL;
	}
	return port;
}

static void
close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void
port_close(struct port *port)
{
	port_disconnect(port);
	for (unsigned i = 0; i < 2u * port->options.pairs; i++) {
		close_if_open(port->queues[i].kick_fd);
		ring_free(&port->queues[i].ring);
		free(port->queues[i].is_busy);
	}
	if (port->listen_fd >= 0)
		unlink(port->options.path);
	close_if_open(port->listen_fd);
	close_if_open(port->call_fd);
	guest_memory_close(&port->memory);
	free(port->queues);
	free(port);
}

void
port_disconnect(struct port *port)
{
	close_if_open(port->fd);
	port->fd = -1;
	port->is_ready = false;
}
