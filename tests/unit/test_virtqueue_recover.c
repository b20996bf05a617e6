/* SPDX-License-Identifier: Apache-2.0 */

// A device that follows one that died without a word goes on in the same packed ring: every frame
// arrives once and in order, every buffer comes back.

#include <string.h>

#include "port_fixture.h"
#include "virtqueue_guest.h"

#define PACKED GUEST_FEATURE(VIRTIO_F_RING_PACKED)
#define IN_ORDER GUEST_FEATURE(VIRTIO_F_IN_ORDER)
#define EVENT_IDX GUEST_FEATURE(VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT GUEST_FEATURE(VIRTIO_RING_F_INDIRECT_DESC)
#define MODERN GUEST_FEATURE(VIRTIO_F_VERSION_1)

#define CHUNK 256
#define STEPS 4000
#define LEN 64
#define REASON_LEN 160

enum death {
	POLLING, // position not kept
	ARMED,
	STOPPED,
	N_DEATHS,
};

struct run {
	const struct port_fixture *f;
	struct guest *guest;
	struct virtqueue_position told; // what the guest believes: where its device once started
	uint32_t sent, received, returned;
	bool chains;
};

static void
send_frame(struct run *run)
{
	uint8_t bytes[LEN + 12] = {0};
	uint32_t lens[3] = {12, 20, LEN - 20};
	struct guest *guest = run->guest;

	memcpy(bytes + 12 + 20, &run->sent, sizeof(run->sent));
	if (run->chains && guest_random(guest, 2) == 0) {
		if (!guest_post(guest, bytes, lens, 3, false))
			return;
	} else {
		lens[0] = sizeof(bytes);
		if (!guest_post(guest, bytes, lens, 1, false))
			return;
	}
	guest_publish(guest);
	run->sent++;
}

static void
take_frames(struct run *run, uint16_t n)
{
	const struct buffer_pools pools = {run->f->mbufs, run->f->jumbos};
	struct rte_mbuf *pkts[PORT_BURST];

	n = virtqueue_rx(run->guest->vq, &pools, pkts, n);
	assert_null(virtqueue_broken(run->guest->vq));
	for (uint16_t i = 0; i < n; i++) {
		uint32_t number;

		memcpy(&number, rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, 20), sizeof(number));
		assert_int_equal(number, run->received++);
		rte_pktmbuf_free(pkts[i]);
	}
}

static void
reap(struct run *run)
{
	uint32_t len;

	while (guest_reap(run->guest, NULL, 0, &len))
		run->returned++;
}

// A new device knows what the guest tells and what is in the ring.
static void
follow(struct run *run)
{
	struct guest *guest = run->guest;
	char reason[REASON_LEN] = "";

	memset(guest->vq, 0, virtqueue_bytes(guest->config.size));
	guest->config.position = run->told;
	if (virtqueue_recover(&guest->config, reason, sizeof(reason)) != 0
		|| virtqueue_start(guest->vq, &guest->config, reason, sizeof(reason)) != 0)
		fail_msg("%s", reason);
	virtqueue_disarm(guest->vq);
}

static void
die(struct run *run, enum death death)
{
	struct virtqueue_position position;

	if (death == ARMED)
		virtqueue_arm(run->guest->vq);
	if (death == STOPPED)
		virtqueue_stop(run->guest->vq, &position);
	follow(run);
}

static void
start_run(struct run *run, void **state, uint16_t size, uint64_t features)
{
	const struct guest_options options = {
		.size = size, .features = features | PACKED | MODERN, .chunk = CHUNK, .seed = size};

	*run = (struct run){.f = *state, .guest = guest_create(&options)};
	run->told = run->guest->config.position;
	virtqueue_disarm(run->guest->vq);
}

static void
end_run(struct run *run)
{
	while (run->received < run->sent)
		take_frames(run, PORT_BURST);
	reap(run);
	assert_int_equal(run->returned, run->sent);
	guest_destroy(run->guest);
}

static void
random_run(void **state, uint16_t size, uint64_t features, bool chains, const enum death *deaths,
	uint32_t n_deaths)
{
	struct run run;

	start_run(&run, state, size, features);
	run.chains = chains;
	for (uint32_t step = 0; step < STEPS; step++) {
		for (uint32_t n = guest_random(run.guest, 6); n > 0; n--)
			send_frame(&run);
		if (guest_random(run.guest, 2) == 0)
			take_frames(&run, (uint16_t)(1 + guest_random(run.guest, 8)));
		if (guest_random(run.guest, 3) == 0)
			reap(&run);
		if (guest_random(run.guest, 10) == 0)
			die(&run, deaths[guest_random(run.guest, n_deaths)]);
	}
	assert_true(run.sent > STEPS / 2);
	end_run(&run);
}

static const enum death any[] = {POLLING, ARMED, STOPPED}, quiet[] = {ARMED, STOPPED};
static const uint16_t sizes[] = {4, 7, 16, 100};

static void
test_single_descriptors(void **state)
{
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		random_run(state, sizes[i], 0, false, any, RTE_DIM(any));
		random_run(state, sizes[i], EVENT_IDX | INDIRECT, false, any, RTE_DIM(any));
	}
}

static void
test_chains(void **state)
{
	for (size_t i = 0; i < RTE_DIM(sizes); i++)
		random_run(state, sizes[i], EVENT_IDX, true, any, RTE_DIM(any));
}

static void
test_in_order(void **state)
{
	for (size_t i = 0; i < RTE_DIM(sizes); i++)
		random_run(state, sizes[i], IN_ORDER, false, quiet, RTE_DIM(quiet));
}

// It skips descriptors that look available: nothing tells which.
static void
test_in_order_in_mid_traffic(void **state)
{
	char reason[REASON_LEN] = "";
	struct run run;

	start_run(&run, state, 16, IN_ORDER);
	for (int i = 0; i < 12; i++)
		send_frame(&run);
	take_frames(&run, 5);
	run.guest->config.position = run.told;
	assert_true(virtqueue_recover(&run.guest->config, reason, sizeof(reason)) < 0);
	assert_non_null(strstr(reason, "in-order"));
	end_run(&run);
}

// Death between the descriptors of a burst and the first of them, which is written last.
static void
half_burst(void **state, uint16_t size, uint16_t before, uint16_t posted, uint16_t taken)
{
	uint8_t *half;
	uint64_t kept;
	struct run run;

	start_run(&run, state, size, 0);
	for (uint16_t i = 0; i < before; i++) {
		send_frame(&run);
		take_frames(&run, 1);
		reap(&run);
	}
	half = (uint8_t *)run.guest->config.desc + (size_t)(before % size) * 16 + 8;
	for (uint16_t i = 0; i < posted; i++)
		send_frame(&run);
	memcpy(&kept, half, sizeof(kept));
	take_frames(&run, taken);
	memcpy(half, &kept, sizeof(kept));
	follow(&run);
	reap(&run);
	assert_int_equal(run.returned, before + (taken == 1 ? 0 : taken));
	if (taken == 1) // nothing of the burst is seen: the frame comes again
		run.received--;
	for (int i = 0; i < 100; i++) {
		send_frame(&run);
		take_frames(&run, 1);
		reap(&run);
	}
	end_run(&run);
}

static void
test_half_a_burst(void **state)
{
	for (uint16_t before = 0; before < 20; before++)
		for (uint16_t posted = 1; posted <= 8; posted++)
			for (uint16_t taken = 1; taken <= posted; taken++)
				half_burst(state, 8, before, posted, taken);
}

// What is right already stays: rings of a driver that starts, and those left by another device.
static void
test_good_positions_stay(void **state)
{
	char reason[REASON_LEN];
	struct run run;

	start_run(&run, state, 8, 0);
	for (int i = 0; i < 100; i++) {
		struct virtqueue_position position;

		send_frame(&run);
		send_frame(&run);
		take_frames(&run, (uint16_t)(1 + i % 3));
		reap(&run);
		virtqueue_stop(run.guest->vq, &position);
		run.guest->config.position = position;
		memset(run.guest->config.device, 0xff, 4); // kept nowhere
		assert_int_equal(virtqueue_recover(&run.guest->config, reason, sizeof(reason)), 0);
		assert_memory_equal(&run.guest->config.position, &position, sizeof(position));
		virtqueue_disarm(run.guest->vq);
	}
	end_run(&run);
}

// A driver that starts over leaves what the device kept: its position of another ring.
static void
test_new_rings(void **state)
{
	static const uint64_t features[] = {0, IN_ORDER};

	for (size_t i = 0; i < RTE_DIM(features); i++) {
		for (uint16_t posted = 0; posted <= 17; posted++) {
			struct run run;

			start_run(&run, state, 8, features[i]);
			for (uint16_t n = 0; n < posted / 2; n++)
				send_frame(&run);
			memset(run.guest->config.device, posted % 2 == 0 ? 0 : 0xff, 4);
			follow(&run);
			assert_int_equal(run.guest->config.position.used, 0);
			assert_true(run.guest->config.position.used_wrap);
			end_run(&run);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single_descriptors),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_in_order_in_mid_traffic),
		cmocka_unit_test(test_half_a_burst),
		cmocka_unit_test(test_good_positions_stay),
		cmocka_unit_test(test_new_rings),
	};

	return cmocka_run_group_tests(tests, port_fixture_setup, port_fixture_teardown);
}
