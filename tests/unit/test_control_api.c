/* SPDX-License-Identifier: Apache-2.0 */

// control.sock: framing, hostile lines, descriptors, answers, events.

#include "control_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <causeway/error.h>

static void
send_text(struct control *c, const char *text)
{
	control_send(c, text, strlen(text), NULL, 0);
}

static int
code_of(const cJSON *answer)
{
	const cJSON *code = cJSON_GetObjectItem(cJSON_GetObjectItem(answer, "error"), "code");

	return code != NULL ? code->valueint : 0;
}

static void
expect_code(struct control *c, int code)
{
	cJSON *answer = control_receive(c);

	assert_non_null(answer);
	assert_int_equal(code_of(answer), code);
	cJSON_Delete(answer);
}

static void
refuses(struct control *c, const char *line, int code)
{
	send_text(c, line);
	send_text(c, "\n");
	expect_code(c, code);
	// The connection and the daemon take no harm.
	control_expect_ok(c, "health.get", "{}");
}

static void
test_malformed_lines(void **state)
{
	struct control *c = *state;

	refuses(c, "", CW_RPC_PARSE);
	refuses(c, "hello", CW_RPC_PARSE);
	refuses(c, "{\"jsonrpc\":\"2.0\"", CW_RPC_PARSE);
	refuses(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"health.get\"} x", CW_RPC_PARSE);
	refuses(c, "\xff\xfe\x01", CW_RPC_PARSE);
	control_send(c, "{}\0{}\n", 6, NULL, 0);
	expect_code(c, CW_RPC_PARSE);
	refuses(c, "1", CW_RPC_INVALID_REQUEST);
	refuses(c, "null", CW_RPC_INVALID_REQUEST);
	refuses(c, "[]", CW_RPC_INVALID_REQUEST);
	refuses(c, "{}", CW_RPC_INVALID_REQUEST);
	refuses(c, "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"health.get\"}",
		CW_RPC_INVALID_REQUEST);
	refuses(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", CW_RPC_INVALID_REQUEST);
	refuses(c, "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"health.get\"}",
		CW_RPC_INVALID_REQUEST);
	refuses(c, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"health.get\"}]",
		CW_RPC_INVALID_REQUEST);
	refuses(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"health.get\",\"params\":[]}",
		CW_RPC_INVALID_PARAMS);
	refuses(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"health.get\",\"params\":{\"x\":1}}",
		CW_RPC_INVALID_PARAMS);
	refuses(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"no.such\"}", CW_RPC_UNKNOWN_METHOD);
	refuses(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\"}", CW_RPC_UNKNOWN_METHOD);
}

static void
test_deep_nesting(void **state)
{
	struct control *c = *state;
	char *line = malloc(200001);

	memset(line, '[', 200000);
	line[200000] = '\0';
	refuses(c, line, CW_RPC_PARSE);
	for (int i = 0; i < 100000; i += 5)
		memcpy(line + i, "{\"a\":", 5);
	line[100000] = '\0';
	refuses(c, line, CW_RPC_PARSE);
	free(line);
}

static void
test_oversize_line_ends_the_connection(void **state)
{
	struct control *c = *state;
	char *line = malloc(CW_LINE_MAX + 2);

	memset(line, ' ', CW_LINE_MAX + 1);
	line[CW_LINE_MAX + 1] = '\n';
	control_send(c, line, CW_LINE_MAX + 2, NULL, 0);
	expect_code(c, CW_RPC_INVALID_REQUEST);
	assert_null(control_receive(c));
	control_new_client(c);
	control_expect_ok(c, "health.get", "{}");

	// The longest line that is allowed is merely no JSON.
	line[CW_LINE_MAX] = '\n';
	control_send(c, line, CW_LINE_MAX + 1, NULL, 0);
	expect_code(c, CW_RPC_PARSE);
	control_expect_ok(c, "health.get", "{}");
	free(line);
}

static void
test_lines_in_pieces_and_together(void **state)
{
	struct control *c = *state;
	const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"health.get\"}\n";
	cJSON *answer;

	for (size_t i = 0; i < sizeof(line) - 1; i++) {
		control_send(c, line + i, 1, NULL, 0);
		event_base_loop(c->d->base, EVLOOP_NONBLOCK);
	}
	answer = control_receive(c);
	assert_string_equal(json_text(answer, "id"), "x");
	cJSON_Delete(answer);

	send_text(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"health.get\"}\n"
		     "nonsense\n"
		     "{\"jsonrpc\":\"2.0\",\"method\":\"health.get\"}\n"
		     "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"health.get\"}\n");
	answer = control_receive(c);
	assert_int_equal(cJSON_GetObjectItem(answer, "id")->valueint, 1);
	cJSON_Delete(answer);
	answer = control_receive(c);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(answer, "id")));
	assert_int_equal(code_of(answer), CW_RPC_PARSE);
	cJSON_Delete(answer);
	answer = control_receive(c); // the notification is not answered
	assert_int_equal(cJSON_GetObjectItem(answer, "id")->valueint, 2);
	cJSON_Delete(answer);
}

static void
test_pipelined_changes_keep_their_order(void **state)
{
	struct control *c = *state;
	char line[200];
	cJSON *answer;

	for (int i = 0; i < 200; i++) {
		snprintf(line, sizeof(line),
			"{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"network.%s\","
			"\"params\":{\"name\":\"n\"}}\n",
			i, i % 2 == 0 ? "add" : "del");
		send_text(c, line);
	}
	for (int i = 0; i < 200; i++) {
		answer = control_receive(c);
		assert_int_equal(cJSON_GetObjectItem(answer, "id")->valueint, i);
		assert_int_equal(code_of(answer), 0);
		cJSON_Delete(answer);
	}
}

static unsigned int
open_descriptors(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
test_descriptors_belong_to_their_line(void **state)
{
	struct control *c = *state;
	const char add[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"endpoint.add\",\"params\":"
			   "{\"container\":\"c\",\"ifname\":\"e\",\"netns_fd\":0}}\n";
	const char other[] = "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"health.get\"}\n";
	const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const unsigned int before = open_descriptors();
	int many[CW_FRAME_FDS + 1];
	cJSON *answer;

	// A descriptor with the line, of the wrong kind.
	control_send(c, add, sizeof(add) - 1, &null, 1);
	answer = control_receive(c);
	assert_int_equal(code_of(answer), CW_RPC_INVALID_PARAMS);
	assert_non_null(strstr(json_text(cJSON_GetObjectItem(answer, "error"), "message"),
		"no network namespace"));
	cJSON_Delete(answer);
	// With the line before, or a malformed one: not ours.
	control_send(c, other, sizeof(other) - 1, &null, 1);
	control_send(c, "nonsense\n", 9, &null, 1);
	control_send(c, add, sizeof(add) - 1, NULL, 0);
	cJSON_Delete(control_receive(c));
	cJSON_Delete(control_receive(c));
	answer = control_receive(c);
	assert_non_null(strstr(json_text(cJSON_GetObjectItem(answer, "error"), "message"),
		"there is no number 0"));
	cJSON_Delete(answer);
	assert_int_equal(open_descriptors(), before);
	// More than a line may bring.
	for (unsigned int i = 0; i < CW_FRAME_FDS + 1; i++)
		many[i] = null;
	control_send(c, other, 1, many, CW_FRAME_FDS);
	control_send(c, other + 1, 1, many, CW_FRAME_FDS);
	expect_code(c, CW_RPC_INVALID_REQUEST);
	assert_null(control_receive(c));
	control_new_client(c);
	assert_int_equal(open_descriptors(), before);
	close(null);
}

static void
test_wrong_values_name_key_and_way_out(void **state)
{
	struct control *c = *state;
	cJSON *answer = control_call(c, "network.add", "{\"name\":\"n\",\"mtu\":20}");
	const cJSON *error = cJSON_GetObjectItem(answer, "error");
	const cJSON *data = cJSON_GetObjectItem(error, "data");

	assert_int_equal(code_of(answer), CW_RPC_INVALID_PARAMS);
	assert_string_equal(json_text(data, "key"), "mtu");
	assert_string_equal(json_text(data, "value"), "20");
	assert_string_equal(json_text(data, "hint"), "an integer from 68 to 9600");
	cJSON_Delete(answer);
	control_expect_error(c, "network.add", "{\"name\":\"n\",\"subnets\":\"10.0.0.1/8\"}",
		CW_RPC_INVALID_PARAMS);
	control_expect_error(c, "network.add", "{\"name\":\"n\",\"subnets\":[\"224.0.0.1/8\"]}",
		CW_RPC_INVALID_PARAMS);
	control_expect_error(
		c, "network.add", "{\"name\":\"n\",\"vni\":16777216}", CW_RPC_INVALID_PARAMS);
	control_expect_error(
		c, "port.add", "{\"name\":\"p\",\"kind\":\"tap\"}", CW_RPC_INVALID_PARAMS);
	control_expect_error(c, "port.add", "{\"name\":\"p\",\"kind\":\"null\",\"guard\":[\"x\"]}",
		CW_RPC_INVALID_PARAMS);
	control_expect_error(c, "port.add", "{\"name\":\"p\",\"kind\":\"null\",\"network\":\"x\"}",
		CW_RPC_NOT_FOUND);
	control_expect_error(c, "route.add", "{\"prefix\":\"10.0.0.0/8\"}", CW_RPC_INVALID_PARAMS);
	control_expect_error(c, "route.add",
		"{\"prefix\":\"10.0.0.0/8\",\"via\":\"10.1.0.1\",\"kind\":\"host\"}",
		CW_RPC_INVALID_PARAMS);
	control_expect_error(
		c, "route.add", "{\"prefix\":\"10.0.0.0/8\",\"nexthop\":77}", CW_RPC_NOT_FOUND);
	control_expect_error(c, "nexthop.add", "{\"kind\":\"via\"}", CW_RPC_INVALID_PARAMS);
	control_expect_error(c, "nexthop.add", "{\"kind\":\"host\",\"via\":\"10.0.0.1\"}",
		CW_RPC_INVALID_PARAMS);
}

static void
test_watch(void **state)
{
	struct control *c = *state;
	cJSON *list = control_expect(c, "network.watch", "{}"), *event, *params;

	assert_int_equal(cJSON_GetArraySize(list), 1);
	cJSON_Delete(list);
	send_text(c,
		"{\"jsonrpc\":\"2.0\",\"method\":\"network.add\",\"params\":{\"name\":\"n\"}}\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"network.set\",\"params\":{\"name\":\"n\","
		"\"mtu\":9000}}\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"network.del\",\"params\":{\"name\":\"n\"}}\n");
	for (int i = 0; i < 3; i++) {
		static const char *const what[] = {"add", "set", "del"};

		event = control_receive(c);
		params = cJSON_GetObjectItem(event, "params");
		assert_string_equal(json_text(event, "method"), "event");
		assert_string_equal(json_text(params, "object"), "network");
		assert_string_equal(json_text(params, "event"), what[i]);
		assert_string_equal(json_text(cJSON_GetObjectItem(params, "value"), "name"), "n");
		cJSON_Delete(event);
	}
}

static bool
nobody_is_left(struct control *c)
{
	return open_descriptors() == c->last_id;
}

static void
test_closed_connections_are_let_go(void **state)
{
	struct control *c = *state;
	unsigned int before;

	control_expect_ok(c, "health.get", "{}");
	before = open_descriptors();
	for (int i = 0; i < 20; i++) {
		control_new_client(c);
		if (i % 2 == 0)
			send_text(c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"port.watch\"}\n{");
	}
	c->last_id = before; // for the condition
	control_run_until(c, nobody_is_left);
	control_expect_ok(c, "health.get", "{}");
}

static void
test_end_of_stream_after_the_last_request(void **state)
{
	struct control *c = *state;

	send_text(c, "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"network.add\",\"params\":"
		     "{\"name\":\"n\"}}\n");
	shutdown(c->client, SHUT_WR);
	expect_code(c, 0);
	assert_null(control_receive(c));
	control_new_client(c);
	control_expect_ok(c, "network.get", "{\"name\":\"n\"}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, control_setup, control_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_malformed_lines),
		TEST(test_deep_nesting),
		TEST(test_oversize_line_ends_the_connection),
		TEST(test_lines_in_pieces_and_together),
		TEST(test_pipelined_changes_keep_their_order),
		TEST(test_descriptors_belong_to_their_line),
		TEST(test_wrong_values_name_key_and_way_out),
		TEST(test_watch),
		TEST(test_closed_connections_are_let_go),
		TEST(test_end_of_stream_after_the_last_request),
	};

	if (!control_enter_namespace())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
