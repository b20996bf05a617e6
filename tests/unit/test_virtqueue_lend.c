/* SPDX-License-Identifier: Apache-2.0 */

// Frames whose end is the guest's memory: the guest gets its buffers back when the frames are freed
// and not before, in order, told once.

#include <string.h>

#include "port_fixture.h"
#include "virtqueue_guest.h"

#define SIZE 16
#define LONG 40000u
#define ROOM 65600u
#define PACKED GUEST_FEATURE(VIRTIO_F_RING_PACKED)
#define IN_ORDER GUEST_FEATURE(VIRTIO_F_IN_ORDER)
#define MODERN GUEST_FEATURE(VIRTIO_F_VERSION_1)
#define CHECKSUM GUEST_FEATURE(VIRTIO_NET_F_CSUM)

static const uint64_t layouts[] = {0, IN_ORDER, PACKED, PACKED | IN_ORDER};

static struct guest *
make_guest(uint64_t features)
{
	return guest_create(&(struct guest_options){
		.size = SIZE,
		.features = features | MODERN | CHECKSUM,
		.chunk = ROOM,
		.seed = 5,
		.lends = true,
	});
}

static uint16_t
take(const struct port_fixture *f, struct guest *guest, struct rte_mbuf **pkts)
{
	struct buffer_pools pools = {f->mbufs, f->jumbos};

	return virtqueue_rx(guest->vq, &pools, pkts, PORT_BURST);
}

// A frame of len bytes, all 'byte', in n pieces; the header lies in the first.
static void
post(struct guest *guest, uint8_t byte, uint32_t len, uint16_t n)
{
	static uint8_t bytes[ROOM];
	uint32_t lens[GUEST_PIECES_MAX];

	memset(bytes, 0, guest->header_len);
	memset(bytes + guest->header_len, byte, len);
	for (uint16_t i = 0; i < n; i++)
		lens[i] = len / n + (i == 0 ? guest->header_len + len % n : 0);
	assert_true(guest_post(guest, bytes, lens, n, false));
}

// Where the only buffer that is posted begins.
static uint64_t
only_buffer(const struct guest *guest)
{
	for (uint16_t i = 0; i < SIZE; i++)
		if (guest->records[i].active)
			return guest->records[i].addr[0];
	fail_msg("nothing is posted");
	return 0;
}

static uint16_t
reaped(struct guest *guest)
{
	uint16_t n = 0;
	uint32_t len;

	while (guest_reap(guest, NULL, 0, &len))
		n++;
	return n;
}

static void
test_given_back_when_freed(void **state)
{
	const struct port_fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(layouts); i++) {
		struct guest *guest = make_guest(layouts[i]);
		struct rte_mbuf *pkts[PORT_BURST];

		guest_calls_on(guest);
		guest_calls(guest);
		post(guest, 1, 60, 1);
		post(guest, 2, LONG, 1);
		post(guest, 3, 60, 1);
		post(guest, 4, LONG, 2);
		guest_publish(guest);
		assert_int_equal(take(f, guest, pkts), 4);
		assert_false(buffer_is_lent(pkts[0]));
		assert_true(buffer_is_lent(pkts[1]));
		assert_true(buffer_is_lent(pkts[3]));
		assert_true(virtqueue_lends(guest->vq));
		post(guest, 5, 60, 1);
		guest_publish(guest);
		// One at a time: the last one counts.
		for (uint16_t j = 0; j < 4; j++) {
			assert_int_equal(take(f, guest, &pkts[4]), 0);
			assert_int_equal(reaped(guest), 0);
			rte_pktmbuf_free(pkts[j]);
		}
		assert_false(virtqueue_lends(guest->vq));
		assert_int_equal(guest_calls(guest), 0);
		assert_int_equal(take(f, guest, pkts), 1);
		rte_pktmbuf_free(pkts[0]);
		assert_int_equal(reaped(guest), 5);
		assert_int_equal(guest_calls(guest), 2); // once for each burst
		guest_destroy(guest);
		assert_no_leak(f);
	}
}

// An idle queue is armed instead of read.
static void
test_arm_gives_back(void **state)
{
	const struct port_fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(layouts); i++) {
		struct guest *guest = make_guest(layouts[i]);
		struct rte_mbuf *pkts[PORT_BURST];

		post(guest, 1, LONG, 1);
		guest_publish(guest);
		assert_int_equal(take(f, guest, pkts), 1);
		assert_true(virtqueue_arm(guest->vq)); // to be asked again
		assert_int_equal(reaped(guest), 0);
		rte_pktmbuf_free(pkts[0]);
		assert_false(virtqueue_arm(guest->vq));
		assert_int_equal(reaped(guest), 1);
		guest_destroy(guest);
	}
}

static void
test_stop_gives_back(void **state)
{
	const struct port_fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(layouts); i++) {
		struct guest *guest = make_guest(layouts[i]);
		struct virtqueue_position position;
		struct rte_mbuf *pkts[PORT_BURST];
		char reason[128];

		post(guest, 1, LONG, 1);
		guest_publish(guest);
		assert_int_equal(take(f, guest, pkts), 1);
		rte_pktmbuf_free(pkts[0]);
		virtqueue_stop(guest->vq, &position);
		assert_int_equal(reaped(guest), 1);
		assert_true(virtqueue_position_fits(&guest->config, &position));
		guest->config.position = position;
		assert_int_equal(
			virtqueue_start(guest->vq, &guest->config, reason, sizeof(reason)), 0);
		post(guest, 2, 60, 1);
		guest_publish(guest);
		assert_int_equal(take(f, guest, pkts), 1);
		rte_pktmbuf_free(pkts[0]);
		assert_int_equal(reaped(guest), 1);
		guest_destroy(guest);
	}
}

// What headers are parsed from is ours: the guest may write what it likes meanwhile.
static void
test_headers_are_copied(void **state)
{
	const struct port_fixture *f = *state;
	struct guest *guest = make_guest(0);
	struct rte_mbuf *pkts[PORT_BURST];
	const uint8_t *bytes;
	uint8_t zero[1000] = {0};

	post(guest, 1, LONG, 1);
	guest_publish(guest);
	assert_int_equal(take(f, guest, pkts), 1);
	guest_write(guest, only_buffer(guest), zero, sizeof(zero));
	bytes = flat(pkts[0]);
	for (uint32_t i = 0; i < pkts[0]->data_len; i++)
		assert_int_equal(bytes[i], 1);
	assert_in_range(pkts[0]->data_len, 256, sizeof(zero) - 100);
	assert_int_equal(bytes[pkts[0]->data_len], 0);
	rte_pktmbuf_free(pkts[0]);
	guest_destroy(guest);
	assert_no_leak(f);
}

static void
test_what_is_not_lent(void **state)
{
	const struct {
		uint32_t len;
		uint16_t pieces;
		bool lent;
	} frames[] = {
		{1514, 1, false}, // lending would cost more
		{4000, 1, false},
		{9014, 1, true},
		{9014, 3, true},
		{9014, 5, false}, // less than 2 KiB each
		{65549, 1, true}, // the longest: an IP packet of 64 KiB - 1 behind a header of 14
		{65549, 18, true},
		{65549, 19, false},
	};
	const struct port_fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(frames); i++) {
		struct guest *guest = guest_create(&(struct guest_options){
			.size = 64, .features = MODERN, .chunk = ROOM, .lends = true});
		struct rte_mbuf *pkts[PORT_BURST];

		post(guest, 7, frames[i].len, frames[i].pieces);
		guest_publish(guest);
		assert_int_equal(take(f, guest, pkts), 1);
		assert_int_equal(pkts[0]->pkt_len, frames[i].len);
		assert_int_equal(buffer_is_lent(pkts[0]), frames[i].lent);
		rte_mbuf_sanity_check(pkts[0], 1);
		rte_pktmbuf_free(pkts[0]);
		guest_destroy(guest);
	}
	assert_no_leak(f);
}

// A checksum that would lie in lent memory is completed in a copy.
static void
test_checksum_field_is_ours(void **state)
{
	const struct port_fixture *f = *state;
	struct guest *guest = make_guest(0);
	struct virtio_net_hdr header = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 600, .csum_offset = 6};
	struct rte_mbuf *pkts[PORT_BURST];

	post(guest, 1, LONG, 1);
	guest_write(guest, only_buffer(guest), &header, sizeof(header));
	guest_publish(guest);
	if (take(f, guest, pkts) == 1) { // or refused, as a frame without TCP or UDP
		assert_false(buffer_is_lent(pkts[0]));
		rte_pktmbuf_free(pkts[0]);
	}
	assert_false(virtqueue_lends(guest->vq));
	guest_destroy(guest);
	assert_no_leak(f);
}

// Pools run dry in the middle of a frame: it waits where it is.
static void
test_no_memory(void **state)
{
	const struct port_fixture *f = *state;
	unsigned int n = rte_mempool_avail_count(f->mbufs) - 3;
	struct rte_mbuf **all = calloc(n, sizeof(*all)), *pkts[PORT_BURST];
	struct guest *guest = make_guest(0);

	post(guest, 1, LONG, 5);
	guest_publish(guest);
	assert_int_equal(rte_pktmbuf_alloc_bulk(f->mbufs, all, n), 0);
	assert_int_equal(take(f, guest, pkts), 0);
	assert_false(virtqueue_lends(guest->vq));
	assert_int_equal(reaped(guest), 0);
	assert_int_equal(rte_mempool_avail_count(f->mbufs), 3);
	rte_pktmbuf_free_bulk(all, n);
	assert_int_equal(take(f, guest, pkts), 1);
	rte_pktmbuf_free(pkts[0]);
	assert_int_equal(take(f, guest, pkts), 0);
	free(all);
	guest_destroy(guest);
	assert_no_leak(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given_back_when_freed),
		cmocka_unit_test(test_arm_gives_back),
		cmocka_unit_test(test_stop_gives_back),
		cmocka_unit_test(test_headers_are_copied),
		cmocka_unit_test(test_what_is_not_lent),
		cmocka_unit_test(test_checksum_field_is_ours),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, port_fixture_setup, port_fixture_teardown);
}
