/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATAPLANE_PACKET_H
#define DATAPLANE_PACKET_H

// What the stages know of a packet beyond its bytes: a parallel array to the worker's mbufs, one
// cache line a packet, written and read by the owning worker only.

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

struct nexthop;

// ol_flags that leave work to be done, see port.h.
#define PACKET_SUPER_FRAME (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)
#define PACKET_TX_OFFLOADS (RTE_MBUF_F_TX_L4_MASK | PACKET_SUPER_FRAME)

enum packet_origin {
	PACKET_FROM_PORT = 0, // a pod or another device
	PACKET_FROM_HOST, // the node's own stack
	PACKET_FROM_ROUTER, // made by the switch
	PACKET_FROM_UPLINK, // another node, as it is (host-gw)
	PACKET_FROM_TUNNEL, // another node's tunnel end; see packet_outer()
};

enum packet_flag {
	PACKET_TRACED = 1u << 0,
	PACKET_HASHED = 1u << 1, // hash is valid
	PACKET_ROUTED = 1u << 2, // went through the router: TTL was taken, MACs are rewritten
	PACKET_FLOODED = 1u << 3, // this is one of several copies
	PACKET_NO_ERROR =
		1u << 4, // never answer with an ICMP error (RFC 1812, 4.3.2.7; RFC 4443, 2.4)
	PACKET_PUNT = 1u << 5, // the node's own, found by decap: to the host as it is
	PACKET_DECAPPED = 1u << 6, // decap has set the network
	PACKET_TUNNEL = 1u << 7, // nexthop is a tunnel: goes to encap in place of tx
};

enum packet_fragment {
	PACKET_WHOLE = 0,
	PACKET_FIRST_FRAGMENT,
	PACKET_LATER_FRAGMENT, // carries no L4 header
};

struct packet_ctx {
	uint16_t in_port; // id, see port_table; mbuf->port holds the same
	uint16_t out_port; // id, 0 = not known yet
	uint16_t network; // id
	uint8_t origin; // packet_origin
	uint8_t flags; // packet_flag
	uint16_t ether_type; // host order, behind the VLAN tags
	uint16_t
		vlan; // tag as received, host order, 0 = untagged (priority tags count as untagged)
	uint8_t l2_len; // bytes to the L3 header
	uint8_t l3_len; // IPv6: extension headers included; 0 = not IP
	uint8_t ip_proto; // upper-layer protocol, behind IPv6 extension headers
	uint8_t fragment; // packet_fragment
	uint32_t hash; // symmetric flow hash, see packet_hash()
	uint32_t conn_slot; // seam: connection tracking
	uint16_t drop; // why it is dropped, while an error about it is on its way to be made
	uint8_t icmp_type, icmp_code; // of that error, in the packet's own family
	uint32_t icmp_info; // of that error: MTU, pointer
	const struct nexthop *nexthop; // valid until the worker's next quiescent state
	uint16_t trace; // index of the trace record while PACKET_TRACED
	uint16_t routed_from; // id, with PACKET_ROUTED: network before the next hop's replaced it
	uint8_t tag_len; // VLAN bytes still inside the frame (transparent ports)
	uint8_t outer_len; // see packet_outer(); 0: those bytes are gone
	uint16_t vtep; // PACKET_FROM_TUNNEL: id
	uint32_t remote_hash; // PACKET_FROM_TUNNEL: of the outer source, see nexthop_remote_hash()
	uint8_t reserved[12];
};
static_assert(sizeof(struct packet_ctx) == 64, "one cache line");

// Rooms of an mbuf outside its frame are poisoned in sanitizer builds: Debian's mempools are not
// instrumented, so that a read beyond the frame would go unseen. Workers expose a frame before it
// leaves to a driver or a pool. In other builds these cost nothing.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1 // clang says it the other way
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
// Of each segment that is ours (lent ones lie in memory that is not): room before and behind the
// data.
void packet_poison(struct rte_mbuf *m);
void packet_expose(struct rte_mbuf *m); // the whole of each segment's room
void packet_expose_outer(struct rte_mbuf *m, uint16_t len); // len bytes before the data
#else
static inline void
packet_poison(struct rte_mbuf *m)
{
	(void)m;
}
static inline void
packet_expose(struct rte_mbuf *m)
{
	(void)m;
}
static inline void
packet_expose_outer(struct rte_mbuf *m, uint16_t len)
{
	(void)m;
	(void)len;
}
#endif

// Use these instead of rte_pktmbuf_prepend/adj/trim/append on the packet path: they keep the poison
// right. Return NULL when there is no room (prepend, append) or the first segment is too short
// (adj).
char *packet_prepend(struct rte_mbuf *m, uint16_t len);
char *packet_adj(struct rte_mbuf *m, uint16_t len);
int packet_trim(struct rte_mbuf *m, uint16_t len); // from the end of the last segment; 0 or -1
char *packet_append(struct rte_mbuf *m, uint16_t len);
// Takes len <= data_len bytes from the front; the last 'keep' of them may still be read.
static inline void
packet_strip(struct rte_mbuf *m, uint16_t len, uint16_t keep)
{
	m->data_off = (uint16_t)(m->data_off + len);
	m->data_len = (uint16_t)(m->data_len - len);
	m->pkt_len -= len;
	packet_poison(m);
	packet_expose_outer(m, keep);
}
// Makes the first segment of a chain hold 'want' bytes, or as many as there are and as it has room
// for, by a bounded copy from the next ones.
void packet_pull_up(struct rte_mbuf *m, uint32_t want);
// Makes a packet that is to outlive its round, or its worker, whole: lent segments (port.h) are
// copied. Returns false when there is no memory for it.
bool packet_own(struct rte_mbuf *m, struct rte_mempool *mbufs, struct rte_mempool *jumbos);
// Cuts the frame to its first len <= pkt_len bytes, in whichever segment they end.
void packet_cut(struct rte_mbuf *m, uint32_t len);

// Writes the header lengths that offload metadata needs from ctx into the mbuf; after the frame's
// headers changed their size.
static inline void
packet_set_lengths(struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	m->tx_offload =
		rte_mbuf_tx_offload(ctx->l2_len, ctx->l3_len, m->l4_len, m->tso_segsz, 0, 0, 0);
}

static inline struct rte_ether_hdr *
packet_ether(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
}

static inline struct rte_ipv4_hdr *
packet_ipv4(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	return rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, ctx->l2_len);
}

static inline struct rte_ipv6_hdr *
packet_ipv6(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	return rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, ctx->l2_len);
}

// Addresses of an IPv6 header as 16 bytes, whatever type DPDK gives them (24.11 changed it).
static inline uint8_t *
ipv6_src(const struct rte_ipv6_hdr *ip)
{
	return (uint8_t *)(uintptr_t)&ip->src_addr;
}

static inline uint8_t *
ipv6_dst(const struct rte_ipv6_hdr *ip)
{
	return (uint8_t *)(uintptr_t)&ip->dst_addr;
}

// The L4 header. All parsed headers lie in the first segment (the parse stage sees to it): unless
// the packet is a later fragment, 20 bytes of TCP, 12 of SCTP, 8 of UDP, ICMP and ICMPv6.
static inline void *
packet_l4(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	return rte_pktmbuf_mtod_offset(m, void *, ctx->l2_len + ctx->l3_len);
}

// The outer IP header of a packet that came out of a tunnel with Ethernet frames: its bytes are
// still there, in front of the inner frame, until learn has run.
static inline const void *
packet_outer(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	return rte_pktmbuf_mtod_offset(m, const uint8_t *, -(int)ctx->outer_len);
}

// Symmetric hash of the flow (addresses, protocol, ports when not a fragment; MACs when not IP),
// computed at first use and kept. Both directions of a connection give the same value.
uint32_t packet_hash(const struct rte_mbuf *m, struct packet_ctx *ctx);

#endif
