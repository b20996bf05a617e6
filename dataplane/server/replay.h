/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_REPLAY_H
#define SERVER_REPLAY_H

// What a connection brings between BEGIN and COMMIT: frames put aside with their descriptors.
// Nothing of it is seen by the data plane before replay_commit(). Main thread.

#include "objects.h"
#include "reply.h"

struct replay;

// Returns NULL: no memory.
struct replay *replay_create(uint64_t epoch);
// Forgets everything; closes the descriptors. NULL is allowed.
void replay_free(struct replay *replay);
uint64_t replay_epoch(const struct replay *replay);

// Puts a SET frame aside. Takes over frame (malloc'ed) and the descriptors. Returns 0, or -ENOSPC
// or -ENOMEM with why (then it took nothing).
int replay_add(struct replay *replay, struct cw_frame *frame, const int *fds, uint16_t n_fds,
	struct reason *why);
// Applies all of it and removes what it does not name; one status into the reply for each object
// that was refused, its index running over the epoch. Consumes the replay.
void replay_commit(struct replay *replay, struct objects *objects, struct reply *reply);

#endif
