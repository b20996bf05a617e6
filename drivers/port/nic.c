/* SPDX-License-Identifier: Apache-2.0 */

// Kinds nic and vf: a card, a virtual function or a representor by DPDK; see nic_args.h for args.

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_flow.h>
#include <rte_malloc.h>

#include "buffer.h"
#include "ethdev_device.h"
#include "nic_args.h"
#include "nic_device.h"

#define RX_OFFLOADS (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)

struct nic {
	struct ethdev_device ethdev; // first: see ethdev_device.h
	struct nic_device *device;
	struct nic_args args;
};

static int
configure(struct port *port, const struct port_config *config, struct nic *nic)
{
	const uint16_t id = nic->ethdev.id;
	struct rte_eth_conf configuration = {0};
	struct rte_eth_dev_info info;
	struct rte_flow_error error;
	int ret = rte_eth_dev_info_get(id, &info);

	if (ret != 0)
		return ret;
	configuration.rxmode.offloads = info.rx_offload_capa & RX_OFFLOADS;
	if (nic->args.isolated && rte_flow_isolate(id, 1, &error) != 0)
		return -ENOTSUP;
	ret = ethdev_device_start(port, config, &nic->ethdev, &configuration);
	if (ret == 0 && nic->args.promiscuous)
		ret = rte_eth_promiscuous_enable(id);
	return ret;
}

static int
take(struct port *port, const struct port_config *config, struct nic *nic, char *reason,
	size_t reason_len)
{
	int error = nic_device_take(&nic->args, &nic->device, &nic->ethdev.id, reason, reason_len);

	if (error != 0)
		return error;
	rte_eth_dev_get_name_by_port(nic->ethdev.id, nic->ethdev.name);
	error = configure(port, config, nic);
	if (error == 0)
		return 0;
	snprintf(reason, reason_len, "DPDK device %s cannot be started: %s", nic->ethdev.name,
		strerror(-error));
	rte_eth_dev_stop(nic->ethdev.id);
	nic_device_give_back(nic->device, nic->ethdev.id);
	return error;
}

static int
nic_open(struct port *port, const struct port_config *config, char *reason, size_t reason_len)
{
	struct nic *nic;
	int error;

	if (config->n_fds > 0) {
		snprintf(reason, reason_len, "a %s port takes no descriptors",
			cw_port_kind_name(config->kind));
		return -EINVAL;
	}
	nic = buffer_zmalloc(sizeof(*nic), config->socket_id);
	if (nic == NULL) {
		snprintf(reason, reason_len, "no memory for the device");
		return -ENOMEM;
	}
	error = nic_args_parse(config->args, &nic->args, reason, reason_len);
	if (error == 0)
		error = take(port, config, nic, reason, reason_len);
	if (error != 0) {
		rte_free(nic);
		return error;
	}
	port->priv = nic;
	return 0;
}

static void
nic_close(struct port *port)
{
	struct nic *nic = port->priv;

	rte_eth_dev_stop(nic->ethdev.id);
	nic_device_give_back(nic->device, nic->ethdev.id);
	rte_free(nic);
}

static const struct port_driver nic_driver = {
	.name = "nic",
	.kinds = 1u << CW_PORT_NIC | 1u << CW_PORT_VF,
	.open = nic_open,
	.close = nic_close,
	.rx = ethdev_device_rx,
	.tx = ethdev_device_tx,
	.wake_fd = ethdev_device_wake_fd,
	.state = ethdev_device_state,
	.device_stats = ethdev_device_stats,
	.ethdev = ethdev_device_of,
};
PORT_DRIVER_REGISTER(nic_driver)
