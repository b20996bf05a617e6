/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "log.h"
#include "objects_private.h"
#include "offload.h"
#include "tables/fdb.h"
#include "tables/lpm.h"
#include "tables/neighbor.h"
#include "tables/nexthop.h"
#include "tables/vtep.h"
#include "worker_control.h"

// By item type, from CW_ITEM_NETWORK on.
static const char *const object_names[] = {
	[0] = "network",
	[CW_ITEM_PORT - CW_ITEM_NETWORK] = "port",
	[CW_ITEM_ENDPOINT - CW_ITEM_NETWORK] = "endpoint",
	[CW_ITEM_FDB - CW_ITEM_NETWORK] = "fdb entry",
	[CW_ITEM_NEIGHBOR - CW_ITEM_NETWORK] = "neighbor",
	[CW_ITEM_NEXTHOP - CW_ITEM_NETWORK] = "nexthop",
	[CW_ITEM_ROUTE - CW_ITEM_NETWORK] = "route",
	[CW_ITEM_VTEP - CW_ITEM_NETWORK] = "vtep",
	[CW_ITEM_FLOOD - CW_ITEM_NETWORK] = "flood entry",
};

struct objects *
objects_create(struct dataplane *dp, objects_emit *emit, void *arg)
{
	struct objects *objects = calloc(1, sizeof(*objects));

	if (objects == NULL)
		return NULL;
	if (object_table_init(&objects->table) != 0) {
		free(objects);
		return NULL;
	}
	objects->dp = dp;
	objects->emit = emit;
	objects->arg = arg;
	return objects;
}

struct object *
object_find(const struct objects *objects, const struct object_key *key)
{
	return object_table_find(&objects->table, key);
}

void
objects_dirty_network(struct objects *objects, uint16_t network, uint8_t what)
{
	if (objects->networks[network] == NULL)
		return;
	if (objects->network_dirty[network] == 0)
		objects->dirty_networks[objects->n_dirty_networks++] = network;
	objects->network_dirty[network] |= what;
}

// The array entry that finds an object of these types by its identifier, or NULL.
static struct object **
by_id(struct objects *objects, const struct object_key *key)
{
	switch (key->type) {
	case CW_ITEM_NETWORK:
		return &objects->networks[key->id];
	case CW_ITEM_PORT:
		return &objects->ports[key->id];
	case CW_ITEM_ENDPOINT:
		return &objects->endpoints[key->id];
	default:
		return NULL;
	}
}

// The table has room.
static bool
says_what_to_let_in(uint16_t type)
{
	return type == CW_ITEM_NETWORK || type == CW_ITEM_PORT || type == CW_ITEM_ENDPOINT
	       || type == CW_ITEM_VTEP;
}

static void
link_object(struct objects *objects, struct object *object)
{
	struct object **entry = by_id(objects, &object->key);

	object_table_insert(&objects->table, object);
	if (entry != NULL)
		*entry = object;
	if (object->network != NO_REFERENCE)
		LIST_INSERT_HEAD(&objects->by_network[object->network], object, network_link);
	if (object->port != NO_REFERENCE)
		LIST_INSERT_HEAD(&objects->by_port[object->port], object, port_link);
	objects->counts[object->key.type - CW_ITEM_NETWORK]++;
	objects->filters |= says_what_to_let_in(object->key.type);
}

static void
unlink_object(struct objects *objects, struct object *object)
{
	struct object **entry = by_id(objects, &object->key);

	object_table_remove(&objects->table, object);
	if (entry != NULL)
		*entry = NULL;
	if (object->network != NO_REFERENCE)
		LIST_REMOVE(object, network_link);
	if (object->port != NO_REFERENCE)
		LIST_REMOVE(object, port_link);
	objects->counts[object->key.type - CW_ITEM_NETWORK]--;
	objects->filters |= says_what_to_let_in(object->key.type);
}

static struct object *
object_create(const struct objects *objects, const struct cw_item *item)
{
	struct object *object = calloc(1, sizeof(*object) + item->length);

	if (object == NULL)
		return NULL;
	object_key_of(item, &object->key);
	object_references(item, &object->network, &object->port);
	object->mark = objects->mark;
	memcpy(object->item, item, item->length);
	return object;
}

static int
check_references(struct objects *objects, const struct cw_item *item, struct reason *why)
{
	switch (item->type) {
	case CW_ITEM_NETWORK:
		return 0;
	case CW_ITEM_PORT:
		return object_port_refers(objects, (const struct cw_port *)item, why);
	case CW_ITEM_ENDPOINT:
		return object_endpoint_refers(objects, (const struct cw_endpoint *)item, why);
	case CW_ITEM_FDB:
		return object_fdb_refers(objects, (const struct cw_fdb *)item, why);
	case CW_ITEM_NEIGHBOR:
		return object_neighbor_refers(objects, (const struct cw_neighbor *)item, why);
	case CW_ITEM_NEXTHOP:
		return object_nexthop_refers(objects, (const struct cw_nexthop *)item, why);
	case CW_ITEM_VTEP:
		return object_vtep_refers(objects, (const struct cw_vtep *)item, why);
	case CW_ITEM_FLOOD:
		return object_flood_refers(objects, (const struct cw_flood *)item, why);
	default:
		return object_route_refers(objects, (const struct cw_route *)item, why);
	}
}

// Takes the table entry of an object of the simple types to what the objects now say.
static int
refresh(struct objects *objects, const struct cw_item *item)
{
	const struct cw_fdb *fdb = (const void *)item;
	const struct cw_neighbor *neighbor = (const void *)item;
	const struct cw_flood *flood = (const void *)item;
	const struct cw_route *route = (const void *)item;

	switch (item->type) {
	case CW_ITEM_FDB:
		return object_fdb_refresh(objects, (uint16_t)fdb->network, fdb->mac);
	case CW_ITEM_NEIGHBOR:
		return object_neighbor_refresh(objects, (uint16_t)neighbor->network, &neighbor->ip);
	case CW_ITEM_FLOOD:
		objects_dirty_network(objects, (uint16_t)flood->network, NETWORK_DIRTY_COPY);
		return 0;
	default:
		return object_route_refresh(objects, (uint16_t)route->network, &route->prefix);
	}
}

static const char *
table_error(int error)
{
	switch (error) {
	case -ENOSPC:
		return "the table is full";
	case -ENOMEM:
		return "no memory";
	case -EINVAL:
		return "a member of a group cannot be a group";
	default:
		return strerror(-error);
	}
}

static int
apply(struct objects *objects, struct object *object, struct object *old, int *fds, uint16_t n,
	struct reason *why)
{
	int error;

	switch (object->key.type) {
	case CW_ITEM_NETWORK:
		return object_network_apply(objects, object, old, why);
	case CW_ITEM_PORT:
		return object_port_apply(objects, object, old, fds, n, why);
	case CW_ITEM_ENDPOINT:
		return object_endpoint_apply(objects, object, old, why);
	case CW_ITEM_VTEP:
		return object_vtep_apply(objects, object, why);
	case CW_ITEM_NEXTHOP:
		error = nexthop_set(objects->dp->nexthops, (const struct cw_nexthop *)object->item);
		break;
	default:
		error = refresh(objects, object->item);
		break;
	}
	if (error == 0)
		return 0;
	if (error == -ENOSPC)
		objects_table_full(objects, object->key.type,
			object->network == NO_REFERENCE ? 0 : object->network);
	return refuse(why, error, "%s is not set: %s",
		object_names[object->key.type - CW_ITEM_NETWORK], table_error(error));
}

// What had to get out of the way before it is not in the tables any more.
static bool
is_out_of_use(const struct objects *objects, const struct object *object)
{
	if (object->key.type == CW_ITEM_PORT)
		return !object_port_is_open(objects, object->key.id);
	return object->key.type == CW_ITEM_VTEP
	       && vtep_get(objects->dp->vteps, object->key.id) == NULL;
}

// Links the new object in place of the old one; takes that back when it does not apply.
static int
replace(struct objects *objects, struct object *object, struct object *old, int *fds, uint16_t n,
	struct reason *why)
{
	int error;

	if (old != NULL)
		unlink_object(objects, old);
	link_object(objects, object);
	error = apply(objects, object, old, fds, n, why);
	if (error == 0) {
		if (old != NULL)
			objects_changed(objects);
		free(old);
		return 0;
	}
	unlink_object(objects, object);
	free(object);
	if (old == NULL)
		return error;
	link_object(objects, old);
	if (is_out_of_use(objects, old))
		object_remove(objects, old);
	return error;
}

static bool
same_item(const struct cw_item *a, const struct cw_item *b)
{
	return a->length == b->length && memcmp(a, b, a->length) == 0;
}

// The epoch names an object whose references are not there. What it was cannot stay when that is
// the same, or when objects_epoch_release() took from it already.
static bool
is_lost(const struct object *old, const struct cw_item *item)
{
	return same_item(old->item, item) || item->type == CW_ITEM_PORT
	       || item->type == CW_ITEM_ENDPOINT || item->type == CW_ITEM_VTEP;
}

int
objects_set(struct objects *objects, const struct cw_item *item, int *fds, uint16_t n,
	struct reason *why)
{
	struct object *object, *old;
	struct object_key key;
	int error = objects_check(item, why);

	if (error != 0)
		return error;
	object_key_of(item, &key);
	old = object_find(objects, &key);
	error = check_references(objects, item, why);
	if (error != 0) {
		if (old != NULL && objects->in_epoch && is_lost(old, item))
			object_remove(objects, old);
		return error;
	}
	if (old != NULL && same_item(old->item, item)) {
		old->mark = objects->mark;
		return 0;
	}
	object = object_create(objects, item);
	if (object == NULL || object_table_reserve(&objects->table) != 0) {
		free(object);
		return refuse(why, -ENOMEM, "%s is not set: no memory",
			object_names[item->type - CW_ITEM_NETWORK]);
	}
	return replace(objects, object, old, fds, n, why);
}

static void
remove_list(struct objects *objects, struct object_list *list)
{
	struct object *object;

	while ((object = LIST_FIRST(list)) != NULL)
		object_remove(objects, object);
}

void
object_remove(struct objects *objects, struct object *object)
{
	unlink_object(objects, object);
	switch (object->key.type) {
	case CW_ITEM_NETWORK:
		remove_list(objects, &objects->by_network[object->key.id]);
		object_network_remove(objects, object);
		break;
	case CW_ITEM_PORT:
		remove_list(objects, &objects->by_port[object->key.id]);
		object_port_remove(objects, object);
		break;
	case CW_ITEM_ENDPOINT:
		object_endpoint_remove(objects, object);
		break;
	case CW_ITEM_NEXTHOP:
		nexthop_del(objects->dp->nexthops, object->key.id);
		break;
	case CW_ITEM_VTEP:
		object_vtep_remove(objects, object);
		break;
	default:
		refresh(objects, object->item);
		break;
	}
	objects_changed(objects);
	free(object);
}

int
objects_del(struct objects *objects, const struct cw_item *item, struct reason *why)
{
	struct object_key key;
	struct object *object;

	if (item->type < CW_ITEM_NETWORK || item->type > CW_ITEM_FLOOD)
		return refuse(why, -EINVAL, "item type %u is no object", item->type);
	object_key_of(item, &key);
	object = object_find(objects, &key);
	if (object != NULL)
		object_remove(objects, object);
	return 0;
}

void
objects_settle(struct objects *objects)
{
	struct dataplane *dp = objects->dp;

	for (uint16_t i = 0; i < objects->n_dirty_networks; i++) {
		const uint16_t id = objects->dirty_networks[i];
		const uint8_t dirty = objects->network_dirty[id];

		objects->network_dirty[id] = 0;
		if (objects->networks[id] == NULL)
			continue;
		if (object_network_rebuild(objects, id) != 0)
			log_line(LOG_ERROR, "no memory for a network's ports", "network=%u", id);
		if ((dirty & NETWORK_DIRTY_NEIGHBORS) != 0)
			neighbors_refresh(dp->neighbors, id);
	}
	objects->n_dirty_networks = 0;
	if (objects->resolve && nexthops_count(dp->nexthops) != 0)
		nexthops_resolve(dp->nexthops);
	if (objects->resolve)
		worker_wake_holders(dp);
	objects->resolve = false;
	if (objects->offload != NULL) // before the reply: no packet to an old next hop
		offload_settle(objects->offload);
	devices_settle(objects);
	if (objects->filters)
		devices_set_filters(objects);
	objects->filters = false;
	if (objects->wait) {
		rcu_wait(dp);
		worker_drain_handovers(dp);
	}
	objects->wait = false;
	lpm_reclaim(dp->lpm);
	rcu_poll(dp);
}

void
objects_table_full(struct objects *objects, uint16_t item_type, uint16_t network)
{
	const struct cw_table_full event = {
		.item = {.type = CW_ITEM_TABLE_FULL, .length = sizeof(event)},
		.object = item_type,
		.network = network,
	};
	uint64_t *last = &objects->full_tsc[item_type - CW_ITEM_NETWORK];
	const uint64_t now = rte_get_tsc_cycles();

	if (*last != 0 && now - *last < rte_get_tsc_hz())
		return;
	*last = now;
	objects->emit(objects->arg, &event.item);
}

const struct cw_network *
objects_network(const struct objects *objects, uint32_t id)
{
	if (id >= CW_MAX_NETWORKS || objects->networks[id] == NULL)
		return NULL;
	return (const struct cw_network *)objects->networks[id]->item;
}

const struct cw_port *
objects_port(const struct objects *objects, uint32_t id)
{
	if (id >= CW_MAX_PORTS || objects->ports[id] == NULL)
		return NULL;
	return (const struct cw_port *)objects->ports[id]->item;
}

uint32_t
objects_count(const struct objects *objects, uint16_t item_type)
{
	return objects->counts[item_type - CW_ITEM_NETWORK];
}

static bool
may_refer(const struct objects *objects, const struct object *object)
{
	return object != NULL && (!objects->in_epoch || object->mark == objects->mark);
}

int
object_need_network(struct objects *objects, uint32_t id, const char *key, struct reason *why)
{
	if (id < CW_MAX_NETWORKS && may_refer(objects, objects->networks[id]))
		return 0;
	return refuse(why, -ENOENT, "%s %u does not exist", key, id);
}

int
object_need_port(struct objects *objects, uint32_t id, const char *key, struct reason *why)
{
	if (id < CW_MAX_PORTS && may_refer(objects, objects->ports[id]))
		return 0;
	return refuse(why, -ENOENT, "%s %u does not exist", key, id);
}

void
objects_watch_devices(struct objects *objects, struct event_base *base)
{
	objects->base = base;
}

void
objects_set_offload(struct objects *objects, struct offload *offload)
{
	objects->offload = offload;
}

void
objects_free(struct objects *objects)
{
	if (objects == NULL)
		return;
	objects_epoch_begin(objects); // names nothing
	objects_epoch_sweep_early(objects);
	objects_epoch_sweep_late(objects);
	object_table_fini(&objects->table);
	free(objects);
}
