/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_SYNC_H
#define CONTROL_SYNC_H

// Tells a data plane that has just connected everything (replay with an epoch), and keeps what it
// says about the objects since. Main thread.

#include "causewayd.h"

extern const struct dp_handler sync_handler; // its arg is the struct causewayd

void sync_free(struct sync *sync); // accepts NULL

#endif
