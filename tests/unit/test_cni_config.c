/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <causeway/limits.h>

#include "config.h"

#define HEAD "\"cniVersion\": \"1.0.0\", \"name\": \"n\""

struct parsed {
	struct config config;
	struct attachment attachment;
	struct cni_error error;
};

static int
read_text(struct parsed *parsed, const char *text)
{
	memset(parsed, 0, sizeof(*parsed));
	return config_read(&parsed->config, strdup(text), strlen(text), &parsed->error);
}

// Both steps; args may be NULL.
static int
read_all(struct parsed *parsed, const char *text, const struct cni_args *args)
{
	static const struct cni_args none;

	if (read_text(parsed, text) < 0)
		return -1;
	return config_read_attachment(
		&parsed->config, args != NULL ? args : &none, &parsed->attachment, &parsed->error);
}

static void
release(struct parsed *parsed)
{
	attachment_free(&parsed->attachment);
	config_free(&parsed->config);
}

// The text fails with this code and a message that holds both words.
static void
assert_refused(const char *text, int code, const char *key, const char *value)
{
	struct parsed parsed;

	assert_int_equal(read_all(&parsed, text, NULL), -1);
	if (parsed.error.code != code || strstr(parsed.error.message, key) == NULL
		|| strstr(parsed.error.message, value) == NULL)
		fail_msg("%s: code %d, %s", text, parsed.error.code, parsed.error.message);
	release(&parsed);
}

static void
test_decode(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "1", "null", "{} x", "{\"a\":}"};
	struct parsed parsed;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_text(&parsed, bad[i]), -1);
		assert_int_equal(parsed.error.code, CNI_DECODE);
		assert_null(parsed.config.json);
		config_free(&parsed.config);
	}
	// a zero byte inside hides what follows it
	assert_int_equal(config_read(&parsed.config, strdup("{}"), 5, &parsed.error), -1);
	assert_int_equal(parsed.error.code, CNI_DECODE);
	config_free(&parsed.config);
}

static void
test_versions(void **state)
{
	char text[128];
	struct parsed parsed;

	for (int version = 0; version < CONFIG_VERSIONS; version++) {
		snprintf(text, sizeof(text), "{\"cniVersion\": \"%s\", \"name\": \"n\"}",
			config_versions[version]);
		assert_int_equal(read_text(&parsed, text), 0);
		assert_int_equal(parsed.config.version, version);
		config_free(&parsed.config);
	}
	assert_refused("{\"name\": \"n\"}", CNI_VERSION_UNSUPPORTED, "cniVersion", "0.1.0");
	assert_refused("{\"name\": \"n\", \"cniVersion\": \"9\"}", CNI_VERSION_UNSUPPORTED,
		"cniVersion", "9");
	assert_refused("{\"name\": \"n\", \"cniVersion\": 1}", CNI_CONFIG, "cniVersion", "1");
}

static void
test_defaults(void **state)
{
	struct parsed parsed;

	assert_int_equal(read_all(&parsed, "{" HEAD ", \"unknown\": {}, \"mtu\": null}", NULL), 0);
	assert_string_equal(parsed.config.socket, CW_RUNTIME_DIR "/" CW_CONTROL_SOCKET);
	assert_string_equal(parsed.config.state_dir, CW_STATE_DIR);
	assert_null(parsed.config.ipam_type);
	assert_null(parsed.config.prev_result);
	assert_string_equal(parsed.attachment.network, CW_DEFAULT_NETWORK);
	assert_null(parsed.attachment.kind);
	assert_null(parsed.attachment.guard);
	assert_null(parsed.attachment.hairpin);
	assert_null(parsed.attachment.trunk);
	assert_int_equal(parsed.attachment.mtu, 0);
	assert_int_equal(parsed.attachment.vlan, 0);
	assert_string_equal(parsed.attachment.mac, "");
	release(&parsed);
}

static void
test_keys_of_any_case(void **state)
{
	struct parsed parsed;

	assert_int_equal(
		read_all(&parsed,
			"{\"CNIVERSION\": \"0.4.0\", \"Name\": \"n\", \"IPAM\": {\"TYPE\": "
			"\"host-local\"}, \"RuntimeDir\": \"/r\", \"statedir\": \"/s\", \"MTU\": "
			"1400, \"mtu\": 1300, \"hairpinmode\": false, \"Hairpin\": true, "
			"\"vlanTrunk\": [{\"minid\": 2, \"MAXID\": 3}], \"isdefaultgateway\": "
			"true, \"prevresult\": {}}",
			NULL),
		0);
	assert_string_equal(parsed.config.ipam_type, "host-local");
	assert_string_equal(parsed.config.socket, "/r/control.sock");
	assert_string_equal(parsed.config.state_dir, "/s");
	assert_non_null(parsed.config.prev_result);
	assert_int_equal(parsed.attachment.mtu, 1300);
	assert_true(cJSON_IsTrue(parsed.attachment.hairpin));
	assert_int_equal(cJSON_GetArraySize(parsed.attachment.trunk), 2);
	assert_true(parsed.attachment.default_gateway);
	release(&parsed);
}

static void
test_refusals_name_key_and_value(void **state)
{
	static const char *const cases[][3] = {
		{"\"mtu\": 67", "mtu", "67"},
		{"\"mtu\": 1e300", "mtu", "1e+300"},
		{"\"mtu\": \"big\"", "mtu", "big"},
		{"\"vlan\": 4095", "vlan", "4095"},
		{"\"vlan\": 1.5", "vlan", "1.5"},
		{"\"mac\": \"03:00:00:00:00:01\"", "mac", "03:00:00:00:00:01"},
		{"\"mac\": 7", "mac", "7"},
		{"\"runtimeConfig\": {\"mac\": \"x\"}", "runtimeConfig.mac", "x"},
		{"\"args\": {\"cni\": {\"mac\": \"y\"}}", "args.cni.mac", "y"},
		{"\"network\": \"\"", "network", "\"\""},
		{"\"network\": \"a/b\"", "network", "a/b"},
		{"\"kind\": \"veth\"", "kind", "veth"},
		{"\"interface\": \"vf\"", "deviceID", "absent"},
		{"\"interface\": \"rope\"", "interface", "rope"},
		{"\"guard\": [\"mac\", 5]", "guard", "5"},
		{"\"trunk\": [{\"id\": 4095}]", "trunk", "4095"},
		{"\"trunk\": [5]", "trunk", "5"},
		{"\"ipam\": []", "ipam", "[]"},
		{"\"ipam\": {\"type\": \"a/b\"}", "ipam.type", "a/b"},
		{"\"socket\": \"here\"", "socket", "here"},
		{"\"dns\": \"9.9.9.9\"", "dns", "9.9.9.9"},
		{"\"runtimeConfig\": {\"ips\": [\"10.0.0.0/40\"]}", "runtimeConfig.ips", "/40"},
	};
	char text[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "{" HEAD ", %s}", cases[i][0]);
		assert_refused(text, CNI_CONFIG, cases[i][1], cases[i][2]);
	}
}

static void
test_trunk_is_limited(void **state)
{
	struct parsed parsed;

	assert_int_equal(
		read_all(&parsed, "{" HEAD ", \"trunk\": [{\"minID\": 1, \"maxID\": 64}]}", NULL),
		0);
	assert_int_equal(cJSON_GetArraySize(parsed.attachment.trunk), CW_MAX_TRUNK);
	release(&parsed);
	assert_refused("{" HEAD ", \"trunk\": [{\"minID\": 1, \"maxID\": 4094}]}", CNI_CONFIG,
		"trunk", "64");
}

static void
test_precedence(void **state)
{
	const struct cni_args args = {.mac = "02:00:00:00:00:03", .ip = "10.0.0.3"};
	const char *static_only = "{" HEAD ", \"mac\": \"02:00:00:00:00:04\"}";
	const char *everything =
		"{" HEAD ", \"mac\": \"02:00:00:00:00:04\", \"args\": {\"cni\": {\"mac\": "
		"\"02:00:00:00:00:02\", \"ips\": [\"10.0.0.2\"]}}, \"runtimeConfig\": "
		"{\"mac\": \"02:00:00:00:00:01\", \"ips\": [\"10.0.0.1/8\"]}}";
	struct parsed parsed;

	assert_int_equal(read_all(&parsed, static_only, NULL), 0);
	assert_string_equal(parsed.attachment.mac, "02:00:00:00:00:04");
	assert_null(parsed.attachment.ips);
	release(&parsed);
	assert_int_equal(read_all(&parsed, static_only, &args), 0);
	assert_string_equal(parsed.attachment.mac, "02:00:00:00:00:03");
	assert_string_equal(
		cJSON_GetArrayItem(parsed.attachment.ips, 0)->valuestring, "10.0.0.3/32");
	release(&parsed);
	assert_int_equal(read_all(&parsed, everything, &args), 0);
	assert_string_equal(parsed.attachment.mac, "02:00:00:00:00:01");
	assert_string_equal(
		cJSON_GetArrayItem(parsed.attachment.ips, 0)->valuestring, "10.0.0.1/8");
	release(&parsed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_keys_of_any_case),
		cmocka_unit_test(test_refusals_name_key_and_value),
		cmocka_unit_test(test_trunk_is_limited),
		cmocka_unit_test(test_precedence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
