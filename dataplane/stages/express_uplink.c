/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/address.h"
#include "stages/decap_peer.h"
#include "stages/express_plain.h"

// Plain packets of an uplink: those that decap would take out of VXLAN over IPv4 without more to
// do, whose inner frame is plain, and plain packets outside of tunnels. All of a burst belong to
// one network, that of the first; the rest is for the stages. Nothing is written here: frames keep
// their outer headers until they are sent.

#define OUTER (RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr))
#define VXLAN_START (OUTER + 8 + 8) // of the inner frame
#define VXLAN_HAS_VNI RTE_BE32(0x08000000)
#define PREFETCH_AHEAD 4

struct finder {
	struct decap_burst decap;
	struct express_ready *ready;
	const struct network *uplinks; // of packets outside of tunnels
	uint64_t mac; // of the uplink
	const struct vtep *vtep; // that the last tunnel packet is for
};

enum kind { OTHER, OUTSIDE, INSIDE };

static inline uint64_t
mac_word(const struct rte_ether_addr *mac)
{
	uint64_t word = 0;

	memcpy(&word, mac, sizeof(*mac));
	return word;
}

// The first packet says which network.
static bool
choose_network(struct express_ready *ready, const struct network *network)
{
	if (ready->network == NULL && network != NULL && !network->learning) {
		ready->network = network;
		ready->network_key = (uint64_t)network->id << 48;
		ready->router = fdb_make_key(network->id, &network->router_mac);
	}
	return ready->network == network && network != NULL;
}

static bool
find_network(struct finder *f, uint32_t vni)
{
	const struct dataplane *dp = f->decap.w->dp;
	uint16_t id = vtep_vni_network(dp->vteps, vni);

	f->decap.network = id < CW_MAX_NETWORKS ? dp_network(dp, id) : NULL;
	f->decap.vni = vni;
	return f->decap.network != NULL;
}

static inline bool
network_is_right(struct finder *f, const uint8_t *vxlan)
{
	uint32_t vni = rte_be_to_cpu_32(load32(vxlan + 4)) >> 8;

	if (unlikely((load32(vxlan) & VXLAN_HAS_VNI) == 0))
		return false;
	if (unlikely(f->decap.network == NULL || f->decap.vni != vni) && !find_network(f, vni))
		return false;
	return likely(f->decap.network == f->ready->network)
	       || choose_network(f->ready, f->decap.network);
}

// Another node's address; strict vteps know it by name.
static inline bool
source_is_right(struct finder *f, const uint8_t *src)
{
	const struct vtep *vtep = f->vtep;
	rte_be32_t addr = load32(src);

	return likely(address4_is_host(addr)) && likely(addr != load32(vtep->address.addr))
	       && (likely((vtep->flags & CW_VTEP_STRICT) == 0)
		       || decap_knows_peer(&f->decap, vtep, f->decap.network->id, false, src));
}

static bool
is_own(const struct vtep *vtep, const uint8_t *inner)
{
	bool is_v4 = inner[L3] >> 4 == 4;
	uint8_t family = is_v4 ? 4 : 6, len = is_v4 ? 4 : 16;
	const uint8_t *dst = inner + L3 + (is_v4 ? 16 : 24);

	for (uint16_t i = 0; i < vtep->n_own; i++)
		if (vtep->own[i].family == family && memcmp(vtep->own[i].addr, dst, len) == 0)
			return true;
	return false;
}

// The mark changes nothing inside (RFC 6040, figure 4).
static inline bool
ecn_is_kept(const uint8_t *frame, bool is_v6)
{
	const uint8_t *inner = frame + VXLAN_START + L3;
	uint8_t outer = frame[L3 + 1] & 3;

	return likely(outer == 0) || outer == ((is_v6 ? inner[1] >> 4 : inner[1]) & 3);
}

// A packet for a vtep: whether decap would take it out of its tunnel and change nothing else.
static inline enum kind
kind_of_tunneled(const struct finder *f, const struct rte_mbuf *m, const uint8_t *frame)
{
	const uint32_t total = rte_be_to_cpu_32(load32(frame + L3)) & UINT16_MAX;
	const uint32_t udp_len = rte_be_to_cpu_32(load32(frame + OUTER + 4)) >> 16;

	if (unlikely(m->data_len < VXLAN_START + L3 + PLAIN4_MIN) || total + L3 != m->data_len
		|| udp_len != total - sizeof(struct rte_ipv4_hdr)
		|| f->vtep->kind != CW_TUNNEL_VXLAN || (load64(frame) & MAC_BITS) != f->mac
		|| load32(frame + L3 + 16) != load32(f->vtep->address.addr) // a group
		|| (frame[6] & 1) != 0 || unusual4(load64(frame + L3)) != 0
		|| (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		return OTHER;
	return likely(ipv4_checksum_is_right((const void *)(frame + L3), OUTER - L3)) ? INSIDE
										      : OTHER;
}

static inline enum kind
kind_of4(struct finder *f, const struct rte_mbuf *m, const uint8_t *frame)
{
	const uint8_t proto = frame[L3 + offsetof(struct rte_ipv4_hdr, next_proto_id)];
	const uint8_t *dst = frame + L3 + offsetof(struct rte_ipv4_hdr, dst_addr);
	rte_be16_t udp_port;

	if (proto != IPPROTO_UDP)
		return likely(proto != IPPROTO_IPIP) ? OUTSIDE : OTHER;
	memcpy(&udp_port, frame + OUTER + 2, sizeof(udp_port));
	f->vtep = decap_vtep4(&f->decap, load32(dst), udp_port);
	return f->vtep == NULL ? OUTSIDE : kind_of_tunneled(f, m, frame);
}

static inline enum kind
kind_of6(struct finder *f, const uint8_t *frame)
{
	const uint8_t *ip = frame + L3;
	rte_be16_t udp_port;

	if (ip[offsetof(struct rte_ipv6_hdr, proto)] != IPPROTO_UDP)
		return OUTSIDE;
	memcpy(&udp_port, ip + sizeof(struct rte_ipv6_hdr) + 2, sizeof(udp_port));
	return decap_vtep6(&f->decap, ip + offsetof(struct rte_ipv6_hdr, dst_addr), udp_port)
			       == NULL
		       ? OUTSIDE
		       : OTHER;
}

// Whether it is for a vtep, and plain as far as the outer headers tell. Sets f->vtep of one INSIDE.
static inline enum kind
kind_of(struct finder *f, const struct rte_mbuf *m, const uint8_t *frame)
{
	if (unlikely(m->nb_segs != 1) || (m->ol_flags & PACKET_TX_OFFLOADS) != 0
		|| f->decap.w->dp->vteps == NULL)
		return OTHER;
	if (likely(m->data_len >= L3 + PLAIN4_MIN) && frame[12] == 0x08 && frame[13] == 0x00)
		return kind_of4(f, m, frame);
	if (m->data_len >= L3 + PLAIN6_MIN && frame[12] == 0x86 && frame[13] == 0xdd)
		return kind_of6(f, frame);
	return OTHER;
}

// Where the frame that is forwarded begins, or -1 when it is not for the express way.
static inline int
find_start(struct finder *f, const struct rte_mbuf *m, const uint8_t *frame)
{
	enum kind kind = kind_of(f, m, frame);

	if (likely(kind == INSIDE))
		return network_is_right(f, frame + OUTER + 8) && source_is_right(f, frame + L3 + 12)
			       ? (int)VXLAN_START
			       : -1;
	return kind == OUTSIDE && choose_network(f->ready, f->uplinks) ? 0 : -1;
}

// frame: the one that is forwarded, at start of the received one.
static inline bool
is_plain(const struct finder *f, const uint8_t *frame, uint32_t len, int start, bool *is_v6)
{
	*is_v6 = false;
	if (unlikely(!is_plain4(f->ready, frame, len))) {
		if (!is_plain6(f->ready, frame, len))
			return false;
		*is_v6 = true;
	}
	return start == 0
	       || (ecn_is_kept(frame - VXLAN_START, *is_v6)
		       && (likely(f->vtep->n_own == 0) || !is_own(f->vtep, frame)));
}

// The router answers to its own MAC, and to the uplink's or the vtep's.
static inline fdb_key
destination(const struct finder *f, const uint8_t *frame, int start)
{
	uint64_t mac = load64(frame) & MAC_BITS;

	if (mac == (start == 0 ? f->mac : mac_word(&f->vtep->mac)))
		return f->ready->router;
	return mac | f->ready->network_key;
}

static inline void
look_at(struct finder *f, const struct rte_mbuf *m, struct express_burst *b, uint16_t i)
{
	const uint64_t bit = UINT64_C(1) << i;
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	int start = find_start(f, m, frame);
	bool is_v6;

	b->key[i] = UINT64_MAX;
	if (unlikely(start < 0)
		|| unlikely(
			!is_plain(f, frame + start, m->data_len - (uint32_t)start, start, &is_v6)))
		return;
	b->plain |= bit;
	b->start[i] = (uint8_t)start;
	b->key[i] = destination(f, frame + start, start);
	if (start != 0)
		b->tunneled |= bit;
	if (is_v6)
		b->v6 |= bit;
	if (b->key[i] == f->ready->router)
		b->routed |= bit;
}

static bool
has_one_key(const struct express_burst *b)
{
	fdb_key first = b->key[__builtin_ctzll(b->plain)];
	uint64_t differences = 0;

	for (uint64_t left = b->plain; left != 0; left &= left - 1)
		differences |= b->key[__builtin_ctzll(left)] ^ first;
	return differences == 0 && (b->plain & 1) != 0; // they share the first one's entry
}

void
express_find_plain_uplink(struct worker *w, struct express_ready *ready,
	struct rte_mbuf *const *pkts, uint16_t n, struct express_burst *b)
{
	struct finder f = {
		.decap = {.w = w, .uplink = ready->port},
		.ready = ready,
		.uplinks = dp_network(w->dp, ready->port->network),
		.mac = mac_word(&ready->port->mac),
	};

	b->plain = b->routed = b->v6 = 0;
	for (uint16_t i = 0; i < n; i++) {
		if (i + PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod_offset(
				pkts[i + PREFETCH_AHEAD], const void *, RTE_CACHE_LINE_SIZE));
		look_at(&f, pkts[i], b, i);
	}
	b->one_key = b->plain != 0 && has_one_key(b);
}
