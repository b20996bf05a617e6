/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "objects_private.h"

// What a sub-port and its parent ask of each other.

// The network that a tag means at a port by itself, or -1.
static int64_t
network_of_tag(const struct cw_port *port, uint16_t vlan)
{
	if (vlan == port->vlan)
		return port->network;
	for (uint16_t i = 0; i < port->n_trunk; i++)
		if (port->trunk[i].vlan == vlan)
			return port->trunk[i].network;
	return -1;
}

// The tag of a network at a port by itself, or -1.
static int
tag_of_network(const struct cw_port *port, uint32_t network)
{
	if (port->network == network)
		return port->vlan;
	for (uint16_t i = 0; i < port->n_trunk; i++)
		if (port->trunk[i].network == network)
			return port->trunk[i].vlan;
	return -1;
}

static bool
is_shared(const struct cw_port *sub)
{
	return (sub->flags & CW_PORT_SHARED_TAG) != 0;
}

// Frames that may be bridged there need one tag for all of their network.
static bool
is_bridged(const struct cw_port *sub)
{
	return is_shared(sub) && (sub->flags & CW_PORT_ROUTED) == 0;
}

static int
check_tag(const struct cw_port *parent, const struct cw_port *sub, struct reason *why)
{
	const int64_t network = network_of_tag(parent, sub->vlan);
	const int tag = tag_of_network(parent, sub->network);

	if (network >= 0 && !is_shared(sub))
		return refuse(why, -EEXIST, "port vlan %u of %s is a tag of its parent %s itself",
			sub->vlan, sub->name, parent->name);
	if (network >= 0 && network != sub->network)
		return refuse(why, -EINVAL,
			"port vlan %u of %s means network %u at its parent %s, not network %u",
			sub->vlan, sub->name, (uint32_t)network, parent->name, sub->network);
	if (is_bridged(sub) && tag >= 0 && tag != sub->vlan)
		return refuse(why, -EINVAL,
			"port vlan %u of %s: network %u has tag %d at its parent %s, and a port "
			"that "
			"is not routed cannot have another",
			sub->vlan, sub->name, sub->network, tag, parent->name);
	return 0;
}

static int
check_pair(const struct cw_port *parent, const struct cw_port *sub, struct reason *why)
{
	if (parent->parent != 0)
		return refuse(why, -EINVAL, "port parent %u (%s) has a parent itself", parent->id,
			parent->name);
	if ((parent->flags & CW_PORT_UPLINK) == 0)
		return refuse(
			why, -EINVAL, "port parent %u (%s) is no uplink", parent->id, parent->name);
	return check_tag(parent, sub, why);
}

static int
check_sibling(const struct cw_port *sub, const struct cw_port *other, struct reason *why)
{
	if (sub->vlan != other->vlan) {
		if (!is_bridged(sub) || !is_shared(other) || sub->network != other->network)
			return 0;
		return refuse(why, -EINVAL,
			"port vlan %u of %s: network %u has tag %u at port %u (%s), and a port "
			"that "
			"is not routed cannot have another",
			sub->vlan, sub->name, sub->network, other->vlan, other->id, other->name);
	}
	if (!is_shared(sub) || !is_shared(other))
		return refuse(why, -EEXIST, "port vlan %u of parent %u is that of port %u (%s)",
			sub->vlan, sub->parent, other->id, other->name);
	if (sub->network != other->network)
		return refuse(why, -EINVAL,
			"port vlan %u of parent %u means network %u by port %u (%s), not network "
			"%u",
			sub->vlan, sub->parent, other->network, other->id, other->name,
			sub->network);
	return 0;
}

// One that an epoch has released is about to be set anew.
static bool
still_holds(const struct objects *objects, const struct object *object)
{
	return object->key.type == CW_ITEM_PORT
	       && (!objects->in_epoch
		       || dp_port_get(objects->dp, (uint16_t)object->key.id) != NULL);
}

static bool
is_parent(const struct objects *objects, uint32_t id)
{
	const struct object *object;

	LIST_FOREACH (object, &objects->by_port[id], port_link)
		if (object->key.type == CW_ITEM_PORT)
			return true;
	return false;
}

int
object_subport_refers(struct objects *objects, const struct cw_port *port, struct reason *why)
{
	const struct object *object;
	int error = object_need_port(objects, port->parent, "port parent", why);

	if (error == 0)
		error = check_pair(objects_port(objects, port->parent), port, why);
	if (error == 0 && is_parent(objects, port->id))
		return refuse(
			why, -EINVAL, "port %s has sub-ports and cannot have a parent", port->name);
	if (error != 0)
		return error;
	LIST_FOREACH (object, &objects->by_port[port->parent], port_link)
		if (error == 0 && object->key.id != port->id && still_holds(objects, object))
			error = check_sibling(port, (const struct cw_port *)object->item, why);
	return error;
}

int
object_parent_refers(struct objects *objects, const struct cw_port *port, struct reason *why)
{
	const struct object *object;
	int error = 0;

	LIST_FOREACH (object, &objects->by_port[port->id], port_link)
		if (error == 0 && object->key.type == CW_ITEM_PORT)
			error = check_pair(port, (const struct cw_port *)object->item, why);
	return error;
}
