/* SPDX-License-Identifier: Apache-2.0 */

// causewayd and a data plane that comes, goes, refuses and falls silent.

#include "control_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <causeway/error.h>

#include "fail_point.h"

static void
reconnect(struct control *c)
{
	fake_dp_hang_up(&c->dp);
	control_run_until(c, control_is_away);
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
}

static void
expect_state(struct control *c, const char *method, const char *params, const char *expected)
{
	cJSON *object = control_expect(c, method, params);

	assert_string_equal(json_text(object, "state"), expected);
	cJSON_Delete(object);
}

static void
test_everything_is_replayed(void **state)
{
	struct control *c = *state;

	control_expect_ok(c, "network.add", "{\"name\":\"n\"}");
	control_expect_ok(c, "port.add", "{\"name\":\"p\",\"kind\":\"null\",\"network\":\"n\"}");
	control_expect_ok(c, "route.add",
		"{\"prefix\":\"10.9.0.0/"
		"16\",\"members\":[{\"via\":\"10.1.0.5\"},{\"via\":\"10.1.0.6\"}]}");
	fake_dp_hang_up(&c->dp);
	fake_dp_forget(&c->dp);
	reconnect(c);
	assert_int_equal(c->dp.n_commit, 2);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_NETWORK), 2);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_PORT), 2);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_NEXTHOP), 4);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_ROUTE), 3);
	assert_int_equal(c->d->n_workers, 2);
	expect_state(c, "network.get", "{\"name\":\"n\"}", "ready");
}

static void
test_identical_objects_are_the_same_bytes(void **state)
{
	struct control *c = *state;
	const struct cw_item *before[4], *after[4];

	control_expect_ok(c, "port.add", "{\"name\":\"p\",\"kind\":\"null\"}");
	for (unsigned int i = 0; i < 2; i++)
		before[i] = fake_dp_get(&c->dp, CW_ITEM_PORT, i)->item;
	reconnect(c);
	// The fake one keeps what is identical where it is, as the real one does.
	for (unsigned int i = 0; i < 2; i++) {
		after[i] = fake_dp_get(&c->dp, CW_ITEM_PORT, i)->item;
		assert_ptr_equal(before[i], after[i]);
	}
}

static void
test_changes_while_away_are_kept_and_told_later(void **state)
{
	struct control *c = *state;

	control_expect_ok(c, "network.add", "{\"name\":\"old\"}");
	fake_dp_hang_up(&c->dp);
	control_run_until(c, control_is_away);
	expect_state(c, "network.get", "{\"name\":\"old\"}", "waiting");
	expect_state(c, "network.add", "{\"name\":\"n\"}", "waiting");
	control_expect_ok(c, "network.del", "{\"name\":\"old\"}");
	control_expect_error(c, "node.get", "{}", CW_RPC_UNAVAILABLE);
	control_expect_error(c, "stats.get", "{}", CW_RPC_UNAVAILABLE);
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
	expect_state(c, "network.get", "{\"name\":\"n\"}", "ready");
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_NETWORK), 2);
	assert_string_equal(
		((const struct cw_network *)fake_dp_get(&c->dp, CW_ITEM_NETWORK, 1)->item)->name,
		"n");
}

static void
test_refused_change_is_taken_back(void **state)
{
	struct control *c = *state;
	cJSON *answer;

	c->dp.refuse = CW_ITEM_ROUTE;
	answer = control_call(c, "route.add", "{\"prefix\":\"10.9.0.0/16\",\"via\":\"10.1.0.5\"}");
	assert_int_equal(
		cJSON_GetObjectItem(cJSON_GetObjectItem(answer, "error"), "code")->valueint,
		CW_RPC_REFUSED);
	assert_non_null(strstr(
		json_text(cJSON_GetObjectItem(answer, "error"), "message"), "the test refuses it"));
	cJSON_Delete(answer);
	// The next hop that came along was taken, and went again.
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_NEXTHOP), 1);
	assert_int_equal(objects_count(c->d->objects, OBJECT_NEXTHOP), 1);
	assert_int_equal(objects_count(c->d->objects, OBJECT_ROUTE), 2);
	c->dp.refuse = CW_ITEM_NETWORK;
	control_expect_error(
		c, "network.set", "{\"name\":\"default\",\"mtu\":9000}", CW_RPC_REFUSED);
	c->dp.refuse = 0;
	control_stop(c);
	control_start(c, true);
	assert_int_equal(objects_count(c->d->objects, OBJECT_ROUTE), 2);
	assert_int_equal(network_find(c->d->objects, "default")->mtu, 1500);
}

static void
test_change_that_cannot_be_stored_is_taken_back(void **state)
{
	static const char *const steps[] = {"store_begin", "store_commit", "dataplane"};
	struct control *c = *state;

	control_expect_ok(c, "network.add", "{\"name\":\"old\"}");
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const int code = i < 2 ? CW_RPC_STORE : CW_RPC_REFUSED;

		assert_true(fail_point_set(steps[i]));
		control_expect_error(c, "network.add", "{\"name\":\"n\"}", code);
		control_expect_error(c, "network.set", "{\"name\":\"old\",\"mtu\":9000}", code);
		control_expect_error(c, "network.del", "{\"name\":\"old\"}", code);
		fail_point_set(NULL);
		assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_NETWORK), 2);
		assert_int_equal(objects_count(c->d->objects, OBJECT_NETWORK), 2);
		assert_int_equal(network_find(c->d->objects, "old")->mtu, 1500);
		assert_int_equal(
			((const struct cw_network *)fake_dp_get(&c->dp, CW_ITEM_NETWORK, 1)->item)
				->mtu,
			1500);
	}
	control_expect_ok(c, "network.add", "{\"name\":\"n\"}");
}

static void
test_refused_in_a_replay_is_marked(void **state)
{
	struct control *c = *state;
	cJSON *network;

	control_expect_ok(c, "neighbor.list", "{}");
	control_expect_ok(c, "port.add", "{\"name\":\"p\",\"kind\":\"null\"}");
	c->dp.refuse = CW_ITEM_PORT;
	fake_dp_hang_up(&c->dp);
	fake_dp_forget(&c->dp);
	control_run_until(c, control_is_away);
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
	network = control_expect(c, "port.get", "{\"name\":\"p\"}");
	assert_string_equal(json_text(network, "state"), "refused");
	assert_string_equal(json_text(network, "reason"), "the test refuses it");
	cJSON_Delete(network);
	c->dp.refuse = 0;
	reconnect(c);
	expect_state(c, "port.get", "{\"name\":\"p\"}", "ready");
}

// Dies while it is being told everything, in each step: the next connection gets it all.
static void
test_dies_in_the_middle_of_a_replay(void **state)
{
	static const uint16_t steps[] = {
		CW_HELLO, CW_GET_PORT_FDS, CW_BEGIN, CW_SET, CW_COMMIT, CW_GET_NODE};
	struct control *c = *state;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		fake_dp_hang_up(&c->dp);
		fake_dp_forget(&c->dp);
		control_run_until(c, control_is_away);
		c->dp.hang_up = steps[i];
		control_connect_dp(c);
		control_run_until(c, control_is_away);
		for (int j = 0; j < 50; j++)
			event_base_loop(c->d->base, EVLOOP_NONBLOCK);
		c->dp.hang_up = 0;
		control_connect_dp(c);
		control_run_until(c, control_is_ready);
		assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_PORT), 1);
		assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_ROUTE), 2);
	}
}

// Dies over a change: what needs no data plane is kept for the next one.
static void
test_dies_in_the_middle_of_a_change(void **state)
{
	struct control *c = *state;

	c->dp.hang_up = CW_SET;
	expect_state(c, "network.add", "{\"name\":\"n\"}", "waiting");
	c->dp.hang_up = 0;
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_NETWORK), 2);
	c->dp.hang_up = CW_DEL;
	control_expect_ok(c, "network.del", "{\"name\":\"n\"}");
	c->dp.hang_up = 0;
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_NETWORK), 1);
}

static void
run_a_while(struct control *c)
{
	for (int i = 0; i < 100; i++)
		event_base_loop(c->d->base, EVLOOP_NONBLOCK);
}

static void
test_what_is_no_data_plane_is_left(void **state)
{
	struct control *c = *state;

	fake_dp_hang_up(&c->dp);
	control_run_until(c, control_is_away);
	c->dp.version = CW_WIRE_VERSION + 1;
	control_connect_dp(c);
	run_a_while(c);
	assert_false(dp_is_connected(c->d->dp));
	assert_non_null(strstr(dp_reason(c->d->dp), "version"));
	c->dp.version = 0;
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
}

static void
send_raw(struct control *c, const void *bytes, size_t len)
{
	assert_int_equal(send(event_get_fd(c->dp.readable), bytes, len, MSG_NOSIGNAL), len);
}

static void
test_malformed_frames_end_the_connection(void **state)
{
	struct {
		struct cw_frame frame;
		struct cw_port_event event;
	} frames[] = {
		{.frame = {.length = 8, .type = CW_EVENT}},
		{.frame = {.length = 17, .type = CW_EVENT}},
		{.frame = {.length = CW_FRAME_MAX + 8, .type = CW_EVENT}},
		{.frame = {.length = sizeof(frames[0]), .type = CW_EVENT, .n_items = 2}},
		{.frame = {.length = sizeof(frames[0]),
			 .type = CW_EVENT,
			 .n_items = 1,
			 .n_fds = 1}},
		{.frame = {.length = sizeof(frames[0]), .type = CW_EVENT, .n_items = 1},
			.event.item.length = 4},
		{.frame = {.length = 32, .type = CW_EVENT, .n_items = 1},
			.event.item = {.type = CW_ITEM_PORT_EVENT, .length = 16}},
	};
	struct control *c = *state;

	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		if (frames[i].event.item.length == 0)
			frames[i].event.item = (struct cw_item){
				.type = CW_ITEM_PORT_EVENT, .length = sizeof(frames[i].event)};
		send_raw(c, &frames[i], sizeof(frames[i]));
		control_run_until(c, control_is_away);
		control_connect_dp(c);
		control_run_until(c, control_is_ready);
	}
}

static void
test_answers_to_nothing_are_ignored(void **state)
{
	const struct cw_frame frame = {
		.length = sizeof(frame), .type = CW_SET | CW_REPLY, .seq = 123456};
	struct control *c = *state;

	send_raw(c, &frame, sizeof(frame));
	control_expect_ok(c, "network.add", "{\"name\":\"n\"}");
	assert_true(control_is_ready(c));
}

static void
test_port_events(void **state)
{
	const uint32_t id = 1;
	struct cw_port_event event = {
		.item = {.type = CW_ITEM_PORT_EVENT, .length = CW_ALIGN8(sizeof(event))},
		.port = id,
		.state = CW_PORT_DOWN,
		.reason = "no carrier",
	};
	struct control *c = *state;
	cJSON *line;

	cJSON_Delete(control_expect(c, "port.watch", "{}"));
	fake_dp_event(&c->dp, &event.item);
	line = control_receive(c);
	assert_string_equal(json_text(cJSON_GetObjectItem(line, "params"), "event"), "state");
	assert_string_equal(
		json_text(cJSON_GetObjectItem(cJSON_GetObjectItem(line, "params"), "value"),
			"reason"),
		"no carrier");
	cJSON_Delete(line);
	event.port = 4000; // nobody's
	fake_dp_event(&c->dp, &event.item);
	event.port = UINT32_MAX;
	fake_dp_event(&c->dp, &event.item);
	expect_state(c, "port.get", "{\"name\":\"host\"}", "down");
	event.port = id;
	event.state = CW_PORT_UP;
	fake_dp_event(&c->dp, &event.item);
	cJSON_Delete(control_receive(c));
	expect_state(c, "port.get", "{\"name\":\"host\"}", "ready");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, control_setup, control_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_everything_is_replayed),
		TEST(test_identical_objects_are_the_same_bytes),
		TEST(test_changes_while_away_are_kept_and_told_later),
		TEST(test_refused_change_is_taken_back),
		TEST(test_change_that_cannot_be_stored_is_taken_back),
		TEST(test_refused_in_a_replay_is_marked),
		TEST(test_dies_in_the_middle_of_a_replay),
		TEST(test_dies_in_the_middle_of_a_change),
		TEST(test_what_is_no_data_plane_is_left),
		TEST(test_malformed_frames_end_the_connection),
		TEST(test_answers_to_nothing_are_ignored),
		TEST(test_port_events),
	};

	if (!control_enter_namespace())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
