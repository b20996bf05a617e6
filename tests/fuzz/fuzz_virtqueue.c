/* SPDX-License-Identifier: Apache-2.0 */

// libFuzzer target: a guest that posts buffers and then writes what the input says over its rings,
// its tables and its headers, in both layouts and both directions. The input is a first byte of
// choices and records of 8 bytes: where, what, and whether the device runs then. Needs clang and
// -Dfuzz=true; run it as "fuzz_virtqueue -detect_leaks=0 -max_len=512 CORPUS".

#include <stdio.h>
#include <string.h>

#include "../unit/port_fixture.h"
#include "../unit/virtqueue_guest.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE 8
#define CHUNK 6000

static void *fixture; // lives on

struct record {
	uint16_t where;
	uint8_t area, action;
	uint32_t what;
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return port_fixture_setup(&fixture);
}

static struct guest *
make_guest(uint8_t choices)
{
	uint64_t features = GUEST_FEATURE(VIRTIO_RING_F_INDIRECT_DESC);

	features |= (choices & 1) != 0 ? GUEST_FEATURE(VIRTIO_F_RING_PACKED) : 0;
	features |= (choices & 2) != 0 ? GUEST_FEATURE(VIRTIO_F_IN_ORDER) : 0;
	features |= (choices & 4) != 0 ? GUEST_FEATURE(VIRTIO_RING_F_EVENT_IDX) : 0;
	features |= (choices & 8) != 0 ? GUEST_FEATURE(VIRTIO_NET_F_MRG_RXBUF) : 0;
	features |= (choices & 16) != 0 ? GUEST_FEATURE(VIRTIO_NET_F_CSUM)
						  | GUEST_FEATURE(VIRTIO_NET_F_HOST_TSO4)
						  | GUEST_FEATURE(VIRTIO_NET_F_HOST_USO)
					: 0;
	features |= (choices & 32) != 0 ? GUEST_FEATURE(VIRTIO_F_VERSION_1) : 0;
	return guest_create(&(struct guest_options){
		.size = SIZE,
		.features = features,
		.write = (choices & 64) != 0,
		.chunk = CHUNK,
		.seed = choices,
		.lends = (choices & 128) != 0,
	});
}

static void
post(struct guest *guest, uint32_t dice)
{
	static const uint8_t frame[CHUNK];
	uint32_t lens[3] = {12 + dice % 400, dice >> 8 & 0xff, dice >> 16 & 0xff};

	if ((dice & 0x2000) != 0)
		lens[0] += 5000;
	guest_post(guest, frame, lens, (uint16_t)(1 + dice % 3), (dice & 0x1000) != 0);
	guest_publish(guest);
}

static void
overwrite(struct guest *guest, const struct record *record)
{
	uint32_t ring = 16u * SIZE, driver = guest->packed ? 4 : 6 + 2 * SIZE, at;
	uint64_t address;

	switch (record->area % 4) {
	case 0:
		at = record->where % (ring - 3);
		memcpy((uint8_t *)guest->config.desc + at, &record->what, 4);
		break;
	case 1:
		at = record->where % (driver - 3);
		memcpy((uint8_t *)guest->config.driver + at, &record->what, 4);
		break;
	case 2: // an address, near the guest's memory
		at = record->where % SIZE;
		address = GUEST_BASE - 64 + record->what % (guest->bytes + 128);
		memcpy((uint8_t *)guest->config.desc + 16u * at, &address, sizeof(address));
		break;
	default:
		guest_write(
			guest, GUEST_BASE + record->what % (guest->bytes - 1), &record->where, 2);
	}
}

// Frames that were received and, when the queue lends, may still show the guest's memory.
static struct rte_mbuf *kept[PORT_BURST];
static uint16_t n_kept;

static void
release(void)
{
	rte_pktmbuf_free_bulk(kept, n_kept);
	n_kept = 0;
}

static void
run_device(struct guest *guest, uint32_t dice)
{
	const struct port_fixture *f = fixture;
	struct buffer_pools pools = {f->mbufs, f->jumbos};
	struct rte_mbuf *pkts[PORT_BURST];
	enum port_tx_stop stop = PORT_TX_FULL;
	uint16_t n = 0;

	if (guest->write) {
		pkts[0] = make_udp4(f, 9, (uint16_t)(dice % 3000), false, 0);
		n = (uint16_t)(1 - virtqueue_tx(guest->vq, pkts, 1, &stop));
	} else {
		n = virtqueue_rx(guest->vq, &pools, pkts, (uint16_t)(1 + dice % PORT_BURST));
		if ((dice & 0x10000) != 0 && n > 0) {
			release();
			memcpy(kept, pkts, n * sizeof(pkts[0]));
			n_kept = n;
			return;
		}
	}
	rte_pktmbuf_free_bulk(pkts, n);
	release();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest *guest;
	struct record record;

	if (size < 1)
		return -1;
	guest = make_guest(data[0]);
	for (size_t at = 1; at + sizeof(record) <= size; at += sizeof(record)) {
		memcpy(&record, data + at, sizeof(record));
		if ((record.action & 1) != 0)
			post(guest, record.what);
		if ((record.action & 6) == 2)
			overwrite(guest, &record);
		if ((record.action & 8) != 0)
			run_device(guest, record.what);
	}
	run_device(guest, 100);
	release();
	guest_destroy(guest);
	assert_no_leak(fixture);
	return 0;
}
