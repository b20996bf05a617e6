/* SPDX-License-Identifier: Apache-2.0 */

// Checking of parameters by table, and the texts of addresses.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "address_text.h"
#include "schema.h"

static const char *const colours[] = {"red", "blue", NULL};
static const struct field inner[] = {{"n", FIELD_INTEGER, true, 1, 3}, {0}};
static const struct field element[] = {{"", FIELD_OBJECT, false, 0, 0, inner}};

static const struct field fields[] = {
	{"name", FIELD_NAME, true, 1, 8},
	{"text", FIELD_STRING, false, 2, 4},
	{"colour", FIELD_CHOICE, false, 0, 0, NULL, colours},
	{"n", FIELD_INTEGER, false, -5, 4294967295},
	{"yes", FIELD_BOOLEAN},
	{"mac", FIELD_MAC},
	{"ip", FIELD_IP},
	{"prefix", FIELD_PREFIX},
	{"list", FIELD_LIST, false, 1, 2, element},
	{"any", FIELD_ANY},
	{0},
};

static void
accepts(const char *json)
{
	struct failure failure = {0};
	cJSON *parsed = cJSON_Parse(json);

	assert_non_null(parsed);
	if (schema_check(parsed, fields, &failure) < 0)
		fail_msg("%s: %s", json, failure.message);
	cJSON_Delete(parsed);
}

static void
refuses(const char *json, const char *key)
{
	struct failure failure = {0};
	cJSON *parsed = cJSON_Parse(json);

	assert_non_null(parsed);
	if (schema_check(parsed, fields, &failure) == 0)
		fail_msg("%s is accepted", json);
	assert_int_equal(failure.code, CW_RPC_INVALID_PARAMS);
	assert_string_equal(failure.key, key);
	assert_true(failure.hint[0] != '\0');
	cJSON_Delete(parsed);
}

static void
test_good(void **state)
{
	accepts("{\"name\":\"a\"}");
	accepts("{\"name\":\"a_.-9\",\"text\":\"ab "
		"c\",\"colour\":\"blue\",\"n\":-5,\"yes\":false}");
	accepts("{\"name\":\"a\",\"n\":4294967295,\"mac\":\"02:AB:00:00:00:01\"}");
	accepts("{\"name\":\"a\",\"ip\":\"fd00::1\",\"prefix\":\"10.1.2.3/0\"}");
	accepts("{\"name\":\"a\",\"list\":[{\"n\":1},{\"n\":3}],\"any\":{\"x\":[null]}}");
}

static void
test_keys(void **state)
{
	refuses("{}", "name");
	refuses("{\"name\":\"a\",\"nmae\":1}", "nmae");
	refuses("{\"Name\":\"a\"}", "Name");
	refuses("{\"name\":\"a\",\"name\":\"b\"}", "name");
	refuses("[1]", "params");
	refuses("{\"name\":\"a\",\"list\":[{\"n\":1,\"m\":2}]}", "list[0].m");
	refuses("{\"name\":\"a\",\"list\":[{\"n\":1},{}]}", "list[1].n");
}

static void
test_values(void **state)
{
	refuses("{\"name\":5}", "name");
	refuses("{\"name\":\"\"}", "name");
	refuses("{\"name\":\"123456789\"}", "name");
	refuses("{\"name\":\"-a\"}", "name");
	refuses("{\"name\":\"a/b\"}", "name");
	refuses("{\"name\":\"a\",\"text\":\"a\"}", "text");
	refuses("{\"name\":\"a\",\"text\":\"abcde\"}", "text");
	refuses("{\"name\":\"a\",\"text\":\"a\\nb\"}", "text");
	refuses("{\"name\":\"a\",\"colour\":\"green\"}", "colour");
	refuses("{\"name\":\"a\",\"n\":-6}", "n");
	refuses("{\"name\":\"a\",\"n\":4294967296}", "n");
	refuses("{\"name\":\"a\",\"n\":1.5}", "n");
	refuses("{\"name\":\"a\",\"n\":1e300}", "n");
	refuses("{\"name\":\"a\",\"n\":\"1\"}", "n");
	refuses("{\"name\":\"a\",\"yes\":1}", "yes");
	refuses("{\"name\":\"a\",\"list\":[]}", "list");
	refuses("{\"name\":\"a\",\"list\":[{\"n\":1},{\"n\":1},{\"n\":1}]}", "list");
	refuses("{\"name\":\"a\",\"list\":{}}", "list");
	refuses("{\"name\":\"a\",\"list\":[1]}", "list[0]");
	refuses("{\"name\":\"a\",\"list\":[{\"n\":4}]}", "list[0].n");
}

static void
test_addresses(void **state)
{
	refuses("{\"name\":\"a\",\"mac\":\"03:00:00:00:00:01\"}", "mac");
	refuses("{\"name\":\"a\",\"mac\":\"00:00:00:00:00:00\"}", "mac");
	refuses("{\"name\":\"a\",\"mac\":\"02:00:00:00:00:0\"}", "mac");
	refuses("{\"name\":\"a\",\"mac\":\"02:00:00:00:00:0g\"}", "mac");
	refuses("{\"name\":\"a\",\"mac\":\"02-00-00-00-00-01\"}", "mac");
	refuses("{\"name\":\"a\",\"ip\":\"10.1.0.5/16\"}", "ip");
	refuses("{\"name\":\"a\",\"ip\":\"10.1.0\"}", "ip");
	refuses("{\"name\":\"a\",\"ip\":7}", "ip");
	refuses("{\"name\":\"a\",\"prefix\":\"10.1.0.0\"}", "prefix");
	refuses("{\"name\":\"a\",\"prefix\":\"10.1.0.0/33\"}", "prefix");
	refuses("{\"name\":\"a\",\"prefix\":\"fd00::/129\"}", "prefix");
	refuses("{\"name\":\"a\",\"prefix\":\"10.1.0.0/\"}", "prefix");
	refuses("{\"name\":\"a\",\"prefix\":\"10.1.0.0/+8\"}", "prefix");
	refuses("{\"name\":\"a\",\"prefix\":\"/8\"}", "prefix");
}

static void
test_prefixes(void **state)
{
	struct cw_ip a, b;
	char text[IP_TEXT_LEN];

	assert_true(ip_parse_prefixed("10.1.2.3/20", &a));
	b = ip_masked(&a);
	assert_string_equal(ip_format_prefixed(&b, text), "10.1.0.0/20");
	assert_true(ip_parse("10.1.15.255", &b));
	assert_true(ip_contains(&a, &b));
	assert_true(ip_parse("10.1.16.0", &b));
	assert_false(ip_contains(&a, &b));
	assert_true(ip_parse("fd00::1", &b));
	assert_false(ip_contains(&a, &b));
	assert_true(ip_parse_prefixed("fd00:1:ffff::1/33", &a));
	b = ip_masked(&a);
	assert_string_equal(ip_format_prefixed(&b, text), "fd00:1:8000::/33");
	assert_true(ip_parse("::1", &a));
	assert_false(ip_is_unicast(&a));
	assert_true(ip_parse("224.0.0.1", &a));
	assert_false(ip_is_unicast(&a));
}

static void
test_macs(void **state)
{
	uint8_t a[6], b[6], c[6];

	mac_from_text("container/eth0", a);
	mac_from_text("container/eth0", b);
	mac_from_text("container/eth1", c);
	assert_memory_equal(a, b, 6);
	assert_memory_not_equal(a, c, 6);
	assert_int_equal(a[0], 2);
	mac_random(b);
	mac_random(c);
	assert_int_equal(b[0], 2);
	assert_memory_not_equal(b, c, 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_macs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
