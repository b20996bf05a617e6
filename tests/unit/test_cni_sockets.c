/* SPDX-License-Identifier: Apache-2.0 */
// Interfaces vhost-user and memif of the CNI plugin: keys, device-info, results.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device_info.h"
#include "endpoint.h"
#include "result.h"
#include "userspace.h"

#define HEAD "{\"cniVersion\": \"1.1.0\", \"name\": \"n\", "

struct parsed {
	struct cni_call call;
	struct attachment attachment;
};

static void
parse(struct parsed *parsed, const char *keys)
{
	static const struct cni_args none;
	char *text = malloc(4096);

	memset(parsed, 0, sizeof(*parsed));
	parsed->call.env.container = "0123456789abcdef";
	parsed->call.env.ifname = "net1";
	parsed->call.env.netns = "/run/netns/x";
	snprintf(text, 4096, HEAD "%s}", keys);
	assert_int_equal(
		config_read(&parsed->call.config, text, strlen(text), &parsed->call.error), 0);
	if (config_read_attachment(
		    &parsed->call.config, &none, &parsed->attachment, &parsed->call.error)
		< 0)
		fail_msg("%s", parsed->call.error.message);
}

static void
release(struct parsed *parsed)
{
	attachment_free(&parsed->attachment);
	config_free(&parsed->call.config);
}

// The parameters of endpoint.add that the keys become.
static void
assert_becomes(const char *keys, const char *interface, const char *expected)
{
	cJSON *wanted = cJSON_Parse(expected);
	struct parsed parsed;

	parse(&parsed, keys);
	assert_string_equal(parsed.attachment.interface, interface);
	assert_int_equal(userspace_prepare(&parsed.call, &parsed.attachment), 0);
	if (!cJSON_Compare(parsed.attachment.socket, wanted, true))
		fail_msg("%s", cJSON_PrintUnformatted(parsed.attachment.socket));
	cJSON_Delete(wanted);
	release(&parsed);
}

static void
keys_become_parameters(void **state)
{
	assert_becomes("\"interface\": \"vhost-user\"", "vhost-user", "{}");
	assert_becomes("\"interface\": \"vhost-user\", \"QUEUES\": 2, \"socketGroup\": 36",
		"vhost-user", "{\"queues\": 2, \"group\": \"36\"}");
	assert_becomes("\"interface\": \"memif\", \"abstract\": true, \"id\": 3", "memif",
		"{\"socket\": \"@net1\", \"memif_id\": 3}");
	assert_becomes("\"interface\": \"memif\", \"abstract\": false", "memif", "{}");
}

static void
userspace_keys_become_parameters(void **state)
{
	assert_becomes("\"host\": {\"iftype\": \"vhostuser\"}", "vhost-user",
		"{\"role\": \"server\", \"socket\": \"0123456789ab-net1\"}");
	assert_becomes("\"host\": {\"iftype\": \"memif\", \"memif\": {\"role\": \"slave\", "
		       "\"socketfile\": \"m\"}}",
		"memif", "{\"role\": \"slave\", \"socket\": \"m\"}");
	assert_becomes("\"host\": {\"iftype\": \"vhostuser\", \"vhost\": {\"mode\": \"client\"}}, "
		       "\"role\": \"server\"",
		"vhost-user", "{\"role\": \"server\", \"socket\": \"0123456789ab-net1\"}");
}

static void
kernel_interfaces_have_none_of_it(void **state)
{
	struct parsed parsed;

	parse(&parsed, "\"interface\": \"kernel\", \"host\": {\"iftype\": \"memif\"}, \"ring\": 7");
	assert_null(parsed.attachment.socket);
	assert_int_equal(userspace_prepare(&parsed.call, &parsed.attachment), 0);
	release(&parsed);
}

static void
device_info_is_told_from_the_pods_side(void **state)
{
	static const struct {
		const char *kind, *role, *expected;
	} cases[] = {
		{"vhost-user", "client", "{\"mode\": \"server\", \"path\": \"/s\"}"},
		{"vhost-user", "server", "{\"mode\": \"client\", \"path\": \"/s\"}"},
		{"memif", "master",
			"{\"role\": \"slave\", \"path\": \"/s\", \"mode\": \"ethernet\"}"},
		{"memif", "slave",
			"{\"role\": \"master\", \"path\": \"/s\", \"mode\": \"ethernet\"}"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cJSON *endpoint = cJSON_CreateObject(), *info, *expected;
		char *text;

		cJSON_AddStringToObject(endpoint, "kind", cases[i].kind);
		cJSON_AddStringToObject(endpoint, "role", cases[i].role);
		cJSON_AddStringToObject(endpoint, "socket", "/s");
		text = device_info_format(endpoint);
		info = cJSON_Parse(text);
		expected = cJSON_Parse(cases[i].expected);
		assert_string_equal(
			cJSON_GetStringValue(cJSON_GetObjectItem(info, "type")), cases[i].kind);
		assert_string_equal(
			cJSON_GetStringValue(cJSON_GetObjectItem(info, "version")), "1.1.0");
		assert_true(
			cJSON_Compare(cJSON_GetObjectItem(info, cases[i].kind), expected, true));
		cJSON_free(text);
		cJSON_Delete(info);
		cJSON_Delete(expected);
		cJSON_Delete(endpoint);
	}
}

static void
results_tell_the_socket_since_1_1_0(void **state)
{
	cJSON *reply =
		cJSON_Parse("{\"mac\": \"02:00:00:00:00:01\", \"mtu\": 1400, \"socket\": \"/s\"}");
	cJSON *addresses = result_new(), *result;
	struct parsed parsed;
	char *text;

	parse(&parsed, "\"interface\": \"memif\"");
	result = endpoint_result(&parsed.call.env, reply, addresses);
	text = result_format(result, CONFIG_1_1_0);
	assert_non_null(strstr(text, "\"socketPath\":\t\"/s\""));
	assert_non_null(strstr(text, "\"mtu\":\t1400"));
	assert_non_null(strstr(text, "\"sandbox\":\t\"/run/netns/x\""));
	cJSON_free(text);
	text = result_format(result, CONFIG_1_0_0);
	assert_null(strstr(text, "socketPath"));
	assert_null(strstr(text, "mtu"));
	cJSON_free(text);
	cJSON_Delete(result);
	cJSON_Delete(addresses);
	cJSON_Delete(reply);
	release(&parsed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_become_parameters),
		cmocka_unit_test(userspace_keys_become_parameters),
		cmocka_unit_test(kernel_interfaces_have_none_of_it),
		cmocka_unit_test(device_info_is_told_from_the_pods_side),
		cmocka_unit_test(results_tell_the_socket_since_1_1_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
