/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PERF_QUEUE_GUEST_H
#define PERF_QUEUE_GUEST_H

// A pair of virtqueues whose guest runs in the same thread. Readable from C++. Aborts when
// something does not start.

#include <stdbool.h>
#include <stdint.h>

#define QUEUE_BURST 64

struct queue_pair;

struct queue_cycles {
	uint64_t rx, tx;
};

// Starts EAL once a process. 'mrg': mergeable receive buffers.
struct queue_pair *queue_pair_create(bool packed, bool in_order, bool mrg);
void queue_pair_free(struct queue_pair *pair);
// The guest makes n buffers available at both queues, outside of the clock; the device then takes
// n frames of len bytes from one and puts them into the other.
struct queue_cycles queue_pair_turn(struct queue_pair *pair, uint32_t len, uint16_t n);

#endif
