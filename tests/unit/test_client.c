/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <causeway/error.h>
#include <causeway/limits.h>

#include "client.h"

// The server's side is this process: answers are put into the socket before the client asks, which
// works as the first request always has the id 1.
struct server {
	char folder[64], path[96];
	int listener, connection;
	struct client *client;
	struct client_error error;
};

static int
setup(void **state)
{
	struct server *s = calloc(1, sizeof(*s));
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(s->folder, "/tmp/test-client-XXXXXX");
	if (mkdtemp(s->folder) == NULL)
		return -1;
	snprintf(s->path, sizeof(s->path), "%s/s", s->folder);
	strcpy(address.sun_path, s->path);
	s->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(s->listener, (struct sockaddr *)&address, sizeof(address)) < 0
		|| listen(s->listener, 1) < 0 || client_open(&s->client, s->path, &s->error) < 0)
		return -1;
	s->connection = accept(s->listener, NULL, NULL);
	client_set_timeout(s->client, 10000);
	*state = s;
	return s->connection < 0;
}

static int
teardown(void **state)
{
	struct server *s = *state;

	client_close(s->client);
	close(s->connection);
	close(s->listener);
	unlink(s->path);
	rmdir(s->folder);
	free(s);
	return 0;
}

static void
say(struct server *s, const char *text)
{
	assert_int_equal(write(s->connection, text, strlen(text)), strlen(text));
}

static int
call(struct server *s, cJSON **result)
{
	return client_call(s->client, "network.list", NULL, NULL, 0, result, &s->error);
}

static void
test_result(void **state)
{
	struct server *s = *state;
	char line[256];
	cJSON *result;
	ssize_t n;

	say(s, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{}}\n"
	       "{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":1}\n"
	       "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[5]}\n{\"half");
	assert_int_equal(call(s, &result), 0);
	assert_int_equal(cJSON_GetArrayItem(result, 0)->valueint, 5);
	cJSON_Delete(result);
	n = read(s->connection, line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	assert_string_equal(
		line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"network.list\",\"params\":{}}\n");
	say(s, "\":0}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":null}\n");
	assert_int_equal(call(s, NULL), 0);
}

static void
test_error(void **state)
{
	struct server *s = *state;
	cJSON *result;

	say(s, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"no\","
	       "\"data\":"
	       "{\"key\":\"mtu\",\"value\":[1],\"hint\":\"less\"}}}\n");
	assert_int_equal(call(s, &result), -EREMOTEIO);
	assert_null(result);
	assert_int_equal(s->error.code, CW_RPC_INVALID_PARAMS);
	assert_string_equal(s->error.message, "no");
	assert_string_equal(s->error.key, "mtu");
	assert_string_equal(s->error.value, "[1]");
	assert_string_equal(s->error.hint, "less");
	say(s, "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":3,\"message\":\"bare\"}}\n");
	assert_int_equal(call(s, &result), -EREMOTEIO);
	assert_string_equal(s->error.key, "");
}

static void
test_garbage(void **state)
{
	static const char *const lines[] = {"hello\n", "[]\n", "\n", "{\"id\":1}\n",
		"{\"id\":1,\"error\":5}\n",
		"{\"id\":1,\"error\":{\"code\":\"x\",\"message\":\"m\"}}\n"};
	struct server *s;
	cJSON *result;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (i > 0)
			assert_int_equal(setup(state), 0);
		s = *state;
		say(s, lines[i]);
		assert_int_equal(call(s, &result), -EPROTO);
		assert_null(result);
		assert_true(s->error.message[0] != '\0');
		if (i + 1 < sizeof(lines) / sizeof(lines[0]))
			teardown(state);
	}
}

static void
test_away(void **state)
{
	struct server *s = *state;
	struct client *client;

	client_set_timeout(s->client, 1);
	assert_int_equal(call(s, NULL), -ETIMEDOUT);
	shutdown(s->connection, SHUT_RDWR);
	assert_int_equal(call(s, NULL), -EPIPE);
	assert_true(client_is_away(-EPIPE) && client_is_away(-ETIMEDOUT));
	assert_false(client_is_away(-EREMOTEIO));

	close(s->listener);
	assert_int_equal(client_open(&client, s->path, &s->error), -ECONNREFUSED);
	assert_null(client);
	assert_non_null(strstr(s->error.message, s->path));
	unlink(s->path);
	assert_int_equal(client_open(&client, s->path, &s->error), -ENOENT);
	assert_non_null(strstr(s->error.message, "does not run"));
	s->listener = -1;
}

static void
test_paths(void **state)
{
	char path[200], folder[150];
	struct client *client;
	struct client_error error;

	assert_int_equal(client_path(path, sizeof(path), NULL), 0);
	assert_string_equal(path, "/run/causeway/control.sock");
	assert_int_equal(client_path(path, sizeof(path), "/x"), 0);
	assert_string_equal(path, "/x/control.sock");
	memset(folder, 'x', sizeof(folder) - 1);
	folder[sizeof(folder) - 1] = '\0';
	assert_int_equal(client_path(path, sizeof(path), folder), -ENAMETOOLONG);
	assert_int_equal(client_open(&client, folder, &error), -ENAMETOOLONG);
	assert_non_null(strstr(error.message, "107"));
}

static void
test_limits(void **state)
{
	struct server *s = *state;
	char *text = malloc(CW_LINE_MAX + 1);
	cJSON *params = cJSON_CreateObject();
	int fds[CW_FRAME_FDS + 1];

	memset(text, 'x', CW_LINE_MAX);
	text[CW_LINE_MAX] = '\0';
	cJSON_AddStringToObject(params, "text", text);
	free(text);
	assert_int_equal(
		client_call(s->client, "network.add", params, NULL, 0, NULL, &s->error), -EMSGSIZE);
	memset(fds, 0, sizeof(fds));
	assert_int_equal(
		client_call(s->client, "network.add", NULL, fds, CW_FRAME_FDS + 1, NULL, &s->error),
		-EINVAL);
}

static void
test_long_answer(void **state)
{
	struct server *s = *state;
	char *text = malloc(100001);
	cJSON *result;

	memset(text, 'x', 100000);
	text[100000] = '\0';
	say(s, "{\"id\":1,\"result\":\"");
	say(s, text);
	say(s, "\"}\n");
	free(text);
	assert_int_equal(call(s, &result), 0);
	assert_int_equal(strlen(result->valuestring), 100000);
	cJSON_Delete(result);
}

static void
test_descriptors(void **state)
{
	struct server *s = *state;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control;
	char byte;
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct stat sent, received;
	int fds[2];

	say(s, "{\"id\":1,\"result\":0}\n");
	fds[0] = open("/dev/null", O_RDONLY);
	assert_int_equal(client_call(s->client, "x.y", NULL, fds, 1, NULL, &s->error), 0);
	assert_int_equal(recvmsg(s->connection, &message, 0), 1);
	assert_int_equal(byte, '{');
	assert_int_equal(CMSG_FIRSTHDR(&message)->cmsg_len, CMSG_LEN(sizeof(int)));
	memcpy(&fds[1], CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	assert_int_equal(fstat(fds[0], &sent), 0);
	assert_int_equal(fstat(fds[1], &received), 0);
	assert_int_equal(sent.st_rdev, received.st_rdev);
	close(fds[0]);
	close(fds[1]);
}

static int
sum_events(const cJSON *params, void *arg)
{
	int *sum = arg;

	*sum += params->valueint;
	return *sum == 6 ? 42 : 0;
}

static void
test_watch(void **state)
{
	struct server *s = *state;
	int sum = 0;

	say(s, "{\"method\":\"event\",\"params\":1}\n{\"id\":1,\"result\":{}}\n"
	       "{\"method\":\"event\",\"params\":2}\n{\"method\":\"event\",\"params\":3}\n"
	       "{\"method\":\"event\",\"params\":4}\n");
	assert_int_equal(client_watch(s->client, "x.watch", NULL, sum_events, &sum, &s->error), 42);
	assert_int_equal(sum, 6);
	say(s, "{\"id\":2,\"error\":{\"code\":4,\"message\":\"m\"}}\n");
	assert_int_equal(
		client_watch(s->client, "x.watch", NULL, sum_events, &sum, &s->error), -EREMOTEIO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_result, setup, teardown),
		cmocka_unit_test_setup_teardown(test_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_away, setup, teardown),
		cmocka_unit_test(test_paths),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watch, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
