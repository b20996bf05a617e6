/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "object.h"
#include "show.h"
#include "show_stats.h"
#include "stats.h"
#include "table.h"

// What print writes to a stream, for free().
struct capture {
	char *text;
	size_t length;
	FILE *stream;
};

static FILE *
capture_start(struct capture *capture)
{
	capture->stream = open_memstream(&capture->text, &capture->length);
	assert_non_null(capture->stream);
	return capture->stream;
}

static void
assert_captured(struct capture *capture, const char *expected)
{
	fclose(capture->stream);
	assert_string_equal(capture->text, expected);
	free(capture->text);
}

static void
assert_shown(const char *json, const struct column *columns, const char *expected)
{
	cJSON *value = cJSON_Parse(json);
	struct capture capture;

	assert_non_null(value);
	assert_int_equal(show_result(value, columns, capture_start(&capture)), 0);
	assert_captured(&capture, expected);
	cJSON_Delete(value);
}

static void
test_alignment(void **state)
{
	static const char *const headers[] = {"NAME", ">COUNT", "LAST"};
	struct table *table = table_new(headers, 3);
	struct capture capture;

	table_cell(table, "übergrößen");
	table_cell_format(table, "%d", 5);
	table_cell(table, "x");
	table_cell(table, NULL);
	table_cell(table, "1234567");
	table_cell(table, "");
	assert_int_equal(table_print(table, 0, capture_start(&capture)), 0);
	assert_captured(&capture, "NAME          COUNT  LAST\n"
				  "übergrößen        5  x\n"
				  "-           1234567  -\n");
	table_free(table);
	table_free(NULL);
}

static void
test_terminals_are_safe(void **state)
{
	static const char *const headers[] = {"A"};
	struct table *table = table_new(headers, 1);
	struct capture capture;

	table_cell(table, "\033[2Jx\r\n\x7f");
	assert_int_equal(table_print(table, 0, capture_start(&capture)), 0);
	assert_captured(&capture, "A\n?[2Jx???\n");
	table_free(table);
	assert_shown("{\"a\": \"\\u001b[31m\"}", NULL, "a  ?[31m\n");
}

static void
test_list(void **state)
{
	static const struct column columns[] = {{"NAME", "name"}, {">MTU", "mtu"},
		{"NEVER", "absent"}, {"IPS", "ips.address"}, {"POD", "pod.name"}, {0}};
	static const char rows[] =
		"[{\"name\": \"a\", \"mtu\": 1500, \"ips\": [{\"address\": "
		"\"10.0.0.1/8\"}, {\"address\": \"fd00::1/64\"}]}, {\"name\": \"b\", "
		"\"mtu\": 68, \"pod\": {\"name\": \"web\"}, \"ips\": []}, 5, null]";
	static const char expected[] = "NAME   MTU  IPS                     POD\n"
				       "a     1500  10.0.0.1/8, fd00::1/64  -\n"
				       "b       68  -                       web\n"
				       "-        -  -                       -\n"
				       "-        -  -                       -\n";
	char *wrapped;

	assert_shown(rows, columns, expected);
	assert_true(asprintf(&wrapped, "{\"endpoints\": %s}", rows) > 0);
	assert_shown(wrapped, columns, expected);
	free(wrapped);
	assert_shown("[]", columns, "NAME  MTU  NEVER  IPS  POD\n");
}

static void
test_object(void **state)
{
	assert_shown(
		"{\"name\": \"a\", \"big\": 123456789012345, \"half\": 0.5, \"on\": true, "
		"\"none\": null, \"list\": [1, \"x\"], \"empty\": [], \"sub\": {\"key\": \"v\"}, "
		"\"rows\": [{\"p\": 1, \"q\": 2}, {\"p\": 3}]}",
		NULL,
		"name   a\n"
		"big    123456789012345\n"
		"half   0.5\n"
		"on     yes\n"
		"none   -\n"
		"list   1, x\n"
		"empty  -\n"
		"sub\n"
		"  key  v\n"
		"rows\n"
		"  p  q\n"
		"  1  2\n"
		"  3  -\n");
	assert_shown("{}", NULL, "");
	assert_shown("\"done\"", NULL, "done\n");
	assert_shown("null", NULL, "");
}

static void
test_scaled(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {{0, "0"}, {999, "999"}, {999.96, "1.00 k"}, {1234, "1.23 k"},
		{12345, "12.3 k"}, {123456, "123.5 k"}, {1e6, "1.00 M"}, {9.999e6, "10.0 M"},
		{2.5e9, "2.50 G"}, {1e19, "10000.0 P"}};
	char text[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(stats_scaled(cases[i].value, text), cases[i].text);
}

static void
test_rates(void **state)
{
	cJSON *before = cJSON_Parse(
		"{\"ports\": [{\"port\": \"a\", \"rx_packets\": 100, \"rx_bytes\": 1000, "
		"\"drops\": "
		"{\"no_route\": 5, \"loop\": 1}}, {\"port\": \"b\", \"rx_packets\": 50}], "
		"\"workers\": "
		"[{\"worker\": 0, \"core\": 1, \"busy_cycles\": 100, \"idle_cycles\": 100, "
		"\"sleep_cycles\": 0, \"packets\": 100, \"busy_rounds\": 10}]}");
	cJSON *after = cJSON_Parse(
		"{\"ports\": [{\"port\": \"b\", \"rx_packets\": 10}, {\"port\": \"a\", "
		"\"rx_packets\": "
		"300, \"rx_bytes\": 251000, \"drops\": {\"no_route\": 25, \"loop\": 3}}, "
		"{\"port\": "
		"\"new\", \"rx_packets\": 7}], \"workers\": [{\"worker\": 0, \"core\": 1, "
		"\"busy_cycles\": 200, \"idle_cycles\": 200, \"sleep_cycles\": 200, \"packets\": "
		"300, "
		"\"busy_rounds\": 20}]}");
	struct capture capture;

	assert_int_equal(show_rates(before, after, 2, capture_start(&capture)), 0);
	assert_captured(&capture,
		"PORT  RX packet/s  RX bit/s  TX packet/s  TX bit/s  DROPS /s  MOST DROPPED FOR\n"
		"b               0         0            0         0         0  -\n"
		"a             100    1.00 M            0         0        11  no_route 10\n"
		"new             0         0            0         0         0  -\n"
		"\n"
		"WORKER  CORE  BUSY %  packet/s  PACKETS A ROUND  wake-up/s\n"
		"     0     1    25.0       100             20.0          0\n");
	cJSON_Delete(before);
	cJSON_Delete(after);
}

static void
test_malformed_stats(void **state)
{
	static const char *const texts[] = {"{}", "[]", "5", "null",
		"{\"ports\": 5, \"workers\": 6}", "{\"ports\": [5, {}], \"workers\": [[]]}",
		"{\"ports\": [{\"port\": {}, \"drops\": [1, \"x\"]}]}"};
	struct capture capture;
	cJSON *stats;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		stats = cJSON_Parse(texts[i]);
		capture_start(&capture);
		assert_int_equal(show_stats(stats, capture.stream), 0);
		assert_int_equal(show_rates(stats, stats, 1, capture.stream), 0);
		fclose(capture.stream);
		free(capture.text);
		cJSON_Delete(stats);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_terminals_are_safe),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_object),
		cmocka_unit_test(test_scaled),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_malformed_stats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
