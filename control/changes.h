/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_CHANGES_H
#define CONTROL_CHANGES_H

// Changes of the desired state: one after the other, each wholly or not at all. A change goes to
// our own stack (host ports), to the data plane, to the store, and only then into the tree;
// whatever fails takes all of it back. Main thread.

#include "causewayd.h"

// --- the queue: what changes state waits here for its turn, and for the data plane to be told
// everything when it has just connected.

typedef void change_start_fn(void *arg);

struct changes *changes_create(struct causewayd *d);
void changes_free(struct changes *changes); // accepts NULL; what waits is dropped

// start(arg) is called when it is its turn, from the event loop. Returns 0 or -ENOMEM.
int changes_queue(struct changes *changes, change_start_fn *start, void *arg);
// The one that was started has ended: the next may start.
void changes_next(struct changes *changes);
// The state of the data plane has changed: look whether one may start.
void changes_wake(struct changes *changes);

// --- a transaction

struct transaction;
// failure->code is 0 when everything is done and durable. The transaction is freed after it.
typedef void transaction_done_fn(void *arg, const struct failure *failure);

// Returns NULL: no memory.
struct transaction *transaction_new(struct causewayd *d);
// Drops one that was not run, and the devices of the ports that it puts. Accepts NULL.
void transaction_abort(struct transaction *t);

// Adds, or replaces what has the same key; a key may be put once. Takes the object over in every
// case, NULL included (no memory: the transaction will fail).
void transaction_put(struct transaction *t, struct object *object);
// Deletes an object of the tree.
void transaction_delete(struct transaction *t, struct object *object);
// A network that the transaction puts, or that the tree holds; NULL: neither.
struct network *transaction_network(const struct transaction *t, const char *name);
// What the data plane refuses stays in the tree with its reason, and the rest is done.
void transaction_tolerate(struct transaction *t);
// Removes a row of table "intent" in the same step.
void transaction_clear_intent(struct transaction *t, const char *key);

// Runs it. needs_dataplane: fails with CW_RPC_UNAVAILABLE when the data plane is away, else what it
// has not heard waits for the next replay. done may be called before this returns.
void transaction_run(
	struct transaction *t, bool needs_dataplane, transaction_done_fn *done, void *arg);

#endif
