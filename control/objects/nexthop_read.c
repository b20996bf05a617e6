/* SPDX-License-Identifier: Apache-2.0 */
// Next hops from JSON.
#include <stdio.h>
#include <string.h>

#include "address_text.h"
#include "json.h"
#include "nexthop.h"
#include "vtep.h"

static const struct field member_fields[] = {
	{"nexthop", FIELD_INTEGER, true, 1, CW_MAX_NEXTHOPS - 1},
	{"weight", FIELD_INTEGER, false, 1, 256},
	{0},
};
static const struct field member_field[] = {{"", FIELD_OBJECT, false, 0, 0, member_fields}};

static const struct field fields[] = {
	{"id", FIELD_INTEGER, false, 0, CW_MAX_NEXTHOPS - 1},
	{"network", FIELD_NAME, true, 1, CW_NAME_LEN - 1},
	{"kind", FIELD_CHOICE, true, 0, 0, NULL, nexthop_kinds},
	{"port", FIELD_NAME, false, 1, CW_NAME_LEN - 1},
	{"mac", FIELD_MAC},
	{"via", FIELD_IP},
	{"vtep", FIELD_NAME, false, 1, CW_NAME_LEN - 1},
	{"remote", FIELD_IP},
	{"vni", FIELD_INTEGER, false, 1, CW_VNI_MAX},
	{"underlay", FIELD_INTEGER, false, 1, CW_MAX_NEXTHOPS - 1},
	{"mtu", FIELD_INTEGER, false, CW_MTU_MIN, CW_MTU_MAX},
	{"members", FIELD_LIST, false, 1, CW_MAX_MEMBERS, member_field},
	{"tunnels", FIELD_BOOLEAN},
	{"automatic", FIELD_BOOLEAN},
	{0},
};

// --- tunnels

static int
check_remote(const struct vtep *vtep, const struct nexthop *nexthop, const cJSON *json,
	struct failure *failure)
{
	const char *text = schema_string(json, "remote");
	const bool group = vtep->kind == CW_TUNNEL_VXLAN && ip_is_multicast(&nexthop->via);

	if (nexthop->via.family != vtep->address.family)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "remote", text,
			"give an address of the family of the vtep's own",
			"vtep %s cannot reach %s: it has an IPv%d address", vtep->name, text,
			vtep->address.family);
	if (!group && !ip_is_unicast(&nexthop->via))
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "remote", text,
			"give the other node's address", "%s is not the address of a node", text);
	if (ip_same_address(&nexthop->via, &vtep->address))
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "remote", text,
			"give the other node's address", "%s is the vtep's own address", text);
	return 0;
}

// What only Ethernet in a tunnel has.
static int
check_vxlan_keys(const struct vtep *vtep, const cJSON *json, struct failure *failure)
{
	static const char *const keys[] = {"mac", "vni"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (vtep->kind != CW_TUNNEL_VXLAN && schema_get(json, keys[i]) != NULL)
			return failure_set(failure, CW_RPC_INVALID_PARAMS, keys[i], NULL,
				"leave it out", "a tunnel of kind %s has no %s",
				vtep_kind_name(vtep), keys[i]);
	return 0;
}

static int
check_underlay(const struct objects *objects, uint32_t id, struct failure *failure)
{
	const struct nexthop *underlay = nexthop_by_id(objects, id);

	if (underlay == NULL || underlay->kind == CW_NEXTHOP_PORT
		|| underlay->kind == CW_NEXTHOP_VIA
		|| (underlay->kind == CW_NEXTHOP_GROUP && !underlay->of_tunnels))
		return 0;
	return failure_set(failure, CW_RPC_INVALID_PARAMS, "underlay", NULL,
		"give a next hop of kind port or via, or a group of those",
		"next hop %u is %s %s and no way for tunnel packets", id,
		underlay->kind == CW_NEXTHOP_GROUP ? "a group of tunnels, kind" : "of kind",
		nexthop_kind_name(underlay));
}

int
nexthop_read_tunnel(const struct objects *objects, struct nexthop *nexthop, const cJSON *json,
	struct failure *failure)
{
	const char *mac = schema_string(json, "mac");
	const struct vtep *vtep;

	if (json_vtep(objects, json, "vtep", &nexthop->vtep, failure) < 0
		|| json_nexthop(objects, json, "underlay", &nexthop->underlay, failure) < 0)
		return -1;
	ip_parse(schema_string(json, "remote"), &nexthop->via);
	if (mac != NULL)
		mac_parse(mac, nexthop->mac);
	nexthop->kind = CW_NEXTHOP_TUNNEL;
	nexthop->vni = (uint32_t)schema_integer(json, "vni", 0);
	nexthop->path_mtu = (uint16_t)schema_integer(json, "mtu", 0);
	vtep = vtep_by_id(objects, nexthop->vtep);
	if (check_remote(vtep, nexthop, json, failure) < 0
		|| check_vxlan_keys(vtep, json, failure) < 0)
		return -1;
	return check_underlay(objects, nexthop->underlay, failure);
}

// --- groups

int
nexthop_add_member(const struct objects *objects, struct nexthop *group, uint32_t id,
	uint32_t weight, struct failure *failure)
{
	const struct nexthop *member = nexthop_by_id(objects, id);

	if (member != NULL && member->kind == CW_NEXTHOP_GROUP)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "members", NULL,
			"name its members", "next hop %u is a group; groups do not nest", id);
	group->of_tunnels |= member != NULL && member->kind == CW_NEXTHOP_TUNNEL;
	group->members[group->n_members++] = (struct cw_member){.nexthop = id, .weight = weight};
	return 0;
}

static int
read_members(const struct objects *objects, struct nexthop *nexthop, const cJSON *list,
	struct failure *failure)
{
	const cJSON *element;

	cJSON_ArrayForEach (element, list) {
		uint32_t id = 0;

		if (json_nexthop(objects, element, "nexthop", &id, failure) < 0
			|| nexthop_add_member(objects, nexthop, id,
				   (uint32_t)schema_integer(element, "weight", 1), failure)
				   < 0)
			return -1;
	}
	return 0;
}

// --- all

#define KIND(kind) (1u << CW_NEXTHOP_##kind)

// Each kind has the keys that it needs, those that it may have, and no others.
static const struct {
	const char *name;
	unsigned int needed, allowed;
} keys[] = {
	{"port", KIND(PORT), KIND(PORT)},
	{"mac", 0, KIND(PORT) | KIND(TUNNEL)},
	{"via", KIND(VIA), KIND(VIA) | KIND(PORT)},
	{"vtep", KIND(TUNNEL), KIND(TUNNEL)},
	{"remote", KIND(TUNNEL), KIND(TUNNEL)},
	{"vni", 0, KIND(TUNNEL)},
	{"underlay", 0, KIND(TUNNEL)},
	{"mtu", 0, KIND(PORT) | KIND(VIA) | KIND(TUNNEL)},
	{"members", KIND(GROUP), KIND(GROUP)},
};

static int
refuse_key(const struct nexthop *nexthop, const char *name, bool given, struct failure *failure)
{
	return failure_set(failure, CW_RPC_INVALID_PARAMS, name, NULL,
		given ? "leave it out" : "add it", "a next hop of kind %s %s %s",
		nexthop_kind_name(nexthop), given ? "has no" : "needs", name);
}

static int
check_keys(const struct nexthop *nexthop, const cJSON *json, struct failure *failure)
{
	const unsigned int kind = 1u << nexthop->kind;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const bool given = schema_get(json, keys[i].name) != NULL;

		if (given ? (keys[i].allowed & kind) == 0 : (keys[i].needed & kind) != 0)
			return refuse_key(nexthop, keys[i].name, given, failure);
	}
	// Whom to ask for the MAC must be known when the MAC is not.
	if (nexthop->kind == CW_NEXTHOP_PORT && schema_get(json, "mac") == NULL
		&& schema_get(json, "via") == NULL)
		return refuse_key(nexthop, "mac", false, failure);
	return 0;
}

static int
read_forward(const struct objects *objects, struct nexthop *nexthop, const cJSON *json,
	struct failure *failure)
{
	const char *mac = schema_string(json, "mac"), *via = schema_string(json, "via");

	if (mac != NULL)
		mac_parse(mac, nexthop->mac);
	if (via != NULL)
		ip_parse(via, &nexthop->via);
	nexthop->path_mtu = (uint16_t)schema_integer(json, "mtu", 0);
	return json_port(objects, json, "port", &nexthop->port, failure);
}

static int
read_nexthop(const struct objects *objects, struct nexthop *nexthop, const cJSON *json,
	struct failure *failure)
{
	const char *kind = schema_string(json, "kind");

	nexthop->id = (uint32_t)schema_integer(json, "id", 0);
	nexthop->automatic = schema_boolean(json, "automatic", false);
	nexthop->object.origin = nexthop->automatic ? ORIGIN_AUTOMATIC : ORIGIN_STATIC;
	nexthop->kind = 1;
	while (strcmp(nexthop_kinds[nexthop->kind - 1], kind) != 0)
		nexthop->kind++;
	if (check_keys(nexthop, json, failure) < 0
		|| json_network(objects, json, "network", &nexthop->network, failure) < 0)
		return -1;
	if (nexthop->kind == CW_NEXTHOP_TUNNEL)
		return nexthop_read_tunnel(objects, nexthop, json, failure);
	if (nexthop->kind == CW_NEXTHOP_GROUP)
		return read_members(objects, nexthop, schema_get(json, "members"), failure);
	return read_forward(objects, nexthop, json, failure);
}

struct object *
nexthop_from_json(const struct objects *objects, const cJSON *json, struct failure *failure)
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
