/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include "api/connection.h"
#include "api/health.h"
#include "api/trace.h"

static void
send_event(struct connection *connection, const cJSON *params)
{
	cJSON *message = cJSON_CreateObject();

	cJSON_AddStringToObject(message, "jsonrpc", "2.0");
	cJSON_AddStringToObject(message, "method", "event");
	cJSON_AddItemToObject(message, "params", cJSON_Duplicate(params, true));
	connection_send(connection, message);
}

static bool
is_watched(const struct api *api, uint32_t watch)
{
	const struct connection *connection;

	if (api == NULL)
		return false;
	LIST_FOREACH (connection, &api->connections, link)
		if ((connection->watches & watch) != 0 && !connection->closing)
			return true;
	return false;
}

// Takes value over.
static void
publish(struct api *api, uint32_t watch, const char *object, const char *what, cJSON *value)
{
	struct connection *connection;
	cJSON *params = cJSON_CreateObject();

	cJSON_AddStringToObject(params, "object", object);
	cJSON_AddStringToObject(params, "event", what);
	cJSON_AddItemToObject(params, "value", value != NULL ? value : cJSON_CreateNull());
	LIST_FOREACH (connection, &api->connections, link)
		if ((connection->watches & watch) != 0 && !connection->closing)
			send_event(connection, params);
	cJSON_Delete(params);
}

bool
watch_wants(const struct causewayd *d, enum object_type type)
{
	return is_watched(d->api, 1u << type);
}

void
watch_publish(struct causewayd *d, enum object_type type, const char *what, cJSON *json)
{
	if (is_watched(d->api, 1u << type))
		publish(d->api, 1u << type, object_classes[type]->name, what, json);
	else
		cJSON_Delete(json);
}

bool
watch_wants_vfs(const struct causewayd *d)
{
	return is_watched(d->api, WATCH_VF);
}

void
watch_vf(struct causewayd *d, const char *what, cJSON *json)
{
	if (is_watched(d->api, WATCH_VF))
		publish(d->api, WATCH_VF, "vf", what, json);
	else
		cJSON_Delete(json);
}

void
watch_health(struct causewayd *d)
{
	if (is_watched(d->api, WATCH_HEALTH))
		publish(d->api, WATCH_HEALTH, "health", "state", health_json(d));
}

void
watch_trace(struct causewayd *d, const struct cw_trace_record *record)
{
	cJSON *params;

	if (!is_watched(d->api, WATCH_TRACE))
		return;
	params = trace_json(d, record);
	send_event(d->api->tracer, params);
	cJSON_Delete(params);
}

void
watch_trace_end(struct causewayd *d)
{
	struct connection *tracer = d->api != NULL ? d->api->tracer : NULL;

	if (tracer == NULL)
		return;
	tracer->watches &= ~WATCH_TRACE;
	d->api->tracer = NULL;
	connection_end(tracer);
}
