/* SPDX-License-Identifier: Apache-2.0 */
// "trace": the stages that chosen packets take, one block of lines a packet.
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "cwctl.h"
#include "packet_text.h"
#include "stats.h"
#include "table.h"

#define TRACE_COUNT 10
#define TRACE_BYTES_MAX 256

struct progress {
	bool json;
	double left; // packets to come
};

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

// Returns how many bytes text held, up to the first that is none.
static size_t
read_hex(const char *text, uint8_t *bytes, size_t size)
{
	size_t n = 0;

	while (n < size && hex_digit(text[0]) >= 0 && hex_digit(text[1]) >= 0) {
		bytes[n++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
		text += 2;
	}
	return n;
}

static const char *
text_of(const cJSON *record, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, key));

	return text != NULL ? text : "";
}

static void
print_steps(const cJSON *record)
{
	const cJSON *step;
	const char *arrow = "  ";

	cJSON_ArrayForEach (step, cJSON_GetObjectItemCaseSensitive(record, "steps")) {
		if (!cJSON_IsString(step))
			continue;
		printf("%s%s", arrow, step->valuestring);
		arrow = " > ";
	}
	if (text_of(record, "drop")[0] != '\0')
		printf("%sdropped: %s\n", arrow, text_of(record, "drop"));
	else
		printf("%sport %s\n", arrow, text_of(record, "out_port"));
}

static void
print_record(const cJSON *record)
{
	uint8_t bytes[TRACE_BYTES_MAX];
	char packet[512], worker[64];
	size_t n = read_hex(text_of(record, "bytes"), bytes, sizeof(bytes));

	printf("%.6f s  from %s  network %s  worker %s  %.0f bytes\n",
		stats_number(record, "time_ns") / 1e9, text_of(record, "in_port"),
		text_of(record, "network"), stats_text(record, "worker", worker),
		stats_number(record, "length"));
	printf("  %s\n", table_sanitize(packet_text(packet, sizeof(packet), bytes, n)));
	print_steps(record);
}

static int
on_record(const cJSON *params, void *arg)
{
	struct progress *progress = arg;
	char *text;

	if (progress->json) {
		text = cJSON_PrintUnformatted(params);
		printf("%s\n", text != NULL ? text : "null");
		cJSON_free(text);
	} else {
		print_record(params);
	}
	fflush(stdout);
	progress->left--;
	return progress->left <= 0;
}

int
run_trace(const struct cwctl *cwctl, cJSON *params)
{
	struct progress progress = {.json = cwctl->json, .left = stats_number(params, "count")};
	struct client *client = open_client(cwctl);
	struct client_error error;
	int rc;

	if (client == NULL) {
		cJSON_Delete(params);
		return EXIT_REFUSED;
	}
	if (progress.left <= 0) {
		progress.left = TRACE_COUNT;
		cJSON_DeleteItemFromObjectCaseSensitive(params, "count");
		cJSON_AddNumberToObject(params, "count", TRACE_COUNT);
	}
	rc = client_watch(client, "trace.watch", params, on_record, &progress, &error);
	client_close(client);
	if (rc > 0)
		return EXIT_OK;
	report_error("trace.watch", &error);
	if (rc == -EPIPE)
		fprintf(stderr, "  a trace ends with the data plane or causewayd\n");
	return EXIT_REFUSED;
}
