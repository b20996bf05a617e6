/* SPDX-License-Identifier: Apache-2.0 */
#include "stats.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "table.h"

double
stats_number(const cJSON *row, const char *key)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(row, key);

	return cJSON_IsNumber(value) ? value->valuedouble : 0;
}

const char *
stats_text(const cJSON *row, const char *key, char text[64])
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(row, key);

	if (cJSON_IsString(value) && value->valuestring[0] != '\0')
		snprintf(text, 64, "%s", value->valuestring);
	else if (cJSON_IsNumber(value))
		snprintf(text, 64, "%.0f", value->valuedouble);
	else
		strcpy(text, "-");
	return table_sanitize(text);
}

const cJSON *
stats_same_row(const cJSON *list, const cJSON *row, const char *key)
{
	const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(row, key), *other;

	cJSON_ArrayForEach (other, list)
		if (cJSON_Compare(cJSON_GetObjectItemCaseSensitive(other, key), wanted, true))
			return other;
	return NULL;
}

double
stats_drops(const cJSON *port)
{
	const cJSON *drop;
	double sum = 0;

	cJSON_ArrayForEach (drop, cJSON_GetObjectItemCaseSensitive(port, "drops"))
		sum += cJSON_IsNumber(drop) ? drop->valuedouble : 0;
	return sum;
}

double
stats_busy_percent(const cJSON *before, const cJSON *after)
{
	const double busy =
		stats_number(after, "busy_cycles") - stats_number(before, "busy_cycles");
	const double idle =
		stats_number(after, "idle_cycles") - stats_number(before, "idle_cycles");
	const double sleep =
		stats_number(after, "sleep_cycles") - stats_number(before, "sleep_cycles");
	const double sum = busy + idle + sleep;

	return sum > 0 ? 100 * busy / sum : 0;
}

const char *
stats_scaled(double value, char text[64])
{
	static const char units[] = {' ', 'k', 'M', 'G', 'T', 'P'};
	unsigned unit = 0;

	while (value >= 999.95 && unit + 1 < sizeof(units)) {
		value /= 1000;
		unit++;
	}
	if (unit == 0)
		snprintf(text, 64, "%.0f", value);
	else
		snprintf(text, 64, "%.*f %c", value < 9.995 ? 2 : 1, value, units[unit]);
	return text;
}
