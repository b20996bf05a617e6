/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/decap_peer.h"

#include "tables/nexthop.h"

static inline struct cw_ip
make_ip(bool is_v6, const uint8_t *addr)
{
	struct cw_ip ip = {.family = is_v6 ? 6 : 4, .prefix = is_v6 ? 128 : 32};

	memcpy(ip.addr, addr, is_v6 ? 16 : 4);
	return ip;
}

const struct vtep *
decap_find_vtep(struct decap_burst *b, bool is_v6, const uint8_t *dst, rte_be16_t udp_port)
{
	const struct vteps *vteps = b->w->dp->vteps;
	__typeof__(&b->place[0]) place = &b->place[is_v6];
	rte_be32_t dst4;

	place->is_known = true;
	place->udp_port = udp_port;
	memcpy(place->addr, dst, is_v6 ? 16 : 4);
	memcpy(&dst4, dst, sizeof(dst4));
	place->vtep = is_v6 ? vtep_lookup6(vteps, b->uplink->id, dst, udp_port)
			    : vtep_lookup4(vteps, b->uplink->id, dst4, udp_port);
	return place->vtep;
}

bool
decap_knows_peer(struct decap_burst *b, const struct vtep *vtep, uint16_t network, bool is_v6,
	const uint8_t *src)
{
	const struct cw_ip ip = make_ip(is_v6, src);
	uint32_t id;

	if (b->peer.vtep == vtep && memcmp(&b->peer.ip, &ip, sizeof(ip)) == 0)
		return b->peer.is_known;
	b->peer.vtep = vtep;
	b->peer.ip = ip;
	b->peer.is_known = nexthop_has_remote(b->w->dp->nexthops, vtep->id, network, &ip, &id);
	return b->peer.is_known;
}
