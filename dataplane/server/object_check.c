/* SPDX-License-Identifier: Apache-2.0 */
#include "object_check.h"

#include <errno.h>

#include "objects_private.h"

// What an item says by itself. Sentences name the key and the value.

static int
check_network(const struct cw_network *network, struct reason *why)
{
	int error = check_range("network id", network->id, 0, CW_MAX_NETWORKS - 1, why);

	if (error == 0)
		error = check_text("network name", network->name, sizeof(network->name), true, why);
	if (error == 0)
		error = check_range("vni", network->vni, 0, CW_VNI_MAX, why);
	if (error == 0)
		error = check_range("network mtu", network->mtu, CW_MTU_MIN, CW_MTU_MAX, why);
	if (error == 0)
		error = check_range("network flags", network->flags, 0,
			CW_NETWORK_LEARNING | CW_NETWORK_RESOLVE, why);
	if (error == 0)
		error = check_range(
			"number of subnets", network->n_addresses, 0, CW_MAX_SUBNETS, why);
	if (error == 0)
		error = check_range("learn_age", network->learn_age_s, 0, INT32_MAX, why);
	if (error == 0)
		error = check_unicast("router_mac", network->router_mac, why);
	if (error == 0)
		error = check_host_ips(
			"router address", network->addresses, network->n_addresses, why);
	return error;
}

static int
check_trunk(const struct cw_port *port, struct reason *why)
{
	bool seen[4096] = {false};
	int error;

	for (uint16_t i = 0; i < port->n_trunk; i++) {
		const struct cw_tag *tag = &port->trunk[i];

		error = check_range("trunk vlan", tag->vlan, 1, 4094, why);
		if (error == 0)
			error = check_range(
				"trunk network", tag->network, 0, CW_MAX_NETWORKS - 1, why);
		if (error != 0)
			return error;
		if (seen[tag->vlan] || tag->vlan == port->vlan)
			return refuse(why, -EINVAL, "trunk vlan %u occurs twice", tag->vlan);
		seen[tag->vlan] = true;
	}
	return 0;
}

static int
check_port_numbers(const struct cw_port *port, struct reason *why)
{
	int error = check_range("port id", port->id, 1, CW_MAX_PORTS - 1, why);

	if (error == 0)
		error = check_range("port network", port->network, 0, CW_MAX_NETWORKS - 1, why);
	if (error == 0)
		error = check_range("port kind", port->kind, 1, CW_PORT_KINDS - 1, why);
	if (error == 0 && port->mtu != 0)
		error = check_range("port mtu", port->mtu, CW_MTU_MIN, CW_MTU_MAX, why);
	if (error == 0)
		error = check_range("port vlan", port->vlan, 0, 4094, why);
	if (error == 0)
		error = check_range("number of trunk tags", port->n_trunk, 0, CW_MAX_TRUNK, why);
	if (error == 0)
		error = check_range("port flags", port->flags, 0, CW_PORT_FLAGS, why);
	if (error == 0)
		error = check_range("port guard", port->guard, 0, CW_GUARD_ALL, why);
	if (error == 0)
		error = check_range(
			"number of port descriptors", port->n_fds, 0, CW_MAX_QUEUES, why);
	if (error == 0)
		error = check_range("port queues", port->n_queues, 0, CW_MAX_QUEUES, why);
	if (error == 0)
		error = check_range("port parent", port->parent, 0, CW_MAX_PORTS - 1, why);
	return error;
}

// Of a port that has no device of its own.
static int
check_subport(const struct cw_port *port, struct reason *why)
{
	const bool is_shared = (port->flags & CW_PORT_SHARED_TAG) != 0;

	if (port->kind != CW_PORT_VF)
		return refuse(why, -EINVAL, "port kind %s of %s cannot have a parent: only vf can",
			cw_port_kind_name(port->kind), port->name);
	if (port->parent == port->id)
		return refuse(
			why, -EINVAL, "port parent %u of %s is itself", port->parent, port->name);
	if (port->vlan == 0 && !is_shared)
		return refuse(why, -EINVAL,
			"port vlan 0 of %s: a sub-port needs a tag, 1 .. 4094, unless it shares it",
			port->name);
	if (port->n_fds != 0 || port->n_trunk != 0 || port->args[0] != '\0')
		return refuse(why, -EINVAL,
			"port %s has a parent: descriptors, trunk and args are for devices",
			port->name);
	if ((port->flags & (CW_PORT_UPLINK | CW_PORT_TRANSPARENT)) != 0)
		return refuse(why, -EINVAL,
			"port flags 0x%x of %s: a sub-port is neither uplink nor transparent",
			port->flags, port->name);
	return 0;
}

// Of one that has.
static int
check_routed(const struct cw_port *port, struct reason *why)
{
	if ((port->flags & CW_PORT_SHARED_TAG) != 0)
		return refuse(why, -EINVAL, "port flags 0x%x of %s: only a sub-port shares its tag",
			port->flags, port->name);
	if ((port->flags & (CW_PORT_ROUTED | CW_PORT_UPLINK)) == CW_PORT_ROUTED)
		return refuse(why, -EINVAL,
			"port flags 0x%x of %s: only uplinks and sub-ports are routed", port->flags,
			port->name);
	return 0;
}

static int
check_port(const struct cw_port *port, struct reason *why)
{
	int error = check_port_numbers(port, why);

	if (error == 0)
		error = check_text("port name", port->name, sizeof(port->name), true, why);
	if (error == 0)
		error = check_text("port ifname", port->ifname, sizeof(port->ifname), false, why);
	if (error == 0)
		error = check_text("port args", port->args, sizeof(port->args), false, why);
	if (error == 0)
		error = check_trunk(port, why);
	if (error == 0)
		error = port->parent != 0 ? check_subport(port, why) : check_routed(port, why);
	return error;
}

static int
check_endpoint(const struct cw_endpoint *endpoint, struct reason *why)
{
	int error = check_range("endpoint port", endpoint->port, 1, CW_MAX_PORTS - 1, why);

	if (error == 0)
		error = check_range(
			"endpoint network", endpoint->network, 0, CW_MAX_NETWORKS - 1, why);
	if (error == 0)
		error = check_unicast("endpoint mac", endpoint->mac, why);
	if (error == 0)
		error = check_range("number of ips", endpoint->n_ips, 0, CW_MAX_IPS, why);
	if (error == 0)
		error = check_host_ips("endpoint ip", endpoint->ips, endpoint->n_ips, why);
	return error;
}

int
objects_check(const struct cw_item *item, struct reason *why)
{
	switch (item->type) {
	case CW_ITEM_NETWORK:
		return check_network((const struct cw_network *)item, why);
	case CW_ITEM_PORT:
		return check_port((const struct cw_port *)item, why);
	case CW_ITEM_ENDPOINT:
		return check_endpoint((const struct cw_endpoint *)item, why);
	case CW_ITEM_FDB:
		return check_fdb((const struct cw_fdb *)item, why);
	case CW_ITEM_NEIGHBOR:
		return check_neighbor((const struct cw_neighbor *)item, why);
	case CW_ITEM_NEXTHOP:
		return check_nexthop((const struct cw_nexthop *)item, why);
	case CW_ITEM_ROUTE:
		return check_route((const struct cw_route *)item, why);
	case CW_ITEM_VTEP:
		return check_vtep((const struct cw_vtep *)item, why);
	case CW_ITEM_FLOOD:
		return check_flood((const struct cw_flood *)item, why);
	default:
		return refuse(why, -EINVAL, "item type %u is no object", item->type);
	}
}
