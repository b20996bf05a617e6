/* SPDX-License-Identifier: Apache-2.0 */
#include "api/fdb_list.h"

#include <string.h>

#include "address_text.h"
#include "api/common.h"
#include "api/dataplane_list.h"
#include "objects/json.h"
#include "objects/place.h"

// Who wants an entry of the data plane.
static const char *
origin_of(const struct objects *objects, const struct cw_fdb *entry)
{
	struct fdb probe = {.object.type = OBJECT_FDB, .network = entry->network};
	const struct object *object;

	if ((entry->flags & CW_FDB_LEARNED) != 0)
		return "learned";
	memcpy(probe.mac, entry->mac, sizeof(probe.mac));
	object = objects_find(objects, &probe.object);
	return object != NULL ? object_origin_name(object->origin) : "endpoint";
}

static void
add_entry(struct dataplane_list *list, const struct cw_item *item)
{
	const struct objects *objects = list->request->d->objects;
	const struct cw_fdb *entry = (const struct cw_fdb *)item;
	const bool learned = (entry->flags & CW_FDB_LEARNED) != 0;
	const struct place place = {entry->port, entry->nexthop};
	cJSON *json;

	if (!dataplane_list_wants(list, entry->network))
		return;
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "network", network_name(objects, entry->network));
	json_add_mac(json, "mac", entry->mac);
	place_add(objects, place, json);
	place_show(objects, place, json);
	cJSON_AddBoolToObject(json, "learned", learned);
	if (learned)
		cJSON_AddNumberToObject(json, "age", entry->age_s);
	cJSON_AddStringToObject(json, "origin", origin_of(objects, entry));
	cJSON_AddStringToObject(json, "state", "ready");
	cJSON_AddItemToArray(list->list, json);
}

static int
add_flood(void *arg, struct object *object)
{
	const struct fdb *fdb = (const struct fdb *)object;
	struct dataplane_list *list = arg;

	if (mac_is_zero(fdb->mac) && dataplane_list_wants(list, fdb->network))
		cJSON_AddItemToArray(list->list, object_show(list->request->d->objects, object));
	return 0;
}

static void
add_floods(struct dataplane_list *list)
{
	objects_each(list->request->d->objects, OBJECT_FDB, add_flood, list);
}

static const struct dataplane_list_kind entries = {CW_GET_FDB, CW_ITEM_FDB, add_entry, add_floods};

void
fdb_list(struct request *request)
{
	const struct network *network;

	if (param_network(request, &network) < 0)
		return;
	if (request->d->dataplane == DATAPLANE_READY)
		dataplane_list(
			request, &entries, network != NULL ? network->id : DATAPLANE_LIST_ALL);
	else
		reply_list(request, OBJECT_FDB);
}
