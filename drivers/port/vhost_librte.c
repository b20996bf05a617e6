/* SPDX-License-Identifier: Apache-2.0 */

// The data path by librte_vhost's own functions: behind a vIOMMU, whose translations only they
// know, and for comparison. They lock: a message of the peer that takes long holds up the worker.

#include <rte_net.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <rte_vhost.h>

#include "vhost.h"
#include "vhost_features.h"
#include "vnet.h"

// librte_vhost guards queues that are set up anew by a lock of its own, and may hold it here.
static int
librte_start(struct vhost *v, struct vhost_queue *q, char *reason, size_t reason_len)
{
	atomic_store(&q->running, true);
	return 0;
}

static void
librte_stop(struct vhost *v, struct vhost_queue *q)
{
	atomic_store(&q->running, false);
}

// Fills what librte_vhost read from the header before it threw that away.
static void
restore_header(const struct rte_mbuf *m, struct virtio_net_hdr *header)
{
	struct rte_net_hdr_lens lens;
	uint32_t type = rte_net_get_ptype(m, &lens, RTE_PTYPE_ALL_MASK);
	bool tcp = (type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_TCP;

	*header = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM};
	header->csum_start = (uint16_t)(lens.l2_len + lens.l3_len);
	header->csum_offset = tcp ? offsetof(struct rte_tcp_hdr, cksum)
				  : offsetof(struct rte_udp_hdr, dgram_cksum);
	if ((m->ol_flags & RTE_MBUF_F_RX_LRO) == 0)
		return;
	header->gso_type =
		RTE_ETH_IS_IPV4_HDR(type) ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
	header->gso_size = m->tso_segsz;
}

static int
set_metadata(struct rte_mbuf *m)
{
	struct virtio_net_hdr header;
	uint64_t flags = m->ol_flags;

	if (likely((flags & (RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_LRO)) == 0)) {
		m->ol_flags = 0;
		return 0;
	}
	restore_header(m, &header);
	m->ol_flags = 0;
	m->packet_type = 0;
	m->tso_segsz = 0;
	if ((flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) != RTE_MBUF_F_RX_L4_CKSUM_NONE)
		return 0;
	return vnet_to_mbuf(&header, m);
}

// A vhost_waiting_send.
static uint16_t
enqueue(struct vhost *v, struct vhost_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t sent = 0, took;
	uint64_t bytes = 0;

	while (sent < n) { // it takes 32 at most at a time
		took = rte_vhost_enqueue_burst(v->vid, q->index, pkts + sent, (uint16_t)(n - sent));
		if (took == 0)
			break;
		sent = (uint16_t)(sent + took);
	}
	for (uint16_t i = 0; i < sent; i++)
		bytes += pkts[i]->pkt_len;
	rte_pktmbuf_free_bulk(pkts, sent);
	counter_add(&q->packets, sent);
	counter_add(&q->bytes, bytes);
	return sent;
}

// The other queue of the pair: this is called again soon, its own tx perhaps not.
static void
flush_waiting(struct vhost *v, struct vhost_queue *q)
{
	if (q->waiting == NULL || !rte_spinlock_trylock(&q->lock))
		return;
	if (atomic_load(&q->running))
		vhost_waiting_flush(q, enqueue, v);
	rte_spinlock_unlock(&q->lock);
}

static uint16_t
librte_rx(struct vhost *v, struct vhost_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t received = rte_vhost_dequeue_burst(v->vid, q->index, v->pools.mbufs, pkts, n);
	uint16_t good = 0;
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < received; i++) {
		struct rte_mbuf *m = pkts[i];

		if (unlikely(set_metadata(m) < 0)) {
			counter_add(&q->refused, 1);
			rte_pktmbuf_free(m);
			continue;
		}
		bytes += m->pkt_len;
		pkts[good++] = m;
	}
	counter_add(&q->packets, good);
	counter_add(&q->bytes, bytes);
	flush_waiting(v, &v->queues[q->index - 1]);
	return good;
}

static uint16_t
librte_tx(struct vhost *v, struct vhost_queue *q, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	uint16_t wanted = 0, sent = 0;

	while (wanted < n && !vhost_features_refuse(v->features, pkts[wanted]))
		wanted++;
	if (vhost_waiting_flush(q, enqueue, v))
		sent = enqueue(v, q, pkts, wanted);
	sent += vhost_waiting_keep(q, pkts + sent, (uint16_t)(wanted - sent));
	*stop = sent < wanted ? PORT_TX_FULL : PORT_TX_REFUSED;
	counter_add(&q->full, sent < wanted);
	return sent;
}

// Without a descriptor to sleep on, the queue is polled anyway.
static bool
librte_arm(struct vhost *v, struct vhost_queue *q)
{
	return false;
}

const struct vhost_rings vhost_librte_rings = {
	.name = "librte",
	.start = librte_start,
	.stop = librte_stop,
	.rx = librte_rx,
	.tx = librte_tx,
	.arm = librte_arm,
};
