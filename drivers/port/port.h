/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_H
#define DRIVERS_PORT_H

// The seam between the switch and the devices that it polls. A driver is one file that fills a
// struct port_driver and registers it; nothing else knows its name.
//
// Threads: open, close, state, device_stats run on the main thread. rx(q) is called only by the
// worker that owns rx queue q, tx(q) only by the worker that owns tx queue q, and never
// concurrently with open or close (the switch waits for a grace period before close). No driver
// blocks, logs, locks or allocates anything but mbufs in rx and tx.
//
// Offload metadata of a received frame (what leaves by rx) and of one to be sent (what goes to tx)
// is the same, so that frames pass from port to port untouched:
//  - RTE_MBUF_F_RX_L4_CKSUM_GOOD: the L4 checksum in the frame is known to be right.
//  - RTE_MBUF_F_TX_TCP_CKSUM or RTE_MBUF_F_TX_UDP_CKSUM (with TX_IPV4/TX_IPV6, l2_len, l3_len set):
//  the checksum field
//    holds the folded, uninverted pseudo-header sum over the L4 length, as in virtio 1.2,
//    5.1.6.2 (VIRTIO_NET_HDR_F_NEEDS_CSUM); the receiver trusts it or completes it.
//  - RTE_MBUF_F_TX_TCP_SEG or RTE_MBUF_F_TX_UDP_SEG, with the checksum flag above, l4_len and
//  tso_segsz: a
//    super-frame (payload bytes per segment in tso_segsz). Its IP length fields cover the whole.
//  - VLAN tags are in the frame, never in metadata. l2_len counts them.
//
// Segments of a received frame behind its first may be lent (RTE_MBUF_F_EXTERNAL): memory of the
// peer, which may change it at any time. They are read only, once where it matters, and freed by
// the worker that received them before it calls rx on that queue again; a frame that stays longer
// or goes to another thread is copied (buffer_own). Ports without tx_copies get no such frames.

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include <causeway/wire.h>

#define PORT_GROUPS 30 // multicast groups that a device is told of by name
#define PORT_BURST 64 // frames at most in one rx or tx call

enum port_capability {
	PORT_TX_CHECKSUM = 1u << 0, // tx takes unfinished TCP and UDP checksums
	PORT_TX_TSO4 = 1u << 1, // tx takes TCP over IPv4 super-frames
	PORT_TX_TSO6 = 1u << 2,
	PORT_TX_USO = 1u << 3, // tx takes UDP super-frames, IPv4 and IPv6
	PORT_TX_CHAINS = 1u << 4, // tx takes frames of several segments
	PORT_RX_EDGE = 1u << 5, // the wake-up descriptor fires on every arrival after an empty rx,
	// so an idle queue need not be polled
	PORT_TX_QUEUE_SHARED = 1u << 6, // any worker may call tx on any queue concurrently
	// tx finishes inner checksums of packets in tunnels: frames with RTE_MBUF_F_TX_TUNNEL_VXLAN
	// or _IPIP, outer_l2_len and outer_l3_len set, l2_len from the outer IP header's end to the
	// inner one.
	PORT_TX_TUNNEL_CHECKSUM = 1u << 7,
	PORT_TX_TUNNEL_TSO = 1u << 8, // tx cuts super-frames of TCP inside VXLAN
	// tx makes the outer UDP checksum of such frames: RTE_MBUF_F_TX_OUTER_UDP_CKSUM, whatever
	// the field holds. Without it they come only where that checksum is zero.
	PORT_TX_TUNNEL_OUTER_CHECKSUM = 1u << 9,
};
#define PORT_TX_OFFLOADS (PORT_TX_CHECKSUM | PORT_TX_TSO4 | PORT_TX_TSO6 | PORT_TX_USO)

// Why tx stopped before the end of the burst.
enum port_tx_stop {
	PORT_TX_FULL = 0, // the device takes no more now; a retry may help
	PORT_TX_REFUSED, // the device will never take pkts[returned]: drop it and go on with the
			 // next
	PORT_TX_DOWN, // the device is down or gone: drop all
};

struct port_config {
	uint16_t id;
	uint8_t kind; // cw_port_kind
	const char *name, *ifname, *args;
	uint16_t mtu;
	bool mtu_given; // less will not do
	struct rte_ether_addr mac; // of the device's far end; zero when not known
	struct rte_ether_addr own_mac; // what the device's own is to be; zero: as it is
	uint16_t n_queues; // wanted; a driver may open fewer, never more than CW_MAX_QUEUES
	const int *fds; // open takes them over on success, the caller keeps them on error
	uint16_t n_fds;
	int socket_id; // NUMA node, or SOCKET_ID_ANY
	struct rte_mempool *mbufs; // single-segment frames up to RTE_MBUF_DEFAULT_DATAROOM
	struct rte_mempool *jumbos; // the rest of a super-frame: data rooms of nearly 64 KiB
};

// What the device itself lost, beyond our own counters.
struct port_device_stats {
	uint64_t rx_dropped; // before we could read them (ring or queue full)
	uint64_t tx_dropped; // after it took them from us
};

// One device queue, by index: what the driver alone can tell. Writers: the worker that owns the
// queue (the kicks received: whoever waits on them); reader: main thread, each value whole.
struct port_queue_stats {
	uint64_t rx_packets, rx_bytes; // taken from the device
	uint64_t tx_packets, tx_bytes; // taken by the device
	uint64_t tx_full; // tx calls that ended because the device had no room
	uint64_t kicks_sent; // notifications to the peer
	uint64_t kicks_received; // notifications from the peer
};

// What a peer at the other end of a vhost-user or memif port told us.
struct port_peer {
	uint16_t mtu; // the peer's, 0 = not told
	uint16_t n_queues; // queue pairs that the peer has enabled now
	uint32_t connects; // since open; all but the first are reconnects
	char features[128]; // "packed,mergeable,event_idx,csum,tso4"; empty while not connected
};

// The DPDK device behind a port.
struct port_ethdev {
	uint16_t id;
	uint32_t starts; // grows whenever the device is started: flow rules of before are gone
};

struct port {
	const struct port_driver *driver;
	uint16_t id;
	uint8_t kind;
	uint16_t mtu;
	uint16_t n_rx, n_tx; // queues opened; fixed until close, a peer may use fewer
	_Atomic uint32_t
		capabilities; // port_capability; writer: the driver, when a peer negotiates.
	// Frames decided under the former ones may still come: tx refuses what it cannot do.
	int socket_id;
	struct rte_ether_addr mac; // the device's own; zero where drivers do not tell
	char name[CW_NAME_LEN];
	void *priv;
};

struct port_driver {
	const char *name; // "tap"
	uint32_t kinds; // bit (1 << cw_port_kind) for each kind that it serves
	bool tx_copies; // tx is done with a frame's memory when it returns

	// Opens the device from descriptors or arguments, sets n_rx, n_tx, capabilities, priv.
	// Returns 0 or -errno and then writes a sentence into reason (reason_len bytes).
	int (*open)(struct port *port, const struct port_config *config, char *reason,
		size_t reason_len);
	// Releases everything, the descriptors included. Persistent devices stay.
	void (*close)(struct port *port);

	// Reads up to n <= PORT_BURST frames, fewer when they are long: what a burst holds should
	// stay in a core's cache. Returns how many; 0 means "empty for now", or that frames wait
	// but could not be read (no mbufs, or all refused): then rx_arm says so.
	uint16_t (*rx)(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
	// Optional: whether frames of the last rx call on this queue hold lent segments. The worker
	// that owns the queue, right after that call.
	bool (*lends)(struct port *port, uint16_t queue);
	// Sends frames in order. Returns how many the device took (they belong to the driver); on a
	// short count *stop says why and pkts[returned] onwards still belong to the caller.
	uint16_t (*tx)(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
		enum port_tx_stop *stop);

	// Descriptor to sleep on (readable, or edge-triggered with PORT_RX_EDGE); -1 when the queue
	// can only be polled. Owned by the driver.
	int (*wake_fd)(struct port *port, uint16_t queue);
	// Optional: about to sleep on wake_fd. Returns true when frames are already waiting.
	bool (*rx_arm)(struct port *port, uint16_t queue);

	// State of the device; on anything but CW_PORT_UP writes a sentence into reason.
	enum cw_port_state (*state)(struct port *port, char *reason, size_t reason_len);
	void (*device_stats)(struct port *port, struct port_device_stats *stats);
	// Optional.
	void (*queue_stats)(struct port *port, uint16_t queue, struct port_queue_stats *stats);
	// Optional.
	void (*peer)(struct port *port, struct port_peer *peer);
	// Optional: an eventfd that becomes readable when state, capabilities or peer may have
	// changed; the main thread reads it and asks again. Owned by the driver. Without it state
	// is asked for twice a second.
	int (*event_fd)(struct port *port);
	// Optional: duplicates nothing, gives the descriptors for a control plane that lost its
	// own.
	uint16_t (*descriptors)(struct port *port, int *fds, uint16_t max);
	// Optional: the device has to be taken from workers and seen to: reset, let go, taken anew.
	// Returns true when it is so; rx and tx calls that begin after that leave it alone. The
	// main thread waits for those that began before, calls repair, and asks for the state.
	// Asked after an event and twice a second.
	bool (*needs_repair)(struct port *port);
	void (*repair)(struct port *port); // may have to be done again
	// Optional, both: VLAN tags that frames from the device may carry, and multicast groups
	// that they may be for (more than PORT_GROUPS: too many to name them); all of them, each
	// time. Return 0, or -errno when the device does not let some in.
	int (*set_vlans)(struct port *port, const uint16_t *vlans, unsigned int n);
	int (*set_groups)(struct port *port, const struct rte_ether_addr *groups, unsigned int n);
	// Optional: the DPDK device that flow rules go to. Returns false while there is none.
	bool (*ethdev)(struct port *port, struct port_ethdev *ethdev);
};

// Main thread, before any port_open (constructors do it).
void port_driver_register(const struct port_driver *driver);

#define PORT_DRIVER_REGISTER(driver)             \
	RTE_INIT(register_##driver)              \
	{                                        \
		port_driver_register(&(driver)); \
	}

// Opens a port of config->kind. Returns the port, or NULL with *error = -errno and a sentence in
// reason: -EPROTONOSUPPORT no driver serves the kind, -EINVAL config, else the driver's. The port
// is rte_zmalloc'ed on config->socket_id (fall-back: any node).
struct port *port_open(
	const struct port_config *config, int *error, char *reason, size_t reason_len);
// After this the port is gone. Main thread; no worker may still use it.
void port_close(struct port *port);

// Writes "checksum,tso4,..." into text.
void port_capability_names(uint32_t capabilities, char *text, size_t len);

static inline uint16_t
port_rx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	return port->driver->rx(port, queue, pkts, n);
}

static inline uint16_t
port_tx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	return port->driver->tx(port, queue, pkts, n, stop);
}

#endif
