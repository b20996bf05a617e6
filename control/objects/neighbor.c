/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "address_text.h"
#include "json.h"
#include "place.h"

static const struct field fields[] = {
	{"network", FIELD_NAME, true, 1, CW_NAME_LEN - 1},
	{"ip", FIELD_IP, true},
	{"mac", FIELD_MAC, true},
	PLACE_FIELDS,
	{0},
};

static int
compare(const void *a, const void *b)
{
	const struct neighbor *x = a, *y = b;

	if (x->network != y->network)
		return x->network < y->network ? -1 : 1;
	if (x->ip.family != y->ip.family)
		return x->ip.family - y->ip.family;
	return memcmp(x->ip.addr, y->ip.addr, sizeof(x->ip.addr));
}

static void
key(const struct objects *objects, const struct object *object, char *text, size_t size)
{
	const struct neighbor *neighbor = (const struct neighbor *)object;
	char ip[IP_TEXT_LEN];

	snprintf(text, size, "%s %s", network_name(objects, neighbor->network),
		ip_format(&neighbor->ip, ip));
}

static struct place
place_of(const struct neighbor *neighbor)
{
	return (struct place){neighbor->port, neighbor->nexthop};
}

static cJSON *
to_json(const struct objects *objects, const struct object *object)
{
	const struct neighbor *neighbor = (const struct neighbor *)object;
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "network", network_name(objects, neighbor->network));
	json_add_ip(json, "ip", &neighbor->ip);
	json_add_mac(json, "mac", neighbor->mac);
	place_add(objects, place_of(neighbor), json);
	return json;
}

static void
show(const struct objects *objects, const struct object *object, cJSON *json)
{
	place_show(objects, place_of((const struct neighbor *)object), json);
}

int
neighbor_check(const struct neighbor *neighbor, struct failure *failure)
{
	char text[IP_TEXT_LEN];

	if (ip_is_unicast(&neighbor->ip))
		return 0;
	return failure_set(failure, CW_RPC_INVALID_PARAMS, "ip", ip_format(&neighbor->ip, text),
		"give a unicast address", "a neighbour has a unicast address");
}

static struct object *
from_json(const struct objects *objects, const cJSON *json, struct failure *failure)
{
	struct place place = {0};
	struct neighbor *neighbor;

	if (schema_check(json, fields, failure) < 0)
		return NULL;
	neighbor = object_new(OBJECT_NEIGHBOR, sizeof(*neighbor));
	if (neighbor == NULL) {
		json_no_memory(failure);
		return NULL;
	}
	ip_parse(schema_string(json, "ip"), &neighbor->ip);
	mac_parse(schema_string(json, "mac"), neighbor->mac);
	if (neighbor_check(neighbor, failure) < 0
		|| json_network(objects, json, "network", &neighbor->network, failure) < 0
		|| place_read(objects, json, &place, failure) < 0)
		goto fail;
	neighbor->port = place.port;
	neighbor->nexthop = place.nexthop;
	return &neighbor->object;
fail:
	object_free(&neighbor->object);
	return NULL;
}

static size_t
wire_size(const struct object *object)
{
	return sizeof(struct cw_neighbor);
}

static void
to_wire(const struct object *object, struct cw_item *item)
{
	const struct neighbor *neighbor = (const struct neighbor *)object;
	struct cw_neighbor *wire = (struct cw_neighbor *)item;

	wire->network = neighbor->network;
	wire->port = neighbor->port;
	wire->nexthop = neighbor->nexthop;
	wire->ip = neighbor->ip;
	memcpy(wire->mac, neighbor->mac, sizeof(wire->mac));
}

static void
references(const struct object *object, object_reference_fn *fn, void *arg)
{
	const struct neighbor *neighbor = (const struct neighbor *)object;

	fn(arg, OBJECT_NETWORK, neighbor->network);
	place_references(place_of(neighbor), fn, arg);
}

const struct object_class neighbor_class = {
	.name = "neighbor",
	.item = CW_ITEM_NEIGHBOR,
	.compare = compare,
	.key = key,
	.to_json = to_json,
	.from_json = from_json,
	.show = show,
	.wire_size = wire_size,
	.to_wire = to_wire,
	.references = references,
};
