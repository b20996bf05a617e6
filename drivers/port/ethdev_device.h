/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_ETHDEV_DEVICE_H
#define DRIVERS_PORT_ETHDEV_DEVICE_H

// A DPDK device as a port: what the drivers of such ports (ethdev.c, nic.c) have in common. It is
// the first member of what their port->priv points at.

#include "port.h"

#include <rte_ethdev.h>

struct ethdev_device {
	uint16_t id; // DPDK's port id
	bool prepares; // the device does some of the work: frames need its form
	uint32_t starts; // how often it was started, from 1
	char name[RTE_ETH_NAME_MAX_LEN];
};

// Sets up queues and starts the device as 'configuration' says; the offloads that we know what to
// do with are added to it. Fills port->n_rx and n_tx, which stay once they are not 0, and
// capabilities. Returns 0 or DPDK's -errno; -ENXIO: it has fewer queues than it had.
int ethdev_device_start(struct port *port, const struct port_config *config,
	struct ethdev_device *device, struct rte_eth_conf *configuration);

// Of struct port_driver.
uint16_t ethdev_device_rx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t ethdev_device_tx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop);
int ethdev_device_wake_fd(struct port *port, uint16_t queue);
enum cw_port_state ethdev_device_state(struct port *port, char *reason, size_t reason_len);
bool ethdev_device_of(struct port *port, struct port_ethdev *ethdev);
void ethdev_device_stats(struct port *port, struct port_device_stats *stats);
// Zero where DPDK's driver does not count by queue.
void ethdev_device_queue_stats(struct port *port, uint16_t queue, struct port_queue_stats *stats);

#endif
