/* SPDX-License-Identifier: Apache-2.0 */
#include "network_change.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "address_text.h"
#include "device.h"
#include "host_port.h"
#include "learned_peers.h"

uint64_t
generation_new(void)
{
	uint64_t number = 0;

	while (number == 0)
		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			number = 0;
	return number;
}

static int
is_vni(void *arg, struct object *object)
{
	return ((const struct network *)object)->vni == *(const uint32_t *)arg;
}

// Lowest from the identifier on that no network has.
static uint32_t
free_vni(struct causewayd *d, uint32_t from)
{
	uint32_t vni = from;

	while (objects_each(d->objects, OBJECT_NETWORK, is_vni, &vni) != 0)
		vni++;
	return vni;
}

struct network *
network_new(struct causewayd *d, const char *name, unsigned int skip, struct failure *failure)
{
	const int64_t id = objects_free_id(d->objects, OBJECT_NETWORK, skip);
	struct network *network;

	if (id < 0) {
		failure_set(failure, CW_RPC_EXHAUSTED, "name", name, "delete networks",
			"there are %d networks, no more are possible", CW_MAX_NETWORKS);
		return NULL;
	}
	network = object_new(OBJECT_NETWORK, sizeof(*network));
	if (network == NULL) {
		failure_set(failure, CW_RPC_EXHAUSTED, NULL, NULL, NULL, "no memory");
		return NULL;
	}
	snprintf(network->name, sizeof(network->name), "%s", name);
	network->id = (uint32_t)id;
	network->vni = free_vni(d, (uint32_t)id + CW_DEFAULT_VNI);
	network->mtu = CW_MTU_DEFAULT;
	network->table = network_table(name);
	mac_random(network->router_mac);
	return network;
}

// --- host port

static struct nexthop
host_nexthop(const struct network *network)
{
	return (struct nexthop){
		.object = {.type = OBJECT_NEXTHOP, .origin = ORIGIN_AUTOMATIC},
		.network = network->id,
		.kind = CW_NEXTHOP_HOST,
		.automatic = true,
	};
}

static struct cw_ip
default_prefix(uint8_t family)
{
	return (struct cw_ip){.family = family};
}

static struct route *
find_route(struct causewayd *d, const struct network *network, uint8_t family)
{
	const struct route probe = {
		.object.type = OBJECT_ROUTE,
		.network = network->id,
		.prefix = default_prefix(family),
	};

	return (struct route *)objects_find(d->objects, &probe.object);
}

static int
put_default_routes(struct transaction *t, struct causewayd *d, const struct network *network,
	struct failure *failure)
{
	const struct nexthop probe = host_nexthop(network);
	struct nexthop *nexthop = nexthop_same(d->objects, &probe);
	int64_t id = nexthop != NULL ? nexthop->id : objects_free_id(d->objects, OBJECT_NEXTHOP, 0);

	if (id < 0)
		return failure_set(failure, CW_RPC_EXHAUSTED, NULL, NULL, "delete next hops",
			"no identifier for a next hop is left");
	if (nexthop == NULL) {
		nexthop = object_copy(&probe, sizeof(probe));
		if (nexthop != NULL)
			nexthop->id = (uint32_t)id;
		transaction_put(t, nexthop != NULL ? &nexthop->object : NULL);
	}
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct route *route;

		route = find_route(d, network, family);
		if (route != NULL && !object_is_mirrored(&route->object))
			continue;
		route = object_new(OBJECT_ROUTE, sizeof(*route));
		if (route != NULL) {
			route->network = network->id;
			route->nexthop = (uint32_t)id;
			route->prefix = default_prefix(family);
			route->object.origin = ORIGIN_HOST;
		}
		transaction_put(t, route != NULL ? &route->object : NULL);
	}
	return 0;
}

static int
put_host_port(struct transaction *t, struct causewayd *d, const struct network *network,
	struct failure *failure)
{
	const int64_t id = objects_free_id(d->objects, OBJECT_PORT, 0);
	char ifname[IFNAMSIZ];
	struct port *port;

	if (id < 0)
		return failure_set(failure, CW_RPC_EXHAUSTED, NULL, NULL, "delete ports",
			"no identifier for a port is left");
	port = object_new(OBJECT_PORT, sizeof(*port));
	if (port == NULL)
		return failure_set(failure, CW_RPC_EXHAUSTED, NULL, NULL, NULL, "no memory");
	port->id = (uint32_t)id;
	port->network = network->id;
	port->kind = CW_PORT_HOST;
	port->origin = PORT_OF_HOST;
	port->mtu = network->mtu;
	port->queues = 1;
	port->generation = generation_new();
	mac_random(port->mac);
	host_port_ifname(d, network, ifname);
	snprintf(port->ifname, sizeof(port->ifname), "%s", ifname);
	if (strcmp(network->name, CW_DEFAULT_NETWORK) == 0)
		snprintf(port->name, sizeof(port->name), "host");
	else
		snprintf(port->name, sizeof(port->name), "host-%u", network->id);
	if (port_find(d->objects, port->name) != NULL) {
		failure_set(failure, CW_RPC_CONFLICT, "host", NULL, "delete that port",
			"the host port's name %s is taken", port->name);
		object_free(&port->object);
		return -1;
	}
	if (host_port_open(d, port, failure) < 0) {
		object_free(&port->object);
		return -1;
	}
	transaction_put(t, &port->object);
	return put_default_routes(t, d, network, failure);
}

// What a host port brings along.
struct host_belongings {
	struct port *port;
	struct route *routes[2];
	unsigned int n_routes;
	struct nexthop *nexthop; // when nobody else uses it
};

static struct host_belongings
find_belongings(struct causewayd *d, const struct network *network)
{
	const struct nexthop probe = host_nexthop(network);
	struct host_belongings found = {.port = port_of_host(d->objects, network->id)};

	for (uint8_t family = 4; family <= 6; family += 2) {
		struct route *route = find_route(d, network, family);

		if (route != NULL && route->object.origin == ORIGIN_HOST)
			found.routes[found.n_routes++] = route;
	}
	found.nexthop = nexthop_same(d->objects, &probe);
	if (found.nexthop != NULL
		&& objects_users(d->objects, OBJECT_NEXTHOP, found.nexthop->id) > found.n_routes)
		found.nexthop = NULL;
	return found;
}

static void
delete_belongings(struct transaction *t, const struct host_belongings *found)
{
	for (unsigned int i = 0; i < found->n_routes; i++)
		transaction_delete(t, &found->routes[i]->object);
	if (found->nexthop != NULL)
		transaction_delete(t, &found->nexthop->object);
	if (found->port != NULL)
		transaction_delete(t, &found->port->object);
}

int
network_put(struct transaction *t, struct causewayd *d, struct network *network,
	struct failure *failure)
{
	const struct host_belongings found = find_belongings(d, network);
	const struct port *port = found.port;
	const bool wanted = network->host;
	struct port *resized;

	transaction_put(t, &network->object);
	if (wanted && port == NULL)
		return put_host_port(t, d, network, failure);
	if (!wanted && port != NULL)
		delete_belongings(t, &found);
	if (wanted && port->mtu != network->mtu) {
		resized = object_copy(port, sizeof(*port));
		if (resized != NULL)
			resized->mtu = network->mtu;
		transaction_put(t, resized != NULL ? &resized->object : NULL);
	}
	return 0;
}

int
network_delete(struct transaction *t, struct causewayd *d, struct network *network,
	struct failure *failure)
{
	const struct host_belongings found = find_belongings(d, network);
	const uint32_t own = found.n_routes + (found.nexthop != NULL) + (found.port != NULL)
			     + learned_peers_release(t, d, OBJECT_NETWORK, network->id);
	const uint32_t users = objects_users(d->objects, OBJECT_NETWORK, network->id);

	if (users > own)
		return failure_set(failure, CW_RPC_IN_USE, "name", network->name,
			"delete its endpoints, ports, vteps, routes, next hops, neighbours first",
			"%u other objects refer to network %s", users - own, network->name);
	delete_belongings(t, &found);
	transaction_delete(t, &network->object);
	return 0;
}

int
network_add_subnet(struct network *network, const struct cw_ip *address, uint8_t prefix,
	struct failure *failure)
{
	char text[IP_TEXT_LEN];

	for (unsigned int i = 0; i < network->n_subnets; i++)
		if (ip_same_address(&network->subnets[i], address))
			return 0;
	if (network->n_subnets == CW_MAX_SUBNETS)
		return failure_set(failure, CW_RPC_EXHAUSTED, "ips", ip_format(address, text),
			"take router addresses away by network.set",
			"network %s has %d subnets, no more are possible", network->name,
			CW_MAX_SUBNETS);
	network->subnets[network->n_subnets] = *address;
	network->subnets[network->n_subnets++].prefix = prefix;
	return 1;
}
