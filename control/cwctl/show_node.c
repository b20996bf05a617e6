/* SPDX-License-Identifier: Apache-2.0 */
#include "show_node.h"

#include <errno.h>

#include "show.h"
#include "stats.h"
#include "table.h"

#define MIB (1024.0 * 1024.0)

static const cJSON *
member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static void
show_uptime(double ms, FILE *stream)
{
	const unsigned long seconds = (unsigned long)(ms / 1000);

	fprintf(stream, "  up ");
	if (seconds >= 86400)
		fprintf(stream, "%lu d ", seconds / 86400);
	fprintf(stream, "%02lu:%02lu:%02lu\n", seconds / 3600 % 24, seconds / 60 % 60,
		seconds % 60);
}

static void
show_processes(const cJSON *node, const cJSON *dataplane, FILE *stream)
{
	char version[64], dpdk[64], pid[64];

	fprintf(stream, "causewayd    %s", stats_text(node, "version", version));
	fprintf(stream, "  pid %s\n", stats_text(node, "pid", pid));
	fprintf(stream, "causeway-dp  %s (%s)", stats_text(dataplane, "version", version),
		stats_text(dataplane, "dpdk", dpdk));
	fprintf(stream, "  pid %s", stats_text(dataplane, "pid", pid));
	show_uptime(stats_number(dataplane, "uptime_ms"), stream);
}

static void
add_memory(struct table *table, const char *what, double used, double all, const char *unit)
{
	table_cell(table, what);
	table_cell_format(table, "%.0f%s", used, unit);
	if (all > 0)
		table_cell_format(table, "%.0f%s", all, unit);
	else
		table_cell(table, NULL);
	if (all > 0)
		table_cell_format(table, "%.0f", 100 * used / all);
	else
		table_cell(table, NULL);
}

static int
show_memory(const cJSON *memory, FILE *stream)
{
	static const char *const headers[] = {"MEMORY", ">USED", ">OF", ">%"};
	struct table *table = table_new(headers, 4);
	const double mbufs = stats_number(memory, "mbufs"), jumbos = stats_number(memory, "jumbos");
	int rc;

	if (table == NULL)
		return -ENOMEM;
	add_memory(table, "hugepages", stats_number(memory, "heap_used_bytes") / MIB,
		stats_number(memory, "heap_bytes") / MIB, " MiB");
	add_memory(table, "packet buffers", mbufs - stats_number(memory, "mbufs_free"), mbufs, "");
	add_memory(table, "super-frame buffers", jumbos - stats_number(memory, "jumbos_free"),
		jumbos, "");
	add_memory(table, "routes", stats_number(memory, "route_bytes") / 1024, 0, " KiB");
	fputs("\n", stream);
	rc = table_print(table, 0, stream);
	table_free(table);
	return rc;
}

static void
show_counts(const cJSON *dataplane, FILE *stream)
{
	static const char *const keys[] = {"networks", "endpoints", "fdb_entries", "neighbors",
		"nexthops", "routes4", "routes6"};
	char text[64];

	fputs("\n", stream);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		fprintf(stream, "%s%s %s", i > 0 ? "  " : "", keys[i],
			stats_text(dataplane, keys[i], text));
	fputs("\n", stream);
}

int
show_node(const cJSON *node, FILE *stream)
{
	static const struct column workers[] = {{">WORKER", "worker"}, {">CORE", "core"},
		{">NUMA", "numa"}, {"ISOLATED", "isolated"}, {"IDLE", "idle"},
		{">BUSY %", "busy_percent"}, {">PACKETS", "packets"}, {0}};
	static const struct column ports[] = {{"PORT", "port"}, {"KIND", "kind"},
		{"STATE", "state"}, {">NUMA", "numa"}, {">RX QUEUES", "rx_queues"},
		{">TX QUEUES", "tx_queues"}, {"WORKERS", "rx_workers"},
		{"OFFLOADS", "capabilities"}, {">PEER MTU", "peer.mtu"},
		{">PEER QUEUES", "peer.queues"}, {">CONNECTS", "peer.connects"},
		{"PEER FEATURES", "peer.features"}, {"REASON", "reason"}, {0}};
	const cJSON *dataplane = member(node, "dataplane");
	int rc;

	show_processes(node, dataplane, stream);
	rc = show_memory(member(dataplane, "memory"), stream);
	if (rc < 0)
		return rc;
	show_counts(dataplane, stream);
	fputs("\n", stream);
	rc = show_result(member(node, "workers"), workers, stream);
	if (rc < 0)
		return rc;
	fputs("\n", stream);
	return show_result(member(node, "ports"), ports, stream);
}
