/* SPDX-License-Identifier: Apache-2.0 */
#include "api/stats_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/json.h"

#define COUNTERS_MAX 12 // of struct cw_port_stats, from rx_packets on
#define QUEUE_COUNTERS 7 // of struct cw_queue_stats, from rx_packets on
#define DROPS_MAX 256
#define STAGES_MAX 256

static const char *const counter_names[COUNTERS_MAX] = {"rx_packets", "rx_bytes", "tx_packets",
	"tx_bytes", "sent", "originated", "replicas", "segments", "punted", "held",
	"device_rx_dropped", "device_tx_dropped"};

static const char *const queue_counter_names[QUEUE_COUNTERS] = {"rx_packets", "rx_bytes",
	"tx_packets", "tx_bytes", "tx_full", "kicks_sent", "kicks_received"};

struct port_sum {
	bool seen;
	cJSON *queues; // NULL: not counted by queue
	uint64_t counters[COUNTERS_MAX];
	uint64_t drops[DROPS_MAX];
};

struct stage_sum {
	uint64_t packets, bursts;
};

struct stats_json {
	struct causewayd *d;
	uint32_t port;
	struct port_sum *ports[CW_MAX_PORTS]; // made when met
	struct stage_sum stages[STAGES_MAX];
	cJSON *workers;
};

struct stats_json *
stats_json_new(struct causewayd *d, uint32_t port)
{
	struct stats_json *stats = calloc(1, sizeof(*stats));

	if (stats == NULL)
		return NULL;
	stats->d = d;
	stats->port = port;
	stats->workers = cJSON_CreateArray();
	return stats;
}

// NULL: not asked for, or no memory.
static struct port_sum *
sum_of(struct stats_json *stats, uint32_t port)
{
	if (port >= CW_MAX_PORTS || (stats->port != 0 && stats->port != port))
		return NULL;
	if (stats->ports[port] == NULL)
		stats->ports[port] = calloc(1, sizeof(struct port_sum));
	return stats->ports[port];
}

static void
add_queue(struct stats_json *stats, const struct cw_queue_stats *item)
{
	const uint64_t *counters = &item->rx_packets;
	struct port_sum *sum = sum_of(stats, item->port);
	cJSON *json;

	if (sum == NULL)
		return;
	if (sum->queues == NULL)
		sum->queues = cJSON_CreateArray();
	json = cJSON_CreateObject();
	cJSON_AddNumberToObject(json, "queue", item->queue);
	for (unsigned int i = 0; i < QUEUE_COUNTERS; i++)
		json_add_u64(json, queue_counter_names[i], counters[i]);
	cJSON_AddItemToArray(sum->queues, json);
}

static void
add_port(struct stats_json *stats, const struct cw_port_stats *item)
{
	const uint64_t *counters = &item->rx_packets;
	struct port_sum *sum = sum_of(stats, item->port);

	if (sum == NULL)
		return;
	for (unsigned int i = 0; i < COUNTERS_MAX; i++)
		sum->counters[i] += counters[i];
	for (unsigned int i = 0; i < item->n_drops && i < DROPS_MAX; i++)
		sum->drops[i] += item->drops[i];
}

static double
share(uint64_t part, const struct cw_worker_stats *worker)
{
	const uint64_t all = worker->busy_cycles + worker->idle_cycles + worker->sleep_cycles;

	return all == 0 ? 0 : (double)(part * 1000 / all) / 10;
}

cJSON *
worker_stats_json(const struct cw_worker_stats *worker)
{
	cJSON *json = cJSON_CreateObject(), *bursts;

	cJSON_AddNumberToObject(json, "worker", worker->worker);
	cJSON_AddNumberToObject(json, "core", worker->core);
	json_add_u64(json, "tsc_hz", worker->tsc_hz);
	json_add_u64(json, "busy_cycles", worker->busy_cycles);
	json_add_u64(json, "idle_cycles", worker->idle_cycles);
	json_add_u64(json, "sleep_cycles", worker->sleep_cycles);
	cJSON_AddNumberToObject(json, "busy_percent", share(worker->busy_cycles, worker));
	json_add_u64(json, "rounds", worker->rounds);
	json_add_u64(json, "busy_rounds", worker->busy_rounds);
	json_add_u64(json, "sleeps", worker->sleeps);
	json_add_u64(json, "packets", worker->packets);
	bursts = cJSON_AddArrayToObject(json, "bursts");
	for (unsigned int i = 0; i < CW_BURST_BUCKETS; i++)
		cJSON_AddItemToArray(bursts, cJSON_CreateNumber((double)worker->bursts[i]));
	return json;
}

void
stats_json_add(struct stats_json *stats, const struct cw_frame *frame)
{
	const struct cw_item *item = NULL;
	bool bad = false;

	while ((item = cw_item_next(frame, item, &bad)) != NULL) {
		const struct cw_stage_stats *stage = (const struct cw_stage_stats *)item;

		if (item->type == CW_ITEM_PORT_STATS) {
			add_port(stats, (const struct cw_port_stats *)item);
		} else if (item->type == CW_ITEM_QUEUE_STATS) {
			add_queue(stats, (const struct cw_queue_stats *)item);
		} else if (item->type == CW_ITEM_STAGE_STATS && stage->stage < STAGES_MAX) {
			stats->stages[stage->stage].packets += stage->packets;
			stats->stages[stage->stage].bursts += stage->bursts;
		} else if (item->type == CW_ITEM_WORKER_STATS) {
			cJSON_AddItemToArray(stats->workers,
				worker_stats_json((const struct cw_worker_stats *)item));
		}
	}
}

static const char *
name_of(struct stats_json *stats, enum cw_name_kind kind, unsigned int index, char text[16])
{
	const char *name = dp_name(stats->d->dp, kind, index);

	if (name != NULL)
		return name;
	snprintf(text, 16, "%u", index);
	return text;
}

static cJSON *
port_json(struct stats_json *stats, uint32_t id)
{
	const struct port_sum *sum = stats->ports[id];
	const struct port *port = port_by_id(stats->d->objects, id);
	cJSON *json = cJSON_CreateObject(), *drops;
	char text[16];

	cJSON_AddStringToObject(json, "port", id == 0 ? "switch" : port != NULL ? port->name : "?");
	cJSON_AddNumberToObject(json, "id", id);
	if (port != NULL)
		cJSON_AddStringToObject(json, "kind", cw_port_kind_name(port->kind));
	for (unsigned int i = 0; i < COUNTERS_MAX; i++)
		json_add_u64(json, counter_names[i], sum->counters[i]);
	drops = cJSON_AddObjectToObject(json, "drops");
	for (unsigned int i = 0; i < DROPS_MAX; i++)
		if (sum->drops[i] > 0)
			json_add_u64(drops, name_of(stats, CW_NAME_DROP, i, text), sum->drops[i]);
	if (sum->queues != NULL)
		cJSON_AddItemToObject(json, "queues", sum->queues);
	return json;
}

static cJSON *
total_drops(struct stats_json *stats)
{
	cJSON *drops = cJSON_CreateObject();
	char text[16];

	for (unsigned int i = 0; i < DROPS_MAX; i++) {
		uint64_t total = 0;

		for (uint32_t id = 0; id < CW_MAX_PORTS; id++)
			if (stats->ports[id] != NULL)
				total += stats->ports[id]->drops[i];
		if (total > 0)
			json_add_u64(drops, name_of(stats, CW_NAME_DROP, i, text), total);
	}
	return drops;
}

static cJSON *
stages_json(struct stats_json *stats)
{
	cJSON *list = cJSON_CreateArray();

	for (unsigned int i = 0; i < STAGES_MAX; i++) {
		const char *name = dp_name(stats->d->dp, CW_NAME_STAGE, i);
		cJSON *json;

		if (name == NULL)
			continue;
		json = cJSON_CreateObject();
		cJSON_AddStringToObject(json, "stage", name);
		json_add_u64(json, "packets", stats->stages[i].packets);
		json_add_u64(json, "bursts", stats->stages[i].bursts);
		cJSON_AddItemToArray(list, json);
	}
	return list;
}

cJSON *
stats_json_end(struct stats_json *stats)
{
	cJSON *json = cJSON_CreateObject(), *ports;

	json_add_u64(json, "time_ms", causewayd_now_ms());
	ports = cJSON_AddArrayToObject(json, "ports");
	for (uint32_t id = 0; id < CW_MAX_PORTS; id++)
		if (stats->ports[id] != NULL)
			cJSON_AddItemToArray(ports, port_json(stats, id));
	cJSON_AddItemToObject(json, "drops", total_drops(stats));
	cJSON_AddItemToObject(json, "stages", stages_json(stats));
	cJSON_AddItemToObject(json, "workers", stats->workers);
	for (uint32_t id = 0; id < CW_MAX_PORTS; id++)
		free(stats->ports[id]);
	free(stats);
	return json;
}
