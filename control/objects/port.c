/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "address_text.h"
#include "json.h"
#include "port_socket.h"
#include "schema.h"

static const char *const origins[] = {"static", "endpoint", "host", NULL}; // by port_origin

static const char *const kinds[] = {"tap", "af_packet", "af_xdp", "host", "null", "ring", "pcap",
	"vhost-user", "memif", "nic", "vf", NULL};

static const struct field fields[] = {
	{"name", FIELD_NAME, true, 1, CW_NAME_LEN - 1},
	{"id", FIELD_INTEGER, false, 0, CW_MAX_PORTS - 1},
	{"kind", FIELD_CHOICE, true, 0, 0, NULL, kinds},
	{"network", FIELD_NAME, true, 1, CW_NAME_LEN - 1},
	{"origin", FIELD_CHOICE, false, 0, 0, NULL, origins},
	{"mtu", FIELD_INTEGER, false, CW_MTU_MIN, CW_MTU_MAX},
	{"vlan", FIELD_INTEGER, false, 0, 4094},
	{"queues", FIELD_INTEGER, false, 0, CW_MAX_QUEUES},
	{"trunk", FIELD_LIST, false, 0, CW_MAX_TRUNK, trunk_field},
	{"hairpin", FIELD_BOOLEAN},
	{"transparent", FIELD_BOOLEAN},
	{"no_flood", FIELD_BOOLEAN},
	{"uplink", FIELD_BOOLEAN},
	{"routed", FIELD_BOOLEAN},
	{"shared_tag", FIELD_BOOLEAN},
	{"offload", FIELD_BOOLEAN},
	{"parent", FIELD_NAME, false, 1, CW_NAME_LEN - 1},
	{"guard", FIELD_ANY},
	{"mac", FIELD_MAC},
	{"ifname", FIELD_STRING, false, 0, CW_NAME_LEN - 1},
	{"args", FIELD_STRING, false, 0, CW_ARGS_LEN - 1},
	{"bind", FIELD_STRING, false, 0, PORT_DRIVER_LEN - 1},
	{"former_driver", FIELD_STRING, false, 0, PORT_DRIVER_LEN - 1},
	{"former_override", FIELD_STRING, false, 0, PORT_DRIVER_LEN - 1},
	PORT_SOCKET_FIELDS,
	{"generation", FIELD_STRING, false, 1, 16},
	{0},
};

static const struct {
	const char *name;
	uint32_t flag;
} flags[] = {
	{"hairpin", CW_PORT_HAIRPIN},
	{"transparent", CW_PORT_TRANSPARENT},
	{"no_flood", CW_PORT_NO_FLOOD},
	{"uplink", CW_PORT_UPLINK},
	{"routed", CW_PORT_ROUTED},
	{"shared_tag", CW_PORT_SHARED_TAG},
	{"offload", CW_PORT_OFFLOAD},
};
#define FLAGS (sizeof(flags) / sizeof(flags[0]))

bool
port_needs_descriptors(const struct port *port)
{
	if (port->kind == CW_PORT_MEMIF)
		return port->socket.role == PORT_MASTER || port->socket.path[0] == '@';
	return port_is_tap(port) || port->kind == CW_PORT_AF_PACKET || port->kind == CW_PORT_AF_XDP;
}

bool
port_is_tap(const struct port *port)
{
	return port->kind == CW_PORT_TAP || port->kind == CW_PORT_HOST;
}

bool
port_is_card_only(const struct port *port)
{
	return port->kind == CW_PORT_VF && port->origin == PORT_OF_ENDPOINT && port->parent == 0
	       && port->args[0] == '\0';
}

bool
port_has_socket(const struct port *port)
{
	return port->kind == CW_PORT_VHOST_USER || port->kind == CW_PORT_MEMIF;
}

bool
port_keeps_descriptors(const struct port *port)
{
	return port_is_tap(port) || port->kind == CW_PORT_MEMIF;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct port *)a)->name, ((const struct port *)b)->name);
}

static void
key(const struct objects *objects, const struct object *object, char *text, size_t size)
{
	snprintf(text, size, "%s", ((const struct port *)object)->name);
}

static void
add_trunk(const struct objects *objects, const struct port *port, cJSON *json)
{
	cJSON *trunk = cJSON_AddArrayToObject(json, "trunk");

	for (unsigned int i = 0; i < port->n_trunk; i++) {
		cJSON *tag = cJSON_CreateObject();

		cJSON_AddNumberToObject(tag, "vlan", port->trunk[i].vlan);
		cJSON_AddStringToObject(
			tag, "network", network_name(objects, port->trunk[i].network));
		cJSON_AddItemToArray(trunk, tag);
	}
}

static cJSON *
to_json(const struct objects *objects, const struct object *object)
{
	const struct port *port = (const struct port *)object;
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", port->name);
	cJSON_AddNumberToObject(json, "id", port->id);
	cJSON_AddStringToObject(json, "kind", cw_port_kind_name(port->kind));
	cJSON_AddStringToObject(json, "network", network_name(objects, port->network));
	cJSON_AddStringToObject(json, "origin", origins[port->origin]);
	cJSON_AddNumberToObject(json, "mtu", port->mtu);
	cJSON_AddNumberToObject(json, "vlan", port->vlan);
	cJSON_AddNumberToObject(json, "queues", port->queues);
	if (port->n_trunk > 0)
		add_trunk(objects, port, json);
	for (unsigned int i = 0; i < FLAGS; i++)
		cJSON_AddBoolToObject(json, flags[i].name, (port->flags & flags[i].flag) != 0);
	if (port->parent != 0)
		cJSON_AddStringToObject(json, "parent", port_name(objects, port->parent));
	cJSON_AddItemToObject(json, "guard", json_guard_names(port->guard));
	if (!mac_is_zero(port->mac))
		json_add_mac(json, "mac", port->mac);
	cJSON_AddStringToObject(json, "ifname", port->ifname);
	if (port->args[0] != '\0')
		cJSON_AddStringToObject(json, "args", port->args);
	if (port->bind[0] != '\0') {
		cJSON_AddStringToObject(json, "bind", port->bind);
		cJSON_AddStringToObject(json, "former_driver", port->former_driver);
		cJSON_AddStringToObject(json, "former_override", port->former_override);
	}
	if (port_has_socket(port))
		port_socket_add(json, port);
	json_add_hex(json, "generation", port->generation);
	return json;
}

static void
read_plain(struct port *port, const cJSON *json)
{
	const char *text = schema_string(json, "origin");

	while (text != NULL && strcmp(origins[port->origin], text) != 0)
		port->origin++;
	port->id = (uint32_t)schema_integer(json, "id", 0);
	port->kind = cw_port_kind_by_name(schema_string(json, "kind"));
	port->mtu = (uint16_t)schema_integer(json, "mtu", 0);
	port->vlan = (uint16_t)schema_integer(json, "vlan", 0);
	port->queues = (uint16_t)schema_integer(json, "queues", 0);
	json_read_text(json, "name", port->name, sizeof(port->name));
	json_read_text(json, "ifname", port->ifname, sizeof(port->ifname));
	json_read_text(json, "args", port->args, sizeof(port->args));
	json_read_text(json, "bind", port->bind, sizeof(port->bind));
	json_read_text(json, "former_driver", port->former_driver, sizeof(port->former_driver));
	json_read_text(
		json, "former_override", port->former_override, sizeof(port->former_override));
	for (unsigned int i = 0; i < FLAGS; i++)
		if (schema_boolean(json, flags[i].name, false))
			port->flags |= flags[i].flag;
	json_read_mac(json, "mac", port->mac);
	port->generation = json_read_hex(json, "generation");
}

static struct object *
from_json(const struct objects *objects, const cJSON *json, struct failure *failure)
{
	struct port *port;

	if (schema_check(json, fields, failure) < 0)
		return NULL;
	port = object_new(OBJECT_PORT, sizeof(*port));
	if (port == NULL) {
		json_no_memory(failure);
		return NULL;
	}
	read_plain(port, json);
	if (json_network(objects, json, "network", &port->network, failure) < 0
		|| json_port(objects, json, "parent", &port->parent, failure) < 0
		|| json_guard(json, &port->guard, failure) < 0
		|| port_socket_read(json, port, failure) < 0
		|| json_trunk(objects, json, port, failure) < 0) {
		object_free(&port->object);
		return NULL;
	}
	return &port->object;
}

static size_t
wire_size(const struct object *object)
{
	const struct port *port = (const struct port *)object;

	return CW_ALIGN8(sizeof(struct cw_port) + port->n_trunk * sizeof(port->trunk[0]));
}

static void
to_wire(const struct object *object, struct cw_item *item)
{
	const struct port *port = (const struct port *)object;
	struct cw_port *wire = (struct cw_port *)item;

	wire->id = port->id;
	wire->network = port->network;
	wire->kind = port->kind;
	wire->mtu = port->mtu;
	wire->vlan = port->vlan;
	wire->n_trunk = port->n_trunk;
	wire->flags = port->flags;
	wire->guard = port->guard;
	wire->n_queues = port->queues;
	wire->generation = port->generation;
	wire->parent = port->parent;
	memcpy(wire->mac, port->mac, sizeof(wire->mac));
	memcpy(wire->name, port->name, sizeof(wire->name));
	memcpy(wire->ifname, port->ifname, sizeof(wire->ifname));
	if (port_has_socket(port))
		port_socket_arguments(port, wire->args);
	else
		memcpy(wire->args, port->args, sizeof(wire->args));
	memcpy(wire->trunk, port->trunk, port->n_trunk * sizeof(wire->trunk[0]));
}

static void
references(const struct object *object, object_reference_fn *fn, void *arg)
{
	const struct port *port = (const struct port *)object;

	fn(arg, OBJECT_NETWORK, port->network);
	if (port->parent != 0)
		fn(arg, OBJECT_PORT, port->parent);
	for (unsigned int i = 0; i < port->n_trunk; i++)
		fn(arg, OBJECT_NETWORK, port->trunk[i].network);
}

// The device of a representor is opened by the port that has it, whose arguments say how.
static unsigned int
rank(const struct object *object)
{
	const struct port *port = (const struct port *)object;

	return port->parent != 0 || strstr(port->args, ",representor=") != NULL;
}

static unsigned int
json_rank(const cJSON *json)
{
	return schema_get(json, "parent") != NULL;
}

const struct object_class port_class = {
	.name = "port",
	.item = CW_ITEM_PORT,
	.ranks = 2, // sub-ports refer to their parents, representors are on their devices
	.rank = rank,
	.json_rank = json_rank,
	.compare = compare,
	.key = key,
	.to_json = to_json,
	.from_json = from_json,
	.wire_size = wire_size,
	.to_wire = to_wire,
	.references = references,
};
