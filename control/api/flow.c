/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/common.h"
#include "api/dataplane_list.h"
#include "objects/json.h"
#include "offload_switch.h"

static const char *const states[] = {"wanted", "offloaded", "refused", "failed", NULL};

static const struct field list_flow_params[] = {
	{"port", FIELD_NAME, false, 1, CW_NAME_LEN - 1},
	{"state", FIELD_CHOICE, false, 0, 0, NULL, states},
	{0},
};
static const struct field set_params[] = {
	{"offload", FIELD_BOOLEAN, true},
	{0},
};

static const char *
name_of(const char *const *names, unsigned int n, unsigned int i)
{
	return i < n && names[i] != NULL ? names[i] : "unknown";
}

static cJSON *
flow_json(const struct objects *objects, const struct cw_flow *flow)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "id", flow->id);
	cJSON_AddStringToObject(
		json, "kind", name_of(cw_flow_kind_names, CW_FLOW_KINDS, flow->kind));
	cJSON_AddStringToObject(json, "port", port_name(objects, flow->port));
	if (flow->out_port != 0)
		cJSON_AddStringToObject(json, "out_port", port_name(objects, flow->out_port));
	cJSON_AddStringToObject(
		json, "state", name_of(cw_flow_state_names, CW_FLOW_STATES, flow->state));
	cJSON_AddBoolToObject(json, "transfer", flow->transfer != 0);
	cJSON_AddStringToObject(json, "match", flow->match);
	cJSON_AddStringToObject(json, "actions", flow->actions);
	json_add_u64(json, "packets", flow->packets);
	json_add_u64(json, "bytes", flow->bytes);
	if (flow->reason[0] != '\0')
		cJSON_AddStringToObject(json, "reason", flow->reason);
	return json;
}

static void
add_flow(struct dataplane_list *list, const struct cw_item *item)
{
	const struct cw_flow *flow = (const struct cw_flow *)item;
	const char *state = schema_string(list->request->params, "state");

	if (!dataplane_list_wants(list, flow->port) && !dataplane_list_wants(list, flow->out_port))
		return;
	if (state == NULL
		|| strcmp(state, name_of(cw_flow_state_names, CW_FLOW_STATES, flow->state)) == 0)
		cJSON_AddItemToArray(list->list, flow_json(list->request->d->objects, flow));
}

static const struct dataplane_list_kind flows = {CW_GET_FLOWS, CW_ITEM_FLOW, add_flow};

static void
list(struct request *request)
{
	const struct port *port;

	if (param_port(request, &port) == 0)
		dataplane_list(request, &flows, port != NULL ? port->id : DATAPLANE_LIST_ALL);
}

static int
count_port(void *arg, struct object *object)
{
	unsigned int *n = arg;

	*n += (((const struct port *)object)->flags & CW_PORT_OFFLOAD) != 0;
	return 0;
}

static void
reply_switch(struct request *request)
{
	cJSON *json = cJSON_CreateObject();
	unsigned int n = 0;

	objects_each(request->d->objects, OBJECT_PORT, count_port, &n);
	cJSON_AddBoolToObject(json, "offload", !request->d->offload_off);
	cJSON_AddNumberToObject(json, "ports", n);
	request_reply(request, json);
}

static void
on_switched(void *arg)
{
	reply_switch(arg);
}

static void
set(struct request *request)
{
	const bool on = schema_boolean(request->params, "offload", true);
	const int ret = offload_switch_set(request->d, on, on_switched, request);
	struct failure failure;

	if (ret == 0)
		return;
	failure_set(&failure, CW_RPC_STORE, "offload", on ? "true" : "false",
		"make room in the state directory", "the switch is not stored: %s",
		store_message(request->d->store));
	request_fail(request, &failure);
}

const struct method flow_methods[] = {
	{"flow.list", list_flow_params, false, list},
	{"flow.get", no_params, false, reply_switch},
	{"flow.set", set_params, true, set},
	{0},
};
