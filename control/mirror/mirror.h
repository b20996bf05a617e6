/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIRROR_MIRROR_H
#define MIRROR_MIRROR_H

// The mirror: what flanneld, a routing daemon or an administrator puts into the kernel's tables is
// done in the data plane, too. reader.c fills tables with what the kernel says, plan.c compares
// them with Causeway's objects, and here what they differ in becomes a transaction like
// everybody's, but one that is not stored and that goes on when the data plane refuses some of it.
// Main thread.

#include <cjson/cJSON.h>

#include "causewayd.h"

// Returns NULL with a logged reason: causewayd then serves without.
struct mirror *mirror_create(struct causewayd *d);
void mirror_free(struct mirror *mirror); // accepts NULL

// All others accept a mirror that is NULL, and do nothing.

// Reads the kernel's tables and puts everything into the tree, before the data plane is told: it
// must not lose routes because causewayd has just started.
void mirror_start(struct mirror *mirror);
// A transaction of somebody else has concluded: an object came (before NULL), changed or went
// (after NULL).
void mirror_note(struct mirror *mirror, const struct object *before, const struct object *after);
// The data plane has packets for an address and no MAC.
void mirror_wanted(struct mirror *mirror, const struct cw_neighbor_wanted *wanted);
// State and figures. Returns NULL: no memory.
cJSON *mirror_show(struct mirror *mirror);

#endif
