/* SPDX-License-Identifier: Apache-2.0 */
// What devices with filters are to let in: the tags of their port, its trunk and its sub-ports, and
// the groups that neighbours solicit our addresses by or that tunnels listen to.

#include <string.h>

#include "log.h"
#include "objects_private.h"

#define TAGS 4096

struct filters {
	const struct objects *objects;
	uint32_t port;
	bool wants_tag[TAGS], wants_network[CW_MAX_NETWORKS];
	uint16_t tags[TAGS];
	unsigned int n_tags, n_groups;
	struct rte_ether_addr groups[PORT_GROUPS];
};

static void
add_tag(struct filters *filters, uint16_t vlan, uint32_t network)
{
	filters->wants_network[network % CW_MAX_NETWORKS] = true;
	if (vlan == 0 || vlan >= TAGS || filters->wants_tag[vlan])
		return;
	filters->wants_tag[vlan] = true;
	filters->tags[filters->n_tags++] = vlan;
}

static void
collect_tags(struct filters *filters)
{
	for (uint32_t id = 1; id < CW_MAX_PORTS; id++) {
		const struct cw_port *port = objects_port(filters->objects, id);

		if (port == NULL || (id != filters->port && port->parent != filters->port))
			continue;
		add_tag(filters, port->vlan, port->network);
		for (uint16_t i = 0; i < port->n_trunk; i++)
			add_tag(filters, port->trunk[i].vlan, port->trunk[i].network);
	}
}

static void
add_group(struct filters *filters, const struct rte_ether_addr *group)
{
	unsigned int n = filters->n_groups < PORT_GROUPS ? filters->n_groups : PORT_GROUPS;

	while (n > 0)
		if (rte_is_same_ether_addr(&filters->groups[--n], group))
			return;
	if (filters->n_groups < PORT_GROUPS)
		filters->groups[filters->n_groups] = *group;
	filters->n_groups++;
}

// RFC 4291, 2.7.1, and RFC 2464, 7.
static void
add_solicited(struct filters *filters, const struct cw_ip *ip)
{
	const uint8_t *low = ip->addr + 13;
	const struct rte_ether_addr group = {{0x33, 0x33, 0xff, low[0], low[1], low[2]}};

	if (ip->family == 6)
		add_group(filters, &group);
}

// RFC 1112, 6.4, and RFC 2464, 7.
static void
add_ip_group(struct filters *filters, const struct cw_ip *ip)
{
	const uint8_t *at = ip->addr;
	const struct rte_ether_addr group6 = {{0x33, 0x33, at[12], at[13], at[14], at[15]}};
	const struct rte_ether_addr group4 = {{0x01, 0x00, 0x5e, at[1] & 0x7f, at[2], at[3]}};

	add_group(filters, ip->family == 6 ? &group6 : &group4);
}

static void
add_network(struct filters *filters, const struct cw_network *network)
{
	for (uint16_t i = 0; i < network->n_addresses; i++)
		add_solicited(filters, &network->addresses[i]);
}

static void
add_endpoint(struct filters *filters, const struct cw_endpoint *endpoint)
{
	if (!filters->wants_network[endpoint->network])
		return;
	for (uint16_t i = 0; i < endpoint->n_ips; i++)
		add_solicited(filters, &endpoint->ips[i]);
}

static void
add_vtep(struct filters *filters, const struct cw_vtep *vtep)
{
	if (vtep->port != 0 && vtep->port != filters->port)
		return;
	add_solicited(filters, &vtep->address);
	for (uint16_t i = 0; i < vtep->n_groups; i++)
		add_ip_group(filters, &vtep->addresses[vtep->n_own + i]);
}

// All nodes, all routers (RFC 4291, 2.7.1), and the addresses of the networks behind the device.
static void
collect_groups(struct filters *filters)
{
	static const struct rte_ether_addr nodes = {{0x33, 0x33, 0, 0, 0, 1}};
	static const struct rte_ether_addr routers = {{0x33, 0x33, 0, 0, 0, 2}};
	const struct objects *objects = filters->objects;
	struct object_key vtep = {.type = CW_ITEM_VTEP};
	const struct object *object;

	add_group(filters, &nodes);
	add_group(filters, &routers);
	for (uint32_t id = 0; id < CW_MAX_NETWORKS; id++)
		if (filters->wants_network[id] && (object = objects->networks[id]) != NULL)
			add_network(filters, (const struct cw_network *)object->item);
	for (uint32_t id = 1; id < CW_MAX_PORTS; id++)
		if ((object = objects->endpoints[id]) != NULL)
			add_endpoint(filters, (const struct cw_endpoint *)object->item);
	for (vtep.id = 1; vtep.id < CW_MAX_VTEPS; vtep.id++)
		if ((object = object_find(objects, &vtep)) != NULL)
			add_vtep(filters, (const struct cw_vtep *)object->item);
}

static void
set_filters(const struct objects *objects, uint16_t id)
{
	struct filters filters = {.objects = objects, .port = id};
	struct port *device = objects->devices[id].port;
	int error;

	collect_tags(&filters);
	collect_groups(&filters);
	error = device->driver->set_vlans(device, filters.tags, filters.n_tags);
	if (error == 0)
		error = device->driver->set_groups(device, filters.groups, filters.n_groups);
	if (error != 0)
		log_line(LOG_WARNING, "a device does not let in all tags and groups of its port",
			"port=%u name=%s error=\"%s\"", id, device->name, strerror(-error));
}

void
devices_set_filters(struct objects *objects)
{
	for (uint16_t id = 1; id < CW_MAX_PORTS; id++)
		if (objects->devices[id].port != NULL
			&& objects->devices[id].port->driver->set_vlans != NULL)
			set_filters(objects, id);
}
