/* SPDX-License-Identifier: Apache-2.0 */

// A guest that breaks the rules: its queue stops with a sentence, or its frame is dropped and
// counted; nothing outside of its memory is ever touched (the sanitizers watch).

#include <pthread.h>
#include <string.h>

#include "port_fixture.h"
#include "virtqueue_guest.h"

#define SIZE 16
#define PACKED GUEST_FEATURE(VIRTIO_F_RING_PACKED)
#define INDIRECT GUEST_FEATURE(VIRTIO_RING_F_INDIRECT_DESC)
#define MERGEABLE GUEST_FEATURE(VIRTIO_NET_F_MRG_RXBUF)
#define MODERN GUEST_FEATURE(VIRTIO_F_VERSION_1)
#define AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define USED (1u << VRING_PACKED_DESC_F_USED)

struct raw {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next; // packed: id
};

static struct guest *
make_guest(uint64_t features, bool write)
{
	return guest_create(&(struct guest_options){.size = SIZE,
		.features = features | MODERN,
		.write = write,
		.chunk = 65536,
		.seed = 3});
}

// The descriptor that the guest wrote last as the first of a buffer, and not yet published.
static uint16_t
last_head(const struct guest *guest)
{
	return guest->order[(guest->order_tail - 1) % GUEST_SIZE_MAX];
}

static struct raw
get(const struct guest *guest)
{
	uint16_t at = guest->packed ? guest->published : last_head(guest);
	const uint8_t *desc = (const uint8_t *)guest->config.desc + 16u * at;
	struct raw raw;

	memcpy(&raw, desc, sizeof(raw));
	if (guest->packed) {
		raw.len = (uint32_t)guest->held;
		raw.next = (uint16_t)(guest->held >> 32);
		raw.flags = (uint16_t)(guest->held >> 48);
	}
	return raw;
}

static void
set(struct guest *guest, struct raw raw)
{
	uint16_t at = guest->packed ? guest->published : last_head(guest);
	uint8_t *desc = (uint8_t *)guest->config.desc + 16u * at;

	if (!guest->packed) {
		memcpy(desc, &raw, sizeof(raw));
		return;
	}
	memcpy(desc, &raw.addr, 8);
	guest->held = raw.len | (uint64_t)raw.next << 32 | (uint64_t)raw.flags << 48;
}

// An entry of the table in the last buffer's chunk.
static void
set_entry(struct guest *guest, uint16_t i, struct raw raw)
{
	uint16_t second = raw.flags;

	if (guest->packed) {
		raw.flags = raw.next;
		raw.next = second;
	}
	guest_write(guest, guest_chunk(guest, last_head(guest)) + 16u * i, &raw, sizeof(raw));
}

static void
make_table(struct guest *guest, uint32_t bytes)
{
	struct raw raw = get(guest);

	raw.addr = guest_chunk(guest, last_head(guest));
	raw.len = bytes;
	raw.flags = (uint16_t)((raw.flags & ~VRING_DESC_F_WRITE) | VRING_DESC_F_INDIRECT);
	set(guest, raw);
}

static struct raw
good_entry(const struct guest *guest)
{
	struct raw raw = get(guest);

	raw.flags = guest->write ? VRING_DESC_F_WRITE : 0;
	raw.next = 0;
	return raw;
}

#define CHANGE(name, change)                  \
	static void name(struct guest *guest) \
	{                                     \
		struct raw raw = get(guest);  \
                                              \
		change;                       \
		set(guest, raw);              \
	}

CHANGE(address_outside, raw.addr = 0x1000)
CHANGE(address_wraps, raw.addr = UINT64_MAX - 10)
CHANGE(address_behind, raw.addr = GUEST_BASE + guest->bytes)
CHANGE(length_beyond, raw.len = UINT32_MAX)
CHANGE(end_beyond, raw.addr = GUEST_BASE + guest->bytes - 100; raw.len = 101)
CHANGE(frame_one_beyond, raw.len = guest->header_len + 64;
	raw.addr = GUEST_BASE + guest->bytes - raw.len + 1)
CHANGE(room_one_beyond, raw.addr = GUEST_BASE + guest->bytes - guest->header_len - 442 + 1)
CHANGE(length_zero, raw.len = 0)
CHANGE(length_of_header, raw.len = guest->header_len)
CHANGE(length_runt, raw.len = guest->header_len + 13)
CHANGE(length_short, raw.len = guest->header_len - 1)
CHANGE(length_long, raw.addr = GUEST_BASE; raw.len = 80000)
CHANGE(writable, raw.flags |= VRING_DESC_F_WRITE)
CHANGE(readable, raw.flags &= (uint16_t)~VRING_DESC_F_WRITE)
CHANGE(link_outside, raw.flags |= VRING_DESC_F_NEXT; raw.next = SIZE)
CHANGE(link_to_itself, raw.flags |= VRING_DESC_F_NEXT; raw.next = last_head(guest))
CHANGE(chain_without_end, raw.flags |= VRING_DESC_F_NEXT)
CHANGE(table_and_link, raw.flags |= VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT; raw.len = 16)
CHANGE(table_outside, raw.addr = 0x1000; raw.len = 32; raw.flags |= VRING_DESC_F_INDIRECT)

static void
table_unasked(struct guest *guest)
{
	set_entry(guest, 0, good_entry(guest));
	make_table(guest, 16);
}

static void
table_empty(struct guest *guest)
{
	make_table(guest, 0);
}

static void
table_uneven(struct guest *guest)
{
	make_table(guest, 24);
}

static void
table_huge(struct guest *guest)
{
	make_table(guest, 16u << 20);
}

static void
table_of_nothing(struct guest *guest)
{
	struct raw raw = good_entry(guest);

	raw.len = 0;
	set_entry(guest, 0, raw);
	make_table(guest, 16);
}

static void
table_in_table(struct guest *guest)
{
	struct raw raw = good_entry(guest);

	raw.flags |= VRING_DESC_F_INDIRECT;
	set_entry(guest, 0, raw);
	make_table(guest, 16);
}

static void
table_links_outside(struct guest *guest)
{
	struct raw raw = good_entry(guest);

	raw.flags |= VRING_DESC_F_NEXT;
	raw.next = 2;
	set_entry(guest, 0, raw);
	make_table(guest, 32);
}

static void
table_loops(struct guest *guest)
{
	struct raw raw = good_entry(guest);

	raw.flags |= VRING_DESC_F_NEXT;
	raw.len = 1;
	set_entry(guest, 0, raw);
	make_table(guest, 64);
}

static void
table_wrong_way(struct guest *guest)
{
	struct raw raw = good_entry(guest);

	raw.flags ^= VRING_DESC_F_WRITE;
	set_entry(guest, 0, raw);
	make_table(guest, 16);
}

static void
table_points_outside(struct guest *guest)
{
	struct raw raw = good_entry(guest);

	raw.addr = 8;
	set_entry(guest, 0, raw);
	make_table(guest, 16);
}

static void
head_outside(struct guest *guest)
{
	((uint16_t *)guest->config.driver)[2 + guest->published % SIZE] = SIZE;
}

static void
index_jumps(struct guest *guest)
{
	guest->avail = (uint16_t)(guest->avail + SIZE);
}

static void
index_falls(struct guest *guest)
{
	guest->avail = (uint16_t)(guest->avail - 3);
}

enum outcome {
	BREAKS,
	DROPS, // counted, given back
};

enum on {
	ON_SPLIT = 1,
	ON_PACKED = 2,
	ON_BOTH = 3,
};

struct attack {
	const char *name;
	void (*strike)(struct guest *guest);
	enum on on;
	enum outcome outcome;
	uint64_t features;
};

#define ATTACK(strike, ...)                  \
	{                                    \
#strike, strike, __VA_ARGS__ \
	}

// On the guest's transmit queue.
static const struct attack rx_attacks[] = {
	ATTACK(address_outside, ON_BOTH, BREAKS, 0),
	ATTACK(address_wraps, ON_BOTH, BREAKS, 0),
	ATTACK(address_behind, ON_BOTH, BREAKS, 0),
	ATTACK(length_beyond, ON_BOTH, BREAKS, 0),
	ATTACK(end_beyond, ON_BOTH, BREAKS, 0),
	ATTACK(frame_one_beyond, ON_BOTH, BREAKS, 0),
	ATTACK(length_zero, ON_BOTH, DROPS, 0),
	ATTACK(length_short, ON_BOTH, DROPS, 0),
	ATTACK(length_of_header, ON_BOTH, DROPS, 0),
	ATTACK(length_runt, ON_BOTH, DROPS, 0),
	ATTACK(length_long, ON_BOTH, DROPS, 0),
	ATTACK(writable, ON_BOTH, BREAKS, 0),
	ATTACK(link_outside, ON_SPLIT, BREAKS, 0),
	ATTACK(link_to_itself, ON_SPLIT, BREAKS, 0),
	ATTACK(chain_without_end, ON_PACKED, BREAKS, 0),
	ATTACK(table_unasked, ON_BOTH, BREAKS, 0),
	ATTACK(table_and_link, ON_BOTH, BREAKS, INDIRECT),
	ATTACK(table_outside, ON_BOTH, BREAKS, INDIRECT),
	ATTACK(table_empty, ON_BOTH, BREAKS, INDIRECT),
	ATTACK(table_uneven, ON_BOTH, BREAKS, INDIRECT),
	ATTACK(table_huge, ON_BOTH, DROPS, INDIRECT),
	ATTACK(table_of_nothing, ON_BOTH, DROPS, INDIRECT),
	ATTACK(table_in_table, ON_SPLIT, BREAKS, INDIRECT),
	ATTACK(table_links_outside, ON_SPLIT, BREAKS, INDIRECT),
	ATTACK(table_loops, ON_SPLIT, BREAKS, INDIRECT),
	ATTACK(table_wrong_way, ON_BOTH, BREAKS, INDIRECT),
	ATTACK(table_points_outside, ON_BOTH, BREAKS, INDIRECT),
	ATTACK(head_outside, ON_SPLIT, BREAKS, 0),
	ATTACK(index_jumps, ON_SPLIT, BREAKS, 0),
	ATTACK(index_falls, ON_SPLIT, BREAKS, 0),
};

static struct buffer_pools
pools_of(const struct port_fixture *f)
{
	return (struct buffer_pools){f->mbufs, f->jumbos};
}

static void
post(struct guest *guest, uint32_t len)
{
	assert_true(guest_post(guest, NULL, &len, 1, false));
}

static void
post_frame(struct guest *guest, uint32_t len)
{
	static uint8_t bytes[4096];

	assert_true(guest_post(guest, bytes, &len, 1, false));
}

static void
expect_broken(struct guest *guest, const struct attack *attack)
{
	if (virtqueue_broken(guest->vq) == NULL)
		fail_msg("%s did not stop the queue", attack->name);
	assert_true(strlen(virtqueue_broken(guest->vq)) > 10);
	assert_false(virtqueue_arm(guest->vq));
	virtqueue_disarm(guest->vq);
}

static void
strike_rx(const struct port_fixture *f, const struct attack *attack, uint64_t layout)
{
	struct guest *guest = make_guest(attack->features | layout, false);
	struct buffer_pools pools = pools_of(f);
	struct rte_mbuf *pkts[PORT_BURST];
	struct virtqueue_stats stats;
	uint32_t len;
	uint16_t n;

	post_frame(guest, 100);
	guest_publish(guest);
	post_frame(guest, 100);
	attack->strike(guest);
	guest_publish(guest);
	n = virtqueue_rx(guest->vq, &pools, pkts, PORT_BURST);
	for (uint16_t i = 0; i < n; i++)
		rte_pktmbuf_free(pkts[i]);
	virtqueue_stats(guest->vq, &stats);
	assert_int_equal(stats.packets, n);
	if (attack->outcome == BREAKS) {
		expect_broken(guest, attack);
		assert_true(n <= 1);
		assert_int_equal(virtqueue_rx(guest->vq, &pools, pkts, PORT_BURST), 0);
	} else {
		if (virtqueue_broken(guest->vq) != NULL)
			fail_msg("%s: %s", attack->name, virtqueue_broken(guest->vq));
		assert_int_equal(n, 1);
		assert_int_equal(stats.malformed, 1);
		assert_true(guest_reap(guest, NULL, 0, &len));
		assert_true(guest_reap(guest, NULL, 0, &len));
		post_frame(guest, 100);
		guest_publish(guest);
		assert_int_equal(virtqueue_rx(guest->vq, &pools, pkts, PORT_BURST), 1);
		rte_pktmbuf_free(pkts[0]);
	}
	guest_destroy(guest);
	assert_no_leak(f);
}

static void
test_transmit_queue(void **state)
{
	for (size_t i = 0; i < RTE_DIM(rx_attacks); i++) {
		if ((rx_attacks[i].on & ON_SPLIT) != 0)
			strike_rx(*state, &rx_attacks[i], 0);
		if ((rx_attacks[i].on & ON_PACKED) != 0)
			strike_rx(*state, &rx_attacks[i], PACKED);
	}
}

// On the guest's receive queue: DROPS means that the frame was refused and the buffer stays.
static const struct attack tx_attacks[] = {
	ATTACK(address_outside, ON_BOTH, BREAKS, 0),
	ATTACK(address_wraps, ON_BOTH, BREAKS, MERGEABLE),
	ATTACK(address_behind, ON_BOTH, BREAKS, 0),
	ATTACK(end_beyond, ON_BOTH, BREAKS, 0),
	ATTACK(room_one_beyond, ON_BOTH, BREAKS, 0),
	ATTACK(length_zero, ON_BOTH, BREAKS, MERGEABLE),
	ATTACK(length_short, ON_BOTH, BREAKS, MERGEABLE),
	ATTACK(length_of_header, ON_BOTH, DROPS, 0),
	ATTACK(length_runt, ON_BOTH, DROPS, 0),
	ATTACK(readable, ON_BOTH, BREAKS, 0),
	ATTACK(link_outside, ON_SPLIT, BREAKS, 0),
	ATTACK(link_to_itself, ON_SPLIT, BREAKS, 0),
	ATTACK(chain_without_end, ON_PACKED, BREAKS, 0),
	ATTACK(table_unasked, ON_BOTH, BREAKS, 0),
	ATTACK(table_and_link, ON_BOTH, BREAKS, INDIRECT),
	ATTACK(table_empty, ON_BOTH, BREAKS, INDIRECT),
	ATTACK(table_huge, ON_BOTH, DROPS, INDIRECT),
	ATTACK(table_in_table, ON_SPLIT, BREAKS, INDIRECT),
	ATTACK(table_wrong_way, ON_BOTH, BREAKS, INDIRECT),
	ATTACK(head_outside, ON_SPLIT, BREAKS, 0),
	ATTACK(index_jumps, ON_SPLIT, BREAKS, 0),
	ATTACK(index_falls, ON_SPLIT, BREAKS, 0),
};

static void
strike_tx(const struct port_fixture *f, const struct attack *attack, uint64_t layout)
{
	struct guest *guest = make_guest(attack->features | layout, true);
	struct rte_mbuf *m = make_udp4(f, 9, 400, false, 0);
	enum port_tx_stop stop = PORT_TX_FULL;

	post(guest, 600);
	attack->strike(guest);
	guest_publish(guest);
	assert_int_equal(virtqueue_tx(guest->vq, &m, 1, &stop), 0);
	if (attack->outcome == BREAKS) {
		expect_broken(guest, attack);
		assert_int_equal(stop, PORT_TX_DOWN);
		assert_int_equal(virtqueue_tx(guest->vq, &m, 1, &stop), 0);
		assert_int_equal(stop, PORT_TX_DOWN);
	} else {
		if (virtqueue_broken(guest->vq) != NULL)
			fail_msg("%s: %s", attack->name, virtqueue_broken(guest->vq));
		assert_int_equal(stop, PORT_TX_REFUSED);
	}
	rte_pktmbuf_free(m);
	guest_destroy(guest);
	assert_no_leak(f);
}

static void
test_receive_queue(void **state)
{
	for (size_t i = 0; i < RTE_DIM(tx_attacks); i++) {
		if ((tx_attacks[i].on & ON_SPLIT) != 0)
			strike_tx(*state, &tx_attacks[i], 0);
		if ((tx_attacks[i].on & ON_PACKED) != 0)
			strike_tx(*state, &tx_attacks[i], PACKED);
	}
}

// Nonsense is dropped, but a call handles only so much of it.
static void
test_nonsense_takes_turns(void **state)
{
	for (uint64_t layout = 0; layout <= PACKED; layout += PACKED) {
		struct guest *guest = make_guest(layout, false);
		struct buffer_pools pools = pools_of(*state);
		struct rte_mbuf *pkts[PORT_BURST];
		struct virtqueue_stats stats;

		for (uint16_t i = 0; i < SIZE; i++)
			post_frame(guest, guest->header_len);
		guest_publish(guest);
		assert_int_equal(virtqueue_rx(guest->vq, &pools, pkts, 5), 0);
		virtqueue_stats(guest->vq, &stats);
		assert_int_equal(stats.malformed, 5);
		assert_int_equal(virtqueue_rx(guest->vq, &pools, pkts, PORT_BURST), 0);
		virtqueue_stats(guest->vq, &stats);
		assert_int_equal(stats.malformed, SIZE);
		guest_destroy(guest);
	}
}

struct mutator {
	struct guest *guest;
	_Atomic bool stop;
};

// Writes over rings and tables while the device reads them.
static void *
mutate(void *argument)
{
	struct mutator *mutator = argument;
	struct guest *guest = mutator->guest;
	uint32_t *desc = guest->config.desc;
	uint64_t random = 88172645463325252u;

	while (!atomic_load(&mutator->stop)) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		__atomic_store_n(&desc[(random >> 8) % (4 * SIZE)],
			(random & 1) != 0 ? (uint32_t)(random >> 32) : 100, __ATOMIC_RELAXED);
		if (!guest->packed)
			__atomic_store_n((uint16_t *)guest->config.driver + 1,
				(uint16_t)(random >> 40), __ATOMIC_RELAXED);
	}
	return NULL;
}

static void
restart(struct guest *guest)
{
	struct virtqueue_position position;
	char reason[128];

	virtqueue_stop(guest->vq, &position);
	guest->config.position = position;
	assert_int_equal(virtqueue_start(guest->vq, &guest->config, reason, sizeof(reason)), 0);
}

static void
meet_mutator(const struct port_fixture *f, uint64_t features, bool write)
{
	struct mutator mutator = {.guest = make_guest(features, write)};
	struct buffer_pools pools = pools_of(f);
	struct rte_mbuf *pkts[PORT_BURST];
	enum port_tx_stop stop;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, mutate, &mutator), 0);
	for (uint32_t i = 0; i < 20000; i++) {
		uint16_t n = 1;

		if (write) {
			pkts[0] = make_udp4(f, 9, 300, false, 0);
			n = (uint16_t)(1 - virtqueue_tx(mutator.guest->vq, pkts, 1, &stop));
		} else {
			n = virtqueue_rx(mutator.guest->vq, &pools, pkts, PORT_BURST);
		}
		for (uint16_t k = 0; k < n; k++)
			rte_pktmbuf_free(pkts[k]);
		if (virtqueue_broken(mutator.guest->vq) != NULL)
			restart(mutator.guest);
	}
	atomic_store(&mutator.stop, true);
	pthread_join(thread, NULL);
	guest_destroy(mutator.guest);
	assert_no_leak(f);
}

static void
test_memory_changes_meanwhile(void **state)
{
	for (uint64_t layout = 0; layout <= PACKED; layout += PACKED) {
		meet_mutator(*state, layout | INDIRECT, false);
		meet_mutator(*state, layout | INDIRECT | MERGEABLE, true);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transmit_queue),
		cmocka_unit_test(test_receive_queue),
		cmocka_unit_test(test_nonsense_takes_turns),
		cmocka_unit_test(test_memory_changes_meanwhile),
	};

	return cmocka_run_group_tests(tests, port_fixture_setup, port_fixture_teardown);
}
