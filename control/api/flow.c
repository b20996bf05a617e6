/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "api/common.h"
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

struct listing {
	struct request *request;
	uint32_t port; // 0: all
	const char *state; // NULL: all
	cJSON *list;
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
add_flow(const struct listing *listing, const struct cw_flow *flow)
{
	if (listing->port != 0 && listing->port != flow->port && listing->port != flow->out_port)
		return;
	if (listing->state != NULL
		&& strcmp(listing->state, name_of(cw_flow_state_names, CW_FLOW_STATES, flow->state))
			   != 0)
		return;
	cJSON_AddItemToArray(listing->list, flow_json(listing->request->d->objects, flow));
}

static void
on_flows(void *arg, const struct dp_reply *reply)
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
		if (item->type == CW_ITEM_FLOW)
			add_flow(listing, (const struct cw_flow *)item);
	if (reply->more)
		return;
	request_reply(listing->request, listing->list);
	free(listing);
}

static void
list(struct request *request)
{
	const char *name = schema_string(request->params, "port");
	const struct port *port = name != NULL ? port_find(request->d->objects, name) : NULL;
	struct listing *listing;

	if (name != NULL && port == NULL) {
		fail_not_found(request, "port", "port", name);
		return;
	}
	listing = malloc(sizeof(*listing));
	if (listing == NULL) {
		fail_no_memory(request);
		return;
	}
	*listing = (struct listing){request, port != NULL ? port->id : 0,
		schema_string(request->params, "state"), cJSON_CreateArray()};
	if (request_dataplane(request, dp_frame_new(CW_GET_FLOWS), on_flows, listing) < 0) {
		cJSON_Delete(listing->list);
		free(listing);
	}
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
