/* SPDX-License-Identifier: Apache-2.0 */

// Kinds tap and host: queues of a tun/tap device. One system call moves one frame, so what makes
// this fast is that a frame may be a super-frame of 64 KiB: the vnet header stays on in both
// directions and the pod's stack is told that we take everything unfinished.
//
// A readv fills [vnet header in the headroom + small mbuf][jumbo]. Buffers come from the pools'
// per-worker caches at each call and go back there unused: idle ports hold none.

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <rte_malloc.h>

#include "buffer.h"
#include "netdev_stats.h"
#include "port.h"
#include "vnet.h"

#ifndef TUN_F_USO4 // Linux 6.2
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define TAP_FLAGS (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
#define TAP_SEGMENTS_MAX 64 // longest chain that one writev takes

struct tap_queue {
	int fd;
	bool unread; // the last rx did not get to the queue's end; worker only
	_Atomic uint64_t rx_refused; // worker writes
} __rte_cache_aligned;

struct tap {
	struct buffer_pools pools;
	struct netdev_stats before; // the device's counters when it was opened; main thread
	uint16_t n_queues;
	struct tap_queue queues[];
};

static int
queue_check(int fd, char *reason, size_t reason_len)
{
	struct ifreq request = {0};

	if (ioctl(fd, TUNGETIFF, &request) < 0) {
		snprintf(reason, reason_len, "descriptor is no attached tun queue: %s",
			strerror(errno));
		return errno == EBADFD ? -ENODEV : -EINVAL;
	}
	if ((request.ifr_flags & TAP_FLAGS) != TAP_FLAGS) {
		snprintf(reason, reason_len,
			"device %.16s lacks one of IFF_TAP, IFF_NO_PI, IFF_VNET_HDR (flags=0x%x)",
			request.ifr_name, (unsigned int)(unsigned short)request.ifr_flags);
		return -EINVAL;
	}
	return 0;
}

static int
queue_set_up(int fd, char *reason, size_t reason_len)
{
	int header_len = (int)VNET_HEADER_LEN, flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0
		|| ioctl(fd, TUNSETVNETHDRSZ, &header_len) < 0) {
		snprintf(reason, reason_len, "tap queue cannot be set up: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

// What the pod's stack may leave unfinished, best first; UFO is never offered. The kernel's answer
// also says which super-frames it takes from us.
static uint32_t
offer_offloads(int fd)
{
	static const struct {
		unsigned int offer;
		uint32_t capabilities;
	} levels[] = {
		{TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_USO4 | TUN_F_USO6, PORT_TX_OFFLOADS},
		{TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6,
			PORT_TX_CHECKSUM | PORT_TX_TSO4 | PORT_TX_TSO6},
		{TUN_F_CSUM, PORT_TX_CHECKSUM},
	};

	for (size_t i = 0; i < RTE_DIM(levels); i++)
		if (ioctl(fd, TUNSETOFFLOAD, levels[i].offer) == 0)
			return levels[i].capabilities;
	ioctl(fd, TUNSETOFFLOAD, 0);
	return PORT_TX_CHECKSUM; // every tun takes unfinished checksums in a vnet header
}

// What the device lost since it exists. It may have moved to any network namespace, under any name.
static int
read_device_stats(int fd, struct netdev_stats *stats)
{
	struct ifreq request = {0};
	int netns, ret;

	if (ioctl(fd, TUNGETIFF, &request) < 0)
		return -errno;
	netns = ioctl(fd, TUNGETDEVNETNS, 0);
	if (netns < 0)
		return -errno;
	request.ifr_name[IFNAMSIZ - 1] = '\0';
	ret = netdev_stats_read(netns, request.ifr_name, stats);
	close(netns);
	return ret;
}

static int
tap_open(struct port *port, const struct port_config *config, char *reason, size_t reason_len)
{
	struct tap *tap;
	int ret;

	if (config->n_fds == 0) {
		snprintf(reason, reason_len, "a tap port needs one descriptor for each queue");
		return -EINVAL;
	}
	for (uint16_t i = 0; i < config->n_fds; i++) {
		ret = queue_check(config->fds[i], reason, reason_len);
		if (ret == 0)
			ret = queue_set_up(config->fds[i], reason, reason_len);
		if (ret < 0)
			return ret;
	}
	tap = buffer_zmalloc(
		sizeof(*tap) + config->n_fds * sizeof(tap->queues[0]), config->socket_id);
	if (tap == NULL) {
		snprintf(reason, reason_len, "no memory for %u tap queues", config->n_fds);
		return -ENOMEM;
	}
	tap->pools = (struct buffer_pools){config->mbufs, config->jumbos};
	tap->n_queues = config->n_fds;
	for (uint16_t i = 0; i < config->n_fds; i++)
		tap->queues[i].fd = config->fds[i];
	read_device_stats(config->fds[0], &tap->before);
	port->priv = tap;
	port->n_rx = port->n_tx = config->n_fds;
	port->capabilities = offer_offloads(config->fds[0]) | PORT_TX_CHAINS | PORT_RX_EDGE
			     | PORT_TX_QUEUE_SHARED;
	return 0;
}

static void
tap_close(struct port *port)
{
	struct tap *tap = port->priv;

	for (uint16_t i = 0; i < tap->n_queues; i++)
		close(tap->queues[i].fd);
	rte_free(tap);
}

// Reads one frame into m, and into *jumbo what m does not hold (*jumbo is NULL then). Returns 1,
// 0 when the queue is empty, or -1 when the frame was lost.
static int
read_frame(int fd, struct rte_mbuf *m, struct rte_mbuf **jumbo)
{
	uint8_t *start = rte_pktmbuf_mtod(m, uint8_t *);
	struct virtio_net_hdr header;
	struct iovec iov[2];
	int n_iov = 1;
	ssize_t len;

	iov[0].iov_base = start - VNET_HEADER_LEN;
	iov[0].iov_len = VNET_HEADER_LEN + rte_pktmbuf_tailroom(m);
	if (likely(*jumbo != NULL)) {
		iov[1].iov_base = rte_pktmbuf_mtod(*jumbo, void *);
		iov[1].iov_len = rte_pktmbuf_tailroom(*jumbo);
		n_iov = 2;
	}
	len = readv(fd, iov, n_iov);
	if (len <= 0)
		return 0; // EAGAIN; EBADFD and EIO are state()'s to report
	// Without a jumbo the kernel cuts a super-frame in silence: a full buffer is taken for one.
	if ((uint32_t)len <= VNET_HEADER_LEN || (*jumbo == NULL && (size_t)len >= iov[0].iov_len)
		|| !buffer_filled(m, jumbo, (uint32_t)len - VNET_HEADER_LEN))
		return -1;
	memcpy(&header, start - VNET_HEADER_LEN, sizeof(header));
	return vnet_to_mbuf(&header, m) == 0 ? 1 : -1;
}

static uint16_t
tap_rx(struct port *port, uint16_t queue_id, struct rte_mbuf **pkts, uint16_t n)
{
	struct tap *tap = port->priv;
	struct tap_queue *queue = &tap->queues[queue_id];
	struct rte_mbuf *m, *jumbo = NULL;
	uint16_t received = 0, tries;
	uint32_t bytes = 0;
	int result = -1;

	for (tries = 0; tries < n && bytes < BUFFER_BURST_BYTES; tries++) {
		m = rte_pktmbuf_alloc(tap->pools.mbufs);
		if (unlikely(m == NULL)) {
			result = -1;
			break;
		}
		if (jumbo == NULL)
			jumbo = rte_pktmbuf_alloc(tap->pools.jumbos);
		result = read_frame(queue->fd, m, &jumbo);
		if (result == 1) {
			bytes += m->pkt_len;
			pkts[received++] = m;
			continue;
		}
		rte_pktmbuf_free(m);
		if (result == 0)
			break;
		counter_add(&queue->rx_refused, 1);
	}
	queue->unread = result != 0;
	rte_pktmbuf_free(jumbo);
	return received;
}

static enum port_tx_stop
stop_reason(int error)
{
	switch (error) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
	case EINTR:
		return PORT_TX_FULL;
	case EIO: // interface is down
	case EBADFD: // device is gone
	case ENODEV:
		return PORT_TX_DOWN;
	default:
		return PORT_TX_REFUSED;
	}
}

static uint16_t
tap_tx(struct port *port, uint16_t queue_id, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	struct tap *tap = port->priv;
	int fd = tap->queues[queue_id].fd, segments;
	struct iovec iov[1 + TAP_SEGMENTS_MAX];
	struct virtio_net_hdr header;
	uint16_t sent;

	iov[0].iov_base = &header;
	iov[0].iov_len = VNET_HEADER_LEN;
	for (sent = 0; sent < n; sent++) {
		segments = buffer_segments(pkts[sent], &iov[1], TAP_SEGMENTS_MAX);
		if (unlikely(segments == 0)) {
			*stop = PORT_TX_REFUSED;
			break;
		}
		vnet_from_mbuf(pkts[sent], &header);
		if (unlikely(writev(fd, iov, 1 + segments) < 0)) {
			*stop = stop_reason(errno);
			break;
		}
	}
	rte_pktmbuf_free_bulk(pkts, sent);
	return sent;
}

static int
tap_wake_fd(struct port *port, uint16_t queue_id)
{
	struct tap *tap = port->priv;

	return tap->queues[queue_id].fd;
}

static bool
tap_rx_arm(struct port *port, uint16_t queue_id)
{
	struct tap *tap = port->priv;

	return tap->queues[queue_id].unread;
}

static enum cw_port_state
tap_state(struct port *port, char *reason, size_t reason_len)
{
	struct tap *tap = port->priv;
	struct pollfd poll_fd = {.fd = tap->queues[0].fd, .events = POLLOUT};
	struct ifreq request = {0};

	if (ioctl(tap->queues[0].fd, TUNGETIFF, &request) < 0 || poll(&poll_fd, 1, 0) < 0
		|| (poll_fd.revents & POLLERR) != 0) {
		snprintf(reason, reason_len, "the tap device was removed");
		return CW_PORT_GONE;
	}
	// A tap is writable only while its interface is up; works from any network namespace.
	if ((poll_fd.revents & POLLOUT) == 0) {
		snprintf(reason, reason_len, "interface %.16s is down", request.ifr_name);
		return CW_PORT_DOWN;
	}
	return CW_PORT_UP;
}

// The device's tx is our rx: its queue overflows when we read too slowly.
static void
tap_device_stats(struct port *port, struct port_device_stats *stats)
{
	struct tap *tap = port->priv;
	struct netdev_stats now = tap->before;

	read_device_stats(tap->queues[0].fd, &now); // reads as zero without the privilege
	stats->rx_dropped = now.tx_dropped - tap->before.tx_dropped;
	stats->tx_dropped = now.rx_dropped - tap->before.rx_dropped;
	for (uint16_t i = 0; i < tap->n_queues; i++)
		stats->rx_dropped +=
			atomic_load_explicit(&tap->queues[i].rx_refused, memory_order_relaxed);
}

static uint16_t
tap_descriptors(struct port *port, int *fds, uint16_t max)
{
	struct tap *tap = port->priv;
	uint16_t n = tap->n_queues < max ? tap->n_queues : max;

	for (uint16_t i = 0; i < n; i++)
		fds[i] = tap->queues[i].fd;
	return n;
}

static const struct port_driver tap_driver = {
	.name = "tap",
	.kinds = 1u << CW_PORT_TAP | 1u << CW_PORT_HOST,
	.tx_copies = true,
	.open = tap_open,
	.close = tap_close,
	.rx = tap_rx,
	.tx = tap_tx,
	.wake_fd = tap_wake_fd,
	.rx_arm = tap_rx_arm,
	.state = tap_state,
	.device_stats = tap_device_stats,
	.descriptors = tap_descriptors,
};
PORT_DRIVER_REGISTER(tap_driver)
