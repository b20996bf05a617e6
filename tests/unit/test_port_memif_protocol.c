/* SPDX-License-Identifier: Apache-2.0 */

// Arguments of memif ports, and control messages: those of a well-behaved peer, and all others.

#include "memif_peers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "memif_args.h"

static unsigned int
open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(folder);
	while (readdir(folder) != NULL)
		n++;
	closedir(folder);
	return n;
}

// ---------------------------------------------------------------------------------- arguments

static void
test_arguments(void **state)
{
	struct memif_args args;
	char reason[128];

	assert_int_equal(memif_args_parse("role=slave,id=7,path=@pod,ring=256,buffer=4096,secret=s",
				 &args, reason, sizeof(reason)),
		0);
	assert_true(args.is_slave);
	assert_int_equal(args.id, 7);
	assert_string_equal(args.path, "@pod");
	assert_int_equal(args.log2_ring_size, 8);
	assert_int_equal(args.buffer_size, 4096);
	assert_string_equal(args.secret, "s");
	assert_int_equal(memif_args_parse("role=master", &args, reason, sizeof(reason)), 0);
	assert_false(args.is_slave);
	assert_int_equal(args.log2_ring_size, 10);
	assert_int_equal(args.buffer_size, 2048);
	assert_string_equal(args.path, "");
	assert_string_equal(args.secret, "");
}

static void
test_arguments_refused(void **state)
{
	static const struct {
		const char *text, *named;
	} table[] = {
		{NULL, "role"},
		{"", "role"},
		{"role=boss", "role must be master or slave, not boss"},
		{"role=master,rolle=slave", "not rolle"},
		{"role=master,secret", "not secret"},
		{"role=slave,id=x", "id must be a number, not x"},
		{"role=slave,path=", "path"},
		{"role=slave,path=@", "path"},
		{"role=slave,ring=1000", "ring must be a power of 2, 32 to 16384, not 1000"},
		{"role=slave,ring=32768", "ring"},
		{"role=slave,ring=16", "ring"},
		{"role=slave,buffer=100", "buffer"},
		{"role=slave,buffer=2050", "buffer"},
		{"role=slave,secret=0123456789abcdef01234567", "secret must have 1 to 23 bytes"},
	};
	char path[160] = "role=master,path=/", reason[128];
	struct memif_args args;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(
			memif_args_parse(table[i].text, &args, reason, sizeof(reason)), -EINVAL);
		if (strstr(reason, table[i].named) == NULL)
			fail_msg("%s: %s", table[i].text, reason);
		assert_null(strstr(reason, "0123456789")); // secrets are not repeated
	}
	memset(path + strlen(path), 'x', 106);
	assert_int_equal(memif_args_parse(path, &args, reason, sizeof(reason)), 0);
	path[strlen(path)] = 'x';
	assert_int_equal(memif_args_parse(path, &args, reason, sizeof(reason)), -EINVAL);
}

// ---------------------------------------------------------------------------------- handshake

static void
test_handshake(void **state)
{
	unsigned int before = open_descriptors();
	struct memif_peers peers;

	peers_init(&peers, 4, 7, 2048);
	peers_connect(&peers);
	assert_int_equal(peers.master.n_s2m, 4);
	assert_int_equal(peers.master.n_m2s, 4);
	assert_int_equal(peers.master.s2m[3].log2_size, 7);
	assert_int_equal(peers.master.regions.n, 1);
	assert_string_equal(peers.master.peer_interface, "s0");
	assert_string_equal(peers.slave.peer_interface, "m0");
	assert_memory_equal(peers.slave.peer_name, "Causeway", 8);
	assert_int_equal(peers.master.regions.region[0].size,
		(uint64_t)4 * 2 * 128 * 2048 + peers.slave.buffers_offset);
	peers_release(&peers);
	assert_int_equal(open_descriptors(), before);
}

// Fewer queues at either end: the smaller number counts.
static void
test_fewer_queues(void **state)
{
	struct memif_peers peers;

	peers_init(&peers, 1, 7, 2048);
	peers.slave_end.n_queues = 4;
	peers_connect(&peers);
	assert_int_equal(peers.slave.n_s2m, 1);
	peers_release(&peers);
	peers.master_end.n_queues = 4;
	peers.slave_end.n_queues = 2;
	peers_connect(&peers);
	assert_int_equal(peers.master.n_m2s, 2);
	peers_release(&peers);
}

static void
test_secret(void **state)
{
	struct memif_peers peers;
	struct memif_reply last;

	peers_init(&peers, 1, 7, 2048);
	peers.master_end.secret = peers.slave_end.secret = "between us";
	peers_connect(&peers);
	peers_release(&peers);
	peers.slave_end.secret = "between u";
	peers_talk(&peers, 0, &last);
	assert_int_equal(peers.master.state, MEMIF_SESSION_CLOSED);
	assert_string_equal(peers.master.reason, "wrong secret");
	assert_string_equal(peers.slave.reason, "peer disconnected: wrong secret");
	assert_true(peers.slave.by_peer);
	peers_release(&peers);
}

static void
test_disconnect(void **state)
{
	struct memif_peers peers;
	struct memif_reply reply = {.fd = -1}, none;

	peers_init(&peers, 1, 7, 2048);
	peers_connect(&peers);
	memif_session_refuse(&peers.slave, "enough\n\x1b", &reply);
	assert_int_equal(reply.message.type, MEMIF_DISCONNECT);
	peers_pass(&peers.master, &reply, &none);
	assert_int_equal(peers.master.state, MEMIF_SESSION_CLOSED);
	assert_int_equal(none.message.type, 0);
	assert_string_equal(peers.master.reason, "peer disconnected: enough??");
	peers_release(&peers);
}

// ------------------------------------------------------------------------------ hostile slaves

static int
memory_file(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	return fd;
}

struct wrong {
	const char *reason; // a part of what the slave must hear
	uint16_t type; // the message that is changed
	void (*change)(struct memif_reply *message);
};

#define WRONG(name, change)                                   \
	static void wrong_##name(struct memif_reply *message) \
	{                                                     \
		change;                                       \
	}

WRONG(version, message->message.init.version = 0x0300)
WRONG(id, message->message.init.id = 5)
WRONG(mode, message->message.init.mode = MEMIF_MODE_IP)
WRONG(type_ack, message->message.type = MEMIF_ACK)
WRONG(type_unknown, message->message.type = 77)
WRONG(type_hello, message->message.type = MEMIF_HELLO)
WRONG(no_fd, message->fd = -1)
WRONG(region_index, message->message.add_region.index = 1)
WRONG(region_empty, message->message.add_region.size = 0)
WRONG(region_larger, message->message.add_region.size += 1)
WRONG(region_huge, message->message.add_region.size = UINT64_MAX)
WRONG(ring_index, message->message.add_ring.index = 1)
WRONG(ring_index_far, message->message.add_ring.index = 0xffff)
WRONG(ring_region, message->message.add_ring.region = 1)
WRONG(ring_offset, message->message.add_ring.offset = 0xfffffff8)
WRONG(ring_unaligned, message->message.add_ring.offset = 4)
WRONG(ring_large, message->message.add_ring.log2_ring_size = 15)
WRONG(ring_tiny, message->message.add_ring.log2_ring_size = 0)
WRONG(ring_beyond, message->message.add_ring.log2_ring_size = 14)
WRONG(ring_header, message->message.add_ring.private_header_size = 8)

static void
wrong_region_zero(struct memif_reply *message)
{
	message->fd = open("/dev/zero", O_RDWR);
}

static void
wrong_region_socket(struct memif_reply *message)
{
	message->fd = eventfd(0, 0);
}

static void
wrong_region_short(struct memif_reply *message)
{
	message->fd = memory_file();
}

static void
wrong_ring_memory(struct memif_reply *message)
{
	message->fd = memory_file();
}

static void
wrong_ring_pipe(struct memif_reply *message)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	close(fds[1]);
	message->fd = fds[0];
}

static const struct wrong wrongs[] = {
	{"version", MEMIF_INIT, wrong_version},
	{"no interface has this id", MEMIF_INIT, wrong_id},
	{"ethernet", MEMIF_INIT, wrong_mode},
	{"unexpected", MEMIF_INIT, wrong_type_ack},
	{"unexpected", MEMIF_INIT, wrong_type_unknown},
	{"unexpected", MEMIF_INIT, wrong_type_hello},
	{"unexpected", MEMIF_CONNECT, wrong_type_unknown},
	{"one descriptor", MEMIF_ADD_REGION, wrong_no_fd},
	{"region index", MEMIF_ADD_REGION, wrong_region_index},
	{"region size", MEMIF_ADD_REGION, wrong_region_empty},
	{"larger than its file", MEMIF_ADD_REGION, wrong_region_larger},
	{"region size", MEMIF_ADD_REGION, wrong_region_huge},
	{"not in memory", MEMIF_ADD_REGION, wrong_region_zero},
	{"not in memory", MEMIF_ADD_REGION, wrong_region_socket},
	{"larger than its file", MEMIF_ADD_REGION, wrong_region_short},
	{"one descriptor", MEMIF_ADD_RING, wrong_no_fd},
	{"ring index", MEMIF_ADD_RING, wrong_ring_index},
	{"more rings", MEMIF_ADD_RING, wrong_ring_index_far},
	{"unknown region", MEMIF_ADD_RING, wrong_ring_region},
	{"outside", MEMIF_ADD_RING, wrong_ring_offset},
	{"not aligned", MEMIF_ADD_RING, wrong_ring_unaligned},
	{"ring size", MEMIF_ADD_RING, wrong_ring_large},
	{"ring size", MEMIF_ADD_RING, wrong_ring_tiny},
	{"outside", MEMIF_ADD_RING, wrong_ring_beyond},
	{"private headers", MEMIF_ADD_RING, wrong_ring_header},
	{"eventfd", MEMIF_ADD_RING, wrong_ring_memory},
	{"eventfd", MEMIF_ADD_RING, wrong_ring_pipe},
};

// Each wrong message ends the session with a reason, and leaves nothing open or mapped.
static void
test_wrong_messages(void **state)
{
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		unsigned int before = open_descriptors();
		struct memif_reply message, reply;
		struct memif_peers peers;
		int fd;

		peers_init(&peers, 2, 5, 256);
		peers_talk(&peers, wrongs[i].type, &message);
		assert_int_equal(message.message.type, wrongs[i].type);
		fd = message.fd;
		wrongs[i].change(&message);
		peers_pass(&peers.master, &message, &reply);
		if (message.fd >= 0 && message.fd != fd)
			close(message.fd);
		if (strstr(peers.master.reason, wrongs[i].reason) == NULL)
			fail_msg(
				"%zu: wanted %s, got %s", i, wrongs[i].reason, peers.master.reason);
		assert_int_equal(peers.master.state, MEMIF_SESSION_CLOSED);
		assert_int_equal(reply.message.type, MEMIF_DISCONNECT);
		assert_string_equal((char *)reply.message.disconnect.reason, peers.master.reason);
		peers_release(&peers);
		assert_int_equal(peers.master.regions.n, 0);
		assert_int_equal(open_descriptors(), before);
	}
}

static void
test_wrong_lengths(void **state)
{
	static const size_t lengths[] = {0, 1, 127, 129, 70000};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct memif_reply message, reply;
		struct memif_peers peers;

		peers_init(&peers, 1, 5, 256);
		peers_talk(&peers, MEMIF_INIT, &message);
		memif_session_receive(
			&peers.master, &message.message, lengths[i], memory_file(), 1, &reply);
		assert_int_equal(peers.master.state, MEMIF_SESSION_CLOSED);
		assert_int_equal(reply.message.type, MEMIF_DISCONNECT);
		peers_release(&peers);
	}
}

static void
test_connect_without_rings(void **state)
{
	struct memif_reply message, reply;
	struct memif_peers peers;

	peers_init(&peers, 1, 5, 256);
	peers_talk(&peers, MEMIF_ADD_REGION, &message);
	message = (struct memif_reply){.message.type = MEMIF_CONNECT, .fd = -1};
	peers_pass(&peers.master, &message, &reply);
	assert_string_equal(peers.master.reason, "connect without rings");
	peers_release(&peers);
}

// Nothing but DISCONNECT may come once connected, and nothing counts once closed.
static void
test_after_connected(void **state)
{
	struct memif_reply message = {.message.type = MEMIF_ADD_REGION}, reply;
	struct memif_peers peers;

	peers_init(&peers, 1, 5, 256);
	peers_connect(&peers);
	message.fd = memory_file();
	peers_pass(&peers.master, &message, &reply);
	assert_int_equal(peers.master.state, MEMIF_SESSION_CLOSED);
	peers_pass(&peers.master, &message, &reply);
	assert_int_equal(reply.message.type, 0);
	close(message.fd);
	peers_release(&peers);
}

static void
test_many_regions(void **state)
{
	struct memif_reply message, reply;
	struct memif_peers peers;

	peers_init(&peers, 1, 5, 256);
	peers_talk(&peers, MEMIF_ADD_REGION, &message);
	for (uint16_t i = 0; i < MEMIF_REGIONS_MAX; i++) {
		message.message.add_region.index = i;
		peers_pass(&peers.master, &message, &reply);
		assert_int_equal(reply.message.type, MEMIF_ACK);
	}
	message.message.add_region.index = MEMIF_REGIONS_MAX;
	peers_pass(&peers.master, &message, &reply);
	assert_int_equal(reply.message.type, MEMIF_DISCONNECT);
	peers_release(&peers);
}

// ----------------------------------------------------------------------------- hostile masters

static void
test_wrong_hello(void **state)
{
	struct memif_end end = {.is_slave = true,
		.secret = "",
		.name = "s0",
		.n_queues = 2,
		.log2_ring_size = 5,
		.buffer_size = 256,
		.control_fd = -1};
	struct memif_session session;
	struct memif_reply hello, reply;

	for (int i = 0; i < 3; i++) {
		struct memif_session master;

		memif_session_start_slave(&session, &end);
		memif_session_start_master(&master, 1, peers_choose, NULL, &hello);
		if (i == 0)
			hello.message.hello.min_version = 0x0201;
		if (i == 1)
			hello.message.hello.max_log2_ring_size = 0;
		if (i == 2)
			hello.message.type = MEMIF_CONNECTED;
		peers_pass(&session, &hello, &reply);
		assert_int_equal(session.state, MEMIF_SESSION_CLOSED);
		assert_int_equal(reply.message.type, MEMIF_DISCONNECT);
		memif_session_release(&session);
	}
}

// A master that says CONNECTED before it was asked.
static void
test_connected_too_early(void **state)
{
	struct memif_reply message, connected = {.message.type = MEMIF_CONNECTED, .fd = -1}, reply;
	struct memif_peers peers;

	peers_init(&peers, 1, 5, 256);
	peers_talk(&peers, MEMIF_ADD_REGION, &message);
	peers_pass(&peers.slave, &connected, &reply);
	assert_int_equal(peers.slave.state, MEMIF_SESSION_CLOSED);
	assert_string_equal(peers.slave.reason, "unexpected message");
	peers_release(&peers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_arguments_refused),
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_fewer_queues),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_disconnect),
		cmocka_unit_test(test_wrong_messages),
		cmocka_unit_test(test_wrong_lengths),
		cmocka_unit_test(test_connect_without_rings),
		cmocka_unit_test(test_after_connected),
		cmocka_unit_test(test_many_regions),
		cmocka_unit_test(test_wrong_hello),
		cmocka_unit_test(test_connected_too_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
