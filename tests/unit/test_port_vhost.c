/* SPDX-License-Identifier: Apache-2.0 */

// vhost-user ports as far as no peer is needed: arguments, paths, features. What peers do is
// tests/functional's.

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <rte_vhost.h>

#include "port_fixture.h"
#include "vhost_arguments.h"
#include "vhost_features.h"
#include "vhost_path.h"

#define BIT(n) (1ull << (n))
#define REASON_LEN 256

static char folder[] = "/tmp/cw-vhost-XXXXXX";

static void
assert_arguments_refused(const char *text, const char *key)
{
	struct vhost_arguments arguments;
	char reason[REASON_LEN] = "";

	assert_int_equal(vhost_arguments_parse(text, &arguments, reason, sizeof(reason)), -EINVAL);
	if (strstr(reason, key) == NULL)
		fail_msg("\"%s\" does not name %s", reason, key);
}

static void
test_arguments_defaults(void **state)
{
	struct vhost_arguments a;
	char reason[REASON_LEN];

	assert_int_equal(vhost_arguments_parse("path=/run/a.sock", &a, reason, sizeof(reason)), 0);
	assert_string_equal(a.path, "/run/a.sock");
	assert_false(a.server);
	assert_false(a.iommu);
	assert_true(a.packed);
	assert_true(a.own_rings);
	assert_int_equal(a.mode, 0660);
	assert_int_equal(a.owner, (uid_t)-1);
	assert_int_equal(a.group, (gid_t)-1);
}

static void
test_arguments_all(void **state)
{
	struct vhost_arguments a;
	char reason[REASON_LEN];

	assert_int_equal(vhost_arguments_parse("role=server,path=/a,iommu=on,packed=off,mode=0600,"
					       "owner=8,group=7",
				 &a, reason, sizeof(reason)),
		0);
	assert_true(a.server);
	assert_true(a.iommu);
	assert_false(a.packed);
	assert_false(a.own_rings); // only librte_vhost knows the vIOMMU's translations
	assert_int_equal(a.mode, 0600);
	assert_int_equal(a.owner, 8);
	assert_int_equal(a.group, 7);
}

static void
test_arguments_refused(void **state)
{
	assert_arguments_refused(NULL, "path");
	assert_arguments_refused("", "path");
	assert_arguments_refused("role=client", "path");
	assert_arguments_refused("path=", "path");
	assert_arguments_refused("path=a", "path");
	assert_arguments_refused("path=/a,path=/b", "path");
	assert_arguments_refused("path", "path");
	assert_arguments_refused("path=/a,role=peer", "role");
	assert_arguments_refused("path=/a,iommu=1", "iommu");
	assert_arguments_refused("path=/a,packed", "packed");
	assert_arguments_refused("path=/a,rings=none", "rings");
	assert_arguments_refused("path=/a,mode=1000", "mode");
	assert_arguments_refused("path=/a,mode=-1", "mode");
	assert_arguments_refused("path=/a,mode=8", "mode");
	assert_arguments_refused("path=/a,group=4294967295", "group");
	assert_arguments_refused("path=/a,group=", "group");
	assert_arguments_refused("path=/a,colour=red", "colour");
}

static void
test_path_length(void **state)
{
	char text[160] = "path=/", reason[REASON_LEN];
	struct vhost_arguments a;

	memset(text + 6, 'x', 106);
	assert_int_equal(vhost_arguments_parse(text, &a, reason, sizeof(reason)), 0);
	assert_int_equal(strlen(a.path), 107);
	memset(text + 6, 'x', 107);
	assert_arguments_refused(text, "path");
}

static int
bind_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void
in_folder(char *path, size_t room, const char *name)
{
	assert_true((size_t)snprintf(path, room, "%s/%s", folder, name) < room);
}

static struct vhost_arguments
server_at(const char *path)
{
	struct vhost_arguments a = {
		.server = true, .mode = 0640, .owner = (uid_t)-1, .group = (gid_t)-1};

	snprintf(a.path, sizeof(a.path), "%s", path);
	return a;
}

static int
prepare(const char *path, uid_t owner, char *reason)
{
	struct vhost_arguments a = server_at(path);

	a.owner = owner;
	return vhost_path_prepare(&a, reason, REASON_LEN);
}

static void
test_path_stale_socket_goes(void **state)
{
	char path[64], reason[REASON_LEN];

	in_folder(path, sizeof(path), "stale");
	close(bind_socket(path));
	assert_int_equal(prepare(path, (uid_t)-1, reason), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(prepare(path, (uid_t)-1, reason), 0); // nothing there
}

static void
test_path_live_socket_stays(void **state)
{
	char path[64], reason[REASON_LEN] = "";
	int fd;

	in_folder(path, sizeof(path), "live");
	fd = bind_socket(path);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(prepare(path, (uid_t)-1, reason), -EADDRINUSE);
	assert_non_null(strstr(reason, path));
	assert_int_equal(access(path, F_OK), 0);
	close(fd);
	unlink(path);
}

static void
test_path_others_stay(void **state)
{
	struct port_fixture *f = *state;
	char path[64], reason[REASON_LEN] = "";

	in_folder(path, sizeof(path), "folder");
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(prepare(path, (uid_t)-1, reason), -EEXIST);
	assert_int_equal(rmdir(path), 0);
	in_folder(path, sizeof(path), "none/socket");
	assert_int_equal(prepare(path, (uid_t)-1, reason), -ENOENT);
	SKIP_UNLESS_ROOT(f);
	in_folder(path, sizeof(path), "other");
	close(bind_socket(path));
	assert_int_equal(chown(path, 4711, 4711), 0);
	assert_int_equal(prepare(path, (uid_t)-1, reason), -EPERM);
	assert_non_null(strstr(reason, "4711"));
	assert_int_equal(prepare(path, 4712, reason), -EPERM);
	assert_int_equal(prepare(path, 4711, reason), 0); // as it would be left by us
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_path_mode_and_owner(void **state)
{
	struct port_fixture *f = *state;
	char path[64], reason[REASON_LEN] = "";
	struct vhost_arguments a;
	struct stat status;

	in_folder(path, sizeof(path), "mode");
	a = server_at(path);
	close(bind_socket(path));
	assert_int_equal(vhost_path_own(&a, reason, sizeof(reason)), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0640);
	assert_int_equal(status.st_uid, geteuid());
	unlink(path);
	assert_int_equal(vhost_path_own(&a, reason, sizeof(reason)), -ENOENT);
	assert_non_null(strstr(reason, path));
	SKIP_UNLESS_ROOT(f);
	close(bind_socket(path));
	a.owner = 4711;
	a.group = 4712;
	assert_int_equal(vhost_path_own(&a, reason, sizeof(reason)), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_uid, 4711);
	assert_int_equal(status.st_gid, 4712);
	assert_int_equal(status.st_mode & 0777, 0640);
	unlink(path);
}

static void
test_features_offered(void **state)
{
	const uint64_t tso = BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6);
	struct vhost_arguments a = {.packed = true, .own_rings = true};
	uint64_t features = vhost_features_offered(&a, 1);
	const unsigned int never[] = {VIRTIO_NET_F_HOST_UFO, VIRTIO_NET_F_GUEST_UFO,
		VIRTIO_NET_F_HOST_ECN, VIRTIO_NET_F_GUEST_ECN, VHOST_F_LOG_ALL};

	for (size_t i = 0; i < RTE_DIM(never); i++)
		assert_int_equal(features & BIT(never[i]), 0);
	assert_true((features & BIT(VIRTIO_F_RING_PACKED)) != 0);
	assert_true((features & BIT(VIRTIO_NET_F_MTU)) != 0);
	assert_true((features & tso) == tso);
	assert_int_equal(features & BIT(VIRTIO_NET_F_MQ), 0);
	assert_int_equal(features & BIT(VIRTIO_F_IOMMU_PLATFORM), 0);
	assert_true((vhost_features_offered(&a, 2) & BIT(VIRTIO_NET_F_MQ)) != 0);
	a = (struct vhost_arguments){.iommu = true};
	features = vhost_features_offered(&a, 1);
	assert_true((features & BIT(VIRTIO_F_IOMMU_PLATFORM)) != 0);
	assert_int_equal(features & (BIT(VIRTIO_F_RING_PACKED) | tso), 0);
}

static void
test_features_capabilities(void **state)
{
	const uint64_t csum = BIT(VIRTIO_NET_F_GUEST_CSUM), tso4 = BIT(VIRTIO_NET_F_GUEST_TSO4),
		       tso6 = BIT(VIRTIO_NET_F_GUEST_TSO6);

	assert_int_equal(vhost_features_capabilities(0), 0);
	assert_int_equal(vhost_features_capabilities(csum), PORT_TX_CHECKSUM);
	assert_int_equal(vhost_features_capabilities(csum | tso4), PORT_TX_CHECKSUM | PORT_TX_TSO4);
	assert_int_equal(vhost_features_capabilities(csum | tso4 | tso6),
		PORT_TX_CHECKSUM | PORT_TX_TSO4 | PORT_TX_TSO6);
	assert_int_equal(vhost_features_capabilities(tso4 | tso6), 0); // nothing without csum
	// What the guest may leave unfinished says nothing of what it takes.
	assert_int_equal(
		vhost_features_capabilities(BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4)),
		0);
}

static void
test_features_refuse(void **state)
{
	const uint64_t csum = BIT(VIRTIO_NET_F_GUEST_CSUM), tso4 = BIT(VIRTIO_NET_F_GUEST_TSO4),
		       tso6 = BIT(VIRTIO_NET_F_GUEST_TSO6);
	const uint64_t unfinished = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM;
	struct rte_mbuf m = {.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD};

	assert_false(vhost_features_refuse(0, &m));
	m.ol_flags = unfinished;
	assert_true(vhost_features_refuse(0, &m));
	assert_false(vhost_features_refuse(csum, &m));
	m.ol_flags = unfinished | RTE_MBUF_F_TX_TCP_SEG;
	assert_true(vhost_features_refuse(csum | tso6, &m));
	assert_false(vhost_features_refuse(csum | tso4, &m));
	m.ol_flags = RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG;
	assert_true(vhost_features_refuse(csum | tso4, &m));
	assert_false(vhost_features_refuse(csum | tso6, &m));
	m.ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_UDP_SEG;
	assert_true(vhost_features_refuse(csum | tso4 | tso6, &m));
}

static void
test_features_names(void **state)
{
	char text[128];

	vhost_features_names(~0ull, text, sizeof(text));
	assert_true(strlen(text) < sizeof(text) - 1); // all of them fit
	vhost_features_names(
		BIT(VIRTIO_F_RING_PACKED) | BIT(VIRTIO_NET_F_GUEST_TSO6), text, sizeof(text));
	assert_string_equal(text, "packed,tso6");
	vhost_features_names(0, text, sizeof(text));
	assert_string_equal(text, "");
}

static struct port_config
config_of(const struct port_fixture *f, const char *args)
{
	struct port_config config = make_config(f, CW_PORT_VHOST_USER, NULL, 0);

	config.args = args;
	config.n_queues = 2;
	return config;
}

static void
test_port_without_a_peer(void **state)
{
	char args[128], reason[REASON_LEN] = "";
	struct port_config config;
	struct rte_mbuf *m = NULL;
	enum port_tx_stop stop = PORT_TX_FULL;
	struct port_peer peer;
	struct port *port;

	snprintf(args, sizeof(args), "path=%s/alone,role=server", folder);
	config = config_of(*state, args);
	port = open_port(&config);
	assert_int_equal(port->n_rx, 2);
	assert_int_equal(port->n_tx, 2);
	assert_int_equal(port->capabilities & PORT_TX_OFFLOADS, 0);
	assert_true((port->capabilities & PORT_RX_EDGE) != 0);
	assert_int_equal(port->driver->state(port, reason, sizeof(reason)), CW_PORT_DOWN);
	assert_non_null(strstr(reason, "waiting for a peer"));
	assert_int_equal(port_rx(port, 1, &m, 1), 0);
	assert_false(port->driver->rx_arm(port, 1));
	assert_true(port->driver->wake_fd(port, 1) >= 0);
	assert_int_equal(port_tx(port, 0, &m, 1, &stop), 0);
	assert_int_equal(stop, PORT_TX_DOWN);
	port->driver->peer(port, &peer);
	assert_int_equal(peer.connects, 0);
	assert_string_equal(peer.features, "");
	assert_refused(&config, -EEXIST); // the path is this port's
	port_close(port);
	assert_int_equal(access(strchr(args, '=') + 1, F_OK), -1);
	port = open_port(&config);
	port_close(port);
}

static void
test_port_bad_config(void **state)
{
	char args[128];
	struct port_config config;
	int fds[2];

	config = config_of(*state, "path=relative");
	assert_refused(&config, -EINVAL);
	snprintf(args, sizeof(args), "path=%s/never", folder);
	config = config_of(*state, args);
	config.n_queues = CW_MAX_QUEUES + 1;
	assert_refused(&config, -EINVAL);
	assert_int_equal(pipe(fds), 0);
	config = config_of(*state, args);
	config.fds = fds;
	config.n_fds = 1;
	assert_refused(&config, -EINVAL);
	close(fds[0]);
	close(fds[1]);
}

// More ports than librte_vhost has descriptors for are refused, and those refused leave nothing.
static void
test_port_limit(void **state)
{
	static struct port *ports[1100];
	char args[128], reason[REASON_LEN];
	struct rlimit limit;
	unsigned int n = 0;
	int error = 0;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max < 4 * RTE_DIM(ports)) {
		print_message("skipped: too few descriptors\n");
		skip();
	}
	for (; n < RTE_DIM(ports); n++) {
		struct port_config config = config_of(*state, args);

		config.n_queues = 1;
		snprintf(args, sizeof(args), "path=%s/client%u,rings=librte", folder, n);
		ports[n] = port_open(&config, &error, reason, sizeof(reason));
		if (ports[n] == NULL)
			break;
	}
	assert_in_range(n, 1000, 1023);
	assert_int_equal(error, -ENOSPC);
	while (n > 0)
		port_close(ports[--n]);
}

static int
set_up(void **state)
{
	return mkdtemp(folder) == NULL ? -1 : port_fixture_setup(state);
}

static int
tear_down(void **state)
{
	rmdir(folder);
	return port_fixture_teardown(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments_defaults),
		cmocka_unit_test(test_arguments_all),
		cmocka_unit_test(test_arguments_refused),
		cmocka_unit_test(test_path_length),
		cmocka_unit_test(test_path_stale_socket_goes),
		cmocka_unit_test(test_path_live_socket_stays),
		cmocka_unit_test(test_path_others_stay),
		cmocka_unit_test(test_path_mode_and_owner),
		cmocka_unit_test(test_features_offered),
		cmocka_unit_test(test_features_capabilities),
		cmocka_unit_test(test_features_refuse),
		cmocka_unit_test(test_features_names),
		cmocka_unit_test(test_port_without_a_peer),
		cmocka_unit_test(test_port_bad_config),
		cmocka_unit_test(test_port_limit),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
