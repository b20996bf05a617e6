/* SPDX-License-Identifier: Apache-2.0 */
#include "object.h"

#include <stdlib.h>
#include <string.h>

const struct object_class *const object_classes[OBJECT_TYPES] = {
	[OBJECT_NETWORK] = &network_class,
	[OBJECT_PORT] = &port_class,
	[OBJECT_ENDPOINT] = &endpoint_class,
	[OBJECT_VTEP] = &vtep_class,
	[OBJECT_NEXTHOP] = &nexthop_class,
	[OBJECT_NEIGHBOR] = &neighbor_class,
	[OBJECT_FDB] = &fdb_class,
	[OBJECT_ROUTE] = &route_class,
};

const char *
object_origin_name(unsigned int origin)
{
	static const char *const names[ORIGINS] = {
		[ORIGIN_STATIC] = "static",
		[ORIGIN_HOST] = "host",
		[ORIGIN_AUTOMATIC] = "automatic",
		[ORIGIN_LEARNED] = "learned",
		[ORIGIN_LEASE] = "lease:flannel",
		[ORIGIN_FLANNEL] = "mirror:flannel",
		[ORIGIN_BIRD] = "mirror:bird",
		[ORIGIN_FRR] = "mirror:frr",
		[ORIGIN_ADMIN] = "mirror:static",
		[ORIGIN_KERNEL] = "mirror:kernel",
		[ORIGIN_OTHER] = "mirror:other",
	};

	return origin < ORIGINS ? names[origin] : "unknown";
}

const char *
object_state_name(unsigned int state)
{
	static const char *const names[] = {"waiting", "ready", "refused", "down", "gone"};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

void *
object_new(enum object_type type, size_t size)
{
	struct object *object = calloc(1, size);

	if (object != NULL)
		object->type = (uint8_t)type;
	return object;
}

void
object_free(struct object *object)
{
	if (object == NULL)
		return;
	free(object->reason);
	free(object);
}

int
object_refuse_mirrored(
	const struct objects *objects, const struct object *object, struct failure *failure)
{
	char text[OBJECT_KEY_LEN];

	object_class(object)->key(objects, object, text, sizeof(text));
	return failure_set(failure, CW_RPC_REFUSED, NULL, text,
		"change it where it comes from, or add one of your own over it",
		"%s %.100s is not configured here but comes from %s", object_class(object)->name,
		text, object_origin_name(object->origin));
}

void
object_set_state(struct object *object, enum object_state state, const char *reason)
{
	free(object->reason);
	object->state = (uint8_t)state;
	object->reason = reason != NULL && reason[0] != '\0' ? strdup(reason) : NULL;
}

void *
object_copy(const void *object, size_t size)
{
	struct object *copy = malloc(size);

	if (copy == NULL)
		return NULL;
	memcpy(copy, object, size);
	copy->state = OBJECT_WAITING;
	copy->reason = NULL;
	return copy;
}

cJSON *
object_show(const struct objects *objects, const struct object *object)
{
	cJSON *json = object_class(object)->to_json(objects, object);

	if (json == NULL)
		return NULL;
	// What a peer must prove is for the store and the data plane only.
	if (cJSON_GetObjectItemCaseSensitive(json, "secret") != NULL)
		cJSON_ReplaceItemInObjectCaseSensitive(
			json, "secret", cJSON_CreateString("(hidden)"));
	if (object_class(object)->show != NULL)
		object_class(object)->show(objects, object, json);
	if (cJSON_GetObjectItemCaseSensitive(json, "origin") == NULL)
		cJSON_AddStringToObject(json, "origin", object_origin_name(object->origin));
	cJSON_AddStringToObject(json, "state", object_state_name(object->state));
	if (object->reason != NULL)
		cJSON_AddStringToObject(json, "reason", object->reason);
	return json;
}

bool
object_same(const struct objects *objects, const struct object *a, const struct object *b)
{
	cJSON *first = object_class(a)->to_json(objects, a);
	cJSON *second = object_class(b)->to_json(objects, b);
	const bool same = first != NULL && second != NULL && cJSON_Compare(first, second, true);

	cJSON_Delete(first);
	cJSON_Delete(second);
	return same;
}
