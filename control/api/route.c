/* SPDX-License-Identifier: Apache-2.0 */
#include "api/common.h"
#include "route_change.h"

#define MAX_ROUTES 32768

static const struct field route_element[] = {{"", FIELD_OBJECT, false, 0, 0, route_keys}};
static const struct field many_params[] = {
	{"routes", FIELD_LIST, true, 1, MAX_ROUTES, route_element},
	{0},
};
static const struct field any_params[] = {{"routes", FIELD_ANY}, {"network", FIELD_ANY},
	{"prefix", FIELD_ANY}, {"nexthop", FIELD_ANY}, {"via", FIELD_ANY}, {"port", FIELD_ANY},
	{"mac", FIELD_ANY}, {"kind", FIELD_ANY}, {"vtep", FIELD_ANY}, {"remote", FIELD_ANY},
	{"vni", FIELD_ANY}, {"underlay", FIELD_ANY}, {"mtu", FIELD_ANY}, {"members", FIELD_ANY},
	{0}};
static const struct field get_params[] = {
	PARAM_NETWORK(false),
	{"prefix", FIELD_PREFIX, true},
	{0},
};

enum change {
	ADD,
	SET,
	DEL,
};

static int
change_one(
	struct route_change *change, enum change what, const cJSON *json, struct failure *failure)
{
	if (what == DEL)
		return route_change_del(change, json, failure);
	return route_change_put(change, json, what == SET, failure);
}

static int
change_all(
	struct route_change *change, enum change what, const cJSON *params, struct failure *failure)
{
	const cJSON *routes = schema_get(params, "routes"), *route;
	int ret;

	if (routes == NULL) {
		ret = schema_check(params, route_keys, failure);
		return ret < 0 ? ret : change_one(change, what, params, failure);
	}
	ret = schema_check(params, many_params, failure);
	cJSON_ArrayForEach (route, routes) {
		if (ret < 0)
			break;
		ret = change_one(change, what, route, failure);
	}
	return ret;
}

static void
run(struct request *request, enum change what)
{
	struct transaction *t = transaction_new(request->d);
	struct route_change change = {.t = t, .d = request->d};
	struct failure failure = {0};
	int ret;

	change.share = t != NULL ? nexthop_share_new(t, request->d) : NULL;
	if (change.share == NULL) {
		transaction_abort(t);
		fail_no_memory(request);
		return;
	}
	ret = change_all(&change, what, request->params, &failure);
	nexthop_share_end(change.share);
	if (ret < 0) {
		transaction_abort(t);
		request_fail(request, &failure);
		return;
	}
	request_run(request, t, NULL);
}

static void
add(struct request *request)
{
	run(request, ADD);
}

static void
set(struct request *request)
{
	run(request, SET);
}

static void
del(struct request *request)
{
	run(request, DEL);
}

// A route together with where its next hop leads: identifiers say little.
static cJSON *
show(struct causewayd *d, const struct route *route)
{
	static const char *const keys[] = {"kind", "via", "port", "mac", "vtep", "remote", "vni",
		"underlay", "mtu", "members"};
	const struct nexthop *nexthop = nexthop_by_id(d->objects, route->nexthop);
	cJSON *json = object_show(d->objects, &route->object), *to;

	if (json == NULL || nexthop == NULL)
		return json;
	to = object_show(d->objects, &nexthop->object);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		cJSON *member = cJSON_DetachItemFromObjectCaseSensitive(to, keys[i]);

		if (member != NULL)
			cJSON_AddItemToObject(json, keys[i], member);
	}
	cJSON_Delete(to);
	return json;
}

struct listing {
	struct causewayd *d;
	const struct network *network;
	cJSON *list;
};

static int
add_to_list(void *arg, struct object *object)
{
	const struct route *route = (const struct route *)object;
	struct listing *listing = arg;

	if (listing->network == NULL || listing->network->id == route->network)
		cJSON_AddItemToArray(listing->list, show(listing->d, route));
	return 0;
}

static void
list(struct request *request)
{
	const char *name = schema_string(request->params, "network");
	struct listing listing = {.d = request->d};

	if (name != NULL)
		listing.network = network_find(request->d->objects, name);
	if (name != NULL && listing.network == NULL) {
		fail_not_found(request, "network", "network", name);
		return;
	}
	listing.list = cJSON_CreateArray();
	objects_each(request->d->objects, OBJECT_ROUTE, add_to_list, &listing);
	request_reply(request, listing.list);
}

static void
get(struct request *request)
{
	const char *prefix = schema_string(request->params, "prefix");
	struct failure failure = {0};
	const struct route *route = NULL;
	struct route probe;

	if (route_key(request->d, request->params, &probe, &failure) == 0)
		route = (const struct route *)objects_find(request->d->objects, &probe.object);
	if (failure.code != 0)
		request_fail(request, &failure);
	else if (route == NULL)
		fail_not_found(request, "route", "prefix", prefix);
	else
		request_reply(request, show(request->d, route));
}

static void
watch(struct request *request)
{
	reply_watch(request, OBJECT_ROUTE);
}

const struct method route_methods[] = {
	{"route.add", any_params, true, add},
	{"route.set", any_params, true, set},
	{"route.del", any_params, true, del},
	{"route.get", get_params, false, get},
	{"route.list", list_params, false, list},
	{"route.watch", no_params, false, watch},
	{0},
};
