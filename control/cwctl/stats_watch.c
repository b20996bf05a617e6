/* SPDX-License-Identifier: Apache-2.0 */
// "stats watch": asks for the counters again and again and shows the differences.
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cwctl.h"
#include "show_stats.h"
#include "stats.h"

#define CLEAR_SCREEN "\033[H\033[2J"

struct look {
	cJSON *stats;
	struct timespec time;
};

static double
seconds_between(const struct timespec *from, const struct timespec *to)
{
	return (double)(to->tv_sec - from->tv_sec) + (double)(to->tv_nsec - from->tv_nsec) / 1e9;
}

// Waits until 'seconds' after the look.
static void
wait_after(const struct look *look, double seconds)
{
	const int64_t ns = look->time.tv_nsec + (int64_t)(seconds * 1e9);
	const struct timespec until = {
		.tv_sec = look->time.tv_sec + ns / 1000000000,
		.tv_nsec = ns % 1000000000,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static int
show_look(const struct cwctl *cwctl, const struct look *before, const struct look *now)
{
	char *text;
	int rc;

	if (cwctl->json) {
		text = cJSON_PrintUnformatted(now->stats);
		printf("%s\n", text != NULL ? text : "null");
		cJSON_free(text);
		rc = 0;
	} else {
		fputs(isatty(STDOUT_FILENO) ? CLEAR_SCREEN : "\n", stdout);
		rc = show_rates(before->stats, now->stats,
			seconds_between(&before->time, &now->time), stdout);
	}
	if (rc == 0 && fflush(stdout) != 0)
		rc = -errno;
	return rc;
}

static int
take_look(struct client *client, struct look *look)
{
	struct client_error error;
	int rc;

	rc = client_call(client, "stats.get", NULL, NULL, 0, &look->stats, &error);
	clock_gettime(CLOCK_MONOTONIC, &look->time);
	if (rc < 0)
		report_error("stats.get", &error);
	return rc;
}

static int
watch(const struct cwctl *cwctl, struct client *client, double interval, double count)
{
	struct look before = {0}, now = {0};
	int rc = take_look(client, &before);

	for (double looks = 0; rc == 0 && (count <= 0 || looks < count); looks++) {
		wait_after(&before, interval);
		rc = take_look(client, &now);
		if (rc < 0)
			break;
		rc = show_look(cwctl, &before, &now);
		cJSON_Delete(before.stats);
		before = now;
	}
	cJSON_Delete(before.stats);
	return rc == 0 ? EXIT_OK : EXIT_REFUSED;
}

int
run_stats_watch(const struct cwctl *cwctl, cJSON *params)
{
	double interval = stats_number(params, "interval");
	const double count = stats_number(params, "count");
	struct client *client;
	int status;

	if (!cJSON_HasObjectItem(params, "interval"))
		interval = 1;
	cJSON_Delete(params);
	if (interval < 0.1 || interval > 86400) {
		fprintf(stderr, "cwctl: interval must be 0.1 to 86400 seconds\n");
		return EXIT_USAGE;
	}
	client = open_client(cwctl);
	if (client == NULL)
		return EXIT_REFUSED;
	status = watch(cwctl, client, interval, count);
	client_close(client);
	return status;
}
