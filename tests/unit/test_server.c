/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include <sys/un.h>

#include "server_fixture.h"
#include "worker_control.h"

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
		GREETED(events_reach_everyone),
		GREETED(statistics_are_read),
		GREETED(long_replies_are_split),
		GREETED(a_peer_that_does_not_read_is_left),
		GREETED(traces_are_delivered),
		GREETED(a_directory_is_served_once),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
