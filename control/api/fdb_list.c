/* SPDX-License-Identifier: Apache-2.0 */
#include "api/fdb_list.h"

#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "api/common.h"
#include "objects/json.h"
#include "objects/place.h"

struct listing {
	struct request *request;
	const struct network *network;
	cJSON *list;
};

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
add_entry(struct listing *listing, const struct cw_fdb *entry)
{
	const struct objects *objects = listing->request->d->objects;
	const bool learned = (entry->flags & CW_FDB_LEARNED) != 0;
	const struct place place = {entry->port, entry->nexthop};
	cJSON *json;

	if (listing->network != NULL && listing->network->id != entry->network)
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
	cJSON_AddItemToArray(listing->list, json);
}

static int
add_flood(void *arg, struct object *object)
{
	const struct fdb *fdb = (const struct fdb *)object;
	struct listing *listing = arg;

	if (mac_is_zero(fdb->mac)
		&& (listing->network == NULL || listing->network->id == fdb->network))
		cJSON_AddItemToArray(
			listing->list, object_show(listing->request->d->objects, object));
	return 0;
}

static void
on_entries(void *arg, const struct dp_reply *reply)
{
	struct listing *listing = arg;
	const struct cw_item *item = NULL;
	bool bad = false;

	if (reply == NULL) {
		cJSON_Delete(listing->list);
		request_fail_away(listing->request);
		free(listing);
		return;
	}
	while ((item = cw_item_next(reply->frame, item, &bad)) != NULL)
		if (item->type == CW_ITEM_FDB)
			add_entry(listing, (const struct cw_fdb *)item);
	if (reply->more)
		return;
	objects_each(listing->request->d->objects, OBJECT_FDB, add_flood, listing);
	request_reply(listing->request, listing->list);
	free(listing);
}

void
fdb_list(struct request *request)
{
	const char *name = schema_string(request->params, "network");
	const struct network *network =
		name != NULL ? network_find(request->d->objects, name) : NULL;
	struct listing *listing;

	if (name != NULL && network == NULL) {
		fail_not_found(request, "network", "network", name);
		return;
	}
	if (request->d->dataplane != DATAPLANE_READY) {
		reply_list(request, OBJECT_FDB);
		return;
	}
	listing = malloc(sizeof(*listing));
	if (listing == NULL) {
		fail_no_memory(request);
		return;
	}
	*listing = (struct listing){request, network, cJSON_CreateArray()};
	if (request_dataplane(request, dp_frame_new(CW_GET_FDB), on_entries, listing) < 0) {
		cJSON_Delete(listing->list);
		free(listing);
	}
}
