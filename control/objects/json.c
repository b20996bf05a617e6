/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "schema.h"

static const char *const guard_names[] = {"mac", "ip", "arp", "ra", "dhcp"}; // by bit
#define GUARD_NAMES (sizeof(guard_names) / sizeof(guard_names[0]))

static const struct field tag_fields[] = {
	{"vlan", FIELD_INTEGER, true, 1, 4094},
	{"network", FIELD_NAME, true, 1, CW_NAME_LEN - 1},
	{0},
};
const struct field trunk_field[] = {{"", FIELD_OBJECT, false, 0, 0, tag_fields}};

int
json_no_memory(struct failure *failure)
{
	return failure_set(failure, CW_RPC_EXHAUSTED, NULL, NULL, NULL, "no memory");
}

static int
find_network(const struct objects *objects, const char *name, const char *key, uint32_t *id,
	struct failure *failure)
{
	const struct network *network = network_find(objects, name);

	if (network == NULL)
		return failure_set(failure, CW_RPC_NOT_FOUND, key, name,
			"network.list shows those that exist, network.add makes one",
			"there is no network %s", name);
	*id = network->id;
	return 0;
}

int
json_network(const struct objects *objects, const cJSON *json, const char *key, uint32_t *id,
	struct failure *failure)
{
	const char *name = schema_string(json, key);

	return name != NULL ? find_network(objects, name, key, id, failure) : 0;
}

int
json_port(const struct objects *objects, const cJSON *json, const char *key, uint32_t *id,
	struct failure *failure)
{
	const char *name = schema_string(json, key);
	const struct port *port;

	if (name == NULL)
		return 0;
	port = port_find(objects, name);
	if (port == NULL)
		return failure_set(failure, CW_RPC_NOT_FOUND, key, name,
			"port.list shows those that exist", "there is no port %s", name);
	*id = port->id;
	return 0;
}

static int
refuse_mirrored(const char *key, const char *name, struct failure *failure)
{
	return failure_set(failure, CW_RPC_REFUSED, key, name,
		"make one of your own with what it says, and name that",
		"%s %s follows the kernel's tables and may go at any time", key, name);
}

int
json_vtep(const struct objects *objects, const cJSON *json, const char *key, uint32_t *id,
	struct failure *failure)
{
	const char *name = schema_string(json, key);
	const struct vtep *vtep;

	if (name == NULL)
		return 0;
	vtep = vtep_find(objects, name);
	if (vtep == NULL)
		return failure_set(failure, CW_RPC_NOT_FOUND, key, name,
			"vtep.list shows those that exist, vtep.add makes one",
			"there is no vtep %s", name);
	if (object_is_mirrored(&vtep->object))
		return refuse_mirrored(key, name, failure);
	*id = vtep->id;
	return 0;
}

int
json_nexthop(const struct objects *objects, const cJSON *json, const char *key, uint32_t *id,
	struct failure *failure)
{
	const uint32_t number = (uint32_t)schema_integer(json, key, 0);
	const struct nexthop *nexthop = nexthop_by_id(objects, number);
	char text[16];

	if (schema_get(json, key) == NULL)
		return 0;
	snprintf(text, sizeof(text), "%u", number);
	if (nexthop == NULL)
		return failure_set(failure, CW_RPC_NOT_FOUND, key, text,
			"nexthop.list shows those that exist", "there is no next hop %u", number);
	if (object_is_mirrored(&nexthop->object))
		return refuse_mirrored(key, text, failure);
	*id = number;
	return 0;
}

static int
refuse_guard(struct failure *failure)
{
	return failure_set(failure, CW_RPC_INVALID_PARAMS, "guard", NULL,
		"true, false, or a list of \"mac\", \"ip\", \"arp\", \"ra\", \"dhcp\"",
		"guard is neither a boolean nor a list of known checks");
}

int
json_guard(const cJSON *json, uint32_t *guard, struct failure *failure)
{
	const cJSON *value = schema_get(json, "guard"), *element;
	uint32_t bits = 0;

	if (value == NULL)
		return 0;
	if (cJSON_IsBool(value)) {
		*guard = cJSON_IsTrue(value) ? CW_GUARD_ALL : 0;
		return 0;
	}
	if (!cJSON_IsArray(value))
		return refuse_guard(failure);
	cJSON_ArrayForEach (element, value) {
		unsigned int bit = 0;

		while (bit < GUARD_NAMES
			&& (!cJSON_IsString(element)
				|| strcmp(element->valuestring, guard_names[bit]) != 0))
			bit++;
		if (bit == GUARD_NAMES)
			return refuse_guard(failure);
		bits |= 1u << bit;
	}
	*guard = bits;
	return 0;
}

cJSON *
json_guard_names(uint32_t guard)
{
	cJSON *list = cJSON_CreateArray();

	for (unsigned int bit = 0; bit < GUARD_NAMES; bit++)
		if ((guard & 1u << bit) != 0)
			cJSON_AddItemToArray(list, cJSON_CreateString(guard_names[bit]));
	return list;
}

int
json_trunk(const struct objects *objects, const cJSON *json, struct port *port,
	struct failure *failure)
{
	const cJSON *list = schema_get(json, "trunk"), *element;

	if (list == NULL)
		return 0;
	port->n_trunk = 0;
	cJSON_ArrayForEach (element, list) {
		struct cw_tag *tag = &port->trunk[port->n_trunk];
		const uint16_t vlan = (uint16_t)schema_integer(element, "vlan", 0);

		for (unsigned int i = 0; i < port->n_trunk; i++)
			if (port->trunk[i].vlan == vlan)
				return failure_set(failure, CW_RPC_INVALID_PARAMS, "trunk", NULL,
					"give each tag once", "tag %u is mapped twice", vlan);
		*tag = (struct cw_tag){.vlan = vlan};
		if (find_network(objects, schema_string(element, "network"), "trunk.network",
			    &tag->network, failure)
			< 0)
			return -1;
		port->n_trunk++;
	}
	return 0;
}

void
json_add_mac(cJSON *json, const char *key, const uint8_t mac[6])
{
	char text[MAC_TEXT_LEN];

	cJSON_AddStringToObject(json, key, mac_format(mac, text));
}

void
json_add_ip(cJSON *json, const char *key, const struct cw_ip *ip)
{
	char text[IP_TEXT_LEN];

	cJSON_AddStringToObject(json, key, ip_format(ip, text));
}

void
json_add_prefix(cJSON *json, const char *key, const struct cw_ip *ip)
{
	char text[IP_TEXT_LEN];

	cJSON_AddStringToObject(json, key, ip_format_prefixed(ip, text));
}

void
json_add_u64(cJSON *json, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	cJSON_AddRawToObject(json, key, text);
}

void
json_add_hex(cJSON *json, const char *key, uint64_t value)
{
	char text[20];

	snprintf(text, sizeof(text), "%" PRIx64, value);
	cJSON_AddStringToObject(json, key, text);
}

void
json_read_text(const cJSON *json, const char *key, char *to, size_t size)
{
	const char *text = schema_string(json, key);

	snprintf(to, size, "%s", text != NULL ? text : "");
}

uint64_t
json_read_hex(const cJSON *json, const char *key)
{
	const char *text = schema_string(json, key);

	return text != NULL ? strtoull(text, NULL, 16) : 0;
}

void
json_read_mac(const cJSON *json, const char *key, uint8_t mac[6])
{
	const char *text = schema_string(json, key);

	if (text != NULL)
		mac_parse(text, mac);
}
