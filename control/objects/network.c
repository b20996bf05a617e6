/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "address_text.h"
#include "objects.h"
#include "schema.h"

static const struct field subnet_field[] = {{"", FIELD_PREFIX}};

static const struct field fields[] = {
	{"name", FIELD_NAME, true, 1, CW_NAME_LEN - 1},
	{"id", FIELD_INTEGER, false, 0, CW_MAX_NETWORKS - 1},
	{"vni", FIELD_INTEGER, false, 0, CW_VNI_MAX},
	{"mtu", FIELD_INTEGER, false, CW_MTU_MIN, CW_MTU_MAX},
	{"subnets", FIELD_LIST, false, 0, CW_MAX_SUBNETS, subnet_field},
	{"router_mac", FIELD_MAC},
	{"learning", FIELD_BOOLEAN},
	{"learn_age", FIELD_INTEGER, false, 0, 1000000},
	{"learn_limit", FIELD_INTEGER, false, 0, 1000000},
	{"host", FIELD_BOOLEAN},
	{"resolve", FIELD_BOOLEAN},
	{"table", FIELD_INTEGER, false, 0, UINT32_MAX},
	{"automatic", FIELD_BOOLEAN},
	{0},
};

uint32_t
network_table(const char *name)
{
	return strcmp(name, CW_DEFAULT_NETWORK) == 0 ? RT_TABLE_MAIN : 0;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct network *)a)->name, ((const struct network *)b)->name);
}

static void
key(const struct objects *objects, const struct object *object, char *text, size_t size)
{
	snprintf(text, size, "%s", ((const struct network *)object)->name);
}

static cJSON *
to_json(const struct objects *objects, const struct object *object)
{
	const struct network *network = (const struct network *)object;
	cJSON *json = cJSON_CreateObject(), *subnets;
	char mac[MAC_TEXT_LEN], subnet[IP_TEXT_LEN];

	cJSON_AddStringToObject(json, "name", network->name);
	cJSON_AddNumberToObject(json, "id", network->id);
	cJSON_AddNumberToObject(json, "vni", network->vni);
	cJSON_AddNumberToObject(json, "mtu", network->mtu);
	subnets = cJSON_AddArrayToObject(json, "subnets");
	for (unsigned int i = 0; i < network->n_subnets; i++)
		cJSON_AddItemToArray(subnets,
			cJSON_CreateString(ip_format_prefixed(&network->subnets[i], subnet)));
	cJSON_AddStringToObject(json, "router_mac", mac_format(network->router_mac, mac));
	cJSON_AddBoolToObject(json, "learning", network->learning);
	cJSON_AddNumberToObject(json, "learn_age", network->learn_age);
	cJSON_AddNumberToObject(json, "learn_limit", network->learn_limit);
	cJSON_AddBoolToObject(json, "host", network->host);
	cJSON_AddBoolToObject(json, "resolve", network->resolve);
	cJSON_AddNumberToObject(json, "table", network->table);
	if (network->automatic)
		cJSON_AddTrueToObject(json, "automatic");
	return json;
}

static int
read_subnets(struct network *network, const cJSON *list, struct failure *failure)
{
	const cJSON *element;

	cJSON_ArrayForEach (element, list) {
		struct cw_ip *subnet = &network->subnets[network->n_subnets];

		ip_parse_prefixed(element->valuestring, subnet);
		if (!ip_is_unicast(subnet))
			return failure_set(failure, CW_RPC_INVALID_PARAMS, "subnets",
				element->valuestring,
				"give the router's address in the subnet, like 10.1.0.1/16",
				"subnet %s does not start with a unicast address",
				element->valuestring);
		for (unsigned int i = 0; i < network->n_subnets; i++)
			if (ip_same_address(&network->subnets[i], subnet))
				return failure_set(failure, CW_RPC_INVALID_PARAMS, "subnets",
					element->valuestring, "give it once",
					"router address %s is given twice", element->valuestring);
		network->n_subnets++;
	}
	return 0;
}

static struct object *
from_json(const struct objects *objects, const cJSON *json, struct failure *failure)
{
	struct network *network;
	const char *mac;

	if (schema_check(json, fields, failure) < 0)
		return NULL;
	network = object_new(OBJECT_NETWORK, sizeof(*network));
	if (network == NULL) {
		failure_set(failure, CW_RPC_EXHAUSTED, NULL, NULL, NULL, "no memory");
		return NULL;
	}
	strcpy(network->name, schema_string(json, "name"));
	network->id = (uint32_t)schema_integer(json, "id", 0);
	network->vni = (uint32_t)schema_integer(json, "vni", 0);
	network->mtu = (uint16_t)schema_integer(json, "mtu", CW_MTU_DEFAULT);
	network->learning = schema_boolean(json, "learning", false);
	network->learn_age = (uint32_t)schema_integer(json, "learn_age", 0);
	network->learn_limit = (uint32_t)schema_integer(json, "learn_limit", 0);
	network->host = schema_boolean(json, "host", false);
	network->resolve = schema_boolean(json, "resolve", false);
	network->table = (uint32_t)schema_integer(json, "table", network_table(network->name));
	network->automatic = schema_boolean(json, "automatic", false);
	network->object.origin = network->automatic ? ORIGIN_AUTOMATIC : ORIGIN_STATIC;
	mac = schema_string(json, "router_mac");
	if (mac != NULL)
		mac_parse(mac, network->router_mac);
	if (read_subnets(network, schema_get(json, "subnets"), failure) < 0) {
		object_free(&network->object);
		return NULL;
	}
	return &network->object;
}

static size_t
wire_size(const struct object *object)
{
	const struct network *network = (const struct network *)object;

	return CW_ALIGN8(
		sizeof(struct cw_network) + network->n_subnets * sizeof(network->subnets[0]));
}

static void
to_wire(const struct object *object, struct cw_item *item)
{
	const struct network *network = (const struct network *)object;
	struct cw_network *wire = (struct cw_network *)item;

	wire->id = network->id;
	wire->vni = network->vni;
	wire->mtu = network->mtu;
	wire->flags = (uint16_t)((network->learning ? CW_NETWORK_LEARNING : 0)
				 | (network->resolve ? CW_NETWORK_RESOLVE : 0));
	wire->n_addresses = network->n_subnets;
	wire->learn_age_s = network->learn_age;
	wire->learn_limit = network->learn_limit;
	memcpy(wire->router_mac, network->router_mac, sizeof(wire->router_mac));
	memcpy(wire->name, network->name, sizeof(wire->name));
	memcpy(wire->addresses, network->subnets, network->n_subnets * sizeof(wire->addresses[0]));
}

static void
references(const struct object *object, object_reference_fn *fn, void *arg)
{
}

const struct object_class network_class = {
	.name = "network",
	.item = CW_ITEM_NETWORK,
	.compare = compare,
	.key = key,
	.to_json = to_json,
	.from_json = from_json,
	.wire_size = wire_size,
	.to_wire = to_wire,
	.references = references,
};
