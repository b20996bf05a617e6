/* SPDX-License-Identifier: Apache-2.0 */

// The ways of VF pods to the switch, as uplinks come and go, in any order and over crashes.

#include "vf_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <causeway/error.h>

#include "fail_point.h"
#include "vf/vf.h"

#define DEVICES "/sys/bus/pci/devices/"
#define VF0 "\"vf\":{\"pci\":\"" FAKE_VF0 "\""
#define VF1 "\"vf\":{\"pci\":\"" FAKE_VF1 "\""
#define ADDRESSING                       \
	"\"mac\":\"02:00:00:00:01:01\"," \
	"\"ips\":[{\"address\":\"10.9.0.5/24\",\"gateway\":\"10.9.0.1\"}],"
#define POD ADDRESSING VF0 ",\"vlan\":5}"
#define NAMED ADDRESSING VF0 ",\"vlan\":5,\"uplink\":\"up0\"}"
#define ALONE ADDRESSING VF0 ",\"path\":\"switch\"}"
#define KEY "{\"container\":\"c1\",\"ifname\":\"net1\"}"

// VF 2 is the switch's, if it has a driver for that.
static int
way_setup(void **state)
{
	const int ret = world_setup(state);

	if (ret == 0)
		fake_pci_link(world->root, DEVICES FAKE_VF2 "/driver", "../../drivers/vfio-pci");
	return ret;
}

static void
add_uplink(const char *name)
{
	char params[192];

	snprintf(params, sizeof(params),
		"{\"name\":\"%s\",\"kind\":\"vf\",\"device\":\"" FAKE_VF2
		"\",\"uplink\":true,\"mac\":\"02:00:00:00:cc:01\"}",
		name);
	control_expect_ok(world->pod.c, "port.add", params);
}

static void
del_uplink(const char *name)
{
	char params[64];

	snprintf(params, sizeof(params), "{\"name\":\"%s\"}", name);
	control_expect_ok(world->pod.c, "port.del", params);
}

static const struct endpoint *
pod(void)
{
	return endpoint_find(world->pod.c->d->objects, "c1", "net1");
}

static bool
has_way(struct control *c)
{
	return pod() != NULL && !object_is_card_only(&pod()->object)
	       && pod()->object.state == OBJECT_READY;
}

static bool
says_why(struct control *c)
{
	return pod()->object.reason != NULL
	       && strstr(pod()->object.reason, "by the uplink that is there") != NULL;
}

// The sub-port as the data plane has it, or NULL.
static const struct cw_port *
sub_port(void)
{
	const struct fake_dp_object *object;

	for (unsigned int i = 0; (object = fake_dp_get(&world->pod.c->dp, CW_ITEM_PORT, i)) != NULL;
		i++)
		if (((const struct cw_port *)object->item)->parent != 0)
			return (const struct cw_port *)object->item;
	return NULL;
}

static void
assert_way(const char *uplink)
{
	struct control *c = world->pod.c;
	const struct network *network = network_find(c->d->objects, "default");
	cJSON *endpoint, *vf;

	control_run_until(c, has_way);
	endpoint = control_expect(c, "endpoint.get", KEY);
	assert_string_equal(json_text(endpoint, "state"), "ready");
	assert_null(cJSON_GetObjectItem(endpoint, "reason"));
	assert_string_equal(json_text(cJSON_GetObjectItem(endpoint, "vf"), "uplink"), uplink);
	vf = control_expect(c, "vf.get", "{\"pci\":\"" FAKE_VF0 "\"}");
	assert_string_equal(json_text(vf, "state"), "attached");
	assert_null(cJSON_GetObjectItem(vf, "reason"));
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_ENDPOINT), 1);
	assert_int_equal(sub_port()->parent, port_find(c->d->objects, uplink)->id);
	assert_int_equal(sub_port()->vlan, world->settings[0].vlan);
	assert_true(network->n_subnets > 0);
	cJSON_Delete(endpoint);
	cJSON_Delete(vf);
}

static void
assert_waits(const char *words)
{
	struct control *c = world->pod.c;
	cJSON *endpoint = control_expect(c, "endpoint.get", KEY);
	cJSON *vf = control_expect(c, "vf.get", "{\"pci\":\"" FAKE_VF0 "\"}");
	const cJSON *const shown[] = {endpoint, vf};

	for (unsigned int i = 0; i < 2; i++) {
		assert_string_equal(json_text(shown[i], "state"), "waiting");
		if (strstr(json_text(shown[i], "reason"), words) == NULL)
			fail_msg("%s", json_text(shown[i], "reason"));
	}
	assert_null(cJSON_GetObjectItem(cJSON_GetObjectItem(endpoint, "vf"), "uplink"));
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_ENDPOINT), 0);
	assert_null(sub_port());
	cJSON_Delete(endpoint);
	cJSON_Delete(vf);
}

static void
assert_clean(const char *before)
{
	char *after;

	world_del();
	after = world_picture();
	assert_string_equal(before, after);
	assert_null(world->pod.c->d->vfs->records);
	free(after);
}

static void
crash(bool dataplane)
{
	control_stop(world->pod.c);
	world->pod.c->dp.silent = 0;
	control_start(world->pod.c, dataplane);
}

static bool
nobody_watches(struct control *c)
{
	return c->d->vfs->told == NULL;
}

static void
test_uplink_comes_after_the_pod(void **state)
{
	char *before = world_picture();

	cJSON_Delete(world_add_ok(POD));
	assert_int_equal(fake_dp_count(&world->pod.c->dp, CW_ITEM_ENDPOINT), 0);
	add_uplink("up0");
	assert_way("up0");
	cJSON_Delete(world_add_ok(POD)); // the same again
	crash(true);
	assert_way("up0");
	cJSON_Delete(world_add_ok(POD));
	assert_clean(before);
	del_uplink("up0");
	free(before);
}

static void
test_uplink_goes_and_another_comes(void **state)
{
	char *before = world_picture();

	add_uplink("up0");
	cJSON_Delete(world_add_ok(POD));
	assert_way("up0");
	del_uplink("up0");
	assert_waits("up0 was deleted");
	cJSON_Delete(world_add_ok(POD));
	crash(true);
	assert_waits("up0 was deleted");
	cJSON_Delete(world_add_ok(POD));
	add_uplink("up1");
	assert_way("up1");
	cJSON_Delete(world_add_ok(POD));
	del_uplink("up1");
	assert_waits("up1 was deleted");
	assert_clean(before);
	free(before);
}

// Who asks for a port by name gets that one, and is told to try again as long as it is not there.
static void
test_named_uplink(void **state)
{
	char *before = world_picture();

	world_add_refused(NAMED, CW_RPC_UNAVAILABLE, "no port up0");
	add_uplink("up0");
	cJSON_Delete(world_add_ok(NAMED));
	assert_way("up0");
	del_uplink("up0");
	add_uplink("other");
	assert_waits("until it is added");
	world_add_refused(POD, CW_RPC_CONFLICT, "other content");
	cJSON_Delete(world_add_ok(NAMED));
	del_uplink("other");
	add_uplink("up0");
	assert_way("up0");
	assert_clean(before);
	free(before);
}

static void
test_vlan_of_its_own(void **state)
{
	char *before = world_picture();

	world_add_refused(ALONE, CW_RPC_UNAVAILABLE, "no uplink on PF");
	add_uplink("up0");
	cJSON_Delete(world_add_ok(ALONE));
	assert_way("up0");
	assert_int_equal(world->settings[0].vlan, 3000);
	del_uplink("up0");
	assert_waits("up0 was deleted");
	assert_int_equal(world->settings[0].vlan, 3000);
	cJSON_Delete(world_add_ok(ALONE));
	add_uplink("up0");
	assert_way("up0");
	assert_int_equal(sub_port()->vlan, 3000);
	assert_clean(before);
	free(before);
}

// One that cannot be taken in says why, holds nobody up, and follows when it can.
static void
test_address_was_taken(void **state)
{
	struct control *c = world->pod.c;

	cJSON_Delete(pod_add_ok(&world->pod,
		"\"container\":\"c2\",\"ifname\":\"eth0\",\"mac\":\"02:00:00:00:01:01\""));
	cJSON_Delete(world_add_ok(POD)); // in a VLAN of the card where it is alone, as yet
	cJSON_Delete(pod_add_ok(&world->pod, "\"container\":\"c3\",\"ifname\":\"net3\","
					     "\"interface\":\"vf\"," VF1 "}"));
	add_uplink("up0");
	control_run_until(c, says_why);
	assert_non_null(strstr(pod()->object.reason, "belongs to endpoint c2/eth0"));
	assert_true(pod()->object.state == OBJECT_WAITING);
	assert_non_null(sub_port()); // of the other
	control_expect_ok(c, "endpoint.del", "{\"container\":\"c2\",\"ifname\":\"eth0\"}");
	control_run_until(c, has_way);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_ENDPOINT), 2);
	world_del();
	control_expect_ok(c, "endpoint.del", "{\"container\":\"c3\",\"ifname\":\"net3\"}");
}

static void
test_data_plane_refuses(void **state)
{
	struct control *c = world->pod.c;

	cJSON_Delete(world_add_ok(POD));
	c->dp.refuse = CW_ITEM_ENDPOINT;
	add_uplink("up0");
	control_run_until(c, says_why);
	assert_waits("the data plane refused");
	c->dp.refuse = 0;
	control_expect_ok(c, "port.set", "{\"name\":\"up0\",\"mac\":\"02:00:00:00:cc:02\"}");
	assert_way("up0");
	// And of taking it away nothing is left, when the store is full.
	assert_true(fail_point_set("store_commit"));
	control_expect_error(c, "port.del", "{\"name\":\"up0\"}", CW_RPC_STORE);
	assert_true(fail_point_set(NULL));
	assert_way("up0");
	world_del();
}

static void
test_without_the_data_plane(void **state)
{
	struct control *c = world->pod.c;

	crash(false);
	fake_dp_forget(&c->dp);
	cJSON_Delete(world_add_ok(POD));
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
	add_uplink("up0");
	assert_way("up0");
	crash(false);
	fake_dp_forget(&c->dp);
	del_uplink("up0");
	assert_waits("up0 was deleted");
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
	assert_waits("up0 was deleted");
	world_del();
}

static void
send_call(const char *method, const char *params)
{
	char line[256];
	const int len = snprintf(line, sizeof(line),
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}\n", method, params);

	control_send(world->pod.c, line, (size_t)len, NULL, 0);
}

static bool
is_asked(struct control *c)
{
	return c->dp.n_set + c->dp.n_del > 0;
}

static bool
is_told(struct control *c)
{
	return sub_port() != NULL;
}

// Sends a call whose answer nobody waits for, until the data plane, which falls silent, has heard
// of it: from there causewayd is killed.
static void
send_and_crash(const char *method, const char *params, uint16_t silent)
{
	struct control *c = world->pod.c;

	c->dp.n_set = c->dp.n_del = 0;
	c->dp.silent = silent;
	send_call(method, params);
	control_run_until(c, is_asked);
	assert_true(fail_point_set("store_commit")); // the end of this process is no answer
	control_stop(c);
	assert_true(fail_point_set(NULL));
	c->dp.silent = 0;
	control_start(c, true);
}

// Killed before the answer nothing has happened yet, behind it everything goes on.
static void
test_killed_in_between(void **state)
{
	char *before = world_picture();
	struct control *c = world->pod.c;

	cJSON_Delete(world_add_ok(POD));
	add_uplink("up0");
	crash(true); // perhaps before its pods were looked at
	assert_way("up0");
	send_and_crash("port.del", "{\"name\":\"up0\"}", CW_DEL);
	assert_way("up0");
	del_uplink("up0");
	crash(true);
	assert_waits("up0 was deleted");
	add_uplink("up0");
	c->dp.silent = CW_SET; // to the change that takes the pod in, if that is not done
	control_run_until(c, is_told);
	crash(true);
	assert_way("up0");
	assert_clean(before);
	free(before);
}

// What is configured behind a pod's port keeps its uplink.
static void
test_nexthop_behind_the_pod(void **state)
{
	struct control *c = world->pod.c;
	char params[160];

	add_uplink("up0");
	cJSON_Delete(world_add_ok(POD));
	snprintf(params, sizeof(params),
		"{\"id\":7,\"kind\":\"port\",\"port\":\"%s\",\"mac\":\"02:00:00:00:01:01\"}",
		port_by_id(c->d->objects, pod()->port)->name);
	control_expect_ok(c, "nexthop.add", params);
	control_expect_error(c, "port.del", "{\"name\":\"up0\"}", CW_RPC_IN_USE);
	assert_way("up0");
	control_expect_ok(c, "nexthop.del", "{\"id\":7}");
	del_uplink("up0");
	assert_waits("up0 was deleted");
	world_del();
}

// --- news

// The next event about a VF; answers to calls are passed over. The caller's to delete.
static cJSON *
next_event(const char *pci)
{
	for (;;) {
		cJSON *line = control_receive(world->pod.c);
		const cJSON *params = cJSON_GetObjectItem(line, "params");
		const cJSON *value = cJSON_GetObjectItem(params, "value");

		assert_non_null(line);
		if (params != NULL && strcmp(json_text(value, "pci"), pci) == 0) {
			assert_string_equal(json_text(params, "object"), "vf");
			assert_string_equal(json_text(params, "event"), "set");
			return line;
		}
		cJSON_Delete(line);
	}
}

static void
expect_event(const char *pci, const char *key, const char *text)
{
	cJSON *line = next_event(pci);
	const cJSON *value = cJSON_GetObjectItem(cJSON_GetObjectItem(line, "params"), "value");

	assert_string_equal(json_text(value, key), text);
	assert_null(cJSON_GetObjectItem(value, "counters"));
	cJSON_Delete(line);
}

static void
test_watch(void **state)
{
	struct control *c = world->pod.c;
	cJSON *list;

	add_uplink("up0");
	cJSON_Delete(world_add_ok(POD));
	list = control_expect(c, "vf.watch", "{}");
	assert_int_equal(cJSON_GetArraySize(list), WORLD_VFS);
	assert_string_equal(json_text(cJSON_GetArrayItem(list, 0), "state"), "attached");
	cJSON_Delete(list);
	send_call("port.del", "{\"name\":\"up0\"}");
	expect_event(FAKE_VF0, "state", "waiting");
	send_call("endpoint.del", KEY);
	expect_event(FAKE_VF0, "state", "free");
	// What the kernel tells, and what nobody does.
	assert_int_equal(system("ip link set vf1 down && ip link set vf1 name vf9"), 0);
	expect_event(FAKE_VF1, "ifname", "vf9");
	fake_pci_link(world->root, DEVICES FAKE_VF2 "/driver", "../../drivers/igb");
	expect_event(FAKE_VF2, "driver", "igb");
	control_new_client(c);
	assert_int_equal(system("ip link set vf9 name vf1"), 0);
	control_run_until(c, nobody_watches);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, way_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_uplink_comes_after_the_pod),
		TEST(test_uplink_goes_and_another_comes),
		TEST(test_named_uplink),
		TEST(test_vlan_of_its_own),
		TEST(test_address_was_taken),
		TEST(test_data_plane_refuses),
		TEST(test_without_the_data_plane),
		TEST(test_killed_in_between),
		TEST(test_nexthop_behind_the_pod),
		TEST(test_watch),
	};

	if (!control_enter_namespace())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
