/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include <rte_malloc.h>

#include "log.h"
#include "objects_private.h"
#include "worker_control.h"

// Sub-ports in the tables: what workers see of them, and which of its parent's tags is whose. All
// that a sub-port has of its parent is in its published copy, which follows when the parent's
// changes.

// The next port in the list of those that refer to a port.
static struct object *
next_subport(struct object *object)
{
	while (object != NULL && object->key.type != CW_ITEM_PORT)
		object = LIST_NEXT(object, port_link);
	return object;
}

#define SUBPORTS_FOREACH(object, objects, parent)                                                  \
	for ((object) = next_subport(LIST_FIRST(&(objects)->by_port[(parent)])); (object) != NULL; \
		(object) = next_subport(LIST_NEXT((object), port_link)))

static const struct cw_port *
item_of(const struct object *object)
{
	return (const struct cw_port *)object->item;
}

void
object_subport_fill(const struct objects *objects, struct dp_port *copy)
{
	const struct dp_port *parent = dp_port_get(objects->dp, copy->parent);
	struct port *carrier = objects->devices[copy->id].carrier;

	copy->device = carrier;
	copy->capabilities = carrier->capabilities;
	if (parent == NULL)
		return;
	copy->mtu = (uint16_t)RTE_MIN(copy->mtu, parent->mtu);
	copy->parent_mac = parent->mac;
}

static bool
maps_network(const struct cw_port *parent, uint32_t network)
{
	return object_port_in_network(parent, network);
}

// Puts a tag among those found so far, one a network: the lowest.
static uint16_t
add_tag(struct cw_tag *tags, uint16_t n, const struct cw_port *sub)
{
	uint16_t i = 0;

	while (i < n && tags[i].network != sub->network)
		i++;
	if (i == n || sub->vlan < tags[i].vlan)
		tags[i] = (struct cw_tag){.vlan = sub->vlan, .network = sub->network};
	return (uint16_t)(n + (i == n));
}

uint16_t
object_subport_tags(
	const struct objects *objects, const struct cw_port *parent, struct cw_tag *tags)
{
	const struct object *object;
	uint16_t n = 0;

	SUBPORTS_FOREACH(object, objects, parent->id)
	{
		const struct cw_port *sub = item_of(object);

		if ((sub->flags & CW_PORT_SHARED_TAG) != 0 && sub->vlan != 0
			&& dp_port_get(objects->dp, (uint16_t)sub->id) != NULL
			&& !maps_network(parent, sub->network))
			n = add_tag(tags, n, sub);
	}
	return n;
}

static bool
shares_what_is_published(const struct objects *objects, const struct cw_port *parent)
{
	const struct dp_port *seen = dp_port_get(objects->dp, (uint16_t)parent->id);
	struct cw_tag tags[DP_TAGS];
	const uint16_t n = object_subport_tags(objects, parent, tags);

	if (seen->n_shared != n)
		return false;
	for (uint16_t i = 0; i < n; i++) {
		uint16_t at = seen->n_trunk;

		while (at < seen->n_trunk + n
			&& (seen->trunk[at].vlan != tags[i].vlan
				|| seen->trunk[at].network != tags[i].network))
			at++;
		if (at == seen->n_trunk + n)
			return false;
	}
	return true;
}

// Another sub-port that shares the tag, or 0.
static uint16_t
heir_of(const struct objects *objects, const struct dp_port *sub)
{
	const struct object *object;

	SUBPORTS_FOREACH(object, objects, sub->parent)
	if (item_of(object)->id != sub->id && item_of(object)->vlan == sub->vlan
		&& dp_port_get(objects->dp, (uint16_t)object->key.id) != NULL)
		return (uint16_t)object->key.id;
	return 0;
}

static bool
is_empty(const struct dp_subports *subports)
{
	for (uint32_t tag = 0; tag < DP_TAGS; tag++)
		if (subports->port[tag] != 0)
			return false;
	return true;
}

// Workers learn of what changed at the parent, if it is still there to be seen.
static void
republish_parent(struct objects *objects, const struct dp_port *sub)
{
	const struct cw_port *parent = objects_port(objects, sub->parent);
	struct dp_subports *subports = objects->subports[sub->parent];
	const struct dp_port *seen = dp_port_get(objects->dp, sub->parent);

	if (parent == NULL || seen == NULL)
		return;
	if (is_empty(subports))
		objects->subports[sub->parent] = NULL;
	if ((seen->subports != objects->subports[sub->parent]
		    || !shares_what_is_published(objects, parent))
		&& object_port_publish(objects, parent) != 0) {
		objects->subports[sub->parent] = subports;
		log_line(LOG_WARNING, "tags of a port are not taken over",
			"port=%u name=%s error=\"no memory\"", sub->parent, seen->name);
	}
	if (objects->subports[sub->parent] == NULL)
		rcu_defer(objects->dp, rte_free, subports);
}

void
object_subport_tag(struct objects *objects, const struct dp_port *sub, bool is_there)
{
	struct dp_subports *subports = objects->subports[sub->parent];
	uint16_t *entry = &subports->port[sub->vlan];

	if (is_there ? *entry == 0 : *entry == sub->id)
		__atomic_store_n(
			entry, is_there ? sub->id : heir_of(objects, sub), __ATOMIC_RELEASE);
	republish_parent(objects, sub);
}

static int
attach(struct objects *objects, const struct cw_port *port, struct reason *why)
{
	struct device *device = &objects->devices[port->id];
	struct port *carrier = objects->devices[port->parent].port;
	int error;

	if (carrier == NULL || dp_port_get(objects->dp, (uint16_t)port->parent) == NULL)
		return refuse(why, -ENODEV, "port parent %u of %s has no device", port->parent,
			port->name);
	if (objects->subports[port->parent] == NULL)
		objects->subports[port->parent] =
			rte_zmalloc("sub-ports", sizeof(struct dp_subports), RTE_CACHE_LINE_SIZE);
	error = objects->subports[port->parent] != NULL
			? worker_subport_attach(objects->dp, (uint16_t)port->id, carrier)
			: -ENOMEM;
	if (error != 0)
		return refuse(why, error, "port %s is not attached: no memory", port->name);
	*device = (struct device){.carrier = carrier, .mtu_limit = UINT16_MAX};
	return 0;
}

int
object_subport_open(struct objects *objects, const struct cw_port *port, struct reason *why)
{
	int error = attach(objects, port, why);

	if (error != 0)
		return error;
	error = object_port_publish(objects, port);
	if (error != 0) {
		objects->closing[objects->n_closing++] = (uint16_t)port->id;
		devices_settle(objects);
		return refuse(why, error, "port %s is not set: no memory", port->name);
	}
	log_line(LOG_INFO, "port opened", "port=%u name=%s kind=%s parent=%u vlan=%u", port->id,
		port->name, cw_port_kind_name(port->kind), port->parent, port->vlan);
	device_emit(objects, (uint16_t)port->id);
	return 0;
}

void
object_subports_reopen(struct objects *objects, uint16_t parent)
{
	struct object *object = next_subport(LIST_FIRST(&objects->by_port[parent])), *next;
	struct reason why;

	for (; object != NULL; object = next) {
		next = next_subport(LIST_NEXT(object, port_link));
		why.text[0] = '\0';
		if (object_subport_open(objects, item_of(object), &why) == 0) {
			objects_dirty_network(objects, object->network,
				NETWORK_DIRTY_COPY | NETWORK_DIRTY_NEIGHBORS);
			continue;
		}
		log_line(LOG_ERROR, "port is lost", "port=%u name=%s error=\"%s\"", object->key.id,
			item_of(object)->name, why.text);
		object_remove(objects, object);
	}
}

void
object_subports_unpublish(struct objects *objects, uint16_t parent)
{
	struct object *object;

	SUBPORTS_FOREACH(object, objects, parent)
	object_port_unpublish(objects, (uint16_t)object->key.id);
}

void
object_subports_inherit(
	struct objects *objects, const struct dp_port *parent, const struct dp_port *old)
{
	struct object *object;

	if (old != NULL && old->mtu == parent->mtu && old->capabilities == parent->capabilities
		&& rte_is_same_ether_addr(&old->mac, &parent->mac))
		return;
	SUBPORTS_FOREACH(object, objects, parent->id)
	{
		if (dp_port_get(objects->dp, (uint16_t)object->key.id) == NULL)
			continue;
		if (object_port_publish(objects, item_of(object)) != 0)
			log_line(LOG_WARNING, "a port does not follow its parent",
				"port=%u name=%s error=\"no memory\"", object->key.id,
				item_of(object)->name);
		objects_dirty_network(objects, object->network, NETWORK_DIRTY_NEIGHBORS);
	}
}
