/* SPDX-License-Identifier: Apache-2.0 */

// Endpoints in real namespaces: restarts, pods that vanish, what was interrupted.

#include "endpoint_helper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail_point.h"
#include "tombstone.h"

static void
test_failed_del_is_repeated(void **state)
{
	static const char *const steps[] = {"device_remove", "store_commit"};
	struct pod *pod = *state;

	for (size_t i = 0; i < 2; i++) {
		cJSON_Delete(pod_add_ok(pod, KEY "," ADDRESSING));
		assert_true(fail_point_set(steps[i]));
		cJSON_Delete(control_call(pod->c, "endpoint.del", "{" KEY "}"));
		fail_point_set(NULL);
		assert_int_equal(objects_count(pod->c->d->objects, OBJECT_ENDPOINT), 1);
		// A data plane that did not take it back is told everything again.
		if (!control_is_ready(pod->c)) {
			control_connect_dp(pod->c);
			control_run_until(pod->c, control_is_ready);
		}
		del(pod);
		assert_nothing_left(pod);
	}
}

static void
check_restarts(struct pod *pod, const char *kind)
{
	struct control *c = pod->c;
	char params[512];
	uint64_t generation;

	snprintf(params, sizeof(params), KEY ",\"kind\":\"%s\",\"mtu\":1400," ADDRESSING, kind);
	cJSON_Delete(pod_add_ok(pod, params));
	generation =
		((const struct cw_port *)fake_dp_get(&c->dp, CW_ITEM_PORT, 1)->item)->generation;

	// causewayd alone: the data plane gives the descriptors back and notices nothing.
	control_stop(c);
	control_start(c, true);
	assert_state(pod, "ready");
	assert_int_equal(
		((const struct cw_port *)fake_dp_get(&c->dp, CW_ITEM_PORT, 1)->item)->generation,
		generation);
	// The data plane alone.
	fake_dp_hang_up(&c->dp);
	fake_dp_forget(&c->dp);
	control_run_until(c, control_is_away);
	assert_state(pod, "waiting");
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
	assert_state(pod, "ready");
	assert_true(fake_dp_get(&c->dp, CW_ITEM_PORT, 1)->n_fds > 0);
	// Both.
	control_stop(c);
	fake_dp_forget(&c->dp);
	control_start(c, true);
	assert_state(pod, "ready");
	assert_true(fake_dp_get(&c->dp, CW_ITEM_PORT, 1)->n_fds > 0);
	assert_configured(pod);
	del(pod);
	assert_nothing_left(pod);
}

static void
test_restarts_tap(void **state)
{
	check_restarts(*state, "tap");
}

static void
test_restarts_af_packet(void **state)
{
	check_restarts(*state, "af_packet");
}

static void
test_restarts_af_xdp(void **state)
{
	check_restarts(*state, "af_xdp");
}

static bool
is_gone(struct control *c)
{
	cJSON *endpoint = control_expect(c, "endpoint.get", "{" KEY "}");
	const bool gone = strcmp(json_text(endpoint, "state"), "gone") == 0;

	cJSON_Delete(endpoint);
	return gone;
}

static void
test_pod_vanishes(void **state)
{
	static const char *const kinds[] = {"tap", "af_packet", "af_xdp"};
	struct pod *pod = *state;
	char params[512];

	for (size_t i = 0; i < 3; i++) {
		snprintf(params, sizeof(params), KEY ",\"kind\":\"%s\"," ADDRESSING, kinds[i]);
		cJSON_Delete(pod_add_ok(pod, params));
		close(pod->netns);
		pod->netns = -1;
		control_run_until(pod->c, is_gone);
		if (i < 2) {
			del(pod);
			assert_nothing_left(pod);
		}
		pod->netns = namespace_new();
		snprintf(pod->path, sizeof(pod->path), "/proc/self/fd/%d", pod->netns);
	}
	// A new pod of that name takes the place of one that has vanished.
	cJSON_Delete(pod_add_ok(pod, params));
	assert_state(pod, "ready");
	del(pod);
	assert_nothing_left(pod);
}

static void
test_pod_vanishes_while_we_are_away(void **state)
{
	struct pod *pod = *state;
	struct control *c = pod->c;

	cJSON_Delete(pod_add_ok(pod, KEY "," ADDRESSING));
	control_stop(c);
	fake_dp_forget(&c->dp);
	close(pod->netns);
	pod->netns = -1;
	control_start(c, true);
	assert_state(pod, "gone");
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_ENDPOINT), 0);
	del(pod);
	assert_nothing_left(pod);
}

static void
test_del_without_data_plane(void **state)
{
	struct pod *pod = *state;
	struct control *c = pod->c;

	cJSON_Delete(pod_add_ok(pod, KEY "," ADDRESSING));
	fake_dp_hang_up(&c->dp);
	control_run_until(c, control_is_away);
	del(pod);
	assert_nothing_left(pod);
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
	assert_nothing_left(pod);

	// And after a restart, from the record alone.
	cJSON_Delete(pod_add_ok(pod, KEY "," ADDRESSING));
	control_stop(c);
	fake_dp_forget(&c->dp);
	control_start(c, false);
	del(pod);
	assert_nothing_left(pod);
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
}

static bool
has_no_endpoint(struct control *c)
{
	return objects_count(c->d->objects, OBJECT_ENDPOINT) == 0;
}

static void
test_tombstones(void **state)
{
	struct pod *pod = *state;
	struct control *c = pod->c;

	cJSON_Delete(pod_add_ok(pod, KEY "," ADDRESSING));
	control_stop(c);
	assert_int_equal(tombstone_write(c->folder, "c1", "eth0"), 0);
	control_start(c, false);
	control_run_until(c, has_no_endpoint);
	assert_nothing_left(pod);
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
	assert_nothing_left(pod);
	// One that was left when nobody answered, though we run.
	cJSON_Delete(pod_add_ok(pod, KEY "," ADDRESSING));
	assert_int_equal(tombstone_write(c->folder, "c1", "eth0"), 0);
	control_run_until(c, has_no_endpoint);
	assert_nothing_left(pod);
}

// As a crash between the device and its record leaves it: the row says what was begun.
static void
test_interrupted_attachment_is_cleaned_up(void **state)
{
	static const char *const kinds[] = {"tap", "af_packet"};
	struct pod *pod = *state;
	struct control *c = pod->c;

	for (size_t i = 0; i < 2; i++) {
		struct endpoint *endpoint;
		struct port *port;
		cJSON *json;
		char params[512], key[16], *text;

		snprintf(params, sizeof(params), KEY ",\"kind\":\"%s\"," ADDRESSING, kinds[i]);
		cJSON_Delete(pod_add_ok(pod, params));
		endpoint = endpoint_find(c->d->objects, "c1", "eth0");
		port = port_by_id(c->d->objects, endpoint->port);
		json = cJSON_CreateObject();
		cJSON_AddItemToObject(
			json, "port", port_class.to_json(c->d->objects, &port->object));
		cJSON_AddItemToObject(
			json, "endpoint", endpoint_class.to_json(c->d->objects, &endpoint->object));
		text = cJSON_PrintUnformatted(json);
		snprintf(key, sizeof(key), "%u", port->id);
		assert_int_equal(store_begin(c->d->store), 0);
		assert_int_equal(store_put(c->d->store, "intent", key, text), 0);
		assert_int_equal(store_remove(c->d->store, "port", port->name), 0);
		assert_int_equal(store_remove(c->d->store, "endpoint", "c1/eth0"), 0);
		assert_int_equal(store_commit(c->d->store), 0);
		free(text);
		cJSON_Delete(json);
		control_stop(c);
		fake_dp_forget(&c->dp);
		control_start(c, true);
		assert_nothing_left(pod);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pod_setup, pod_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_failed_del_is_repeated),
		TEST(test_restarts_tap),
		TEST(test_restarts_af_packet),
		TEST(test_restarts_af_xdp),
		TEST(test_pod_vanishes),
		TEST(test_pod_vanishes_while_we_are_away),
		TEST(test_del_without_data_plane),
		TEST(test_tombstones),
		TEST(test_interrupted_attachment_is_cleaned_up),
	};

	if (!control_enter_namespace())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
