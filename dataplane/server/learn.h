/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_LEARN_H
#define SERVER_LEARN_H

// What workers tell the main thread: learned addresses go into the FDB, within the limits of their
// network; wanted neighbours are looked for (resolve.h) or become events, each at most once a
// second. Main thread.

#include "events.h"
#include "objects.h"

struct learn;

// emit gets cw_neighbor_wanted items. clock_start: TSC of the workers' second 0.
struct learn *learn_create(struct dataplane *dp, struct objects *objects, uint64_t clock_start,
	objects_emit *emit, void *arg);
void learn_free(struct learn *learn);
// Takes what is in dp->events, bounded. Returns how many.
unsigned int learn_poll(struct learn *learn);
// Handles one event.
void learn_event(struct learn *learn, const struct dp_event *event);
// Forgets what was not seen for long. Once a second.
void learn_age(struct learn *learn);
// Seconds of the workers' clock.
uint32_t learn_now_s(const struct learn *learn);

#endif
