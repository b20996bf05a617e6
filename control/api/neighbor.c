/* SPDX-License-Identifier: Apache-2.0 */
#include "address_text.h"
#include "api/station.h"

static const struct field all_params[] = {
	PARAM_NETWORK(false),
	{"ip", FIELD_IP, true},
	{"mac", FIELD_MAC, true},
	STATION_FIELDS,
	{0},
};
static const struct field key_params[] = {PARAM_NETWORK(false), {"ip", FIELD_IP, true}, {0}};

static struct object *
probe(uint32_t network, const cJSON *params)
{
	struct neighbor *neighbor = object_new(OBJECT_NEIGHBOR, sizeof(*neighbor));
	const char *mac = schema_string(params, "mac");

	if (neighbor == NULL)
		return NULL;
	neighbor->network = network;
	ip_parse(schema_string(params, "ip"), &neighbor->ip);
	if (mac != NULL)
		mac_parse(mac, neighbor->mac);
	return &neighbor->object;
}

static struct place
place(const struct object *object)
{
	const struct neighbor *neighbor = (const struct neighbor *)object;

	return (struct place){neighbor->port, neighbor->nexthop};
}

static void
set_place(struct object *object, struct place place)
{
	struct neighbor *neighbor = (struct neighbor *)object;

	neighbor->port = place.port;
	neighbor->nexthop = place.nexthop;
}

static int
check(const struct object *object, struct failure *failure)
{
	return neighbor_check((const struct neighbor *)object, failure);
}

static const struct station neighbors = {
	.class = &neighbor_class,
	.key = "ip",
	.probe = probe,
	.place = place,
	.set_place = set_place,
	.check = check,
};

// The neighbour that the parameters name; *found is NULL when there is none. Returns -1 after
// having answered.
static int
find(struct request *request, struct object **found)
{
	struct neighbor wanted = {.object.type = OBJECT_NEIGHBOR};

	if (station_network(request, &wanted.network) < 0)
		return -1;
	ip_parse(schema_string(request->params, "ip"), &wanted.ip);
	*found = objects_find(request->d->objects, &wanted.object);
	return 0;
}

static void
add(struct request *request)
{
	station_add(request, &neighbors);
}

static void
set(struct request *request)
{
	station_set(request, &neighbors);
}

static void
del(struct request *request)
{
	struct station_list list = {0};
	struct object *neighbor;

	if (find(request, &neighbor) < 0)
		return;
	station_collect(&list, neighbor);
	station_del(request, &neighbors, &list);
}

static void
get(struct request *request)
{
	struct object *neighbor;

	if (find(request, &neighbor) == 0)
		reply_object(request, neighbor, "ip", schema_string(request->params, "ip"));
}

static void
list(struct request *request)
{
	reply_list(request, OBJECT_NEIGHBOR);
}

static void
watch(struct request *request)
{
	reply_watch(request, OBJECT_NEIGHBOR);
}

const struct method neighbor_methods[] = {
	{"neighbor.add", all_params, true, add},
	{"neighbor.set", all_params, true, set},
	{"neighbor.del", key_params, true, del},
	{"neighbor.get", key_params, false, get},
	{"neighbor.list", list_params, false, list},
	{"neighbor.watch", no_params, false, watch},
	{0},
};
