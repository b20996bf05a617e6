/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CWCTL_STATS_H
#define CWCTL_STATS_H

// Reading the results of stats.get and node.get.

#include <cjson/cJSON.h>

// A counter of a row; 0 when absent.
double stats_number(const cJSON *row, const char *key);

// A name or other text of a row, safe for a terminal; numbers as text. "-" when absent. size of
// text is enough for 63 characters. Returns text.
const char *stats_text(const cJSON *row, const char *key, char text[64]);

// The row of another result's list whose key has the same value; NULL when there is none.
const cJSON *stats_same_row(const cJSON *list, const cJSON *row, const char *key);

// Sum of a port's drops, of all reasons.
double stats_drops(const cJSON *port);

// Percent of the cycles between before (NULL: since the start) and after in which the worker moved
// packets.
double stats_busy_percent(const cJSON *before, const cJSON *after);

// "1.23 M": three or four digits and a power of a thousand. Returns text.
const char *stats_scaled(double value, char text[64]);

#endif
