/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_TRANSACTION_PRIVATE_H
#define CONTROL_TRANSACTION_PRIVATE_H

// What the transaction*.c files share.

#include "changes.h"

struct change {
	struct object *before; // of the tree, ours while 'after' is in its place; NULL: it is new
	struct object *after; // ours until it is installed; NULL: it goes
	bool installed, sent, refused;
	char *reason; // why it was refused, of a transaction that goes on; owned
};

struct transaction {
	struct causewayd *d;
	struct change *changes; // removals last and by type backwards, all else first and by type
	unsigned int n, capacity;
	bool no_memory, needs_dataplane;
	bool tolerant; // goes on without what the data plane refuses
	bool heard; // the data plane took it
	unsigned int host_done; // host ports that follow already
	char intent[16];
	struct failure failure;
	transaction_done_fn *done;
	void *arg;
};

// The object that a change is about.
static inline struct object *
change_object(const struct change *change)
{
	return change->after != NULL ? change->after : change->before;
}

// What the data plane knows of a change's object before and after it; NULL: nothing.
static inline const struct object *
change_known_before(const struct change *change)
{
	return change->before != NULL && !object_is_card_only(change->before) ? change->before
									      : NULL;
}

static inline const struct object *
change_known_after(const struct change *change)
{
	return change->after != NULL && !object_is_card_only(change->after) ? change->after : NULL;
}

// Whether it takes something away: from the tree, or from the data plane alone.
static inline bool
change_is_removal(const struct change *change)
{
	return change->after == NULL
	       || (change_known_before(change) != NULL && change_known_after(change) == NULL);
}

// Brings changes into the order in which the data plane takes them. Returns false when an object is
// put twice.
bool transaction_sort(struct transaction *t);
// Puts what is put into the tree. Returns 0 or -ENOMEM; transaction_uninstall() takes it back.
int transaction_install(struct transaction *t);
void transaction_uninstall(struct transaction *t);
// Makes the changes durable. Returns 0 or -errno, and then nothing is.
int transaction_store(struct transaction *t);

#endif
