/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATAPLANE_CREATE_H
#define DATAPLANE_CREATE_H

#include "config.h"
#include "cores.h"
#include "dataplane.h"
#include "memory.h"

// Builds what the threads share, after memory_start_eal(): graph, pools, tables, workers (not
// started: launch worker_main on lcores 1 .. n). Main thread. Returns 0 or -errno after logging;
// dataplane_free() takes what was made so far in either case.
int dataplane_create(struct dataplane *dp, const struct config *config, const struct cores *cores,
	struct memory *memory);
// Frees it all but the pools, which end with EAL. The workers have returned and nothing is
// attached.
void dataplane_free(struct dataplane *dp);

#endif
