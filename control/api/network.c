/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "address_text.h"
#include "api/common.h"
#include "network_change.h"

static const struct field subnet_field[] = {{"", FIELD_PREFIX}};

#define NETWORK_KEYS                                                                        \
	{"mtu", FIELD_INTEGER, false, CW_MTU_MIN, CW_MTU_MAX},                              \
		{"subnets", FIELD_LIST, false, 0, CW_MAX_SUBNETS, subnet_field},            \
		{"router_mac", FIELD_MAC}, {"learning", FIELD_BOOLEAN},                     \
		{"learn_age", FIELD_INTEGER, false, 0, 1000000},                            \
		{"learn_limit", FIELD_INTEGER, false, 0, 1000000}, {"host", FIELD_BOOLEAN}, \
		{"resolve", FIELD_BOOLEAN},                                                 \
	{                                                                                   \
		"table", FIELD_INTEGER, false, 0, UINT32_MAX                                \
	}

static const struct field add_params[] = {
	PARAM_NAME,
	{"vni", FIELD_INTEGER, false, 1, CW_VNI_MAX},
	NETWORK_KEYS,
	{0},
};
static const struct field set_params[] = {PARAM_NAME, NETWORK_KEYS, {0}};

static int
has_vni(void *arg, struct object *object)
{
	const struct network *network = (const struct network *)object, *asking = arg;

	return network->vni == asking->vni && strcmp(network->name, asking->name) != 0;
}

// One table leads into one network only.
static int
has_table(void *arg, struct object *object)
{
	const struct network *network = (const struct network *)object, *asking = arg;

	return asking->table != 0 && network->table == asking->table
	       && strcmp(network->name, asking->name) != 0;
}

static bool
check_table(struct request *request, struct network *network)
{
	struct failure failure;

	if (objects_each(request->d->objects, OBJECT_NETWORK, has_table, network) == 0)
		return true;
	failure_set(&failure, CW_RPC_CONFLICT, "table", NULL,
		"choose another one, or set that network's to 0",
		"routing table %u is mirrored into another network", network->table);
	request_fail(request, &failure);
	return false;
}

static struct network *
find(struct request *request)
{
	return network_find(request->d->objects, schema_string(request->params, "name"));
}

static void
put(struct request *request, struct network *network)
{
	struct transaction *t = transaction_new(request->d);
	struct failure failure = {0};

	if (t == NULL) {
		object_free(&network->object);
		fail_no_memory(request);
		return;
	}
	if (network_put(t, request->d, network, &failure) < 0) {
		transaction_abort(t);
		request_fail(request, &failure);
		return;
	}
	request_run(request, t, &network->object);
}

static void
add(struct request *request)
{
	const char *name = schema_string(request->params, "name");
	struct network *existing = find(request), *defaults, *network;
	struct failure failure = {0};

	if (existing != NULL) {
		network = (struct network *)read_changed(request, &existing->object);
		if (network == NULL)
			return;
		if (object_same(request->d->objects, &network->object, &existing->object))
			reply_object(request, &existing->object, "name", name);
		else
			fail_conflict(request, &existing->object, "name");
		object_free(&network->object);
		return;
	}
	defaults = network_new(request->d, name, 0, &failure);
	if (defaults == NULL) {
		request_fail(request, &failure);
		return;
	}
	network = (struct network *)read_changed(request, &defaults->object);
	object_free(&defaults->object);
	if (network == NULL)
		return;
	if (objects_each(request->d->objects, OBJECT_NETWORK, has_vni, network) != 0) {
		failure_set(&failure, CW_RPC_CONFLICT, "vni", NULL, "choose another one",
			"VNI %u belongs to another network", network->vni);
		object_free(&network->object);
		request_fail(request, &failure);
		return;
	}
	if (check_table(request, network))
		put(request, network);
	else
		object_free(&network->object);
}

static void
set(struct request *request)
{
	struct network *existing = find(request), *network;

	if (existing == NULL) {
		fail_not_found(request, "network", "name", schema_string(request->params, "name"));
		return;
	}
	network = (struct network *)read_changed(request, &existing->object);
	if (network == NULL)
		return;
	if (object_same(request->d->objects, &network->object, &existing->object)) {
		object_free(&network->object);
		reply_object(request, &existing->object, NULL, NULL);
		return;
	}
	if (check_table(request, network))
		put(request, network);
	else
		object_free(&network->object);
}

static void
del(struct request *request)
{
	struct network *network = find(request);
	struct failure failure = {0};
	struct transaction *t;

	if (network == NULL) {
		request_reply(request, cJSON_CreateObject());
		return;
	}
	if (strcmp(network->name, CW_DEFAULT_NETWORK) == 0) {
		failure_set(&failure, CW_RPC_REFUSED, "name", network->name,
			"network.set default host=false takes its host port away",
			"network default is always there");
		request_fail(request, &failure);
		return;
	}
	t = transaction_new(request->d);
	if (t == NULL) {
		fail_no_memory(request);
		return;
	}
	if (network_delete(t, request->d, network, &failure) < 0) {
		transaction_abort(t);
		request_fail(request, &failure);
		return;
	}
	request_run(request, t, NULL);
}

static void
get(struct request *request)
{
	struct network *network = find(request);

	reply_object(request, network != NULL ? &network->object : NULL, "name",
		schema_string(request->params, "name"));
}

static void
list(struct request *request)
{
	reply_list(request, OBJECT_NETWORK);
}

static void
watch(struct request *request)
{
	reply_watch(request, OBJECT_NETWORK);
}

const struct method network_methods[] = {
	{"network.add", add_params, true, add},
	{"network.set", set_params, true, set},
	{"network.del", name_params, true, del},
	{"network.get", name_params, false, get},
	{"network.list", no_params, false, list},
	{"network.watch", no_params, false, watch},
	{0},
};
