/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_EMIT_H
#define STAGES_EMIT_H

// Frames made of one frame: segments and fragments on their way to the port, however many there
// are.

#include <stdint.h>

#include "worker.h"

// One frame that becomes several.
struct emit {
	struct worker *w;
	const struct stage *stage; // that makes them
	uint8_t next_id; // stage that gets them, of a higher order
	uint16_t slot; // of the original; its context is the pattern for all
	uint16_t mark; // w->n_slots when the stage began to run
	uint16_t n; // made so far
	struct rte_mbuf *original; // still owned by the slot's holder until emit_end()
};

// Takes the original out of its slot.
void emit_start(struct emit *e, struct worker *w, const struct stage *stage, uint8_t next_id,
	uint16_t slot, uint16_t mark);
// Hands one frame on; m belongs to the worker afterwards. Frames leave in order. When the worker
// has no slot left, what waits is sent first.
void emit_frame(struct emit *e, struct rte_mbuf *m);
// Ends: the original is freed, or with drop >= 0 (a drop id) dropped for what could not be made of
// it. Counts.
void emit_end(struct emit *e, int drop);

#endif
