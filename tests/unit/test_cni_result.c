/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "result.h"

static cJSON *
normalise(const char *text)
{
	struct cni_error error = {0};
	cJSON *result = result_normalise(cJSON_Parse(text), &error);

	if (result == NULL)
		fail_msg("%s: %s", text, error.message);
	return result;
}

static void
assert_json(const cJSON *actual, const char *expected)
{
	cJSON *wanted = cJSON_Parse(expected);
	char *text = cJSON_PrintUnformatted(actual);

	assert_non_null(wanted);
	if (!cJSON_Compare(actual, wanted, true))
		fail_msg("%s is not %s", text, expected);
	cJSON_free(text);
	cJSON_Delete(wanted);
}

static void
assert_printed(const cJSON *result, enum config_version version, const char *expected)
{
	char *text = result_format(result, version);
	cJSON *actual;

	assert_non_null(text);
	actual = cJSON_Parse(text);
	assert_json(actual, expected);
	cJSON_Delete(actual);
	cJSON_free(text);
}

static void
test_normalise(void **state)
{
	static const char expected[] =
		"{\"interfaces\": [], \"ips\": [{\"address\": \"10.0.0.5/8\", \"gateway\": "
		"\"10.0.0.1\"}, {\"address\": \"fd00::5/64\"}], \"routes\": [{\"dst\": "
		"\"0.0.0.0/0\"}], \"dns\": {}}";
	cJSON *result;

	result = normalise(
		"{\"cniVersion\": \"1.0.0\", \"ips\": [{\"address\": \"10.0.0.5/8\", "
		"\"gateway\": \"10.0.0.1\", \"extra\": 1}, {\"Address\": \"fd00::5/64\"}], "
		"\"routes\": [{\"dst\": \"0.0.0.0/0\"}], \"dns\": {}}");
	assert_json(result, expected);
	cJSON_Delete(result);
	result = normalise(
		"{\"ips\": [{\"version\": \"4\", \"address\": \"10.0.0.5/8\", \"gateway\": "
		"\"10.0.0.1\"}, {\"version\": \"6\", \"address\": \"fd00::5/64\"}], "
		"\"routes\": [{\"dst\": \"0.0.0.0/0\"}]}");
	assert_json(result, expected);
	cJSON_Delete(result);
	result = normalise(
		"{\"ip4\": {\"ip\": \"10.0.0.5/8\", \"gateway\": \"10.0.0.1\", \"routes\": "
		"[{\"dst\": \"0.0.0.0/0\"}]}, \"ip6\": {\"ip\": \"fd00::5/64\"}}");
	assert_json(result, expected);
	cJSON_Delete(result);
}

static void
test_malformed(void **state)
{
	static const char *const bad[] = {
		"{\"ips\": [5]}",
		"{\"ips\": [{}]}",
		"{\"ips\": [{\"address\": 5}]}",
		"{\"ips\": [{\"address\": \"10.0.0.5\"}]}",
		"{\"ips\": [{\"address\": \"10.0.0.5/8\", \"gateway\": \"fd00::1\"}]}",
		"{\"ips\": [{\"address\": \"10.0.0.5/8\", \"interface\": 0}]}",
		"{\"ips\": [{\"address\": \"10.0.0.5/8\", \"interface\": -1}]}",
		"{\"interfaces\": [{}]}",
		"{\"routes\": [{\"gw\": \"10.0.0.1\"}]}",
		"{\"routes\": [{\"dst\": \"10.0.0.0/8\", \"gw\": \"fd00::1\"}]}",
		"{\"ip4\": {}}",
		"{\"ip6\": {\"ip\": 7}}",
	};
	struct cni_error error;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error.code = 0;
		assert_null(result_normalise(cJSON_Parse(bad[i]), &error));
		assert_int_equal(error.code, CNI_DELEGATE);
	}
}

static void
test_versions(void **state)
{
	cJSON *result =
		normalise("{\"interfaces\": [{\"name\": \"eth0\", \"mtu\": 1500}], \"ips\": "
			  "[{\"address\": \"10.0.0.5/8\", \"interface\": 0}, {\"address\": "
			  "\"fd00::5/64\"}], \"routes\": [{\"dst\": \"::/0\", \"priority\": 3}]}");

	assert_printed(result, CONFIG_0_3_1,
		"{\"cniVersion\": \"0.3.1\", \"interfaces\": [{\"name\": \"eth0\"}], \"ips\": "
		"[{\"version\": \"4\", \"address\": \"10.0.0.5/8\", \"interface\": 0}, "
		"{\"version\": "
		"\"6\", \"address\": \"fd00::5/64\"}], \"routes\": [{\"dst\": \"::/0\"}], \"dns\": "
		"{}}");
	assert_printed(result, CONFIG_1_0_0,
		"{\"cniVersion\": \"1.0.0\", \"interfaces\": [{\"name\": \"eth0\"}], \"ips\": "
		"[{\"address\": \"10.0.0.5/8\", \"interface\": 0}, {\"address\": \"fd00::5/64\"}], "
		"\"routes\": [{\"dst\": \"::/0\"}], \"dns\": {}}");
	assert_printed(result, CONFIG_1_1_0,
		"{\"cniVersion\": \"1.1.0\", \"interfaces\": [{\"name\": \"eth0\", \"mtu\": "
		"1500}], "
		"\"ips\": [{\"address\": \"10.0.0.5/8\", \"interface\": 0}, {\"address\": "
		"\"fd00::5/64\"}], \"routes\": [{\"dst\": \"::/0\", \"priority\": 3}], \"dns\": "
		"{}}");
	cJSON_Delete(result);
}

static void
test_append(void **state)
{
	cJSON *result =
		normalise("{\"interfaces\": [{\"name\": \"a\"}, {\"name\": \"b\"}], \"ips\": "
			  "[{\"address\": \"10.0.0.5/8\", \"interface\": 1}], \"dns\": "
			  "{\"domain\": \"d\"}}");

	assert_int_equal(result_append(result,
				 normalise("{\"interfaces\": [{\"name\": \"c\"}], \"ips\": "
					   "[{\"address\": \"10.0.0.6/8\", \"interface\": 0}]}")),
		0);
	assert_json(result,
		"{\"interfaces\": [{\"name\": \"a\"}, {\"name\": \"b\"}, {\"name\": \"c\"}], "
		"\"ips\": "
		"[{\"address\": \"10.0.0.5/8\", \"interface\": 1}, {\"address\": \"10.0.0.6/8\", "
		"\"interface\": 2}], \"routes\": [], \"dns\": {\"domain\": \"d\"}}");
	assert_int_equal(result_append(result, NULL), -12);
	cJSON_Delete(result);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normalise),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_append),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
