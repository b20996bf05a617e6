/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_TRACING_H
#define SERVER_TRACING_H

// Starts and stops traces and takes finished records away from the workers (see trace.h). One trace
// at a time; a new one replaces the former. Main thread.

#include "objects.h"

struct tracing;

// emit gets cw_trace_record items. start_tsc: what their times count from.
struct tracing *tracing_create(
	struct dataplane *dp, uint64_t start_tsc, objects_emit *emit, void *arg);
// Stops the trace.
void tracing_free(struct tracing *tracing);
// Starts the trace, or stops it when its count is 0. Returns 0, or -EINVAL or -ENOMEM with why.
int tracing_set(struct tracing *tracing, const struct cw_trace *want, struct reason *why);
// Sends what is finished; ends a trace that has all its packets.
void tracing_poll(struct tracing *tracing);

#endif
