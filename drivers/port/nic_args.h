/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_NIC_ARGS_H
#define DRIVERS_PORT_NIC_ARGS_H

// port_config.args of kinds nic and vf: "device=NAME", where NAME is a PCI address (0000:01:10.0)
// or that of a virtual device (net_ring0), then in any order
//   representor=vf3     the port is this representor of the device
//   representors=LIST   as DPDK's devarg 'representor', for drivers that make all of them when they
//                       take the device: vf[0-3]
//   promiscuous=on      frames to any MAC address
//   isolated=on         only what a flow rule takes comes in (rte_flow isolated mode)
// Everything else goes to the device's driver as it is.

#include <stdbool.h>
#include <stddef.h>

#include <rte_dev.h>

#include <causeway/limits.h>

struct nic_args {
	char device[RTE_DEV_NAME_MAX_LEN];
	bool is_pci; // 'device' is the complete address then
	char representor[32]; // "" for the device itself
	char devargs[CW_ARGS_LEN]; // for the driver, 'representor' among them where one is wanted
	bool promiscuous, isolated;
};

// Returns 0, or -EINVAL and a sentence. Any thread; text may be NULL.
int nic_args_parse(const char *text, struct nic_args *args, char *reason, size_t reason_len);

#endif
