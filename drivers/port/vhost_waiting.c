/* SPDX-License-Identifier: Apache-2.0 */

// Frames for a guest behind a vIOMMU: librte_vhost refuses a frame whose buffer's address it has
// to ask QEMU for, and the answer comes later. A kernel maps each buffer anew, so that nearly every
// frame would be lost once; here it waits for the next try.

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include "vhost.h"

#define WAITING_MAX 64

struct vhost_waiting {
	uint16_t n;
	struct rte_mbuf *pkts[WAITING_MAX];
};

int
vhost_waiting_open(struct vhost_queue *q, int socket_id)
{
	q->waiting = buffer_zmalloc(sizeof(*q->waiting), socket_id);
	return q->waiting != NULL ? 0 : -ENOMEM;
}

void
vhost_waiting_clear(struct vhost_queue *q)
{
	if (q->waiting == NULL)
		return;
	rte_pktmbuf_free_bulk(q->waiting->pkts, q->waiting->n);
	counter_add(&q->lost, q->waiting->n);
	q->waiting->n = 0;
}

void
vhost_waiting_close(struct vhost_queue *q)
{
	vhost_waiting_clear(q);
	rte_free(q->waiting);
	q->waiting = NULL;
}

bool
vhost_waiting_flush(struct vhost_queue *q, vhost_waiting_send *send, struct vhost *v)
{
	struct vhost_waiting *waiting = q->waiting;
	uint16_t sent;

	if (waiting == NULL || waiting->n == 0)
		return true;
	sent = send(v, q, waiting->pkts, waiting->n);
	waiting->n = (uint16_t)(waiting->n - sent);
	memmove(waiting->pkts, waiting->pkts + sent, waiting->n * sizeof(waiting->pkts[0]));
	return waiting->n == 0;
}

uint16_t
vhost_waiting_keep(struct vhost_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	struct vhost_waiting *waiting = q->waiting;

	if (waiting == NULL)
		return 0;
	n = (uint16_t)RTE_MIN(n, WAITING_MAX - waiting->n);
	memcpy(waiting->pkts + waiting->n, pkts, n * sizeof(pkts[0]));
	waiting->n = (uint16_t)(waiting->n + n);
	return n;
}
