/* SPDX-License-Identifier: Apache-2.0 */

// Ports of kind vhost-user and memif: keys, what the data plane is told, pods' folders, listening
// sockets, and what restarts leave of them.

#include "control_pod.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <causeway/error.h>

#include "fail_point.h"
#include "netns.h"

#define KEY "\"container\":\"c1\",\"ifname\":\"net1\""
#define IPS "\"ips\":[{\"address\":\"10.1.0.5/16\",\"gateway\":\"10.1.0.1\"}]"

static void
assert_refused(cJSON *answer, const char *key, const char *words)
{
	const cJSON *error = cJSON_GetObjectItem(answer, "error");
	const cJSON *data = cJSON_GetObjectItem(error, "data");
	const char *message = json_text(error, "message");

	if (message == NULL || strstr(message, words) == NULL
		|| strcmp(json_text(data, "key"), key) != 0 || json_text(data, "hint") == NULL)
		fail_msg("%s", cJSON_PrintUnformatted(answer));
	cJSON_Delete(answer);
}

static const struct cw_port *
wire_port(struct pod *pod, uint8_t kind, const struct fake_dp_object **object)
{
	for (unsigned int n = 0;; n++) {
		const struct fake_dp_object *found = fake_dp_get(&pod->c->dp, CW_ITEM_PORT, n);

		assert_non_null(found);
		if (((const struct cw_port *)found->item)->kind != kind)
			continue;
		if (object != NULL)
			*object = found;
		return (const struct cw_port *)found->item;
	}
}

static const char *
in_run(struct pod *pod, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", pod->c->options.runtime_dir, name);
	return path;
}

static mode_t
mode_of(const char *path)
{
	struct stat status;

	return lstat(path, &status) < 0 ? 0 : status.st_mode & 07777;
}

// Returns 0 or -errno of connect().
static int
try_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(address);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), ret;

	strcpy(address.sun_path, path);
	if (path[0] == '@') {
		address.sun_path[0] = '\0';
		len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	}
	ret = connect(fd, (struct sockaddr *)&address, len) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static int
try_connect_in(int netns, const char *path)
{
	struct netns_guard guard;
	int ret;

	assert_int_equal(netns_enter(&guard, netns), 0);
	ret = try_connect(path);
	netns_leave(&guard);
	return ret;
}

static void
a_vhost_user_pod_gets_a_folder(void **state)
{
	struct pod *pod = *state;
	cJSON *endpoint = pod_add_ok(pod, KEY ",\"interface\":\"vhost-user\"," IPS);
	const struct cw_port *port = wire_port(pod, CW_PORT_VHOST_USER, NULL);
	char args[2 * CW_ARGS_LEN];

	assert_string_equal(json_text(endpoint, "socket"), in_run(pod, "pods/c1/net1.sock"));
	assert_string_equal(json_text(endpoint, "role"), "client");
	assert_string_equal(json_text(endpoint, "kind"), "vhost-user");
	snprintf(args, sizeof(args), "path=%s,role=client", in_run(pod, "pods/c1/net1.sock"));
	assert_string_equal(port->args, args);
	assert_int_equal(port->n_queues, 1);
	assert_int_equal(port->n_fds, 0);
	assert_int_equal(mode_of(in_run(pod, "pods/c1")), 0750);
	assert_int_equal(fake_dp_count(&pod->c->dp, CW_ITEM_ENDPOINT), 1);
	cJSON_Delete(endpoint);
	control_expect_ok(pod->c, "endpoint.del", "{" KEY "}");
	assert_int_equal(mode_of(in_run(pod, "pods/c1")), 0);
	assert_int_equal(fake_dp_count(&pod->c->dp, CW_ITEM_PORT), 1);
}

static void
all_keys_reach_the_driver(void **state)
{
	struct pod *pod = *state;
	const struct cw_port *port;
	char expected[2 * CW_ARGS_LEN];

	cJSON_Delete(pod_add_ok(pod, KEY
		",\"interface\":\"vhost-user\",\"role\":\"server\",\"iommu\":true,\"packed\":false,"
		"\"mode\":\"660\",\"group\":\"12\",\"owner\":\"34\",\"queues\":4"));
	port = wire_port(pod, CW_PORT_VHOST_USER, NULL);
	snprintf(expected, sizeof(expected),
		"path=%s,role=server,iommu=on,packed=off,mode=0660,owner=34,group=12",
		in_run(pod, "pods/c1/net1.sock"));
	assert_string_equal(port->args, expected);
	assert_int_equal(port->n_queues, 4);
	control_expect_ok(pod->c, "endpoint.del", "{" KEY "}");
	cJSON_Delete(pod_add_ok(pod,
		KEY ",\"interface\":\"memif\",\"role\":\"slave\",\"memif_id\":7,\"ring\":512,"
		    "\"buffer\":4096,\"secret\":\"open\""));
	port = wire_port(pod, CW_PORT_MEMIF, NULL);
	snprintf(expected, sizeof(expected),
		"path=%s,role=slave,id=7,ring=512,buffer=4096,secret=open",
		in_run(pod, "pods/c1/net1.sock"));
	assert_string_equal(port->args, expected);
	assert_int_equal(port->n_fds, 0);
}

static void
the_folder_belongs_to_whom_the_pod_says(void **state)
{
	struct pod *pod = *state;
	struct stat status;

	cJSON_Delete(pod_add_ok(
		pod, KEY ",\"interface\":\"vhost-user\",\"group\":\"12\",\"owner\":\"34\""));
	assert_int_equal(stat(in_run(pod, "pods/c1"), &status), 0);
	assert_int_equal(status.st_uid, 34);
	assert_int_equal(status.st_gid, 12);
	assert_int_equal(status.st_mode & 07777, 0770); // the pod makes the socket
}

static void
memif_listens_before_anyone_knows(void **state)
{
	struct pod *pod = *state;
	const struct fake_dp_object *object;
	struct stat status;
	char path[256];

	cJSON_Delete(pod_add_ok(pod,
		KEY ",\"interface\":\"memif\",\"owner\":\"34\",\"group\":\"12\",\"mode\":\"640\""));
	strcpy(path, in_run(pod, "pods/c1/net1.sock"));
	assert_int_equal(try_connect(path), 0);
	assert_int_equal(mode_of(path), 0640);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_uid, 34);
	assert_int_equal(status.st_gid, 12);
	assert_int_equal(wire_port(pod, CW_PORT_MEMIF, &object)->n_fds, 1);
	assert_int_equal(object->n_fds, 1);
	assert_int_equal(mode_of(in_run(pod, "pods/c1")), 0750); // the pod only connects
	control_expect_ok(pod->c, "endpoint.del", "{" KEY "}");
	assert_int_equal(mode_of(path), 0);
}

static void
abstract_sockets_are_the_pods(void **state)
{
	struct pod *pod = *state;
	const struct fake_dp_object *object;

	cJSON_Delete(pod_add_ok(pod, KEY ",\"interface\":\"memif\",\"socket\":\"@net1\""));
	assert_int_equal(try_connect_in(pod->netns, "@net1"), 0);
	assert_int_equal(try_connect("@net1"), -ECONNREFUSED);
	assert_int_equal(mode_of(in_run(pod, "pods/c1")), 0);
	control_expect_ok(pod->c, "endpoint.del", "{" KEY "}");
	cJSON_Delete(pod_add_ok(
		pod, KEY ",\"interface\":\"memif\",\"socket\":\"@net1\",\"role\":\"slave\""));
	wire_port(pod, CW_PORT_MEMIF, &object);
	assert_int_equal(object->n_fds, 1);
	assert_int_equal(netns_check(object->fds[0]), 0);
}

static void
descriptors_outlive_the_data_plane(void **state)
{
	struct pod *pod = *state;
	const struct fake_dp_object *object;
	uint64_t generation;

	cJSON_Delete(pod_add_ok(pod, KEY ",\"interface\":\"memif\""));
	generation = wire_port(pod, CW_PORT_MEMIF, NULL)->generation;
	fake_dp_hang_up(&pod->c->dp);
	fake_dp_forget(&pod->c->dp);
	control_run_until(pod->c, control_is_away);
	assert_int_equal(try_connect(in_run(pod, "pods/c1/net1.sock")), 0); // waits in the backlog
	control_connect_dp(pod->c);
	control_run_until(pod->c, control_is_ready);
	assert_int_equal(wire_port(pod, CW_PORT_MEMIF, &object)->generation, generation);
	assert_int_equal(object->n_fds, 1);
}

static void
causewayd_gets_descriptors_back(void **state)
{
	struct pod *pod = *state;
	uint64_t generation;

	cJSON_Delete(pod_add_ok(pod, KEY ",\"interface\":\"memif\",\"socket\":\"@net1\""));
	generation = wire_port(pod, CW_PORT_MEMIF, NULL)->generation;
	control_stop(pod->c);
	control_start(pod->c, true);
	assert_int_equal(wire_port(pod, CW_PORT_MEMIF, NULL)->generation, generation);
	assert_int_equal(try_connect_in(pod->netns, "@net1"), 0);
	control_stop(pod->c);
	fake_dp_forget(&pod->c->dp);
	control_start(pod->c, true);
	assert_int_not_equal(wire_port(pod, CW_PORT_MEMIF, NULL)->generation, generation);
	assert_int_equal(try_connect_in(pod->netns, "@net1"), 0);
}

static void
interfaces_share_the_folder(void **state)
{
	struct pod *pod = *state;

	cJSON_Delete(pod_add_ok(pod, KEY ",\"interface\":\"vhost-user\""));
	cJSON_Delete(pod_add_ok(
		pod, "\"container\":\"c1\",\"ifname\":\"net2\",\"interface\":\"memif\""));
	control_expect_ok(pod->c, "endpoint.del", "{" KEY "}");
	assert_int_equal(try_connect(in_run(pod, "pods/c1/net2.sock")), 0);
	control_expect_ok(pod->c, "endpoint.del", "{\"container\":\"c1\",\"ifname\":\"net2\"}");
	assert_int_equal(mode_of(in_run(pod, "pods/c1")), 0);
}

static void
what_a_pod_left_goes_without_following_it(void **state)
{
	struct pod *pod = *state;
	char command[1024], folder[256];

	cJSON_Delete(pod_add_ok(pod, KEY ",\"interface\":\"vhost-user\""));
	strcpy(folder, in_run(pod, "pods/c1"));
	snprintf(command, sizeof(command),
		"mkdir -p %s/a/b %s/../../precious && touch %s/a/b/c %s/../../precious/kept && "
		"ln -s %s/../../precious %s/a/link",
		folder, folder, folder, folder, folder, folder);
	assert_int_equal(system(command), 0);
	control_expect_ok(pod->c, "endpoint.del", "{" KEY "}");
	assert_int_equal(mode_of(folder), 0);
	assert_int_not_equal(mode_of(in_run(pod, "precious/kept")), 0);
}

static void
the_pods_uid_leads_to_its_folder(void **state)
{
	struct pod *pod = *state;
	char target[64] = "";

	cJSON_Delete(pod_add_ok(
		pod, KEY ",\"interface\":\"vhost-user\",\"pod\":{\"uid\":\"0123-4567\"}"));
	assert_true(readlink(in_run(pod, "pods/by-uid/0123-4567"), target, sizeof(target) - 1) > 0);
	assert_string_equal(target, "../c1");
	// A new sandbox of the pod takes the link over; the old one's end leaves it.
	cJSON_Delete(pod_add_ok(pod, "\"container\":\"c2\",\"ifname\":\"net1\",\"interface\":"
				     "\"vhost-user\",\"pod\":{\"uid\":\"0123-4567\"}"));
	control_expect_ok(pod->c, "endpoint.del", "{" KEY "}");
	memset(target, 0, sizeof(target));
	assert_true(readlink(in_run(pod, "pods/by-uid/0123-4567"), target, sizeof(target) - 1) > 0);
	assert_string_equal(target, "../c2");
	control_expect_ok(pod->c, "endpoint.del", "{\"container\":\"c2\",\"ifname\":\"net1\"}");
	assert_int_equal(mode_of(in_run(pod, "pods/by-uid/0123-4567")), 0);
}

static void
the_same_again_succeeds(void **state)
{
	struct pod *pod = *state;
	cJSON *first = pod_add_ok(pod, KEY ",\"interface\":\"memif\"," IPS);
	cJSON *second = pod_add_ok(pod, KEY ",\"interface\":\"memif\"," IPS);

	assert_true(cJSON_Compare(first, second, true));
	cJSON_Delete(first);
	cJSON_Delete(second);
	assert_int_equal(try_connect(in_run(pod, "pods/c1/net1.sock")), 0);
	assert_refused(pod_add(pod, KEY ",\"interface\":\"memif\",\"memif_id\":2," IPS), "ifname",
		"other content");
}

static void
a_failed_add_leaves_nothing(void **state)
{
	static const char *const steps[] = {"intent", "folder", "socket", "dataplane"};
	struct pod *pod = *state;

	for (unsigned int i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		fail_point_set(steps[i]);
		cJSON_Delete(pod_add(pod, KEY ",\"interface\":\"memif\""));
		fail_point_set(NULL);
		assert_int_equal(mode_of(in_run(pod, "pods/c1")), 0);
		assert_int_equal(objects_count(pod->c->d->objects, OBJECT_ENDPOINT), 0);
		assert_int_equal(pod->c->d->devices[2].n, 0);
	}
	cJSON_Delete(pod_add_ok(pod, KEY ",\"interface\":\"memif\""));
}

static void
a_refusing_data_plane_leaves_nothing(void **state)
{
	struct pod *pod = *state;

	pod->c->dp.refuse = CW_ITEM_PORT;
	cJSON_Delete(pod_add(pod, KEY ",\"interface\":\"vhost-user\""));
	assert_int_equal(mode_of(in_run(pod, "pods/c1")), 0);
	assert_int_equal(objects_count(pod->c->d->objects, OBJECT_ENDPOINT), 0);
}

static void
keys_are_judged_by_name(void **state)
{
	static const struct {
		const char *params, *key, *words;
	} cases[] = {
		{"\"kind\":\"null\",\"socket\":\"/x\"", "socket", "vhost-user and memif"},
		{"\"kind\":\"vhost-user\"", "socket", "needs a socket"},
		{"\"kind\":\"vhost-user\",\"socket\":\"x\"", "socket", "needs a socket"},
		{"\"kind\":\"vhost-user\",\"socket\":\"..\"", "socket", "no socket path"},
		{"\"kind\":\"vhost-user\",\"socket\":\"@x\"", "socket", "no socket path"},
		{"\"kind\":\"memif\",\"socket\":\"@\"", "socket", "no socket path"},
		{"\"kind\":\"memif\",\"socket\":\"/a,b\"", "socket", "comma"},
		{"\"kind\":\"vhost-user\",\"socket\":\"/x\",\"role\":\"master\"", "role",
			"cannot be master"},
		{"\"kind\":\"memif\",\"socket\":\"/x\",\"role\":\"client\"", "role",
			"cannot be client"},
		{"\"kind\":\"memif\",\"socket\":\"/x\",\"packed\":true", "packed", "vhost-user"},
		{"\"kind\":\"vhost-user\",\"socket\":\"/x\",\"ring\":64", "ring", "memif"},
		{"\"kind\":\"memif\",\"socket\":\"/x\",\"ring\":100", "ring", "100 slots"},
		{"\"kind\":\"memif\",\"socket\":\"/x\",\"ring\":16", "ring", "ring"},
		{"\"kind\":\"memif\",\"socket\":\"/x\",\"buffer\":1000", "buffer", "1000 bytes"},
		{"\"kind\":\"memif\",\"socket\":\"/x\",\"secret\":\"a,b\"", "secret", "comma"},
		{"\"kind\":\"memif\",\"socket\":\"/x\",\"mode\":\"689\"", "mode", "689"},
		{"\"kind\":\"memif\",\"socket\":\"/x\",\"group\":\"no-such\"", "group", "no-such"},
		{"\"kind\":\"vhost-user\",\"socket\":\"/x\",\"args\":\"a=b\"", "args", "args"},
		{"\"kind\":\"memif\",\"socket\":\"/no/such/folder/x\"", "socket", "does not exist"},
	};
	struct pod *pod = *state;
	char params[512];

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(params, sizeof(params), "{\"name\":\"p\",%s}", cases[i].params);
		assert_refused(
			control_call(pod->c, "port.add", params), cases[i].key, cases[i].words);
	}
	snprintf(params, sizeof(params),
		"{\"name\":\"p\",\"kind\":\"vhost-user\",\"socket\":\"/%0107d\"}", 0);
	assert_refused(control_call(pod->c, "port.add", params), "socket", "108 bytes");
	snprintf(params, sizeof(params),
		"\"container\":\"%0120d\",\"ifname\":\"net1\",\"interface\":\"vhost-user\"", 0);
	assert_refused(pod_add(pod, params), "container", "at most 107");
	assert_refused(
		pod_add(pod, KEY ",\"interface\":\"memif\",\"kind\":\"tap\""), "kind", "memif");
	assert_refused(
		pod_add(pod,
			"\"container\":\"by-uid\",\"ifname\":\"net1\",\"interface\":\"memif\""),
		"container", "by their UID");
	assert_int_equal(objects_count(pod->c->d->objects, OBJECT_PORT), 1);
}

static void
a_file_in_the_folder_has_any_name(void **state)
{
	struct pod *pod = *state;

	cJSON_Delete(pod_add_ok(pod, KEY ",\"interface\":\"memif\",\"socket\":\"memif-c1-net1\""));
	assert_int_equal(try_connect(in_run(pod, "pods/c1/memif-c1-net1")), 0);
	control_expect_ok(pod->c, "endpoint.del", "{" KEY "}");
	assert_int_equal(mode_of(in_run(pod, "pods/c1")), 0);
}

static void
a_port_of_ones_own(void **state)
{
	struct pod *pod = *state;
	char params[512], path[256];
	cJSON *port;

	strcpy(path, in_run(pod, "own.sock"));
	snprintf(params, sizeof(params),
		"{\"name\":\"p\",\"kind\":\"memif\",\"socket\":\"%s\",\"secret\":\"open\"}", path);
	port = control_expect(pod->c, "port.add", params);
	assert_string_equal(json_text(port, "secret"), "(hidden)");
	assert_string_equal(json_text(port, "role"), "master");
	cJSON_Delete(port);
	control_expect_ok(pod->c, "port.add", params);
	assert_int_equal(try_connect(path), 0);
	control_expect_ok(pod->c, "port.del", "{\"name\":\"p\"}");
	assert_int_equal(mode_of(path), 0);
}

static void
sockets_of_others_are_left_alone(void **state)
{
	struct pod *pod = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char params[512];

	strcpy(address.sun_path, in_run(pod, "own.sock"));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	snprintf(params, sizeof(params), "{\"name\":\"p\",\"kind\":\"memif\",\"socket\":\"%s\"}",
		address.sun_path);
	assert_refused(control_call(pod->c, "port.add", params), "socket", "another process");
	close(fd);
	assert_int_equal(chown(address.sun_path, 34, -1), 0);
	assert_refused(control_call(pod->c, "port.add", params), "socket", "another user's");
	assert_int_equal(chown(address.sun_path, geteuid(), -1), 0);
	control_expect_ok(pod->c, "port.add", params); // nobody's now
	control_expect_ok(pod->c, "port.del", "{\"name\":\"p\"}");
	fd = open(address.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_refused(control_call(pod->c, "port.add", params), "socket", "no socket");
	assert_int_equal(mode_of(address.sun_path), 0600);
}

static void
a_port_without_peer_is_down(void **state)
{
	struct pod *pod = *state;
	cJSON *port;

	pod->c->dp.ports_are_down = true;
	cJSON_Delete(pod_add_ok(pod, KEY ",\"interface\":\"vhost-user\""));
	port = control_expect(pod->c, "port.get", "{\"name\":\"c1-net1\"}");
	assert_string_equal(json_text(port, "state"), "down");
	assert_string_equal(json_text(port, "reason"), "nobody is connected");
	cJSON_Delete(port);
}

static void
the_peer_is_shown(void **state)
{
	struct pod *pod = *state;
	cJSON *ports, *stats, *queues;
	const cJSON *peer;

	cJSON_Delete(pod_add_ok(pod, KEY ",\"interface\":\"memif\""));
	ports = control_expect(pod->c, "port.list", "{}");
	peer = cJSON_GetObjectItem(cJSON_GetArrayItem(ports, 0), "peer");
	assert_int_equal(cJSON_GetObjectItem(peer, "connects")->valueint, 3);
	assert_int_equal(cJSON_GetObjectItem(peer, "mtu")->valueint, 9000);
	assert_string_equal(json_text(peer, "features"), "packed,csum");
	assert_null(cJSON_GetObjectItem(cJSON_GetArrayItem(ports, 1), "peer"));
	cJSON_Delete(ports);
	ports = control_expect(pod->c, "port.get", "{\"name\":\"c1-net1\"}");
	assert_non_null(cJSON_GetObjectItem(ports, "peer"));
	cJSON_Delete(ports);
	stats = control_expect(pod->c, "stats.get", "{\"port\":\"c1-net1\"}");
	queues = cJSON_GetObjectItem(
		cJSON_GetArrayItem(cJSON_GetObjectItem(stats, "ports"), 0), "queues");
	assert_int_equal(cJSON_GetArraySize(queues), 1);
	assert_int_equal(
		cJSON_GetObjectItem(cJSON_GetArrayItem(queues, 0), "kicks_sent")->valueint, 60);
	cJSON_Delete(stats);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, pod_setup, pod_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_vhost_user_pod_gets_a_folder),
		TEST(all_keys_reach_the_driver),
		TEST(the_folder_belongs_to_whom_the_pod_says),
		TEST(memif_listens_before_anyone_knows),
		TEST(abstract_sockets_are_the_pods),
		TEST(descriptors_outlive_the_data_plane),
		TEST(causewayd_gets_descriptors_back),
		TEST(interfaces_share_the_folder),
		TEST(what_a_pod_left_goes_without_following_it),
		TEST(the_pods_uid_leads_to_its_folder),
		TEST(the_same_again_succeeds),
		TEST(a_failed_add_leaves_nothing),
		TEST(a_refusing_data_plane_leaves_nothing),
		TEST(keys_are_judged_by_name),
		TEST(a_file_in_the_folder_has_any_name),
		TEST(a_port_of_ones_own),
		TEST(sockets_of_others_are_left_alone),
		TEST(a_port_without_peer_is_down),
		TEST(the_peer_is_shown),
	};

	if (!control_enter_namespace())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
