/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint_plan.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "attach.h"
#include "flannel/flannel.h"
#include "network_change.h"
#include "objects/endpoint.h"
#include "objects/json.h"
#include "objects/port_socket.h"
#include "pod_folder.h"
#include "schema.h"
#include "vf/vf_plan.h"

// --- networks

// The network that NAME.VLAN is made from, or NULL.
static const struct network *
base_network(struct causewayd *d, const char *name)
{
	const char *dot = strrchr(name, '.');
	char base[CW_NAME_LEN];
	unsigned long vlan;

	if (dot == NULL || !isdigit((unsigned char)dot[1]) || strlen(dot + 1) > 4
		|| strspn(dot + 1, "0123456789") != strlen(dot + 1))
		return NULL;
	vlan = strtoul(dot + 1, NULL, 10);
	if (vlan < 1 || vlan > 4094)
		return NULL;
	snprintf(base, sizeof(base), "%.*s", (int)(dot - name), name);
	return network_find(d->objects, base);
}

// A network by name; NAME.VLAN is made when there is a network NAME.
static struct network *
find_network(struct endpoint_plan *plan, struct causewayd *d, const char *name, const char *key,
	struct failure *failure)
{
	struct network *network = transaction_network(plan->t, name);
	const struct network *base;

	if (network != NULL)
		return network;
	base = base_network(d, name);
	if (base == NULL) {
		failure_set(failure, CW_RPC_NOT_FOUND, key, name,
			"network.list shows those that exist, network.add makes one",
			"there is no network %s", name);
		return NULL;
	}
	network = network_new(d, name, plan->n_new_networks, failure);
	if (network == NULL)
		return NULL;
	plan->n_new_networks++;
	network->mtu = base->mtu;
	network->automatic = true;
	network->object.origin = ORIGIN_AUTOMATIC;
	transaction_put(plan->t, &network->object);
	return network;
}

static struct network *
own_network(struct endpoint_plan *plan, struct causewayd *d, const cJSON *params,
	struct failure *failure)
{
	const char *name = schema_string(params, "network");
	const int64_t vlan = schema_integer(params, "vlan", 0);
	char tagged[CW_NAME_LEN + 8];

	snprintf(tagged, sizeof(tagged), vlan != 0 ? "%s.%d" : "%s",
		name != NULL ? name : CW_DEFAULT_NETWORK, (int)vlan);
	if (strlen(tagged) >= CW_NAME_LEN) {
		failure_set(failure, CW_RPC_INVALID_PARAMS, "network", tagged,
			"choose a shorter name", "the name %s is too long", tagged);
		return NULL;
	}
	return find_network(plan, d, tagged, "network", failure);
}

static int
read_trunk(struct endpoint_plan *plan, struct causewayd *d, const cJSON *params,
	struct failure *failure)
{
	struct port *port = plan->port;
	const cJSON *element;

	cJSON_ArrayForEach (element, schema_get(params, "trunk")) {
		const struct network *network = find_network(
			plan, d, schema_string(element, "network"), "trunk.network", failure);
		const uint16_t vlan = (uint16_t)schema_integer(element, "vlan", 0);

		if (network == NULL)
			return -1;
		for (unsigned int i = 0; i < port->n_trunk; i++)
			if (port->trunk[i].vlan == vlan)
				return failure_set(failure, CW_RPC_INVALID_PARAMS, "trunk", NULL,
					"give each tag once", "tag %u is mapped twice", vlan);
		port->trunk[port->n_trunk++] =
			(struct cw_tag){.vlan = vlan, .network = network->id};
	}
	return 0;
}

// --- endpoint

static int
check_ifname(const char *ifname, struct failure *failure)
{
	bool good = strcmp(ifname, ".") != 0 && strcmp(ifname, "..") != 0;

	for (const char *c = ifname; *c != '\0'; c++)
		good &= *c != '/' && *c != ':' && !isspace((unsigned char)*c) && *c != '%';
	if (good)
		return 0;
	return failure_set(failure, CW_RPC_INVALID_PARAMS, "ifname", ifname,
		"choose another name, like eth0", "%s is no name for an interface", ifname);
}

static int
read_netns(struct endpoint *endpoint, int netns, struct failure *failure)
{
	struct netns_id own;
	int ret = netns_check(netns);

	if (ret < 0)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "netns_fd", NULL,
			"send a descriptor of the pod's network namespace with the line",
			"the descriptor is no network namespace");
	ret = netns_identify(netns, &endpoint->netns_id);
	if (ret == 0)
		ret = netns_own(&own);
	if (ret < 0)
		return failure_errno(failure, ret, "the namespace cannot be identified");
	if (netns_equal(&own, &endpoint->netns_id))
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "netns_fd", NULL,
			"send the pod's", "the namespace is causewayd's own");
	return 0;
}

static int
read_endpoint(struct causewayd *d, struct endpoint *endpoint, const struct network *network,
	const cJSON *params, int netns, struct failure *failure)
{
	char seed[CONTAINER_LEN + IFNAMSIZ + 1];
	const char *mac = schema_string(params, "mac");

	json_read_text(params, "container", endpoint->container, sizeof(endpoint->container));
	json_read_text(params, "ifname", endpoint->ifname, sizeof(endpoint->ifname));
	json_read_text(params, "netns", endpoint->netns, sizeof(endpoint->netns));
	json_read_text(params, "cni_network", endpoint->cni_network, sizeof(endpoint->cni_network));
	endpoint->network = network->id;
	endpoint->mtu = flannel_limit_mtu(
		d, network, (uint16_t)schema_integer(params, "mtu", network->mtu));
	snprintf(seed, sizeof(seed), "%s/%s", endpoint->container, endpoint->ifname);
	if (mac != NULL)
		mac_parse(mac, endpoint->mac);
	else
		mac_from_text(seed, endpoint->mac);
	endpoint_read_pod(endpoint, params);
	if (check_ifname(endpoint->ifname, failure) < 0 || read_netns(endpoint, netns, failure) < 0)
		return -1;
	return endpoint_read_addressing(endpoint, params, failure);
}

// --- port

static void
name_port(struct causewayd *d, struct port *port, const struct endpoint *endpoint)
{
	snprintf(port->name, sizeof(port->name), "%.24s-%s", endpoint->container, endpoint->ifname);
	// Names of interfaces may hold more than names of ports do.
	for (char *c = port->name; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && strchr("_.-", *c) == NULL)
			*c = '_';
	if (port_find(d->objects, port->name) != NULL)
		snprintf(port->name, sizeof(port->name), "%.24s-%s-%u", endpoint->container,
			endpoint->ifname, port->id);
}

// How many queues a kernel interface has when nobody says: one for each worker. Those of a socket
// are memory of the pod's.
static uint16_t
default_queues(const struct causewayd *d, const struct port *port)
{
	if (port_has_socket(port) || d->n_workers == 0)
		return 1;
	return d->n_workers > CW_MAX_QUEUES ? CW_MAX_QUEUES : d->n_workers;
}

static int
read_socket(struct endpoint_plan *plan, struct causewayd *d, const cJSON *params,
	struct failure *failure)
{
	struct port *port = plan->port;

	if (port_socket_read(params, port, failure) < 0)
		return -1;
	if (!port_has_socket(port) || port->socket.path[0] != '\0')
		return 0;
	return pod_folder_socket(
		d, plan->endpoint, port_socket_file(params), port->socket.path, failure);
}

static int
read_port(struct endpoint_plan *plan, struct causewayd *d, const cJSON *params,
	struct failure *failure)
{
	const int64_t id = objects_free_id(d->objects, OBJECT_PORT, 0);
	struct endpoint *endpoint = plan->endpoint;
	struct port *port = plan->port;

	if (id < 0)
		return failure_set(failure, CW_RPC_EXHAUSTED, NULL, NULL, "delete ports",
			"there are %d ports, no more are possible", CW_MAX_PORTS - 1);
	port->id = endpoint->port = (uint32_t)id;
	port->network = endpoint->network;
	port->origin = PORT_OF_ENDPOINT;
	port->kind = attach_choose(d, plan->kind, endpoint->why, sizeof(endpoint->why));
	port->mtu = endpoint->mtu;
	port->queues = (uint16_t)schema_integer(params, "queues", default_queues(d, port));
	port->flags = schema_boolean(params, "hairpin", false) ? CW_PORT_HAIRPIN : 0;
	port->guard = CW_GUARD_ALL;
	port->generation = generation_new();
	memcpy(port->mac, endpoint->mac, sizeof(port->mac));
	name_port(d, port, endpoint);
	if (json_guard(params, &port->guard, failure) < 0
		|| read_socket(plan, d, params, failure) < 0)
		return -1;
	if (port->kind == CW_PORT_VF && vf_plan_port(d, endpoint, plan->uplink, port, failure) < 0)
		return -1;
	return read_trunk(plan, d, params, failure);
}

// --- router addresses

struct owner {
	const struct endpoint *asking;
	const struct cw_ip *ip; // looked for, or
	const uint8_t *mac;
	const struct endpoint *found;
};

static int
find_owner(void *arg, struct object *object)
{
	const struct endpoint *other = (const struct endpoint *)object;
	struct owner *owner = arg;

	if (other->network != owner->asking->network
		|| endpoint_class.compare(other, owner->asking) == 0)
		return 0;
	if (owner->mac != NULL && memcmp(other->mac, owner->mac, sizeof(other->mac)) == 0)
		owner->found = other;
	for (unsigned int i = 0; owner->ip != NULL && i < other->n_ips; i++)
		if (ip_same_address(&other->ips[i].address, owner->ip))
			owner->found = other;
	return owner->found != NULL;
}

static const struct endpoint *
owner_of(struct causewayd *d, const struct endpoint *asking, const struct cw_ip *ip,
	const uint8_t *mac)
{
	struct owner owner = {.asking = asking, .ip = ip, .mac = mac};

	objects_each(d->objects, OBJECT_ENDPOINT, find_owner, &owner);
	return owner.found;
}

// Gateways become router addresses of the network, but for those that are pods themselves.
static int
add_gateways(struct endpoint_plan *plan, struct causewayd *d, const struct network *network,
	struct failure *failure)
{
	const struct endpoint *endpoint = plan->endpoint;
	const bool fresh = network_by_id(d->objects, network->id) != network;
	struct network *changed = fresh ? (struct network *)(uintptr_t)network
					: object_copy(network, sizeof(*network));
	int added = 0, ret = 0;

	if (changed == NULL)
		return json_no_memory(failure);
	for (unsigned int i = 0; i < endpoint->n_ips && ret >= 0; i++) {
		const struct endpoint_ip *ip = &endpoint->ips[i];

		if (ip->gateway.family == 0 || owner_of(d, endpoint, &ip->gateway, NULL) != NULL)
			continue;
		ret = network_add_subnet(changed, &ip->gateway, ip->address.prefix, failure);
		added += ret > 0;
	}
	if (fresh)
		return ret < 0 ? -1 : 0;
	if (ret < 0 || added == 0) {
		object_free(&changed->object);
		return ret < 0 ? -1 : 0;
	}
	return network_put(plan->t, d, changed, failure);
}

// "interface" says what the pod gets, "kind" how a kernel interface is attached.
static int
read_kind(struct endpoint_plan *plan, const cJSON *params, struct failure *failure)
{
	const char *interface = schema_string(params, "interface");
	const char *kind = schema_string(params, "kind");

	if ((interface == NULL || strcmp(interface, "vf") != 0) && schema_get(params, "vf") != NULL)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "vf", NULL,
			"leave it out, or set interface to vf", "vf is of interface vf only");
	if (interface == NULL || strcmp(interface, "kernel") == 0) {
		plan->kind = kind != NULL ? cw_port_kind_by_name(kind) : 0;
		return 0;
	}
	plan->kind = cw_port_kind_by_name(interface);
	if (kind == NULL)
		return 0;
	return failure_set(failure, CW_RPC_INVALID_PARAMS, "kind", kind,
		"leave it out, or set interface to kernel",
		"kind %s is one of kernel interfaces, this one is %s", kind, interface);
}

int
endpoint_plan(struct endpoint_plan *plan, struct causewayd *d, const cJSON *params, int netns,
	struct failure *failure)
{
	struct network *network;

	*plan = (struct endpoint_plan){
		.t = transaction_new(d),
		.endpoint = object_new(OBJECT_ENDPOINT, sizeof(struct endpoint)),
		.port = object_new(OBJECT_PORT, sizeof(struct port)),
	};
	if (plan->t == NULL || plan->endpoint == NULL || plan->port == NULL)
		return json_no_memory(failure);
	if (read_kind(plan, params, failure) < 0)
		return -1;
	network = own_network(plan, d, params, failure);
	if (network == NULL
		|| read_endpoint(d, plan->endpoint, network, params, netns, failure) < 0)
		return -1;
	if (plan->kind == CW_PORT_VF
		&& vf_plan_endpoint(d, params, plan->endpoint, &plan->uplink, failure) < 0)
		return -1;
	if (read_port(plan, d, params, failure) < 0)
		return -1;
	// Of what the switch does not carry it is no router.
	return port_is_card_only(plan->port) ? 0 : add_gateways(plan, d, network, failure);
}

void
endpoint_plan_free(struct endpoint_plan *plan)
{
	transaction_abort(plan->t);
	object_free((struct object *)plan->endpoint);
	object_free((struct object *)plan->port);
	*plan = (struct endpoint_plan){0};
}

bool
endpoint_plan_is(
	const struct endpoint_plan *plan, struct causewayd *d, const struct endpoint *existing)
{
	const struct endpoint *wanted = plan->endpoint;
	const struct port *port = port_by_id(d->objects, existing->port), *asked = plan->port;

	return port != NULL && wanted->network == existing->network && wanted->mtu == existing->mtu
	       && memcmp(wanted->mac, existing->mac, sizeof(wanted->mac)) == 0
	       && netns_equal(&wanted->netns_id, &existing->netns_id)
	       && wanted->n_ips == existing->n_ips
	       && memcmp(wanted->ips, existing->ips, sizeof(wanted->ips)) == 0
	       && wanted->n_routes == existing->n_routes
	       && memcmp(wanted->routes, existing->routes, sizeof(wanted->routes)) == 0
	       && (plan->kind == 0 || plan->kind == port->kind)
	       && ((asked->flags ^ port->flags) & ~(uint32_t)CW_PORT_OFFLOAD) == 0
	       && endpoint_vf_same(&wanted->vf, &existing->vf)
	       && memcmp(&asked->socket, &port->socket, sizeof(asked->socket)) == 0
	       && asked->guard == port->guard && asked->n_trunk == port->n_trunk
	       && memcmp(asked->trunk, port->trunk, sizeof(asked->trunk)) == 0;
}

static int
check_address(struct causewayd *d, const struct endpoint *endpoint, const struct network *network,
	const struct cw_ip *address, struct failure *failure)
{
	const struct endpoint *owner = owner_of(d, endpoint, address, NULL);
	char text[IP_TEXT_LEN];

	ip_format(address, text);
	if (owner != NULL)
		return failure_set(failure, CW_RPC_CONFLICT, "ips", text,
			"release the address there or give another one",
			"address %s belongs to endpoint %.64s/%s", text, owner->container,
			owner->ifname);
	for (unsigned int i = 0; i < network->n_subnets; i++)
		if (ip_same_address(&network->subnets[i], address))
			return failure_set(failure, CW_RPC_CONFLICT, "ips", text,
				"give another one", "address %s is the router's in network %s",
				text, network->name);
	return 0;
}

int
endpoint_plan_check(struct endpoint_plan *plan, struct causewayd *d, struct failure *failure)
{
	struct endpoint *endpoint = plan->endpoint;
	const struct network *network = network_by_id(d->objects, endpoint->network);
	const struct endpoint *owner = owner_of(d, endpoint, NULL, endpoint->mac);
	char text[MAC_TEXT_LEN];

	if (port_is_card_only(plan->port))
		return 0; // who else is in that VLAN of the card is not known here
	if (network != NULL && flannel_check(d, network, failure) < 0)
		return -1;
	if (owner != NULL)
		return failure_set(failure, CW_RPC_CONFLICT, "mac", mac_format(endpoint->mac, text),
			"give another one", "MAC %s belongs to endpoint %.64s/%s",
			mac_format(endpoint->mac, text), owner->container, owner->ifname);
	for (unsigned int i = 0; network != NULL && i < endpoint->n_ips; i++)
		if (check_address(d, endpoint, network, &endpoint->ips[i].address, failure) < 0)
			return -1;
	return 0;
}

int
endpoint_plan_carry(struct endpoint_plan *plan, struct causewayd *d, struct failure *failure)
{
	const struct network *network = network_by_id(d->objects, plan->endpoint->network);

	if (endpoint_plan_check(plan, d, failure) < 0)
		return -1;
	return add_gateways(plan, d, network, failure);
}
