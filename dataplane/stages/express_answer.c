/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/address.h"
#include "stages/express.h"
#include "stages/route_lookup.h"

// Packets to the router, of one family, whose destinations are to be looked up: each once in a row.
struct wanted {
	uint16_t n;
	uint8_t packet[WORKER_BURST]; // the first that wants it
	uint16_t network[WORKER_BURST];
	rte_be32_t ip4[WORKER_BURST];
	const uint8_t *ip6[WORKER_BURST];
};

// What route refuses by the header alone.
static inline bool
is_routable4(const struct rte_ipv4_hdr *ip)
{
	return ip->time_to_live > 1 && address4_is_host(ip->src_addr)
	       && address4_is_host(ip->dst_addr);
}

static inline bool
is_routable6(const struct rte_ipv6_hdr *ip)
{
	return ip->hop_limits > 1 && address6_is_host(ipv6_src(ip))
	       && address6_is_host(ipv6_dst(ip)) && !address6_is_link_local(ipv6_src(ip))
	       && !address6_is_link_local(ipv6_dst(ip));
}

static inline const void *
l3_of(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, const void *, RTE_ETHER_HDR_LEN);
}

static inline bool
can_forward(const struct nexthop *nexthop)
{
	return (nexthop->action == NEXTHOP_FORWARD || nexthop->action == NEXTHOP_HOST)
	       && nexthop->out_port != 0;
}

// Gives each of 'packets' the answer of the last wanted address at or before it.
static void
spread(struct express_burst *b, uint64_t packets, const struct wanted *wanted,
	const struct nexthop *const *answer)
{
	uint16_t at = 0;

	for (; packets != 0; packets &= packets - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(packets);

		while (at + 1 < wanted->n && wanted->packet[at + 1] <= i)
			at++;
		b->nexthop[i] = answer[at];
		if (unlikely(!can_forward(answer[at])))
			b->plain &= ~(UINT64_C(1) << i);
	}
}

static void
look_up4(struct worker *w, uint16_t network, struct rte_mbuf *const *pkts, struct express_burst *b)
{
	const struct nexthop *answer[WORKER_BURST];
	struct wanted wanted = {.n = 0};

	for (uint64_t left = b->plain & b->routed & ~b->v6; left != 0; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(left);
		const struct rte_ipv4_hdr *ip = l3_of(pkts[i]);

		if (unlikely(!is_routable4(ip))) {
			b->plain &= ~(UINT64_C(1) << i);
			continue;
		}
		if (wanted.n > 0 && wanted.ip4[wanted.n - 1] == ip->dst_addr)
			continue;
		wanted.packet[wanted.n] = (uint8_t)i;
		wanted.network[wanted.n] = network;
		wanted.ip4[wanted.n++] = ip->dst_addr;
	}
	if (wanted.n == 0)
		return;
	route_lookup4(w->dp, wanted.network, wanted.ip4, wanted.n, answer);
	spread(b, b->plain & b->routed & ~b->v6, &wanted, answer);
}

static void
look_up6(struct worker *w, uint16_t network, struct rte_mbuf *const *pkts, struct express_burst *b)
{
	const struct nexthop *answer[WORKER_BURST];
	struct wanted wanted = {.n = 0};

	for (uint64_t left = b->plain & b->routed & b->v6; left != 0; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(left);
		const struct rte_ipv6_hdr *ip = l3_of(pkts[i]);

		if (unlikely(!is_routable6(ip))) {
			b->plain &= ~(UINT64_C(1) << i);
			continue;
		}
		if (wanted.n > 0 && memcmp(wanted.ip6[wanted.n - 1], ipv6_dst(ip), 16) == 0)
			continue;
		wanted.packet[wanted.n] = (uint8_t)i;
		wanted.network[wanted.n] = network;
		wanted.ip6[wanted.n++] = ipv6_dst(ip);
	}
	if (wanted.n == 0)
		return;
	route_lookup6(w->dp, wanted.network, wanted.ip6, wanted.n, answer);
	spread(b, b->plain & b->routed & b->v6, &wanted, answer);
}

static void
look_up_keys(const struct fdb *fdb, uint16_t n, struct express_burst *b)
{
	if (b->one_key)
		b->plain &= fdb_lookup_bulk(fdb, b->key, 1, b->entry) != 0 ? UINT64_MAX : b->routed;
	else
		b->plain &= fdb_lookup_bulk(fdb, b->key, n, b->entry) | b->routed;
}

void
express_look_up(struct worker *w, const struct express_ready *ready, struct rte_mbuf *const *pkts,
	uint16_t n, struct express_burst *b)
{
	if ((b->plain & ~b->routed) != 0)
		look_up_keys(w->dp->fdb, n, b);
	if (likely(b->routed == 0))
		return;
	if ((b->routed & ~b->v6) != 0)
		look_up4(w, ready->network->id, pkts, b);
	if ((b->routed & b->v6) != 0)
		look_up6(w, ready->network->id, pkts, b);
}
