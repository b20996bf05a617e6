/* SPDX-License-Identifier: Apache-2.0 */
#include "objects.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct objects {
	void *roots[OBJECT_TYPES]; // tsearch trees by key
	void *nexthops_by_content; // automatic ones
	uint32_t counts[OBJECT_TYPES];
	struct network *networks[CW_MAX_NETWORKS];
	struct port *ports[CW_MAX_PORTS];
	struct endpoint *endpoints[CW_MAX_PORTS]; // by port
	struct port *host_ports[CW_MAX_NETWORKS];
	struct vtep *vteps[CW_MAX_VTEPS];
	struct nexthop *nexthops[CW_MAX_NEXTHOPS];
	uint32_t network_users[CW_MAX_NETWORKS];
	uint32_t port_users[CW_MAX_PORTS];
	uint32_t vtep_users[CW_MAX_VTEPS];
	uint32_t nexthop_users[CW_MAX_NEXTHOPS];
	uint32_t last_id[OBJECT_TYPES]; // most recently taken
	objects_changed_fn *changed; // NULL: nobody wants to know
	void *changed_arg;
};

struct objects *
objects_create(void)
{
	return calloc(1, sizeof(struct objects));
}

static void
free_node(void *node)
{
	object_free(node);
}

static void
keep_node(void *node)
{
}

void
objects_free(struct objects *objects)
{
	if (objects == NULL)
		return;
	tdestroy(objects->nexthops_by_content, keep_node);
	for (unsigned int type = 0; type < OBJECT_TYPES; type++)
		tdestroy(objects->roots[type], free_node);
	free(objects);
}

static uint32_t *
users(struct objects *objects, enum object_type type, uint32_t id)
{
	if (type == OBJECT_NETWORK && id < CW_MAX_NETWORKS)
		return &objects->network_users[id];
	if (type == OBJECT_PORT && id < CW_MAX_PORTS)
		return &objects->port_users[id];
	if (type == OBJECT_VTEP && id < CW_MAX_VTEPS)
		return &objects->vtep_users[id];
	if (type == OBJECT_NEXTHOP && id < CW_MAX_NEXTHOPS)
		return &objects->nexthop_users[id];
	return NULL;
}

static void
count_up(void *arg, enum object_type type, uint32_t id)
{
	uint32_t *count = users(arg, type, id);

	if (count != NULL)
		++*count;
}

static void
count_down(void *arg, enum object_type type, uint32_t id)
{
	uint32_t *count = users(arg, type, id);

	if (count != NULL)
		--*count;
}

// Points the identifier of an object to it, or to nothing.
static void
index_by_id(struct objects *objects, struct object *object, bool present)
{
	switch (object->type) {
	case OBJECT_NETWORK: {
		struct network *network = (struct network *)object;

		objects->networks[network->id] = present ? network : NULL;
		objects->last_id[OBJECT_NETWORK] = network->id;
		break;
	}
	case OBJECT_PORT: {
		struct port *port = (struct port *)object;

		objects->ports[port->id] = present ? port : NULL;
		if (port->origin == PORT_OF_HOST)
			objects->host_ports[port->network] = present ? port : NULL;
		objects->last_id[OBJECT_PORT] = port->id;
		break;
	}
	case OBJECT_ENDPOINT: {
		struct endpoint *endpoint = (struct endpoint *)object;

		objects->endpoints[endpoint->port] = present ? endpoint : NULL;
		break;
	}
	case OBJECT_VTEP: {
		struct vtep *vtep = (struct vtep *)object;

		objects->vteps[vtep->id] = present ? vtep : NULL;
		objects->last_id[OBJECT_VTEP] = vtep->id;
		break;
	}
	case OBJECT_NEXTHOP: {
		struct nexthop *nexthop = (struct nexthop *)object;

		objects->nexthops[nexthop->id] = present ? nexthop : NULL;
		objects->last_id[OBJECT_NEXTHOP] = nexthop->id;
		break;
	}
	default:
		break;
	}
}

static bool
is_automatic_nexthop(const struct object *object)
{
	return object->type == OBJECT_NEXTHOP && ((const struct nexthop *)object)->automatic;
}

static void
tell(const struct objects *objects, const struct object *object)
{
	if (objects->changed != NULL)
		objects->changed(objects->changed_arg, (enum object_type)object->type);
}

int
objects_insert(struct objects *objects, struct object *object)
{
	const struct object_class *class = object_class(object);

	if (tsearch(object, &objects->roots[object->type], class->compare) == NULL)
		return -ENOMEM;
	if (is_automatic_nexthop(object)
		&& tsearch(object, &objects->nexthops_by_content, nexthop_compare_content)
			   == NULL) {
		tdelete(object, &objects->roots[object->type], class->compare);
		return -ENOMEM;
	}
	objects->counts[object->type]++;
	index_by_id(objects, object, true);
	class->references(object, count_up, objects);
	tell(objects, object);
	return 0;
}

void
objects_remove(struct objects *objects, struct object *object)
{
	const struct object_class *class = object_class(object);

	class->references(object, count_down, objects);
	index_by_id(objects, object, false);
	objects->counts[object->type]--;
	if (is_automatic_nexthop(object))
		tdelete(object, &objects->nexthops_by_content, nexthop_compare_content);
	tdelete(object, &objects->roots[object->type], class->compare);
	tell(objects, object);
}

void
objects_on_change(struct objects *objects, objects_changed_fn *fn, void *arg)
{
	objects->changed = fn;
	objects->changed_arg = arg;
}

struct object *
objects_find(const struct objects *objects, const struct object *probe)
{
	void *found = tfind(probe, &objects->roots[probe->type], object_class(probe)->compare);

	return found != NULL ? *(struct object **)found : NULL;
}

struct walk {
	int (*fn)(void *arg, struct object *object);
	void *arg;
	int result;
};

static void
visit(const void *node, VISIT which, void *closure)
{
	struct walk *walk = closure;

	if ((which == postorder || which == leaf) && walk->result == 0)
		walk->result = walk->fn(walk->arg, *(struct object *const *)node);
}

int
objects_each(const struct objects *objects, enum object_type type,
	int (*fn)(void *arg, struct object *object), void *arg)
{
	struct walk walk = {.fn = fn, .arg = arg};

	twalk_r(objects->roots[type], visit, &walk);
	return walk.result;
}

uint32_t
objects_count(const struct objects *objects, enum object_type type)
{
	return objects->counts[type];
}

uint32_t
objects_users(const struct objects *objects, enum object_type type, uint32_t id)
{
	const uint32_t *count = users((struct objects *)(uintptr_t)objects, type, id);

	return count != NULL ? *count : 0;
}

static bool
is_taken(const struct objects *objects, enum object_type type, uint32_t id)
{
	if (type == OBJECT_NETWORK)
		return objects->networks[id] != NULL;
	if (type == OBJECT_PORT)
		return objects->ports[id] != NULL;
	if (type == OBJECT_VTEP)
		return objects->vteps[id] != NULL;
	return objects->nexthops[id] != NULL;
}

static uint32_t
id_limit(enum object_type type)
{
	if (type == OBJECT_NETWORK)
		return CW_MAX_NETWORKS;
	if (type == OBJECT_PORT)
		return CW_MAX_PORTS;
	return type == OBJECT_VTEP ? CW_MAX_VTEPS : CW_MAX_NEXTHOPS;
}

int64_t
objects_free_id(const struct objects *objects, enum object_type type, unsigned int skip)
{
	const uint32_t first = type == OBJECT_NETWORK ? 0 : 1, limit = id_limit(type);
	uint32_t id = objects->counts[type] == 0 ? first : objects->last_id[type] + 1;

	for (uint32_t tries = first; tries < limit; tries++, id++) {
		if (id >= limit)
			id = first;
		if (!is_taken(objects, type, id) && skip-- == 0)
			return id;
	}
	return -1;
}

struct network *
network_by_id(const struct objects *objects, uint32_t id)
{
	return id < CW_MAX_NETWORKS ? objects->networks[id] : NULL;
}

struct port *
port_by_id(const struct objects *objects, uint32_t id)
{
	return id < CW_MAX_PORTS ? objects->ports[id] : NULL;
}

struct endpoint *
endpoint_by_port(const struct objects *objects, uint32_t port)
{
	return port < CW_MAX_PORTS ? objects->endpoints[port] : NULL;
}

struct vtep *
vtep_by_id(const struct objects *objects, uint32_t id)
{
	return id < CW_MAX_VTEPS ? objects->vteps[id] : NULL;
}

struct nexthop *
nexthop_by_id(const struct objects *objects, uint32_t id)
{
	return id < CW_MAX_NEXTHOPS ? objects->nexthops[id] : NULL;
}

struct port *
port_of_host(const struct objects *objects, uint32_t network)
{
	return network < CW_MAX_NETWORKS ? objects->host_ports[network] : NULL;
}

struct nexthop *
nexthop_same(const struct objects *objects, const struct nexthop *probe)
{
	void *found = tfind(probe, &objects->nexthops_by_content, nexthop_compare_content);

	return found != NULL ? *(struct nexthop **)found : NULL;
}

struct network *
network_find(const struct objects *objects, const char *name)
{
	struct network probe = {.object.type = OBJECT_NETWORK};

	if (strlen(name) >= sizeof(probe.name))
		return NULL;
	strcpy(probe.name, name);
	return (struct network *)objects_find(objects, &probe.object);
}

struct port *
port_find(const struct objects *objects, const char *name)
{
	struct port probe = {.object.type = OBJECT_PORT};

	if (strlen(name) >= sizeof(probe.name))
		return NULL;
	strcpy(probe.name, name);
	return (struct port *)objects_find(objects, &probe.object);
}

struct vtep *
vtep_find(const struct objects *objects, const char *name)
{
	struct vtep probe = {.object.type = OBJECT_VTEP};

	if (strlen(name) >= sizeof(probe.name))
		return NULL;
	strcpy(probe.name, name);
	return (struct vtep *)objects_find(objects, &probe.object);
}

struct endpoint *
endpoint_find(const struct objects *objects, const char *container, const char *ifname)
{
	struct endpoint probe = {.object.type = OBJECT_ENDPOINT};

	if (strlen(container) >= sizeof(probe.container) || strlen(ifname) >= sizeof(probe.ifname))
		return NULL;
	strcpy(probe.container, container);
	strcpy(probe.ifname, ifname);
	return (struct endpoint *)objects_find(objects, &probe.object);
}

const char *
network_name(const struct objects *objects, uint32_t id)
{
	const struct network *network = network_by_id(objects, id);

	return network != NULL ? network->name : "?";
}

const char *
port_name(const struct objects *objects, uint32_t id)
{
	const struct port *port = port_by_id(objects, id);

	return port != NULL ? port->name : "?";
}

const char *
vtep_name(const struct objects *objects, uint32_t id)
{
	const struct vtep *vtep = vtep_by_id(objects, id);

	return vtep != NULL ? vtep->name : "?";
}
