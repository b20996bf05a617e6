/* SPDX-License-Identifier: Apache-2.0 */

// Receiving by AF_PACKET. Frames of up to the MTU come through a TPACKET_V2 ring, which a worker
// polls without system calls. A super-frame (64 KiB) would need ring frames of 128 KiB, tens of
// MiB for a port that mostly sees small frames. So ring frames are MTU-sized, and
// PACKET_COPY_THRESH makes the kernel queue what is longer on the socket and mark its ring frame
// TP_STATUS_COPY: it is then read straight into [small mbuf][jumbo]. Kernel and reader go through
// ring and queue in the same order (both are filled under one lock), so frames keep theirs.
// TPACKET_V3 packs tightly, but shows frames only when a block is full or a timer of at least 1 ms
// has run out.

#include "af_packet.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <rte_common.h>
#include <rte_ether.h>

#include "vnet.h"

#define RING_BYTES (2u << 20)
#define RING_BLOCK (64u << 10)
#define RING_FRAMES_MIN 64u
#define FRAME_OVERHEAD 192u // tpacket2_hdr, sockaddr_ll, vnet header, alignment; more than enough
// Super-frames wait in the socket's queue; a socket's default holds three.
#define QUEUE_BYTES (8 << 20)

static int
set_option(int fd, int option, int value)
{
	return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value));
}

static void
set_queue_sizes(int fd)
{
	int bytes = QUEUE_BYTES;

	// FORCE needs CAP_NET_ADMIN; without it net.core.[rw]mem_max cap the size.
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

// Past the queueing discipline the kernel drops a super-frame that the device does not segment
// itself
// (__dev_direct_xmit). Our own veths always do; what an uplink's device does may change at any
// time.
static int
set_options(int fd, bool bypass, char *reason, size_t reason_len)
{
	const struct {
		int option, value;
		const char *name;
		bool must;
	} options[] = {
		{PACKET_VERSION, TPACKET_V2, "PACKET_VERSION", true},
		{PACKET_VNET_HDR, 1, "PACKET_VNET_HDR", true},
		{PACKET_COPY_THRESH, 1, "PACKET_COPY_THRESH", true},
		{PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING", true},
		{PACKET_QDISC_BYPASS, bypass, "PACKET_QDISC_BYPASS", false},
	};
	struct tpacket_req none = {0};

	setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &none, sizeof(none));
	for (size_t i = 0; i < RTE_DIM(options); i++) {
		if (set_option(fd, options[i].option, options[i].value) == 0 || !options[i].must)
			continue;
		snprintf(reason, reason_len, "%s refused: %s", options[i].name, strerror(errno));
		return -errno;
	}
	set_queue_sizes(fd);
	return 0;
}

static struct tpacket_req
geometry(uint16_t mtu)
{
	uint32_t frame = rte_align32pow2(mtu + RTE_ETHER_HDR_LEN + FRAME_OVERHEAD);
	uint32_t frames = RTE_MAX(RING_BYTES / frame, RING_FRAMES_MIN);
	uint32_t block = RTE_MAX(RING_BLOCK, frame);

	return (struct tpacket_req){
		.tp_block_size = block,
		.tp_block_nr = frames / (block / frame),
		.tp_frame_size = frame,
		.tp_frame_nr = frames,
	};
}

int
af_packet_ring_open(
	struct af_packet_ring *ring, int fd, uint16_t mtu, char *reason, size_t reason_len)
{
	struct tpacket_req request = geometry(mtu);
	int ret = set_options(fd, !ring->uplink, reason, reason_len);
	void *map;

	if (ret < 0)
		return ret;
	if (setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) < 0) {
		ret = -errno;
		snprintf(reason, reason_len, "receive ring of %u frames of %u bytes refused: %s",
			request.tp_frame_nr, request.tp_frame_size, strerror(-ret));
		return ret;
	}
	ring->map_len = (size_t)request.tp_block_size * request.tp_block_nr;
	map = mmap(NULL, ring->map_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (map == MAP_FAILED) {
		ret = -errno;
		snprintf(reason, reason_len, "receive ring cannot be mapped: %s", strerror(-ret));
		return ret;
	}
	ring->fd = fd;
	ring->map = map;
	ring->frame_size = request.tp_frame_size;
	ring->n_frames = request.tp_frame_nr;
	ring->next = 0;
	return 0;
}

void
af_packet_ring_close(struct af_packet_ring *ring)
{
	if (ring->map != NULL)
		munmap(ring->map, ring->map_len);
	ring->map = NULL;
}

static struct tpacket2_hdr *
next_frame(const struct af_packet_ring *ring)
{
	return (struct tpacket2_hdr *)(void *)(ring->map + (size_t)ring->next * ring->frame_size);
}

static uint32_t
frame_status(const struct tpacket2_hdr *frame)
{
	return __atomic_load_n(&frame->tp_status, __ATOMIC_ACQUIRE);
}

static void
frame_done(struct af_packet_ring *ring, struct tpacket2_hdr *frame)
{
	__atomic_store_n(&frame->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	if (++ring->next == ring->n_frames)
		ring->next = 0;
}

bool
af_packet_ring_waiting(const struct af_packet_ring *ring)
{
	return frame_status(next_frame(ring)) != TP_STATUS_KERNEL;
}

// Copies the frame out of the ring. The mapping is ours alone to write besides the kernel, its
// offsets are checked all the same.
static enum buffer_result
read_ring(const struct af_packet_ring *ring, const struct tpacket2_hdr *frame,
	const struct buffer_pools *pools, struct virtio_net_hdr *header, struct rte_mbuf **m)
{
	const uint8_t *base = (const uint8_t *)frame;
	uint32_t len = frame->tp_snaplen;

	if (len != frame->tp_len || frame->tp_mac < sizeof(*frame) + VNET_HEADER_LEN
		|| frame->tp_mac + len > ring->frame_size)
		return BUFFER_TOO_LONG;
	memcpy(header, base + frame->tp_mac - VNET_HEADER_LEN, sizeof(*header));
	return buffer_copy_in(pools, base + frame->tp_mac, len, m);
}

// Takes the frame that the kernel queued on the socket because the ring's frame is too small.
static enum buffer_result
read_queue(int fd, const struct buffer_pools *pools, struct virtio_net_hdr *header,
	struct rte_mbuf **frame)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools->mbufs), *jumbo;
	struct iovec iov[3] = {{.iov_base = header, .iov_len = VNET_HEADER_LEN}};
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t len;

	if (m == NULL)
		return BUFFER_NO_MEMORY;
	iov[1].iov_base = rte_pktmbuf_mtod(m, void *);
	iov[1].iov_len = rte_pktmbuf_tailroom(m);
	jumbo = rte_pktmbuf_alloc(pools->jumbos);
	if (likely(jumbo != NULL)) {
		iov[2].iov_base = rte_pktmbuf_mtod(jumbo, void *);
		iov[2].iov_len = rte_pktmbuf_tailroom(jumbo);
		message.msg_iovlen = 3;
	}
	len = recvmsg(fd, &message, MSG_DONTWAIT);
	// A pending error of the device (it went down) is reported once, before the queue.
	if (unlikely(len < 0 && errno != EAGAIN))
		len = recvmsg(fd, &message, MSG_DONTWAIT);
	if (unlikely(len < (ssize_t)VNET_HEADER_LEN || (message.msg_flags & MSG_TRUNC) != 0
		     || !buffer_filled(m, &jumbo, (uint32_t)len - VNET_HEADER_LEN))) {
		rte_pktmbuf_free(jumbo);
		rte_pktmbuf_free(m);
		return BUFFER_TOO_LONG;
	}
	rte_pktmbuf_free(jumbo);
	*frame = m;
	return BUFFER_OK;
}

// The kernel takes the outer tag out of every frame that it receives; it goes back in.
static int
restore_vlan(const struct tpacket2_hdr *frame, uint32_t status, struct rte_mbuf *m)
{
	uint16_t tpid =
		(status & TP_STATUS_VLAN_TPID_VALID) != 0 ? frame->tp_vlan_tpid : ETHERTYPE_VLAN;

	if ((status & TP_STATUS_VLAN_VALID) == 0)
		return 0;
	return vnet_insert_vlan(m, tpid, frame->tp_vlan_tci);
}

static int
to_mbuf(const struct af_packet_ring *ring, const struct virtio_net_hdr *header, struct rte_mbuf *m)
{
	return ring->uplink ? vnet_to_mbuf_of_uplink(header, m) : vnet_to_mbuf(header, m);
}

uint16_t
af_packet_ring_rx(struct af_packet_ring *ring, const struct buffer_pools *pools,
	struct rte_mbuf **pkts, uint16_t n)
{
	struct virtio_net_hdr header;
	struct tpacket2_hdr *frame;
	enum buffer_result result;
	uint16_t received = 0, refused = 0;
	uint32_t status, bytes = 0;

	while (received + refused < n && bytes < BUFFER_BURST_BYTES) {
		frame = next_frame(ring);
		status = frame_status(frame);
		if (status == TP_STATUS_KERNEL)
			break;
		result = (status & TP_STATUS_COPY) != 0
				 ? read_queue(ring->fd, pools, &header, &pkts[received])
				 : read_ring(ring, frame, pools, &header, &pkts[received]);
		if (result == BUFFER_NO_MEMORY)
			break;
		if (result != BUFFER_OK) {
			refused++;
		} else if (to_mbuf(ring, &header, pkts[received]) < 0
			   || restore_vlan(frame, status, pkts[received]) < 0) {
			rte_pktmbuf_free(pkts[received]);
			refused++;
		} else {
			bytes += pkts[received]->pkt_len;
			received++;
		}
		frame_done(ring, frame);
	}
	if (unlikely(refused > 0))
		counter_add(&ring->rx_refused, refused);
	return received;
}
