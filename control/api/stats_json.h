/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_STATS_JSON_H
#define API_STATS_JSON_H

// Counters of the data plane as JSON, summed over workers.

#include "causewayd.h"

struct stats_json;

// port: only of this one, 0: of all. Returns NULL: no memory.
struct stats_json *stats_json_new(struct causewayd *d, uint32_t port);
// Adds what a frame of the answer to CW_GET_STATS holds.
void stats_json_add(struct stats_json *stats, const struct cw_frame *frame);
// The result; frees the collection.
cJSON *stats_json_end(struct stats_json *stats);

// One worker's counters.
cJSON *worker_stats_json(const struct cw_worker_stats *worker);

#endif
