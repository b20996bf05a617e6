/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/address.h"
#include "stages/express.h"
#include "stages/route_cache.h"

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
l3_of(const struct rte_mbuf *m, const struct express_burst *b, unsigned int i)
{
	return rte_pktmbuf_mtod_offset(m, const void *, b->start[i] + RTE_ETHER_HDR_LEN);
}

// Takes the packets whose answer is none for the express way out of b->plain.
static void
check_answers(struct express_burst *b, uint64_t packets, uint16_t first, uint16_t n)
{
	bool all = true;

	for (uint16_t i = first; i < first + n; i++)
		all = all && nexthop_forwards(b->nexthop[i]);
	if (likely(all))
		return;
	for (; packets != 0; packets &= packets - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(packets);

		if (!nexthop_forwards(b->nexthop[b->answer[i]]))
			b->plain &= ~(UINT64_C(1) << i);
	}
}

// Which addresses are looked up, each once for packets in a row. Whether one differs from the last
// is added, not asked: a branch would be mispredicted wherever a few flows take turns.

static void
look_up4(struct worker *w, uint16_t network, struct rte_mbuf *const *pkts, struct express_burst *b)
{
	uint64_t packets = b->plain & b->routed & ~b->v6, unfit = 0;
	rte_be32_t wanted[WORKER_BURST], last = 0; // which is no host's
	size_t at = SIZE_MAX;
	uint16_t n;

	for (uint64_t left = packets; left != 0; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(left);
		const struct rte_ipv4_hdr *ip = l3_of(pkts[i], b, i);

		if (unlikely(!is_routable4(ip))) {
			unfit |= UINT64_C(1) << i;
			continue;
		}
		at += ip->dst_addr != last;
		last = ip->dst_addr;
		wanted[at] = last;
		b->answer[i] = (uint8_t)at;
	}
	b->plain &= ~unfit;
	n = (uint16_t)(at + 1);
	if (n == 0)
		return;
	if (!route_cache_lookup4(w->routes, w->dp, network, wanted, n, b->nexthop))
		check_answers(b, packets & ~unfit, 0, n);
}

static void
look_up6(struct worker *w, uint16_t network, struct rte_mbuf *const *pkts, struct express_burst *b)
{
	static const uint8_t no_host[16];
	uint64_t packets = b->plain & b->routed & b->v6, unfit = 0;
	const uint8_t *wanted[WORKER_BURST], *last = no_host;
	uint16_t networks[WORKER_BURST], n;
	size_t at = SIZE_MAX;

	for (uint64_t left = packets; left != 0; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(left);
		const struct rte_ipv6_hdr *ip = l3_of(pkts[i], b, i);

		if (unlikely(!is_routable6(ip))) {
			unfit |= UINT64_C(1) << i;
			continue;
		}
		at += memcmp(ipv6_dst(ip), last, 16) != 0;
		last = ipv6_dst(ip);
		wanted[at] = last;
		networks[at] = network;
		b->answer[i] = (uint8_t)(WORKER_BURST + at);
	}
	b->plain &= ~unfit;
	n = (uint16_t)(at + 1);
	if (n == 0)
		return;
	route_lookup6(w->dp, networks, wanted, n, b->nexthop + WORKER_BURST);
	check_answers(b, packets & ~unfit, WORKER_BURST, n);
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
