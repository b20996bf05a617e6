/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"
#include "worker_private.h"

// Frames leave in batches: one per worker and port, flushed when full and at the end of a round. A
// TX queue has one owner; a worker without a queue of the port hands its batch to the owner through
// a ring that only the two of them use (mbuf->hash.usr carries the port).

enum {
	DROP_TX_FULL,
	DROP_TX_REFUSED,
	DROP_PORT_DOWN,
	DROP_NO_PORT,
	DROP_LOOP,
	DROP_NO_MEMORY,
};

// What workers themselves lose, outside of any stage. Not on the packet's way: no stage leads here.
static struct stage worker_stage = {
	.name = "worker",
	.help = "losses between the stages and the devices",
	.order = UINT16_MAX,
	.drops =
		{
			[DROP_TX_FULL] = {"tx_full", "the device took no more frames"},
			[DROP_TX_REFUSED] = {"tx_refused", "the device refused this frame"},
			[DROP_PORT_DOWN] = {"port_down", "the port is down"},
			[DROP_NO_PORT] = {"no_port", "the port was removed"},
			[DROP_LOOP] = {"loop", "a burst caused too many stage runs"},
			[DROP_NO_MEMORY] = {"no_memory", "no buffer for a copy of the frame"},
		},
};
STAGE_REGISTER(worker_stage)

uint16_t
worker_drop_loop(void)
{
	return worker_stage.drop_id[DROP_LOOP];
}

// A frame that was counted as sent did not leave: it becomes a drop of the port that it came from.
static void
take_back(struct worker *w, struct tx_batch *batch, struct rte_mbuf *m, uint16_t reason)
{
	struct port_counters *origin = w->counters[m->port], *out = w->counters[batch->port_id];

	origin->sent--;
	origin->drops[reason]++;
	out->tx_packets--;
	out->tx_bytes -= m->pkt_len;
	rte_pktmbuf_free(m);
}

static void
flush_device(struct worker *w, struct tx_batch *batch)
{
	uint16_t done = 0, tries = 0;

	while (done < batch->n) {
		enum port_tx_stop stop = PORT_TX_FULL;
		uint16_t took = port_tx(batch->device, batch->queue, batch->pkts + done,
			(uint16_t)(batch->n - done), &stop);

		done += took;
		if (done == batch->n)
			break;
		if (stop == PORT_TX_REFUSED) {
			take_back(w, batch, batch->pkts[done++],
				worker_stage.drop_id[DROP_TX_REFUSED]);
		} else if (stop == PORT_TX_DOWN || (took == 0 && ++tries == TX_RETRIES)) {
			uint16_t reason = stop == PORT_TX_DOWN
						  ? worker_stage.drop_id[DROP_PORT_DOWN]
						  : worker_stage.drop_id[DROP_TX_FULL];

			while (done < batch->n)
				take_back(w, batch, batch->pkts[done++], reason);
		}
	}
	batch->n = 0;
}

static void
flush_handover(struct worker *w, struct tx_batch *batch)
{
	unsigned int took =
		rte_ring_sp_enqueue_burst(batch->handover, (void **)batch->pkts, batch->n, NULL);

	for (unsigned int i = took; i < batch->n; i++)
		take_back(w, batch, batch->pkts[i], worker_stage.drop_id[DROP_TX_FULL]);
	batch->n = 0;
	// The ring's tail must be seen before we look whether its reader sleeps.
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&batch->owner->priv->sleeping, memory_order_relaxed))
		worker_wake(batch->owner);
}

// What leaves is used after this round, or by others: it may not hold lent memory.
static void
own_frames(struct worker *w, struct tx_batch *batch)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < batch->n; i++) {
		struct rte_mbuf *m = batch->pkts[i];

		bool owned = packet_own(m, w->mbufs, w->jumbos);

		packet_expose(m); // again: they were on their way already
		if (likely(owned))
			batch->pkts[kept++] = m;
		else
			take_back(w, batch, m, worker_stage.drop_id[DROP_NO_MEMORY]);
	}
	batch->n = kept;
}

void
worker_batch_flush(struct worker *w, struct tx_batch *batch)
{
	if (unlikely(w->priv->borrows) && batch->owns)
		own_frames(w, batch);
	if (batch->handover != NULL)
		flush_handover(w, batch);
	else
		flush_device(w, batch);
}

static void
batch_add(struct worker *w, struct tx_batch *batch, struct rte_mbuf *m)
{
	if (batch->n == WORKER_BURST)
		worker_batch_flush(w, batch);
	batch->pkts[batch->n] = m;
	worker_batch_grow(w, batch, 1);
}

void
worker_tx(struct worker *w, uint16_t slot)
{
	struct rte_mbuf *m = w->mbuf[slot];
	struct packet_ctx *ctx = &w->ctx[slot];
	struct tx_batch *batch = w->tx[ctx->out_port];
	struct port_counters *out = w->counters[ctx->out_port];

	if (unlikely((ctx->flags & PACKET_TRACED) != 0))
		trace_sent(w, slot);
	packet_expose(m);
	w->mbuf[slot] = NULL;
	w->counters[ctx->in_port]->sent++;
	out->tx_packets++;
	out->tx_bytes += m->pkt_len;
	m->port = ctx->in_port;
	if (batch->handover != NULL)
		m->hash.usr = ctx->out_port;
	batch_add(w, batch, m);
}

void
worker_flush(struct worker *w)
{
	for (uint16_t i = 0; i < w->priv->n_dirty; i++) {
		struct tx_batch *batch = w->tx[w->priv->dirty[i]];

		if (batch == NULL)
			continue;
		batch->dirty = false;
		if (batch->n > 0)
			worker_batch_flush(w, batch);
	}
	w->priv->n_dirty = 0;
}

// The port went while its packet was in the ring.
static void
orphaned(struct worker *w, struct rte_mbuf *m)
{
	w->counters[m->port]->sent--;
	w->counters[m->port]->drops[worker_stage.drop_id[DROP_NO_PORT]]++;
	rte_pktmbuf_free(m);
}

uint16_t
worker_take_handovers(struct worker *w)
{
	struct rte_mbuf *pkts[WORKER_BURST];
	uint16_t total = 0;

	for (uint16_t from = 0; from < w->dp->n_workers; from++) {
		unsigned int n;

		if (w->priv->inbox[from] == NULL)
			continue;
		n = rte_ring_sc_dequeue_burst(
			w->priv->inbox[from], (void **)pkts, WORKER_BURST, NULL);
		for (unsigned int i = 0; i < n; i++) {
			struct tx_batch *batch = w->tx[pkts[i]->hash.usr];

			if (batch == NULL || batch->handover != NULL)
				orphaned(w, pkts[i]);
			else
				batch_add(w, batch, pkts[i]);
		}
		total = (uint16_t)(total + n);
	}
	return total;
}
