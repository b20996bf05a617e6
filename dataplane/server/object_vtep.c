/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "objects_private.h"
#include "tables/vtep.h"

// Local tunnel ends, the VNIs of networks, and flood list entries.

int
object_vtep_refers(struct objects *objects, const struct cw_vtep *vtep, struct reason *why)
{
	int error = 0;

	if (vtep->port != 0)
		error = object_need_port(objects, vtep->port, "vtep port", why);
	if (error == 0 && vtep->kind != CW_TUNNEL_VXLAN)
		error = object_need_network(objects, vtep->network, "vtep network", why);
	return error;
}

bool
object_vtep_moves(const struct cw_vtep *old, const struct cw_vtep *vtep)
{
	return old->udp_port != vtep->udp_port || old->port != vtep->port
	       || memcmp(&old->address, &vtep->address, sizeof(old->address)) != 0;
}

int
object_vtep_apply(struct objects *objects, struct object *object, struct reason *why)
{
	const struct cw_vtep *vtep = (const struct cw_vtep *)object->item;
	int error = vtep_set(objects->dp->vteps, vtep);
	char text[64];

	objects_changed(objects);
	if (error == 0)
		return 0;
	if (error == -EEXIST)
		return refuse(why, error, "vtep address %s port %u: another vtep has it already",
			object_ip_text(&vtep->address, text), vtep->udp_port);
	return refuse(why, error, "vtep %u is not set: no memory", vtep->id);
}

void
object_vtep_remove(struct objects *objects, struct object *object)
{
	vtep_del(objects->dp->vteps, object->key.id);
}

int
object_flood_refers(struct objects *objects, const struct cw_flood *flood, struct reason *why)
{
	int error = object_need_network(objects, flood->network, "flood network", why);

	return error != 0 ? error
			  : object_need_tunnel(objects, flood->nexthop, "flood nexthop", why);
}

int
object_vni_refresh(struct objects *objects, uint32_t vni)
{
	const uint16_t known = vtep_vni_network(objects->dp->vteps, vni);
	uint32_t id = 0;

	if (vni == 0)
		return 0;
	while (id < CW_MAX_NETWORKS
		&& (objects->networks[id] == NULL
			|| ((const struct cw_network *)objects->networks[id]->item)->vni != vni))
		id++;
	if (id == known || (id == CW_MAX_NETWORKS && known == UINT16_MAX))
		return 0;
	objects_changed(objects);
	return vtep_set_vni(objects->dp->vteps, vni, id);
}
