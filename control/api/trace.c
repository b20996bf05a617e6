/* SPDX-License-Identifier: Apache-2.0 */
#include "api/trace.h"

#include <stdio.h>
#include <stdlib.h>

#include "address_text.h"
#include "api/common.h"
#include "api/connection.h"
#include "objects/json.h"

#define TRACE_COUNT 10 // unless said

static const struct field watch_params[] = {
	{"count", FIELD_INTEGER, false, 1, 100000},
	{"port", FIELD_NAME, false, 1, CW_NAME_LEN - 1},
	PARAM_NETWORK(false),
	{"ether_type", FIELD_INTEGER, false, 1, UINT16_MAX},
	{"ip_proto", FIELD_INTEGER, false, 1, UINT8_MAX},
	{"src", FIELD_ANY},
	{"dst", FIELD_ANY},
	{"l4_src", FIELD_INTEGER, false, 1, UINT16_MAX},
	{"l4_dst", FIELD_INTEGER, false, 1, UINT16_MAX},
	{0},
};

cJSON *
trace_json(struct causewayd *d, const struct cw_trace_record *record)
{
	const unsigned int n_steps =
		record->n_steps < CW_TRACE_STEPS ? record->n_steps : CW_TRACE_STEPS;
	const unsigned int n_bytes = record->n_bytes < sizeof(record->bytes)
					     ? record->n_bytes
					     : (unsigned int)sizeof(record->bytes);
	char hex[2 * sizeof(record->bytes) + 1] = "", number[16];
	cJSON *json = cJSON_CreateObject(), *steps;
	const char *name;

	json_add_u64(json, "time_ns", record->tsc_ns);
	cJSON_AddNumberToObject(json, "worker", record->worker);
	cJSON_AddStringToObject(json, "network", network_name(d->objects, record->network));
	cJSON_AddStringToObject(json, "in_port", port_name(d->objects, record->in_port));
	if (record->drop < 0)
		cJSON_AddStringToObject(json, "out_port", port_name(d->objects, record->out_port));
	steps = cJSON_AddArrayToObject(json, "steps");
	for (unsigned int i = 0; i < n_steps; i++) {
		name = dp_name(d->dp, CW_NAME_STAGE, record->steps[i]);
		snprintf(number, sizeof(number), "%u", record->steps[i]);
		cJSON_AddItemToArray(steps, cJSON_CreateString(name != NULL ? name : number));
	}
	if (record->drop >= 0) {
		name = dp_name(d->dp, CW_NAME_DROP, (unsigned int)record->drop);
		cJSON_AddStringToObject(json, "drop", name != NULL ? name : "?");
	}
	cJSON_AddNumberToObject(json, "length", record->length);
	for (unsigned int i = 0; i < n_bytes; i++)
		snprintf(hex + 2 * i, 3, "%02x", record->bytes[i]);
	cJSON_AddStringToObject(json, "bytes", hex);
	return json;
}

static void
on_stopped(void *arg, const struct dp_reply *reply)
{
}

void
trace_stop(struct api *api)
{
	struct dp_frame *frame = dp_frame_new(CW_TRACE);

	api->tracer->watches &= ~WATCH_TRACE;
	api->tracer = NULL;
	if (frame == NULL)
		return;
	dp_frame_add(frame, CW_ITEM_TRACE, sizeof(struct cw_trace));
	dp_request(api->d->dp, frame, on_stopped, NULL);
}

// An address or a prefix, which must match exactly in its bits.
static int
read_ip(struct request *request, const char *key, struct cw_ip *ip, struct failure *failure)
{
	const cJSON *value = schema_get(request->params, key);

	if (value == NULL)
		return 0;
	if (cJSON_IsString(value)
		&& (ip_parse(value->valuestring, ip) || ip_parse_prefixed(value->valuestring, ip)))
		return 0;
	return failure_set(failure, CW_RPC_INVALID_PARAMS, key, cJSON_GetStringValue(value),
		"give an address or a prefix", "%s is neither an address nor a prefix", key);
}

static int
read_filter(struct request *request, struct cw_trace *trace, struct failure *failure)
{
	const struct objects *objects = request->d->objects;
	const cJSON *params = request->params;
	uint32_t network = UINT32_MAX;

	trace->count = (uint32_t)schema_integer(params, "count", TRACE_COUNT);
	trace->ether_type = (uint16_t)schema_integer(params, "ether_type", 0);
	trace->ip_proto = (uint8_t)schema_integer(params, "ip_proto", 0);
	trace->l4_src = (uint16_t)schema_integer(params, "l4_src", 0);
	trace->l4_dst = (uint16_t)schema_integer(params, "l4_dst", 0);
	if (json_port(objects, params, "port", &trace->port, failure) < 0
		|| json_network(objects, params, "network", &network, failure) < 0
		|| read_ip(request, "src", &trace->src, failure) < 0
		|| read_ip(request, "dst", &trace->dst, failure) < 0)
		return -1;
	trace->network_plus_1 = network + 1;
	return 0;
}

static void
on_started(void *arg, const struct dp_reply *reply)
{
	struct request *request = arg;
	const struct cw_status *status = NULL;
	struct failure failure;
	bool bad = false;

	if (reply == NULL) {
		request_fail_away(request);
		return;
	}
	status = (const struct cw_status *)cw_item_next(reply->frame, NULL, &bad);
	if (status == NULL || status->item.type != CW_ITEM_STATUS || status->error == 0) {
		request_reply(request, cJSON_CreateObject());
		return;
	}
	if (request->connection != NULL && request->connection->api->tracer == request->connection)
		trace_stop(request->connection->api);
	failure_set(&failure, CW_RPC_REFUSED, NULL, NULL, NULL, "the data plane refused: %s",
		status->reason);
	request_fail(request, &failure);
}

static void
watch(struct request *request)
{
	struct api *api = request->d->api;
	struct dp_frame *frame = dp_frame_new(CW_TRACE);
	struct failure failure = {0};
	struct cw_trace *trace;

	if (frame == NULL) {
		fail_no_memory(request);
		return;
	}
	trace = (struct cw_trace *)dp_frame_add(frame, CW_ITEM_TRACE, sizeof(*trace));
	if (api->tracer != NULL && api->tracer != request->connection)
		failure_set(&failure, CW_RPC_IN_USE, NULL, NULL, "wait until it has ended",
			"somebody else is tracing");
	else
		read_filter(request, trace, &failure);
	if (failure.code != 0) {
		dp_frame_free(frame);
		request_fail(request, &failure);
		return;
	}
	if (request_dataplane(request, frame, on_started, request) < 0)
		return;
	api->tracer = request->connection;
	request->connection->watches |= WATCH_TRACE;
}

const struct method trace_methods[] = {
	{"trace.watch", watch_params, false, watch},
	{0},
};
