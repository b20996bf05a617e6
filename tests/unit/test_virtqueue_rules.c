/* SPDX-License-Identifier: Apache-2.0 */

// What the queue owes the switch and the guest: notifications exactly as asked for, metadata only
// as negotiated, nothing lost when room or memory is missing or when the device is replaced.

#include <string.h>

#include <rte_udp.h>

#include "port_fixture.h"
#include "virtqueue_guest.h"
#include "vnet.h"

#define SIZE 16
#define PACKED GUEST_FEATURE(VIRTIO_F_RING_PACKED)
#define IN_ORDER GUEST_FEATURE(VIRTIO_F_IN_ORDER)
#define EVENT_IDX GUEST_FEATURE(VIRTIO_RING_F_EVENT_IDX)
#define MERGEABLE GUEST_FEATURE(VIRTIO_NET_F_MRG_RXBUF)
#define MODERN GUEST_FEATURE(VIRTIO_F_VERSION_1)
#define CHECKSUM GUEST_FEATURE(VIRTIO_NET_F_CSUM)
#define GUEST_CHECKSUM GUEST_FEATURE(VIRTIO_NET_F_GUEST_CSUM)
#define UDP_START (RTE_ETHER_HDR_LEN + 20)

static const uint64_t layouts[] = {0, IN_ORDER, PACKED, PACKED | IN_ORDER};

#define FOR_EACH_LAYOUT(layout)                                                 \
	for (size_t index_ = 0, layout = layouts[0]; index_ < RTE_DIM(layouts); \
		index_++, layout = layouts[index_ % RTE_DIM(layouts)])

static struct guest *
make_guest(uint64_t features, bool write)
{
	return guest_create(&(struct guest_options){
		.size = SIZE,
		.features = features | MODERN,
		.write = write,
		.chunk = 2048,
		.seed = 5,
	});
}

static uint16_t
take(const struct port_fixture *f, struct guest *guest, struct rte_mbuf **pkts, uint16_t n)
{
	struct buffer_pools pools = {f->mbufs, f->jumbos};

	return virtqueue_rx(guest->vq, &pools, pkts, n);
}

// Sends n frames through the guest's transmit queue in one burst, and reaps them.
static void
pass(const struct port_fixture *f, struct guest *guest, uint16_t n)
{
	struct rte_mbuf *pkts[PORT_BURST];
	static const uint8_t frame[100];
	uint32_t len;

	for (uint16_t i = 0; i < n; i++)
		assert_true(guest_send(guest, frame, sizeof(frame)));
	assert_int_equal(take(f, guest, pkts, PORT_BURST), n);
	rte_pktmbuf_free_bulk(pkts, n);
	for (uint16_t i = 0; i < n; i++)
		assert_true(guest_reap(guest, NULL, 0, &len));
}

static void
test_calls_by_flag(void **state)
{
	FOR_EACH_LAYOUT(layout)
	{
		struct guest *guest = make_guest(layout, false);
		struct virtqueue_stats stats;

		for (uint32_t i = 0; i < 100; i++) {
			guest_calls_on(guest);
			pass(*state, guest, (uint16_t)(1 + i % SIZE));
			assert_int_equal(guest_calls(guest), 1);
			guest_calls_off(guest);
			pass(*state, guest, (uint16_t)(1 + i % SIZE));
			assert_int_equal(guest_calls(guest), 0);
		}
		virtqueue_stats(guest->vq, &stats);
		assert_int_equal(stats.calls, 101); // one at the start
		guest_destroy(guest);
	}
}

// The guest asks for a call after some more buffers; it comes with the burst that gets there, over
// many rounds of the ring and of the index.
static void
test_calls_by_event(void **state)
{
	FOR_EACH_LAYOUT(layout)
	{
		struct guest *guest = make_guest(layout | EVENT_IDX, false);
		uint16_t left, n;

		for (uint32_t frames = 0; frames < 70000;) {
			left = (uint16_t)guest_random(guest, SIZE);
			guest_calls_after(guest, left);
			for (bool called = false; !called; frames += n) {
				n = (uint16_t)(1 + guest_random(guest, SIZE));
				pass(*state, guest, n);
				called = n > left;
				assert_int_equal(guest_calls(guest), called);
				left = (uint16_t)(left - n);
			}
			pass(*state, guest, 1); // past events are no events
			assert_int_equal(guest_calls(guest), 0);
			frames++;
		}
		guest_destroy(guest);
	}
}

static void
test_kicks(void **state)
{
	static const uint8_t frame[60];
	uint32_t len = 100;

	for (uint64_t event = 0; event <= EVENT_IDX; event += EVENT_IDX) {
		FOR_EACH_LAYOUT(layout)
		{
			struct guest *guest = make_guest(layout | event, false);

			// A started queue is armed.
			assert_true(guest_post(guest, frame, (uint32_t[]){60}, 1, false));
			assert_true(guest_publish(guest));
			assert_true(virtqueue_arm(guest->vq));
			for (uint32_t i = 0; i < 3 * SIZE; i++) {
				struct rte_mbuf *m;

				virtqueue_disarm(guest->vq);
				assert_int_equal(take(*state, guest, &m, 1), 1);
				rte_pktmbuf_free(m);
				assert_true(guest_reap(guest, NULL, 0, &len));
				if (i % 2 == 0)
					assert_false(virtqueue_arm(guest->vq));
				assert_true(guest_post(guest, frame, (uint32_t[]){60}, 1, false));
				assert_int_equal(guest_publish(guest), i % 2 == 0);
			}
			guest_destroy(guest);
		}
	}
}

// ------------------------------------------------------------------------------- metadata

static void
post_room(struct guest *guest, uint32_t len)
{
	assert_true(guest_post(guest, NULL, &len, 1, false));
	guest_publish(guest);
}

static void
expect_stop(struct guest *guest, struct rte_mbuf *m, enum port_tx_stop expected)
{
	enum port_tx_stop stop = PORT_TX_DOWN;

	assert_int_equal(virtqueue_tx(guest->vq, &m, 1, &stop), 0);
	assert_int_equal(stop, expected);
}

static void
expect_sent(struct guest *guest, struct rte_mbuf *m, struct virtio_net_hdr *header)
{
	static uint8_t frame[1 << 16];
	enum port_tx_stop stop = PORT_TX_DOWN;
	uint32_t len;

	assert_int_equal(virtqueue_tx(guest->vq, &m, 1, &stop), 1);
	assert_true(guest_receive(guest, header, frame, sizeof(frame), &len));
}

static struct rte_mbuf *
make_kind(const struct port_fixture *f, unsigned int kind, uint16_t payload)
{
	struct rte_mbuf *m = make_udp4(f, 9, payload, kind >= 2, kind == 3 ? 100 : 0);

	if (kind == 1)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return m;
}

// A burst of all kinds of frames into as many buffers.
static void
send_mixed(const struct port_fixture *f, struct guest *guest, unsigned int seed)
{
	struct virtio_net_hdr expected, header;
	struct rte_mbuf *pkts[SIZE], *copy;
	static uint8_t got[2048];
	enum port_tx_stop stop;
	uint32_t len;

	for (unsigned int i = 0; i < SIZE; i++) {
		pkts[i] = make_kind(f, (i * (seed | 1) + seed) % 4, (uint16_t)(300 + i));
		post_room(guest, 1500);
	}
	assert_int_equal(virtqueue_tx(guest->vq, pkts, SIZE, &stop), SIZE);
	for (unsigned int i = 0; i < SIZE; i++) {
		copy = make_kind(f, (i * (seed | 1) + seed) % 4, (uint16_t)(300 + i));
		vnet_from_mbuf(copy, &expected);
		assert_true(guest_receive(guest, &header, got, sizeof(got), &len));
		assert_memory_equal(&header, &expected, sizeof(header));
		assert_int_equal(len, copy->pkt_len);
		assert_memory_equal(got, flat(copy), len);
		rte_pktmbuf_free(copy);
	}
}

static void
test_metadata_only_as_negotiated(void **state)
{
	const struct port_fixture *f = *state;
	struct virtio_net_hdr header;

	FOR_EACH_LAYOUT(layout)
	{
		struct guest *plain = make_guest(layout, true);
		struct guest *checksum = make_guest(layout | GUEST_CHECKSUM, true);
		struct guest *super = make_guest(
			layout | GUEST_CHECKSUM | GUEST_FEATURE(VIRTIO_NET_F_GUEST_USO4), true);
		struct rte_mbuf *m = make_udp4(f, 9, 300, true, 0);
		struct guest *guests[] = {plain, checksum, super};

		for (size_t i = 0; i < 3; i++)
			for (int k = 0; k < 3; k++)
				post_room(guests[i], 1000);
		expect_stop(plain, m, PORT_TX_REFUSED);
		expect_sent(checksum, m, &header);
		assert_int_equal(header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(header.csum_start, UDP_START);
		assert_int_equal(header.csum_offset, 6);
		assert_int_equal(header.gso_type, VIRTIO_NET_HDR_GSO_NONE);
		m = make_udp4(f, 9, 300, true, 100);
		expect_stop(checksum, m, PORT_TX_REFUSED);
		expect_sent(super, m, &header);
		assert_int_equal(header.gso_type, VIRTIO_NET_HDR_GSO_UDP_L4);
		assert_int_equal(header.gso_size, 100);
		m = make_udp4(f, 9, 300, false, 0);
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		expect_sent(super, m, &header);
		assert_int_equal(header.flags, VIRTIO_NET_HDR_F_DATA_VALID);
		m = make_udp4(f, 9, 300, false, 0);
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		expect_sent(plain, m, &header);
		assert_int_equal(header.flags, 0);
		for (size_t i = 0; i < 3; i++)
			guest_destroy(guests[i]);
		assert_no_leak(f);
	}
}

// One frame with this header from the guest. Returns it, or NULL when it was dropped.
static struct rte_mbuf *
from_guest(const struct port_fixture *f, struct guest *guest, const struct virtio_net_hdr *header,
	bool in_pieces)
{
	struct rte_mbuf *m = make_udp4(f, 9, 300, true, 0), *got = NULL;
	uint32_t len = m->pkt_len, lens[2] = {guest->header_len, len};
	uint8_t bytes[1000] = {0};

	memcpy(bytes, header, sizeof(*header));
	memcpy(bytes + guest->header_len, flat(m), len);
	rte_pktmbuf_free(m);
	if (!in_pieces)
		lens[0] += len;
	assert_true(guest_post(guest, bytes, lens, in_pieces ? 2 : 1, false));
	guest_publish(guest);
	return take(f, guest, &got, 1) == 1 ? got : NULL;
}

static void
test_metadata_from_guest(void **state)
{
	const struct port_fixture *f = *state;
	struct virtio_net_hdr header = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = UDP_START,
		.csum_offset = 6,
	};
	struct virtio_net_hdr super = header, liar = header;
	struct virtqueue_stats stats;
	struct rte_mbuf *m;

	super.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
	super.gso_size = 100;
	liar.csum_start = 9000;
	FOR_EACH_LAYOUT(layout)
	{
		for (int in_pieces = 0; in_pieces < 2; in_pieces++) {
			struct guest *guest = make_guest(layout | CHECKSUM, false);

			m = from_guest(f, guest, &header, in_pieces);
			assert_checksum_completes(m);
			rte_pktmbuf_free(m);
			assert_null(from_guest(f, guest, &liar, in_pieces));
			assert_null(from_guest(f, guest, &super, in_pieces));
			virtqueue_stats(guest->vq, &stats);
			assert_int_equal(stats.malformed, 2);
			assert_int_equal(stats.packets, 1);
			guest_destroy(guest);

			// Without CSUM the header says nothing (virtio 1.2, 5.1.6.2.1).
			guest = make_guest(layout, false);
			m = from_guest(f, guest, &liar, in_pieces);
			assert_int_equal(m->ol_flags, 0);
			rte_pktmbuf_free(m);
			guest_destroy(guest);

			guest = make_guest(
				layout | CHECKSUM | GUEST_FEATURE(VIRTIO_NET_F_HOST_USO), false);
			m = from_guest(f, guest, &super, in_pieces);
			assert_int_equal(m->tso_segsz, 100);
			assert_true((m->ol_flags & RTE_MBUF_F_TX_UDP_SEG) != 0);
			rte_pktmbuf_free(m);
			guest_destroy(guest);
			assert_no_leak(f);
		}
	}
}

// Frames with and without metadata in one burst, after others whose headers are still in the
// guest's buffers: each has its own.
static void
test_headers_of_a_burst(void **state)
{
	const uint64_t features = GUEST_CHECKSUM | GUEST_FEATURE(VIRTIO_NET_F_GUEST_USO4);
	const struct port_fixture *f = *state;

	FOR_EACH_LAYOUT(layout)
	{
		for (int mergeable = 0; mergeable < 2; mergeable++) {
			struct guest *guest =
				make_guest(layout | features | (mergeable ? MERGEABLE : 0), true);

			for (unsigned int seed = 0; seed < 40; seed++)
				send_mixed(f, guest, seed);
			guest_destroy(guest);
			assert_no_leak(f);
		}
	}
}

// ------------------------------------------------------------------------- room and memory

static void
test_full(void **state)
{
	const struct port_fixture *f = *state;
	struct virtqueue_stats stats;
	struct virtio_net_hdr header;

	FOR_EACH_LAYOUT(layout)
	{
		struct guest *guest = make_guest(layout | MERGEABLE, true);
		struct rte_mbuf *m = make_udp4(f, 9, 900, false, 0);

		expect_stop(guest, m, PORT_TX_FULL);
		for (int i = 0; i < 3; i++) {
			post_room(guest, 300);
			expect_stop(guest, m, PORT_TX_FULL); // too few buffers: none is used
		}
		post_room(guest, 300);
		expect_sent(guest, m, &header);
		virtqueue_stats(guest->vq, &stats);
		assert_int_equal(stats.full, 4);
		assert_int_equal(stats.packets, 1);
		guest_destroy(guest);
		assert_no_leak(f);
	}
}

static void
test_buffer_too_short(void **state)
{
	const struct port_fixture *f = *state;
	struct virtio_net_hdr header;

	FOR_EACH_LAYOUT(layout)
	{
		struct guest *guest = make_guest(layout, true);
		struct rte_mbuf *m = make_udp4(f, 9, 900, false, 0);

		post_room(guest, 500);
		expect_stop(guest, m, PORT_TX_REFUSED);
		rte_pktmbuf_free(m);
		expect_sent(guest, make_udp4(f, 9, 400, false, 0), &header);
		guest_destroy(guest);
		assert_no_leak(f);
	}
}

static void
test_pool_runs_dry(void **state)
{
	const struct port_fixture *f = *state;
	static struct rte_mbuf *all[4096];
	struct rte_mbuf *pkts[PORT_BURST];
	static const uint8_t frame[100];

	FOR_EACH_LAYOUT(layout)
	{
		struct guest *guest = make_guest(layout, false);
		uint32_t n = 0;

		for (int i = 0; i < 6; i++)
			assert_true(guest_send(guest, frame, sizeof(frame)));
		while ((all[n] = rte_pktmbuf_alloc(f->mbufs)) != NULL)
			n++;
		assert_int_equal(take(f, guest, pkts, PORT_BURST), 0);
		for (int i = 0; i < 4; i++)
			rte_pktmbuf_free(all[--n]);
		assert_int_equal(take(f, guest, pkts, PORT_BURST), 4);
		rte_pktmbuf_free_bulk(pkts, 4);
		assert_int_equal(take(f, guest, pkts, PORT_BURST), 2);
		rte_pktmbuf_free_bulk(pkts, 2);
		rte_pktmbuf_free_bulk(all, n);
		guest_destroy(guest);
		assert_no_leak(f);
	}
}

// -------------------------------------------------------------------------------- position

static void
test_device_is_replaced(void **state)
{
	const struct port_fixture *f = *state;
	char reason[128];

	FOR_EACH_LAYOUT(layout)
	{
		struct guest *guest = make_guest(layout, false);
		struct virtqueue_position position;

		guest_calls_off(guest);
		for (uint32_t i = 0; i < 100; i++) {
			pass(f, guest, (uint16_t)(1 + i % 7));
			virtqueue_stop(guest->vq, &position);
			assert_true(virtqueue_position_fits(&guest->config, &position));
			guest->config.position = position;
			memset(guest->vq, 0, virtqueue_bytes(SIZE));
			assert_int_equal(
				virtqueue_start(guest->vq, &guest->config, reason, sizeof(reason)),
				0);
			assert_int_equal(guest_calls(guest), 1);
		}
		guest_destroy(guest);
	}
}

// Written down before the last burst: the ring tells.
static void
test_position_of_the_past(void **state)
{
	const struct port_fixture *f = *state;

	FOR_EACH_LAYOUT(layout)
	{
		struct guest *guest = make_guest(layout, false);
		struct virtqueue_position before, after;

		for (uint32_t i = 0; i < 50; i++) {
			virtqueue_stop(guest->vq, &before);
			pass(f, guest, (uint16_t)(1 + i % 7));
			virtqueue_stop(guest->vq, &after);
			assert_false(virtqueue_position_fits(&guest->config, &before));
			assert_true(virtqueue_position_fits(&guest->config, &after));
			after.used_wrap = !after.used_wrap;
			if (guest->packed)
				assert_false(virtqueue_position_fits(&guest->config, &after));
		}
		guest_destroy(guest);
	}
}

static void
expect_refused(const struct virtqueue_config *config)
{
	static uint64_t memory[512];
	char reason[128] = "";

	assert_true(virtqueue_bytes(config->size) <= sizeof(memory));
	assert_int_equal(virtqueue_start((void *)memory, config, reason, sizeof(reason)), -22);
	assert_true(strlen(reason) > 10);
}

static void
test_start_refuses(void **state)
{
	FOR_EACH_LAYOUT(layout)
	{
		struct guest *guest = make_guest(layout, false);
		struct virtqueue_config config = guest->config;

		config.size = 0;
		expect_refused(&config);
		config.size = 33000;
		expect_refused(&config);
		config = guest->config;
		config.desc = (uint8_t *)config.desc + 8;
		expect_refused(&config);
		config = guest->config;
		config.device = NULL;
		expect_refused(&config);
		config = guest->config;
		if (guest->packed)
			config.position.used = SIZE;
		else
			config.size = 15;
		expect_refused(&config);
		guest_destroy(guest);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls_by_flag),
		cmocka_unit_test(test_calls_by_event),
		cmocka_unit_test(test_kicks),
		cmocka_unit_test(test_metadata_only_as_negotiated),
		cmocka_unit_test(test_metadata_from_guest),
		cmocka_unit_test(test_headers_of_a_burst),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_buffer_too_short),
		cmocka_unit_test(test_pool_runs_dry),
		cmocka_unit_test(test_device_is_replaced),
		cmocka_unit_test(test_position_of_the_past),
		cmocka_unit_test(test_start_refuses),
	};

	return cmocka_run_group_tests(tests, port_fixture_setup, port_fixture_teardown);
}
