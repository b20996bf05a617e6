/* SPDX-License-Identifier: Apache-2.0 */

// The packet path of memif rings: a master's and a slave's end of the same memory, and a peer that
// writes what it likes.

#include "port_fixture.h"

#include <poll.h>
#include <string.h>
#include <sys/mman.h>

#include "memif_peers.h"
#include "memif_ring.h"

struct pipe {
	struct memif_peers peers;
	struct memif_queue tx, rx;
	struct memif_shared_ring *shared;
	struct buffer_pools pools;
	bool s2m; // slave to master
	uint32_t size; // of the ring
};

static struct memif_ring_config
ring_config(const struct pipe *pipe, const struct memif_session *session)
{
	const struct memif_session_ring *ring = pipe->s2m ? &session->s2m[0] : &session->m2s[0];
	bool is_slave = session->end->is_slave;

	return (struct memif_ring_config){
		.shared = (void *)(session->regions.region[0].base + ring->offset),
		.log2_size = ring->log2_size,
		.is_slave = is_slave,
		.interrupt_fd = ring->fd,
		.control_fd = -1,
		.buffers = is_slave ? memif_session_buffers(session, pipe->s2m, 0) : NULL,
		.buffer_size = is_slave ? session->end->buffer_size : 0,
		.regions = &session->regions,
	};
}

static void
pipe_open(struct pipe *pipe, const struct port_fixture *f, bool s2m, uint8_t log2_size,
	uint16_t buffer_size)
{
	struct memif_ring_config tx, rx;

	memset(pipe, 0, sizeof(*pipe));
	pipe->s2m = s2m;
	pipe->size = 1u << log2_size;
	pipe->pools = (struct buffer_pools){f->mbufs, f->jumbos};
	peers_init(&pipe->peers, 1, log2_size, buffer_size);
	peers_connect(&pipe->peers);
	tx = ring_config(pipe, s2m ? &pipe->peers.slave : &pipe->peers.master);
	rx = ring_config(pipe, s2m ? &pipe->peers.master : &pipe->peers.slave);
	// The master's end first: as in the protocol.
	if (s2m)
		assert_true(memif_queue_start(&pipe->rx, &rx, true));
	assert_true(memif_queue_start(&pipe->tx, &tx, false));
	if (!s2m)
		assert_true(memif_queue_start(&pipe->rx, &rx, true));
	pipe->shared = tx.shared;
}

static void
pipe_close(struct pipe *pipe, const struct port_fixture *f)
{
	memif_queue_stop(&pipe->tx);
	memif_queue_stop(&pipe->rx);
	peers_release(&pipe->peers);
	assert_no_leak(f);
}

static struct rte_mbuf *
numbered_frame(const struct port_fixture *f, uint32_t number, uint32_t len)
{
	static uint8_t bytes[16384];

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(number + i * 7);
	return make_frame(f, bytes, len);
}

static void
assert_numbered(const struct rte_mbuf *m, uint32_t number, uint32_t len)
{
	const uint8_t *bytes = flat(m);

	assert_int_equal(m->pkt_len, len);
	rte_mbuf_sanity_check(m, 1);
	for (uint32_t i = 0; i < len; i++)
		if (bytes[i] != (uint8_t)(number + i * 7))
			fail_msg("frame %u differs at byte %u", number, i);
}

static uint16_t
send_frames(struct pipe *pipe, const struct port_fixture *f, uint32_t first, uint16_t n,
	const uint32_t *lengths, uint32_t n_lengths)
{
	struct rte_mbuf *pkts[PORT_BURST];
	enum port_tx_stop stop;
	uint16_t sent;

	for (uint16_t i = 0; i < n; i++)
		pkts[i] = numbered_frame(f, first + i, lengths[(first + i) % n_lengths]);
	sent = memif_queue_tx(&pipe->tx, pkts, n, false, &stop);
	if (sent < n)
		assert_int_equal(stop, PORT_TX_FULL);
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	return sent;
}

static uint16_t
receive_frames(struct pipe *pipe, uint32_t first, uint16_t most, const uint32_t *lengths,
	uint32_t n_lengths)
{
	struct rte_mbuf *pkts[PORT_BURST];
	uint16_t n = memif_queue_rx(&pipe->rx, &pipe->pools, pkts, most);

	for (uint16_t i = 0; i < n; i++)
		assert_numbered(pkts[i], first + i, lengths[(first + i) % n_lengths]);
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

static const uint32_t plain[] = {60, 64, 65, 14, 1514, 1, 2048, 127, 256};
static const uint32_t mixed[] = {60, 9000, 64, 2049, 1514, 4096, MEMIF_FRAME_MAX, 2048, 1};

// Bursts of all sizes, more frames than the indices count to.
static void
stream(const struct port_fixture *f, bool s2m, uint8_t log2_size, uint16_t buffer_size,
	const uint32_t *lengths, uint32_t n_lengths, uint32_t total)
{
	uint32_t sent = 0, received = 0, full = 0;
	struct pipe pipe;

	pipe_open(&pipe, f, s2m, log2_size, buffer_size);
	for (uint16_t round = 1; received < total; round++) {
		uint16_t wanted = (uint16_t)(1 + round * 7 % 20);

		full += send_frames(&pipe, f, sent, wanted, lengths, n_lengths) < wanted;
		// sent is what the queue counted
		sent = (uint32_t)pipe.tx.counters.packets;
		received += receive_frames(
			&pipe, received, (uint16_t)(1 + round * 5 % 18), lengths, n_lengths);
		assert_true(received <= sent);
		assert_null(memif_queue_broken(&pipe.rx));
		assert_null(memif_queue_broken(&pipe.tx));
	}
	while (received < sent)
		received += receive_frames(&pipe, received, PORT_BURST, lengths, n_lengths);
	assert_int_equal(pipe.rx.counters.packets, sent);
	assert_int_equal(pipe.rx.counters.bytes, pipe.tx.counters.bytes);
	assert_int_equal(pipe.tx.counters.full, full);
	assert_int_equal(pipe.rx.counters.refused, 0);
	pipe_close(&pipe, f);
}

static void
test_plain_frames(void **state)
{
	stream(*state, true, 6, 2048, plain, RTE_DIM(plain), 70000);
	stream(*state, false, 6, 2048, plain, RTE_DIM(plain), 70000);
}

static void
test_chains(void **state)
{
	stream(*state, true, 6, 2048, mixed, RTE_DIM(mixed), 30000);
	stream(*state, false, 6, 2048, mixed, RTE_DIM(mixed), 30000);
	stream(*state, true, 8, 256, mixed, RTE_DIM(mixed), 5000);
	stream(*state, false, 8, 256, mixed, RTE_DIM(mixed), 5000);
}

// Buffers larger than an mbuf.
static void
test_large_buffers(void **state)
{
	stream(*state, true, 5, 16384, mixed, RTE_DIM(mixed), 2000);
	stream(*state, false, 5, 16384, mixed, RTE_DIM(mixed), 2000);
}

// A full ring takes nothing, and what was refused is still the caller's.
static void
test_full(void **state)
{
	struct port_fixture *f = *state;

	for (int s2m = 0; s2m < 2; s2m++) {
		struct pipe pipe;

		pipe_open(&pipe, f, s2m, 5, 2048);
		assert_int_equal(send_frames(&pipe, f, 0, 40, plain, RTE_DIM(plain)), 32);
		assert_int_equal(send_frames(&pipe, f, 32, 1, plain, RTE_DIM(plain)), 0);
		assert_int_equal(pipe.tx.counters.full, 2);
		assert_int_equal(receive_frames(&pipe, 0, 10, plain, RTE_DIM(plain)), 10);
		assert_int_equal(send_frames(&pipe, f, 32, 20, plain, RTE_DIM(plain)), 10);
		assert_int_equal(receive_frames(&pipe, 10, 64, plain, RTE_DIM(plain)), 32);
		assert_int_equal(receive_frames(&pipe, 42, 64, plain, RTE_DIM(plain)), 0);
		pipe_close(&pipe, f);
	}
}

// A frame that no ring of this kind can ever take is refused, the next one goes.
static void
test_never_fits(void **state)
{
	struct port_fixture *f = *state;
	struct rte_mbuf *pkts[2];
	enum port_tx_stop stop = PORT_TX_FULL;
	struct pipe pipe;

	pipe_open(&pipe, f, true, 5, 256);
	pkts[0] = numbered_frame(f, 0, 9000);
	pkts[1] = numbered_frame(f, 1, 64);
	assert_int_equal(memif_queue_tx(&pipe.tx, pkts, 2, false, &stop), 0);
	assert_int_equal(stop, PORT_TX_REFUSED);
	assert_int_equal(memif_queue_tx(&pipe.tx, &pkts[1], 1, false, &stop), 1);
	rte_pktmbuf_free(pkts[0]);
	assert_int_equal(receive_frames(&pipe, 1, 2, (uint32_t[]){0, 64}, 2), 1);
	pipe_close(&pipe, f);
}

static void
test_not_running(void **state)
{
	struct port_fixture *f = *state;
	struct rte_mbuf *m = numbered_frame(f, 0, 64);
	enum port_tx_stop stop = PORT_TX_FULL;
	struct pipe pipe;

	pipe_open(&pipe, f, true, 5, 2048);
	memif_queue_stop(&pipe.tx);
	memif_queue_stop(&pipe.rx);
	assert_int_equal(memif_queue_tx(&pipe.tx, &m, 1, false, &stop), 0);
	assert_int_equal(stop, PORT_TX_DOWN);
	assert_int_equal(memif_queue_rx(&pipe.rx, &pipe.pools, &m, 1), 0);
	assert_false(memif_queue_arm(&pipe.rx));
	rte_pktmbuf_free(m);
	pipe_close(&pipe, f);
}

// Somebody else is in the queue: nothing now, and nothing lost.
static void
test_locked(void **state)
{
	struct port_fixture *f = *state;
	struct rte_mbuf *m = numbered_frame(f, 0, 64);
	enum port_tx_stop stop = PORT_TX_DOWN;
	struct pipe pipe;

	pipe_open(&pipe, f, true, 5, 2048);
	rte_spinlock_lock(&pipe.tx.lock);
	assert_int_equal(memif_queue_tx(&pipe.tx, &m, 1, true, &stop), 0);
	assert_int_equal(stop, PORT_TX_FULL);
	rte_spinlock_unlock(&pipe.tx.lock);
	assert_int_equal(memif_queue_tx(&pipe.tx, &m, 1, true, &stop), 1);
	assert_int_equal(receive_frames(&pipe, 0, 1, (uint32_t[]){64}, 1), 1);
	pipe_close(&pipe, f);
}

// --------------------------------------------------------------------------------- interrupts

static bool
is_readable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 1;
}

static void
test_interrupts(void **state)
{
	struct port_fixture *f = *state;

	for (int s2m = 0; s2m < 2; s2m++) {
		struct pipe pipe;
		int fd;

		pipe_open(&pipe, f, s2m, 6, 2048);
		fd = pipe.rx.ring.interrupt_fd;
		assert_false(is_readable(fd));
		send_frames(&pipe, f, 0, 3, plain, RTE_DIM(plain)); // a fresh ring is armed
		assert_true(is_readable(fd));
		assert_int_equal(pipe.tx.counters.kicks, 1);
		assert_int_equal(receive_frames(&pipe, 0, 2, plain, RTE_DIM(plain)), 2);
		assert_false(is_readable(fd));
		assert_int_equal(pipe.rx.counters.kicks, 1);
		send_frames(&pipe, f, 3, 3, plain, RTE_DIM(plain)); // while polled: no kick
		assert_false(is_readable(fd));
		assert_true(memif_queue_arm(&pipe.rx)); // frames wait
		assert_int_equal(receive_frames(&pipe, 2, 64, plain, RTE_DIM(plain)), 4);
		assert_false(memif_queue_arm(&pipe.rx));
		send_frames(&pipe, f, 6, 1, plain, RTE_DIM(plain));
		assert_true(is_readable(fd));
		assert_int_equal(pipe.tx.counters.kicks, 2);
		assert_int_equal(receive_frames(&pipe, 6, 64, plain, RTE_DIM(plain)), 1);
		pipe_close(&pipe, f);
	}
}

// ---------------------------------------------------------------------------------- hostility

static void
assert_rx_breaks(struct pipe *pipe, const char *why)
{
	struct rte_mbuf *m;

	while (memif_queue_broken(&pipe->rx) == NULL
		&& memif_queue_rx(&pipe->rx, &pipe->pools, &m, 1) == 1)
		rte_pktmbuf_free(m);
	assert_non_null(memif_queue_broken(&pipe->rx));
	assert_non_null(strstr(memif_queue_broken(&pipe->rx), why));
	assert_int_equal(memif_queue_rx(&pipe->rx, &pipe->pools, &m, 1), 0);
}

static void
test_index_jumps(void **state)
{
	struct port_fixture *f = *state;

	for (int s2m = 0; s2m < 2; s2m++) {
		struct rte_mbuf *m = numbered_frame(f, 0, 64);
		enum port_tx_stop stop = PORT_TX_FULL;
		struct pipe pipe;

		pipe_open(&pipe, f, s2m, 5, 2048);
		if (s2m)
			pipe.shared->head = 33;
		else
			pipe.shared->tail = 33;
		assert_rx_breaks(&pipe, "more frames");
		// towards our tx: a head that goes beyond the ring, a tail that overtakes
		if (s2m)
			pipe.shared->tail = 1;
		else
			pipe.shared->head = 33;
		assert_int_equal(memif_queue_tx(&pipe.tx, &m, 1, false, &stop), 0);
		assert_int_equal(stop, PORT_TX_DOWN);
		assert_non_null(memif_queue_broken(&pipe.tx));
		rte_pktmbuf_free(m);
		pipe_close(&pipe, f);
	}
}

// What a slave may write into a descriptor towards a master that reads it.
static void
test_wrong_descriptors(void **state)
{
	struct port_fixture *f = *state;
	uint32_t end = 0;

	for (int i = 0; i < 5; i++) {
		struct memif_desc *desc;
		struct pipe pipe;

		pipe_open(&pipe, f, true, 5, 2048);
		end = (uint32_t)pipe.peers.master.regions.region[0].size;
		send_frames(&pipe, f, 0, 3, plain, RTE_DIM(plain));
		desc = &pipe.shared->desc[1];
		if (i == 0)
			desc->region = 1;
		if (i == 1)
			desc->offset = end - 63;
		if (i == 2)
			desc->offset = UINT32_MAX;
		if (i == 3)
			desc->length = UINT32_MAX;
		if (i == 4) {
			desc->offset = end - 64; // the very end is right
			desc->length = 64;
		}
		if (i < 4) {
			assert_int_equal(receive_frames(&pipe, 0, 64, plain, RTE_DIM(plain)), 1);
			assert_rx_breaks(&pipe, "outside of its memory");
		} else {
			struct rte_mbuf *pkts[3];

			assert_int_equal(memif_queue_rx(&pipe.rx, &pipe.pools, pkts, 3), 3);
			assert_int_equal(pkts[1]->pkt_len, 64);
			rte_pktmbuf_free_bulk(pkts, 3);
		}
		pipe_close(&pipe, f);
	}
}

// What a master may write towards a slave: lengths and flags. Offsets are not read back.
static void
test_wrong_lengths(void **state)
{
	struct port_fixture *f = *state;
	struct pipe pipe;

	pipe_open(&pipe, f, false, 5, 2048);
	send_frames(&pipe, f, 0, 2, plain, RTE_DIM(plain));
	pipe.shared->desc[0].offset = UINT32_MAX;
	pipe.shared->desc[0].region = 9;
	pipe.shared->desc[1].length = 2049;
	assert_int_equal(receive_frames(&pipe, 0, 64, plain, RTE_DIM(plain)), 1);
	assert_rx_breaks(&pipe, "outside of its memory");
	pipe_close(&pipe, f);
}

// Towards our tx a slave may offer buffers that are none.
static void
test_wrong_offers(void **state)
{
	struct port_fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		struct rte_mbuf *m = numbered_frame(f, 0, 64);
		enum port_tx_stop stop = PORT_TX_FULL;
		struct pipe pipe;

		pipe_open(&pipe, f, false, 5, 2048);
		if (i == 0)
			pipe.shared->desc[0].region = 7;
		if (i == 1)
			pipe.shared->desc[0].offset = UINT32_MAX - 100;
		if (i == 2)
			pipe.shared->desc[0].length = 0;
		assert_int_equal(memif_queue_tx(&pipe.tx, &m, 1, false, &stop), 0);
		assert_int_equal(stop, PORT_TX_DOWN);
		assert_non_null(memif_queue_broken(&pipe.tx));
		rte_pktmbuf_free(m);
		pipe_close(&pipe, f);
	}
}

// Frames of no length, too long, or without an end are dropped and counted; the next ones arrive.
static void
test_no_frames(void **state)
{
	struct port_fixture *f = *state;
	const uint32_t lengths[] = {64};

	for (int s2m = 0; s2m < 2; s2m++) {
		struct pipe pipe;

		pipe_open(&pipe, f, s2m, 7, 2048);
		send_frames(&pipe, f, 0, 16, lengths, 1);
		pipe.shared->desc[0].length = 0;
		for (int i = 1; i < 10; i++) { // nine times 2048 bytes
			pipe.shared->desc[i].length = 2048;
			pipe.shared->desc[i].flags = i < 9 ? MEMIF_DESC_NEXT : 0;
		}
		assert_int_equal(receive_frames(&pipe, 10, 64, lengths, 1), 6);
		assert_int_equal(pipe.rx.counters.refused, 2);
		for (int i = 0; i < 2; i++) { // all around the ring, and again: no end
			send_frames(&pipe, f, 0, 64, lengths, 1);
			send_frames(&pipe, f, 64, 64, lengths, 1);
			for (int slot = 0; slot < 128; slot++)
				pipe.shared->desc[slot].flags = MEMIF_DESC_NEXT;
			assert_int_equal(receive_frames(&pipe, 0, 64, lengths, 1), 0);
		}
		assert_int_equal(pipe.rx.counters.refused, 4);
		assert_int_equal(send_frames(&pipe, f, 0, 3, lengths, 1), 3);
		assert_int_equal(receive_frames(&pipe, 0, 64, lengths, 1), 3);
		pipe_close(&pipe, f);
	}
}

// Without mbufs frames wait where they are, and arm says so.
static void
test_no_mbufs(void **state)
{
	struct port_fixture *f = *state;
	static struct rte_mbuf *held[4096];
	unsigned int n = 0;
	struct pipe pipe;

	pipe_open(&pipe, f, true, 5, 2048);
	send_frames(&pipe, f, 0, 5, plain, RTE_DIM(plain));
	while ((held[n] = rte_pktmbuf_alloc(f->mbufs)) != NULL)
		n++;
	assert_int_equal(receive_frames(&pipe, 0, 64, plain, RTE_DIM(plain)), 0);
	assert_true(memif_queue_arm(&pipe.rx));
	rte_pktmbuf_free_bulk(held, n);
	assert_int_equal(receive_frames(&pipe, 0, 64, plain, RTE_DIM(plain)), 5);
	pipe_close(&pipe, f);
}

static void
test_no_cookie(void **state)
{
	struct port_fixture *f = *state;
	struct memif_ring_config config;
	struct pipe pipe;

	pipe_open(&pipe, f, true, 5, 2048);
	config = pipe.rx.ring;
	memif_queue_stop(&pipe.rx);
	pipe.shared->cookie = 0;
	assert_false(memif_queue_start(&pipe.rx, &config, true));
	pipe_close(&pipe, f);
}

// The peer truncates its memory: no signal ends us, and the loss is seen.
static void
test_memory_taken_away(void **state)
{
	struct memif_regions regions = {0};
	char reason[128];
	int fd = memfd_create("test", MFD_CLOEXEC);
	volatile uint8_t *byte;

	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	assert_int_equal(memif_region_map(&regions, 0, fd, 1 << 20, -1, reason, sizeof(reason)), 0);
	byte = regions.region[0].base;
	byte[5000] = 7;
	assert_int_equal(byte[5000], 7);
	assert_false(memif_regions_lost(&regions));
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(byte[5000], 0);
	assert_true(memif_regions_lost(&regions));
	byte[(1 << 20) - 1] = 1;
	memif_regions_unmap(&regions);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_frames),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_large_buffers),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_never_fits),
		cmocka_unit_test(test_not_running),
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_index_jumps),
		cmocka_unit_test(test_wrong_descriptors),
		cmocka_unit_test(test_wrong_lengths),
		cmocka_unit_test(test_wrong_offers),
		cmocka_unit_test(test_no_frames),
		cmocka_unit_test(test_no_mbufs),
		cmocka_unit_test(test_no_cookie),
		cmocka_unit_test(test_memory_taken_away),
	};

	return cmocka_run_group_tests(tests, port_fixture_setup, port_fixture_teardown);
}
