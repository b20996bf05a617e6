/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "dataplane.h"
#include "log.h"

// Frees that wait for a grace period, oldest first. Main thread only.
struct deferred {
	uint64_t token;
	void (*free_fn)(void *);
	void *arg;
};

#define RCU_POLL_MAX 4096

static struct deferred *queue; // a ring
static size_t capacity, head, count;

void
rcu_wait(struct dataplane *dp)
{
	rte_rcu_qsbr_synchronize(dp->qsbr, RTE_QSBR_THRID_INVALID);
}

static bool
grow(void)
{
	size_t wanted = capacity == 0 ? 1024 : capacity * 2;
	struct deferred *bigger = malloc(wanted * sizeof(*bigger));

	if (bigger == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		bigger[i] = queue[(head + i) % capacity];
	free(queue);
	queue = bigger;
	capacity = wanted;
	head = 0;
	return true;
}

void
rcu_defer(struct dataplane *dp, void (*free_fn)(void *), void *arg)
{
	if (count == capacity && !grow()) {
		rcu_wait(dp); // no memory to remember it: wait now
		free_fn(arg);
		return;
	}
	queue[(head + count) % capacity] =
		(struct deferred){rte_rcu_qsbr_start(dp->qsbr), free_fn, arg};
	count++;
}

void
rcu_poll(struct dataplane *dp)
{
	for (int i = 0; i < RCU_POLL_MAX && count > 0; i++) {
		struct deferred due = queue[head];

		if (rte_rcu_qsbr_check(dp->qsbr, due.token, false) != 1)
			return;
		head = (head + 1) % capacity;
		count--;
		due.free_fn(due.arg);
	}
}

void
rcu_drain(struct dataplane *dp)
{
	rcu_wait(dp);
	while (count > 0)
		rcu_poll(dp);
	free(queue);
	queue = NULL;
	capacity = 0;
}
