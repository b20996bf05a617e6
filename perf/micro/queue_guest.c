/* SPDX-License-Identifier: Apache-2.0 */
#include "queue_guest.h"

#include <stdlib.h>
#include <string.h>

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_mbuf.h>

#include "virtqueue.h"

#define SIZE 1024u
#define ROOM 2304u // bytes a buffer: mbufs have this distance, 2048 would alias in L1
#define HEADER 12u
#define AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define USED (1u << VRING_PACKED_DESC_F_USED)

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t a, b; // split: flags, next; packed: id, flags
};

struct queue {
	struct virtqueue *vq;
	struct virtqueue_memory memory;
	struct virtqueue_config config;
	bool packed;
	uint16_t flags;
	uint32_t next;
};

struct queue_pair {
	struct queue from, to;
	struct buffer_pools pools;
};

static struct rte_mempool *pool;

static void *
allocate(size_t bytes)
{
	size_t rounded = (bytes + 4095) & ~(size_t)4095;
	void *memory = aligned_alloc(4096, rounded);

	if (memory == NULL)
		abort();
	memset(memory, 0, rounded);
	return memory;
}

// As a driver that works with mbufs has it: the frame starts a line, the header stands before it.
static void
fill_ring(struct queue *queue)
{
	struct desc *desc = queue->config.desc;
	uint16_t *driver = queue->config.driver;

	for (uint16_t i = 0; i < SIZE; i++) {
		desc[i] = (struct desc){(uint64_t)i * ROOM + 128 - HEADER, ROOM,
			queue->packed ? i : queue->flags, 0};
		if (!queue->packed)
			driver[2 + i] = i;
	}
}

static void
start_queue(struct queue *queue, uint64_t features, bool write)
{
	char reason[128];

	queue->packed = (features & UINT64_C(1) << VIRTIO_F_RING_PACKED) != 0;
	queue->flags = write ? VRING_DESC_F_WRITE : 0;
	queue->memory.n = 1;
	queue->memory.regions[0] =
		(struct virtqueue_region){.size = SIZE * ROOM, .host = allocate(SIZE * ROOM)};
	queue->config = (struct virtqueue_config){
		.desc = allocate(SIZE * sizeof(struct desc)),
		.driver = allocate(6 + 2 * SIZE),
		.device = allocate(6 + 8 * SIZE),
		.size = SIZE,
		.features = features,
		.memory = &queue->memory,
		.position = {.avail_wrap = true, .used_wrap = true},
		.call_fd = -1,
	};
	queue->vq = allocate(virtqueue_bytes(SIZE));
	if (virtqueue_start(queue->vq, &queue->config, reason, sizeof(reason)) != 0)
		abort();
	virtqueue_disarm(queue->vq);
	fill_ring(queue);
}

static void
free_queue(struct queue *queue)
{
	free(queue->vq);
	free(queue->memory.regions[0].host);
	free(queue->config.desc);
	free(queue->config.driver);
	free(queue->config.device);
}

static void
start_eal(void)
{
	static char options[][40] = {"bench", "--no-huge", "-m", "256", "--no-pci",
		"--no-telemetry", "--log-level=error", "-l", "0", "--file-prefix=bench-virtqueue"};
	static char *args[RTE_DIM(options)];

	for (size_t i = 0; i < RTE_DIM(options); i++)
		args[i] = options[i];
	if (rte_eal_init((int)RTE_DIM(args), args) < 0)
		abort();
	pool = rte_pktmbuf_pool_create(
		"mbufs", 8191, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL)
		abort();
}

struct queue_pair *
queue_pair_create(bool packed, bool in_order, bool mrg)
{
	struct queue_pair *pair = allocate(sizeof(*pair));
	uint64_t features = UINT64_C(1) << VIRTIO_F_VERSION_1;

	if (pool == NULL)
		start_eal();
	features |= (uint64_t)packed << VIRTIO_F_RING_PACKED;
	features |= (uint64_t)in_order << VIRTIO_F_IN_ORDER;
	features |= (uint64_t)mrg << VIRTIO_NET_F_MRG_RXBUF;
	pair->pools.mbufs = pool;
	start_queue(&pair->from, features, false);
	start_queue(&pair->to, features, true);
	return pair;
}

void
queue_pair_free(struct queue_pair *pair)
{
	free_queue(&pair->from);
	free_queue(&pair->to);
	free(pair);
}

static void
post(struct queue *queue, uint32_t len, uint16_t n)
{
	struct desc *desc = queue->config.desc;

	for (uint16_t i = 0; i < n; i++, queue->next++) {
		uint16_t slot = queue->next % SIZE;

		desc[slot].len = len;
		if (queue->packed) {
			desc[slot].a = slot;
			desc[slot].b = (uint16_t)(queue->flags
						  | (queue->next / SIZE % 2 == 0 ? AVAIL : USED));
		}
	}
	if (!queue->packed)
		((uint16_t *)queue->config.driver)[1] = (uint16_t)queue->next;
}

struct queue_cycles
queue_pair_turn(struct queue_pair *pair, uint32_t len, uint16_t n)
{
	struct rte_mbuf *pkts[QUEUE_BURST];
	struct queue_cycles cycles;
	enum port_tx_stop stop;
	uint64_t start;
	uint16_t got;

	post(&pair->from, HEADER + len, n);
	post(&pair->to, ROOM - 128, n);
	start = rte_rdtsc_precise();
	got = virtqueue_rx(pair->from.vq, &pair->pools, pkts, n);
	cycles.rx = rte_rdtsc_precise() - start;
	start = rte_rdtsc_precise();
	if (virtqueue_tx(pair->to.vq, pkts, got, &stop) != n)
		abort();
	cycles.tx = rte_rdtsc_precise() - start;
	return cycles;
}
