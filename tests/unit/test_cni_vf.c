/* SPDX-License-Identifier: Apache-2.0 */
// Interface vf of the CNI plugin: keys, device-info.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device_info_pci.h"
#include "vf_keys.h"

#define HEAD "{\"cniVersion\": \"1.1.0\", \"name\": \"n\", "

struct parsed {
	struct config config;
	struct attachment attachment;
	struct cni_error error;
};

static int
parse(struct parsed *parsed, const char *keys)
{
	static const struct cni_args none;
	char *text = malloc(1024);

	memset(parsed, 0, sizeof(*parsed));
	snprintf(text, 1024, HEAD "%s}", keys);
	assert_int_equal(config_read(&parsed->config, text, strlen(text), &parsed->error), 0);
	return config_read_attachment(&parsed->config, &none, &parsed->attachment, &parsed->error);
}

static void
release(struct parsed *parsed)
{
	attachment_free(&parsed->attachment);
	config_free(&parsed->config);
}

static void
keys_become_parameters(void **state)
{
	static const char *const cases[][2] = {
		{"\"pciBusID\": \"3:2.1\", \"vlan\": null", "{\"pci\": \"0000:03:02.1\"}"},
		{"\"DEVICEID\": \"0000:0A:02.1\", \"Vlan\": 0",
			"{\"pci\": \"0000:0a:02.1\", \"vlan\": 0}"},
		{"\"deviceID\": \"0000:03:02.1\", \"vlan\": 5, \"vlanTrunk\": [], \"VLANQOS\": 3",
			"{\"pci\": \"0000:03:02.1\", \"vlan\": 5, \"vlan_qos\": 3}"},
		{"\"deviceID\": \"0000:03:02.1\", \"vlan\": 5, \"vlanProto\": \"802.1AD\", "
		 "\"trunk\": [{\"id\": 1}]",
			"{\"pci\": \"0000:03:02.1\", \"vlan\": 5, \"vlan_proto\": \"802.1ad\"}"},
		{"\"deviceID\": \"0000:03:02.1\", \"vlan\": 0, \"vlanTrunk\": [{\"id\": 1}]",
			"{\"pci\": \"0000:03:02.1\"}"},
		{"\"deviceID\": \"0000:03:02.1\", \"vlan\": 5, \"vf_path\": \"switch\"",
			"{\"pci\": \"0000:03:02.1\", \"path\": \"switch\"}"},
		{"\"deviceID\": \"0000:03:02.1\", \"min_tx_rate\": 9, \"max_tx_rate\": 0",
			"{\"pci\": \"0000:03:02.1\", \"min_tx_rate\": 9, \"max_tx_rate\": 0}"},
		{"\"deviceID\": \"0000:03:02.1\", \"trust\": \"on\", \"spoofchk\": false",
			"{\"pci\": \"0000:03:02.1\", \"trust\": true, \"spoofchk\": false}"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cJSON *wanted = cJSON_Parse(cases[i][1]);
		struct parsed parsed;

		if (parse(&parsed, cases[i][0]) < 0)
			fail_msg("%s: %s", cases[i][0], parsed.error.message);
		assert_string_equal(parsed.attachment.interface, "vf");
		if (!cJSON_Compare(parsed.attachment.vf, wanted, true))
			fail_msg("%s: %s", cases[i][0],
				cJSON_PrintUnformatted(parsed.attachment.vf));
		cJSON_Delete(wanted);
		release(&parsed);
	}
}

static void
refusals_name_key_and_value(void **state)
{
	static const char *const cases[][3] = {
		{"\"interface\": \"vf\"", "deviceID", "resourceName"},
		{"\"deviceID\": \"\"", "empty", "resourceName"},
		{"\"deviceID\": []", "deviceID", "[]"},
		{"\"deviceID\": \"0000:03:02.8\"", "deviceID", "0000:03:02.8"},
		{"\"deviceID\": \"3:2.1\", \"vlanQoS\": 0", "vlanQoS", "0"},
		{"\"deviceID\": \"3:2.1\", \"vlanProto\": 5", "vlanProto", "5"},
		{"\"deviceID\": \"3:2.1\", \"spoofchk\": \"of\"", "spoofchk", "of"},
		{"\"deviceID\": \"3:2.1\", \"min_tx_rate\": 3, \"max_tx_rate\": 2", "min_tx_rate",
			"3"},
		{"\"deviceID\": \"3:2.1\", \"link_state\": 1", "link_state", "1"},
		{"\"deviceID\": \"3:2.1\", \"bind\": \"ixgbevf\"", "bind", "ixgbevf"},
	};
	struct parsed parsed;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(&parsed, cases[i][0]), -1);
		if (parsed.error.code != CNI_CONFIG
			|| strstr(parsed.error.message, cases[i][1]) == NULL
			|| strstr(parsed.error.message, cases[i][2]) == NULL)
			fail_msg("%s: code %d, %s", cases[i][0], parsed.error.code,
				parsed.error.message);
		release(&parsed);
	}
}

static void
other_interfaces_have_none_of_it(void **state)
{
	struct parsed parsed;

	assert_int_equal(parse(&parsed, "\"interface\": \"kernel\", \"deviceID\": \"x\""), 0);
	assert_null(parsed.attachment.vf);
	release(&parsed);
}

static void
device_info_is_extended(void **state)
{
	static const char *const cases[][2] = {
		{NULL, "{\"type\": \"pci\", \"version\": \"1.1.0\", \"pci\": {\"pci-address\": "
		       "\"0000:03:02.1\", \"pf-pci-address\": \"0000:03:00.0\"}}"},
		{"{\"type\": \"pci\"}",
			"{\"type\": \"pci\", \"version\": \"1.1.0\", \"pci\": {\"pci-address\": "
			"\"0000:03:02.1\", \"pf-pci-address\": \"0000:03:00.0\"}}"},
		{"{\"type\": \"pci\", \"version\": \"1.0.0\", \"x\": 1, \"pci\": "
		 "{\"pci-address\": \"0000:03:02.1\", \"rdma-device\": \"m\"}}",
			"{\"type\": \"pci\", \"version\": \"1.0.0\", \"x\": 1, \"pci\": "
			"{\"pci-address\": \"0000:03:02.1\", \"rdma-device\": \"m\", "
			"\"pf-pci-address\": \"0000:03:00.0\"}}"},
	};
	cJSON *vf = cJSON_Parse("{\"pci\": \"0000:03:02.1\", \"pf\": \"0000:03:00.0\"}");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = device_info_format_pci(cases[i][0], vf);
		cJSON *found = cJSON_Parse(text), *wanted = cJSON_Parse(cases[i][1]);

		if (!cJSON_Compare(found, wanted, true))
			fail_msg("%s", text);
		assert_true(device_info_is_of(text, "0000:03:02.1"));
		assert_false(device_info_is_of(text, "0000:03:02.2"));
		cJSON_Delete(found);
		cJSON_Delete(wanted);
		cJSON_free(text);
	}
	cJSON_Delete(vf);
}

static void
files_of_devices_are_told_from_those_of_sockets(void **state)
{
	char type[DEVICE_INFO_TYPE_LEN];

	assert_true(device_info_is_foreign("{\"type\": \"vdpa\"}", type));
	assert_string_equal(type, "vdpa");
	assert_false(device_info_is_foreign("{\"type\": \"memif\"}", NULL));
	assert_false(device_info_is_foreign("{\"type\": 5}", NULL));
	assert_false(device_info_is_foreign("{", NULL));
	assert_false(device_info_is_of("{\"type\": \"pci\", \"pci\": {}}", "0000:03:02.1"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_become_parameters),
		cmocka_unit_test(refusals_name_key_and_value),
		cmocka_unit_test(other_interfaces_have_none_of_it),
		cmocka_unit_test(device_info_is_extended),
		cmocka_unit_test(files_of_devices_are_told_from_those_of_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
