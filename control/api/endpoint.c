/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint_add.h"

#include <string.h>

#include "api/common.h"
#include "api/connection.h"
#include "device.h"
#include "endpoint_del.h"
#include "objects/endpoint.h"
#include "objects/json.h"
#include "objects/port_socket.h"
#include "vf/vf_show.h"

static const char *const interfaces[] = {"kernel", "vhost-user", "memif", "vf", NULL};
static const char *const kinds[] = {"tap", "af_packet", "af_xdp", NULL};

#define KEY_PARAMS                                             \
	{"container", FIELD_NAME, true, 1, CONTAINER_LEN - 1}, \
	{                                                      \
		"ifname", FIELD_STRING, true, 1, IFNAMSIZ - 1  \
	}

static const struct field add_params[] = {
	KEY_PARAMS,
	{"netns", FIELD_STRING, false, 0, NETNS_LABEL_LEN - 1},
	{"netns_fd", FIELD_INTEGER, true, 0, CW_FRAME_FDS - 1},
	PARAM_NETWORK(false),
	{"cni_network", FIELD_STRING, false, 1, CNI_NETWORK_LEN - 1},
	{"interface", FIELD_CHOICE, false, 0, 0, NULL, interfaces},
	{"kind", FIELD_CHOICE, false, 0, 0, NULL, kinds},
	{"mac", FIELD_MAC},
	{"mtu", FIELD_INTEGER, false, CW_MTU_MIN, CW_MTU_MAX},
	{"ips", FIELD_LIST, false, 0, CW_MAX_IPS, endpoint_ip_field},
	{"routes", FIELD_LIST, false, 0, ENDPOINT_ROUTES_MAX, endpoint_route_field},
	{"guard", FIELD_ANY},
	{"hairpin", FIELD_BOOLEAN},
	{"vlan", FIELD_INTEGER, false, 0, 4094},
	{"trunk", FIELD_LIST, false, 0, CW_MAX_TRUNK, trunk_field},
	{"pod", FIELD_OBJECT, false, 0, 0, endpoint_pod_fields},
	{"queues", FIELD_INTEGER, false, 1, CW_MAX_QUEUES},
	{"vf", FIELD_OBJECT, false, 0, 0, endpoint_vf_params},
	PORT_SOCKET_FIELDS,
	{0},
};
static const struct field key_params[] = {KEY_PARAMS, {0}};
static const struct field del_params[] = {KEY_PARAMS, PARAM_NETWORK(false), {0}};

static struct endpoint *
find(struct request *request)
{
	return endpoint_find(request->d->objects, schema_string(request->params, "container"),
		schema_string(request->params, "ifname"));
}

// The state of an endpoint is also that of its device, which vanishes with the pod.
static cJSON *
show(struct causewayd *d, struct endpoint *endpoint)
{
	const struct port *port = port_by_id(d->objects, endpoint->port);
	char reason[VF_REASON_LEN] = "the device or its namespace has vanished";
	cJSON *json;

	if (endpoint->object.state != OBJECT_GONE && device_is_gone(d, port)) {
		if (endpoint->vf.pci[0] != '\0')
			vf_is_gone(d, endpoint, reason);
		object_set_state(&endpoint->object, OBJECT_GONE, reason);
	}
	json = object_show(d->objects, &endpoint->object);
	if (json == NULL || port == NULL)
		return json;
	cJSON_AddStringToObject(json, "kind", cw_port_kind_name(port->kind));
	if (port_has_socket(port)) {
		cJSON_AddStringToObject(json, "socket", port->socket.path);
		cJSON_AddStringToObject(json, "role", port_roles[port->socket.role]);
	}
	if (endpoint->vf.pci[0] != '\0')
		cJSON_ReplaceItemInObjectCaseSensitive(json, "vf", vf_show_endpoint(d, endpoint));
	cJSON_DeleteItemFromObjectCaseSensitive(json, "netns_device");
	cJSON_DeleteItemFromObjectCaseSensitive(json, "netns_inode");
	return json;
}

static void
on_added(void *arg, const struct failure *failure, const struct endpoint *endpoint)
{
	struct request *request = arg;

	if (failure->code != 0)
		request_fail(request, failure);
	else
		request_reply(request, show(request->d, (struct endpoint *)(uintptr_t)endpoint));
}

static void
add(struct request *request)
{
	const int64_t index = schema_integer(request->params, "netns_fd", 0);
	struct failure failure;

	if (index >= request->n_fds) {
		failure_set(&failure, CW_RPC_INVALID_PARAMS, "netns_fd", NULL,
			"send a descriptor of the pod's network namespace with the line "
			"(SCM_RIGHTS)",
			"%u descriptors came with the line, there is no number %d", request->n_fds,
			(int)index);
		request_fail(request, &failure);
		return;
	}
	endpoint_add(request->d, request->params, request->fds[index], on_added, request);
}

static void
on_deleted(void *arg, const struct failure *failure)
{
	if (failure->code != 0)
		request_fail(arg, failure);
	else
		request_reply(arg, cJSON_CreateObject());
}

static void
del(struct request *request)
{
	const char *network = schema_string(request->params, "network");
	struct endpoint *endpoint = find(request);

	// Another network's endpoint of that name is not what the caller owns.
	if (endpoint != NULL && network != NULL) {
		const char *own = network_name(request->d->objects, endpoint->network);
		const size_t len = strlen(network);

		if (strncmp(own, network, len) != 0 || (own[len] != '\0' && own[len] != '.'))
			endpoint = NULL;
	}
	endpoint_del(request->d, endpoint, on_deleted, request);
}

static void
get(struct request *request)
{
	struct endpoint *endpoint = find(request);

	if (endpoint == NULL)
		fail_not_found(request, "endpoint", "container",
			schema_string(request->params, "container"));
	else
		request_reply(request, show(request->d, endpoint));
}

struct listing {
	struct causewayd *d;
	const struct network *network;
	cJSON *list;
};

static int
add_to_list(void *arg, struct object *object)
{
	struct endpoint *endpoint = (struct endpoint *)object;
	struct listing *listing = arg;

	if (listing->network == NULL || listing->network->id == endpoint->network)
		cJSON_AddItemToArray(listing->list, show(listing->d, endpoint));
	return 0;
}

static cJSON *
list_all(struct causewayd *d, const struct network *network)
{
	struct listing listing = {.d = d, .network = network, .list = cJSON_CreateArray()};

	objects_each(d->objects, OBJECT_ENDPOINT, add_to_list, &listing);
	return listing.list;
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
		request_reply(request, list_all(request->d, network));
}

static void
watch(struct request *request)
{
	if (request->connection != NULL)
		request->connection->watches |= 1u << OBJECT_ENDPOINT;
	request_reply(request, list_all(request->d, NULL));
}

const struct method endpoint_methods[] = {
	{"endpoint.add", add_params, true, add},
	{"endpoint.del", del_params, true, del},
	{"endpoint.get", key_params, false, get},
	{"endpoint.list", list_params, false, list},
	{"endpoint.watch", no_params, false, watch},
	{0},
};
