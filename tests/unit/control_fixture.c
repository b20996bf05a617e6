/* SPDX-License-Identifier: Apache-2.0 */
#include "control_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "api/server.h"
#include "fail_point.h"
#include "tap.h"

#define PATIENCE_MS 10000

bool
control_enter_namespace(void)
{
	if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0)
		return true;
	printf("1..0 # SKIP needs root: makes network namespaces\n");
	return false;
}

static void *
make_namespace(void *arg)
{
	int *fd = arg;

	if (unshare(CLONE_NEWNET) == 0)
		*fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return NULL;
}

int
namespace_new(void)
{
	pthread_t thread;
	int fd = -1;

	assert_int_equal(pthread_create(&thread, NULL, make_namespace, &fd), 0);
	pthread_join(thread, NULL);
	assert_true(fd >= 0);
	return fd;
}

bool
control_is_ready(struct control *c)
{
	return c->d->dataplane == DATAPLANE_READY;
}

bool
control_is_away(struct control *c)
{
	return c->d->dataplane == DATAPLANE_AWAY;
}

void
control_run_until(struct control *c, bool (*condition)(struct control *c))
{
	const uint64_t end = causewayd_now_ms() + PATIENCE_MS;
	const struct timespec pause = {.tv_nsec = 200000};

	while (!condition(c)) {
		assert_true(causewayd_now_ms() < end);
		event_base_loop(c->d->base, EVLOOP_NONBLOCK);
		nanosleep(&pause, NULL);
	}
}

void
control_connect_dp(struct control *c)
{
	assert_int_equal(dp_adopt(c->d->dp, fake_dp_connect(&c->dp, c->d->base)), 0);
}

void
control_new_client(struct control *c)
{
	int ends[2];

	if (c->client >= 0)
		close(c->client);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	assert_int_equal(api_adopt(c->d->api, ends[1]), 0);
	c->client = ends[0];
	c->used = 0;
}

void
control_start(struct control *c, bool dataplane)
{
	c->d = causewayd_create(&c->options);
	assert_non_null(c->d);
	assert_int_equal(causewayd_load(c->d), 0);
	control_new_client(c);
	if (!dataplane)
		return;
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
}

void
control_stop(struct control *c)
{
	fake_dp_hang_up(&c->dp);
	causewayd_free(c->d);
	c->d = NULL;
	close(c->client);
	c->client = -1;
}

int
control_setup(void **state)
{
	struct control *c = calloc(1, sizeof(*c));

	signal(SIGPIPE, SIG_IGN); // as main() does
	strcpy(c->folder, "/tmp/cwt-control-XXXXXX");
	assert_non_null(mkdtemp(c->folder));
	c->client = -1;
	c->options = (struct options){
		.group = "no-such-group",
		.tun_device = TAP_NODE,
		.host_interface = "cwhost",
	};
	strcpy(c->options.runtime_dir, c->folder);
	strcpy(c->options.state_dir, c->folder);
	log_set_level(getenv("CONTROL_TEST_LOG") != NULL ? LOG_DEBUG : LOG_ERROR);
	control_start(c, true);
	*state = c;
	return 0;
}

int
control_teardown(void **state)
{
	struct control *c = *state;
	char command[128];

	fail_point_set(NULL);
	if (c->d != NULL) {
		control_new_client(c); // the test's may be watching
		control_expect_ok(c, "network.set", "{\"name\":\"default\",\"host\":false}");
		control_stop(c);
	}
	fake_dp_free(&c->dp);
	snprintf(command, sizeof(command), "rm -r %s", c->folder);
	assert_int_equal(system(command), 0);
	free(c);
	return 0;
}

void
control_send(struct control *c, const char *bytes, size_t len, const int *fds, unsigned int n)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * CW_FRAME_FDS)];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {(void *)(uintptr_t)bytes, len};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n > 0) {
		struct cmsghdr *header;

		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(n * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(header), fds, n * sizeof(int));
	}
	while (iov.iov_len > 0) {
		const ssize_t sent = sendmsg(c->client, &message, MSG_NOSIGNAL);

		if (sent < 0 && errno == EPIPE)
			return; // the answer tells
		if (sent < 0) {
			assert_int_equal(errno, EAGAIN);
			event_base_loop(c->d->base, EVLOOP_NONBLOCK);
			continue;
		}
		message.msg_control = NULL;
		message.msg_controllen = 0;
		iov.iov_base = (char *)iov.iov_base + sent;
		iov.iov_len -= (size_t)sent;
	}
}

cJSON *
control_receive(struct control *c)
{
	const uint64_t end = causewayd_now_ms() + PATIENCE_MS;
	char *newline;
	cJSON *json;

	while ((newline = memchr(c->in, '\n', c->used)) == NULL) {
		struct pollfd fd = {.fd = c->client, .events = POLLIN};
		ssize_t n;

		assert_true(causewayd_now_ms() < end);
		event_base_loop(c->d->base, EVLOOP_NONBLOCK);
		poll(&fd, 1, 1);
		n = recv(c->client, c->in + c->used, sizeof(c->in) - c->used, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return NULL;
		c->used += n > 0 ? (size_t)n : 0;
		assert_true(c->used < sizeof(c->in));
	}
	*newline = '\0';
	json = cJSON_Parse(c->in);
	assert_non_null(json);
	c->used -= (size_t)(newline + 1 - c->in);
	memmove(c->in, newline + 1, c->used);
	return json;
}

cJSON *
control_call_fd(struct control *c, const char *method, const char *params, int fd)
{
	char *line;
	const int len =
		asprintf(&line, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"%s\",\"params\":%s}\n",
			++c->last_id, method, params);
	cJSON *answer;

	assert_true(len > 0);
	control_send(c, line, (size_t)len, &fd, fd >= 0);
	free(line);
	answer = control_receive(c);
	assert_non_null(answer);
	assert_int_equal(cJSON_GetObjectItem(answer, "id")->valueint, c->last_id);
	return answer;
}

cJSON *
control_call(struct control *c, const char *method, const char *params)
{
	return control_call_fd(c, method, params, -1);
}

cJSON *
control_expect(struct control *c, const char *method, const char *params)
{
	cJSON *answer = control_call(c, method, params), *result;

	result = cJSON_DetachItemFromObject(answer, "result");
	if (result == NULL)
		fail_msg("%s %s: %s", method, params, cJSON_PrintUnformatted(answer));
	cJSON_Delete(answer);
	return result;
}

void
control_expect_ok(struct control *c, const char *method, const char *params)
{
	cJSON_Delete(control_expect(c, method, params));
}

void
control_expect_error(struct control *c, const char *method, const char *params, int code)
{
	cJSON *answer = control_call(c, method, params);
	const cJSON *error = cJSON_GetObjectItem(answer, "error");

	if (error == NULL || cJSON_GetObjectItem(error, "code")->valueint != code)
		fail_msg("%s %s: expected error %d, got %s", method, params, code,
			cJSON_PrintUnformatted(answer));
	cJSON_Delete(answer);
}

const char *
json_text(const cJSON *json, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(json, key));

	return text != NULL ? text : "(absent)";
}
