/* SPDX-License-Identifier: Apache-2.0 */

// Which queues run, and where workers send.

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "vhost.h"

void
vhost_tell_main(struct vhost *v)
{
	eventfd_write(v->event_fd, 1);
}

static void
map_tx_queues(struct vhost *v)
{
	uint16_t running[CW_MAX_QUEUES], n = 0;

	for (uint16_t i = 0; i < v->n_pairs; i++)
		if (atomic_load(&v->queues[2 * i].running))
			running[n++] = (uint16_t)(2 * i);
	for (uint16_t i = 0; i < v->n_pairs; i++)
		atomic_store(&v->tx_map[i], n > 0 ? running[i % n] : VHOST_NO_QUEUE);
}

static void
blame(struct vhost *v, const struct vhost_queue *q, const char *reason)
{
	snprintf(v->broken, sizeof(v->broken), "guest broke its %s queue %u: %s",
		q->index % 2 == 0 ? "receive" : "transmit", q->index / 2u, reason);
}

static bool
wanted(const struct vhost *v, const struct vhost_queue *q)
{
	return v->connected && v->device && q->ready && !q->held && v->broken[0] == '\0';
}

// Returns how many queues came to run.
static int
start_wanted(struct vhost *v)
{
	char reason[VHOST_REASON_LEN];
	int started = 0, ret;

	for (uint16_t i = 0; i < vhost_n_queues(v); i++) {
		struct vhost_queue *q = &v->queues[i];

		if (atomic_load(&q->running) || !wanted(v, q))
			continue;
		reason[0] = '\0';
		ret = v->rings->start(v, q, reason, sizeof(reason));
		if (ret == 0)
			started++;
		else if (ret != -EAGAIN)
			blame(v, q, reason);
	}
	return started;
}

static void
stop_unwanted(struct vhost *v)
{
	for (uint16_t i = 0; i < vhost_n_queues(v); i++)
		if (atomic_load(&v->queues[i].running) && !wanted(v, &v->queues[i]))
			v->rings->stop(v, &v->queues[i]);
}

void
vhost_queues_settle(struct vhost *v)
{
	int started = start_wanted(v);

	stop_unwanted(v); // those just started, too, when another did not
	map_tx_queues(v);
	if (started > 0 && v->wake_event >= 0)
		eventfd_write(v->wake_event, 1);
}

void
vhost_queues_drain(struct vhost *v)
{
	for (uint16_t i = 0; i < vhost_n_queues(v); i++) {
		rte_spinlock_lock(&v->queues[i].lock);
		if (!atomic_load(&v->queues[i].running))
			vhost_waiting_clear(&v->queues[i]);
		rte_spinlock_unlock(&v->queues[i].lock);
	}
}

void
vhost_queues_check(struct vhost *v)
{
	const char *reason;

	if (atomic_load(&v->memory_lost) && v->broken[0] == '\0')
		snprintf(v->broken, sizeof(v->broken), "the peer took its memory back");
	for (uint16_t i = 0; i < vhost_n_queues(v) && v->broken[0] == '\0'; i++) {
		struct vhost_queue *q = &v->queues[i];

		reason = atomic_load(&q->running) && q->vq != NULL ? virtqueue_broken(q->vq) : NULL;
		if (reason != NULL)
			blame(v, q, reason);
	}
	if (v->broken[0] != '\0')
		vhost_queues_settle(v);
}

uint16_t
vhost_queues_enabled(const struct vhost *v)
{
	uint16_t n = 0;

	for (uint16_t i = 0; i < v->n_pairs; i++)
		if (atomic_load(&v->queues[2 * i].running)
			&& atomic_load(&v->queues[2 * i + 1].running))
			n++;
	return n;
}
