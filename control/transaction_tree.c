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

	if ((x->after == NULL) != (y->after == NULL))
		return x->after == NULL ? 1 : -1;
	if (x->after != NULL && x->after->type != y->after->type)
		return x->after->type - y->after->type;
	if (x->after == NULL && x->before->type != y->before->type)
		return y->before->type - x->before->type;
	// Objects come after those of their class that they refer to, and go before them.
	if (x->after != NULL && rank(x->after) != rank(y->after))
		return rank(x->after) - rank(y->after);
	if (x->after == NULL && rank(x->before) != rank(y->before))
		return rank(y->before) - rank(x->before);
	return object_class(change_object(x))->compare(change_object(x), change_object(y));
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
