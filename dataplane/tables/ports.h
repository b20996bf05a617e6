/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_PORTS_H
#define TABLES_PORTS_H

// A port as the stages see it: the device and what the switch does with it.
// Immutable once published in dataplane.ports[] (but for 'up'); the main thread replaces it by a
// changed copy that shares the device.

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include <causeway/limits.h>
#include <causeway/wire.h>

struct port; // drivers/port/port.h

#define DP_TAGS 4096

// Which tags of a port's device belong to its sub-ports. Entries are written by the main thread
// while workers read, each one whole.
struct dp_subports {
	// By tag (0: untagged), the sub-port that has it, 0: none; of those that share a tag one.
	uint16_t port[DP_TAGS];
};

struct dp_port {
	uint16_t id;
	uint16_t network; // id, of untagged frames or of the access tag
	uint16_t mtu; // L3 bytes that the device takes
	uint16_t vlan; // access tag towards the device, 0 = untagged
	uint8_t kind; // cw_port_kind
	uint8_t origin; // packet_origin of what it sends
	uint16_t n_trunk;
	// Entries of trunk[] behind the first n_trunk: tags that sub-ports share. They say how
	// frames leave; what comes in with them is found in 'subports'.
	uint16_t n_shared;
	uint16_t parent; // id, of a sub-port; 0: it has a device of its own
	uint32_t flags; // cw_port_flag
	uint32_t guard; // cw_guard_flag
	uint32_t capabilities; // port_capability
	struct rte_ether_addr mac; // of the endpoint, or of the device
	struct rte_ether_addr parent_mac; // of a sub-port's parent, else zero
	uint16_t n_ips;
	struct cw_ip ips[CW_MAX_IPS]; // of the endpoint
	const struct dp_subports *subports; // NULL: no port has this one as its parent
	struct port *device; // of a sub-port: its parent's
	char name[CW_NAME_LEN];
	struct cw_tag trunk[]; // sorted by vlan
};

// The port whose sub-port has the tag: its identifier, or 0. p->subports is not NULL.
static inline uint16_t
dp_port_subport(const struct dp_port *p, uint16_t tag)
{
	return __atomic_load_n(&p->subports->port[tag], __ATOMIC_ACQUIRE);
}

// The MAC under which the switch itself is known at the port, and with which it sends what it
// routes there: that of the device. Zero: the network's router's.
static inline const struct rte_ether_addr *
dp_port_own_mac(const struct dp_port *p)
{
	return p->flags & CW_PORT_UPLINK ? &p->mac : &p->parent_mac;
}

// Whether frames may have to be held back from the card: see egress.
static inline bool
dp_port_is_card(const struct dp_port *p)
{
	return (p->flags & (CW_PORT_ROUTED | CW_PORT_SHARED_TAG)) != 0;
}

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
	for (uint16_t i = 0; i < p->n_trunk + p->n_shared; i++)
		if (p->trunk[i].network == network)
			return p->trunk[i].vlan;
	return 0;
}

#endif
