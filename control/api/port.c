/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/common.h"
#include "api/port_peer.h"
#include "device.h"
#include "network_change.h"
#include "nic_port.h"
#include "objects/json.h"
#include "objects/port_socket.h"
#include "port_change.h"
#include "socket_device.h"
#include "uplink.h"

static const char *const kinds[] = {
	"null", "ring", "pcap", "vhost-user", "memif", "af_packet", "af_xdp", "nic", "vf", NULL};

#define PORT_KEYS                                                           \
	{"vlan", FIELD_INTEGER, false, 0, 4094},                            \
		{"trunk", FIELD_LIST, false, 0, CW_MAX_TRUNK, trunk_field}, \
		{"hairpin", FIELD_BOOLEAN}, {"transparent", FIELD_BOOLEAN}, \
		{"no_flood", FIELD_BOOLEAN}, {"offload", FIELD_BOOLEAN},    \
	{                                                                   \
		"guard", FIELD_ANY                                          \
	}

static const struct field add_params[] = {
	PARAM_NAME,
	{"kind", FIELD_CHOICE, true, 0, 0, NULL, kinds},
	PARAM_NETWORK(false),
	{"mac", FIELD_MAC},
	{"queues", FIELD_INTEGER, false, 1, CW_MAX_QUEUES},
	{"args", FIELD_STRING, false, 0, CW_ARGS_LEN - 1},
	{"uplink", FIELD_BOOLEAN},
	{"ifname", FIELD_NAME, false, 1, IFNAMSIZ - 1},
	{"mtu", FIELD_INTEGER, false, CW_MTU_MIN, CW_MTU_MAX},
	PORT_KEYS,
	PORT_SOCKET_FIELDS,
	NIC_PORT_PARAMS,
	{0},
};
static const struct field set_params[] = {
	PARAM_NAME,
	{"mac", FIELD_MAC},
	{"mtu", FIELD_INTEGER, false, CW_MTU_MIN, CW_MTU_MAX},
	PORT_KEYS,
	{0},
};

static struct port *
find(struct request *request)
{
	return port_find(request->d->objects, schema_string(request->params, "name"));
}

// A pod's folder gives the others a path; here it is asked for.
static bool
check_socket(struct request *request, const struct port *port)
{
	struct failure failure;

	if (port->args[0] != '\0')
		failure_set(&failure, CW_RPC_INVALID_PARAMS, "args", port->args,
			"give socket, role and the like by their own keys",
			"args are not taken for kind %s", cw_port_kind_name(port->kind));
	else if (port->socket.owner[0] != '\0' && port->kind == CW_PORT_VHOST_USER)
		failure_set(&failure, CW_RPC_INVALID_PARAMS, "owner", port->socket.owner,
			"give group and mode", "the socket of a vhost-user port has no owner key");
	else if (port->socket.path[0] == '\0')
		failure_set(&failure, CW_RPC_INVALID_PARAMS, "socket",
			port_socket_file(request->params), "give the absolute path of its socket",
			"a %s port needs a socket", cw_port_kind_name(port->kind));
	else
		return true;
	request_fail(request, &failure);
	return false;
}

// Devices of the node are taken for uplinks only; those of pods come by endpoint.add.
static bool
check_device(struct request *request, struct port *port)
{
	const bool mtu_given = schema_get(request->params, "mtu") != NULL;
	struct failure failure;

	if (port_has_nic(port) && port->ifname[0] == '\0') {
		if (nic_port_describe(request->d, request->params, port, &failure) == 0)
			return true;
		request_fail(request, &failure);
		return false;
	}
	if (!port_is_uplink_device(port) && port->ifname[0] == '\0')
		return true;
	if (!port_is_uplink_device(port))
		failure_set(&failure, CW_RPC_INVALID_PARAMS, "ifname", port->ifname, "leave it out",
			"a port of kind %s has no device of the node",
			cw_port_kind_name(port->kind));
	else if ((port->flags & CW_PORT_UPLINK) == 0)
		failure_set(&failure, CW_RPC_INVALID_PARAMS, "uplink", NULL,
			"add uplink=true; pods' interfaces are attached by endpoint.add",
			"a port of kind %s that is added by hand is an uplink",
			cw_port_kind_name(port->kind));
	else if (port->ifname[0] == '\0')
		failure_set(&failure, CW_RPC_INVALID_PARAMS, "ifname", NULL,
			"give the node's interface", "a port of kind %s needs ifname",
			cw_port_kind_name(port->kind));
	else if (uplink_describe(request->d, port, mtu_given, &failure) == 0)
		return true;
	request_fail(request, &failure);
	return false;
}

static struct port *
read_port(struct request *request)
{
	cJSON *params = cJSON_Duplicate(request->params, true);
	const struct network *network;
	struct port *port;

	if (params != NULL && schema_get(params, "network") == NULL)
		cJSON_AddStringToObject(params, "network", CW_DEFAULT_NETWORK);
	if (params != NULL)
		nic_port_take_params(params);
	port = (struct port *)read_object(request, &port_class, params);
	cJSON_Delete(params);
	if (port == NULL)
		return NULL;
	port->origin = PORT_OF_USER;
	if (!check_device(request, port)) {
		object_free(&port->object);
		return NULL;
	}
	network = network_by_id(request->d->objects, port->network);
	if (port->mtu == 0 && network != NULL)
		port->mtu = network->mtu;
	if (!port_has_socket(port))
		return port;
	if (port->queues == 0)
		port->queues = 1;
	if (check_socket(request, port))
		return port;
	object_free(&port->object);
	return NULL;
}

// What the port needs on the node, before the data plane hears of it.
static int
make_device(struct causewayd *d, struct port *port, char intent[INTENT_KEY_LEN],
	struct failure *failure)
{
	int ret = 0;

	intent[0] = '\0';
	if (port_has_nic(port))
		return nic_port_open(d, port, intent, failure);
	if (port_has_socket(port))
		return socket_device_make(d, port, NULL, -1, failure);
	if (port_is_uplink_device(port))
		ret = uplink_open(d, port);
	return ret < 0 ? uplink_failure(port, ret, failure) : 0;
}

// As run_add() of a port that is new.
static void
run_new(struct request *request, struct port *port, const char *intent)
{
	struct transaction *t = transaction_new(request->d);

	if (t == NULL) {
		device_remove(request->d, port, NULL);
		object_free(&port->object);
		fail_no_memory(request);
		return;
	}
	transaction_put(t, &port->object);
	if (intent[0] != '\0')
		transaction_clear_intent(t, intent);
	request_run(request, t, &port->object);
}

static void
add(struct request *request)
{
	struct port *existing = find(request), *port = read_port(request);
	struct failure failure = {0};
	char intent[INTENT_KEY_LEN];
	int64_t id;

	if (port == NULL)
		return;
	if (existing != NULL) {
		port->id = existing->id;
		port->generation = existing->generation;
		memcpy(port->former_driver, existing->former_driver, sizeof(port->former_driver));
		memcpy(port->former_override, existing->former_override,
			sizeof(port->former_override));
		run_add(request, &port->object);
		return;
	}
	id = objects_free_id(request->d->objects, OBJECT_PORT, 0);
	if (id < 0) {
		failure_set(&failure, CW_RPC_EXHAUSTED, NULL, NULL, "delete ports",
			"there are %d ports, no more are possible", CW_MAX_PORTS - 1);
		object_free(&port->object);
		request_fail(request, &failure);
		return;
	}
	port->id = (uint32_t)id;
	port->generation = generation_new();
	if (make_device(request->d, port, intent, &failure) < 0) {
		object_free(&port->object);
		request_fail(request, &failure);
		return;
	}
	run_new(request, port, intent);
}

static void
set(struct request *request)
{
	const struct port *existing = find(request);
	struct failure failure;
	struct transaction *t;
	struct object *port;

	if (existing == NULL) {
		fail_not_found(request, "port", "name", schema_string(request->params, "name"));
		return;
	}
	if (existing->origin != PORT_OF_USER
		&& (schema_get(request->params, "mac") != NULL
			|| schema_get(request->params, "mtu") != NULL)) {
		failure_set(&failure, CW_RPC_REFUSED, "name", existing->name,
			"they are those of the interface; attach it anew to change them",
			"MAC and MTU of port %s cannot be set", existing->name);
		request_fail(request, &failure);
		return;
	}
	port = read_changed(request, &existing->object);
	if (port == NULL)
		return;
	if (object_same(request->d->objects, port, &existing->object)) {
		object_free(port);
		reply_object(request, &existing->object, NULL, NULL);
		return;
	}
	t = transaction_new(request->d);
	if (t == NULL) {
		object_free(port);
		fail_no_memory(request);
		return;
	}
	transaction_put(t, port);
	request_run(request, t, port);
}

// What is configured must go first; what is mirrored goes along, and comes back in another way when
// there is one.
static void
del_unused(struct request *request, struct port *port)
{
	struct transaction *t = transaction_new(request->d);
	struct failure failure;
	int configured;

	if (t == NULL) {
		fail_no_memory(request);
		return;
	}
	configured = port_delete(t, request->d, port);
	if (configured == 0) {
		request_run(request, t, NULL);
		return;
	}
	transaction_abort(t);
	if (configured < 0) {
		fail_no_memory(request);
		return;
	}
	failure_set(&failure, CW_RPC_IN_USE, "name", port->name,
		"delete its sub-ports, vteps, neighbours, FDB entries and next hops first",
		"%d other objects refer to port %s", configured, port->name);
	request_fail(request, &failure);
}

static void
del(struct request *request)
{
	struct port *port = find(request);
	struct failure failure = {0};

	if (port == NULL)
		run_del(request, NULL);
	else if (port->origin != PORT_OF_USER)
		failure_set(&failure, CW_RPC_IN_USE, "name", port->name,
			port->origin == PORT_OF_HOST ? "network.set host=false takes it away"
						     : "endpoint.del takes it away",
			"port %s belongs to %s", port->name,
			port->origin == PORT_OF_HOST ? "its network" : "an endpoint");
	else
		del_unused(request, port);
	if (failure.code != 0)
		request_fail(request, &failure);
}

static void
get(struct request *request)
{
	const char *name = schema_string(request->params, "name");
	struct port *port = find(request);

	if (port == NULL)
		fail_not_found(request, "port", "name", name);
	else
		reply_ports(request, object_show(request->d->objects, &port->object));
}

static void
list(struct request *request)
{
	const char *name = schema_string(request->params, "network");
	const struct network *network =
		name != NULL ? network_find(request->d->objects, name) : NULL;

	if (name != NULL && network == NULL)
		fail_not_found(request, "network", "network", name);
	else
		reply_ports(request, list_objects(request->d, OBJECT_PORT, network));
}

static void
watch(struct request *request)
{
	reply_watch(request, OBJECT_PORT);
}

const struct method port_methods[] = {
	{"port.add", add_params, true, add},
	{"port.set", set_params, true, set},
	{"port.del", name_params, true, del},
	{"port.get", name_params, false, get},
	{"port.list", list_params, false, list},
	{"port.watch", no_params, false, watch},
	{0},
};
