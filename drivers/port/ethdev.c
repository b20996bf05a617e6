/* SPDX-License-Identifier: Apache-2.0 */
#include "ethdev.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "buffer.h"
#include "ethdev_offload.h"

#define BUS "vdev"
#define DESCRIPTORS 512
// Metadata of a received frame that means the same to us as to the device.
#define KEEP_FLAGS (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_RX_L4_CKSUM_GOOD)

struct ethdev {
	uint16_t id; // DPDK's port id
	bool prepares; // the device does some of the work: frames need its form
	char name[RTE_ETH_NAME_MAX_LEN];
};

static const char *const prefixes[CW_PORT_KINDS] = {
	[CW_PORT_NULL] = "net_null",
	[CW_PORT_RING] = "net_ring",
	[CW_PORT_PCAP] = "net_pcap",
};

// Splits args into the device's name and its arguments, which may be empty.
static int
split_arguments(const struct port_config *config, char *name, size_t room, const char **rest,
	char *reason, size_t reason_len)
{
	const char *prefix = prefixes[config->kind], *args = config->args, *end;
	size_t len;

	if (args == NULL || strncmp(args, prefix, strlen(prefix)) != 0) {
		snprintf(reason, reason_len, "args must begin with %s (args=%s)", prefix,
			args != NULL ? args : "");
		return -EINVAL;
	}
	end = strchrnul(args, ',');
	len = (size_t)(end - args);
	if (len >= room) {
		snprintf(reason, reason_len, "device name is longer than %zu (args=%s)", room - 1,
			args);
		return -EINVAL;
	}
	memcpy(name, args, len);
	name[len] = '\0';
	*rest = *end == ',' ? end + 1 : end;
	return 0;
}

static int
make_device(struct ethdev *device, const char *arguments)
{
	int ret;

	// EAL takes a device that is there already for success.
	if (rte_eth_dev_get_port_by_name(device->name, &device->id) == 0)
		return -EEXIST;
	ret = rte_eal_hotplug_add(BUS, device->name, arguments);
	if (ret == 0 && rte_eth_dev_get_port_by_name(device->name, &device->id) != 0) {
		rte_eal_hotplug_remove(BUS, device->name);
		ret = -ENODEV;
	}
	return ret;
}

static uint16_t
queues_wanted(uint16_t wanted, uint16_t max)
{
	uint16_t n = wanted < max ? wanted : max;

	if (n > CW_MAX_QUEUES)
		return CW_MAX_QUEUES;
	return n > 0 ? n : 1;
}

static int
start(struct port *port, const struct port_config *config, struct ethdev *device)
{
	const uint16_t id = device->id;
	struct rte_eth_conf configuration = {0};
	struct rte_eth_dev_info info;
	int socket_id, ret;

	ret = rte_eth_dev_info_get(id, &info);
	if (ret < 0)
		return ret;
	port->n_rx = queues_wanted(config->n_queues, info.max_rx_queues);
	port->n_tx = queues_wanted(config->n_queues, info.max_tx_queues);
	socket_id = rte_eth_dev_socket_id(id);
	configuration.txmode.offloads = ethdev_offload_wanted(info.tx_offload_capa);
	port->capabilities = ethdev_offload_capabilities(info.tx_offload_capa);
	device->prepares = port->capabilities != PORT_TX_CHAINS;
	ret = rte_eth_dev_configure(id, port->n_rx, port->n_tx, &configuration);
	for (uint16_t q = 0; q < port->n_rx && ret == 0; q++)
		ret = rte_eth_rx_queue_setup(
			id, q, DESCRIPTORS, (unsigned int)socket_id, NULL, config->mbufs);
	for (uint16_t q = 0; q < port->n_tx && ret == 0; q++)
		ret = rte_eth_tx_queue_setup(id, q, DESCRIPTORS, (unsigned int)socket_id, NULL);
	return ret == 0 ? rte_eth_dev_start(id) : ret;
}

static int
ethdev_open(struct port *port, const struct port_config *config, char *reason, size_t reason_len)
{
	struct ethdev *device;
	const char *rest;
	int ret;

	if (config->n_fds > 0) {
		snprintf(reason, reason_len, "a %s port takes no descriptors",
			cw_port_kind_name(config->kind));
		return -EINVAL;
	}
	device = buffer_zmalloc(sizeof(*device), config->socket_id);
	if (device == NULL) {
		snprintf(reason, reason_len, "no memory for the device");
		return -ENOMEM;
	}
	ret = split_arguments(
		config, device->name, sizeof(device->name), &rest, reason, reason_len);
	if (ret < 0)
		goto err_free;
	ret = make_device(device, rest);
	if (ret < 0) {
		snprintf(reason, reason_len, "DPDK device %s (%s) cannot be made: %s", device->name,
			rest, strerror(-ret));
		goto err_free;
	}
	ret = start(port, config, device);
	if (ret < 0) {
		snprintf(reason, reason_len, "DPDK device %s cannot be started: %s", device->name,
			strerror(-ret));
		goto err_remove;
	}
	port->priv = device;
	return 0;

err_remove:
	rte_eal_hotplug_remove(BUS, device->name);
err_free:
	rte_free(device);
	return ret;
}

static void
ethdev_close(struct port *port)
{
	struct ethdev *device = port->priv;

	rte_eth_dev_stop(device->id);
	rte_eth_dev_close(device->id);
	rte_eal_hotplug_remove(BUS, device->name);
	rte_free(device);
}

static uint16_t
ethdev_rx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	const struct ethdev *device = port->priv;
	uint16_t received = rte_eth_rx_burst(device->id, queue, pkts, n);

	for (uint16_t i = 0; i < received; i++)
		pkts[i]->ol_flags &= KEEP_FLAGS;
	return received;
}

static uint16_t
ethdev_tx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	const struct ethdev *device = port->priv;
	uint16_t fit = n, sent;

	*stop = PORT_TX_FULL;
	if (device->prepares) {
		for (uint16_t i = 0; i < n; i++)
			ethdev_offload_describe(pkts[i]);
		fit = rte_eth_tx_prepare(device->id, queue, pkts, n);
	}
	sent = rte_eth_tx_burst(device->id, queue, pkts, fit);
	if (sent == fit && fit < n)
		*stop = PORT_TX_REFUSED;
	return sent;
}

static int
ethdev_wake_fd(struct port *port, uint16_t queue)
{
	return -1;
}

static enum cw_port_state
ethdev_state(struct port *port, char *reason, size_t reason_len)
{
	const struct ethdev *device = port->priv;
	struct rte_eth_link link;

	if (!rte_eth_dev_is_valid_port(device->id)) {
		snprintf(reason, reason_len, "DPDK device %s was removed", device->name);
		return CW_PORT_GONE;
	}
	if (rte_eth_link_get_nowait(device->id, &link) == 0
		&& link.link_status == RTE_ETH_LINK_DOWN) {
		snprintf(reason, reason_len, "DPDK device %s has no link", device->name);
		return CW_PORT_DOWN;
	}
	return CW_PORT_UP;
}

static void
ethdev_device_stats(struct port *port, struct port_device_stats *stats)
{
	const struct ethdev *device = port->priv;
	struct rte_eth_stats counters;

	*stats = (struct port_device_stats){0};
	if (rte_eth_stats_get(device->id, &counters) == 0)
		stats->rx_dropped = counters.imissed + counters.ierrors + counters.rx_nombuf;
}

static bool
ethdev_of(struct port *port, struct port_ethdev *ethdev)
{
	const struct ethdev *device = port->priv;

	*ethdev = (struct port_ethdev){.id = device->id, .starts = 1};
	return rte_eth_dev_is_valid_port(device->id);
}

const struct port_driver ethdev_driver = {
	.name = "ethdev",
	.kinds = 1u << CW_PORT_NULL | 1u << CW_PORT_PCAP, // ring: see ring.c
	.open = ethdev_open,
	.close = ethdev_close,
	.rx = ethdev_rx,
	.tx = ethdev_tx,
	.wake_fd = ethdev_wake_fd,
	.state = ethdev_state,
	.device_stats = ethdev_device_stats,
	.ethdev = ethdev_of,
};
PORT_DRIVER_REGISTER(ethdev_driver)
