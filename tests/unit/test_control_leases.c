/* SPDX-License-Identifier: Apache-2.0 */

// Flannel's leases: base64, keys and values.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "flannel/base64.h"
#include "flannel/lease.h"

// --- base64

static void
goes_round(const char *bytes, const char *expected)
{
	char *text = base64_encode(bytes, strlen(bytes)), *back;

	assert_string_equal(text, expected);
	back = base64_decode(text);
	assert_string_equal(back, bytes);
	free(back);
	free(text);
}

// The vectors of RFC 4648, section 10, and all 255 bytes that text may have.
static void
test_base64(void **state)
{
	static const char *const bad[] = {
		"Zg", "Zg=", "Z===", "Zg=a", "Z!==", "Zm9v=", "AA==", "Zg==Zg==", "Zm 9"};
	char bytes[256], *text, *back;

	goes_round("", "");
	goes_round("f", "Zg==");
	goes_round("fo", "Zm8=");
	goes_round("foo", "Zm9v");
	goes_round("foob", "Zm9vYg==");
	goes_round("fooba", "Zm9vYmE=");
	goes_round("foobar", "Zm9vYmFy");
	for (unsigned int i = 0; i < 255; i++)
		bytes[i] = (char)(i + 1);
	bytes[255] = '\0';
	text = base64_encode(bytes, 255);
	back = base64_decode(text);
	assert_string_equal(back, bytes);
	free(text);
	free(back);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (base64_decode(bad[i]) != NULL)
			fail_msg("%s is accepted", bad[i]);
}

// --- leases

#define VALUE(backend) "{\"PublicIP\":\"192.0.2.7\",\"BackendType\":\"" backend "\"}"

static void
refuses(const char *key, const char *value)
{
	struct lease lease;
	char reason[128] = "";

	if (lease_parse(key, value, &lease, reason, sizeof(reason)) == 0)
		fail_msg("accepted: %s %s", key, value);
	assert_true(reason[0] != '\0');
}

static void
test_leases(void **state)
{
	struct lease lease;
	char reason[128], text[IP_TEXT_LEN];

	assert_int_equal(
		lease_parse("10.244.3.0-24", VALUE("udp"), &lease, reason, sizeof(reason)), 0);
	assert_string_equal(ip_format_prefixed(&lease.subnets[0], text), "10.244.3.0/24");
	assert_int_equal(lease.subnets[1].family, 0);
	assert_string_equal(ip_format(&lease.public_ips[0], text), "192.0.2.7");
	assert_int_equal(lease.backend, LEASE_UDP);
	assert_int_equal(lease_parse("10.244.3.0-24&fd00:244:0:3::-64",
				 "{\"PublicIP\":\"192.0.2.7\",\"PublicIPv6\":\"2001:db8::7\","
				 "\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1}}",
				 &lease, reason, sizeof(reason)),
		0);
	assert_string_equal(ip_format_prefixed(&lease.subnets[1], text), "fd00:244:0:3::/64");
	assert_string_equal(ip_format(&lease.public_ips[1], text), "2001:db8::7");
	assert_int_equal(lease.backend, LEASE_OTHER);
	assert_string_equal(lease.backend_name, "vxlan");
	assert_int_equal(
		lease_parse("10.244.3.0-24", "{\"PublicIP\":\"192.0.2.7\",\"PublicIPv6\":null}",
			&lease, reason, sizeof(reason)),
		0);
	assert_int_equal(lease.backend, LEASE_UDP); // does not name itself
}

static void
test_leases_that_lie(void **state)
{
	char key[300];

	refuses("", VALUE("udp"));
	refuses("10.244.3.0", VALUE("udp"));
	refuses("10.244.3.0-33", VALUE("udp"));
	refuses("0.0.0.0-0", VALUE("udp"));
	refuses("fd00::-64", VALUE("udp"));
	refuses("10.244.3.0-24&10.244.4.0-24", VALUE("udp"));
	refuses("10.244.3.0-24&", VALUE("udp"));
	snprintf(key, sizeof(key), "10.244.3.0-24&%0*d", 200, 0);
	refuses(key, VALUE("udp"));
	refuses("10.244.3.0-24", "");
	refuses("10.244.3.0-24", "[1]");
	refuses("10.244.3.0-24", "{\"BackendType\":\"udp\"}");
	refuses("10.244.3.0-24", "{\"PublicIP\":7}");
	refuses("10.244.3.0-24", "{\"PublicIP\":\"somewhere\"}");
	refuses("10.244.3.0-24", "{\"PublicIP\":\"224.0.0.1\"}");
	refuses("10.244.3.0-24", "{\"PublicIP\":\"2001:db8::7\"}");
	refuses("10.244.3.0-24", "{\"PublicIP\":\"192.0.2.7\",\"PublicIPv6\":\"192.0.2.7\"}");
}

static void
test_config(void **state)
{
	struct lease_config config;
	char reason[128];

	assert_int_equal(lease_config_parse("{\"Network\":\"10.244.0.0/16\"}", &config, reason,
				 sizeof(reason)),
		0);
	assert_int_equal(config.backend, LEASE_UDP); // flanneld's default
	assert_int_equal(config.udp_port, 8285);
	assert_int_equal(lease_config_parse("{\"Backend\":{\"Type\":\"udp\",\"Port\":7890}}",
				 &config, reason, sizeof(reason)),
		0);
	assert_int_equal(config.udp_port, 7890);
	assert_int_equal(lease_config_parse("{\"Backend\":{\"Type\":\"vxlan\",\"Port\":8472}}",
				 &config, reason, sizeof(reason)),
		0);
	assert_int_equal(config.backend, LEASE_OTHER);
	assert_true(lease_config_parse("no", &config, reason, sizeof(reason)) < 0);
	assert_true(lease_config_parse("{\"Backend\":{\"Type\":\"udp\",\"Port\":0}}", &config,
			    reason, sizeof(reason))
		    < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_leases),
		cmocka_unit_test(test_leases_that_lie),
		cmocka_unit_test(test_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
