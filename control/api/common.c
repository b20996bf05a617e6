/* SPDX-License-Identifier: Apache-2.0 */
#include "common.h"

#include <stdio.h>
#include <string.h>

#include "api/connection.h"

const struct field list_params[] = {PARAM_NETWORK(false), {0}};
const struct field name_params[] = {PARAM_NAME, {0}};

void
failure_not_found(const char *what, const char *key, const char *value, struct failure *failure)
{
	char hint[64];

	snprintf(hint, sizeof(hint), "%s.list shows those that exist", what);
	failure_set(failure, CW_RPC_NOT_FOUND, key, value, hint, "there is no %s %s", what, value);
}

void
fail_not_found(struct request *request, const char *what, const char *key, const char *value)
{
	struct failure failure;

	failure_not_found(what, key, value, &failure);
	request_fail(request, &failure);
}

void
fail_no_memory(struct request *request)
{
	const struct failure failure = {.code = CW_RPC_EXHAUSTED, .message = "no memory"};

	request_fail(request, &failure);
}

void
failure_conflict(const struct objects *objects, const struct object *existing, const char *key,
	struct failure *failure)
{
	const char *name = object_class(existing)->name;
	char text[OBJECT_KEY_LEN], hint[96];

	object_class(existing)->key(objects, existing, text, sizeof(text));
	snprintf(hint, sizeof(hint), "change it by %s.set, or delete it first", name);
	failure_set(failure, CW_RPC_CONFLICT, key, text, hint,
		"%s %.100s exists with other content", name, text);
}

void
fail_conflict(struct request *request, const struct object *existing, const char *key)
{
	struct failure failure;

	failure_conflict(request->d->objects, existing, key, &failure);
	request_fail(request, &failure);
}

int
param_network(struct request *request, const struct network **network)
{
	const char *name = schema_string(request->params, "network");

	*network = name != NULL ? network_find(request->d->objects, name) : NULL;
	if (name == NULL || *network != NULL)
		return 0;
	fail_not_found(request, "network", "network", name);
	return -1;
}

int
param_port(struct request *request, const struct port **port)
{
	const char *name = schema_string(request->params, "port");

	*port = name != NULL ? port_find(request->d->objects, name) : NULL;
	if (name == NULL || *port != NULL)
		return 0;
	fail_not_found(request, "port", "port", name);
	return -1;
}

struct listing {
	struct causewayd *d;
	const struct network *network;
	cJSON *list;
};

static bool
is_in(const struct objects *objects, const struct object *object, const struct network *network)
{
	uint32_t id = network->id;

	switch (object->type) {
	case OBJECT_NETWORK:
		id = ((const struct network *)object)->id;
		break;
	case OBJECT_PORT:
		id = ((const struct port *)object)->network;
		break;
	case OBJECT_ENDPOINT:
		id = ((const struct endpoint *)object)->network;
		break;
	case OBJECT_VTEP:
		id = ((const struct vtep *)object)->network;
		break;
	case OBJECT_NEXTHOP:
		id = ((const struct nexthop *)object)->network;
		break;
	case OBJECT_NEIGHBOR:
		id = ((const struct neighbor *)object)->network;
		break;
	case OBJECT_FDB:
		id = ((const struct fdb *)object)->network;
		break;
	case OBJECT_ROUTE:
		id = ((const struct route *)object)->network;
		break;
	default:
		break;
	}
	return id == network->id;
}

static int
add_to_list(void *arg, struct object *object)
{
	struct listing *listing = arg;

	if (listing->network == NULL || is_in(listing->d->objects, object, listing->network))
		cJSON_AddItemToArray(listing->list, object_show(listing->d->objects, object));
	return 0;
}

cJSON *
list_objects(struct causewayd *d, enum object_type type, const struct network *network)
{
	struct listing listing = {.d = d, .network = network, .list = cJSON_CreateArray()};

	objects_each(d->objects, type, add_to_list, &listing);
	return listing.list;
}

void
reply_list(struct request *request, enum object_type type)
{
	const struct network *network;

	if (param_network(request, &network) == 0)
		request_reply(request, list_objects(request->d, type, network));
}

void
reply_watch(struct request *request, enum object_type type)
{
	if (request->connection != NULL)
		request->connection->watches |= 1u << type;
	request_reply(request, list_objects(request->d, type, NULL));
}

void
reply_object(
	struct request *request, const struct object *object, const char *key, const char *value)
{
	char what[16] = "object";

	if (object != NULL) {
		request_reply(request, object_show(request->d->objects, object));
		return;
	}
	snprintf(what, sizeof(what), "%.*s", (int)strcspn(request->method->name, "."),
		request->method->name);
	fail_not_found(request, what, key, value);
}

struct object *
read_object(struct request *request, const struct object_class *class, const cJSON *params)
{
	struct failure failure = {0};
	struct object *object = class->from_json(request->d->objects, params, &failure);

	if (object == NULL)
		request_fail(request, &failure);
	// cppcheck-suppress returnDanglingLifetime ; objects keep nothing of failure
	return object;
}

void
run_add(struct request *request, struct object *object)
{
	struct objects *objects = request->d->objects;
	struct object *existing = objects_find(objects, object);
	struct transaction *t;

	// What is configured goes over what is mirrored.
	if (existing != NULL && !object_is_mirrored(existing)) {
		const bool same = object_same(objects, existing, object);

		object_free(object);
		if (same)
			request_reply(request, object_show(objects, existing));
		else
			fail_conflict(request, existing, NULL);
		return;
	}
	t = transaction_new(request->d);
	if (t == NULL) {
		object_free(object);
		fail_no_memory(request);
		return;
	}
	transaction_put(t, object);
	request_run(request, t, object);
}

void
run_del(struct request *request, struct object *object)
{
	struct failure failure;
	struct transaction *t;

	if (object == NULL) {
		request_reply(request, cJSON_CreateObject());
		return;
	}
	if (object_is_mirrored(object)) {
		object_refuse_mirrored(request->d->objects, object, &failure);
		request_fail(request, &failure);
		return;
	}
	t = transaction_new(request->d);
	if (t == NULL) {
		fail_no_memory(request);
		return;
	}
	transaction_delete(t, object);
	request_run(request, t, NULL);
}

static cJSON *
merge(cJSON *json, const cJSON *changes)
{
	const cJSON *member;

	cJSON_ArrayForEach (member, changes) {
		cJSON_DeleteItemFromObjectCaseSensitive(json, member->string);
		cJSON_AddItemToObject(json, member->string, cJSON_Duplicate(member, true));
	}
	return json;
}

struct object *
read_changed(struct request *request, const struct object *object)
{
	const struct object_class *class = object_class(object);
	cJSON *json = merge(class->to_json(request->d->objects, object), request->params);
	struct object *changed = read_object(request, class, json);

	cJSON_Delete(json);
	return changed;
}
