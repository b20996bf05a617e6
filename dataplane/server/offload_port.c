/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "offload_private.h"

const struct offload_port *
offload_device_port(struct offload *o, uint16_t id, char *reason, size_t reason_len)
{
	const struct dp_port *p = dp_port_get(o->dp, id);
	struct offload_port *port = &o->ports[id];

	if (p == NULL || p->device == NULL) {
		snprintf(reason, reason_len, "port %u has no device", id);
		return NULL;
	}
	if (p->device->driver->ethdev == NULL
		|| (!port->is_known && !p->device->driver->ethdev(p->device, &port->ethdev))) {
		snprintf(reason, reason_len, "port %s has no device that takes rules", p->name);
		return NULL;
	}
	if (!port->is_known)
		port->domain = flow_switch_domain(port->ethdev.id);
	port->is_known = true;
	return port;
}

const struct offload_port *
offload_port_of(struct offload *o, uint16_t id, char *reason, size_t reason_len)
{
	const struct offload_port *port = offload_device_port(o, id, reason, reason_len);
	const struct dp_port *p = dp_port_get(o->dp, id);

	if (port == NULL || (p->flags & CW_PORT_OFFLOAD) != 0)
		return port;
	snprintf(reason, reason_len, "offload of port %s is off", p->name);
	return NULL;
}

bool
offload_port_has_children(const struct offload *o, uint16_t id)
{
	for (uint16_t other = 1; other < CW_MAX_PORTS; other++) {
		const struct cw_port *port = objects_port(o->objects, other);

		if (port != NULL && port->parent == id)
			return true;
	}
	return false;
}

struct offload_device *
offload_device_of(struct offload *o, const struct offload_port *port, bool transfer, char *reason,
	size_t reason_len)
{
	struct flow_device *flow = flow_device_open(port->ethdev.id, transfer, reason, reason_len);
	struct offload_device **device;

	if (flow == NULL)
		return NULL;
	device = &o->devices[flow_device_ethdev(flow)];
	if (*device == NULL) {
		*device = calloc(1, sizeof(**device));
		if (*device != NULL)
			(*device)->flow = flow;
	}
	if (*device == NULL || (*device)->flow != flow)
		flow_device_close(flow);
	if (*device == NULL)
		snprintf(reason, reason_len, "no memory");
	return *device;
}

// UINT16_MAX: none. A port without rules of its own may be the way of others' into the card.
static uint16_t
ethdev_of(const struct offload *o, uint16_t id)
{
	const struct dp_port *p = dp_port_get(o->dp, id);
	struct port_ethdev ethdev;

	if (o->ports[id].is_known)
		return o->ports[id].ethdev.id;
	if (p == NULL || p->device == NULL || p->device->driver->ethdev == NULL
		|| !p->device->driver->ethdev(p->device, &ethdev))
		return UINT16_MAX;
	return ethdev.id;
}

static bool
is_of_port(const struct offload_flow *flow, uint16_t id, uint16_t ethdev)
{
	return flow->key.port == id || flow->out_port == id
	       || (flow->device != NULL && flow_device_ethdev(flow->device->flow) == ethdev);
}

// What was made for the former life of the device is of no use to the next.
static void
drop_device(struct offload *o, uint16_t ethdev)
{
	struct offload_device *device = o->devices[ethdev];

	if (device == NULL)
		return;
	flow_flush(device->flow);
	flow_device_close(device->flow);
	free(device);
	o->devices[ethdev] = NULL;
}

// Rules that went through the device went with it; of those that another one holds for it nobody
// can tell. What objects ask for is asked for again at once.
static void
port_restarted(struct offload *o, uint16_t id)
{
	static const char reason[] = "the device was started anew";
	const uint16_t ethdev = o->ports[id].ethdev.id;
	const struct offload_device *own = o->devices[ethdev];
	struct offload_flow *flow;

	TAILQ_FOREACH (flow, &o->flows, link) {
		if (flow->device == NULL || !is_of_port(flow, id, ethdev))
			continue;
		if (flow->device == own) {
			offload_flow_lost(o, flow, reason);
		} else {
			offload_flow_withdraw(o, flow);
			offload_flow_state(o, flow, CW_FLOW_FAILED, reason);
		}
		if (!flow->is_seen)
			flow->since_s = o->now_s - OFFLOAD_RETRY_S;
	}
	drop_device(o, ethdev);
}

static bool
is_as_known(const struct offload *o, uint16_t id)
{
	const struct port_ethdev *known = &o->ports[id].ethdev;
	const struct dp_port *p = dp_port_get(o->dp, id);
	struct port_ethdev now;

	if (p == NULL)
		return true; // on its way out: offload_port_closing()
	return p->device != NULL && p->device->driver->ethdev(p->device, &now)
	       && now.id == known->id && now.starts == known->starts;
}

// Also those that hold rules for others only: their next restart must be seen.
static void
know_all(struct offload *o)
{
	char reason[64];

	for (uint16_t id = 1; id < CW_MAX_PORTS; id++)
		if (!o->ports[id].is_known)
			offload_device_port(o, id, reason, sizeof(reason));
}

// Those that hold rules first: a proxy that was started anew has none to take back for others.
void
offload_ports_refresh(struct offload *o)
{
	for (int holds_rules = 1; holds_rules >= 0; holds_rules--)
		for (uint16_t id = 1; id < CW_MAX_PORTS; id++) {
			struct offload_port *port = &o->ports[id];

			if (!port->is_known
				|| (o->devices[port->ethdev.id] != NULL) != (holds_rules != 0)
				|| is_as_known(o, id))
				continue;
			port_restarted(o, id);
			port->is_known = false;
		}
	know_all(o);
}

void
offload_port_closing(struct offload *o, uint16_t id)
{
	const uint16_t ethdev = ethdev_of(o, id);
	struct offload_flow *flow, *next;

	offload_ports_refresh(o);
	for (flow = TAILQ_FIRST(&o->flows); flow != NULL; flow = next) {
		next = TAILQ_NEXT(flow, link);
		if (is_of_port(flow, id, ethdev))
			offload_flow_delete(o, flow);
	}
	if (ethdev != UINT16_MAX)
		drop_device(o, ethdev);
	o->ports[id].is_known = false;
}

void
offload_devices_close(struct offload *o)
{
	for (uint16_t i = 0; i < RTE_MAX_ETHPORTS; i++)
		drop_device(o, i);
}
