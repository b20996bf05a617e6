/* SPDX-License-Identifier: Apache-2.0 */
#include "vtep.h"

#include <stdio.h>
#include <string.h>

#include "address_text.h"
#include "json.h"

#define TTL_DEFAULT 64

const char *const vtep_kinds[] = {"vxlan", "ipip", "udp", NULL};

static const struct field ip_field[] = {{"", FIELD_IP}};

static const struct field fields[] = {
	{"name", FIELD_NAME, true, 1, CW_NAME_LEN - 1},
	{"id", FIELD_INTEGER, false, 0, CW_MAX_VTEPS - 1},
	{"kind", FIELD_CHOICE, true, 0, 0, NULL, vtep_kinds},
	{"address", FIELD_IP, true},
	{"udp_port", FIELD_INTEGER, false, 1, UINT16_MAX},
	{"uplink", FIELD_NAME, false, 1, CW_NAME_LEN - 1},
	{"network", FIELD_NAME, false, 1, CW_NAME_LEN - 1},
	{"mac", FIELD_MAC},
	{"ttl", FIELD_INTEGER, false, 1, 255},
	{"strict", FIELD_BOOLEAN},
	{"checksum", FIELD_BOOLEAN},
	{"own", FIELD_LIST, false, 0, CW_MAX_VTEP_OWN, ip_field},
	{"groups", FIELD_LIST, false, 0, CW_MAX_VTEP_GROUPS, ip_field},
	{0},
};

const char *
vtep_kind_name(const struct vtep *vtep)
{
	return vtep_kinds[vtep->kind - 1];
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct vtep *)a)->name, ((const struct vtep *)b)->name);
}

static void
key(const struct objects *objects, const struct object *object, char *text, size_t size)
{
	snprintf(text, size, "%s", ((const struct vtep *)object)->name);
}

// --- JSON

static void
add_addresses(cJSON *json, const char *key, const struct cw_ip *ips, unsigned int n)
{
	cJSON *list = cJSON_AddArrayToObject(json, key);
	char text[IP_TEXT_LEN];

	for (unsigned int i = 0; i < n; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(ip_format(&ips[i], text)));
}

static cJSON *
to_json(const struct objects *objects, const struct object *object)
{
	const struct vtep *vtep = (const struct vtep *)object;
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", vtep->name);
	cJSON_AddNumberToObject(json, "id", vtep->id);
	cJSON_AddStringToObject(json, "kind", vtep_kind_name(vtep));
	json_add_ip(json, "address", &vtep->address);
	if (vtep->kind != CW_TUNNEL_IPIP)
		cJSON_AddNumberToObject(json, "udp_port", vtep->udp_port);
	if (vtep->port != 0)
		cJSON_AddStringToObject(json, "uplink", port_name(objects, vtep->port));
	if (vtep->kind != CW_TUNNEL_VXLAN)
		cJSON_AddStringToObject(json, "network", network_name(objects, vtep->network));
	if (!mac_is_zero(vtep->mac))
		json_add_mac(json, "mac", vtep->mac);
	cJSON_AddNumberToObject(json, "ttl", vtep->ttl);
	cJSON_AddBoolToObject(json, "strict", (vtep->flags & CW_VTEP_STRICT) != 0);
	if (vtep->kind != CW_TUNNEL_IPIP)
		cJSON_AddBoolToObject(json, "checksum", (vtep->flags & CW_VTEP_CHECKSUM) != 0);
	add_addresses(json, "own", vtep->own, vtep->n_own);
	if (vtep->kind == CW_TUNNEL_VXLAN)
		add_addresses(json, "groups", vtep->groups, vtep->n_groups);
	return json;
}

static int
refuse_address(const char *key, const char *value, const char *expected, struct failure *failure)
{
	return failure_set(failure, CW_RPC_INVALID_PARAMS, key, value, expected, "%s is not %s",
		value, expected);
}

static int
read_own(struct vtep *vtep, const cJSON *list, struct failure *failure)
{
	const cJSON *element;

	cJSON_ArrayForEach (element, list) {
		struct cw_ip *ip = &vtep->own[vtep->n_own++];

		ip_parse(element->valuestring, ip);
		if (!ip_is_unicast(ip))
			return refuse_address("own", element->valuestring,
				"an inner address of this node", failure);
	}
	return 0;
}

static int
read_groups(struct vtep *vtep, const cJSON *list, struct failure *failure)
{
	const cJSON *element;

	cJSON_ArrayForEach (element, list) {
		struct cw_ip *ip = &vtep->groups[vtep->n_groups++];

		ip_parse(element->valuestring, ip);
		if (!ip_is_multicast(ip) || ip->family != vtep->address.family)
			return refuse_address("groups", element->valuestring,
				"a multicast group of the family of the vtep's address", failure);
	}
	return 0;
}

#define KIND(kind) (1u << CW_TUNNEL_##kind)

static int
check_keys(const struct vtep *vtep, const cJSON *json, struct failure *failure)
{
	static const struct {
		const char *name;
		unsigned int kinds;
	} keys[] = {
		{"udp_port", KIND(VXLAN) | KIND(UDP)},
		{"checksum", KIND(VXLAN) | KIND(UDP)},
		{"network", KIND(IPIP) | KIND(UDP)},
		{"mac", KIND(VXLAN)},
		{"groups", KIND(VXLAN)},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (schema_get(json, keys[i].name) != NULL
			&& (keys[i].kinds & 1u << vtep->kind) == 0)
			return failure_set(failure, CW_RPC_INVALID_PARAMS, keys[i].name, NULL,
				"leave it out", "a vtep of kind %s has no %s", vtep_kind_name(vtep),
				keys[i].name);
	if (vtep->kind != CW_TUNNEL_VXLAN && vtep->address.family != 4)
		return refuse_address("address", schema_string(json, "address"),
			"an IPv4 address, which this kind needs", failure);
	if (!ip_is_unicast(&vtep->address))
		return refuse_address("address", schema_string(json, "address"),
			"an address of this node", failure);
	return 0;
}

static int
read_uplink(const struct objects *objects, struct vtep *vtep, const cJSON *json,
	struct failure *failure)
{
	const struct port *port;

	if (json_port(objects, json, "uplink", &vtep->port, failure) < 0)
		return -1;
	port = port_by_id(objects, vtep->port);
	if (port == NULL || (port->flags & CW_PORT_UPLINK) != 0)
		return 0;
	return failure_set(failure, CW_RPC_INVALID_PARAMS, "uplink", port->name,
		"give a port that was added with uplink=true", "port %s is no uplink", port->name);
}

static int
read_network(const struct objects *objects, struct vtep *vtep, const cJSON *json,
	struct failure *failure)
{
	const struct network *network = network_find(objects, CW_DEFAULT_NETWORK);

	if (network != NULL)
		vtep->network = network->id;
	return json_network(objects, json, "network", &vtep->network, failure);
}

static void
read_plain(struct vtep *vtep, const cJSON *json)
{
	const char *kind = schema_string(json, "kind"), *mac = schema_string(json, "mac");

	strcpy(vtep->name, schema_string(json, "name"));
	vtep->id = (uint32_t)schema_integer(json, "id", 0);
	vtep->kind = 1;
	while (strcmp(vtep_kinds[vtep->kind - 1], kind) != 0)
		vtep->kind++;
	ip_parse(schema_string(json, "address"), &vtep->address);
	if (vtep->kind == CW_TUNNEL_VXLAN)
		vtep->udp_port = (uint16_t)schema_integer(json, "udp_port", VTEP_PORT_VXLAN);
	else if (vtep->kind == CW_TUNNEL_UDP)
		vtep->udp_port = (uint16_t)schema_integer(json, "udp_port", VTEP_PORT_UDP);
	vtep->ttl = (uint8_t)schema_integer(json, "ttl", TTL_DEFAULT);
	if (schema_boolean(json, "strict", false))
		vtep->flags |= CW_VTEP_STRICT;
	if (schema_boolean(json, "checksum", false))
		vtep->flags |= CW_VTEP_CHECKSUM;
	if (mac != NULL)
		mac_parse(mac, vtep->mac);
}

static struct object *
from_json(const struct objects *objects, const cJSON *json, struct failure *failure)
{
	struct vtep *vtep;

	if (schema_check(json, fields, failure) < 0)
		return NULL;
	vtep = object_new(OBJECT_VTEP, sizeof(*vtep));
	if (vtep == NULL) {
		json_no_memory(failure);
		return NULL;
	}
	read_plain(vtep, json);
	if (check_keys(vtep, json, failure) < 0 || read_uplink(objects, vtep, json, failure) < 0
		|| read_network(objects, vtep, json, failure) < 0
		|| read_own(vtep, schema_get(json, "own"), failure) < 0
		|| read_groups(vtep, schema_get(json, "groups"), failure) < 0) {
		object_free(&vtep->object);
		return NULL;
	}
	return &vtep->object;
}

// --- dp.sock

static size_t
wire_size(const struct object *object)
{
	const struct vtep *vtep = (const struct vtep *)object;
	const unsigned int n = (unsigned int)vtep->n_own + vtep->n_groups;

	return CW_ALIGN8(sizeof(struct cw_vtep) + n * sizeof(vtep->own[0]));
}

static void
to_wire(const struct object *object, struct cw_item *item)
{
	const struct vtep *vtep = (const struct vtep *)object;
	struct cw_vtep *wire = (struct cw_vtep *)item;

	wire->id = vtep->id;
	wire->port = vtep->port;
	wire->network = vtep->network;
	wire->kind = vtep->kind;
	wire->ttl = vtep->ttl;
	wire->flags = vtep->flags;
	wire->udp_port = vtep->udp_port;
	wire->address = vtep->address;
	wire->n_own = vtep->n_own;
	wire->n_groups = vtep->n_groups;
	memcpy(wire->mac, vtep->mac, sizeof(wire->mac));
	memcpy(wire->addresses, vtep->own, vtep->n_own * sizeof(vtep->own[0]));
	memcpy(wire->addresses + vtep->n_own, vtep->groups,
		vtep->n_groups * sizeof(vtep->groups[0]));
}

static void
references(const struct object *object, object_reference_fn *fn, void *arg)
{
	const struct vtep *vtep = (const struct vtep *)object;

	if (vtep->kind != CW_TUNNEL_VXLAN)
		fn(arg, OBJECT_NETWORK, vtep->network);
	if (vtep->port != 0)
		fn(arg, OBJECT_PORT, vtep->port);
}

const struct object_class vtep_class = {
	.name = "vtep",
	.item = CW_ITEM_VTEP,
	.compare = compare,
	.key = key,
	.to_json = to_json,
	.from_json = from_json,
	.wire_size = wire_size,
	.to_wire = to_wire,
	.references = references,
};
