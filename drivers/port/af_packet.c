/* SPDX-License-Identifier: Apache-2.0 */

// Kind af_packet: the host's end of a veth or an uplink of the node (args uplink=1), by AF_PACKET
// sockets that the control plane made and bound (several of them share a fan-out group, one a
// queue).

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <rte_malloc.h>

#include "af_packet.h"
#include "arguments.h"
#include "port.h"
#include "vnet.h"

// A frame is one small mbuf and at most one jumbo unless the switch built it otherwise.
#define TX_IOV (PORT_BURST * 8)
#define TX_SEGMENTS_MAX 64

struct af_packet {
	struct buffer_pools pools;
	uint16_t n_queues;
	struct af_packet_ring rings[];
};

static int
socket_check(int fd, char *reason, size_t reason_len)
{
	struct sockaddr_ll address = {0};
	socklen_t address_len = sizeof(address), len = sizeof(int);
	int type = 0;

	if (getsockname(fd, (struct sockaddr *)&address, &address_len) < 0
		|| address.sll_family != AF_PACKET
		|| getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_RAW) {
		snprintf(reason, reason_len, "descriptor is no AF_PACKET SOCK_RAW socket");
		return -EINVAL;
	}
	if (address.sll_ifindex <= 0) {
		snprintf(reason, reason_len, "AF_PACKET socket is not bound to a device");
		return -ENODEV;
	}
	return 0;
}

static void
af_packet_free(struct af_packet *device)
{
	for (uint16_t i = 0; i < device->n_queues; i++)
		af_packet_ring_close(&device->rings[i]);
	rte_free(device);
}

// Linux 6.2 put UDP super-frames into vnet headers; before, the socket refuses them.
static uint32_t
kernel_offloads(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	if (uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2
		&& (major > 6 || (major == 6 && minor >= 2)))
		return PORT_TX_OFFLOADS;
	return PORT_TX_CHECKSUM | PORT_TX_TSO4 | PORT_TX_TSO6;
}

static int
af_packet_open(struct port *port, const struct port_config *config, char *reason, size_t reason_len)
{
	struct af_packet *device;
	uint32_t uplink = 0;
	int ret = 0;

	if (config->n_fds == 0) {
		snprintf(reason, reason_len, "an af_packet port needs one socket for each queue");
		return -EINVAL;
	}
	device = buffer_zmalloc(
		sizeof(*device) + config->n_fds * sizeof(device->rings[0]), config->socket_id);
	if (device == NULL) {
		snprintf(reason, reason_len, "no memory for %u queues", config->n_fds);
		return -ENOMEM;
	}
	device->pools = (struct buffer_pools){config->mbufs, config->jumbos};
	arguments_uint(config->args, "uplink", &uplink);
	for (uint16_t i = 0; i < config->n_fds && ret == 0; i++) {
		device->rings[i].uplink = uplink != 0;
		ret = socket_check(config->fds[i], reason, reason_len);
		if (ret == 0)
			ret = af_packet_ring_open(
				&device->rings[i], config->fds[i], config->mtu, reason, reason_len);
		if (ret == 0)
			device->n_queues++;
	}
	if (ret < 0) {
		af_packet_free(device);
		return ret;
	}
	port->priv = device;
	port->n_rx = port->n_tx = device->n_queues;
	port->capabilities =
		kernel_offloads() | PORT_TX_CHAINS | PORT_RX_EDGE | PORT_TX_QUEUE_SHARED;
	return 0;
}

static void
af_packet_close(struct port *port)
{
	struct af_packet *device = port->priv;

	for (uint16_t i = 0; i < device->n_queues; i++)
		close(device->rings[i].fd);
	af_packet_free(device);
}

static uint16_t
af_packet_rx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct af_packet *device = port->priv;

	return af_packet_ring_rx(&device->rings[queue], &device->pools, pkts, n);
}

static enum port_tx_stop
stop_reason(int error)
{
	switch (error) {
	case EAGAIN:
	case ENOBUFS: // also: no carrier
	case ENOMEM:
	case EINTR:
		return PORT_TX_FULL;
	case ENETDOWN:
	case ENXIO:
	case ENODEV:
		return PORT_TX_DOWN;
	default: // EMSGSIZE, EINVAL
		return PORT_TX_REFUSED;
	}
}

struct tx_messages {
	struct mmsghdr messages[PORT_BURST];
	struct virtio_net_hdr headers[PORT_BURST];
	struct iovec iov[TX_IOV];
};

// Describes frames until the room for segments ends. Returns how many.
static uint16_t
describe(struct tx_messages *tx, struct rte_mbuf **pkts, uint16_t n)
{
	int used = 0, segments;
	uint16_t i;

	for (i = 0; i < n; i++) {
		if (i == PORT_BURST || used + 2 > TX_IOV)
			break;
		segments = buffer_segments(
			pkts[i], &tx->iov[used + 1], RTE_MIN(TX_IOV - used - 1, TX_SEGMENTS_MAX));
		if (segments == 0)
			break;
		vnet_from_mbuf(pkts[i], &tx->headers[i]);
		tx->iov[used].iov_base = &tx->headers[i];
		tx->iov[used].iov_len = VNET_HEADER_LEN;
		memset(&tx->messages[i].msg_hdr, 0, sizeof(tx->messages[i].msg_hdr));
		tx->messages[i].msg_hdr.msg_iov = &tx->iov[used];
		tx->messages[i].msg_hdr.msg_iovlen = (size_t)segments + 1;
		used += segments + 1;
	}
	return i;
}

static uint16_t
af_packet_tx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	struct af_packet *device = port->priv;
	struct tx_messages tx;
	uint16_t sent = 0, described;
	int ret;

	while (sent < n) {
		described = describe(&tx, &pkts[sent], (uint16_t)(n - sent));
		if (unlikely(described == 0)) {
			*stop = PORT_TX_REFUSED; // a chain of too many segments
			break;
		}
		ret = sendmmsg(device->rings[queue].fd, tx.messages, described, MSG_DONTWAIT);
		if (unlikely(ret < 0)) {
			*stop = stop_reason(errno);
			break;
		}
		sent = (uint16_t)(sent + ret);
	}
	rte_pktmbuf_free_bulk(pkts, sent);
	return sent;
}

static int
af_packet_wake_fd(struct port *port, uint16_t queue)
{
	struct af_packet *device = port->priv;

	return device->rings[queue].fd;
}

static bool
af_packet_rx_arm(struct port *port, uint16_t queue)
{
	struct af_packet *device = port->priv;

	return af_packet_ring_waiting(&device->rings[queue]);
}

// Whether a frame sent now would reach the far end. IFF_RUNNING says it only when the kernel's link
// watch has come round, up to a second later.
static bool
has_carrier(int fd, const char *ifname)
{
	struct ethtool_value link = {.cmd = ETHTOOL_GLINK, .data = 1};
	struct ifreq request = {.ifr_data = (void *)&link};

	memcpy(request.ifr_name, ifname, sizeof(request.ifr_name));
	return ioctl(fd, SIOCETHTOOL, &request) < 0 || link.data != 0;
}

// The socket answers for its device in the network namespace that it was made in.
static enum cw_port_state
af_packet_state(struct port *port, char *reason, size_t reason_len)
{
	struct af_packet *device = port->priv;
	struct sockaddr_ll address = {0};
	socklen_t len = sizeof(address);
	struct ifreq request = {0};
	int fd = device->rings[0].fd;

	if (getsockname(fd, (struct sockaddr *)&address, &len) == 0)
		request.ifr_ifindex = address.sll_ifindex;
	if (request.ifr_ifindex <= 0 || ioctl(fd, SIOCGIFNAME, &request) < 0
		|| ioctl(fd, SIOCGIFFLAGS, &request) < 0) {
		snprintf(reason, reason_len, "the device was removed");
		return CW_PORT_GONE;
	}
	if ((request.ifr_flags & IFF_UP) == 0) {
		snprintf(reason, reason_len, "interface %.16s is down", request.ifr_name);
		return CW_PORT_DOWN;
	}
	if (!has_carrier(fd, request.ifr_name)) {
		snprintf(reason, reason_len, "interface %.16s has no carrier", request.ifr_name);
		return CW_PORT_DOWN;
	}
	return CW_PORT_UP;
}

static void
af_packet_device_stats(struct port *port, struct port_device_stats *stats)
{
	struct af_packet *device = port->priv;
	struct tpacket_stats kernel;
	socklen_t len;

	*stats = (struct port_device_stats){0};
	for (uint16_t i = 0; i < device->n_queues; i++) {
		struct af_packet_ring *ring = &device->rings[i];

		len = sizeof(kernel);
		if (getsockopt(ring->fd, SOL_PACKET, PACKET_STATISTICS, &kernel, &len) == 0)
			ring->rx_missed += kernel.tp_drops;
		stats->rx_dropped +=
			ring->rx_missed
			+ atomic_load_explicit(&ring->rx_refused, memory_order_relaxed);
	}
}

static uint16_t
af_packet_descriptors(struct port *port, int *fds, uint16_t max)
{
	struct af_packet *device = port->priv;
	uint16_t n = device->n_queues < max ? device->n_queues : max;

	for (uint16_t i = 0; i < n; i++)
		fds[i] = device->rings[i].fd;
	return n;
}

static const struct port_driver af_packet_driver = {
	.name = "af_packet",
	.kinds = 1u << CW_PORT_AF_PACKET,
	.tx_copies = true,
	.open = af_packet_open,
	.close = af_packet_close,
	.rx = af_packet_rx,
	.tx = af_packet_tx,
	.wake_fd = af_packet_wake_fd,
	.rx_arm = af_packet_rx_arm,
	.state = af_packet_state,
	.device_stats = af_packet_device_stats,
	.descriptors = af_packet_descriptors,
};
PORT_DRIVER_REGISTER(af_packet_driver)
