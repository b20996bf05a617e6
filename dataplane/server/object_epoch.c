/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "log.h"
#include "objects_private.h"
#include "tables/vtep.h"

// Replay of all objects: what an epoch does not name goes, what it names stays where it is.

void
objects_epoch_begin(struct objects *objects)
{
	objects->mark++;
	objects->in_epoch = true;
}

void
objects_epoch_name(struct objects *objects, const struct cw_item *item)
{
	struct object_key key;
	struct object *object;

	object_key_of(item, &key);
	object = object_find(objects, &key);
	if (object != NULL)
		object->mark = objects->mark;
}

// Its address may be another's now.
static void
release_vtep(struct objects *objects, const struct object *object, const struct cw_vtep *wanted)
{
	if (!object_vtep_moves((const struct cw_vtep *)object->item, wanted))
		return;
	vtep_del(objects->dp->vteps, object->key.id);
	objects_changed(objects);
}

void
objects_epoch_release(struct objects *objects, const struct cw_item *item)
{
	struct reason why = {""};
	struct object_key key;
	struct object *object;

	if (item->type != CW_ITEM_PORT && item->type != CW_ITEM_ENDPOINT
		&& item->type != CW_ITEM_VTEP)
		return;
	if (objects_check(item, &why) != 0)
		return;
	object_key_of(item, &key);
	object = object_find(objects, &key);
	if (object == NULL)
		return;
	if (item->type == CW_ITEM_ENDPOINT)
		object_endpoint_release(objects, (const struct cw_endpoint *)object->item,
			(const struct cw_endpoint *)item);
	else if (item->type == CW_ITEM_VTEP)
		release_vtep(objects, object, (const struct cw_vtep *)item);
	else if (object_port_reopens(
			 (const struct cw_port *)object->item, (const struct cw_port *)item))
		object_port_unpublish(objects, (uint16_t)object->key.id);
}

// Removes what was not named. Keys are collected first, because a removal takes dependants along.
static void
sweep(struct objects *objects, uint16_t first_type, uint16_t last_type)
{
	struct object_key *keys = NULL;
	struct object *object;
	uint32_t at = 0, n = 0;

	keys = malloc(sizeof(*keys) * ((size_t)objects->table.count + 1));
	if (keys == NULL) {
		log_line(
			LOG_ERROR, "no memory to remove objects that the epoch did not name", NULL);
		return;
	}
	while ((object = object_table_next(&objects->table, &at)) != NULL)
		if (object->key.type >= first_type && object->key.type <= last_type
			&& object->mark != objects->mark)
			keys[n++] = object->key;
	for (uint32_t i = 0; i < n; i++) {
		object = object_find(objects, &keys[i]);
		if (object != NULL)
			object_remove(objects, object);
	}
	free(keys);
}

void
objects_epoch_sweep_early(struct objects *objects)
{
	sweep(objects, CW_ITEM_PORT, CW_ITEM_ENDPOINT);
	sweep(objects, CW_ITEM_VTEP, CW_ITEM_VTEP);
	objects_settle(objects);
}

void
objects_epoch_sweep_late(struct objects *objects)
{
	objects->in_epoch = false;
	sweep(objects, CW_ITEM_FDB, CW_ITEM_FLOOD);
	sweep(objects, CW_ITEM_NETWORK, CW_ITEM_NETWORK);
	objects_settle(objects);
}
