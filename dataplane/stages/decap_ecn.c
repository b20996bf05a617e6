/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/decap_ecn.h"

#include "checksum.h"
#include "stages/parse_headers.h"

#define ECN_DROP 0xff

// RFC 6040, figure 4: [inner][outer] -> inner.
static const uint8_t combined[4][4] = {
	[ECN_NOT_ECT] = {ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT, ECN_DROP},
	[ECN_ECT1] = {ECN_ECT1, ECN_ECT1, ECN_ECT1, ECN_CE},
	[ECN_ECT0] = {ECN_ECT0, ECN_ECT1, ECN_ECT0, ECN_CE},
	[ECN_CE] = {ECN_CE, ECN_CE, ECN_CE, ECN_CE},
};

static bool
take4(struct rte_ipv4_hdr *ip, enum ecn outer)
{
	uint8_t ecn = combined[ip->type_of_service & 3][outer];
	uint16_t from, to;

	if (ecn == ECN_DROP)
		return false;
	memcpy(&from, ip, sizeof(from));
	ip->type_of_service = (uint8_t)((ip->type_of_service & ~3u) | ecn);
	memcpy(&to, ip, sizeof(to));
	ip->hdr_checksum = checksum_replace16(ip->hdr_checksum, from, to);
	return true;
}

static bool
take6(uint8_t *ip, enum ecn outer)
{
	uint8_t ecn = combined[ip[1] >> 4 & 3][outer];

	if (ecn == ECN_DROP)
		return false;
	ip[1] = (uint8_t)((ip[1] & 0xcfu) | ecn << 4);
	return true;
}

bool
decap_take_ecn(struct rte_mbuf *m, enum ecn outer)
{
	struct packet_ctx inner = {.l2_len = RTE_ETHER_HDR_LEN};
	rte_be16_t ether_type;

	if (m->data_len < RTE_ETHER_HDR_LEN)
		return true;
	ether_type = packet_ether(m)->ether_type;
	if (parse_tags(m, &inner, &ether_type) != PARSED)
		return true;
	if (ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4)
		&& m->data_len >= inner.l2_len + sizeof(struct rte_ipv4_hdr))
		return take4(packet_ipv4(m, &inner), outer);
	if (ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6)
		&& m->data_len >= inner.l2_len + sizeof(struct rte_ipv6_hdr))
		return take6((uint8_t *)packet_ipv6(m, &inner), outer);
	return true;
}
