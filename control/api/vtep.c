/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/vtep.h"

#include "api/common.h"
#include "learned_peers.h"

static const struct field ip_field[] = {{"", FIELD_IP}};

#define VTEP_KEYS                                                                      \
	{"udp_port", FIELD_INTEGER, false, 1, UINT16_MAX},                             \
		{"uplink", FIELD_NAME, false, 1, CW_NAME_LEN - 1}, {"mac", FIELD_MAC}, \
		{"ttl", FIELD_INTEGER, false, 1, 255}, {"strict", FIELD_BOOLEAN},      \
		{"checksum", FIELD_BOOLEAN},                                           \
		{"own", FIELD_LIST, false, 0, CW_MAX_VTEP_OWN, ip_field},              \
	{                                                                              \
		"groups", FIELD_LIST, false, 0, CW_MAX_VTEP_GROUPS, ip_field           \
	}

static const struct field add_params[] = {
	PARAM_NAME,
	{"kind", FIELD_CHOICE, true, 0, 0, NULL, vtep_kinds},
	{"address", FIELD_IP, true},
	PARAM_NETWORK(false),
	VTEP_KEYS,
	{0},
};
static const struct field set_params[] = {PARAM_NAME, {"address", FIELD_IP}, VTEP_KEYS, {0}};

static struct vtep *
find(struct request *request)
{
	return vtep_find(request->d->objects, schema_string(request->params, "name"));
}

static void
add(struct request *request)
{
	const struct vtep *existing = find(request);
	struct vtep *vtep = (struct vtep *)read_object(request, &vtep_class, request->params);
	struct failure failure;
	int64_t id;

	if (vtep == NULL)
		return;
	// One that goes over a mirrored one keeps its users.
	id = existing != NULL ? existing->id : objects_free_id(request->d->objects, OBJECT_VTEP, 0);
	if (id < 0) {
		failure_set(&failure, CW_RPC_EXHAUSTED, NULL, NULL, "delete vteps",
			"there are %d vteps, no more are possible", CW_MAX_VTEPS - 1);
		object_free(&vtep->object);
		request_fail(request, &failure);
		return;
	}
	vtep->id = (uint32_t)id;
	run_add(request, &vtep->object);
}

static void
set(struct request *request)
{
	const struct vtep *existing = find(request);
	struct failure failure;
	struct transaction *t;
	struct object *vtep;

	if (existing == NULL) {
		fail_not_found(request, "vtep", "name", schema_string(request->params, "name"));
		return;
	}
	if (object_is_mirrored(&existing->object)) {
		object_refuse_mirrored(request->d->objects, &existing->object, &failure);
		request_fail(request, &failure);
		return;
	}
	vtep = read_changed(request, &existing->object);
	if (vtep == NULL)
		return;
	t = transaction_new(request->d);
	if (t == NULL) {
		object_free(vtep);
		fail_no_memory(request);
		return;
	}
	transaction_put(t, vtep);
	request_run(request, t, vtep);
}

static void
del(struct request *request)
{
	struct vtep *vtep = find(request);
	struct failure failure;
	struct transaction *t;
	uint32_t users;

	users = vtep != NULL ? objects_users(request->d->objects, OBJECT_VTEP, vtep->id) : 0;
	if (users == 0 || object_is_mirrored(&vtep->object)) {
		run_del(request, vtep != NULL ? &vtep->object : NULL);
		return;
	}
	t = transaction_new(request->d);
	if (t == NULL) {
		fail_no_memory(request);
		return;
	}
	users -= learned_peers_release(t, request->d, OBJECT_VTEP, vtep->id);
	if (users == 0) {
		transaction_delete(t, &vtep->object);
		request_run(request, t, NULL);
		return;
	}
	transaction_abort(t);
	failure_set(&failure, CW_RPC_IN_USE, "name", vtep->name,
		"delete the routes, neighbours and FDB entries through it first",
		"%u next hops lead through vtep %s", users, vtep->name);
	request_fail(request, &failure);
}

static void
get(struct request *request)
{
	struct vtep *vtep = find(request);

	reply_object(request, vtep != NULL ? &vtep->object : NULL, "name",
		schema_string(request->params, "name"));
}

static void
list(struct request *request)
{
	reply_list(request, OBJECT_VTEP);
}

static void
watch(struct request *request)
{
	reply_watch(request, OBJECT_VTEP);
}

const struct method vtep_methods[] = {
	{"vtep.add", add_params, true, add},
	{"vtep.set", set_params, true, set},
	{"vtep.del", name_params, true, del},
	{"vtep.get", name_params, false, get},
	{"vtep.list", no_params, false, list},
	{"vtep.watch", no_params, false, watch},
	{0},
};
