/* SPDX-License-Identifier: Apache-2.0 */

// Frames in any layout that the rings allow: header and data anywhere in chains and tables, frames
// over several merged buffers, super-frames.

#include "virtqueue_copy.h"
#include "virtqueue_private.h"

// A place in a chain.
struct place {
	const struct virtqueue_piece *piece;
	uint32_t offset;
};

enum direction {
	FROM_GUEST,
	TO_GUEST,
};

// Copies len bytes between the chain at *place and 'bytes', moves *place. The chain has them.
static void
copy(struct place *place, void *bytes, uint32_t len, enum direction direction)
{
	uint8_t *at = bytes;

	while (len > 0) {
		uint8_t *host = place->piece->host + place->offset;
		uint32_t some = RTE_MIN(len, place->piece->len - place->offset);

		if (direction == FROM_GUEST)
			copy_large(at, host, some);
		else
			copy_large(host, at, some);
		at += some;
		len -= some;
		place->offset += some;
		if (place->offset == place->piece->len) {
			place->piece++;
			place->offset = 0;
		}
	}
}

static bool
gso_negotiated(uint64_t features, uint8_t gso_type)
{
	switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return true;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return virtqueue_feature(features, VIRTIO_NET_F_HOST_TSO4) != 0;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return virtqueue_feature(features, VIRTIO_NET_F_HOST_TSO6) != 0;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return virtqueue_feature(features, VIRTIO_NET_F_HOST_USO) != 0;
	default:
		return false;
	}
}

bool
virtqueue_read_header(struct virtqueue *vq, const struct virtio_net_hdr *header, struct rte_mbuf *m)
{
	m->tx_offload = 0; // not reset before
	return gso_negotiated(vq->features, header->gso_type) && vnet_to_mbuf(header, m) == 0;
}

bool
virtqueue_make_header(
	const struct virtqueue *vq, const struct rte_mbuf *m, struct virtio_net_hdr *header)
{
	uint64_t wanted = m->ol_flags & (RTE_MBUF_F_TX_L4_MASK | VIRTQUEUE_SUPER);
	uint64_t features = vq->features;

	memset(header, 0, sizeof(*header));
	if (wanted != 0 && virtqueue_feature(features, VIRTIO_NET_F_GUEST_CSUM) == 0)
		return false;
	if ((wanted & RTE_MBUF_F_TX_TCP_SEG) != 0
		&& virtqueue_feature(features, (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0
						       ? VIRTIO_NET_F_GUEST_TSO6
						       : VIRTIO_NET_F_GUEST_TSO4)
			   == 0)
		return false;
	if ((wanted & RTE_MBUF_F_TX_UDP_SEG) != 0
		&& virtqueue_feature(features, (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0
						       ? VIRTIO_NET_F_GUEST_USO6
						       : VIRTIO_NET_F_GUEST_USO4)
			   == 0)
		return false;
	if ((m->ol_flags & vq->metadata) != 0)
		vnet_from_mbuf(m, header);
	return true;
}

// len bytes at *place into a new frame.
static enum virtqueue_result
copy_in(struct place *place, uint32_t len, const struct buffer_pools *pools,
	struct rte_mbuf **frame)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools->mbufs), *jumbo = NULL;
	bool fits;

	if (m == NULL)
		return VIRTQUEUE_NO_MEMORY;
	if (len > rte_pktmbuf_tailroom(m)) {
		jumbo = rte_pktmbuf_alloc(pools->jumbos);
		if (jumbo == NULL) {
			rte_pktmbuf_free(m);
			return VIRTQUEUE_NO_MEMORY;
		}
	}
	fits = buffer_filled(m, &jumbo, len);
	rte_pktmbuf_free(jumbo);
	if (!fits) {
		rte_pktmbuf_free(m);
		return VIRTQUEUE_MALFORMED;
	}
	*frame = m;
	for (; m != NULL; m = m->next)
		copy(place, rte_pktmbuf_mtod(m, void *), m->data_len, FROM_GUEST);
	return VIRTQUEUE_OK;
}

// As many bytes of a long frame are copied: all headers that anybody reads, and then some. The rest
// is lent when it comes in few pieces, so that lending costs less than copying.
#define LEND_COPIED 512u
#define LEND_MIN 4096u
#define LEND_PIECES 18u

static bool
may_lend(const struct virtqueue *vq, const struct virtqueue_chain *chain, uint32_t len,
	const struct virtio_net_hdr *header)
{
	return vq->may_lend && len >= LEND_MIN && len - LEND_COPIED <= UINT16_MAX
	       && chain->n <= LEND_PIECES && chain->n * (LEND_MIN / 2) <= len
	       && (uint32_t)header->csum_start + header->csum_offset < LEND_COPIED / 2;
}

// What is left of the piece at *place as a segment behind *last; moves both.
static enum virtqueue_result
lend_piece(struct virtqueue *vq, struct place *place, struct rte_mempool *mbufs,
	struct rte_mbuf **last)
{
	const struct virtqueue_piece *piece = place->piece;
	uint32_t len = piece->len - place->offset;
	struct rte_mbuf *segment;

	segment = rte_pktmbuf_alloc(mbufs);
	if (segment == NULL)
		return VIRTQUEUE_NO_MEMORY;
	rte_pktmbuf_attach_extbuf(
		segment, piece->host + place->offset, RTE_BAD_IOVA, (uint16_t)len, &vq->lent);
	rte_mbuf_ext_refcnt_update(&vq->lent, 1);
	segment->data_len = (uint16_t)len;
	(*last)->next = segment;
	*last = segment;
	*place = (struct place){.piece = piece + 1};
	return VIRTQUEUE_OK;
}

// len bytes from *place to the chain's end into a new frame.
static enum virtqueue_result
lend(struct virtqueue *vq, struct place *place, uint32_t len, const struct virtqueue_chain *chain,
	const struct buffer_pools *pools, struct rte_mbuf **frame)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools->mbufs), *last = m;
	enum virtqueue_result result = VIRTQUEUE_OK;

	if (m == NULL)
		return VIRTQUEUE_NO_MEMORY;
	m->pkt_len = len;
	m->data_len = LEND_COPIED;
	copy(place, rte_pktmbuf_mtod(m, void *), LEND_COPIED, FROM_GUEST);
	while (place->piece < chain->pieces + chain->n && result == VIRTQUEUE_OK) {
		result = lend_piece(vq, place, pools->mbufs, &last);
		m->nb_segs++;
	}
	if (result == VIRTQUEUE_OK)
		*frame = m;
	else
		rte_pktmbuf_free(m);
	return result;
}

static enum virtqueue_result
read_frame(struct virtqueue *vq, const struct virtqueue_chain *chain,
	const struct buffer_pools *pools, struct rte_mbuf **frame)
{
	struct place place = {.piece = chain->pieces};
	uint8_t bytes[VIRTQUEUE_HEADER_MAX];
	struct virtio_net_hdr header;
	enum virtqueue_result result;
	uint32_t len;

	if (chain->len < (uint32_t)vq->header_len + RTE_ETHER_HDR_LEN)
		return VIRTQUEUE_MALFORMED;
	len = chain->len - vq->header_len;
	copy(&place, bytes, vq->header_len, FROM_GUEST);
	memcpy(&header, bytes, sizeof(header));
	if (may_lend(vq, chain, len, &header))
		result = lend(vq, &place, len, chain, pools, frame);
	else
		result = copy_in(&place, len, pools, frame);
	if (result != VIRTQUEUE_OK || !vq->reads_header || (header.flags | header.gso_type) == 0)
		return result;
	if (virtqueue_read_header(vq, &header, *frame))
		return VIRTQUEUE_OK;
	rte_pktmbuf_free(*frame);
	return VIRTQUEUE_MALFORMED;
}

enum virtqueue_result
virtqueue_rx_frame(struct virtqueue *vq, const struct buffer_pools *pools, struct rte_mbuf **frame)
{
	struct virtqueue_cursor cursor = {vq->next, vq->wrap};
	struct virtqueue_buffer buffer;
	struct virtqueue_chain chain;
	enum virtqueue_result result;

	chain.n = 0;
	chain.len = 0;
	result = vq->layout->take(vq, &cursor, 0, &chain, &buffer);
	vq->work += chain.n;
	if (result == VIRTQUEUE_OK)
		result = read_frame(vq, &chain, pools, frame);
	else if (result == VIRTQUEUE_TOO_LONG)
		result = VIRTQUEUE_MALFORMED;
	if (result == VIRTQUEUE_OK || result == VIRTQUEUE_MALFORMED)
		vq->layout->give(vq, &buffer, 0);
	return result;
}

// Buffers that together hold 'total' bytes.
static enum virtqueue_result
take_buffers(struct virtqueue *vq, uint32_t total, struct virtqueue_chain *chain,
	struct virtqueue_buffer *buffers, uint32_t *n)
{
	struct virtqueue_cursor cursor = {vq->next, vq->wrap};
	enum virtqueue_result result;

	chain->n = 0;
	chain->len = 0;
	*n = 0;
	do {
		if (*n == VIRTQUEUE_PIECES_MAX)
			return VIRTQUEUE_REFUSED;
		result = vq->layout->take(vq, &cursor, VRING_DESC_F_WRITE, chain, &buffers[*n]);
		if (result != VIRTQUEUE_OK)
			return result == VIRTQUEUE_TOO_LONG ? VIRTQUEUE_REFUSED : result;
		if (buffers[*n].len < vq->header_len)
			return virtqueue_break(vq, "a buffer is shorter than the header");
		++*n;
	} while (vq->mergeable && chain->len < total);
	return chain->len < total ? VIRTQUEUE_REFUSED : VIRTQUEUE_OK;
}

static void
write_frame(struct virtqueue *vq, const struct virtqueue_chain *chain,
	const struct virtio_net_hdr *header, uint16_t n_buffers, struct rte_mbuf *m)
{
	struct place place = {.piece = chain->pieces};
	uint8_t bytes[VIRTQUEUE_HEADER_MAX];

	memcpy(bytes, header, sizeof(*header));
	memcpy(bytes + sizeof(*header), &n_buffers, sizeof(n_buffers));
	copy(&place, bytes, vq->header_len, TO_GUEST);
	for (; m != NULL; m = m->next)
		copy(&place, rte_pktmbuf_mtod(m, void *), m->data_len, TO_GUEST);
}

enum virtqueue_result
virtqueue_tx_frame(struct virtqueue *vq, struct rte_mbuf *m, uint32_t *n_buffers)
{
	struct virtqueue_buffer buffers[VIRTQUEUE_PIECES_MAX];
	uint32_t rest = vq->header_len + m->pkt_len, n, some;
	struct virtqueue_chain chain;
	struct virtio_net_hdr header;
	enum virtqueue_result result;

	if (!virtqueue_make_header(vq, m, &header))
		return VIRTQUEUE_REFUSED;
	result = take_buffers(vq, rest, &chain, buffers, &n);
	if (result != VIRTQUEUE_OK)
		return result;
	write_frame(vq, &chain, &header, (uint16_t)n, m);
	for (uint32_t i = 0; i < n; i++) {
		some = RTE_MIN(rest, buffers[i].len);
		vq->layout->give(vq, &buffers[i], some);
		rest -= some;
	}
	*n_buffers = n;
	return VIRTQUEUE_OK;
}
