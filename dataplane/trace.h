/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATAPLANE_TRACE_H
#define DATAPLANE_TRACE_H

// The way of chosen packets through the stages. Each worker has an array of records that it fills
// itself; the main thread starts and stops a trace, takes finished records away and sends them as
// events. While no trace is active this costs a worker one load a burst.
//
// A worker does, in this order:
//  - after an rx burst has its slots, before the first stage:
//        if (trace_active(w->trace)) trace_rx(w, slots, n);
//  - before a stage runs:           if (w->trace->n_busy != 0) trace_stage(w, stage_id, slots, n);
//  - in packet_drop, if PACKET_TRACED:  trace_drop(w, slot, reason);
//  - in worker_tx, if PACKET_TRACED:    trace_sent(w, slot);
//  - in packet_new, if the cause is PACKET_TRACED:  trace_copy(w, cause, slot);
//  - when its slots are given back at the end of a round:
//        if (w->trace->n_busy != 0) trace_round_end(w);

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <causeway/wire.h>

#include "packet.h"

#define TRACE_RECORDS 128 // of one worker, under way or waiting to be taken away
#define TRACE_MAX_COUNT 100000 // packets of one trace

struct dp_port;
struct worker;

struct trace_filter {
	struct cw_trace want; // read-only
	atomic_uint left; // packets that may still be taken, by all workers together
};

enum trace_state {
	TRACE_FREE = 0, // the worker's
	TRACE_BUSY, // the worker's
	TRACE_DONE, // the main thread's, until it sets TRACE_FREE
};

struct trace_slot {
	_Atomic uint8_t state; // trace_state
	struct cw_trace_record record; // tsc_ns holds raw TSC cycles until the main thread sends it
};

struct trace_records {
	struct trace_filter *_Atomic filter; // writer: main thread; NULL: no trace
	uint16_t n_busy; // the worker's own
	uint16_t hint; // the worker's own: where to look for a free record
	atomic_uint lost; // packets that matched when no record was free
	struct trace_slot slot[TRACE_RECORDS];
};

// Main thread, before the worker starts and after it ended. Returns NULL: no memory.
struct trace_records *trace_records_create(int socket_id);
void trace_records_free(struct trace_records *records);

static inline bool
trace_active(const struct trace_records *records)
{
	return atomic_load_explicit(&records->filter, memory_order_relaxed) != NULL;
}

// Whether the frame is one that the filter wants. Reads the frame itself, bounds-checked and in its
// first segment only, so that it can run before any stage; VLAN tags are skipped. port gives the
// network of a tag, it may be NULL. Any thread.
bool trace_match(const struct cw_trace *want, const struct rte_mbuf *m, uint16_t in_port,
	const struct dp_port *port);

// Workers, all of them; see above. trace_rx sets PACKET_TRACED and ctx->trace.
void trace_rx(struct worker *w, const uint16_t *slots, uint16_t n);
void trace_stage(struct worker *w, uint8_t stage_id, const uint16_t *slots, uint16_t n);
// The packet, which is traced, came in by another port than was thought (a sub-port).
void trace_moved(struct worker *w, const struct packet_ctx *ctx);
// Gives the copy in 'slot' a record of its own that starts with the steps of its cause; without a
// free record the copy is not traced.
void trace_copy(struct worker *w, uint16_t cause, uint16_t slot);
void trace_drop(struct worker *w, uint16_t slot, uint16_t reason);
void trace_sent(struct worker *w, uint16_t slot);
// Hands every record of the round to the main thread. No packet outlives its round.
void trace_round_end(struct worker *w);

#endif
