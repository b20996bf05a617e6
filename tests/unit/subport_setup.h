/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUBPORT_SETUP_H
#define TESTS_SUBPORT_SETUP_H

// A card for tests: port 4 is the uplink, whose device the sub-ports' frames travel through. Pods
// are behind sub-ports 5 (tag 101), 6 (tag 4094), and 7 and 8, which share tag 200; port 2 and 3
// are pods with devices of their own. Included behind l2_frames.h.

#include "worker_control.h"

#define PARENT 4
#define VF_A 5
#define VF_B 6
#define SHARED_A 7
#define SHARED_B 8
#define TAG_A 101
#define TAG_B 4094
#define TAG_SHARED 200

static struct dp_subports subport_table;

static inline void
subport_parent(struct dp_port *port, void *arg)
{
	port->flags = CW_PORT_UPLINK | CW_PORT_ROUTED;
	port->origin = PACKET_FROM_UPLINK;
	port->kind = CW_PORT_VF;
	port->subports = &subport_table;
	port->n_ips = 0;
}

static inline void
subport_fill(struct dp_port *port, void *arg)
{
	const struct dp_port *parent = arg;

	port->kind = CW_PORT_VF;
	port->parent = parent->id;
	port->parent_mac = parent->mac;
	port->device = parent->device;
	port->flags = CW_PORT_ROUTED;
	port->guard = CW_GUARD_ALL;
	port->vlan = port->id == VF_A ? TAG_A : TAG_B;
	if (port->id < SHARED_A)
		return;
	port->flags |= CW_PORT_SHARED_TAG;
	port->vlan = TAG_SHARED;
}

static inline void
subport_make(struct fixture *f, uint16_t id)
{
	const struct dp_port *parent = f->dp->ports[PARENT];

	fixture_port(f, id);
	worker_port_detach(f->dp, id); // its own device is not used
	assert_int_equal(worker_subport_attach(f->dp, id, parent->device), 0);
	fixture_port_change(f, id, subport_fill, (void *)(uintptr_t)parent);
	if (subport_table.port[f->dp->ports[id]->vlan] == 0)
		subport_table.port[f->dp->ports[id]->vlan] = id;
}

static inline int
setup_card(void **state)
{
	if (setup_ports(state) != 0)
		return -1;
	memset(&subport_table, 0, sizeof(subport_table));
	fixture_port_change(*state, PARENT, subport_parent, NULL);
	for (uint16_t id = VF_A; id <= SHARED_B; id++)
		subport_make(*state, id);
	return 0;
}

#endif
