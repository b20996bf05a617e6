/* SPDX-License-Identifier: Apache-2.0 */

// Kind ring. args "ring:rx=NAME,tx=NAME" attach to rte_rings that somebody in this process made
// (tests, benchmarks) and cost no ethdev; keys repeat for further queues. Any other args are
// DPDK's net_ring device.

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>
#include <rte_ring.h>

#include "arguments.h"
#include "buffer.h"
#include "ethdev.h"

#define ATTACH_PREFIX "ring:"

struct ring_port {
	struct rte_ring *rx[CW_MAX_QUEUES], *tx[CW_MAX_QUEUES];
};

// Looks up all rings named by a key. Returns how many, or -errno and a sentence.
static int
look_up(const char *args, const char *key, struct rte_ring **rings, char *reason, size_t reason_len)
{
	char name[RTE_RING_NAMESIZE];
	unsigned int n;
	int ret;

	for (n = 0;; n++) {
		ret = arguments_get(args, key, n, name, sizeof(name));
		if (ret == -ENOENT && n > 0)
			return (int)n;
		if (ret < 0 || n == CW_MAX_QUEUES) {
			snprintf(reason, reason_len, "args need 1 to %d times %s=NAME (args=%s)",
				CW_MAX_QUEUES, key, args);
			return -EINVAL;
		}
		rings[n] = rte_ring_lookup(name);
		if (rings[n] == NULL) {
			snprintf(reason, reason_len, "there is no ring %s", name);
			return -ENOENT;
		}
	}
}

static bool
all_multi_producer(struct rte_ring *const *rings, int n)
{
	for (int i = 0; i < n; i++)
		if (rte_ring_is_prod_single(rings[i]))
			return false;
	return true;
}

static int
attach(struct port *port, const struct port_config *config, char *reason, size_t reason_len)
{
	const char *args = config->args + strlen(ATTACH_PREFIX);
	struct ring_port *device;
	int n_rx, n_tx = 0;

	if (config->n_fds > 0) {
		snprintf(reason, reason_len, "a ring port takes no descriptors");
		return -EINVAL;
	}
	device = buffer_zmalloc(sizeof(*device), config->socket_id);
	if (device == NULL) {
		snprintf(reason, reason_len, "no memory for the ring port");
		return -ENOMEM;
	}
	n_rx = look_up(args, "rx", device->rx, reason, reason_len);
	if (n_rx > 0)
		n_tx = look_up(args, "tx", device->tx, reason, reason_len);
	if (n_rx < 0 || n_tx < 0) {
		rte_free(device);
		return n_rx < 0 ? n_rx : n_tx;
	}
	port->priv = device;
	port->n_rx = (uint16_t)n_rx;
	port->n_tx = (uint16_t)n_tx;
	port->capabilities = PORT_TX_CHAINS;
	if (all_multi_producer(device->tx, n_tx))
		port->capabilities |= PORT_TX_QUEUE_SHARED;
	return 0;
}

static int
ring_open(struct port *port, const struct port_config *config, char *reason, size_t reason_len)
{
	if (config->args != NULL
		&& strncmp(config->args, ATTACH_PREFIX, strlen(ATTACH_PREFIX)) == 0)
		return attach(port, config, reason, reason_len);
	port->driver = &ethdev_driver;
	return port->driver->open(port, config, reason, reason_len);
}

// The rings belong to who made them.
static void
ring_close(struct port *port)
{
	rte_free(port->priv);
}

static uint16_t
ring_rx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct ring_port *device = port->priv;

	return (uint16_t)rte_ring_dequeue_burst(device->rx[queue], (void **)pkts, n, NULL);
}

static uint16_t
ring_tx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	struct ring_port *device = port->priv;

	*stop = PORT_TX_FULL;
	return (uint16_t)rte_ring_enqueue_burst(device->tx[queue], (void *const *)pkts, n, NULL);
}

static int
ring_wake_fd(struct port *port, uint16_t queue)
{
	return -1;
}

static enum cw_port_state
ring_state(struct port *port, char *reason, size_t reason_len)
{
	return CW_PORT_UP;
}

static void
ring_device_stats(struct port *port, struct port_device_stats *stats)
{
	*stats = (struct port_device_stats){0};
}

static const struct port_driver ring_driver = {
	.name = "ring",
	.kinds = 1u << CW_PORT_RING,
	.open = ring_open,
	.close = ring_close,
	.rx = ring_rx,
	.tx = ring_tx,
	.wake_fd = ring_wake_fd,
	.state = ring_state,
	.device_stats = ring_device_stats,
};
PORT_DRIVER_REGISTER(ring_driver)
