/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "address_text.h"
#include "api/common.h"
#include "objects/json.h"

static const struct field all_params[] = {
	PARAM_NETWORK(false),
	{"mac", FIELD_MAC, true},
	{"port", FIELD_NAME, true, 1, CW_NAME_LEN - 1},
	{0},
};
static const struct field key_params[] = {PARAM_NETWORK(false), {"mac", FIELD_MAC, true}, {0}};

static struct object *
read_fdb(struct request *request)
{
	cJSON *params = cJSON_Duplicate(request->params, true);
	struct object *fdb;

	if (params != NULL && schema_get(params, "network") == NULL)
		cJSON_AddStringToObject(params, "network", CW_DEFAULT_NETWORK);
	fdb = read_object(request, &fdb_class, params);
	cJSON_Delete(params);
	return fdb;
}

static int
find(struct request *request, struct object **found)
{
	struct fdb probe = {.object.type = OBJECT_FDB};
	struct failure failure;

	if (json_network(request->d->objects, request->params, "network", &probe.network, &failure)
		< 0) {
		request_fail(request, &failure);
		return -1;
	}
	mac_parse(schema_string(request->params, "mac"), probe.mac);
	*found = objects_find(request->d->objects, &probe.object);
	return 0;
}

static void
add(struct request *request)
{
	struct object *fdb = read_fdb(request);

	if (fdb != NULL)
		run_add(request, fdb);
}

static void
set(struct request *request)
{
	struct object *existing, *fdb;
	struct transaction *t;

	if (find(request, &existing) < 0)
		return;
	if (existing == NULL) {
		fail_not_found(request, "fdb", "mac", schema_string(request->params, "mac"));
		return;
	}
	fdb = read_fdb(request);
	if (fdb == NULL)
		return;
	t = transaction_new(request->d);
	if (t == NULL) {
		object_free(fdb);
		fail_no_memory(request);
		return;
	}
	transaction_put(t, fdb);
	request_run(request, t, fdb);
}

static void
del(struct request *request)
{
	struct object *fdb;

	if (find(request, &fdb) == 0)
		run_del(request, fdb);
}

// --- the list: what the data plane has, of endpoints and learned, else what is configured

struct listing {
	struct request *request;
	const struct network *network;
	cJSON *list;
};

static void
add_entry(struct listing *listing, const struct cw_fdb *entry)
{
	const struct objects *objects = listing->request->d->objects;
	const bool learned = (entry->flags & CW_FDB_LEARNED) != 0;
	cJSON *json;

	if (listing->network != NULL && listing->network->id != entry->network)
		return;
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "network", network_name(objects, entry->network));
	json_add_mac(json, "mac", entry->mac);
	cJSON_AddStringToObject(json, "port", port_name(objects, entry->port));
	cJSON_AddBoolToObject(json, "learned", learned);
	if (learned)
		cJSON_AddNumberToObject(json, "age", entry->age_s);
	cJSON_AddStringToObject(json, "state", "ready");
	cJSON_AddItemToArray(listing->list, json);
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
	request_reply(listing->request, listing->list);
	free(listing);
}

static void
list(struct request *request)
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

static void
get(struct request *request)
{
	struct object *fdb;

	if (find(request, &fdb) == 0)
		reply_object(request, fdb, "mac", schema_string(request->params, "mac"));
}

static void
watch(struct request *request)
{
	reply_watch(request, OBJECT_FDB);
}

const struct method fdb_methods[] = {
	{"fdb.add", all_params, true, add},
	{"fdb.set", all_params, true, set},
	{"fdb.del", key_params, true, del},
	{"fdb.get", key_params, false, get},
	{"fdb.list", list_params, false, list},
	{"fdb.watch", no_params, false, watch},
	{0},
};
