/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "address.h"
#include "env.h"

static int
clear(void **state)
{
	static const char *const names[] = {"CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS",
		"CNI_IFNAME", "CNI_PATH", "CNI_ARGS", "CNI_NETNS_OVERRIDE"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	return 0;
}

static void
set_add(void)
{
	setenv("CNI_COMMAND", "ADD", 1);
	setenv("CNI_CONTAINERID", "c1", 1);
	setenv("CNI_NETNS", "/run/netns/x", 1);
	setenv("CNI_IFNAME", "eth0", 1);
}

static void
test_missing_are_named(void **state)
{
	struct cni_env env;
	struct cni_error error;

	setenv("CNI_COMMAND", "ADD", 1);
	setenv("CNI_NETNS", "", 1);
	assert_int_equal(env_read(&env, &error), -1);
	assert_int_equal(error.code, CNI_ENVIRONMENT);
	assert_string_equal(error.message,
		"ADD needs these environment variables: CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME");
	setenv("CNI_COMMAND", "VERSION", 1);
	assert_int_equal(env_read(&env, &error), 0);
	setenv("CNI_COMMAND", "add", 1);
	assert_int_equal(env_read(&env, &error), -1);
}

static void
test_names(void **state)
{
	static const char *const good[] = {"eth0", "a", "fifteen-bytes-x", "..."};
	static const char *const bad[] = {".", "..", "a/b", "a:b", "a b", "sixteen-bytes-xx"};
	struct cni_env env;
	struct cni_error error;

	set_add();
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		setenv("CNI_IFNAME", good[i], 1);
		assert_int_equal(env_read(&env, &error), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("CNI_IFNAME", bad[i], 1);
		assert_int_equal(env_read(&env, &error), -1);
		assert_int_equal(error.code, CNI_ENVIRONMENT);
	}
	assert_true(env_is_name("0a_.-"));
	assert_false(env_is_name(""));
	assert_false(env_is_name("-a"));
	assert_false(env_is_name("a\n"));
}

static void
test_args(void **state)
{
	struct cni_env env;
	struct cni_error error;
	char *long_args;

	set_add();
	setenv("CNI_ARGS", ";IgnoreUnknown=1;K8S_POD_NAME=web=1;;X=;MAC=02:00:00:00:00:01;IP=", 1);
	assert_int_equal(env_read(&env, &error), 0);
	assert_string_equal(env.args.pod_name, "web=1");
	assert_string_equal(env.args.mac, "02:00:00:00:00:01");
	assert_null(env.args.ip);
	assert_null(env.args.pod_uid);

	setenv("CNI_ARGS", "K8S_POD_NAME", 1);
	assert_int_equal(env_read(&env, &error), -1);
	assert_int_equal(error.code, CNI_ENVIRONMENT);
	setenv("CNI_COMMAND", "DEL", 1);
	assert_int_equal(env_read(&env, &error), 0);

	setenv("CNI_COMMAND", "ADD", 1);
	long_args = malloc(10001);
	assert_non_null(long_args);
	memset(long_args, '=', 10000);
	long_args[10000] = '\0';
	setenv("CNI_ARGS", long_args, 1);
	free(long_args);
	assert_int_equal(env_read(&env, &error), -1);
}

static void
test_override(void **state)
{
	struct cni_env env;
	struct cni_error error;

	set_add();
	setenv("CNI_NETNS_OVERRIDE", "TRUE", 1);
	assert_int_equal(env_read(&env, &error), 0);
	assert_true(env.netns_override);
	setenv("CNI_NETNS_OVERRIDE", "0", 1);
	assert_int_equal(env_read(&env, &error), 0);
	assert_false(env.netns_override);
}

static void
test_addresses(void **state)
{
	static const char *const bad[] = {"10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/-1",
		"10.0.0/8", "fd00::1/129", "/8", "10.0.0.1/8/8", "10.0.0.1/ 8", "10.0.0.1/0008",
		""};
	char cidr[ADDRESS_TEXT], mac[MAC_TEXT];
	int prefix;

	assert_int_equal(address_parse_cidr("10.0.0.1/8", &prefix), 4);
	assert_int_equal(prefix, 8);
	assert_int_equal(address_parse_cidr("fd00::1/128", &prefix), 6);
	assert_int_equal(prefix, 128);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(address_parse_cidr(bad[i], NULL), 0);
	assert_int_equal(address_to_cidr(cidr, "fd00::1"), 6);
	assert_string_equal(cidr, "fd00::1/128");
	assert_int_equal(address_to_cidr(cidr, "10.0.0.1/8"), 4);
	assert_string_equal(cidr, "10.0.0.1/8");
	assert_int_equal(address_to_cidr(cidr, "x"), 0);

	assert_true(address_parse_mac(mac, "0A-bc-00-00-00-01"));
	assert_string_equal(mac, "0a:bc:00:00:00:01");
	assert_false(address_parse_mac(mac, "01:00:00:00:00:01"));
	assert_false(address_parse_mac(mac, "0b:00:00:00:00:01"));
	assert_false(address_parse_mac(mac, "00:00:00:00:00:00"));
	assert_false(address_parse_mac(mac, "02:00:00:00:00:1"));
	assert_false(address_parse_mac(mac, "02:00:00:00:00:0g"));
	assert_false(address_parse_mac(mac, "02:00:00:00:00:001"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_missing_are_named, clear),
		cmocka_unit_test_setup(test_names, clear),
		cmocka_unit_test_setup(test_args, clear),
		cmocka_unit_test_setup(test_override, clear),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
