/* SPDX-License-Identifier: Apache-2.0 */

// Kind af_xdp: AF_XDP sockets in copy mode on the host's end of a veth. The control plane makes the
// sockets, loads the XDP program and puts them into its map; the driver registers memory and binds
// them to queues of the device. Frames are copied between that memory and mbufs, so that buffers
// of the switch are never in a device's hands. XDP knows no offload metadata: a received frame says
// nothing of its checksums, and only whole frames up to the MTU can be sent.

#include <errno.h>
#include <linux/if_xdp.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <numa.h>

#include <rte_malloc.h>

#include "af_xdp_ring.h"
#include "arguments.h"
#include "buffer.h"
#include "port.h"

#ifndef SOL_XDP
#define SOL_XDP 283
#endif
#ifndef AF_XDP
#define AF_XDP 44
#endif

#define RX_FRAMES 1024u
#define TX_FRAMES 512u
#define XDP_HEADROOM 256u // XDP_PACKET_HEADROOM, which the kernel takes from every rx chunk
#define CHUNK_SMALL 2048u
#define CHUNK_LARGE 4096u // a page is the most without multi-buffer
#define FRAME_OVERHEAD (ETHER_HDR_LEN + 8u) // two VLAN tags
#define KICKS_MAX 8 // one sendto sends at least 32 frames

struct xdp_queue {
	int fd;
	struct xdp_rings rings;
	uint8_t *memory; // rx chunks, then tx chunks
	size_t memory_len;
	uint32_t chunk;
	uint32_t n_free; // entries of free_chunks[]
	bool down; // the last kick said so; worker only
	_Atomic uint64_t rx_refused, tx_lost; // worker writes
	uint64_t free_chunks[TX_FRAMES]; // tx chunks that are ours
} __rte_cache_aligned;

struct xdp {
	struct buffer_pools pools;
	uint16_t n_queues;
	struct xdp_queue queues[];
};

struct xdp_arguments {
	uint32_t ifindex, queue, chunk;
};

static int
parse_arguments(const struct port_config *config, struct xdp_arguments *arguments, char *reason,
	size_t reason_len)
{
	arguments->queue = 0;
	if (arguments_uint(config->args, "ifindex", &arguments->ifindex) < 0
		|| arguments->ifindex == 0) {
		snprintf(reason, reason_len, "args lack ifindex=N of the device (args=%s)",
			config->args != NULL ? config->args : "");
		return -EINVAL;
	}
	if (arguments_uint(config->args, "queue", &arguments->queue) == -EINVAL) {
		snprintf(reason, reason_len, "queue is no number (args=%s)", config->args);
		return -EINVAL;
	}
	arguments->chunk = config->mtu + FRAME_OVERHEAD + XDP_HEADROOM <= CHUNK_SMALL ? CHUNK_SMALL
										      : CHUNK_LARGE;
	if (config->mtu + FRAME_OVERHEAD + XDP_HEADROOM > arguments->chunk) {
		snprintf(reason, reason_len, "mtu %u is more than af_xdp takes (%u)", config->mtu,
			CHUNK_LARGE - FRAME_OVERHEAD - XDP_HEADROOM);
		return -EINVAL;
	}
	return 0;
}

// Ordinary memory, near the node when there is a choice.
static int
register_memory(struct xdp_queue *queue, int socket_id)
{
	struct xdp_umem_reg region = {.chunk_size = queue->chunk};

	queue->memory_len = (size_t)(RX_FRAMES + TX_FRAMES) * queue->chunk;
	queue->memory = mmap(NULL, queue->memory_len, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (queue->memory == MAP_FAILED) {
		queue->memory = NULL;
		return -errno;
	}
	if (socket_id != SOCKET_ID_ANY && numa_available() >= 0 && socket_id <= numa_max_node())
		numa_tonode_memory(queue->memory, queue->memory_len, socket_id);
	region.addr = (uintptr_t)queue->memory;
	region.len = queue->memory_len;
	if (setsockopt(queue->fd, SOL_XDP, XDP_UMEM_REG, &region, sizeof(region)) < 0)
		return -errno;
	return 0;
}

static void
hand_out_chunks(struct xdp_queue *queue)
{
	for (uint32_t i = 0; i < RX_FRAMES; i++)
		*xdp_ring_addr(&queue->rings.fill, i) = (uint64_t)i * queue->chunk;
	xdp_ring_submit(&queue->rings.fill, RX_FRAMES);
	for (uint32_t i = 0; i < TX_FRAMES; i++)
		queue->free_chunks[i] = (uint64_t)(RX_FRAMES + i) * queue->chunk;
	queue->n_free = TX_FRAMES;
}

static void
queue_close(struct xdp_queue *queue)
{
	xdp_rings_unmap(&queue->rings);
	if (queue->memory != NULL)
		munmap(queue->memory, queue->memory_len);
	queue->memory = NULL;
}

static int
queue_open(struct xdp_queue *queue, const struct xdp_arguments *arguments, int socket_id,
	char *reason, size_t reason_len)
{
	struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = XDP_COPY | XDP_USE_NEED_WAKEUP,
		.sxdp_ifindex = arguments->ifindex,
		.sxdp_queue_id = arguments->queue,
	};
	const char *what = "XDP_UMEM_REG";
	int ret;

	queue->chunk = arguments->chunk;
	ret = register_memory(queue, socket_id);
	if (ret == 0)
		ret = xdp_rings_map(&queue->rings, queue->fd, RX_FRAMES, TX_FRAMES, &what);
	if (ret == 0) {
		hand_out_chunks(queue);
		what = "bind";
		if (bind(queue->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			ret = -errno;
	}
	if (ret < 0) {
		snprintf(reason, reason_len, "AF_XDP %s for ifindex %u queue %u: %s%s", what,
			arguments->ifindex, arguments->queue, strerror(-ret),
			ret == -EBUSY ? " (sockets serve one life of the data plane only)" : "");
		queue_close(queue);
	}
	return ret;
}

static int
socket_check(int fd, char *reason, size_t reason_len)
{
	socklen_t len = sizeof(int);
	int domain = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_XDP)
		return 0;
	snprintf(reason, reason_len, "descriptor is no AF_XDP socket");
	return -EINVAL;
}

static void
xdp_free(struct xdp *device)
{
	for (uint16_t i = 0; i < device->n_queues; i++)
		queue_close(&device->queues[i]);
	rte_free(device);
}

static int
xdp_open(struct port *port, const struct port_config *config, char *reason, size_t reason_len)
{
	struct xdp_arguments arguments;
	struct xdp *device;
	int ret;

	if (config->n_fds == 0) {
		snprintf(reason, reason_len, "an af_xdp port needs one socket for each queue");
		return -EINVAL;
	}
	ret = parse_arguments(config, &arguments, reason, reason_len);
	if (ret < 0)
		return ret;
	device = buffer_zmalloc(
		sizeof(*device) + config->n_fds * sizeof(device->queues[0]), config->socket_id);
	if (device == NULL) {
		snprintf(reason, reason_len, "no memory for %u queues", config->n_fds);
		return -ENOMEM;
	}
	device->pools = (struct buffer_pools){config->mbufs, config->jumbos};
	for (uint16_t i = 0; i < config->n_fds && ret == 0; i++, arguments.queue++) {
		device->queues[i].fd = config->fds[i];
		ret = socket_check(config->fds[i], reason, reason_len);
		if (ret == 0)
			ret = queue_open(&device->queues[i], &arguments, config->socket_id, reason,
				reason_len);
		if (ret == 0)
			device->n_queues++;
	}
	if (ret < 0) {
		xdp_free(device);
		return ret;
	}
	port->priv = device;
	port->n_rx = port->n_tx = device->n_queues;
	port->capabilities = PORT_TX_CHAINS | PORT_RX_EDGE;
	return 0;
}

static void
xdp_close(struct port *port)
{
	struct xdp *device = port->priv;

	for (uint16_t i = 0; i < device->n_queues; i++)
		close(device->queues[i].fd);
	xdp_free(device);
}

static uint16_t
xdp_rx(struct port *port, uint16_t queue_id, struct rte_mbuf **pkts, uint16_t n)
{
	struct xdp *device = port->priv;
	struct xdp_queue *queue = &device->queues[queue_id];
	struct xdp_ring *rx = &queue->rings.rx, *fill = &queue->rings.fill;
	uint32_t ready = RTE_MIN(xdp_ring_ready(rx), n), done;
	uint16_t received = 0;

	for (done = 0; done < ready; done++) {
		const struct xdp_desc *desc = xdp_ring_desc(rx, rx->mine + done);
		enum buffer_result result = BUFFER_TOO_LONG;

		if (desc->addr < queue->memory_len && desc->len <= queue->memory_len - desc->addr)
			result = buffer_copy_in(&device->pools, queue->memory + desc->addr,
				desc->len, &pkts[received]);
		if (unlikely(result == BUFFER_NO_MEMORY))
			break;
		if (likely(result == BUFFER_OK))
			received++;
		else
			counter_add(&queue->rx_refused, 1);
		// As many chunks as the ring has entries: there is always room.
		*xdp_ring_addr(fill, fill->mine + done) =
			desc->addr & ~(uint64_t)(queue->chunk - 1);
	}
	if (done > 0) {
		xdp_ring_submit(fill, done);
		xdp_ring_release(rx, done);
	}
	return received;
}

static void
reap_completions(struct xdp_queue *queue)
{
	struct xdp_ring *completion = &queue->rings.completion;
	uint32_t n = RTE_MIN(xdp_ring_ready(completion), TX_FRAMES - queue->n_free);

	for (uint32_t i = 0; i < n; i++)
		queue->free_chunks[queue->n_free++] =
			*xdp_ring_addr(completion, completion->mine + i);
	if (n > 0)
		xdp_ring_release(completion, n);
}

// Makes the kernel send what is in the ring; bounded, never blocking.
static void
kick(struct xdp_queue *queue)
{
	if (!xdp_ring_needs_wakeup(&queue->rings.tx))
		return;
	for (int i = 0; i < KICKS_MAX; i++) {
		if (sendto(queue->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0) {
			queue->down = false;
			return;
		}
		if (errno == EBUSY) { // the device dropped a frame, the rest still waits
			counter_add(&queue->tx_lost, 1);
		} else if (errno == ENETDOWN || errno == ENXIO || errno == ENODEV) {
			queue->down = true;
			return;
		} else if (errno != EAGAIN) { // ENOBUFS: the next call tries again
			return;
		}
	}
}

static enum port_tx_stop
fill_tx(struct xdp_queue *queue, struct rte_mbuf **pkts, uint16_t n, uint16_t *filled)
{
	struct xdp_ring *tx = &queue->rings.tx;
	uint32_t room = RTE_MIN(RTE_MIN(xdp_ring_room(tx), queue->n_free), n);
	enum port_tx_stop stop = PORT_TX_FULL;
	uint32_t i;

	for (i = 0; i < room; i++) {
		struct xdp_desc *desc = xdp_ring_desc(tx, tx->mine + i);

		if (unlikely(pkts[i]->pkt_len > queue->chunk)) {
			stop = PORT_TX_REFUSED;
			break;
		}
		desc->addr = queue->free_chunks[--queue->n_free];
		desc->len = pkts[i]->pkt_len;
		desc->options = 0;
		buffer_copy_out(pkts[i], queue->memory + desc->addr);
	}
	if (i > 0)
		xdp_ring_submit(tx, i);
	*filled = (uint16_t)i;
	return stop;
}

static uint16_t
xdp_tx(struct port *port, uint16_t queue_id, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	struct xdp *device = port->priv;
	struct xdp_queue *queue = &device->queues[queue_id];
	uint16_t sent;

	reap_completions(queue);
	if (unlikely(queue->down || queue->n_free < n)) {
		kick(queue);
		reap_completions(queue);
	}
	if (unlikely(queue->down)) {
		*stop = PORT_TX_DOWN;
		return 0;
	}
	*stop = fill_tx(queue, pkts, n, &sent);
	if (sent > 0)
		kick(queue);
	rte_pktmbuf_free_bulk(pkts, sent);
	return sent;
}

static int
xdp_wake_fd(struct port *port, uint16_t queue_id)
{
	struct xdp *device = port->priv;

	return device->queues[queue_id].fd;
}

static bool
xdp_rx_arm(struct port *port, uint16_t queue_id)
{
	struct xdp *device = port->priv;
	struct xdp_queue *queue = &device->queues[queue_id];

	return xdp_ring_ready(&queue->rings.rx) > 0;
}

// An empty send tells how the socket stands with its device, in whatever network namespace.
static enum cw_port_state
xdp_state(struct port *port, char *reason, size_t reason_len)
{
	struct xdp *device = port->priv;

	if (sendto(device->queues[0].fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0)
		return CW_PORT_UP;
	if (errno == ENXIO || errno == ENODEV) {
		snprintf(reason, reason_len, "the device was removed");
		return CW_PORT_GONE;
	}
	if (errno == ENETDOWN) {
		snprintf(reason, reason_len, "the interface is down");
		return CW_PORT_DOWN;
	}
	return CW_PORT_UP;
}

static void
xdp_device_stats(struct port *port, struct port_device_stats *stats)
{
	struct xdp *device = port->priv;
	struct xdp_statistics kernel;
	socklen_t len;

	*stats = (struct port_device_stats){0};
	for (uint16_t i = 0; i < device->n_queues; i++) {
		struct xdp_queue *queue = &device->queues[i];

		len = sizeof(kernel);
		memset(&kernel, 0, sizeof(kernel));
		getsockopt(queue->fd, SOL_XDP, XDP_STATISTICS, &kernel, &len);
		stats->rx_dropped +=
			kernel.rx_dropped + kernel.rx_ring_full
			+ atomic_load_explicit(&queue->rx_refused, memory_order_relaxed);
		stats->tx_dropped += kernel.tx_invalid_descs
				     + atomic_load_explicit(&queue->tx_lost, memory_order_relaxed);
	}
}

static uint16_t
xdp_descriptors(struct port *port, int *fds, uint16_t max)
{
	struct xdp *device = port->priv;
	uint16_t n = device->n_queues < max ? device->n_queues : max;

	for (uint16_t i = 0; i < n; i++)
		fds[i] = device->queues[i].fd;
	return n;
}

static const struct port_driver xdp_driver = {
	.name = "af_xdp",
	.kinds = 1u << CW_PORT_AF_XDP,
	.tx_copies = true,
	.open = xdp_open,
	.close = xdp_close,
	.rx = xdp_rx,
	.tx = xdp_tx,
	.wake_fd = xdp_wake_fd,
	.rx_arm = xdp_rx_arm,
	.state = xdp_state,
	.device_stats = xdp_device_stats,
	.descriptors = xdp_descriptors,
};
PORT_DRIVER_REGISTER(xdp_driver)
