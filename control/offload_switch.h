/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_OFFLOAD_SWITCH_H
#define CONTROL_OFFLOAD_SWITCH_H

// The node's switch for flow rules in devices: while it is off the data plane hears of no port's
// offload. Durable. Main thread.

#include "causewayd.h"

// Called once the data plane has taken its rules back, or put them in; failed: it refused (which
// leaves the switch as wanted), or went away, and hears of it when it is back.
typedef void offload_switch_done(void *arg);

// Reads the store. Returns 0 or -errno.
int offload_switch_load(struct causewayd *d);
// Returns 0, and done is called, or -errno of the store: then nothing has changed.
int offload_switch_set(struct causewayd *d, bool on, offload_switch_done *done, void *arg);

#endif
