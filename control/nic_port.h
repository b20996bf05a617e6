/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_NIC_PORT_H
#define CONTROL_NIC_PORT_H

// Ports of kinds nic and vf that have a device of their own: a card, a VF or a representor, which
// the data plane drives by DPDK. What the node's part of it is: the device's driver, given to it
// (bind=vfio-pci) and taken back. Main thread.

#include "causewayd.h"
#include "intent.h"

struct nic_ports;

// Returns NULL: no memory.
struct nic_ports *nic_ports_create(struct causewayd *d);
void nic_ports_free(struct nic_ports *ports); // accepts NULL; devices keep their drivers

// Parameters of port.add that say which device it is.
#define NIC_PORT_PARAMS                                                                    \
	{"device", FIELD_STRING, false, 1, 63}, {"representor", FIELD_NAME, false, 1, 31}, \
		{"promiscuous", FIELD_BOOLEAN}, {"isolated", FIELD_BOOLEAN},               \
		{"bind", FIELD_CHOICE, false, 0, 0, NULL, nic_port_drivers},               \
	{                                                                                  \
		"devargs", FIELD_STRING, false, 1, CW_ARGS_LEN - 1                         \
	}
extern const char *const nic_port_drivers[];
// Takes them out of parameters: what is left is a port's.
void nic_port_take_params(cJSON *params);

bool port_has_nic(const struct port *port);

// Turns these parameters, and the device as it is, into the port's arguments and binding; refuses
// what cannot be used. Returns 0, or a negative number with failure.
int nic_port_describe(
	struct causewayd *d, const cJSON *params, struct port *port, struct failure *failure);

// Gives the device its driver where one is asked for, durably noted before: the row of the store
// that the port's transaction is to clear is named by key ("": none). Returns 0, or a negative
// number with failure, and then the device is as it was.
int nic_port_open(
	struct causewayd *d, struct port *port, char key[INTENT_KEY_LEN], struct failure *failure);

// Gives the device its former driver back. No device is no error. Returns 0 or -errno.
int nic_port_remove(struct causewayd *d, const struct port *port);

// Before the data plane is told of its ports: devices that lost their driver (a reboot, a card that
// was taken out and put back) get it again.
void nic_ports_bind(struct causewayd *d);

#endif
