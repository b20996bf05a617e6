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
	struct change *changes; // those that put first, by type; then those that delete, backwards
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

// Brings changes into the order in which the data plane takes them. Returns false when an object is
// put twice.
bool transaction_sort(struct transaction *t);
// Puts what is put into the tree. Returns 0 or -ENOMEM; transaction_uninstall() takes it back.
int transaction_install(struct transaction *t);
void transaction_uninstall(struct transaction *t);
// Makes the changes durable. Returns 0 or -errno, and then nothing is.
int transaction_store(struct transaction *t);

#endif
