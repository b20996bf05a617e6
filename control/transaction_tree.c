/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "log.h"
#include "transaction_private.h"

// --- order

static int
rank(const struct object *object)
{
	return (int)object_rank(object);
}

static int
compare_changes(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	const bool removal = change_is_removal(x);
	const int forward = removal ? -1 : 1;
	// Who refers to whom is said by what the data plane knows.
	const struct object *p = removal ? x->before : x->after;
	const struct object *q = removal ? y->before : y->after;

	if (removal != change_is_removal(y))
		return removal ? 1 : -1;
	if (p->type != q->type)
		return forward * (p->type - q->type);
	// Objects come after those of their class that they refer to, and go before them.
	if (rank(p) != rank(q))
		return forward * (rank(p) - rank(q));
	return object_class(p)->compare(p, q);
}

bool
transaction_sort(struct transaction *t)
{
	if (t->n == 0)
		return true;
	qsort(t->changes, t->n, sizeof(t->changes[0]), compare_changes);
	for (unsigned int i = 1; i < t->n; i++)
		if (compare_changes(&t->changes[i - 1], &t->changes[i]) == 0)
			return false;
	return true;
}

// --- the tree

int
transaction_install(struct transaction *t)
{
	struct objects *objects = t->d->objects;

	for (unsigned int i = 0; i < t->n; i++) {
		struct change *change = &t->changes[i];

		if (change->after == NULL)
			continue;
		if (change->before != NULL)
			objects_remove(objects, change->before);
		if (objects_insert(objects, change->after) < 0) {
			if (change->before != NULL)
				objects_insert(objects, change->before);
			return -ENOMEM;
		}
		change->installed = true;
	}
	return 0;
}

void
transaction_uninstall(struct transaction *t)
{
	struct objects *objects = t->d->objects;

	for (unsigned int i = t->n; i-- > 0;) {
		struct change *change = &t->changes[i];

		if (!change->installed)
			continue;
		objects_remove(objects, change->after);
		change->installed = false;
		// Cannot fail for lack of memory: its place has just become free.
		if (change->before != NULL && objects_insert(objects, change->before) < 0)
			log_error("object lost until the next restart");
	}
}
