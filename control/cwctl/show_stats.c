/* SPDX-License-Identifier: Apache-2.0 */
#include "show_stats.h"

#include <errno.h>

#include "stats.h"
#include "table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const cJSON *
member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static int
print(struct table *table, FILE *stream)
{
	int rc = table_print(table, 0, stream);

	table_free(table);
	return rc;
}

static int
show_ports(const cJSON *ports, FILE *stream)
{
	static const char *const headers[] = {"PORT", ">RX PACKETS", ">RX BYTES", ">TX PACKETS",
		">TX BYTES", ">SENT", ">DROPPED", ">PUNTED", ">HELD"};
	static const char *const counters[] = {
		"rx_packets", "rx_bytes", "tx_packets", "tx_bytes", "sent"};
	struct table *table = table_new(headers, COUNT(headers));
	const cJSON *port;
	char text[64];

	if (table == NULL)
		return -ENOMEM;
	cJSON_ArrayForEach (port, ports) {
		table_cell(table, stats_text(port, "port", text));
		for (unsigned i = 0; i < COUNT(counters); i++)
			table_cell_format(table, "%.0f", stats_number(port, counters[i]));
		table_cell_format(table, "%.0f", stats_drops(port));
		table_cell_format(table, "%.0f", stats_number(port, "punted"));
		table_cell_format(table, "%.0f", stats_number(port, "held"));
	}
	return print(table, stream);
}

// By origin: a packet's drop counts against the port that it came in by.
static int
show_drops(const cJSON *ports, FILE *stream)
{
	static const char *const headers[] = {"FROM PORT", "DROPPED FOR", ">PACKETS"};
	struct table *table = table_new(headers, COUNT(headers));
	const cJSON *port, *drop;
	unsigned n = 0;
	char text[64];

	if (table == NULL)
		return -ENOMEM;
	cJSON_ArrayForEach (port, ports) {
		cJSON_ArrayForEach (drop, member(port, "drops")) {
			if (!cJSON_IsNumber(drop) || drop->valuedouble <= 0)
				continue;
			table_cell(table, stats_text(port, "port", text));
			table_cell(table, drop->string);
			table_cell_format(table, "%.0f", drop->valuedouble);
			n++;
		}
	}
	if (n == 0) {
		table_free(table);
		return 0;
	}
	fputs("\n", stream);
	return print(table, stream);
}

// Of a single port: those of all would be a wall.
static int
show_queues(const cJSON *ports, FILE *stream)
{
	static const char *const headers[] = {">QUEUE", ">RX PACKETS", ">RX BYTES", ">TX PACKETS",
		">TX BYTES", ">TX FULL", ">KICKS SENT", ">KICKS RECEIVED"};
	static const char *const counters[] = {"queue", "rx_packets", "rx_bytes", "tx_packets",
		"tx_bytes", "tx_full", "kicks_sent", "kicks_received"};
	const cJSON *queues = member(cJSON_GetArrayItem(ports, 0), "queues"), *queue;
	struct table *table;

	if (cJSON_GetArraySize(ports) != 1 || cJSON_GetArraySize(queues) == 0)
		return 0;
	table = table_new(headers, COUNT(headers));
	if (table == NULL)
		return -ENOMEM;
	cJSON_ArrayForEach (queue, queues)
		for (unsigned i = 0; i < COUNT(counters); i++)
			table_cell_format(table, "%.0f", stats_number(queue, counters[i]));
	fputs("\n", stream);
	return print(table, stream);
}

static int
show_workers(const cJSON *workers, FILE *stream)
{
	static const char *const headers[] = {
		">WORKER", ">CORE", ">BUSY %", ">PACKETS", ">PACKETS A ROUND", ">SLEEPS"};
	struct table *table = table_new(headers, COUNT(headers));
	const cJSON *worker;
	double rounds;
	char text[64];

	if (table == NULL)
		return -ENOMEM;
	cJSON_ArrayForEach (worker, workers) {
		rounds = stats_number(worker, "busy_rounds");
		table_cell(table, stats_text(worker, "worker", text));
		table_cell(table, stats_text(worker, "core", text));
		table_cell_format(table, "%.1f", stats_busy_percent(NULL, worker));
		table_cell_format(table, "%.0f", stats_number(worker, "packets"));
		table_cell_format(
			table, "%.1f", rounds > 0 ? stats_number(worker, "packets") / rounds : 0);
		table_cell_format(table, "%.0f", stats_number(worker, "sleeps"));
	}
	fputs("\n", stream);
	return print(table, stream);
}

static int
show_stages(const cJSON *stages, FILE *stream)
{
	static const char *const headers[] = {"STAGE", ">PACKETS", ">A BURST"};
	struct table *table = table_new(headers, COUNT(headers));
	const cJSON *stage;
	double packets, bursts;
	char text[64];

	if (table == NULL)
		return -ENOMEM;
	cJSON_ArrayForEach (stage, stages) {
		packets = stats_number(stage, "packets");
		bursts = stats_number(stage, "bursts");
		if (packets <= 0)
			continue;
		table_cell(table, stats_text(stage, "stage", text));
		table_cell_format(table, "%.0f", packets);
		table_cell_format(table, "%.1f", bursts > 0 ? packets / bursts : 0);
	}
	fputs("\n", stream);
	return print(table, stream);
}

int
show_stats(const cJSON *stats, FILE *stream)
{
	const cJSON *ports = member(stats, "ports");
	int rc = show_ports(ports, stream);

	if (rc == 0)
		rc = show_queues(ports, stream);
	if (rc == 0)
		rc = show_drops(ports, stream);
	if (rc == 0 && member(stats, "workers") != NULL)
		rc = show_workers(member(stats, "workers"), stream);
	if (rc == 0 && cJSON_GetArraySize(member(stats, "stages")) > 0)
		rc = show_stages(member(stats, "stages"), stream);
	return rc;
}

// Counters that went back belong to a data plane or port that was started again: no rate.
static double
rate(const cJSON *before, const cJSON *after, const char *key, double seconds)
{
	const double delta = stats_number(after, key) - stats_number(before, key);

	return before != NULL && delta > 0 ? delta / seconds : 0;
}

// The reason that grew most, with its rate: "no_route 12.0 k". "" when none grew.
static const char *
worst_drop(const cJSON *before, const cJSON *after, double seconds, char *text, size_t size)
{
	const cJSON *drop, *drops_before = member(before, "drops");
	double delta, worst = 0;
	char scaled[64];

	text[0] = '\0';
	cJSON_ArrayForEach (drop, member(after, "drops")) {
		delta = stats_number(member(after, "drops"), drop->string)
			- stats_number(drops_before, drop->string);
		if (before == NULL || delta <= worst)
			continue;
		worst = delta;
		snprintf(text, size, "%s %s", drop->string, stats_scaled(delta / seconds, scaled));
	}
	return text;
}

static int
show_port_rates(const cJSON *before, const cJSON *after, double seconds, FILE *stream)
{
	static const char *const headers[] = {"PORT", ">RX packet/s", ">RX bit/s", ">TX packet/s",
		">TX bit/s", ">DROPS /s", "MOST DROPPED FOR"};
	static const char *const counters[] = {"rx_packets", "rx_bytes", "tx_packets", "tx_bytes"};
	struct table *table = table_new(headers, COUNT(headers));
	const cJSON *port, *old;
	char text[64], drop[128];
	double drops;

	if (table == NULL)
		return -ENOMEM;
	cJSON_ArrayForEach (port, after) {
		old = stats_same_row(before, port, "port");
		table_cell(table, stats_text(port, "port", text));
		for (unsigned i = 0; i < COUNT(counters); i++)
			table_cell(table, stats_scaled(rate(old, port, counters[i], seconds)
							       * (i % 2 == 1 ? 8 : 1),
						  text));
		drops = old != NULL ? stats_drops(port) - stats_drops(old) : 0;
		table_cell(table, stats_scaled(drops > 0 ? drops / seconds : 0, text));
		table_cell(table, worst_drop(old, port, seconds, drop, sizeof(drop)));
	}
	return print(table, stream);
}

static int
show_worker_rates(const cJSON *before, const cJSON *after, double seconds, FILE *stream)
{
	static const char *const headers[] = {
		">WORKER", ">CORE", ">BUSY %", ">packet/s", ">PACKETS A ROUND", ">wake-up/s"};
	struct table *table = table_new(headers, COUNT(headers));
	const cJSON *worker, *old;
	double packets, rounds;
	char text[64];

	if (table == NULL)
		return -ENOMEM;
	cJSON_ArrayForEach (worker, after) {
		old = stats_same_row(before, worker, "worker");
		packets = rate(old, worker, "packets", seconds);
		rounds = rate(old, worker, "busy_rounds", seconds);
		table_cell(table, stats_text(worker, "worker", text));
		table_cell(table, stats_text(worker, "core", text));
		table_cell_format(table, "%.1f", stats_busy_percent(old, worker));
		table_cell(table, stats_scaled(packets, text));
		table_cell_format(table, "%.1f", rounds > 0 ? packets / rounds : 0);
		table_cell(table, stats_scaled(rate(old, worker, "sleeps", seconds), text));
	}
	return print(table, stream);
}

int
show_rates(const cJSON *before, const cJSON *after, double seconds, FILE *stream)
{
	int rc;

	rc = show_port_rates(member(before, "ports"), member(after, "ports"), seconds, stream);
	if (rc < 0)
		return rc;
	fputs("\n", stream);
	return show_worker_rates(
		member(before, "workers"), member(after, "workers"), seconds, stream);
}
