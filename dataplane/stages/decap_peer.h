/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_DECAP_PEER_H
#define STAGES_DECAP_PEER_H

// Whom a tunnel packet is for and whom it comes from: the look-ups of decap, with the last answer
// of each kept for the burst.

#include "tables/vtep.h"
#include "worker.h"

struct decap_burst {
	struct worker *w;
	const struct dp_port *uplink;
	const struct network *network; // of the last VNI
	uint32_t vni; // of 'network'
	struct { // the last destination of each family; vtep NULL when it is none
		bool is_known;
		rte_be16_t udp_port;
		uint8_t addr[16];
		const struct vtep *vtep;
	} place[2];
	struct { // the last source that was asked about
		const struct vtep *vtep;
		struct cw_ip ip;
		bool is_known;
	} peer;
};

// The vtep that these headers lead to, NULL when none. udp_port 0: IPIP.
const struct vtep *decap_find_vtep(
	struct decap_burst *b, bool is_v6, const uint8_t *dst, rte_be16_t udp_port);
// Whether a next hop of the vtep leads to the peer (CW_VTEP_STRICT).
bool decap_knows_peer(struct decap_burst *b, const struct vtep *vtep, uint16_t network, bool is_v6,
	const uint8_t *src);

static inline const struct vtep *
decap_vtep4(struct decap_burst *b, rte_be32_t dst, rte_be16_t udp_port)
{
	rte_be32_t last;

	memcpy(&last, b->place[0].addr, sizeof(last));
	if (likely(b->place[0].is_known && last == dst && b->place[0].udp_port == udp_port))
		return b->place[0].vtep;
	return decap_find_vtep(b, false, (const uint8_t *)&dst, udp_port);
}

static inline const struct vtep *
decap_vtep6(struct decap_burst *b, const uint8_t dst[16], rte_be16_t udp_port)
{
	if (likely(b->place[1].is_known && b->place[1].udp_port == udp_port
		    && memcmp(b->place[1].addr, dst, 16) == 0))
		return b->place[1].vtep;
	return decap_find_vtep(b, true, dst, udp_port);
}

#endif
