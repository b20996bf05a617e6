/* SPDX-License-Identifier: Apache-2.0 */

// flanneld's subnet.env: what is read, what waits for it, what its changes do to network "default".

#include "control_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <causeway/error.h>

#include "address_text.h"
#include "flannel/subnet_env.h"

#define ENV4(net)                              \
	"FLANNEL_NETWORK=10.244.0.0/16\n"      \
	"FLANNEL_SUBNET=10.244." net ".1/24\n" \
	"FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n"

static void
refuses(const char *text, const char *part)
{
	struct subnet_env env;
	char reason[160] = "";

	if (subnet_env_parse(text, &env, reason, sizeof(reason)) == 0)
		fail_msg("accepted: %s", text);
	if (strstr(reason, part) == NULL)
		fail_msg("\"%s\" does not name \"%s\"", reason, part);
}

static void
test_parses_dual_stack(void **state)
{
	struct subnet_env env;
	char reason[160], text[IP_TEXT_LEN];
	struct cw_ip ip;

	assert_int_equal(subnet_env_parse("FLANNEL_NETWORK=10.244.0.0/16,10.4.5.6/14\r\n"
					  "FLANNEL_SUBNET=10.244.3.1/24\n"
					  "# a comment\n\nSOMETHING_NEW=x\n"
					  "FLANNEL_IPV6_NETWORK=fd00:244::/56\n"
					  "FLANNEL_IPV6_SUBNET=fd00:244:0:3::1/64\n"
					  "FLANNEL_MTU=8950\nFLANNEL_IPMASQ=false",
				 &env, reason, sizeof(reason)),
		0);
	assert_int_equal(env.n_networks, 3);
	assert_string_equal(ip_format_prefixed(&env.networks[1], text), "10.4.0.0/14");
	assert_string_equal(ip_format_prefixed(&env.subnets[0], text), "10.244.3.1/24");
	assert_string_equal(ip_format_prefixed(&env.subnets[1], text), "fd00:244:0:3::1/64");
	assert_int_equal(env.mtu, 8950);
	assert_false(env.ip_masq);
	assert_true(ip_parse_prefixed("10.7.255.255/32", &ip) && subnet_env_covers(&env, &ip));
	assert_true(ip_parse_prefixed("10.8.0.0/32", &ip) && !subnet_env_covers(&env, &ip));
	assert_true(ip_parse_prefixed("fd00:244:0:9::1/64", &ip) && subnet_env_covers(&env, &ip));
	assert_true(!subnet_env_is_router(&env, &ip));
	assert_true(ip_parse_prefixed("10.244.3.1/24", &ip) && subnet_env_is_router(&env, &ip));
}

static void
test_refuses_what_it_cannot_trust(void **state)
{
	char line[700];

	refuses("", "FLANNEL_MTU");
	refuses("FLANNEL_SUBNET=10.244.1.1/24\n", "FLANNEL_MTU");
	refuses("FLANNEL_MTU=1450\nFLANNEL_NETWORK=10.244.0.0/16\n", "FLANNEL_SUBNET");
	refuses("FLANNEL_MTU=1450\nFLANNEL_SUBNET=10.244.1.1\n", "FLANNEL_SUBNET=10.244.1.1");
	refuses("FLANNEL_MTU=1450\nFLANNEL_SUBNET=fd00::1/64\n", "FLANNEL_SUBNET=fd00::1/64");
	refuses("FLANNEL_MTU=1450\nFLANNEL_IPV6_SUBNET=10.244.1.1/24\n", "FLANNEL_IPV6_SUBNET");
	refuses("FLANNEL_MTU=1450\nFLANNEL_SUBNET=10.244.1.1/33\n", "10.244.1.1/33");
	refuses("FLANNEL_MTU=14x\n" ENV4("1"), "FLANNEL_MTU=14x");
	refuses("FLANNEL_MTU=0\n", "FLANNEL_MTU=0");
	refuses("FLANNEL_MTU=99999\n", "FLANNEL_MTU=99999");
	refuses("FLANNEL_NETWORK=10.244.0.0/16,,no\n" ENV4("1"), "FLANNEL_NETWORK");
	refuses("nothing to see here\n", "nothing to see here");
	snprintf(line, sizeof(line), "FLANNEL_SUBNET=%0*d\n", 600, 0);
	refuses(line, "FLANNEL_SUBNET=000");
}

// --- causewayd

#define MAX_PODS 8

struct flannel_test {
	struct control *c;
	char folder[78], file[90];
	unsigned int n_pods;
	int netns[MAX_PODS];
};

static int
setup(void **state)
{
	struct flannel_test *test = calloc(1, sizeof(*test));
	void *c;

	control_setup(&c);
	test->c = c;
	snprintf(test->folder, sizeof(test->folder), "%s/late/flannel", test->c->folder);
	snprintf(test->file, sizeof(test->file), "%s/subnet.env", test->folder);
	control_stop(test->c);
	strcpy(test->c->options.subnet_env, test->file);
	control_start(test->c, true);
	*state = test;
	return 0;
}

static int
teardown(void **state)
{
	struct flannel_test *test = *state;
	void *c = test->c;

	for (unsigned int i = 0; i < test->n_pods; i++)
		close(test->netns[i]);
	free(test);
	return control_teardown(&c);
}

// As flanneld does it: beside, then renamed.
static void
write_env(struct flannel_test *test, const char *text)
{
	char command[256], temporary[128];
	FILE *file;

	snprintf(command, sizeof(command), "mkdir -p %s", test->folder);
	assert_int_equal(system(command), 0);
	snprintf(temporary, sizeof(temporary), "%s/.subnet.env", test->folder);
	file = fopen(temporary, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(temporary, test->file), 0);
}

static cJSON *
health(struct control *c)
{
	cJSON *all = control_expect(c, "health.get", "{}");
	cJSON *flannel = cJSON_DetachItemFromObject(all, "flannel");

	cJSON_Delete(all);
	assert_non_null(flannel);
	return flannel;
}

static void
wait_state(struct control *c, const char *state)
{
	const uint64_t end = causewayd_now_ms() + 10000;
	bool reached = false;

	while (!reached) {
		cJSON *flannel = health(c);

		reached = strcmp(json_text(flannel, "state"), state) == 0;
		if (!reached && causewayd_now_ms() > end)
			fail_msg("not %s: %s", state, cJSON_PrintUnformatted(flannel));
		cJSON_Delete(flannel);
	}
}

static bool
has_router(struct control *c, const char *address)
{
	cJSON *network = control_expect(c, "network.get", "{\"name\":\"default\"}");
	const cJSON *subnet;
	bool found = false;

	cJSON_ArrayForEach (subnet, cJSON_GetObjectItem(network, "subnets"))
		found |= strcmp(subnet->valuestring, address) == 0;
	cJSON_Delete(network);
	return found;
}

static void
wait_router(struct control *c, const char *address, bool there)
{
	const uint64_t end = causewayd_now_ms() + 10000;

	while (has_router(c, address) != there)
		if (causewayd_now_ms() > end)
			fail_msg("%s is %s", address, there ? "not there" : "still there");
}

static cJSON *
add_pod(struct flannel_test *test, const char *name, const char *ips)
{
	char params[512];
	const int netns = namespace_new();

	assert_true(test->n_pods < MAX_PODS);
	test->netns[test->n_pods++] = netns;
	snprintf(params, sizeof(params),
		"{\"container\":\"%s\",\"ifname\":\"eth0\",\"netns_fd\":0,\"netns\":\"x\",%s}",
		name, ips);
	return control_call_fd(test->c, "endpoint.add", params, netns);
}

static void
add_ok(struct flannel_test *test, const char *name, const char *ips, int mtu)
{
	cJSON *answer = add_pod(test, name, ips), *result = cJSON_GetObjectItem(answer, "result");

	if (result == NULL)
		fail_msg("%s", cJSON_PrintUnformatted(answer));
	assert_int_equal(cJSON_GetObjectItem(result, "mtu")->valueint, mtu);
	cJSON_Delete(answer);
}

static void
add_waits(struct flannel_test *test)
{
	cJSON *answer = add_pod(test, "early", "\"ips\":[{\"address\":\"10.244.1.9/24\"}]");
	const cJSON *error = cJSON_GetObjectItem(answer, "error");

	assert_non_null(error);
	assert_int_equal(cJSON_GetObjectItem(error, "code")->valueint, CW_RPC_UNAVAILABLE);
	assert_non_null(strstr(json_text(error, "message"), "is not known"));
	cJSON_Delete(answer);
}

static void
test_pods_wait_for_the_file(void **state)
{
	struct flannel_test *test = *state;

	wait_state(test->c, "waiting");
	add_waits(test);
	write_env(test, "FLANNEL_MTU=1450\nFLANNEL_SUBNET=ten\n");
	wait_state(test->c, "invalid");
	add_waits(test);
	write_env(test, ENV4("1"));
	wait_state(test->c, "ready");
	wait_router(test->c, "10.244.1.1/24", true);
	add_ok(test, "one", "\"ips\":[{\"address\":\"10.244.1.9/24\"}]", 1450);
	add_ok(test, "two", "\"ips\":[{\"address\":\"10.244.1.10/24\"}],\"mtu\":1200", 1200);
	assert_int_equal(unlink(test->file), 0);
	wait_state(test->c, "waiting");
	add_waits(test);
}

static void
test_other_networks_do_not_wait(void **state)
{
	struct flannel_test *test = *state;

	wait_state(test->c, "waiting");
	control_expect_ok(test->c, "network.add", "{\"name\":\"storage\"}");
	add_ok(test, "one", "\"ips\":[{\"address\":\"10.9.0.5/24\"}],\"network\":\"storage\"",
		1500);
}

static void
test_the_router_follows_the_lease(void **state)
{
	struct flannel_test *test = *state;

	write_env(test, ENV4("1"));
	wait_router(test->c, "10.244.1.1/24", true);
	control_expect_ok(test->c, "network.set",
		"{\"name\":\"default\",\"subnets\":[\"10.244.1.1/24\",\"10.9.0.1/24\"]}");
	write_env(test, ENV4("7"));
	wait_router(test->c, "10.244.7.1/24", true);
	assert_false(has_router(test->c, "10.244.1.1/24"));
	assert_true(has_router(test->c, "10.9.0.1/24")); // an administrator's own stays
}

static void
test_a_subnet_stays_as_long_as_its_pods(void **state)
{
	struct flannel_test *test = *state;

	write_env(test, ENV4("1"));
	wait_state(test->c, "ready");
	wait_router(test->c, "10.244.1.1/24", true);
	add_ok(test, "one", "\"ips\":[{\"address\":\"10.244.1.9/24\"}]", 1450);
	add_ok(test, "two", "\"ips\":[{\"address\":\"10.244.1.10/24\"}]", 1450);
	write_env(test, ENV4("7"));
	wait_router(test->c, "10.244.7.1/24", true);
	assert_true(has_router(test->c, "10.244.1.1/24"));
	control_expect_ok(test->c, "endpoint.del", "{\"container\":\"one\",\"ifname\":\"eth0\"}");
	assert_true(has_router(test->c, "10.244.1.1/24"));
	control_expect_ok(test->c, "endpoint.del", "{\"container\":\"two\",\"ifname\":\"eth0\"}");
	assert_false(has_router(test->c, "10.244.1.1/24"));
	assert_true(has_router(test->c, "10.244.7.1/24"));
}

static void
test_a_restart_reads_it_again(void **state)
{
	struct flannel_test *test = *state;

	write_env(test, ENV4("1"));
	wait_router(test->c, "10.244.1.1/24", true);
	control_stop(test->c);
	write_env(test, ENV4("2"));
	control_start(test->c, true);
	wait_router(test->c, "10.244.2.1/24", true);
	assert_false(has_router(test->c, "10.244.1.1/24"));
}

static void
test_ipv6_tunnels_cost_more(void **state)
{
	struct flannel_test *test = *state;

	write_env(test, ENV4("1") "FLANNEL_IPV6_NETWORK=fd00:244::/56\n"
				  "FLANNEL_IPV6_SUBNET=fd00:244:0:1::1/64\n");
	wait_state(test->c, "ready");
	wait_router(test->c, "fd00:244:0:1::1/64", true);
	add_ok(test, "plain", "\"ips\":[{\"address\":\"10.244.1.8/24\"}]", 1450);
	// A device of that name stands for flanneld's, whose MTU the kernel has or has not reduced.
	assert_int_equal(system("ip link add flannel-v6.1 mtu 1430 type bridge"), 0);
	add_ok(test, "reduced", "\"ips\":[{\"address\":\"10.244.1.9/24\"}],\"mtu\":1450", 1430);
	assert_int_equal(system("ip link set flannel-v6.1 mtu 1450"), 0);
	add_ok(test, "not", "\"ips\":[{\"address\":\"10.244.1.10/24\"}],\"mtu\":1450", 1430);
	assert_int_equal(system("ip link del flannel-v6.1"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parses_dual_stack),
		cmocka_unit_test(test_refuses_what_it_cannot_trust),
		cmocka_unit_test_setup_teardown(test_pods_wait_for_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_networks_do_not_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_router_follows_the_lease, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_subnet_stays_as_long_as_its_pods, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_restart_reads_it_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ipv6_tunnels_cost_more, setup, teardown),
	};

	if (!control_enter_namespace())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
