/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_NIC_DEVICE_H
#define DRIVERS_PORT_NIC_DEVICE_H

// DPDK devices that ports of kinds nic and vf use: taken from their bus when the first port asks
// for them and given back after the last. Several ports share one: the card itself and its
// representors. Main thread.

#include <stdint.h>

#include "nic_args.h"

struct nic_device;

// DPDK's port of a device, or of a representor of it, for this caller alone. Returns 0, or -errno
// and a sentence.
int nic_device_take(const struct nic_args *args, struct nic_device **device, uint16_t *id,
	char *reason, size_t reason_len);
// The port is stopped and nobody uses it any more. Its queues stay closed to others of the device
// until the last port goes: some drivers cannot bring a port back alone.
void nic_device_give_back(struct nic_device *device, uint16_t id);
// The device was removed below us, or is about to be: nobody takes it any more before all its ports
// were given back.
void nic_device_lost(struct nic_device *device);

#endif
