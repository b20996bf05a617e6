/* SPDX-License-Identifier: Apache-2.0 */
#include "api/station.h"

#include <stdlib.h>

#include "objects/json.h"
#include "objects/nexthop.h"

int
station_network(struct request *request, uint32_t *network)
{
	const struct network *absent = network_find(request->d->objects, CW_DEFAULT_NETWORK);
	struct failure failure;

	*network = absent != NULL ? absent->id : 0;
	if (json_network(request->d->objects, request->params, "network", network, &failure) == 0)
		return 0;
	request_fail(request, &failure);
	return -1;
}

// --- add, set

// A change of one station, while it is put together.
struct change {
	const struct station *station;
	struct causewayd *d;
	struct transaction *t;
	struct nexthop_share *share;
	uint32_t network;
};

// A next hop for stations rewrites nothing: frames keep the MAC of the station.
static int
read_tunnel(struct change *change, const cJSON *params, uint32_t *id, struct failure *failure)
{
	struct nexthop wanted = {
		.object = {.type = OBJECT_NEXTHOP, .origin = ORIGIN_AUTOMATIC},
		.network = change->network,
		.automatic = true,
	};
	cJSON *json;
	int ret;

	if (schema_get(params, "port") != NULL || schema_get(params, "nexthop") != NULL
		|| schema_get(params, "remote") == NULL)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "vtep", NULL,
			"give vtep=NAME with remote=IP alone", "where it is is not said clearly");
	json = cJSON_Duplicate(params, true);
	cJSON_DeleteItemFromObjectCaseSensitive(json, "mac"); // the station's own
	ret = nexthop_read_tunnel(change->d->objects, &wanted, json, failure);
	cJSON_Delete(json);
	if (ret < 0)
		return ret;
	*id = nexthop_share_get(change->share, &wanted, failure);
	return *id != 0 ? 0 : -1;
}

static int
read_place(struct change *change, const cJSON *params, struct place *place, struct failure *failure)
{
	static const char *const tunnel_keys[] = {"remote", "vni", "underlay", "mtu"};

	if (schema_get(params, "vtep") != NULL)
		return read_tunnel(change, params, &place->nexthop, failure);
	for (size_t i = 0; i < sizeof(tunnel_keys) / sizeof(tunnel_keys[0]); i++)
		if (schema_get(params, tunnel_keys[i]) != NULL)
			return failure_set(failure, CW_RPC_INVALID_PARAMS, tunnel_keys[i], NULL,
				"give vtep=NAME, too", "%s belongs to a tunnel", tunnel_keys[i]);
	return place_read(change->d->objects, params, place, failure);
}

static struct object *
read_station(struct change *change, const cJSON *params, struct failure *failure)
{
	struct object *object = change->station->probe(change->network, params);
	struct place place = {0};

	if (object == NULL) {
		json_no_memory(failure);
		return NULL;
	}
	if (read_place(change, params, &place, failure) == 0) {
		change->station->set_place(object, place);
		if (change->station->check(object, failure) == 0)
			return object;
	}
	object_free(object);
	return NULL;
}

// Nothing is changed after all: answers with what is there, or with failure.
static void
leave(struct request *request, struct change *change, const struct object *existing,
	const struct failure *failure)
{
	nexthop_share_end(change->share);
	transaction_abort(change->t);
	if (failure != NULL)
		request_fail(request, failure);
	else
		request_reply(request, object_show(request->d->objects, existing));
}

static void
put(struct request *request, struct change *change, struct object *object,
	const struct object *existing)
{
	const struct station *station = change->station;

	if (existing != NULL)
		nexthop_share_drop(change->share, station->place(existing).nexthop);
	nexthop_share_keep(change->share, station->place(object).nexthop);
	transaction_put(change->t, object);
	nexthop_share_end(change->share);
	request_run(request, change->t, object);
}

static bool
start(struct request *request, const struct station *station, struct change *change)
{
	*change = (struct change){.station = station, .d = request->d};
	if (station_network(request, &change->network) < 0)
		return false;
	change->t = transaction_new(request->d);
	if (change->t != NULL)
		change->share = nexthop_share_new(change->t, request->d);
	if (change->share != NULL)
		return true;
	transaction_abort(change->t);
	fail_no_memory(request);
	return false;
}

void
station_add(struct request *request, const struct station *station)
{
	struct failure failure = {0};
	struct object *object, *existing;
	struct change change;

	if (!start(request, station, &change))
		return;
	object = read_station(&change, request->params, &failure);
	if (object == NULL) {
		leave(request, &change, NULL, &failure);
		return;
	}
	existing = objects_find(request->d->objects, object);
	if (existing == NULL || object_is_mirrored(existing)) {
		put(request, &change, object, existing);
		return;
	}
	if (!object_same(request->d->objects, object, existing))
		failure_conflict(request->d->objects, existing, station->key, &failure);
	object_free(object);
	leave(request, &change, existing, failure.code != 0 ? &failure : NULL);
}

void
station_set(struct request *request, const struct station *station)
{
	struct failure failure = {0};
	struct object *object, *existing;
	struct change change;

	if (!start(request, station, &change))
		return;
	object = read_station(&change, request->params, &failure);
	existing = object != NULL ? objects_find(request->d->objects, object) : NULL;
	if (existing != NULL) {
		put(request, &change, object, existing);
		return;
	}
	if (object != NULL)
		failure_not_found(station->class->name, station->key,
			schema_string(request->params, station->key), &failure);
	object_free(object);
	leave(request, &change, NULL, &failure);
}

// --- del

void
station_list_free(struct station_list *list)
{
	free(list->objects);
	*list = (struct station_list){0};
}

void
station_collect(struct station_list *list, struct object *object)
{
	if (object == NULL || list->no_memory)
		return;
	if (list->n == list->capacity) {
		const unsigned int capacity = list->capacity == 0 ? 4 : list->capacity * 2;
		struct object **grown = realloc(list->objects, capacity * sizeof(*grown));

		if (grown == NULL) {
			list->no_memory = true;
			return;
		}
		list->objects = grown;
		list->capacity = capacity;
	}
	list->objects[list->n++] = object;
}

static int
delete_all(struct change *change, const struct station_list *list, struct failure *failure)
{
	for (unsigned int i = 0; i < list->n; i++) {
		struct object *object = list->objects[i];

		if (object_is_mirrored(object))
			return object_refuse_mirrored(change->d->objects, object, failure);
		nexthop_share_drop(change->share, change->station->place(object).nexthop);
		transaction_delete(change->t, object);
	}
	return list->no_memory ? json_no_memory(failure) : 0;
}

void
station_del(struct request *request, const struct station *station, struct station_list *list)
{
	struct failure failure = {0};
	struct change change;

	if (start(request, station, &change)) {
		if (delete_all(&change, list, &failure) < 0) {
			leave(request, &change, NULL, &failure);
		} else {
			nexthop_share_end(change.share);
			request_run(request, change.t, NULL);
		}
	}
	station_list_free(list);
}
