/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "worker_private.h"

// Frames that the main thread makes, on their way to the first worker, which sends them. Until then
// mbuf->hash.usr holds the port and the network.

#define ORIGINATE_RING 256

int
worker_originate_create(struct worker *w)
{
	char name[RTE_RING_NAMESIZE];

	if (w->id != 0)
		return 0;
	snprintf(name, sizeof(name), "originate-%u", w->id);
	w->priv->originated =
		rte_ring_create(name, ORIGINATE_RING, w->socket_id, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return w->priv->originated != NULL ? 0 : -ENOMEM;
}

struct rte_mbuf *
worker_originate_alloc(struct dataplane *dp)
{
	return dp->n_workers > 0 ? rte_pktmbuf_alloc(dp->workers[0]->mbufs) : NULL;
}

bool
worker_originate(struct dataplane *dp, struct rte_mbuf *m, uint16_t network, uint16_t port)
{
	struct worker *w = dp->workers[0];

	m->hash.usr = (uint32_t)network << 16 | port;
	packet_expose(m);
	if (rte_ring_sp_enqueue(w->priv->originated, m) != 0) {
		rte_pktmbuf_free(m);
		return false;
	}
	worker_wake(w);
	return true;
}

// In the books of the switch itself, port 0.
static void
enter(struct worker *w, struct rte_mbuf *m, uint8_t egress)
{
	const uint16_t slot = w->n_slots++;
	const uint32_t whereto = m->hash.usr;

	w->mbuf[slot] = m;
	w->ctx[slot] = (struct packet_ctx){
		.out_port = (uint16_t)whereto,
		.network = (uint16_t)(whereto >> 16),
		.origin = PACKET_FROM_ROUTER,
		.flags = PACKET_NO_ERROR,
		.ether_type = rte_be_to_cpu_16(packet_ether(m)->ether_type),
		.l2_len = RTE_ETHER_HDR_LEN,
	};
	m->port = 0;
	packet_poison(m);
	packet_next(w, slot, egress);
}

uint16_t
worker_take_originated(struct worker *w)
{
	struct rte_mbuf *pkts[WORKER_BURST];
	unsigned int n;

	n = rte_ring_sc_dequeue_burst(w->priv->originated, (void **)pkts, WORKER_BURST, NULL);
	for (unsigned int i = 0; i < n; i++)
		enter(w, pkts[i], graph_stage_id("egress"));
	if (n == 0)
		return 0;
	w->counters[0]->originated += n;
	worker_run(w);
	return (uint16_t)n;
}
