/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/stats.h"
#include "port.h"
#include "server/reply.h"
#include "server/server_private.h"
#include "worker.h"
#include "worker_control.h"

static void
add_name(struct reply *reply, uint16_t kind, uint16_t index, const struct stage_name *name)
{
	struct cw_name *item = reply_item(reply, CW_ITEM_NAME, sizeof(*item));

	if (item == NULL)
		return;
	item->kind = kind;
	item->index = index;
	snprintf(item->name, sizeof(item->name), "%s", name->name);
	if (name->help != NULL)
		snprintf(item->help, sizeof(item->help), "%s", name->help);
}

void
stats_send_names(struct connection *c)
{
	struct reply reply;

	reply_begin(&reply, c, CW_EVENT, 0);
	for (uint16_t id = 0; id < graph_n_stages(); id++) {
		const struct stage *stage = graph_stage(id);
		const struct stage_name name = {stage->name, stage->help};

		add_name(&reply, CW_NAME_STAGE, id, &name);
	}
	for (uint16_t id = 0; id < graph_n_drops(); id++)
		add_name(&reply, CW_NAME_DROP, id, graph_drop(id));
	reply_end(&reply, NULL, 0);
}

// Another thread writes it: each counter is read once and whole.
static uint64_t
read_counter(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void
copy_counters(struct cw_port_stats *stats, const struct port_counters *counters)
{
	stats->rx_packets = read_counter(&counters->rx_packets);
	stats->rx_bytes = read_counter(&counters->rx_bytes);
	stats->tx_packets = read_counter(&counters->tx_packets);
	stats->tx_bytes = read_counter(&counters->tx_bytes);
	stats->sent = read_counter(&counters->sent);
	stats->originated = read_counter(&counters->originated);
	stats->replicas = read_counter(&counters->replicas);
	stats->segments = read_counter(&counters->segments);
	stats->punted = read_counter(&counters->punted);
	stats->held = read_counter(&counters->held);
	for (uint16_t i = 0; i < stats->n_drops; i++)
		stats->drops[i] = read_counter(&counters->drops[i]);
}

static bool
has_counted(const struct port_counters *counters)
{
	const uint64_t *values = &counters->rx_packets;
	const size_t n = sizeof(*counters) / sizeof(*values) + graph_n_drops();

	for (size_t i = 0; i < n; i++)
		if (read_counter(&values[i]) != 0)
			return true;
	return false;
}

static struct cw_port_stats *
add_port_stats(struct reply *reply, uint16_t port, uint16_t worker, uint16_t n_drops)
{
	struct cw_port_stats *stats = reply_item(
		reply, CW_ITEM_PORT_STATS, sizeof(*stats) + n_drops * sizeof(stats->drops[0]));

	if (stats == NULL)
		return NULL;
	stats->port = port;
	stats->worker = worker;
	stats->n_drops = n_drops;
	return stats;
}

// What the device counted itself goes with the main thread's share.
static void
add_device(struct reply *reply, struct port *device)
{
	struct port_device_stats counted = {0};
	struct cw_port_stats *stats;

	if (device->driver->device_stats == NULL)
		return;
	device->driver->device_stats(device, &counted);
	stats = add_port_stats(reply, device->id, UINT16_MAX, 0);
	if (stats == NULL)
		return;
	stats->device_rx_dropped = counted.rx_dropped;
	stats->device_tx_dropped = counted.tx_dropped;
}

static void
add_queues(struct reply *reply, struct port *device)
{
	const uint16_t n = device->n_rx > device->n_tx ? device->n_rx : device->n_tx;

	if (device->driver->queue_stats == NULL)
		return;
	for (uint16_t queue = 0; queue < n; queue++) {
		struct port_queue_stats counted = {0};
		struct cw_queue_stats *stats =
			reply_item(reply, CW_ITEM_QUEUE_STATS, sizeof(*stats));

		if (stats == NULL)
			return;
		device->driver->queue_stats(device, queue, &counted);
		stats->port = device->id;
		stats->queue = queue;
		stats->rx_packets = counted.rx_packets;
		stats->rx_bytes = counted.rx_bytes;
		stats->tx_packets = counted.tx_packets;
		stats->tx_bytes = counted.tx_bytes;
		stats->tx_full = counted.tx_full;
		stats->kicks_sent = counted.kicks_sent;
		stats->kicks_received = counted.kicks_received;
	}
}

static void
add_port(struct server *server, struct reply *reply, uint16_t port)
{
	struct port *device = objects_device(server->objects, port);

	for (uint16_t w = 0; w < server->dp->n_workers; w++) {
		const struct port_counters *counters = server->dp->workers[w]->counters[port];
		struct cw_port_stats *stats;

		if (counters == NULL || (w != 0 && !has_counted(counters)))
			continue;
		stats = add_port_stats(reply, port, w, graph_n_drops());
		if (stats != NULL)
			copy_counters(stats, counters);
	}
	if (device == NULL)
		return;
	add_device(reply, device);
	add_queues(reply, device);
}

static void
add_worker(struct reply *reply, const struct worker *w)
{
	struct cw_worker_stats *stats;

	for (uint16_t id = 0; id < graph_n_stages(); id++) {
		struct cw_stage_stats *stage;

		stage = reply_item(reply, CW_ITEM_STAGE_STATS, sizeof(*stage));
		if (stage == NULL)
			return;
		stage->stage = id;
		stage->worker = w->id;
		stage->packets = read_counter(&w->stages[id].packets);
		stage->bursts = read_counter(&w->stages[id].bursts);
	}
	stats = reply_item(reply, CW_ITEM_WORKER_STATS, sizeof(*stats));
	if (stats == NULL)
		return;
	const struct cw_item header = stats->item;

	worker_stats(w, stats);
	stats->item = header;
}

void
stats_fill(struct server *server, struct reply *reply)
{
	for (uint16_t port = 0; port < CW_MAX_PORTS; port++)
		add_port(server, reply, port);
	for (uint16_t w = 0; w < server->dp->n_workers; w++)
		add_worker(reply, server->dp->workers[w]);
}
