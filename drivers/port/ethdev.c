/* SPDX-License-Identifier: Apache-2.0 */
#include "ethdev.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_malloc.h>

#include "buffer.h"
#include "ethdev_device.h"

#define BUS "vdev"

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
make_device(struct ethdev_device *device, const char *arguments)
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

static int
ethdev_open(struct port *port, const struct port_config *config, char *reason, size_t reason_len)
{
	struct rte_eth_conf configuration = {0};
	struct ethdev_device *device;
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
	ret = ethdev_device_start(port, config, device, &configuration);
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
	struct ethdev_device *device = port->priv;

	rte_eth_dev_stop(device->id);
	rte_eth_dev_close(device->id);
	rte_eal_hotplug_remove(BUS, device->name);
	rte_free(device);
}

const struct port_driver ethdev_driver = {
	.name = "ethdev",
	.kinds = 1u << CW_PORT_NULL | 1u << CW_PORT_PCAP, // ring: see ring.c
	.open = ethdev_open,
	.close = ethdev_close,
	.rx = ethdev_device_rx,
	.tx = ethdev_device_tx,
	.wake_fd = ethdev_device_wake_fd,
	.state = ethdev_device_state,
	.device_stats = ethdev_device_stats,
	.ethdev = ethdev_device_of,
};
PORT_DRIVER_REGISTER(ethdev_driver)
