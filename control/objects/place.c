/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include "json.h"
#include "nexthop.h"

int
place_read(const struct objects *objects, const cJSON *json, struct place *place,
	struct failure *failure)
{
	const struct nexthop *nexthop;

	if ((schema_get(json, "port") != NULL) == (schema_get(json, "nexthop") != NULL))
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "port", NULL,
			"give one of port=NAME, nexthop=ID, or vtep=NAME with remote=IP",
			"where it is is not said, or said in two ways");
	if (json_port(objects, json, "port", &place->port, failure) < 0
		|| json_nexthop(objects, json, "nexthop", &place->nexthop, failure) < 0)
		return -1;
	nexthop = nexthop_by_id(objects, place->nexthop);
	if (nexthop == NULL || nexthop->kind == CW_NEXTHOP_TUNNEL)
		return 0;
	return failure_set(failure, CW_RPC_INVALID_PARAMS, "nexthop", NULL,
		"give a next hop of kind tunnel, or the port", "next hop %u is of kind %s",
		nexthop->id, nexthop_kind_name(nexthop));
}

void
place_add(const struct objects *objects, struct place place, cJSON *json)
{
	if (place.nexthop != 0)
		cJSON_AddNumberToObject(json, "nexthop", place.nexthop);
	else
		cJSON_AddStringToObject(json, "port", port_name(objects, place.port));
}

void
place_show(const struct objects *objects, struct place place, cJSON *json)
{
	if (place.nexthop != 0)
		nexthop_show_tunnel(objects, place.nexthop, json);
}

void
place_references(struct place place, object_reference_fn *fn, void *arg)
{
	if (place.nexthop != 0)
		fn(arg, OBJECT_NEXTHOP, place.nexthop);
	else
		fn(arg, OBJECT_PORT, place.port);
}
