/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATAPLANE_GRAPH_H
#define DATAPLANE_GRAPH_H

// The packet's way as a graph of stages. A stage is one file that defines one struct stage and
// registers it; it names its next stages and its drop reasons, and nobody edits a central list to
// add one. A stage gets a burst of packets (slots of the worker) and hands each to a next stage or
// to a named drop. The graph is resolved once at start; a stage that is only a seam (run == NULL)
// is bypassed there, so that it costs nothing.
//
// Stages run on workers, to completion: after an rx burst the worker runs pending stages, lowest
// order first, until none is pending. A stage neither blocks, logs, allocates (mbufs aside), nor
// writes anything that another worker writes.

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>

#define GRAPH_MAX_STAGES 64
#define GRAPH_MAX_NEXT 12
#define GRAPH_MAX_DROPS 256
#define STAGE_MAX_DROPS 16
#define STAGE_NONE UINT8_MAX

struct worker;

// Handles n packets. slots[] are indices into the worker's mbuf[] and ctx[]; the stage owns each
// until it calls packet_next, packet_drop or packet_consume for it, exactly once.
typedef void stage_run(struct worker *w, const uint16_t *slots, uint16_t n);

struct stage_name {
	const char *name, *help;
};

struct stage {
	const char *name; // "guard"
	const char *help; // one line for people
	stage_run *run; // NULL: an open seam, bypassed to next[0]
	uint16_t order; // position on the packet's way; see docs/architecture.md
	const char *next[GRAPH_MAX_NEXT]; // names of next stages, NULL ends
	struct stage_name drops[STAGE_MAX_DROPS]; // reasons; a name may recur in other stages
	// Resolved by graph_init, read-only afterwards:
	uint8_t id;
	uint8_t next_id[GRAPH_MAX_NEXT];
	uint16_t drop_id[STAGE_MAX_DROPS];
};

// Constructors only.
void stage_register(struct stage *stage);
#define STAGE_REGISTER(stage)            \
	RTE_INIT(register_stage_##stage) \
	{                                \
		stage_register(&stage);  \
	}

// Sorts and resolves the registered stages. Returns 0, or -EINVAL after logging which name is
// unknown, twice or too many. Main thread, once, before workers start.
int graph_init(void);

uint16_t graph_n_stages(void);
uint16_t graph_n_drops(void);
// By id; id < graph_n_stages(). Seams are listed, too.
const struct stage *graph_stage(uint16_t id);
// By name, or STAGE_NONE.
uint8_t graph_stage_id(const char *name);
// Where packets begin: at the first stage, but only what uplinks bring is looked at by decap.
uint8_t graph_entry(bool is_uplink);
const struct stage_name *graph_drop(uint16_t id);
// By name, or UINT16_MAX.
uint16_t graph_drop_id(const char *name);

#endif
