/* SPDX-License-Identifier: Apache-2.0 */
#include "api/common.h"

#include "address_text.h"
#include "objects/json.h"

static const struct field all_params[] = {
	PARAM_NETWORK(false),
	{"ip", FIELD_IP, true},
	{"mac", FIELD_MAC, true},
	{"port", FIELD_NAME, true, 1, CW_NAME_LEN - 1},
	{0},
};
static const struct field key_params[] = {PARAM_NETWORK(false), {"ip", FIELD_IP, true}, {0}};

static struct object *
read_neighbor(struct request *request)
{
	cJSON *params = cJSON_Duplicate(request->params, true);
	struct object *neighbor;

	if (params != NULL && schema_get(params, "network") == NULL)
		cJSON_AddStringToObject(params, "network", CW_DEFAULT_NETWORK);
	neighbor = read_object(request, &neighbor_class, params);
	cJSON_Delete(params);
	return neighbor;
}

// The neighbour that the parameters name; *found is NULL when there is none. Returns -1 after
// having answered.
static int
find(struct request *request, struct object **found)
{
	struct neighbor probe = {.object.type = OBJECT_NEIGHBOR};
	struct failure failure;

	if (json_network(request->d->objects, request->params, "network", &probe.network, &failure)
		< 0) {
		request_fail(request, &failure);
		return -1;
	}
	ip_parse(schema_string(request->params, "ip"), &probe.ip);
	*found = objects_find(request->d->objects, &probe.object);
	return 0;
}

static void
add(struct request *request)
{
	struct object *neighbor = read_neighbor(request);

	if (neighbor != NULL)
		run_add(request, neighbor);
}

static void
set(struct request *request)
{
	struct object *existing, *neighbor;
	struct transaction *t;

	if (find(request, &existing) < 0)
		return;
	if (existing == NULL) {
		fail_not_found(request, "neighbor", "ip", schema_string(request->params, "ip"));
		return;
	}
	neighbor = read_neighbor(request);
	if (neighbor == NULL)
		return;
	t = transaction_new(request->d);
	if (t == NULL) {
		object_free(neighbor);
		fail_no_memory(request);
		return;
	}
	transaction_put(t, neighbor);
	request_run(request, t, neighbor);
}

static void
del(struct request *request)
{
	struct object *neighbor;

	if (find(request, &neighbor) == 0)
		run_del(request, neighbor);
}

static void
get(struct request *request)
{
	struct object *neighbor;

	if (find(request, &neighbor) == 0)
		reply_object(request, neighbor, "ip", schema_string(request->params, "ip"));
}

static void
list(struct request *request)
{
	reply_list(request, OBJECT_NEIGHBOR);
}

static void
watch(struct request *request)
{
	reply_watch(request, OBJECT_NEIGHBOR);
}

const struct method neighbor_methods[] = {
	{"neighbor.add", all_params, true, add},
	{"neighbor.set", all_params, true, set},
	{"neighbor.del", key_params, true, del},
	{"neighbor.get", key_params, false, get},
	{"neighbor.list", list_params, false, list},
	{"neighbor.watch", no_params, false, watch},
	{0},
};
