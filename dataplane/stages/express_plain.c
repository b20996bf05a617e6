/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/express_plain.h"
#include "stages/offload.h"

static uint64_t
source_word(const struct rte_ether_addr *mac, uint16_t ether_type)
{
	const rte_be16_t type = rte_cpu_to_be_16(ether_type);
	uint8_t bytes[8];

	memcpy(bytes, mac, sizeof(*mac));
	memcpy(bytes + sizeof(*mac), &type, sizeof(type));
	return load64(bytes);
}

static uint64_t
address_word(const uint8_t addr[4])
{
	const uint8_t bytes[8] = {0, 0, 0, 0, addr[0], addr[1], addr[2], addr[3]};

	return load64(bytes);
}

static void
prepare_sources(const struct dp_port *port, uint32_t guard, struct express_ready *ready)
{
	static const struct rte_ether_addr all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	static const struct rte_ether_addr group = {{1}}, none;
	bool is_guarded = (guard & CW_GUARD_MAC) != 0;
	const struct rte_ether_addr *mac = is_guarded ? &port->mac : &none;

	ready->source4 = source_word(mac, RTE_ETHER_TYPE_IPV4);
	ready->source6 = source_word(mac, RTE_ETHER_TYPE_IPV6);
	ready->source_mask = source_word(is_guarded ? &all : &group, UINT16_MAX);
}

static void
prepare_addresses(const struct dp_port *port, uint32_t guard, struct express_ready *ready)
{
	static const uint8_t all[4] = {0xff, 0xff, 0xff, 0xff};
	uint16_t n = 0;

	ready->guards_ip = (guard & CW_GUARD_IP) != 0;
	ready->address4 = 0;
	ready->address4_mask = 0;
	ready->many_ip4 = false;
	if (!ready->guards_ip)
		return;
	for (uint16_t i = 0; i < port->n_ips; i++)
		if (port->ips[i].family == 4 && n++ == 0)
			ready->address4 = address_word(port->ips[i].addr);
	ready->many_ip4 = n != 1;
	if (n == 1)
		ready->address4_mask = address_word(all);
}

bool
express_prepare(const struct worker *w, uint16_t port_id, struct express_ready *ready)
{
	const struct dp_port *port = dp_port_get(w->dp, port_id);
	const struct network *network;

	// AF_XDP has no metadata: parse finds unfinished checksums there.
	if (port == NULL || port->vlan != 0 || port->kind == CW_PORT_AF_XDP
		|| rte_is_multicast_ether_addr(&port->mac))
		return false;
	ready->port = port;
	ready->network = NULL;
	if (port->flags & CW_PORT_UPLINK) { // guards are for pods
		prepare_sources(port, 0, ready);
		prepare_addresses(port, 0, ready);
		return true;
	}
	network = dp_network(w->dp, port->network);
	if (network == NULL)
		return false;
	ready->network = network;
	ready->network_key = (uint64_t)port->network << 48;
	ready->router = fdb_make_key(port->network, &network->router_mac);
	prepare_sources(port, port->guard, ready);
	prepare_addresses(port, port->guard, ready);
	return true;
}

// Metadata as parse wants it; what it finds it also sets, which does the stages no harm.
static bool
offloads_are_plain(struct rte_mbuf *m, bool is_v6)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct packet_ctx ctx = {
		.l2_len = L3,
		.ether_type = is_v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4,
		.l3_len = is_v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr),
	};

	ctx.ip_proto = frame[L3
			     + (is_v6 ? offsetof(struct rte_ipv6_hdr, proto)
				      : offsetof(struct rte_ipv4_hdr, next_proto_id))];
	return offload_is_consistent(m, &ctx);
}

// The slower checks, where they apply. Each takes those that fail out of b->plain.

static void
check_addresses(
	const struct express_ready *ready, struct rte_mbuf *const *pkts, struct express_burst *b)
{
	for (uint64_t left = b->plain & ~b->v6; left != 0; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(left);
		const uint8_t *frame = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

		if (!guard_owns4(ready->port, load32(frame + L3 + 12)))
			b->plain &= ~(UINT64_C(1) << i);
	}
}

static void
check_offloads(struct rte_mbuf *const *pkts, uint64_t packets, struct express_burst *b)
{
	for (; packets != 0; packets &= packets - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(packets);

		if (!offloads_are_plain(pkts[i], b->v6 >> i & 1))
			b->plain &= ~(UINT64_C(1) << i);
	}
}

// Learning networks: every source is in the FDB where it should be, and is marked as seen.
static bool
source_is_known(struct worker *w, const struct express_ready *ready, fdb_key key)
{
	struct fdb_entry entry;

	if (fdb_lookup_bulk(w->dp->fdb, &key, 1, &entry) == 0
		|| (entry.learned && entry.port != ready->port->id))
		return false;
	if (entry.learned)
		fdb_touch(w->dp->fdb, entry.slot, w->now_s);
	return true;
}

static void
check_sources(struct worker *w, const struct express_ready *ready, struct rte_mbuf *const *pkts,
	struct express_burst *b)
{
	fdb_key last = UINT64_MAX;

	for (uint64_t left = b->plain; left != 0; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(left);
		const uint8_t *frame = rte_pktmbuf_mtod(pkts[i], const uint8_t *);
		fdb_key key = key_of(ready, frame + RTE_ETHER_ADDR_LEN);

		if (key == last)
			continue;
		if (source_is_known(w, ready, key))
			last = key;
		else
			b->plain &= ~(UINT64_C(1) << i);
	}
}

static inline fdb_key
first_key(const struct express_ready *ready, const struct rte_mbuf *m)
{
	if (m->data_len < RTE_ETHER_HDR_LEN)
		return UINT64_MAX;
	return key_of(ready, rte_pktmbuf_mtod(m, const uint8_t *));
}

void
express_find_plain(struct worker *w, const struct express_ready *ready,
	struct rte_mbuf *const *pkts, uint16_t n, struct express_burst *b)
{
	uint64_t others = 0, routed = 0, v6 = 0, offloads = 0, differences = 0;
	fdb_key first = first_key(ready, pkts[0]), key;

	for (uint16_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

		if (unlikely(m->nb_segs != 1) || !is_plain4(ready, frame, m->data_len)) {
			if (m->nb_segs != 1 || !is_plain6(ready, frame, m->data_len)) {
				others |= UINT64_C(1) << i;
				b->key[i] = UINT64_MAX;
				continue;
			}
			v6 |= UINT64_C(1) << i;
		}
		if (unlikely((m->ol_flags & PACKET_TX_OFFLOADS) != 0))
			offloads |= UINT64_C(1) << i;
		key = key_of(ready, frame);
		b->key[i] = key;
		differences |= key ^ first;
		if (key == ready->router)
			routed |= UINT64_C(1) << i;
	}
	b->plain = ~others & (UINT64_MAX >> (WORKER_BURST - n));
	b->routed = routed;
	b->v6 = v6;
	b->one_key = differences == 0 && (others & 1) == 0; // they share the first one's entry
	if (unlikely(offloads != 0))
		check_offloads(pkts, offloads, b);
	if (unlikely(ready->many_ip4))
		check_addresses(ready, pkts, b);
	if (unlikely(ready->network->learning))
		check_sources(w, ready, pkts, b);
}
