/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_LEARNED_PEERS_H
#define CONTROL_LEARNED_PEERS_H

// Tunnel peers that nobody configured: a network with learning has heard a station behind one
// (RFC 7348, 4.1), and to reach it by other ways than flooding it needs a next hop. They are not
// stored, and go with their vtep or network. Main thread.

#include "changes.h"

#define LEARNED_PEERS_MAX 1024 // of all networks together; who is beyond is reached by flooding

struct learned_peers;

struct learned_peers *learned_peers_create(struct causewayd *d); // NULL: no memory
void learned_peers_free(struct learned_peers *peers); // accepts NULL

// The data plane has heard a station behind a peer to which no next hop leads.
void learned_peers_wanted(struct learned_peers *peers, const struct cw_remote_wanted *wanted);
// A transaction of somebody else has concluded; after NULL: the object went.
void learned_peers_note(
	struct learned_peers *peers, const struct object *before, const struct object *after);
// Deletes, in the transaction, those that refer to a vtep or network. Returns how many.
uint32_t learned_peers_release(
	struct transaction *t, struct causewayd *d, enum object_type type, uint32_t id);

#endif
