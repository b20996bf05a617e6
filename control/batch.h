/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_BATCH_H
#define CONTROL_BATCH_H

// Many objects to the data plane in few frames, and one answer for each. Main thread.

#include "causewayd.h"

struct batch;

struct batch_handler {
	// The data plane refused object 'index' (as counted by the batch, from 0).
	void (*refused)(void *arg, unsigned int index, int error, const char *reason);
	// Everything is answered, or the connection has ended (lost). The batch is freed after it.
	void (*done)(void *arg, bool lost);
};

// Returns NULL: no memory.
struct batch *batch_new(struct causewayd *d, const struct batch_handler *handler, void *arg);

// Each takes the next index. Objects must live until batch_send() only. Ports take duplicates of
// the descriptors that are kept for them along.
void batch_set(struct batch *batch, const struct object *object);
// An object that takes its place in the order, but is not for the data plane.
void batch_skip(struct batch *batch);
void batch_del(struct batch *batch, const struct object *object);
// Marks of a replay; they have no index.
void batch_begin(struct batch *batch, uint64_t epoch);
void batch_commit(struct batch *batch, uint64_t epoch);

// Sends all. done is called once: later, or from here when nothing can be sent.
void batch_send(struct batch *batch);

#endif
