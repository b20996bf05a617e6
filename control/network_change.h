/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_NETWORK_CHANGE_H
#define CONTROL_NETWORK_CHANGE_H

// Networks with what belongs to them: their host port and its default routes.

#include "changes.h"

// A network of that name with defaults: id, VNI and router MAC of its own. Returns NULL with
// failure (CW_RPC_EXHAUSTED). 'skip' identifiers are passed over: those of others in the same
// transaction.
struct network *network_new(
	struct causewayd *d, const char *name, unsigned int skip, struct failure *failure);

// Puts a network, its host port (made or deleted as network->host says) and default routes into the
// transaction. Takes the network over. Returns 0, or a negative number with failure; a device that
// was made goes with the transaction's failure.
int network_put(struct transaction *t, struct causewayd *d, struct network *network,
	struct failure *failure);

// Deletes a network that nothing else refers to. Returns 0, or a negative number with failure
// (CW_RPC_IN_USE).
int network_delete(struct transaction *t, struct causewayd *d, struct network *network,
	struct failure *failure);

// Adds a router address unless the network has it. Returns 1 when it was added, 0, or a negative
// number with failure.
int network_add_subnet(struct network *network, const struct cw_ip *address, uint8_t prefix,
	struct failure *failure);

uint64_t generation_new(void); // another value than any before

#endif
