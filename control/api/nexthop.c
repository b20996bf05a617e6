/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "api/common.h"
#include "nexthop_share.h"
#include "objects/nexthop.h"

static const struct field member_keys[] = {
	{"nexthop", FIELD_INTEGER, true, 1, CW_MAX_NEXTHOPS - 1},
	{"weight", FIELD_INTEGER, false, 1, 256},
	{0},
};
static const struct field member_key[] = {{"", FIELD_OBJECT, false, 0, 0, member_keys}};

#define NEXTHOP_KEYS                                                                            \
	{"port", FIELD_NAME, false, 1, CW_NAME_LEN - 1}, {"mac", FIELD_MAC}, {"via", FIELD_IP}, \
		{"mtu", FIELD_INTEGER, false, CW_MTU_MIN, CW_MTU_MAX}, TUNNEL_FIELDS,           \
	{                                                                                       \
		"members", FIELD_LIST, false, 1, CW_MAX_MEMBERS, member_key                     \
	}

static const struct field add_params[] = {
	{"id", FIELD_INTEGER, false, 1, CW_MAX_NEXTHOPS - 1},
	PARAM_NETWORK(false),
	{"kind", FIELD_CHOICE, true, 0, 0, NULL, nexthop_kinds},
	NEXTHOP_KEYS,
	{0},
};
static const struct field set_params[] = {
	{"id", FIELD_INTEGER, true, 1, CW_MAX_NEXTHOPS - 1}, NEXTHOP_KEYS, {0}};
static const struct field id_params[] = {{"id", FIELD_INTEGER, true, 1, CW_MAX_NEXTHOPS - 1}, {0}};

static struct nexthop *
find(struct request *request)
{
	return nexthop_by_id(
		request->d->objects, (uint32_t)schema_integer(request->params, "id", 0));
}

static struct nexthop *
read_nexthop(struct request *request)
{
	cJSON *params = cJSON_Duplicate(request->params, true);
	struct object *nexthop;

	if (params != NULL && schema_get(params, "network") == NULL)
		cJSON_AddStringToObject(params, "network", CW_DEFAULT_NETWORK);
	nexthop = read_object(request, &nexthop_class, params);
	cJSON_Delete(params);
	return (struct nexthop *)nexthop;
}

static void
add(struct request *request)
{
	struct nexthop *nexthop = read_nexthop(request);
	struct failure failure;
	int64_t id;

	if (nexthop == NULL)
		return;
	if (nexthop->id == 0) {
		id = objects_free_id(request->d->objects, OBJECT_NEXTHOP, 0);
		if (id < 0) {
			failure_set(&failure, CW_RPC_EXHAUSTED, NULL, NULL, "delete next hops",
				"there are %d next hops, no more are possible",
				CW_MAX_NEXTHOPS - 1);
			object_free(&nexthop->object);
			request_fail(request, &failure);
			return;
		}
		nexthop->id = (uint32_t)id;
	}
	run_add(request, &nexthop->object);
}

static void
fail_absent(struct request *request)
{
	char id[16];

	snprintf(id, sizeof(id), "%u", (unsigned int)schema_integer(request->params, "id", 0));
	fail_not_found(request, "nexthop", "id", id);
}

static void
set(struct request *request)
{
	const struct nexthop *existing = find(request);
	struct failure failure;
	struct nexthop *nexthop;
	struct transaction *t;

	if (existing == NULL) {
		fail_absent(request);
		return;
	}
	if (object_is_mirrored(&existing->object)) {
		object_refuse_mirrored(request->d->objects, &existing->object, &failure);
		request_fail(request, &failure);
		return;
	}
	if (existing->automatic) {
		failure_set(&failure, CW_RPC_REFUSED, "id", NULL, "change the routes by route.set",
			"next hop %u belongs to the routes that describe it", existing->id);
		request_fail(request, &failure);
		return;
	}
	nexthop = (struct nexthop *)read_changed(request, &existing->object);
	if (nexthop == NULL)
		return;
	t = transaction_new(request->d);
	if (t == NULL) {
		object_free(&nexthop->object);
		fail_no_memory(request);
		return;
	}
	transaction_put(t, &nexthop->object);
	request_run(request, t, &nexthop->object);
}

static void
del(struct request *request)
{
	struct nexthop *nexthop = find(request);
	struct failure failure;
	uint32_t users;

	if (nexthop == NULL) {
		run_del(request, NULL);
		return;
	}
	users = objects_users(request->d->objects, OBJECT_NEXTHOP, nexthop->id);
	if (users > 0) {
		failure_set(&failure, CW_RPC_IN_USE, "id", NULL, "delete them first",
			"%u routes, groups, tunnels, neighbours or FDB entries refer to next hop "
			"%u",
			users, nexthop->id);
		request_fail(request, &failure);
		return;
	}
	run_del(request, &nexthop->object);
}

static void
get(struct request *request)
{
	const struct nexthop *nexthop = find(request);

	if (nexthop == NULL)
		fail_absent(request);
	else
		reply_object(request, &nexthop->object, NULL, NULL);
}

static void
list(struct request *request)
{
	reply_list(request, OBJECT_NEXTHOP);
}

static void
watch(struct request *request)
{
	reply_watch(request, OBJECT_NEXTHOP);
}

const struct method nexthop_methods[] = {
	{"nexthop.add", add_params, true, add},
	{"nexthop.set", set_params, true, set},
	{"nexthop.del", id_params, true, del},
	{"nexthop.get", id_params, false, get},
	{"nexthop.list", list_params, false, list},
	{"nexthop.watch", no_params, false, watch},
	{0},
};
