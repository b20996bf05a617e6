/* SPDX-License-Identifier: Apache-2.0 */

// Leases as vteps, tunnels and routes in causewayd's tree: told through a gateway that evhttp
// plays.

#include "control_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <netinet/in.h>

#include <causeway/error.h>

#include "flannel/base64.h"

#define PREFIX "/net/pods"
#define MAX_KEYS 8

struct etcd_test {
	struct control *c;
	struct evhttp *http;
	uint16_t port;
	struct evhttp_request *watch;
	unsigned int n_keys;
	struct {
		char key[64], value[128];
	} keys[MAX_KEYS];
};

// --- the gateway: what is stored, and one watch

static void
add_kv(struct evbuffer *buffer, const char *key, const char *value)
{
	char path[128], *key64, *value64;

	snprintf(path, sizeof(path), PREFIX "/%s", key);
	key64 = base64_encode(path, strlen(path));
	value64 = base64_encode(value, strlen(value));
	evbuffer_add_printf(buffer, "{\"key\":\"%s\",\"value\":\"%s\"}", key64, value64);
	free(key64);
	free(value64);
}

static void
on_range(struct evhttp_request *request, void *arg)
{
	struct etcd_test *test = arg;
	struct evbuffer *answer = evbuffer_new();

	evbuffer_add_printf(answer, "{\"header\":{\"revision\":\"1\"},\"kvs\":[");
	for (unsigned int i = 0; i < test->n_keys; i++) {
		evbuffer_add_printf(answer, "%s", i > 0 ? "," : "");
		add_kv(answer, test->keys[i].key, test->keys[i].value);
	}
	evbuffer_add_printf(answer, "]}");
	evhttp_send_reply(request, 200, NULL, answer);
	evbuffer_free(answer);
}

static void
on_closed(struct evhttp_connection *connection, void *arg)
{
	((struct etcd_test *)arg)->watch = NULL;
}

static void
on_watch(struct evhttp_request *request, void *arg)
{
	struct etcd_test *test = arg;

	test->watch = request;
	evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_closed, test);
	evhttp_send_reply_start(request, 200, NULL);
}

static void
tell(struct etcd_test *test, const char *type, const char *key, const char *value)
{
	struct evbuffer *chunk = evbuffer_new();

	assert_non_null(test->watch);
	evbuffer_add_printf(chunk, "{\"result\":{\"events\":[{\"type\":\"%s\",\"kv\":", type);
	add_kv(chunk, key, value);
	evbuffer_add_printf(chunk, "}]}}\n");
	evhttp_send_reply_chunk(test->watch, chunk);
	evbuffer_free(chunk);
}

static unsigned int
index_of(const struct etcd_test *test, const char *key)
{
	unsigned int i = 0;

	while (i < test->n_keys && strcmp(test->keys[i].key, key) != 0)
		i++;
	return i;
}

static void
store(struct etcd_test *test, const char *key, const char *value)
{
	const unsigned int i = index_of(test, key);

	assert_true(i < MAX_KEYS);
	test->n_keys += i == test->n_keys;
	snprintf(test->keys[i].key, sizeof(test->keys[i].key), "%s", key);
	snprintf(test->keys[i].value, sizeof(test->keys[i].value), "%s", value);
	if (test->watch != NULL)
		tell(test, "PUT", key, value);
}

static void
erase(struct etcd_test *test, const char *key)
{
	const unsigned int i = index_of(test, key);

	assert_true(i < test->n_keys);
	test->keys[i] = test->keys[--test->n_keys];
	tell(test, "DELETE", key, "");
}

static void
store_lease(struct etcd_test *test, const char *subnet, const char *address)
{
	char key[64], value[128];

	snprintf(key, sizeof(key), "subnets/%s", subnet);
	snprintf(value, sizeof(value), "{\"PublicIP\":\"%s\",\"BackendType\":\"udp\"}", address);
	store(test, key, value);
}

static struct evhttp *
listen_anywhere(struct etcd_test *test)
{
	struct evhttp *http = evhttp_new(test->c->d->base);
	struct evhttp_bound_socket *bound =
		evhttp_bind_socket_with_handle(http, "127.0.0.1", test->port);
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	assert_non_null(bound);
	getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &length);
	test->port = ntohs(address.sin_port);
	evhttp_set_cb(http, "/v3/kv/range", on_range, test);
	evhttp_set_cb(http, "/v3/watch", on_watch, test);
	return http;
}

static void
start(struct etcd_test *test)
{
	control_start(test->c, true);
	test->http = listen_anywhere(test);
}

static void
stop(struct etcd_test *test)
{
	evhttp_free(test->http);
	test->watch = NULL;
	control_stop(test->c);
}

static int
setup(void **state)
{
	struct etcd_test *test = calloc(1, sizeof(*test));
	struct options *options;
	void *c;

	control_setup(&c);
	test->c = c;
	options = &test->c->options;
	test->http = listen_anywhere(test); // finds a free port
	stop(test);
	strcpy(options->etcd_prefix, PREFIX);
	snprintf(options->etcd_endpoints, sizeof(options->etcd_endpoints), "http://127.0.0.1:%u",
		test->port);
	store(test, "config", "{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"udp\"}}");
	store_lease(test, "10.244.1.0-24", "192.0.2.1"); // this node
	store_lease(test, "10.244.2.0-24", "192.0.2.2");
	start(test);
	*state = test;
	return 0;
}

static int
teardown(void **state)
{
	struct etcd_test *test = *state;
	void *c = test->c;

	evhttp_free(test->http);
	free(test);
	return control_teardown(&c);
}

// --- what the tree has

static cJSON *
route_to(struct etcd_test *test, const char *prefix)
{
	char params[128];
	cJSON *answer, *result;

	snprintf(params, sizeof(params), "{\"prefix\":\"%s\"}", prefix);
	answer = control_call(test->c, "route.get", params);
	result = cJSON_DetachItemFromObject(answer, "result");
	cJSON_Delete(answer);
	return result;
}

// "" when there is none.
static void
origin_of(struct etcd_test *test, const char *prefix, char origin[32])
{
	cJSON *route = route_to(test, prefix);

	snprintf(origin, 32, "%s", route != NULL ? json_text(route, "origin") : "");
	cJSON_Delete(route);
}

static void
wait_origin(struct etcd_test *test, const char *prefix, const char *expected)
{
	const uint64_t end = causewayd_now_ms() + 20000;
	char origin[32];

	do {
		event_base_loop(test->c->d->base, EVLOOP_NONBLOCK);
		origin_of(test, prefix, origin);
		if (causewayd_now_ms() > end)
			fail_msg("%s is \"%s\", not \"%s\"", prefix, origin, expected);
	} while (strcmp(origin, expected) != 0);
}

static int
count_ours(void *arg, struct object *object)
{
	*(unsigned int *)arg += object->origin == ORIGIN_LEASE;
	return 0;
}

static void
expect_counts(
	struct etcd_test *test, unsigned int vteps, unsigned int nexthops, unsigned int routes)
{
	unsigned int found[3] = {0};

	objects_each(test->c->d->objects, OBJECT_VTEP, count_ours, &found[0]);
	objects_each(test->c->d->objects, OBJECT_NEXTHOP, count_ours, &found[1]);
	objects_each(test->c->d->objects, OBJECT_ROUTE, count_ours, &found[2]);
	assert_int_equal(found[0], vteps);
	assert_int_equal(found[1], nexthops);
	assert_int_equal(found[2], routes);
}

static void
wait_watch(struct etcd_test *test)
{
	const uint64_t end = causewayd_now_ms() + 20000;

	while (test->watch == NULL) {
		event_base_loop(test->c->d->base, EVLOOP_NONBLOCK);
		assert_true(causewayd_now_ms() < end);
	}
}

static void
test_leases_become_tunnels(void **state)
{
	struct etcd_test *test = *state;
	const struct vtep *vtep;
	const struct nexthop *nexthop;
	cJSON *route;

	wait_origin(test, "10.244.2.0/24", "lease:flannel");
	expect_counts(test, 1, 1, 1);
	vtep = vtep_find(test->c->d->objects, "flannel-udp");
	assert_non_null(vtep);
	assert_int_equal(vtep->kind, CW_TUNNEL_UDP);
	assert_int_equal(vtep->udp_port, 8285);
	assert_memory_equal(vtep->address.addr, ((uint8_t[]){192, 0, 2, 1}), 4);
	assert_int_equal(vtep->n_own, 1);
	assert_memory_equal(vtep->own[0].addr, ((uint8_t[]){10, 244, 1, 0}), 4);
	assert_int_equal(vtep->object.state, OBJECT_READY);
	route = route_to(test, "10.244.2.0/24");
	nexthop = nexthop_by_id(
		test->c->d->objects, (uint32_t)cJSON_GetObjectItem(route, "nexthop")->valuedouble);
	cJSON_Delete(route);
	assert_non_null(nexthop);
	assert_int_equal(nexthop->kind, CW_NEXTHOP_TUNNEL);
	assert_int_equal(nexthop->vtep, vtep->id);
	assert_memory_equal(nexthop->via.addr, ((uint8_t[]){192, 0, 2, 2}), 4);
}

static void
test_nodes_come_and_go(void **state)
{
	struct etcd_test *test = *state;

	wait_origin(test, "10.244.2.0/24", "lease:flannel");
	wait_watch(test);
	store_lease(test, "10.244.3.0-24", "192.0.2.3");
	store_lease(test, "10.244.4.0-24", "192.0.2.3"); // a second one of the same node
	wait_origin(test, "10.244.4.0/24", "lease:flannel");
	wait_origin(test, "10.244.3.0/24", "lease:flannel");
	expect_counts(test, 1, 2, 3);
	erase(test, "subnets/10.244.3.0-24");
	wait_origin(test, "10.244.3.0/24", "");
	expect_counts(test, 1, 2, 2);
	erase(test, "subnets/10.244.4.0-24");
	wait_origin(test, "10.244.4.0/24", "");
	expect_counts(test, 1, 1, 1);
	// This node's own goes: nothing may be sent in its name.
	erase(test, "subnets/10.244.1.0-24");
	wait_origin(test, "10.244.2.0/24", "");
	expect_counts(test, 0, 0, 0);
}

static void
test_other_backends_are_the_kernels(void **state)
{
	struct etcd_test *test = *state;

	wait_origin(test, "10.244.2.0/24", "lease:flannel");
	wait_watch(test);
	store(test, "subnets/10.244.5.0-24",
		"{\"PublicIP\":\"192.0.2.5\",\"BackendType\":\"vxlan\"}");
	store_lease(test, "10.244.6.0-24", "192.0.2.6");
	wait_origin(test, "10.244.6.0/24", "lease:flannel");
	wait_origin(test, "10.244.5.0/24", "");
	store(test, "config", "{\"Backend\":{\"Type\":\"host-gw\"}}");
	wait_origin(test, "10.244.6.0/24", "");
	expect_counts(test, 0, 0, 0);
}

static void
test_what_is_configured_wins(void **state)
{
	struct etcd_test *test = *state;

	wait_origin(test, "10.244.2.0/24", "lease:flannel");
	control_expect_ok(
		test->c, "route.set", "{\"prefix\":\"10.244.2.0/24\",\"kind\":\"blackhole\"}");
	wait_origin(test, "10.244.2.0/24", "static");
	wait_watch(test);
	store_lease(test, "10.244.3.0-24", "192.0.2.3"); // all is looked at again
	wait_origin(test, "10.244.3.0/24", "lease:flannel");
	wait_origin(test, "10.244.2.0/24", "static");
	control_expect_ok(test->c, "route.del", "{\"prefix\":\"10.244.2.0/24\"}");
	wait_origin(test, "10.244.2.0/24", "lease:flannel");
}

static void
test_a_vtep_of_the_same_address_is_used(void **state)
{
	struct etcd_test *test = *state;

	wait_origin(test, "10.244.2.0/24", "lease:flannel");
	wait_watch(test);
	erase(test, "subnets/10.244.1.0-24");
	wait_origin(test, "10.244.2.0/24", "");
	control_expect_ok(test->c, "vtep.add",
		"{\"name\":\"mine\",\"kind\":\"udp\",\"address\":\"192.0.2.1\",\"udp_port\":8285}");
	store_lease(test, "10.244.1.0-24", "192.0.2.1");
	wait_origin(test, "10.244.2.0/24", "lease:flannel");
	expect_counts(test, 0, 1, 1);
}

static void
test_a_restart_stores_nothing(void **state)
{
	struct etcd_test *test = *state;
	char origin[32];

	wait_origin(test, "10.244.2.0/24", "lease:flannel");
	stop(test);
	test->keys[index_of(test, "subnets/10.244.2.0-24")] = test->keys[--test->n_keys];
	store_lease(test, "10.244.9.0-24", "192.0.2.9");
	start(test);
	origin_of(test, "10.244.2.0/24", origin);
	assert_string_equal(origin, "");
	wait_origin(test, "10.244.9.0/24", "lease:flannel");
	expect_counts(test, 1, 1, 1);
}

static void
test_etcd_away(void **state)
{
	struct etcd_test *test = *state;
	cJSON *health, *leases;

	wait_origin(test, "10.244.2.0/24", "lease:flannel");
	evhttp_free(test->http);
	test->watch = NULL;
	do {
		event_base_loop(test->c->d->base, EVLOOP_NONBLOCK);
		health = control_expect(test->c, "health.get", "{}");
		leases = cJSON_DetachItemFromObject(health, "leases");
		cJSON_Delete(health);
		if (strcmp(json_text(leases, "state"), "lost") == 0)
			break;
		cJSON_Delete(leases);
	} while (true);
	assert_true(json_text(leases, "reason")[0] != '\0');
	cJSON_Delete(leases);
	wait_origin(test, "10.244.2.0/24", "lease:flannel"); // what was read stays in force
	store_lease(test, "10.244.3.0-24", "192.0.2.3");
	test->http = listen_anywhere(test);
	wait_origin(test, "10.244.3.0/24", "lease:flannel");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_leases_become_tunnels),
		TEST(test_nodes_come_and_go),
		TEST(test_other_backends_are_the_kernels),
		TEST(test_what_is_configured_wins),
		TEST(test_a_vtep_of_the_same_address_is_used),
		TEST(test_a_restart_stores_nothing),
		TEST(test_etcd_away),
	};

	if (!control_enter_namespace())
		return 0;
	// evhttp listens where IPv4 is in use beyond lo.
	if (system("ip link set lo up && ip link add node type bridge && ip link set node up &&"
		   " ip addr add 192.0.2.1/24 dev node")
		!= 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
