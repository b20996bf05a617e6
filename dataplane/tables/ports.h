/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_PORTS_H
#define TABLES_PORTS_H

// A port as the stages see it: the device and what the switch does with it.
// Immutable once published in dataplane.ports[] (but for 'up'); the main thread replaces it by a
// changed copy that shares the device.

#include <stdatomic.h>
#include <stdint.h>

#include <rte_ether.h>

#include <causeway/limits.h>
#include <causeway/wire.h>

struct port; // drivers/port/port.h

struct dp_port {
	uint16_t id;
	uint16_t network; // id, of untagged frames or of the access tag
	uint16_t mtu; // L3 bytes that the device takes
	uint16_t vlan; // access tag towards the device, 0 = untagged
	uint8_t kind; // cw_port_kind
	uint8_t origin; // packet_origin of what it sends
	uint16_t n_trunk;
	uint32_t flags; // cw_port_flag
	uint32_t guard; // cw_guard_flag
	uint32_t capabilities; // port_capability
	struct rte_ether_addr mac; // of the endpoint, or of the device
	uint16_t n_ips;
	struct cw_ip ips[CW_MAX_IPS]; // of the endpoint
	struct port *device;
	char name[CW_NAME_LEN];
	struct cw_tag trunk[]; // sorted by vlan
};

// Network of a tag on a trunk port, or UINT16_MAX. vlan in host order.
static inline uint16_t
dp_port_trunk_network(const struct dp_port *p, uint16_t vlan)
{
	for (uint16_t i = 0; i < p->n_trunk; i++)
		if (p->trunk[i].vlan == vlan)
			return (uint16_t)p->trunk[i].network;
	return UINT16_MAX;
}

// Tag that a network's frames carry towards the device of a port, 0 = none.
static inline uint16_t
dp_port_tag(const struct dp_port *p, uint16_t network)
{
	if (network == p->network)
		return p->vlan;
	for (uint16_t i = 0; i < p->n_trunk; i++)
		if (p->trunk[i].network == network)
			return p->trunk[i].vlan;
	return 0;
}

#endif
