/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CWCTL_SHOW_STATS_H
#define CWCTL_SHOW_STATS_H

#include <stdio.h>

#include <cjson/cJSON.h>

// The result of stats.get: counters of ports, drops by name, workers. Returns 0 or -ENOMEM.
int show_stats(const cJSON *stats, FILE *stream);

// What happened per second between two results that lie seconds apart. Returns 0 or -ENOMEM.
int show_rates(const cJSON *before, const cJSON *after, double seconds, FILE *stream);

#endif
