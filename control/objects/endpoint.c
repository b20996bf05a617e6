/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "address_text.h"
#include "endpoint.h"
#include "json.h"
#include "schema.h"

static const struct field ip_fields[] = {
	{"address", FIELD_PREFIX, true},
	{"gateway", FIELD_IP},
	{0},
};
const struct field endpoint_ip_field[] = {{"", FIELD_OBJECT, false, 0, 0, ip_fields}};

static const struct field route_fields[] = {
	{"dst", FIELD_PREFIX, true},
	{"gw", FIELD_IP},
	{"mtu", FIELD_INTEGER, false, 0, UINT16_MAX},
	{"priority", FIELD_INTEGER, false, 0, UINT32_MAX},
	{0},
};
const struct field endpoint_route_field[] = {{"", FIELD_OBJECT, false, 0, 0, route_fields}};

const struct field endpoint_pod_fields[] = {
	{"namespace", FIELD_STRING, false, 0, POD_TEXT_LEN - 1},
	{"name", FIELD_STRING, false, 0, POD_TEXT_LEN - 1},
	{"uid", FIELD_STRING, false, 0, POD_TEXT_LEN - 1},
	{0},
};

static const struct field fields[] = {
	{"container", FIELD_NAME, true, 1, CONTAINER_LEN - 1},
	{"ifname", FIELD_STRING, true, 1, IFNAMSIZ - 1},
	{"netns", FIELD_STRING, true, 0, NETNS_LABEL_LEN - 1},
	{"netns_device", FIELD_STRING, true, 1, 16},
	{"netns_inode", FIELD_STRING, true, 1, 16},
	{"network", FIELD_NAME, true, 1, CW_NAME_LEN - 1},
	{"port", FIELD_NAME, true, 1, CW_NAME_LEN - 1},
	{"why", FIELD_STRING, false, 0, 127},
	{"cni_network", FIELD_STRING, false, 1, CNI_NETWORK_LEN - 1},
	{"mac", FIELD_MAC, true},
	{"mtu", FIELD_INTEGER, true, CW_MTU_MIN, CW_MTU_MAX},
	{"ips", FIELD_LIST, true, 0, CW_MAX_IPS, endpoint_ip_field},
	{"routes", FIELD_LIST, true, 0, ENDPOINT_ROUTES_MAX, endpoint_route_field},
	{"host_ifname", FIELD_STRING, false, 1, IFNAMSIZ - 1},
	{"pod", FIELD_OBJECT, false, 0, 0, endpoint_pod_fields},
	{"vf", FIELD_OBJECT, false, 0, 0, endpoint_vf_stored},
	{0},
};

bool
object_is_card_only(const struct object *object)
{
	const struct endpoint *endpoint = (const struct endpoint *)object;

	if (object->type == OBJECT_PORT)
		return port_is_card_only((const struct port *)object);
	return object->type == OBJECT_ENDPOINT && endpoint->vf.pci[0] != '\0'
	       && (endpoint->vf.uplink[0] == '\0' || endpoint->vf.away);
}

bool
endpoint_has_interface(const struct endpoint *endpoint)
{
	return endpoint->vf.pci[0] == '\0' || endpoint->vf.mode == VF_MODE_KERNEL;
}

static int
compare(const void *a, const void *b)
{
	const struct endpoint *x = a, *y = b;
	const int order = strcmp(x->container, y->container);

	return order != 0 ? order : strcmp(x->ifname, y->ifname);
}

static void
key(const struct objects *objects, const struct object *object, char *text, size_t size)
{
	const struct endpoint *endpoint = (const struct endpoint *)object;

	snprintf(text, size, "%s/%s", endpoint->container, endpoint->ifname);
}

cJSON *
endpoint_ips_json(const struct endpoint *endpoint)
{
	cJSON *list = cJSON_CreateArray();

	for (unsigned int i = 0; i < endpoint->n_ips; i++) {
		cJSON *ip = cJSON_CreateObject();

		json_add_prefix(ip, "address", &endpoint->ips[i].address);
		if (endpoint->ips[i].gateway.family != 0)
			json_add_ip(ip, "gateway", &endpoint->ips[i].gateway);
		cJSON_AddItemToArray(list, ip);
	}
	return list;
}

cJSON *
endpoint_routes_json(const struct endpoint *endpoint)
{
	cJSON *list = cJSON_CreateArray();

	for (unsigned int i = 0; i < endpoint->n_routes; i++) {
		const struct endpoint_route *route = &endpoint->routes[i];
		cJSON *json = cJSON_CreateObject();

		json_add_prefix(json, "dst", &route->destination);
		if (route->gateway.family != 0)
			json_add_ip(json, "gw", &route->gateway);
		if (route->mtu != 0)
			cJSON_AddNumberToObject(json, "mtu", route->mtu);
		if (route->priority != 0)
			cJSON_AddNumberToObject(json, "priority", route->priority);
		cJSON_AddItemToArray(list, json);
	}
	return list;
}

static cJSON *
to_json(const struct objects *objects, const struct object *object)
{
	const struct endpoint *endpoint = (const struct endpoint *)object;
	cJSON *json = cJSON_CreateObject(), *pod;

	cJSON_AddStringToObject(json, "container", endpoint->container);
	cJSON_AddStringToObject(json, "ifname", endpoint->ifname);
	cJSON_AddStringToObject(json, "netns", endpoint->netns);
	json_add_hex(json, "netns_device", endpoint->netns_id.device);
	json_add_hex(json, "netns_inode", endpoint->netns_id.inode);
	cJSON_AddStringToObject(json, "network", network_name(objects, endpoint->network));
	cJSON_AddStringToObject(json, "port", port_name(objects, endpoint->port));
	cJSON_AddStringToObject(json, "why", endpoint->why);
	if (endpoint->cni_network[0] != '\0')
		cJSON_AddStringToObject(json, "cni_network", endpoint->cni_network);
	json_add_mac(json, "mac", endpoint->mac);
	cJSON_AddNumberToObject(json, "mtu", endpoint->mtu);
	cJSON_AddItemToObject(json, "ips", endpoint_ips_json(endpoint));
	cJSON_AddItemToObject(json, "routes", endpoint_routes_json(endpoint));
	if (endpoint->host_ifname[0] != '\0')
		cJSON_AddStringToObject(json, "host_ifname", endpoint->host_ifname);
	if (endpoint->vf.pci[0] != '\0')
		cJSON_AddItemToObject(json, "vf", endpoint_vf_json(&endpoint->vf));
	if (endpoint->pod_name[0] == '\0' && endpoint->pod_namespace[0] == '\0'
		&& endpoint->pod_uid[0] == '\0')
		return json;
	pod = cJSON_AddObjectToObject(json, "pod");
	cJSON_AddStringToObject(pod, "namespace", endpoint->pod_namespace);
	cJSON_AddStringToObject(pod, "name", endpoint->pod_name);
	cJSON_AddStringToObject(pod, "uid", endpoint->pod_uid);
	return json;
}

int
endpoint_read_addressing(struct endpoint *endpoint, const cJSON *json, struct failure *failure)
{
	const cJSON *element;
	const char *gateway;

	cJSON_ArrayForEach (element, schema_get(json, "ips")) {
		struct endpoint_ip *ip = &endpoint->ips[endpoint->n_ips];
		const char *address = schema_string(element, "address");

		ip_parse_prefixed(address, &ip->address);
		gateway = schema_string(element, "gateway");
		if (gateway != NULL)
			ip_parse(gateway, &ip->gateway);
		if (!ip_is_unicast(&ip->address)
			|| (gateway != NULL && !ip_is_unicast(&ip->gateway)))
			return failure_set(failure, CW_RPC_INVALID_PARAMS, "ips", address,
				"give unicast addresses", "%s or its gateway is no unicast address",
				address);
		if (gateway != NULL && ip->gateway.family != ip->address.family)
			return failure_set(failure, CW_RPC_INVALID_PARAMS, "ips", gateway,
				"give a gateway of the address's family",
				"gateway %s is of another family than %s", gateway, address);
		endpoint->n_ips++;
	}
	cJSON_ArrayForEach (element, schema_get(json, "routes")) {
		struct endpoint_route *route = &endpoint->routes[endpoint->n_routes++];

		ip_parse_prefixed(schema_string(element, "dst"), &route->destination);
		route->destination = ip_masked(&route->destination);
		gateway = schema_string(element, "gw");
		if (gateway != NULL)
			ip_parse(gateway, &route->gateway);
		if (gateway != NULL && route->gateway.family != route->destination.family)
			return failure_set(failure, CW_RPC_INVALID_PARAMS, "routes", gateway,
				"give a gateway of the destination's family",
				"gateway %s is of another family than its destination", gateway);
		route->mtu = (uint32_t)schema_integer(element, "mtu", 0);
		route->priority = (uint32_t)schema_integer(element, "priority", 0);
	}
	return 0;
}

void
endpoint_read_pod(struct endpoint *endpoint, const cJSON *json)
{
	const cJSON *pod = schema_get(json, "pod");

	json_read_text(pod, "namespace", endpoint->pod_namespace, sizeof(endpoint->pod_namespace));
	json_read_text(pod, "name", endpoint->pod_name, sizeof(endpoint->pod_name));
	json_read_text(pod, "uid", endpoint->pod_uid, sizeof(endpoint->pod_uid));
}

static struct object *
from_json(const struct objects *objects, const cJSON *json, struct failure *failure)
{
	struct endpoint *endpoint;

	if (schema_check(json, fields, failure) < 0)
		return NULL;
	endpoint = object_new(OBJECT_ENDPOINT, sizeof(*endpoint));
	if (endpoint == NULL) {
		json_no_memory(failure);
		return NULL;
	}
	json_read_text(json, "container", endpoint->container, sizeof(endpoint->container));
	json_read_text(json, "ifname", endpoint->ifname, sizeof(endpoint->ifname));
	json_read_text(json, "netns", endpoint->netns, sizeof(endpoint->netns));
	json_read_text(json, "host_ifname", endpoint->host_ifname, sizeof(endpoint->host_ifname));
	json_read_text(json, "why", endpoint->why, sizeof(endpoint->why));
	json_read_text(json, "cni_network", endpoint->cni_network, sizeof(endpoint->cni_network));
	endpoint->netns_id.device = json_read_hex(json, "netns_device");
	endpoint->netns_id.inode = json_read_hex(json, "netns_inode");
	endpoint->mtu = (uint16_t)schema_integer(json, "mtu", 0);
	mac_parse(schema_string(json, "mac"), endpoint->mac);
	endpoint_read_pod(endpoint, json);
	if (json_network(objects, json, "network", &endpoint->network, failure) < 0
		|| json_port(objects, json, "port", &endpoint->port, failure) < 0
		|| endpoint_read_addressing(endpoint, json, failure) < 0
		|| (schema_get(json, "vf") != NULL
			&& endpoint_vf_read(&endpoint->vf, schema_get(json, "vf"), failure) < 0)) {
		object_free(&endpoint->object);
		return NULL;
	}
	return &endpoint->object;
}

static size_t
wire_size(const struct object *object)
{
	const struct endpoint *endpoint = (const struct endpoint *)object;

	return CW_ALIGN8(sizeof(struct cw_endpoint) + endpoint->n_ips * sizeof(struct cw_ip));
}

static void
to_wire(const struct object *object, struct cw_item *item)
{
	const struct endpoint *endpoint = (const struct endpoint *)object;
	struct cw_endpoint *wire = (struct cw_endpoint *)item;

	wire->port = endpoint->port;
	wire->network = endpoint->network;
	wire->n_ips = endpoint->n_ips;
	memcpy(wire->mac, endpoint->mac, sizeof(wire->mac));
	for (unsigned int i = 0; i < endpoint->n_ips; i++)
		wire->ips[i] = ip_host(&endpoint->ips[i].address);
}

static void
references(const struct object *object, object_reference_fn *fn, void *arg)
{
	const struct endpoint *endpoint = (const struct endpoint *)object;

	// Its port goes with it, and is not held by it.
	fn(arg, OBJECT_NETWORK, endpoint->network);
}

const struct object_class endpoint_class = {
	.name = "endpoint",
	.item = CW_ITEM_ENDPOINT,
	.compare = compare,
	.key = key,
	.to_json = to_json,
	.from_json = from_json,
	.wire_size = wire_size,
	.to_wire = to_wire,
	.references = references,
};
