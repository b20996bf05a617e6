/* SPDX-License-Identifier: Apache-2.0 */

// Helpers of drivers/host against the kernel, in namespaces of the test's own. Needs root.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "ethtool.h"
#include "link.h"
#include "netns.h"
#include "packet_socket.h"
#include "route.h"
#include "sysctl.h"
#include "tap.h"
#include "veth.h"
#include "xsk.h"

static const uint8_t pod_mac[6] = {0x02, 1, 2, 3, 4, 5};

static void *
make_namespace(void *arg)
{
	int *fd = arg;

	if (unshare(CLONE_NEWNET) == 0)
		*fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return NULL;
}

// A namespace that lives as long as its descriptor.
static int
namespace_new(void)
{
	pthread_t thread;
	int fd = -1;

	assert_int_equal(pthread_create(&thread, NULL, make_namespace, &fd), 0);
	pthread_join(thread, NULL);
	assert_true(fd >= 0);
	return fd;
}

static struct nl_sock *
socket_in(int netns)
{
	struct netns_guard guard;
	struct nl_sock *sock;

	assert_int_equal(netns_enter(&guard, netns), 0);
	assert_int_equal(netlink_open(&sock), 0);
	netns_leave(&guard);
	return sock;
}

static struct cw_ip
ip(const char *text, uint8_t prefix)
{
	struct cw_ip ip = {.family = strchr(text, ':') != NULL ? 6 : 4, .prefix = prefix};

	assert_int_equal(inet_pton(ip.family == 4 ? AF_INET : AF_INET6, text, ip.addr), 1);
	return ip;
}

struct pod {
	int netns;
	struct nl_sock *own, *sock;
};

static int
setup(void **state)
{
	struct pod *pod = calloc(1, sizeof(*pod));

	if (geteuid() != 0)
		return -1;
	pod->netns = namespace_new();
	pod->sock = socket_in(pod->netns);
	assert_int_equal(netlink_open(&pod->own), 0);
	*state = pod;
	return 0;
}

static int
teardown(void **state)
{
	struct pod *pod = *state;

	netlink_close(pod->own);
	netlink_close(pod->sock);
	if (pod->netns >= 0)
		close(pod->netns);
	free(pod);
	return 0;
}

static void
test_netns_identity(void **state)
{
	struct pod *pod = *state;
	struct netns_id own, there, back;
	struct netns_guard guard;
	char path[64];
	int fd, file = open("/dev/null", O_RDONLY);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", pod->netns);
	assert_int_equal(netns_own(&own), 0);
	assert_int_equal(netns_identify(pod->netns, &there), 0);
	assert_false(netns_equal(&own, &there));
	assert_int_equal(netns_enter(&guard, pod->netns), 0);
	assert_int_equal(netns_own(&back), 0);
	assert_true(netns_equal(&back, &there));
	netns_leave(&guard);
	assert_int_equal(netns_own(&back), 0);
	assert_true(netns_equal(&back, &own));

	fd = netns_reopen(path, &there);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(netns_reopen(path, &own), -ENOENT);
	assert_int_equal(netns_reopen("/nonexistent", &own), -ENOENT);
	assert_int_equal(netns_open("/dev/null"), -EINVAL);
	assert_int_equal(netns_check(file), -EINVAL);
	assert_int_equal(netns_enter(&guard, file), -EINVAL);
	close(file);
}

// Makes a tap in our namespace and moves it to the pod's.
static int
tap_in_pod(struct pod *pod, const char *name, unsigned int n, int *fds)
{
	char temporary[IFNAMSIZ] = "cwtest%d";
	struct link_info link;
	int ret;

	assert_int_equal(tap_create(TAP_NODE, temporary, n, fds), 0);
	assert_int_equal(link_find(pod->own, temporary, &link), 0);
	assert_string_equal(link.kind, "tun");
	ret = link_move(pod->own, link.ifindex, pod->netns, name);
	if (ret < 0)
		for (unsigned int i = 0; i < n; i++)
			close(fds[i]);
	return ret;
}

static void
test_tap_moves_and_outlives_its_descriptors(void **state)
{
	struct pod *pod = *state;
	struct link_info link;
	struct netns_guard guard;
	struct netns_id there, device;
	char name[IFNAMSIZ] = "eth0";
	int fds[4], again[4], extra, ns;

	assert_int_equal(tap_in_pod(pod, "eth0", 4, fds), 0);
	assert_int_equal(tap_persist(fds[0], true), 0);
	assert_int_equal(link_find(pod->own, "eth0", &link), -ENODEV);
	assert_int_equal(link_find(pod->sock, "eth0", &link), 0);
	assert_int_equal(link_change(pod->sock, link.ifindex,
				 &(struct link_settings){
					 .mac = pod_mac, .mtu = 1400, .alias = "causeway x"}),
		0);
	assert_int_equal(
		link_change(pod->sock, link.ifindex, &(struct link_settings){.set_flags = IFF_UP}),
		0);
	assert_int_equal(link_find(pod->sock, "eth0", &link), 0);
	assert_memory_equal(link.mac, pod_mac, 6);
	assert_int_equal(link.mtu, 1400);
	assert_string_equal(link.alias, "causeway x");
	assert_true((link.flags & IFF_UP) != 0);

	ns = tap_netns(fds[0]);
	assert_true(ns >= 0);
	assert_int_equal(netns_identify(ns, &device), 0);
	assert_int_equal(netns_identify(pod->netns, &there), 0);
	assert_true(netns_equal(&device, &there));
	close(ns);

	for (int i = 0; i < 4; i++)
		close(fds[i]);
	assert_int_equal(link_find(pod->sock, "eth0", &link), 0);
	assert_int_equal(netns_enter(&guard, pod->netns), 0);
	assert_int_equal(tap_attach(TAP_NODE, "eth0", 4, again), 0);
	assert_int_equal(tap_attach(TAP_NODE, "absent", 1, &extra), -ENODEV);
	assert_int_equal(tap_create(TAP_NODE, name, 1, &extra), -EBUSY);
	netns_leave(&guard);
	assert_int_equal(link_find(pod->sock, "absent", &link), -ENODEV);
	assert_int_equal(tap_persist(again[3], false), 0);
	for (int i = 0; i < 4; i++)
		close(again[i]);
	assert_int_equal(link_find(pod->sock, "eth0", &link), -ENODEV);
}

static void
test_move_refuses_a_name_that_is_taken(void **state)
{
	struct pod *pod = *state;
	struct link_info before, after;
	int first[1], second[1];

	assert_int_equal(tap_in_pod(pod, "eth0", 1, first), 0);
	assert_int_equal(link_find(pod->sock, "eth0", &before), 0);
	assert_int_equal(tap_in_pod(pod, "eth0", 1, second), -EEXIST);
	assert_int_equal(link_find(pod->sock, "eth0", &after), 0);
	assert_int_equal(after.ifindex, before.ifindex);
	close(first[0]);
}

// What a pod's end is known by when the pod dies: the namespace is not kept by our descriptors.
static void
test_tap_dies_with_its_namespace(void **state)
{
	struct pod *pod = *state;
	char name[IFNAMSIZ];
	int fds[1], tries = 0;

	assert_int_equal(tap_in_pod(pod, "eth0", 1, fds), 0);
	assert_int_equal(tap_persist(fds[0], true), 0);
	assert_int_equal(tap_name(fds[0], name), 0);
	assert_string_equal(name, "eth0");
	netlink_close(pod->sock);
	close(pod->netns);
	pod->sock = NULL;
	pod->netns = -1;
	// Namespaces are taken down by a kernel thread; nothing tells when.
	while (tap_name(fds[0], name) == 0 && tries++ < 3000)
		usleep(10000);
	assert_int_equal(tap_name(fds[0], name), -ENODEV);
	assert_int_equal(tap_netns(fds[0]), -ENODEV);
	close(fds[0]);
}

static int
count(void *arg, const struct cw_ip *address)
{
	++*(int *)arg;
	return 0;
}

static void
test_addresses_and_routes(void **state)
{
	struct pod *pod = *state;
	const struct cw_ip v4 = ip("10.1.0.5", 32), v6 = ip("fd00:1::5", 64);
	struct route_spec link_route = {.destination = ip("10.1.0.1", 32)},
			  v4_default = {.destination = ip("0.0.0.0", 0),
				  .gateway = ip("10.1.0.1", 0),
				  .gateway_on_link = true,
				  .mtu = 1300,
				  .priority = 7},
			  v6_default = {.destination = ip("::", 0), .gateway = ip("fd00:1::1", 0)},
			  sourced = {.destination = ip("10.2.0.0", 16), .source = v4};
	struct link_info link;
	int fds[1], n = 0;

	assert_int_equal(tap_in_pod(pod, "eth0", 1, fds), 0);
	assert_int_equal(link_find(pod->sock, "eth0", &link), 0);
	link_route.ifindex = v4_default.ifindex = v6_default.ifindex = sourced.ifindex =
		link.ifindex;
	assert_int_equal(address_add(pod->sock, link.ifindex, &v4), 0);
	assert_int_equal(address_add(pod->sock, link.ifindex, &v4), -EEXIST);
	assert_int_equal(address_add(pod->sock, link.ifindex, &v6), 0);
	assert_int_equal(
		link_change(pod->sock, link.ifindex, &(struct link_settings){.set_flags = IFF_UP}),
		0);
	assert_int_equal(route_add(pod->sock, &link_route), 0);
	assert_int_equal(route_add(pod->sock, &v4_default), 0);
	assert_int_equal(route_add(pod->sock, &v4_default), -EEXIST);
	assert_int_equal(route_add(pod->sock, &v6_default), 0);
	assert_int_equal(route_add(pod->sock, &sourced), 0);
	assert_int_equal(address_each(pod->sock, link.ifindex, count, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(route_delete(pod->sock, &sourced), 0);
	assert_int_equal(route_delete(pod->sock, &sourced), -ESRCH);
	assert_int_equal(route_delete(pod->sock, &v6_default), 0);
	assert_int_equal(address_delete(pod->sock, link.ifindex, &v4), 0);
	assert_int_equal(address_delete(pod->sock, link.ifindex, &v4), -EADDRNOTAVAIL);
	assert_int_equal(link_delete(pod->sock, link.ifindex), 0);
	assert_int_equal(link_delete(pod->sock, link.ifindex), -ENODEV);
	close(fds[0]);
}

static void
test_veth_and_its_sockets(void **state)
{
	struct pod *pod = *state;
	struct link_info host, peer;
	struct netns_guard guard;
	bool native;
	int fd, ret;

	assert_int_equal(veth_create(pod->own, "cwtestv0", pod->netns, "eth0", pod_mac, 1450), 0);
	assert_int_equal(
		veth_create(pod->own, "cwtestv1", pod->netns, "eth0", pod_mac, 1450), -EEXIST);
	assert_int_equal(link_find(pod->own, "cwtestv1", &host), -ENODEV);
	assert_int_equal(link_find(pod->own, "cwtestv0", &host), 0);
	assert_int_equal(link_find(pod->sock, "eth0", &peer), 0);
	assert_memory_equal(peer.mac, pod_mac, 6);
	assert_int_equal(host.mtu, 1450);
	assert_int_equal(peer.mtu, 1450);

	fd = packet_socket_open(host.ifindex);
	assert_true(fd >= 0);
	close(fd);
	fd = xsk_open(host.ifindex, &native);
	assert_true(fd >= 0);
	close(fd);
	fd = xsk_open(host.ifindex, &native); // in place of the first program
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(xsk_detach(host.ifindex), 0);
	assert_int_equal(xsk_detach(host.ifindex), 0);
	ret = stack_detach(host.ifindex);
	if (ret != 0)
		print_message(
			"# no traffic-control classifier in this kernel: %s\n", strerror(-ret));

	assert_int_equal(netns_enter(&guard, pod->netns), 0);
	ret = ethtool_offloads_off("eth0");
	if (ret == 0)
		ret = sysctl_interface("ipv4", "eth0", "arp_notify", "1");
	assert_int_equal(sysctl_interface("ipv4", "eth0", "no_such_key", "1"), -ENOENT);
	netns_leave(&guard);
	assert_int_equal(ret, 0);
	assert_int_equal(link_delete(pod->own, host.ifindex), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_netns_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_tap_moves_and_outlives_its_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_move_refuses_a_name_that_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tap_dies_with_its_namespace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addresses_and_routes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_veth_and_its_sockets, setup, teardown),
	};

	// Nothing of the test shows in the machine's own namespace.
	if (geteuid() == 0 && unshare(CLONE_NEWNET) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
