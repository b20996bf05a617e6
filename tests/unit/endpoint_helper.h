/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_ENDPOINT_HELPER_H
#define TESTS_ENDPOINT_HELPER_H

// An endpoint of container c1 in a real namespace, asked for, looked at and deleted.

#include <stdlib.h>

#include "control_pod.h"
#include "netns.h"

#define ADDRESSING                                                         \
	"\"ips\":[{\"address\":\"10.1.0.5/16\",\"gateway\":\"10.1.0.1\"}," \
	"{\"address\":\"fd00:1::5/64\",\"gateway\":\"fd00:1::1\"}],"       \
	"\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"::/0\",\"mtu\":1300}]"
#define KEY "\"container\":\"c1\",\"ifname\":\"eth0\""

static inline void
add_refused(struct pod *pod, const char *params, int code)
{
	cJSON *answer = pod_add(pod, params);
	const cJSON *error = cJSON_GetObjectItem(answer, "error");

	if (error == NULL || cJSON_GetObjectItem(error, "code")->valueint != code)
		fail_msg("expected %d: %s", code, cJSON_PrintUnformatted(answer));
	cJSON_Delete(answer);
}

static inline void
del(struct pod *pod)
{
	control_expect_ok(pod->c, "endpoint.del", "{" KEY "}");
}

static inline int
in_pod(struct pod *pod, const char *command)
{
	struct netns_guard guard;
	int ret;

	assert_int_equal(netns_enter(&guard, pod->netns), 0);
	ret = system(command);
	netns_leave(&guard);
	return ret;
}

static inline void
assert_state(struct pod *pod, const char *expected)
{
	cJSON *endpoint = control_expect(pod->c, "endpoint.get", "{" KEY "}");

	assert_string_equal(json_text(endpoint, "state"), expected);
	cJSON_Delete(endpoint);
}

// Nothing but what was there before: lo in the pod; lo and the host port here.
static inline void
assert_nothing_left(struct pod *pod)
{
	struct control *c = pod->c;

	if (pod->netns >= 0)
		assert_int_equal(in_pod(pod, "test $(ip -o link | wc -l) = 1"), 0);
	assert_int_equal(system("test $(ip -o link | wc -l) = 2"), 0);
	assert_int_equal(objects_count(c->d->objects, OBJECT_ENDPOINT), 0);
	assert_int_equal(objects_count(c->d->objects, OBJECT_PORT), 1);
	for (uint32_t id = 2; id < CW_MAX_PORTS; id++)
		assert_int_equal(c->d->devices[id].n, 0);
	if (control_is_ready(c)) {
		assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_ENDPOINT), 0);
		assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_PORT), 1);
	}
}

static inline void
assert_configured(struct pod *pod)
{
	assert_int_equal(in_pod(pod, "ip -o -4 addr show dev eth0 | grep -q 10.1.0.5/16"), 0);
	assert_int_equal(
		in_pod(pod, "ip -o -6 addr show dev eth0 | grep -q 'fd00:1::5/64.*nodad'"), 0);
	assert_int_equal(in_pod(pod, "ip -4 route | grep -q 'default via 10.1.0.1 dev eth0'"), 0);
	assert_int_equal(
		in_pod(pod, "ip -6 route | grep -q 'default via fd00:1::1 dev eth0.*mtu 1300'"), 0);
	assert_int_equal(in_pod(pod, "ip link show dev eth0 up | grep -q 'mtu 1400'"), 0);
}

#endif
