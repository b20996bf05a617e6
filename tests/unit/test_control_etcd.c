/* SPDX-License-Identifier: Apache-2.0 */

// Flannel's leases out of etcd: its JSON gateway as evhttp plays it.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "flannel/base64.h"
#include "flannel/etcd.h"

#define PREFIX "/net/pods"
#define MAX_TOLD 4096

#define WATCHES_MAX 64 // of one test

// A stream and whose it is: there may be another one before it is closed.
struct watch {
	struct gateway *gateway;
	struct evhttp_request *request;
};

struct gateway {
	struct event_base *base;
	struct evhttp *http;
	struct evhttp_request *watch; // open, streams
	struct watch watches[WATCHES_MAX]; // all so far
	char endpoint[64];
	unsigned int n_ranges, n_watches;
	int status; // of ranges
	const char *revision; // of ranges; NULL: the answer is no JSON
	char start_revision[24]; // that the last watch asked for
	struct evbuffer *kvs; // of ranges: members of a list
};

struct told {
	char text[MAX_TOLD]; // what the handler was told, as text
	unsigned int n_lost;
};

static void
tell(struct told *told, const char *what, const char *key, const char *value)
{
	const size_t used = strlen(told->text);

	snprintf(told->text + used, sizeof(told->text) - used, "%s%s%s%s%s;", what,
		key[0] != '\0' ? " " : "", key, value[0] != '\0' ? "=" : "", value);
}

static void
on_begin(void *arg)
{
	tell(arg, "begin", "", "");
}

static void
on_put(void *arg, const char *key, const char *value)
{
	tell(arg, "put", key, value);
}

static void
on_del(void *arg, const char *key)
{
	tell(arg, "del", key, "");
}

static void
on_commit(void *arg)
{
	tell(arg, "commit", "", "");
}

static void
on_lost(void *arg, const char *reason)
{
	struct told *told = arg;

	assert_true(reason[0] != '\0');
	told->n_lost++;
}

static const struct etcd_handler handler = {on_begin, on_put, on_del, on_commit, on_lost};

static cJSON *
body_of(struct evhttp_request *request)
{
	struct evbuffer *input = evhttp_request_get_input_buffer(request);
	cJSON *json = cJSON_ParseWithLength(
		(const char *)evbuffer_pullup(input, -1), evbuffer_get_length(input));

	assert_non_null(json);
	return json;
}

static void
expect_key(const cJSON *json, const char *name, const char *expected)
{
	char *key = base64_decode(cJSON_GetObjectItem(json, name)->valuestring);

	assert_string_equal(key, expected);
	free(key);
}

static void
on_range(struct evhttp_request *request, void *arg)
{
	struct gateway *gateway = arg;
	struct evbuffer *answer = evbuffer_new();
	cJSON *body = body_of(request);

	expect_key(body, "key", PREFIX "/");
	expect_key(body, "range_end", PREFIX "0");
	cJSON_Delete(body);
	gateway->n_ranges++;
	if (gateway->revision != NULL)
		evbuffer_add_printf(answer, "{\"header\":{\"revision\":\"%s\"},\"kvs\":[%.*s]}",
			gateway->revision, (int)evbuffer_get_length(gateway->kvs),
			(const char *)evbuffer_pullup(gateway->kvs, -1));
	else
		evbuffer_add_printf(answer, "<html>");
	evhttp_send_reply(request, gateway->status, NULL, answer);
	evbuffer_free(answer);
}

// When the client closed, evhttp leaves the request to us.
static void
on_watch_closed(struct evhttp_connection *connection, void *arg)
{
	struct watch *watch = arg;

	if (watch->gateway->watch == watch->request)
		watch->gateway->watch = NULL;
	if (evhttp_request_get_connection(watch->request) == NULL)
		evhttp_send_reply_end(watch->request);
}

static void
on_watch(struct evhttp_request *request, void *arg)
{
	struct gateway *gateway = arg;
	struct watch *watch = &gateway->watches[gateway->n_watches];
	cJSON *body = body_of(request), *create = cJSON_GetObjectItem(body, "create_request");

	expect_key(create, "key", PREFIX "/");
	expect_key(create, "range_end", PREFIX "0");
	snprintf(gateway->start_revision, sizeof(gateway->start_revision), "%s",
		cJSON_GetObjectItem(create, "start_revision")->valuestring);
	cJSON_Delete(body);
	assert_true(++gateway->n_watches < WATCHES_MAX);
	gateway->watch = request;
	*watch = (struct watch){gateway, request};
	evhttp_connection_set_closecb(
		evhttp_request_get_connection(request), on_watch_closed, watch);
	evhttp_send_reply_start(request, 200, NULL);
}

// A piece of the stream, not necessarily a whole line.
static void
stream(struct gateway *gateway, const char *text)
{
	struct evbuffer *chunk = evbuffer_new();

	assert_non_null(gateway->watch);
	evbuffer_add(chunk, text, strlen(text));
	evhttp_send_reply_chunk(gateway->watch, chunk);
	evbuffer_free(chunk);
}

static char *
kv_text(const char *key, const char *value)
{
	char *key64 = base64_encode(key, strlen(key)), *text;
	char *value64 = base64_encode(value, strlen(value));

	assert_true(asprintf(&text, "{\"key\":\"%s\",\"value\":\"%s\"}", key64, value64) > 0);
	free(key64);
	free(value64);
	return text;
}

static void
store(struct gateway *gateway, const char *key, const char *value)
{
	char *kv = kv_text(key, value);

	evbuffer_add_printf(
		gateway->kvs, "%s%s", evbuffer_get_length(gateway->kvs) > 0 ? "," : "", kv);
	free(kv);
}

static void
stream_event(struct gateway *gateway, const char *type, const char *key, const char *value)
{
	char *kv = kv_text(key, value), *line;

	assert_true(asprintf(&line, "{\"result\":{\"events\":[{%s\"kv\":%s}]}}\n", type, kv) > 0);
	stream(gateway, line);
	free(line);
	free(kv);
}

static int
setup(void **state)
{
	struct gateway *gateway = calloc(1, sizeof(*gateway));
	struct evhttp_bound_socket *bound;
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	signal(SIGPIPE, SIG_IGN);
	gateway->base = event_base_new();
	gateway->http = evhttp_new(gateway->base);
	gateway->kvs = evbuffer_new();
	gateway->status = 200;
	gateway->revision = "41";
	bound = evhttp_bind_socket_with_handle(gateway->http, "127.0.0.1", 0);
	assert_non_null(bound);
	getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &length);
	snprintf(gateway->endpoint, sizeof(gateway->endpoint), "http://127.0.0.1:%u",
		ntohs(address.sin_port));
	evhttp_set_cb(gateway->http, "/v3/kv/range", on_range, gateway);
	evhttp_set_cb(gateway->http, "/v3/watch", on_watch, gateway);
	*state = gateway;
	return 0;
}

static int
teardown(void **state)
{
	struct gateway *gateway = *state;

	evhttp_free(gateway->http);
	evbuffer_free(gateway->kvs);
	event_base_free(gateway->base);
	free(gateway);
	return 0;
}

static void
run_until_told(struct gateway *gateway, const struct told *told, const char *expected)
{
	struct timeval end, now;

	gettimeofday(&end, NULL);
	end.tv_sec += 20;
	while (strcmp(told->text, expected) != 0) {
		event_base_loop(gateway->base, EVLOOP_NONBLOCK);
		gettimeofday(&now, NULL);
		if (timercmp(&now, &end, >))
			fail_msg("told \"%s\", not \"%s\"", told->text, expected);
	}
}

static void
run_until_watched(struct gateway *gateway, unsigned int n)
{
	struct timeval end, now;

	gettimeofday(&end, NULL);
	end.tv_sec += 20;
	while (gateway->n_watches < n) {
		event_base_loop(gateway->base, EVLOOP_NONBLOCK);
		gettimeofday(&now, NULL);
		if (timercmp(&now, &end, >))
			fail_msg("%u watches, not %u", gateway->n_watches, n);
	}
}

static struct etcd *
follow(struct gateway *gateway, struct told *told)
{
	static const struct http_tls no_tls;
	struct etcd *etcd =
		etcd_new(gateway->base, gateway->endpoint, PREFIX, &no_tls, &handler, told);

	assert_non_null(etcd);
	return etcd;
}

static void
test_follows(void **state)
{
	struct gateway *gateway = *state;
	struct told told = {0};
	struct etcd *etcd;

	store(gateway, PREFIX "/config", "{}");
	store(gateway, PREFIX "/subnets/a", "one");
	store(gateway, "/net/podsize", "of another");
	etcd = follow(gateway, &told);
	run_until_told(gateway, &told, "begin;put config={};put subnets/a=one;commit;");
	run_until_watched(gateway, 1);
	assert_string_equal(gateway->start_revision, "42");
	told.text[0] = '\0';
	stream(gateway, "{\"result\":{\"created\":true}}\n");
	stream_event(gateway, "", PREFIX "/subnets/b", "two");
	run_until_told(gateway, &told, "put subnets/b=two;commit;");
	told.text[0] = '\0';
	stream_event(gateway, "\"type\":\"DELETE\",", PREFIX "/subnets/a", "");
	run_until_told(gateway, &told, "del subnets/a;commit;");
	assert_int_equal(told.n_lost, 0);
	etcd_free(etcd);
}

static void
test_lines_come_in_pieces(void **state)
{
	struct gateway *gateway = *state;
	struct told told = {0};
	struct etcd *etcd = follow(gateway, &told);
	char *kv = kv_text(PREFIX "/x", "y"), *lines;

	run_until_watched(gateway, 1);
	told.text[0] = '\0';
	assert_true(asprintf(&lines,
			    "{\"result\":{\"events\":[{\"kv\":%s}]}}\n"
			    "{\"result\":{\"events\":[{\"kv\":%s}]}}\n",
			    kv, kv)
		    > 0);
	for (const char *at = lines; *at != '\0'; at++) {
		char piece[2] = {*at, '\0'};

		stream(gateway, piece);
		event_base_loop(gateway->base, EVLOOP_NONBLOCK);
	}
	run_until_told(gateway, &told, "put x=y;commit;put x=y;commit;");
	free(lines);
	free(kv);
	etcd_free(etcd);
}

// Whatever ends a watch, all is told again from a new revision.
static void
starts_over(struct gateway *gateway, void (*disturb)(struct gateway *gateway))
{
	struct told told = {0};
	struct etcd *etcd = follow(gateway, &told);

	run_until_watched(gateway, 1);
	gateway->revision = "77";
	disturb(gateway);
	run_until_watched(gateway, 2);
	assert_string_equal(gateway->start_revision, "78");
	assert_string_equal(told.text, "begin;commit;begin;commit;");
	assert_int_equal(told.n_lost, 1);
	etcd_free(etcd);
}

static void
cancel(struct gateway *gateway)
{
	stream(gateway, "{\"result\":{\"canceled\":true,\"compact_revision\":\"70\"}}\n");
}

static void
report_error(struct gateway *gateway)
{
	stream(gateway, "{\"error\":{\"message\":\"etcdserver: no leader\"}}\n");
}

static void
talk_nonsense(struct gateway *gateway)
{
	stream(gateway, "<html>\n");
}

static void
finish(struct gateway *gateway)
{
	evhttp_send_reply_end(gateway->watch);
	gateway->watch = NULL;
}

static void
hang_up(struct gateway *gateway)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(gateway->watch);

	gateway->watch = NULL;
	evhttp_connection_free(connection);
}

static void
test_starts_over(void **state)
{
	starts_over(*state, cancel);
}

static void
test_starts_over_after_errors(void **state)
{
	starts_over(*state, report_error);
}

static void
test_starts_over_after_nonsense(void **state)
{
	starts_over(*state, talk_nonsense);
}

static void
test_starts_over_after_the_end(void **state)
{
	starts_over(*state, finish);
}

static void
test_starts_over_after_hanging_up(void **state)
{
	starts_over(*state, hang_up);
}

static void
test_bad_answers(void **state)
{
	struct gateway *gateway = *state;
	struct told told = {0};
	struct etcd *etcd;

	gateway->status = 503;
	etcd = follow(gateway, &told);
	while (told.n_lost < 1)
		event_base_loop(gateway->base, EVLOOP_ONCE);
	gateway->status = 200;
	gateway->revision = NULL;
	while (told.n_lost < 2)
		event_base_loop(gateway->base, EVLOOP_ONCE);
	assert_string_equal(told.text, "");
	gateway->revision = "5";
	run_until_told(gateway, &told, "begin;commit;");
	etcd_free(etcd);
}

static void
test_next_endpoint(void **state)
{
	struct gateway *gateway = *state;
	struct told told = {0};
	char endpoints[128];
	static const struct http_tls no_tls;
	struct etcd *etcd;

	// Nobody listens on the first; the slash is one too many.
	snprintf(endpoints, sizeof(endpoints), "http://127.0.0.1:1, %s/", gateway->endpoint);
	etcd = etcd_new(gateway->base, endpoints, PREFIX, &no_tls, &handler, &told);
	assert_non_null(etcd);
	run_until_told(gateway, &told, "begin;commit;");
	assert_int_equal(told.n_lost, 1);
	etcd_free(etcd);
	assert_null(etcd_new(gateway->base, "127.0.0.1:2379", PREFIX, &no_tls, &handler, &told));
	assert_null(etcd_new(gateway->base, " , ", PREFIX, &no_tls, &handler, &told));
}

#define GATEWAY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		GATEWAY_TEST(test_follows),
		GATEWAY_TEST(test_lines_come_in_pieces),
		GATEWAY_TEST(test_starts_over),
		GATEWAY_TEST(test_starts_over_after_errors),
		GATEWAY_TEST(test_starts_over_after_nonsense),
		GATEWAY_TEST(test_starts_over_after_the_end),
		GATEWAY_TEST(test_starts_over_after_hanging_up),
		GATEWAY_TEST(test_bad_answers),
		GATEWAY_TEST(test_next_endpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
