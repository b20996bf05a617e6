/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_PORT_CHANGE_H
#define CONTROL_PORT_CHANGE_H

// Ports with what belongs to them.

#include "changes.h"

// Deletes a port and every neighbour, FDB entry, next hop and route that leads to it. Returns how
// many objects go besides the port, or -ENOMEM.
int port_delete(struct transaction *t, struct causewayd *d, struct port *port);

// Deletes an automatic next hop that these 'gone' references are the last of.
void nexthop_release(struct transaction *t, struct causewayd *d, uint32_t nexthop, uint32_t gone);

#endif
