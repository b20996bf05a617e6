/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VF_WAY_H
#define VF_WAY_H

// The ways of VF pods to the switch. They come and go with the uplinks and not with the pods: a pod
// whose uplink is deleted keeps its VF and waits, one that was attached to its card alone is taken
// into its network when an uplink appears. What is to be done follows from the objects alone, so
// that it is found again after a crash. Main thread.

#include "changes.h"
#include "vf.h"

// Returns 0 or -ENOMEM.
int vf_ways_create(struct vfs *vfs);

// An object was put or deleted, or (vf_ways_look) anything may have happened: pods that have no way
// to the switch get it if there is an uplink for them, each by a change of its own. One that fails
// says why as its endpoint's reason, and is tried again every few seconds.
void vf_way_note(struct causewayd *d, const struct object *object);
void vf_ways_look(struct causewayd *d);

// Takes the way of a sub-port, whose uplink is deleted, as a part of t. Returns false when it is no
// VF pod's.
bool vf_way_take(struct transaction *t, struct causewayd *d, const struct port *port);

#endif
