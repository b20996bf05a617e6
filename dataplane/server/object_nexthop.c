/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "objects_private.h"

// Next hops and what refers to them: whether what they name is there, and of the right kind.

static const struct cw_nexthop *
find_nexthop(const struct objects *objects, uint32_t id)
{
	const struct object_key key = {.type = CW_ITEM_NEXTHOP, .id = id};
	const struct object *object = object_find(objects, &key);

	if (object == NULL || (objects->in_epoch && object->mark != objects->mark))
		return NULL;
	return (const struct cw_nexthop *)object->item;
}

static int
members_refer(struct objects *objects, const struct cw_nexthop *nexthop, struct reason *why)
{
	const bool of_tunnels = (nexthop->flags & CW_NEXTHOP_OF_TUNNELS) != 0;

	for (uint32_t i = 0; i < nexthop->n_members; i++) {
		const uint32_t id = nexthop->members[i].nexthop;
		const struct cw_nexthop *member = find_nexthop(objects, id);

		if (member == NULL)
			return refuse(why, -ENOENT, "member nexthop %u does not exist", id);
		if (member->kind == CW_NEXTHOP_GROUP)
			return refuse(why, -EINVAL, "member nexthop %u is a group itself", id);
		if (member->kind == CW_NEXTHOP_TUNNEL && !of_tunnels)
			return refuse(why, -EINVAL,
				"member nexthop %u is a tunnel, but the group is not flagged so",
				id);
	}
	return 0;
}

static int
need_vtep(struct objects *objects, const struct cw_nexthop *nexthop, struct reason *why)
{
	const struct object_key key = {.type = CW_ITEM_VTEP, .id = nexthop->vtep};
	const struct object *object = object_find(objects, &key);
	const struct cw_vtep *vtep;

	if (object == NULL || (objects->in_epoch && object->mark != objects->mark))
		return refuse(why, -ENOENT, "nexthop vtep %u does not exist", nexthop->vtep);
	vtep = (const struct cw_vtep *)object->item;
	if (vtep->address.family != nexthop->via.family)
		return refuse(why, -EINVAL, "nexthop via is IPv%u, the address of vtep %u IPv%u",
			nexthop->via.family, nexthop->vtep, vtep->address.family);
	return 0;
}

static int
need_underlay(struct objects *objects, uint32_t id, struct reason *why)
{
	const struct cw_nexthop *underlay = find_nexthop(objects, id);

	if (underlay == NULL)
		return refuse(why, -ENOENT, "nexthop underlay %u does not exist", id);
	if (underlay->kind == CW_NEXTHOP_PORT || underlay->kind == CW_NEXTHOP_VIA)
		return 0;
	if (underlay->kind == CW_NEXTHOP_GROUP && (underlay->flags & CW_NEXTHOP_OF_TUNNELS) == 0)
		return 0;
	return refuse(why, -EINVAL,
		"nexthop underlay %u leads neither to a port, nor via a neighbor, nor is it a "
		"group of such",
		id);
}

static int
tunnel_refers(struct objects *objects, const struct cw_nexthop *nexthop, struct reason *why)
{
	int error = object_need_network(objects, nexthop->network, "nexthop network", why);

	if (error == 0)
		error = need_vtep(objects, nexthop, why);
	if (error == 0 && nexthop->underlay != 0)
		error = need_underlay(objects, nexthop->underlay, why);
	return error;
}

int
object_nexthop_refers(struct objects *objects, const struct cw_nexthop *nexthop, struct reason *why)
{
	int error = 0;

	switch (nexthop->kind) {
	case CW_NEXTHOP_GROUP:
		return members_refer(objects, nexthop, why);
	case CW_NEXTHOP_TUNNEL:
		return tunnel_refers(objects, nexthop, why);
	case CW_NEXTHOP_PORT:
		error = object_need_port(objects, nexthop->port, "nexthop port", why);
		break;
	case CW_NEXTHOP_VIA:
	case CW_NEXTHOP_HOST:
		break;
	default:
		return 0;
	}
	return error != 0 ? error
			  : object_need_network(objects, nexthop->network, "nexthop network", why);
}

int
object_need_tunnel(struct objects *objects, uint32_t nexthop, const char *key, struct reason *why)
{
	const struct cw_nexthop *found = find_nexthop(objects, nexthop);

	if (found == NULL)
		return refuse(why, -ENOENT, "%s %u does not exist", key, nexthop);
	if (found->kind != CW_NEXTHOP_TUNNEL)
		return refuse(why, -EINVAL, "%s %u is no tunnel", key, nexthop);
	return 0;
}

int
object_route_refers(struct objects *objects, const struct cw_route *route, struct reason *why)
{
	int error = object_need_network(objects, route->network, "route network", why);

	if (error != 0)
		return error;
	if (find_nexthop(objects, route->nexthop) == NULL)
		return refuse(why, -ENOENT, "route nexthop %u does not exist", route->nexthop);
	return 0;
}
