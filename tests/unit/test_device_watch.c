/* SPDX-License-Identifier: Apache-2.0 */
// Devices that tell their changes by an event descriptor, have peers, and count by queue.
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "descriptors.h"
#include "server/server_private.h"
#include "server_fixture.h"

static struct {
	struct port *port;
	int event_fd;
	struct port_peer peer;
	unsigned int asked; // for its state
} told;

static int
telling_open(struct port *port, const struct port_config *config, char *reason, size_t reason_len)
{
	const int error = fake_open(port, config, reason, reason_len);

	if (error != 0)
		return error;
	told.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	told.port = port;
	port->n_rx = 2;
	port->n_tx = 2;
	port->capabilities = 0;
	return 0;
}

static void
telling_close(struct port *port)
{
	close(told.event_fd);
	fake_close(port);
}

static enum cw_port_state
telling_state(struct port *port, char *reason, size_t reason_len)
{
	told.asked++;
	return fake_state(port, reason, reason_len);
}

static void
telling_peer(struct port *port, struct port_peer *out)
{
	*out = told.peer;
}

static int
telling_event_fd(struct port *port)
{
	return told.event_fd;
}

static void
telling_queue_stats(struct port *port, uint16_t queue, struct port_queue_stats *stats)
{
	*stats = (struct port_queue_stats){
		.rx_packets = 10u + queue,
		.rx_bytes = 20u + queue,
		.tx_packets = 30u + queue,
		.tx_bytes = 40u + queue,
		.tx_full = 50u + queue,
		.kicks_sent = 60u + queue,
		.kicks_received = 70u + queue,
	};
}

static const struct port_driver telling_driver = {
	.name = "telling",
	.kinds = 1u << CW_PORT_VHOST_USER,
	.open = telling_open,
	.close = telling_close,
	.rx = fake_rx,
	.tx = fake_tx,
	.wake_fd = fake_wake_fd,
	.state = telling_state,
	.queue_stats = telling_queue_stats,
	.peer = telling_peer,
	.event_fd = telling_event_fd,
};

static void
tell(void)
{
	const uint64_t one = 1;

	assert_int_equal(write(told.event_fd, &one, sizeof(one)), sizeof(one));
	peer_turn(&peer);
}

// The next event of port 2. The caller expects one.
static const struct cw_port_event *
next_event(void)
{
	const struct cw_port_event *event;

	do
		assert_true(peer_frame(&peer));
	while (peer.in->type != CW_EVENT
		|| ((const struct cw_item *)peer_item(&peer, 0))->type != CW_ITEM_PORT_EVENT);
	event = peer_item(&peer, 0);
	assert_int_equal(event->port, 2);
	return event;
}

static void
assert_no_event(void)
{
	peer_turn(&peer);
	assert_int_equal(recv(peer.fd, peer.in, sizeof(*peer.in), MSG_PEEK), -1);
}

static int
setup(void **state)
{
	server_setup_greeted(state);
	memset(&told, 0, sizeof(told));
	port_driver_register(&telling_driver);
	fake.state = CW_PORT_DOWN;
	assert_int_equal(peer_set(&peer, make_network(&a, 7)), 0);
	make_port(&a, 2, 7);
	a.port.kind = CW_PORT_VHOST_USER;
	assert_int_equal(peer_set(&peer, &a.item), 0);
	while (recv(peer.fd, peer.in, sizeof(*peer.in), MSG_PEEK) > 0)
		assert_true(peer_frame(&peer));
	return 0;
}

static void
a_change_of_state_is_told_at_once(void **state)
{
	fake.state = CW_PORT_UP;
	tell();
	assert_int_equal(next_event()->state, CW_PORT_UP);
	tell();
	assert_no_event();
	fake.state = CW_PORT_GONE;
	tell();
	assert_int_equal(next_event()->state, CW_PORT_GONE);
}

static void
a_change_of_the_peer_is_told(void **state)
{
	told.peer.connects = 2;
	tell();
	assert_int_equal(next_event()->state, CW_PORT_DOWN);
	tell();
	assert_no_event();
}

static void
it_is_not_polled(void **state)
{
	const unsigned int asked = told.asked;

	objects_poll_devices(server->objects);
	assert_int_equal(told.asked, asked);
	tell();
	assert_int_equal(told.asked, asked + 1);
}

static void
workers_see_what_a_peer_negotiated(void **state)
{
	const struct dp_port *before = dp_port_get(f->dp, 2);

	assert_int_equal(before->capabilities, 0);
	told.port->capabilities = PORT_TX_CHECKSUM | PORT_TX_TSO4;
	assert_int_equal(dp_port_get(f->dp, 2)->capabilities, 0);
	tell();
	assert_int_equal(dp_port_get(f->dp, 2)->capabilities, PORT_TX_CHECKSUM | PORT_TX_TSO4);
	before = dp_port_get(f->dp, 2);
	tell();
	assert_ptr_equal(dp_port_get(f->dp, 2), before);
}

static void
endpoints_stay_when_capabilities_change(void **state)
{
	assert_int_equal(peer_set(&peer, make_endpoint(&a, 2, 7)), 0);
	told.port->capabilities = PORT_TX_CHAINS;
	tell();
	assert_int_equal(dp_port_get(f->dp, 2)->n_ips, 1);
	assert_int_equal(dp_port_get(f->dp, 2)->capabilities, PORT_TX_CHAINS);
}

static void
a_reopened_device_is_watched_again(void **state)
{
	make_port(&a, 2, 7);
	a.port.kind = CW_PORT_VHOST_USER;
	a.port.generation = 2;
	assert_int_equal(peer_set(&peer, &a.item), 0);
	assert_int_equal(fake.closes, 1);
	assert_no_event(); // its own were before the reply
	fake.state = CW_PORT_UP;
	tell();
	assert_int_equal(next_event()->state, CW_PORT_UP);
}

static void
a_removed_device_is_not_watched(void **state)
{
	make_port(&a, 2, 7);
	peer_start(&peer, CW_DEL);
	peer_add(&peer, &a.item);
	peer_call(&peer);
	assert_int_equal(fake.closes, 1);
	peer_turn(&peer);
}

static void
the_node_shows_the_peer(void **state)
{
	const struct cw_item *item = NULL;
	bool bad = false;

	told.peer = (struct port_peer){.mtu = 9000, .n_queues = 4, .connects = 3};
	strcpy(told.peer.features, "packed,csum");
	tell();
	peer_start(&peer, CW_GET_NODE);
	peer_call(&peer);
	while ((item = cw_item_next(peer.in, item, &bad)) != NULL) {
		const struct cw_port_info *info = (const void *)item;

		if (item->type != CW_ITEM_PORT_INFO)
			continue;
		assert_int_equal(info->peer_mtu, 9000);
		assert_int_equal(info->peer_queues, 4);
		assert_int_equal(info->connects, 3);
		assert_string_equal(info->peer_features, "packed,csum");
		return;
	}
	fail_msg("no port in the answer");
}

static void
queues_are_counted(void **state)
{
	const struct cw_item *item = NULL;
	unsigned int n = 0;
	bool bad = false;

	peer_start(&peer, CW_GET_STATS);
	peer_call(&peer);
	while ((item = cw_item_next(peer.in, item, &bad)) != NULL) {
		const struct cw_queue_stats *stats = (const void *)item;

		if (item->type != CW_ITEM_QUEUE_STATS)
			continue;
		assert_int_equal(stats->port, 2);
		assert_int_equal(stats->queue, n);
		assert_int_equal(stats->rx_packets, 10 + n);
		assert_int_equal(stats->rx_bytes, 20 + n);
		assert_int_equal(stats->tx_packets, 30 + n);
		assert_int_equal(stats->tx_bytes, 40 + n);
		assert_int_equal(stats->tx_full, 50 + n);
		assert_int_equal(stats->kicks_sent, 60 + n);
		assert_int_equal(stats->kicks_received, 70 + n);
		n++;
	}
	assert_int_equal(n, 2);
}

// Descriptors that the process's table has room for; it only grows.
static unsigned long
table_size(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long size = 0;
	char line[256];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "FDSize: %lu", &size) == 1)
			break;
	if (file != NULL)
		fclose(file);
	return size;
}

static void
the_soft_descriptor_limit_goes_up(void **state)
{
	struct rlimit before, limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = (struct rlimit){.rlim_cur = 256, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_in_range(descriptors_raise_limit(), before.rlim_max, UINT64_MAX);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(limit.rlim_cur, limit.rlim_max);
	assert_in_range(table_size(), RTE_MIN(limit.rlim_cur, DESCRIPTORS_WANTED), UINT64_MAX);
}

// In a process of its own, which cannot take it back. Returns an exit status.
static int
raise_hard_limit(void)
{
	const struct rlimit low = {512, 512}, higher = {600, 600};

	if (setrlimit(RLIMIT_NOFILE, &low) != 0)
		return 1;
	if (setrlimit(RLIMIT_NOFILE, &higher) != 0)
		return descriptors_raise_limit() == low.rlim_cur ? 0 : 2;
	return descriptors_raise_limit() == DESCRIPTORS_WANTED ? 0 : 3;
}

static void
the_hard_descriptor_limit_goes_up_where_it_may(void **state)
{
	const pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		_exit(raise_hard_limit());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, server_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_change_of_state_is_told_at_once),
		TEST(a_change_of_the_peer_is_told),
		TEST(it_is_not_polled),
		TEST(workers_see_what_a_peer_negotiated),
		TEST(endpoints_stay_when_capabilities_change),
		TEST(a_reopened_device_is_watched_again),
		TEST(a_removed_device_is_not_watched),
		TEST(the_node_shows_the_peer),
		TEST(queues_are_counted),
		TEST(the_soft_descriptor_limit_goes_up),
		TEST(the_hard_descriptor_limit_goes_up_where_it_may),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
