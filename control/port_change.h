/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_PORT_CHANGE_H
#define CONTROL_PORT_CHANGE_H

// Ports with what belongs to them.

#include "changes.h"

// Deletes a port and every vtep, neighbour, FDB entry, next hop and route that leads to it. Returns
// how many of those that go are configured, not mirrored from elsewhere; or -ENOMEM.
int port_delete(struct transaction *t, struct causewayd *d, struct port *port);

// Deletes automatic next hops that lose their last references: gone[] says by identifier how many
// of them go. Changes gone[].
void nexthops_release(struct transaction *t, struct causewayd *d, uint32_t gone[CW_MAX_NEXTHOPS]);

#endif
