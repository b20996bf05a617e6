/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/common.h"
#include "api/port_peer.h"
#include "objects/json.h"

#define SAMPLE_MS 100 // over which busy_percent is measured

// node.get: two readings of the workers' cycles, and the node.
struct reading {
	struct request *request;
	struct event *timer;
	unsigned int samples;
	struct cw_worker_stats before[CW_MAX_WORKERS], after[CW_MAX_WORKERS];
};

static void
reading_free(struct reading *reading)
{
	if (reading->timer != NULL)
		event_free(reading->timer);
	free(reading);
}

static void
give_up(struct reading *reading)
{
	request_fail_away(reading->request);
	reading_free(reading);
}

static double
busy_percent(const struct reading *reading, unsigned int worker)
{
	const struct cw_worker_stats *a = &reading->before[worker], *b = &reading->after[worker];
	const uint64_t busy = b->busy_cycles - a->busy_cycles;
	const uint64_t all =
		busy + b->idle_cycles - a->idle_cycles + b->sleep_cycles - a->sleep_cycles;

	return all == 0 ? 0 : (double)(busy * 1000 / all) / 10;
}

static void
add_node(cJSON *json, const struct cw_node *node)
{
	cJSON *memory;

	cJSON_AddStringToObject(json, "version", node->version);
	cJSON_AddStringToObject(json, "dpdk", node->dpdk);
	cJSON_AddNumberToObject(json, "pid", node->pid);
	json_add_u64(json, "uptime_ms", node->uptime_ms);
	memory = cJSON_AddObjectToObject(json, "memory");
	json_add_u64(memory, "heap_bytes", node->heap_bytes);
	json_add_u64(memory, "heap_used_bytes", node->heap_used_bytes);
	cJSON_AddNumberToObject(memory, "mbufs", node->mbufs);
	cJSON_AddNumberToObject(memory, "mbufs_free", node->mbufs_free);
	cJSON_AddNumberToObject(memory, "jumbos", node->jumbos);
	cJSON_AddNumberToObject(memory, "jumbos_free", node->jumbos_free);
	json_add_u64(memory, "route_bytes", node->route_bytes);
	cJSON_AddNumberToObject(json, "networks", node->networks);
	cJSON_AddNumberToObject(json, "endpoints", node->endpoints);
	cJSON_AddNumberToObject(json, "fdb_entries", node->fdb_entries);
	cJSON_AddNumberToObject(json, "neighbors", node->neighbors);
	cJSON_AddNumberToObject(json, "nexthops", node->nexthops);
	cJSON_AddNumberToObject(json, "routes4", node->routes4);
	cJSON_AddNumberToObject(json, "routes6", node->routes6);
}

static cJSON *
worker_json(const struct reading *reading, const struct cw_worker_info *info)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "worker", info->worker);
	cJSON_AddNumberToObject(json, "core", info->core);
	cJSON_AddNumberToObject(json, "numa", info->numa);
	cJSON_AddBoolToObject(json, "isolated", info->isolated != 0);
	cJSON_AddStringToObject(json, "idle", info->idle);
	if (info->worker < CW_MAX_WORKERS) {
		cJSON_AddNumberToObject(json, "busy_percent", busy_percent(reading, info->worker));
		json_add_u64(json, "packets", reading->after[info->worker].packets);
	}
	return json;
}

static cJSON *
port_json(const struct reading *reading, const struct cw_port_info *info)
{
	static const char *const states[] = {"down", "up", "gone"};
	const struct port *port = port_by_id(reading->request->d->objects, info->id);
	cJSON *json = cJSON_CreateObject(), *workers;

	cJSON_AddStringToObject(json, "port", port != NULL ? port->name : "?");
	cJSON_AddNumberToObject(json, "id", info->id);
	cJSON_AddStringToObject(json, "kind", cw_port_kind_name(info->kind));
	cJSON_AddStringToObject(
		json, "state", info->state <= CW_PORT_GONE ? states[info->state] : "unknown");
	if (info->reason[0] != '\0')
		cJSON_AddStringToObject(json, "reason", info->reason);
	cJSON_AddNumberToObject(json, "numa", info->numa);
	cJSON_AddNumberToObject(json, "rx_queues", info->rx_queues);
	cJSON_AddNumberToObject(json, "tx_queues", info->tx_queues);
	cJSON_AddStringToObject(json, "capabilities", info->capability_names);
	if (info->kind == CW_PORT_VHOST_USER || info->kind == CW_PORT_MEMIF)
		cJSON_AddItemToObject(json, "peer", port_peer_json(info));
	workers = cJSON_AddArrayToObject(json, "rx_workers");
	for (unsigned int i = 0; i < CW_MAX_WORKERS; i++)
		if ((info->rx_workers & (uint64_t)1 << i) != 0)
			cJSON_AddItemToArray(workers, cJSON_CreateNumber(i));
	return json;
}

struct answer {
	struct reading *reading;
	cJSON *dataplane, *workers, *ports;
};

static void
on_node(void *arg, const struct dp_reply *reply)
{
	struct answer *answer = arg;
	struct reading *reading = answer->reading;
	const struct cw_item *item = NULL;
	bool bad = false;
	cJSON *json;

	while (reply != NULL && (item = cw_item_next(reply->frame, item, &bad)) != NULL) {
		if (item->type == CW_ITEM_NODE)
			add_node(answer->dataplane, (const struct cw_node *)item);
		else if (item->type == CW_ITEM_WORKER_INFO)
			cJSON_AddItemToArray(answer->workers,
				worker_json(reading, (const struct cw_worker_info *)item));
		else if (item->type == CW_ITEM_PORT_INFO)
			cJSON_AddItemToArray(answer->ports,
				port_json(reading, (const struct cw_port_info *)item));
	}
	if (reply != NULL && reply->more)
		return;
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "version", CW_VERSION);
	cJSON_AddNumberToObject(json, "pid", getpid());
	cJSON_AddItemToObject(json, "dataplane", answer->dataplane);
	cJSON_AddItemToObject(json, "workers", answer->workers);
	cJSON_AddItemToObject(json, "ports", answer->ports);
	free(answer);
	if (reply == NULL) {
		cJSON_Delete(json);
		give_up(reading);
		return;
	}
	request_reply(reading->request, json);
	reading_free(reading);
}

static void
ask_node(struct reading *reading)
{
	struct answer *answer = malloc(sizeof(*answer));

	if (answer == NULL) {
		give_up(reading);
		return;
	}
	*answer = (struct answer){
		reading, cJSON_CreateObject(), cJSON_CreateArray(), cJSON_CreateArray()};
	if (dp_request(reading->request->d->dp, dp_frame_new(CW_GET_NODE), on_node, answer) < 0)
		on_node(answer, NULL);
}

static void
on_sample(void *arg, const struct dp_reply *reply)
{
	const struct timeval pause = {.tv_usec = SAMPLE_MS * 1000};
	struct reading *reading = arg;
	const struct cw_item *item = NULL;
	bool bad = false;

	if (reply == NULL) {
		give_up(reading);
		return;
	}
	while ((item = cw_item_next(reply->frame, item, &bad)) != NULL) {
		const struct cw_worker_stats *stats = (const struct cw_worker_stats *)item;

		if (item->type == CW_ITEM_WORKER_STATS && stats->worker < CW_MAX_WORKERS)
			(reading->samples == 0 ? reading->before : reading->after)[stats->worker] =
				*stats;
	}
	if (reply->more)
		return;
	if (reading->samples++ == 0)
		evtimer_add(reading->timer, &pause);
	else
		ask_node(reading);
}

static void
ask_sample(struct reading *reading)
{
	if (dp_request(reading->request->d->dp, dp_frame_new(CW_GET_STATS), on_sample, reading) < 0)
		give_up(reading);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	ask_sample(arg);
}

static void
get(struct request *request)
{
	struct reading *reading = calloc(1, sizeof(*reading));

	if (reading != NULL)
		reading->timer = evtimer_new(request->d->base, on_timer, reading);
	if (reading == NULL || reading->timer == NULL) {
		free(reading);
		fail_no_memory(request);
		return;
	}
	reading->request = request;
	if (request->d->dataplane == DATAPLANE_READY)
		ask_sample(reading);
	else
		give_up(reading);
}

const struct method node_methods[] = {
	{"node.get", no_params, false, get},
	{0},
};
