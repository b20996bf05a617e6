/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include <sys/un.h>

#include "server_fixture.h"
#include "worker_control.h"

static int
count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
hello_is_answered_and_names_follow(void **state)
{
	const struct cw_hello *hello;
	const struct cw_name *name;

	peer_hello(&peer);
	hello = peer_item(&peer, 0);
	assert_int_equal(hello->magic, CW_WIRE_MAGIC);
	assert_int_equal(hello->version, CW_WIRE_VERSION);
	assert_memory_equal(hello->build, "causeway-dp", 11);
	assert_true(peer_frame(&peer));
	assert_int_equal(peer.in->type, CW_EVENT);
	name = peer_item(&peer, 0);
	assert_int_equal(name->item.type, CW_ITEM_NAME);
	assert_int_equal(name->kind, CW_NAME_STAGE);
	assert_string_equal(name->name, graph_stage(0)->name);
	assert_int_equal(peer.in->n_items, graph_n_stages() + graph_n_drops());
}

static void
another_version_is_told_ours(void **state)
{
	const struct cw_hello hello = {
		.item = {CW_ITEM_HELLO, sizeof(hello), 0},
		.magic = CW_WIRE_MAGIC,
		.version = CW_WIRE_VERSION + 1,
	};

	peer_start(&peer, CW_HELLO);
	peer_add(&peer, &hello.item);
	peer_call(&peer);
	assert_int_equal(((const struct cw_hello *)peer_item(&peer, 0))->version, CW_WIRE_VERSION);
	assert_false(peer_frame(&peer));
}

static void
the_first_frame_must_be_hello(void **state)
{
	peer_start(&peer, CW_GET_NODE);
	peer_send(&peer);
	assert_true(peer_is_closed(&peer));
}

static void
wrong_magic_closes(void **state)
{
	const struct cw_hello hello = {.item = {CW_ITEM_HELLO, sizeof(hello), 0}, .magic = 1};

	peer_start(&peer, CW_HELLO);
	peer_add(&peer, &hello.item);
	peer_send(&peer);
	assert_true(peer_is_closed(&peer));
}

static void
frames_may_come_in_pieces(void **state)
{
	const uint8_t *bytes;

	peer_start(&peer, CW_SET);
	peer_add(&peer, make_network(&a, 7));
	bytes = (const uint8_t *)peer.out;
	for (uint32_t i = 0; i < peer.out->length; i++)
		assert_true(peer_write(&peer, bytes + i, 1, NULL, 0));
	peer_reply(&peer);
	assert_int_equal(peer_status(&peer, 0), 0);
	assert_non_null(dp_network(f->dp, 7));
}

static void
each_item_has_its_status(void **state)
{
	const struct cw_status *status;

	peer_start(&peer, CW_SET);
	peer_add(&peer, make_network(&a, 7));
	peer_add(&peer, make_port(&a, 2, 8));
	peer_add(&peer, make_port(&a, 3, 7));
	peer_call(&peer);
	assert_int_equal(peer.in->n_items, 3);
	assert_int_equal(peer_status(&peer, 0), 0);
	assert_int_equal(peer_status(&peer, 2), 0);
	status = peer_item(&peer, 1);
	assert_int_equal(status->error, -ENOENT);
	assert_int_equal(status->index, 1);
	assert_int_equal(status->object, CW_ITEM_PORT);
	assert_string_equal(status->reason, "port network 8 does not exist");
	peer_start(&peer, CW_DEL);
	peer_add(&peer, make_port(&a, 3, 7));
	peer_add(&peer, make_port(&a, 9, 7));
	peer_call(&peer);
	assert_int_equal(peer_status(&peer, 0), 0);
	assert_int_equal(peer_status(&peer, 1), 0);
	assert_null(dp_port_get(f->dp, 3));
}

// A port with these descriptors; n is what the frame claims.
static void
start_port_with_fds(const int *fds, uint8_t n, uint64_t generation)
{
	struct cw_port *port;

	peer_start(&peer, CW_SET);
	port = peer_add(&peer, make_port(&a, 2, 7));
	port->n_fds = n;
	port->generation = generation;
	peer.out->n_fds = n;
	memcpy(peer.out_fds, fds, n * sizeof(fds[0]));
}

static void
descriptors_go_to_the_device(void **state)
{
	int fds[2], before;

	assert_int_equal(peer_set(&peer, make_network(&a, 7)), 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	before = count_fds();
	start_port_with_fds(fds, 2, 1);
	peer_call(&peer);
	assert_int_equal(peer_status(&peer, 0), 0);
	assert_int_equal(fake.n_fds, 2);
	assert_int_equal(count_fds(), before + 2);
	// The same object again: the fresh descriptors are closed.
	start_port_with_fds(fds, 2, 1);
	peer_call(&peer);
	assert_int_equal(peer_status(&peer, 0), 0);
	assert_int_equal(fake.opens, 1);
	assert_int_equal(count_fds(), before + 2);
	// They come back as duplicates.
	peer_start(&peer, CW_GET_PORT_FDS);
	peer_add(&peer, make_port(&a, 2, 7));
	peer_call(&peer);
	assert_int_equal(peer.in->n_fds, 2);
	assert_int_equal(peer.n_in_fds, 2);
	assert_int_equal(write(peer.in_fds[1], "x", 1), 1);
	close(peer.in_fds[0]);
	close(peer.in_fds[1]);
	close(fake.fds[0]);
	close(fake.fds[1]);
	// A device that does not open takes none.
	fake.error = -ENODEV;
	start_port_with_fds(fds, 2, 2);
	peer_call(&peer);
	assert_int_equal(peer_status(&peer, 0), -ENODEV);
	assert_int_equal(count_fds(), before);
	close(fds[0]);
	close(fds[1]);
}

static void
wrong_descriptors_close(void **state)
{
	int fds[2], before;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	peer_turn(&peer);
	before = count_fds();
	start_port_with_fds(fds, 1, 1);
	assert_true(peer_write(&peer, peer.out, peer.out->length, fds, 2));
	assert_true(peer_is_closed(&peer));
	assert_int_equal(count_fds(), before - 1); // the connection's own
	assert_int_equal(fake.opens, 0);
	close(fds[0]);
	close(fds[1]);
}

static void
missing_descriptors_close(void **state)
{
	const int fds[2] = {0, 0};

	start_port_with_fds(fds, 2, 1);
	assert_true(peer_write(&peer, peer.out, peer.out->length, NULL, 0));
	assert_true(peer_is_closed(&peer));
	assert_int_equal(fake.opens, 0);
}

static void
descriptors_within_a_frame_close(void **state)
{
	int fd = STDERR_FILENO, before = count_fds();

	peer_start(&peer, CW_SET);
	peer_add(&peer, make_network(&a, 7));
	assert_true(peer_write(&peer, peer.out, 40, NULL, 0));
	peer_write(&peer, (uint8_t *)peer.out + 40, peer.out->length - 40, &fd, 1);
	assert_true(peer_is_closed(&peer));
	assert_null(dp_network(f->dp, 7));
	assert_int_equal(count_fds(), before - 1);
}

static void
malformed_frames_change_nothing(void **state)
{
	peer_start(&peer, CW_SET);
	peer_add(&peer, make_network(&a, 7));
	peer_add(&peer, make_network(&a, 8));
	peer.out->n_items = 3;
	peer_send(&peer);
	assert_true(peer_is_closed(&peer));
	assert_null(dp_network(f->dp, 7));
}

static void
oversized_frames_close(void **state)
{
	peer_start(&peer, CW_SET);
	peer.out->length = CW_FRAME_MAX + 8;
	assert_true(peer_write(&peer, peer.out, sizeof(*peer.out), NULL, 0));
	assert_true(peer_is_closed(&peer));
}

static void
build_small_world(void)
{
	assert_int_equal(peer_set(&peer, make_network(&a, 7)), 0);
	assert_int_equal(peer_set(&peer, make_port(&a, 2, 7)), 0);
	assert_int_equal(peer_set(&peer, make_endpoint(&a, 2, 7)), 0);
	assert_int_equal(peer_set(&peer, make_port(&a, 3, 7)), 0);
	assert_int_equal(peer_set(&peer, make_endpoint(&a, 3, 7)), 0);
	assert_int_equal(peer_set(&peer, make_nexthop(&a, 5, 7, 2)), 0);
	assert_int_equal(peer_set(&peer, make_route(&a, 7, make_ip4(10, 99, 0, 0, 16), 5)), 0);
}

static void
an_epoch_is_applied_at_commit(void **state)
{
	const struct dp_port *port;

	build_small_world();
	port = dp_port_get(f->dp, 2);
	f->w->counters[2]->rx_packets = 42;
	peer_epoch(&peer, CW_BEGIN, 11);
	assert_int_equal(peer.in->n_items, 0);
	// In an order that only the whole epoch makes right.
	assert_int_equal(peer_set(&peer, make_route(&a, 7, make_ip4(10, 98, 0, 0, 16), 6)), 0);
	assert_int_equal(peer_set(&peer, make_nexthop(&a, 6, 7, 4)), 0);
	assert_int_equal(peer_set(&peer, make_endpoint(&a, 2, 7)), 0);
	assert_int_equal(peer_set(&peer, make_port(&a, 2, 7)), 0);
	assert_int_equal(peer_set(&peer, make_port(&a, 4, 7)), 0);
	assert_int_equal(peer_set(&peer, make_network(&a, 7)), 0);
	assert_null(dp_port_get(f->dp, 4)); // not yet
	assert_non_null(dp_port_get(f->dp, 3));
	peer_epoch(&peer, CW_COMMIT, 11);
	assert_int_equal(peer.in->n_items, 0);
	assert_ptr_equal(dp_port_get(f->dp, 2), port);
	assert_int_equal(f->w->counters[2]->rx_packets, 42);
	assert_non_null(dp_port_get(f->dp, 4));
	assert_null(dp_port_get(f->dp, 3)); // not named
	assert_null(neighbor_at(f->dp, 7, 3));
	assert_int_equal(fdb_port(f->dp, 7, 3), 0);
	assert_null(nexthop_get(f->dp->nexthops, 5));
	assert_int_equal(route_at(f->dp, 7, make_ip4(10, 98, 0, 1, 32)), 6);
	assert_int_equal(route_at(f->dp, 7, make_ip4(10, 99, 0, 1, 32)), LPM_MISS);
	assert_int_equal(fake.opens, 3);
	peer_start(&peer, CW_GET_NODE);
	peer_call(&peer);
	assert_int_equal(((const struct cw_node *)peer_item(&peer, 0))->epoch, 11);
	assert_int_equal(((const struct cw_node *)peer_item(&peer, 0))->ports, 2);
}

static void
a_lost_connection_changes_nothing(void **state)
{
	int fds[2], before;
	struct peer other;

	build_small_world();
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	peer_connect(&other, base, server);
	peer_hello(&other);
	before = count_fds();
	peer_epoch(&peer, CW_BEGIN, 12);
	assert_int_equal(peer_set(&peer, make_network(&a, 8)), 0);
	start_port_with_fds(fds, 2, 9);
	peer_call(&peer);
	assert_int_equal(count_fds(), before + 2); // put aside
	close(peer.fd);
	peer.fd = -1;
	peer_turn(&peer);
	assert_int_equal(count_fds(), before - 2);
	assert_null(dp_network(f->dp, 8));
	assert_non_null(dp_port_get(f->dp, 2));
	assert_non_null(dp_port_get(f->dp, 3));
	assert_int_equal(route_at(f->dp, 7, make_ip4(10, 99, 0, 1, 32)), 5);
	assert_int_equal(fake.opens, 2);
	close(fds[0]);
	close(fds[1]);
	peer_close(&other);
}

static void
commit_tells_what_it_refused(void **state)
{
	const struct cw_status *status;

	build_small_world();
	peer_epoch(&peer, CW_BEGIN, 13);
	assert_int_equal(peer_set(&peer, make_network(&a, 7)), 0);
	assert_int_equal(peer_set(&peer, make_port(&a, 2, 7)), 0);
	assert_int_equal(peer_set(&peer, make_endpoint(&a, 3, 7)), 0); // its port is not named
	make_network(&a, 9);
	a.network.mtu = 1;
	assert_int_equal(peer_set(&peer, &a.item), -EINVAL);
	peer_epoch(&peer, CW_COMMIT, 13);
	assert_int_equal(peer.in->n_items, 2);
	status = peer_item(&peer, 0);
	assert_int_equal(status->index, 3); // networks come first
	assert_int_equal(status->error, -EINVAL);
	status = peer_item(&peer, 1);
	assert_int_equal(status->index, 2);
	assert_string_equal(status->reason, "endpoint port 3 does not exist");
	assert_non_null(dp_port_get(f->dp, 2));
	assert_null(dp_port_get(f->dp, 3));
	assert_null(neighbor_at(f->dp, 7, 2)); // its endpoint was not named
}

static void
addresses_may_change_hands_in_an_epoch(void **state)
{
	build_small_world();
	peer_epoch(&peer, CW_BEGIN, 14);
	peer_set(&peer, make_network(&a, 7));
	peer_set(&peer, make_port(&a, 2, 7));
	peer_set(&peer, make_port(&a, 3, 7));
	make_endpoint(&a, 2, 7);
	a.endpoint.ips[0] = make_ip4(10, 7, 0, 3, 32);
	peer_set(&peer, &a.item);
	make_endpoint(&a, 3, 7);
	a.endpoint.ips[0] = make_ip4(10, 7, 0, 2, 32);
	peer_set(&peer, &a.item);
	peer_epoch(&peer, CW_COMMIT, 14);
	assert_int_equal(peer.in->n_items, 0);
	assert_int_equal(neighbor_at(f->dp, 7, 2)->port, 3);
	assert_int_equal(neighbor_at(f->dp, 7, 3)->port, 2);
}

static void
a_new_generation_reopens_at_commit(void **state)
{
	build_small_world();
	f->w->counters[2]->rx_packets = 42;
	peer_epoch(&peer, CW_BEGIN, 15);
	peer_set(&peer, make_network(&a, 7));
	make_port(&a, 2, 7);
	a.port.generation = 2;
	peer_set(&peer, &a.item);
	peer_set(&peer, make_endpoint(&a, 2, 7));
	peer_epoch(&peer, CW_COMMIT, 15);
	assert_int_equal(peer.in->n_items, 0);
	assert_int_equal(fake.opens, 3);
	assert_int_equal(fake.closes, 2); // the old device, and port 3
	assert_int_equal(f->w->counters[2]->rx_packets, 42);
	assert_int_equal(neighbor_at(f->dp, 7, 2)->port, 2);
	assert_true(flooded_to(f->dp, 7, 2));
}

static void
epochs_out_of_turn_are_refused(void **state)
{
	peer_epoch(&peer, CW_COMMIT, 1);
	assert_int_equal(peer_status(&peer, 0), -EINVAL);
	peer_epoch(&peer, CW_BEGIN, 1);
	peer_epoch(&peer, CW_BEGIN, 2);
	assert_int_equal(peer_status(&peer, 0), -EBUSY);
	peer_epoch(&peer, CW_COMMIT, 2);
	assert_int_equal(peer_status(&peer, 0), -EINVAL);
	peer_start(&peer, CW_DEL);
	peer_add(&peer, make_port(&a, 9, 7));
	peer_call(&peer);
	assert_int_equal(peer_status(&peer, 0), -EBUSY);
	peer_epoch(&peer, CW_COMMIT, 1);
	assert_int_equal(peer.in->n_items, 0);
}

static void
a_second_writer_takes_over(void **state)
{
	struct peer other, reader;

	build_small_world();
	peer_connect(&reader, base, server);
	peer_hello(&reader);
	peer_connect(&other, base, server);
	peer_hello(&other);
	peer_start(&reader, CW_GET_NODE);
	peer_call(&reader);
	peer_epoch(&peer, CW_BEGIN, 1);
	peer_epoch(&other, CW_BEGIN, 1);
	assert_true(peer_is_closed(&peer));
	peer_epoch(&other, CW_COMMIT, 1);
	peer_start(&reader, CW_GET_NODE);
	peer_call(&reader);
	assert_int_equal(((const struct cw_node *)peer_item(&reader, 0))->ports, 0);
	peer_close(&other);
	peer_close(&reader);
}

static void
events_reach_everyone(void **state)
{
	const struct cw_port_event *event;
	struct peer other;

	peer_connect(&other, base, server);
	peer_hello(&other);
	assert_true(peer_frame(&other)); // names
	build_small_world();
	assert_true(peer_frame(&other));
	assert_int_equal(peer_set(&peer, make_network(&a, 7)), 0);
	event = peer_item(&other, 0);
	assert_int_equal(event->item.type, CW_ITEM_PORT_EVENT);
	assert_int_equal(event->port, 2);
	assert_int_equal(event->state, CW_PORT_UP);
	peer_close(&other);
}

static void
statistics_are_read(void **state)
{
	const struct cw_port_stats *stats = NULL;
	const struct cw_item *item = NULL;
	bool bad = false, worker = false;

	build_small_world();
	f->w->counters[2]->rx_packets = 42;
	f->w->counters[2]->drops[1] = 3;
	peer_start(&peer, CW_GET_STATS);
	peer_call(&peer);
	while ((item = cw_item_next(peer.in, item, &bad)) != NULL) {
		const struct cw_port_stats *port = (const void *)item;

		if (item->type == CW_ITEM_PORT_STATS && port->port == 2 && port->worker == 0)
			stats = port;
		worker |= item->type == CW_ITEM_WORKER_STATS;
	}
	assert_non_null(stats);
	assert_int_equal(stats->rx_packets, 42);
	assert_int_equal(stats->n_drops, graph_n_drops());
	assert_int_equal(stats->drops[1], 3);
	assert_true(worker);
}

static void
long_replies_are_split(void **state)
{
	const uint32_t per_frame = 20000;
	uint32_t statuses;

	build_small_world();
	peer_start(&peer, CW_SET);
	for (uint32_t i = 0; i < per_frame; i++)
		peer_add(&peer,
			make_route(&a, 7,
				make_ip4(20, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 32),
				5));
	peer_send(&peer);
	statuses = 0;
	do {
		peer_reply(&peer);
		statuses += peer.in->n_items;
	} while ((peer.in->type & CW_MORE) != 0);
	assert_int_equal(statuses, per_frame);
	assert_int_equal(lpm_count(dp_network(f->dp, 7)->routes4), per_frame + 2);
}

static void
a_peer_that_does_not_read_is_left(void **state)
{
	struct peer other;

	peer_connect(&other, base, server);
	peer_hello(&other);
	build_small_world();
	peer_start(&other, CW_GET_STATS);
	for (int i = 0; i < 100000; i++) // more requests than the server takes
		if (send(other.fd, other.out, other.out->length, MSG_NOSIGNAL) < 0)
			break;
	peer_turn(&other);
	assert_int_equal(peer_set(&peer, make_network(&a, 7)), 0);
	peer_close(&other);
	assert_int_equal(peer_set(&peer, make_network(&a, 7)), 0);
}

static void
traces_are_delivered(void **state)
{
	const struct cw_trace trace = {
		.item = {CW_ITEM_TRACE, sizeof(trace), 0}, .count = 1, .network_plus_1 = 8};
	const struct cw_trace_record *record;
	uint8_t frame[128];
	uint16_t len;

	build_small_world();
	peer_start(&peer, CW_TRACE);
	peer_add(&peer, &trace.item);
	peer_call(&peer);
	assert_int_equal(peer.in->n_items, 0);
	len = fixture_udp4(frame, 2, 3, NULL, 18);
	for (int i = 0; i < 2; i++)
		fixture_inject_one(f, 2, frame, len);
	for (int i = 0;; i++) {
		assert_in_range(i, 0, 100);
		event_base_loop(base, EVLOOP_ONCE);
		peer.n_in_fds = 0;
		if (recv(peer.fd, peer.in, sizeof(*peer.in), MSG_PEEK) > 0)
			break;
	}
	assert_true(peer_frame(&peer));
	record = peer_item(&peer, 0);
	assert_int_equal(record->item.type, CW_ITEM_TRACE_RECORD);
	assert_int_equal(record->in_port, 2);
	assert_int_equal(record->length, len);
	assert_memory_equal(record->bytes, frame, 14);
	assert_true(record->n_steps > 0);
	assert_int_equal(record->steps[0], graph_stage_id("parse"));
	peer_turn(&peer);
	assert_int_equal(recv(peer.fd, peer.in, sizeof(*peer.in), MSG_PEEK), -1); // one only
}

static void
a_directory_is_served_once(void **state)
{
	struct server_config config = {.idle = "poll"};
	char dir[] = "/tmp/cw-unit-XXXXXX", path[64];
	struct server *first, *second;
	struct stat status;
	int error;

	assert_non_null(mkdtemp(dir));
	config.runtime_dir = dir;
	snprintf(path, sizeof(path), "%s/dp.sock", dir);
	first = server_create(base, f->dp, &config, &error);
	assert_non_null(first);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0660);
	second = server_create(base, f->dp, &config, &error);
	assert_null(second);
	assert_int_equal(error, -EBUSY);
	assert_int_equal(stat(path, &status), 0);
	server_free(first);
	assert_int_not_equal(stat(path, &status), 0);
	// The socket of one that died is in nobody's way.
	close(open(path, O_CREAT | O_WRONLY, 0600));
	first = server_create(base, f->dp, &config, &error);
	assert_non_null(first);
	server_free(first);
	snprintf(path, sizeof(path), "%s/dp.lock", dir);
	unlink(path);
	rmdir(dir);
}

#define GREETED(test) cmocka_unit_test_setup_teardown(test, server_setup_greeted, server_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			hello_is_answered_and_names_follow, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			another_version_is_told_ours, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			the_first_frame_must_be_hello, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(wrong_magic_closes, server_setup, server_teardown),
		GREETED(frames_may_come_in_pieces),
		GREETED(each_item_has_its_status),
		GREETED(descriptors_go_to_the_device),
		GREETED(wrong_descriptors_close),
		GREETED(missing_descriptors_close),
		GREETED(descriptors_within_a_frame_close),
		GREETED(malformed_frames_change_nothing),
		GREETED(oversized_frames_close),
		GREETED(an_epoch_is_applied_at_commit),
		GREETED(a_lost_connection_changes_nothing),
		GREETED(commit_tells_what_it_refused),
		GREETED(addresses_may_change_hands_in_an_epoch),
		GREETED(a_new_generation_reopens_at_commit),
		GREETED(epochs_out_of_turn_are_refused),
		GREETED(a_second_writer_takes_over),
		GREETED(events_reach_everyone),
		GREETED(statistics_are_read),
		GREETED(long_replies_are_split),
		GREETED(a_peer_that_does_not_read_is_left),
		GREETED(traces_are_delivered),
		GREETED(a_directory_is_served_once),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
