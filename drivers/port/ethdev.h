/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_ETHDEV_H
#define DRIVERS_PORT_ETHDEV_H

#include "port.h"

// Ports on a DPDK device that is made for them and removed with them (at most 32 in a process).
// args: "net_null0,size=64", "net_ring0", "net_pcap0,rx_pcap=IN,tx_pcap=OUT".
extern const struct port_driver ethdev_driver;

#endif
