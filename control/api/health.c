/* SPDX-License-Identifier: Apache-2.0 */
#include "api/health.h"

#include <unistd.h>

#include "api/common.h"
#include "api/connection.h"
#include "flannel/flannel.h"
#include "flannel/leases.h"
#include "objects/json.h"

static const char *const states[] = {
	[DATAPLANE_AWAY] = "away", [DATAPLANE_SYNCING] = "syncing", [DATAPLANE_READY] = "ready"};

cJSON *
health_json(struct causewayd *d)
{
	cJSON *json = cJSON_CreateObject(), *dataplane, *objects;
	cJSON *flannel = flannel_json(d), *leases = leases_json(d);

	cJSON_AddStringToObject(json, "status",
		d->dataplane == DATAPLANE_READY && flannel_is_ready(d) ? "ok" : "degraded");
	cJSON_AddStringToObject(json, "version", CW_VERSION);
	cJSON_AddNumberToObject(json, "pid", getpid());
	json_add_u64(json, "uptime_ms", causewayd_now_ms() - d->started_ms);
	dataplane = cJSON_AddObjectToObject(json, "dataplane");
	cJSON_AddStringToObject(dataplane, "state", states[d->dataplane]);
	if (d->dataplane == DATAPLANE_AWAY)
		cJSON_AddStringToObject(dataplane, "reason", dp_reason(d->dp));
	else
		cJSON_AddStringToObject(dataplane, "build", dp_build(d->dp));
	if (flannel != NULL)
		cJSON_AddItemToObject(json, "flannel", flannel);
	if (leases != NULL)
		cJSON_AddItemToObject(json, "leases", leases);
	objects = cJSON_AddObjectToObject(json, "objects");
	for (unsigned int type = 0; type < OBJECT_TYPES; type++)
		cJSON_AddNumberToObject(objects, object_classes[type]->name,
			objects_count(d->objects, (enum object_type)type));
	return json;
}

static void
get(struct request *request)
{
	request_reply(request, health_json(request->d));
}

static void
watch(struct request *request)
{
	if (request->connection != NULL)
		request->connection->watches |= WATCH_HEALTH;
	request_reply(request, health_json(request->d));
}

const struct method health_methods[] = {
	{"health.get", no_params, false, get},
	{"health.watch", no_params, false, watch},
	{0},
};
