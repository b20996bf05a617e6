/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "transaction_private.h"

static int
store_change(struct transaction *t, const struct change *change)
{
	const struct object *object = change_object(change);
	const struct object_class *class = object_class(object);
	char key[OBJECT_KEY_LEN], *text;
	cJSON *json;
	int ret;

	class->key(t->d->objects, object, key, sizeof(key));
	if (change->after == NULL || object_is_mirrored(change->after))
		return store_remove(t->d->store, class->name, key);
	json = class->to_json(t->d->objects, object);
	text = json != NULL ? cJSON_PrintUnformatted(json) : NULL;
	cJSON_Delete(json);
	if (text == NULL)
		return -ENOMEM;
	ret = store_put(t->d->store, class->name, key, text);
	cJSON_free(text);
	return ret;
}

// Mirrored objects are the kernel's to keep.
static bool
is_stored(const struct object *object)
{
	return object != NULL && !object_is_mirrored(object);
}

static bool
concerns_store(const struct change *change)
{
	return is_stored(change->before) || is_stored(change->after);
}

int
transaction_store(struct transaction *t)
{
	unsigned int first = 0;
	int ret;

	// What goes on without its refused parts is not to be kept.
	if (t->tolerant && t->intent[0] == '\0')
		return 0;
	while (first < t->n && !concerns_store(&t->changes[first]))
		first++;
	if (first == t->n && t->intent[0] == '\0')
		return 0;
	ret = store_begin(t->d->store);
	for (unsigned int i = first; i < t->n && ret == 0; i++)
		if (concerns_store(&t->changes[i]))
			ret = store_change(t, &t->changes[i]);
	if (ret == 0 && t->intent[0] != '\0')
		ret = store_remove(t->d->store, "intent", t->intent);
	if (ret == 0)
		ret = store_commit(t->d->store);
	if (ret < 0)
		store_rollback(t->d->store);
	return ret;
}
