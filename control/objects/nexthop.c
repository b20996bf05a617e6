/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "json.h"
#include "nexthop.h"
#include "schema.h"

static const char *const kinds[] = { // by cw_nexthop_kind, from 1
	"port", "via", "host", "blackhole", "unreachable", "prohibit", "group", NULL};

static const struct field member_fields[] = {
	{"nexthop", FIELD_INTEGER, true, 1, CW_MAX_NEXTHOPS - 1},
	{"weight", FIELD_INTEGER, false, 1, 256},
	{0},
};
static const struct field member_field[] = {{"", FIELD_OBJECT, false, 0, 0, member_fields}};

static const struct field fields[] = {
	{"id", FIELD_INTEGER, false, 0, CW_MAX_NEXTHOPS - 1},
	{"network", FIELD_NAME, true, 1, CW_NAME_LEN - 1},
	{"kind", FIELD_CHOICE, true, 0, 0, NULL, kinds},
	{"port", FIELD_NAME, false, 1, CW_NAME_LEN - 1},
	{"mac", FIELD_MAC},
	{"via", FIELD_IP},
	{"members", FIELD_LIST, false, 1, CW_MAX_MEMBERS, member_field},
	{"automatic", FIELD_BOOLEAN},
	{0},
};

size_t
nexthop_size(uint32_t n_members)
{
	return sizeof(struct nexthop) + n_members * sizeof(struct cw_member);
}

static int
compare(const void *a, const void *b)
{
	const uint32_t x = ((const struct nexthop *)a)->id, y = ((const struct nexthop *)b)->id;

	return x < y ? -1 : x > y;
}

int
nexthop_compare_content(const void *a, const void *b)
{
	const struct nexthop *x = a, *y = b;
	int order;

#define ORDER(member)               \
	if (x->member != y->member) \
		return x->member < y->member ? -1 : 1;
	ORDER(network)
	ORDER(kind)
	ORDER(port)
	ORDER(n_members)
#undef ORDER
	order = memcmp(x->mac, y->mac, sizeof(x->mac));
	if (order == 0)
		order = memcmp(&x->via, &y->via, sizeof(x->via));
	if (order == 0)
		order = memcmp(x->members, y->members, x->n_members * sizeof(x->members[0]));
	return order;
}

static void
key(const struct objects *objects, const struct object *object, char *text, size_t size)
{
	snprintf(text, size, "%u", ((const struct nexthop *)object)->id);
}

const char *
nexthop_kind_name(const struct nexthop *nexthop)
{
	return kinds[nexthop->kind - 1];
}

static cJSON *
to_json(const struct objects *objects, const struct object *object)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;
	cJSON *json = cJSON_CreateObject(), *members;

	cJSON_AddNumberToObject(json, "id", nexthop->id);
	cJSON_AddStringToObject(json, "network", network_name(objects, nexthop->network));
	cJSON_AddStringToObject(json, "kind", nexthop_kind_name(nexthop));
	if (nexthop->kind == CW_NEXTHOP_PORT) {
		cJSON_AddStringToObject(json, "port", port_name(objects, nexthop->port));
		json_add_mac(json, "mac", nexthop->mac);
	}
	if (nexthop->kind == CW_NEXTHOP_VIA)
		json_add_ip(json, "via", &nexthop->via);
	if (nexthop->kind == CW_NEXTHOP_GROUP) {
		members = cJSON_AddArrayToObject(json, "members");
		for (uint32_t i = 0; i < nexthop->n_members; i++) {
			cJSON *member = cJSON_CreateObject();

			cJSON_AddNumberToObject(member, "nexthop", nexthop->members[i].nexthop);
			cJSON_AddNumberToObject(member, "weight", nexthop->members[i].weight);
			cJSON_AddItemToArray(members, member);
		}
	}
	if (nexthop->automatic)
		cJSON_AddTrueToObject(json, "automatic");
	return json;
}

static int
read_members(const struct objects *objects, struct nexthop *nexthop, const cJSON *list,
	struct failure *failure)
{
	const cJSON *element;

	cJSON_ArrayForEach (element, list) {
		const uint32_t id = (uint32_t)schema_integer(element, "nexthop", 0);
		const struct nexthop *member = nexthop_by_id(objects, id);

		if (member == NULL)
			return failure_set(failure, CW_RPC_NOT_FOUND, "members", NULL,
				"nexthop.list shows those that exist", "there is no next hop %u",
				id);
		if (member->kind == CW_NEXTHOP_GROUP)
			return failure_set(failure, CW_RPC_INVALID_PARAMS, "members", NULL,
				"name its members", "next hop %u is a group; groups do not nest",
				id);
		nexthop->members[nexthop->n_members++] = (struct cw_member){
			.nexthop = id,
			.weight = (uint32_t)schema_integer(element, "weight", 1),
		};
	}
	return 0;
}

// Each kind has the keys that it needs, and no others.
static int
check_keys(const struct nexthop *nexthop, const cJSON *json, struct failure *failure)
{
	static const struct {
		const char *name;
		uint8_t kind;
	} keys[] = {
		{"port", CW_NEXTHOP_PORT},
		{"mac", CW_NEXTHOP_PORT},
		{"via", CW_NEXTHOP_VIA},
		{"members", CW_NEXTHOP_GROUP},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const bool given = schema_get(json, keys[i].name) != NULL;

		if (given != (nexthop->kind == keys[i].kind))
			return failure_set(failure, CW_RPC_INVALID_PARAMS, keys[i].name, NULL,
				given ? "leave it out" : "add it", "a next hop of kind %s %s %s",
				nexthop_kind_name(nexthop), given ? "has no" : "needs",
				keys[i].name);
	}
	return 0;
}

static int
read_nexthop(const struct objects *objects, struct nexthop *nexthop, const cJSON *json,
	struct failure *failure)
{
	const char *kind = schema_string(json, "kind"), *text;

	nexthop->id = (uint32_t)schema_integer(json, "id", 0);
	nexthop->automatic = schema_boolean(json, "automatic", false);
	nexthop->kind = 1;
	while (strcmp(kinds[nexthop->kind - 1], kind) != 0)
		nexthop->kind++;
	text = schema_string(json, "mac");
	if (text != NULL)
		mac_parse(text, nexthop->mac);
	text = schema_string(json, "via");
	if (text != NULL)
		ip_parse(text, &nexthop->via);
	if (check_keys(nexthop, json, failure) < 0
		|| json_network(objects, json, "network", &nexthop->network, failure) < 0
		|| json_port(objects, json, "port", &nexthop->port, failure) < 0)
		return -1;
	return read_members(objects, nexthop, schema_get(json, "members"), failure);
}

static struct object *
from_json(const struct objects *objects, const cJSON *json, struct failure *failure)
{
	struct nexthop *nexthop;
	uint32_t n_members;

	if (schema_check(json, fields, failure) < 0)
		return NULL;
	n_members = (uint32_t)cJSON_GetArraySize(schema_get(json, "members"));
	nexthop = object_new(OBJECT_NEXTHOP, nexthop_size(n_members));
	if (nexthop == NULL) {
		json_no_memory(failure);
		return NULL;
	}
	if (read_nexthop(objects, nexthop, json, failure) < 0) {
		object_free(&nexthop->object);
		return NULL;
	}
	return &nexthop->object;
}

static size_t
wire_size(const struct object *object)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;

	return CW_ALIGN8(sizeof(struct cw_nexthop) + nexthop->n_members * sizeof(struct cw_member));
}

static void
to_wire(const struct object *object, struct cw_item *item)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;
	struct cw_nexthop *wire = (struct cw_nexthop *)item;

	wire->id = nexthop->id;
	wire->network = nexthop->network;
	wire->kind = nexthop->kind;
	wire->port = nexthop->port;
	wire->via = nexthop->via;
	wire->n_members = nexthop->n_members;
	memcpy(wire->mac, nexthop->mac, sizeof(wire->mac));
	memcpy(wire->members, nexthop->members, nexthop->n_members * sizeof(wire->members[0]));
}

static void
references(const struct object *object, object_reference_fn *fn, void *arg)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;

	fn(arg, OBJECT_NETWORK, nexthop->network);
	if (nexthop->kind == CW_NEXTHOP_PORT)
		fn(arg, OBJECT_PORT, nexthop->port);
	for (uint32_t i = 0; i < nexthop->n_members; i++)
		fn(arg, OBJECT_NEXTHOP, nexthop->members[i].nexthop);
}

const struct object_class nexthop_class = {
	.name = "nexthop",
	.item = CW_ITEM_NEXTHOP,
	.compare = compare,
	.key = key,
	.to_json = to_json,
	.from_json = from_json,
	.wire_size = wire_size,
	.to_wire = to_wire,
	.references = references,
};
