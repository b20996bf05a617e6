/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_VNET_H
#define DRIVERS_PORT_VNET_H

// virtio_net_hdr (virtio 1.2, 5.1.6) to and from the offload metadata that port.h defines. Fields
// are in host order, as tun and AF_PACKET give them. Any thread; no allocation.

#include <linux/virtio_net.h>
#include <stdint.h>

#include <rte_mbuf.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define VNET_HEADER_LEN ((uint32_t)sizeof(struct virtio_net_hdr))

// Segments that one super-frame may stand for. Linux never makes more: its smallest TCP MSS is
// above 36 bytes, and UDP_MAX_SEGMENTS is 128. A header that asks for more is an attack.
#define VNET_TCP_SEGMENTS_MAX 2048
#define VNET_UDP_SEGMENTS_MAX 128

// Judges the header that came with the frame m (hostile input) and sets m's metadata. An unfinished
// checksum that metadata cannot describe (other protocol, fragment, inside a tunnel) is finished in
// place. A segment size that the frame does not exceed is forgotten. Returns 0, or -EBADMSG: the
// header contradicts the frame, drop it.
int vnet_to_mbuf(const struct virtio_net_hdr *header, struct rte_mbuf *m);

// The same for ports whose frames come out of their tunnels before anybody else looks at them: a
// super-frame inside VXLAN or IPIP, which Linux passes with the inner frame's header, is taken, its
// metadata those of PORT_TX_TUNNEL_TSO (port.h).
int vnet_to_mbuf_of_uplink(const struct virtio_net_hdr *header, struct rte_mbuf *m);

// Fills the header for a frame with metadata.
void vnet_from_mbuf(const struct rte_mbuf *m, struct virtio_net_hdr *header);

// Puts a VLAN tag (host order) that the device took out back behind the MAC addresses, metadata
// included. Needs 4 bytes of headroom. Returns 0, -EBADMSG (runt) or -ENOSPC.
int vnet_insert_vlan(struct rte_mbuf *m, uint16_t tpid, uint16_t tci);

#endif
