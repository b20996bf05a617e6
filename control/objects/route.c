/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "address_text.h"
#include "json.h"
#include "schema.h"

// Those that are stored: object_origin ORIGIN_STATIC, ORIGIN_HOST.
static const char *const origins[] = {"static", "host", NULL};

static const struct field fields[] = {
	{"network", FIELD_NAME, true, 1, CW_NAME_LEN - 1},
	{"prefix", FIELD_PREFIX, true},
	{"nexthop", FIELD_INTEGER, true, 1, CW_MAX_NEXTHOPS - 1},
	{"origin", FIELD_CHOICE, false, 0, 0, NULL, origins},
	{0},
};

static int
compare(const void *a, const void *b)
{
	const struct route *x = a, *y = b;

	if (x->network != y->network)
		return x->network < y->network ? -1 : 1;
	if (x->prefix.family != y->prefix.family)
		return x->prefix.family - y->prefix.family;
	if (memcmp(x->prefix.addr, y->prefix.addr, sizeof(x->prefix.addr)) != 0)
		return memcmp(x->prefix.addr, y->prefix.addr, sizeof(x->prefix.addr));
	return x->prefix.prefix - y->prefix.prefix;
}

static void
key(const struct objects *objects, const struct object *object, char *text, size_t size)
{
	const struct route *route = (const struct route *)object;
	char prefix[IP_TEXT_LEN];

	snprintf(text, size, "%s %s", network_name(objects, route->network),
		ip_format_prefixed(&route->prefix, prefix));
}

static cJSON *
to_json(const struct objects *objects, const struct object *object)
{
	const struct route *route = (const struct route *)object;
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "network", network_name(objects, route->network));
	json_add_prefix(json, "prefix", &route->prefix);
	cJSON_AddNumberToObject(json, "nexthop", route->nexthop);
	cJSON_AddStringToObject(json, "origin", object_origin_name(object->origin));
	return json;
}

static struct object *
from_json(const struct objects *objects, const cJSON *json, struct failure *failure)
{
	const char *origin;
	struct route *route;

	if (schema_check(json, fields, failure) < 0)
		return NULL;
	route = object_new(OBJECT_ROUTE, sizeof(*route));
	if (route == NULL) {
		json_no_memory(failure);
		return NULL;
	}
	ip_parse_prefixed(schema_string(json, "prefix"), &route->prefix);
	route->prefix = ip_masked(&route->prefix);
	origin = schema_string(json, "origin");
	if (origin != NULL && strcmp(origin, origins[ORIGIN_HOST]) == 0)
		route->object.origin = ORIGIN_HOST;
	if (json_network(objects, json, "network", &route->network, failure) < 0
		|| json_nexthop(objects, json, "nexthop", &route->nexthop, failure) < 0) {
		object_free(&route->object);
		return NULL;
	}
	return &route->object;
}

static size_t
wire_size(const struct object *object)
{
	return sizeof(struct cw_route);
}

static void
to_wire(const struct object *object, struct cw_item *item)
{
	const struct route *route = (const struct route *)object;
	struct cw_route *wire = (struct cw_route *)item;

	wire->network = route->network;
	wire->nexthop = route->nexthop;
	wire->prefix = route->prefix;
}

static void
references(const struct object *object, object_reference_fn *fn, void *arg)
{
	const struct route *route = (const struct route *)object;

	fn(arg, OBJECT_NETWORK, route->network);
	fn(arg, OBJECT_NEXTHOP, route->nexthop);
}

const struct object_class route_class = {
	.name = "route",
	.item = CW_ITEM_ROUTE,
	.compare = compare,
	.key = key,
	.to_json = to_json,
	.from_json = from_json,
	.wire_size = wire_size,
	.to_wire = to_wire,
	.references = references,
};
