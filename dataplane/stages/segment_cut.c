/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/segment_cut.h"

#include <errno.h>
#include <string.h>

#include <rte_tcp.h>
#include <rte_udp.h>

#include "checksum.h"

// Bytes of the IP packet, as its header says.
static uint32_t
ip_length(const uint8_t *ip, uint8_t version)
{
	if (version == 4)
		return rte_be_to_cpu_16(((const struct rte_ipv4_hdr *)ip)->total_length);
	return (uint32_t)sizeof(struct rte_ipv6_hdr)
	       + rte_be_to_cpu_16(((const struct rte_ipv6_hdr *)ip)->payload_len);
}

static bool
l3_is_whole(const uint8_t *ip, uint8_t version, uint16_t l3_len)
{
	const struct rte_ipv4_hdr *ip4 = (const void *)ip;

	if (version == 6)
		return l3_len >= sizeof(struct rte_ipv6_hdr);
	return version == 4 && l3_len == rte_ipv4_hdr_len(ip4) && l3_len >= sizeof(*ip4)
	       && (ip4->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
			  == 0;
}

// Length of the L4 header, or 0 when it is nonsense or does not lie in 'room' bytes.
static uint16_t
l4_length(const uint8_t *l4, uint8_t proto, uint32_t room)
{
	uint16_t len;

	if (proto == IPPROTO_UDP)
		return room < sizeof(struct rte_udp_hdr) ? 0 : sizeof(struct rte_udp_hdr);
	if (proto != IPPROTO_TCP || room < sizeof(struct rte_tcp_hdr))
		return 0;
	len = (uint16_t)((((const struct rte_tcp_hdr *)l4)->data_off >> 4) * 4);
	return len < sizeof(struct rte_tcp_hdr) || len > room ? 0 : len;
}

int
segment_cut_start(
	struct segment_cut *cut, const struct rte_mbuf *m, const struct segment_headers *h)
{
	uint32_t headers, total;

	if (h->size == 0 || (uint32_t)h->l3_offset + h->l3_len > m->data_len
		|| h->l3_len < sizeof(struct rte_ipv4_hdr))
		return -EINVAL;
	*cut = (struct segment_cut){.h = *h, .at = m};
	cut->headers = rte_pktmbuf_mtod_offset(m, const uint8_t *, h->l3_offset);
	cut->version = cut->headers[0] >> 4;
	if (!l3_is_whole(cut->headers, cut->version, h->l3_len))
		return -EINVAL;
	cut->l4_len = l4_length(cut->headers + h->l3_len, h->ip_proto,
		(uint32_t)m->data_len - h->l3_offset - h->l3_len);
	headers = (uint32_t)h->l3_len + cut->l4_len;
	total = ip_length(cut->headers, cut->version);
	if (cut->l4_len == 0 || total < headers || h->l3_offset + total > m->pkt_len)
		return -EINVAL;
	cut->left = total - headers;
	cut->at_offset = h->l3_offset + headers;
	return cut->left > (uint32_t)h->size * SEGMENT_MAX_FRAMES ? -EINVAL : 0;
}

// Copies the next n bytes of payload. segment_cut_start() saw that they are there.
static void
copy_payload(struct segment_cut *cut, uint8_t *to, uint32_t n)
{
	while (n > 0) {
		uint32_t some = RTE_MIN(n, cut->at->data_len - cut->at_offset);

		memcpy(to, rte_pktmbuf_mtod_offset(cut->at, const uint8_t *, cut->at_offset), some);
		to += some;
		n -= some;
		cut->at_offset += some;
		if (cut->at_offset == cut->at->data_len && cut->at->next != NULL) {
			cut->at = cut->at->next;
			cut->at_offset = 0;
		}
	}
}

// Writes lengths and identifier; returns the pseudo-header sum of this frame.
static uint16_t
fill_l3(const struct segment_cut *cut, uint8_t *l3, uint32_t l4_bytes)
{
	if (cut->version == 4) {
		struct rte_ipv4_hdr *ip = (void *)l3;
		uint16_t id = rte_be_to_cpu_16(ip->packet_id);

		ip->total_length = rte_cpu_to_be_16((uint16_t)(cut->h.l3_len + l4_bytes));
		ip->packet_id = rte_cpu_to_be_16((uint16_t)(id + cut->n));
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		return checksum_pseudo4(ip, cut->h.ip_proto, l4_bytes);
	}
	struct rte_ipv6_hdr *ip = (void *)l3;

	ip->payload_len = rte_cpu_to_be_16((uint16_t)(cut->h.l3_len - sizeof(*ip) + l4_bytes));
	return checksum_pseudo6(ip, cut->h.ip_proto, l4_bytes);
}

// Sequence number and flags: CWR belongs to the first frame, FIN and PSH to the last one.
static void
fill_tcp(const struct segment_cut *cut, struct rte_tcp_hdr *tcp, bool is_last, uint16_t pseudo)
{
	uint32_t seq = rte_be_to_cpu_32(tcp->sent_seq);

	tcp->sent_seq = rte_cpu_to_be_32(seq + (uint32_t)cut->n * cut->h.size);
	if (cut->n > 0)
		tcp->tcp_flags &= (uint8_t)~RTE_TCP_CWR_FLAG;
	if (!is_last)
		tcp->tcp_flags &= (uint8_t) ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
	tcp->cksum = pseudo;
}

static void
fill_l4(const struct segment_cut *cut, uint8_t *l4, uint32_t l4_bytes, uint16_t pseudo)
{
	bool is_last = cut->left == 0;
	uint16_t checksum;

	if (cut->h.ip_proto == IPPROTO_TCP) {
		struct rte_tcp_hdr *tcp = (void *)l4;

		fill_tcp(cut, tcp, is_last, pseudo);
		if (!cut->h.leave_unfinished)
			tcp->cksum = (uint16_t)~rte_raw_cksum(tcp, l4_bytes);
		return;
	}
	struct rte_udp_hdr *udp = (void *)l4;

	udp->dgram_len = rte_cpu_to_be_16((uint16_t)l4_bytes);
	udp->dgram_cksum = pseudo;
	if (cut->h.leave_unfinished)
		return;
	checksum = (uint16_t)~rte_raw_cksum(udp, l4_bytes);
	udp->dgram_cksum = checksum == 0 ? UINT16_MAX : checksum; // RFC 768: zero means none
}

static void
set_metadata(const struct segment_cut *cut, struct rte_mbuf *m)
{
	m->tx_offload =
		rte_mbuf_tx_offload(cut->h.front_len, cut->h.l3_len, cut->l4_len, 0, 0, 0, 0);
	if (!cut->h.leave_unfinished)
		return;
	m->ol_flags |= cut->version == 4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
	m->ol_flags |=
		cut->h.ip_proto == IPPROTO_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
}

struct rte_mbuf *
segment_cut_next(struct segment_cut *cut, struct rte_mempool *mbufs, struct rte_mempool *jumbos)
{
	uint32_t headers = (uint32_t)cut->h.l3_len + cut->l4_len;
	uint32_t payload = RTE_MIN(cut->left, (uint32_t)cut->h.size);
	uint32_t len = cut->h.front_len + headers + payload;
	struct rte_mbuf *m = rte_pktmbuf_alloc(len <= segment_room(mbufs) ? mbufs : jumbos);
	uint8_t *l3;

	if (m == NULL)
		return NULL;
	m->data_len = (uint16_t)len; // the pool's room was looked at above
	m->pkt_len = len;
	if (len > segment_room(m->pool)) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(rte_pktmbuf_mtod(m, void *), cut->h.front, cut->h.front_len);
	l3 = rte_pktmbuf_mtod_offset(m, uint8_t *, cut->h.front_len);
	memcpy(l3, cut->headers, headers);
	copy_payload(cut, l3 + headers, payload);
	cut->left -= payload;
	fill_l4(cut, l3 + cut->h.l3_len, cut->l4_len + payload,
		fill_l3(cut, l3, cut->l4_len + payload));
	set_metadata(cut, m);
	cut->n++;
	return m;
}
