/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "api/common.h"
#include "api/stats_json.h"

static const struct field get_params[] = {
	{"port", FIELD_NAME, false, 1, CW_NAME_LEN - 1},
	{0},
};

struct reading {
	struct request *request;
	struct stats_json *stats;
};

static void
on_stats(void *arg, const struct dp_reply *reply)
{
	struct reading *reading = arg;

	if (reply != NULL) {
		stats_json_add(reading->stats, reply->frame);
		if (reply->more)
			return;
		request_reply(reading->request, stats_json_end(reading->stats));
	} else {
		cJSON_Delete(stats_json_end(reading->stats));
		request_fail_away(reading->request);
	}
	free(reading);
}

static void
get(struct request *request)
{
	const struct port *port;
	struct reading *reading;

	if (param_port(request, &port) < 0)
		return;
	reading = malloc(sizeof(*reading));
	if (reading == NULL) {
		fail_no_memory(request);
		return;
	}
	*reading =
		(struct reading){request, stats_json_new(request->d, port != NULL ? port->id : 0)};
	if (reading->stats == NULL) {
		free(reading);
		fail_no_memory(request);
		return;
	}
	if (request_dataplane(request, dp_frame_new(CW_GET_STATS), on_stats, reading) < 0) {
		cJSON_Delete(stats_json_end(reading->stats));
		free(reading);
	}
}

const struct method stats_methods[] = {
	{"stats.get", get_params, false, get},
	{0},
};
