/* SPDX-License-Identifier: Apache-2.0 */

// Every combination of ring features, random traffic from one guest to another through both
// directions of the device, every byte compared.

#include <string.h>

#include "port_fixture.h"
#include "virtqueue_guest.h"

#define SIZE 64
#define CHUNK 4096
#define FRAMES 1500
#define LONGEST 66000

#define PACKED GUEST_FEATURE(VIRTIO_F_RING_PACKED)
#define IN_ORDER GUEST_FEATURE(VIRTIO_F_IN_ORDER)
#define EVENT_IDX GUEST_FEATURE(VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT GUEST_FEATURE(VIRTIO_RING_F_INDIRECT_DESC)
#define MERGEABLE GUEST_FEATURE(VIRTIO_NET_F_MRG_RXBUF)
#define MODERN GUEST_FEATURE(VIRTIO_F_VERSION_1)

static uint8_t frame[LONGEST], received[LONGEST];

// The nth frame of a run: what it holds follows from n alone.
static void
fill(uint32_t n, uint32_t len)
{
	uint32_t word = n * 2654435761u;

	for (uint32_t i = 0; i < len; i++) {
		word = word * 1664525u + 1013904223u;
		frame[i] = (uint8_t)(word >> 24);
	}
}

static uint32_t
length_of(uint64_t seed, uint32_t n, uint32_t longest)
{
	uint32_t dice = (uint32_t)(((seed + 1) * 1000003 + n) * UINT64_C(0x9e3779b97f4a7c15) >> 32);

	return dice % 8 == 0 ? 14 + (dice >> 3) % (longest - 14) : 60 + (dice >> 3) % 200;
}

struct run {
	const struct port_fixture *f;
	struct guest *from, *to;
	uint64_t seed;
	uint32_t longest;
	uint32_t posted, delivered;
	uint32_t lens[FRAMES];
	uint32_t hash; // of what the switch saw
	uint32_t lent; // frames
	struct rte_mbuf *pkts[PORT_BURST];
	uint16_t n_pkts;
};

// Cuts len into up to GUEST_PIECES_MAX pieces at random.
static uint16_t
cut(struct guest *guest, uint32_t len, uint16_t most, uint32_t *lens)
{
	uint16_t n = (uint16_t)(1 + guest_random(guest, most)), i;

	for (i = 0; i + 1 < n && len > 1; i++) {
		lens[i] = guest_random(guest, 4) == 0 ? RTE_MIN(len - 1, guest->header_len)
						      : 1 + guest_random(guest, len - 1);
		len -= lens[i];
	}
	lens[i] = len;
	return (uint16_t)(i + 1);
}

static bool
may_be_indirect(const struct guest *guest)
{
	return (guest->config.features & INDIRECT) != 0;
}

static void
post_frames(struct run *run)
{
	struct guest *guest = run->from;
	uint32_t len, lens[GUEST_PIECES_MAX], most = guest_random(guest, 40);
	static uint8_t bytes[LONGEST + 12];
	bool plain = guest_random(guest, 3) == 0;
	uint16_t n;

	while (run->posted < FRAMES && most-- > 0) {
		len = length_of(run->seed, run->posted, run->longest);
		fill(run->posted, len);
		memset(bytes, 0, guest->header_len);
		memcpy(bytes + guest->header_len, frame, len);
		n = cut(guest, guest->header_len + len, plain ? 1 : 6, lens);
		if (!guest_post(guest, bytes, lens, n,
			    may_be_indirect(guest) && guest_random(guest, 2) == 0 && !plain))
			break;
		run->lens[run->posted++] = len;
	}
	guest_publish(guest);
}

static void
post_buffers(struct run *run)
{
	struct guest *guest = run->to;
	uint32_t lens[GUEST_PIECES_MAX], most = guest_random(guest, 40), len;
	bool plain = guest_random(guest, 3) == 0, indirect;
	uint16_t n;

	while (most-- > 0) {
		len = guest->header_len + run->longest;
		if ((guest->config.features & MERGEABLE) != 0)
			len = guest->header_len + guest_random(guest, 2 * len / 3);
		n = cut(guest, len, plain ? 1 : 6, lens);
		indirect = !plain && may_be_indirect(guest) && guest_random(guest, 2) == 0;
		if (!guest_post(guest, NULL, lens, n, indirect))
			break;
	}
	guest_publish(guest);
}

static void
hash(struct run *run, const struct rte_mbuf *m)
{
	const uint8_t *bytes = flat(m);

	run->hash = run->hash * 31 + m->pkt_len;
	for (uint32_t i = 0; i < m->pkt_len; i++)
		run->hash = run->hash * 31 + bytes[i];
}

static void
forward(struct run *run)
{
	struct buffer_pools pools = {run->f->mbufs, run->f->jumbos};
	enum port_tx_stop stop = PORT_TX_DOWN;
	uint16_t sent;

	if (run->n_pkts == 0) {
		run->n_pkts = virtqueue_rx(run->from->vq, &pools, run->pkts,
			(uint16_t)(1 + guest_random(run->from, PORT_BURST)));
		for (uint16_t i = 0; i < run->n_pkts; i++) {
			hash(run, run->pkts[i]);
			run->lent += buffer_is_lent(run->pkts[i]);
		}
	}
	sent = virtqueue_tx(run->to->vq, run->pkts, run->n_pkts, &stop);
	assert_true(sent == run->n_pkts || stop == PORT_TX_FULL);
	memmove(run->pkts, run->pkts + sent, (run->n_pkts - sent) * sizeof(run->pkts[0]));
	run->n_pkts = (uint16_t)(run->n_pkts - sent);
	assert_null(virtqueue_broken(run->from->vq));
	assert_null(virtqueue_broken(run->to->vq));
}

static void
check_received(struct run *run)
{
	struct virtio_net_hdr header, none = {0};
	uint32_t len;

	while (guest_receive(run->to, &header, received, sizeof(received), &len)) {
		assert_int_equal(len, run->lens[run->delivered]);
		fill(run->delivered, len);
		assert_memory_equal(received, frame, len);
		assert_memory_equal(&header, &none, sizeof(header));
		run->delivered++;
	}
	while (guest_reap(run->from, NULL, 0, &len))
		assert_int_equal(len, 0);
}

static void
check_stats(const struct run *run)
{
	struct virtqueue_stats from, to;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < FRAMES; i++)
		bytes += run->lens[i];
	virtqueue_stats(run->from->vq, &from);
	virtqueue_stats(run->to->vq, &to);
	assert_int_equal(from.packets, FRAMES);
	assert_int_equal(to.packets, FRAMES);
	assert_int_equal(from.bytes, bytes);
	assert_int_equal(to.bytes, bytes);
	assert_int_equal(from.malformed + to.malformed, 0);
}

struct result {
	uint32_t hash; // of the frames as mbufs
	uint32_t lent; // how many
};

static struct result
pass(const struct port_fixture *f, uint64_t from, uint64_t to, uint32_t longest, uint64_t seed,
	bool lends)
{
	struct guest_options options = {
		.size = SIZE,
		.features = from,
		.chunk = longest + 12,
		.seed = seed,
		.position = (uint16_t)((from & PACKED) != 0 ? 13 : 65500),
		.lends = lends,
	};
	static struct run run;

	run = (struct run){.f = f, .seed = seed, .longest = longest};
	run.from = guest_create(&options);
	options.features = to;
	options.write = true;
	options.position = (uint16_t)((to & PACKED) != 0 ? 63 : 65500);
	run.to = guest_create(&options);
	for (uint32_t turns = 0; run.delivered < FRAMES; turns++) {
		assert_true(turns < 100 * FRAMES);
		post_frames(&run);
		post_buffers(&run);
		forward(&run);
		check_received(&run);
	}
	check_stats(&run);
	guest_destroy(run.from);
	guest_destroy(run.to);
	assert_no_leak(f);
	return (struct result){run.hash, run.lent};
}

static uint32_t
round_trip(
	const struct port_fixture *f, uint64_t from, uint64_t to, uint32_t longest, uint64_t seed)
{
	return pass(f, from, to, longest, seed, false).hash;
}

static uint64_t
features_of(uint32_t bits)
{
	return ((bits & 1) != 0 ? PACKED | MODERN : 0) | ((bits & 2) != 0 ? IN_ORDER : 0)
	       | ((bits & 4) != 0 ? EVENT_IDX : 0) | ((bits & 8) != 0 ? INDIRECT : 0)
	       | ((bits & 16) != 0 ? MERGEABLE : 0) | ((bits & 32) != 0 ? MODERN : 0);
}

static void
test_every_feature(void **state)
{
	for (uint32_t bits = 0; bits < 64; bits++)
		round_trip(*state, features_of(bits), features_of(bits), CHUNK, bits + 1);
}

static void
test_every_layout_to_every_other(void **state)
{
	for (uint32_t from = 0; from < 4; from++)
		for (uint32_t to = 0; to < 4; to++)
			round_trip(*state, features_of(from | 8), features_of(to | 16), 9000,
				from * 4 + to);
}

static void
test_super_frames(void **state)
{
	for (uint32_t bits = 0; bits < 4; bits++)
		round_trip(*state, features_of(bits | 8), features_of(bits | 24), 65549, bits);
}

// Frames come out the same, copied or lent.
static void
test_lent_frames(void **state)
{
	for (uint32_t bits = 0; bits < 16; bits++) {
		uint32_t longest = bits % 3 == 0 ? 9000 : 65549;
		struct result copied, lent;

		copied = pass(
			*state, features_of(bits), features_of(bits | 16), longest, bits, false);
		lent = pass(*state, features_of(bits), features_of(bits | 16), longest, bits, true);
		assert_int_equal(copied.hash, lent.hash);
		assert_int_equal(copied.lent, 0);
		assert_in_range(lent.lent, 50, FRAMES / 8);
	}
}

static void
test_layouts_agree(void **state)
{
	uint32_t first = round_trip(*state, MODERN, MODERN, CHUNK, 99);

	for (uint32_t bits = 1; bits < 32; bits++)
		assert_int_equal(
			first, round_trip(*state, features_of(bits), features_of(bits), CHUNK, 99));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_feature),
		cmocka_unit_test(test_every_layout_to_every_other),
		cmocka_unit_test(test_super_frames),
		cmocka_unit_test(test_lent_frames),
		cmocka_unit_test(test_layouts_agree),
	};

	return cmocka_run_group_tests(tests, port_fixture_setup, port_fixture_teardown);
}
