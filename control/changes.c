/* SPDX-License-Identifier: Apache-2.0 */
#include "changes.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

struct waiting {
	STAILQ_ENTRY(waiting) link;
	change_start_fn *start;
	void *arg;
};

struct changes {
	struct causewayd *d;
	STAILQ_HEAD(waiting_list, waiting) queue;
	bool busy;
	struct event *wake;
};

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct changes *changes = arg;
	struct waiting *first = STAILQ_FIRST(&changes->queue);
	change_start_fn *start;

	if (first == NULL || changes->busy || changes->d->dataplane == DATAPLANE_SYNCING)
		return;
	STAILQ_REMOVE_HEAD(&changes->queue, link);
	changes->busy = true;
	start = first->start;
	arg = first->arg;
	free(first);
	start(arg);
}

struct changes *
changes_create(struct causewayd *d)
{
	struct changes *changes = calloc(1, sizeof(*changes));

	if (changes == NULL)
		return NULL;
	changes->d = d;
	STAILQ_INIT(&changes->queue);
	changes->wake = evtimer_new(d->base, on_wake, changes);
	if (changes->wake == NULL) {
		free(changes);
		return NULL;
	}
	return changes;
}

void
changes_free(struct changes *changes)
{
	if (changes == NULL)
		return;
	while (!STAILQ_EMPTY(&changes->queue)) {
		struct waiting *first = STAILQ_FIRST(&changes->queue);

		STAILQ_REMOVE_HEAD(&changes->queue, link);
		free(first);
	}
	event_free(changes->wake);
	free(changes);
}

void
changes_wake(struct changes *changes)
{
	const struct timeval now = {0};

	if (!STAILQ_EMPTY(&changes->queue))
		evtimer_add(changes->wake, &now);
}

int
changes_queue(struct changes *changes, change_start_fn *start, void *arg)
{
	struct waiting *waiting = malloc(sizeof(*waiting));

	if (waiting == NULL)
		return -ENOMEM;
	*waiting = (struct waiting){.start = start, .arg = arg};
	STAILQ_INSERT_TAIL(&changes->queue, waiting, link);
	changes_wake(changes);
	return 0;
}

void
changes_next(struct changes *changes)
{
	changes->busy = false;
	changes_wake(changes);
}
