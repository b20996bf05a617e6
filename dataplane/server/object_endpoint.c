/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "objects_private.h"

// An endpoint owns its addresses: no two endpoints of one network have the same. Ownership is kept
// as entries of the object table that name the port.

static int
claim(struct objects *objects, const struct object_key *key, uint32_t port)
{
	struct object *owner = object_find(objects, key);

	if (owner == NULL) {
		owner = calloc(1, sizeof(*owner));
		if (owner == NULL || object_table_reserve(&objects->table) != 0) {
			free(owner);
			return -ENOMEM;
		}
		owner->key = *key;
		owner->network = NO_REFERENCE;
		object_table_insert(&objects->table, owner);
	}
	owner->port = (uint16_t)port;
	return 0;
}

static void
disclaim(struct objects *objects, const struct object_key *key, uint32_t port)
{
	struct object *owner = object_find(objects, key);

	if (owner == NULL || owner->port != port)
		return;
	object_table_remove(&objects->table, owner);
	free(owner);
}

static int
check_owner(const struct objects *objects, const struct object_key *key, const char *what,
	const char *text, uint32_t port, struct reason *why)
{
	const struct object *owner = object_find(objects, key);

	if (owner == NULL || owner->port == port)
		return 0;
	return refuse(why, -EADDRINUSE, "endpoint %s %s belongs to port %u already", what, text,
		owner->port);
}

static bool
is_router_address(const struct objects *objects, uint32_t network, const struct cw_ip *ip)
{
	const struct cw_network *object = objects_network(objects, network);

	for (uint16_t i = 0; object != NULL && i < object->n_addresses; i++)
		if (object->addresses[i].family == ip->family
			&& memcmp(object->addresses[i].addr, ip->addr, sizeof(ip->addr)) == 0)
			return true;
	return false;
}

static int
check_addresses(
	const struct objects *objects, const struct cw_endpoint *endpoint, struct reason *why)
{
	const struct cw_network *network = objects_network(objects, endpoint->network);
	struct object_key key;
	char text[64];
	int error;

	if (memcmp(endpoint->mac, network->router_mac, sizeof(endpoint->mac)) == 0)
		return refuse(why, -EADDRINUSE, "endpoint mac %s is the router's in network %u",
			object_mac_text(endpoint->mac, text), endpoint->network);
	object_key_mac(&key, OBJECT_OWNER_MAC, endpoint->network, endpoint->mac);
	error = check_owner(
		objects, &key, "mac", object_mac_text(endpoint->mac, text), endpoint->port, why);
	for (uint16_t i = 0; error == 0 && i < endpoint->n_ips; i++) {
		const struct cw_ip *ip = &endpoint->ips[i];

		object_ip_text(ip, text);
		if (is_router_address(objects, endpoint->network, ip))
			return refuse(why, -EADDRINUSE,
				"endpoint ip %s is the router's in network %u", text,
				endpoint->network);
		object_key_ip(&key, OBJECT_OWNER_IP, endpoint->network, ip);
		error = check_owner(objects, &key, "ip", text, endpoint->port, why);
	}
	return error;
}

int
object_endpoint_refers(
	struct objects *objects, const struct cw_endpoint *endpoint, struct reason *why)
{
	int error = object_need_network(objects, endpoint->network, "endpoint network", why);

	if (error == 0)
		error = object_need_port(objects, endpoint->port, "endpoint port", why);
	if (error != 0)
		return error;
	if (!object_port_in_network(objects_port(objects, endpoint->port), endpoint->network))
		return refuse(why, -EINVAL, "endpoint network %u is not one of port %u",
			endpoint->network, endpoint->port);
	return check_addresses(objects, endpoint, why);
}

static bool
has_ip(const struct cw_endpoint *endpoint, uint32_t network, const struct cw_ip *ip)
{
	if (endpoint == NULL || endpoint->network != network)
		return false;
	for (uint16_t i = 0; i < endpoint->n_ips; i++)
		if (endpoint->ips[i].family == ip->family
			&& memcmp(endpoint->ips[i].addr, ip->addr, sizeof(ip->addr)) == 0)
			return true;
	return false;
}

static bool
has_mac(const struct cw_endpoint *endpoint, uint32_t network, const uint8_t mac[6])
{
	return endpoint != NULL && endpoint->network == network
	       && memcmp(endpoint->mac, mac, sizeof(endpoint->mac)) == 0;
}

void
object_endpoint_release(
	struct objects *objects, const struct cw_endpoint *endpoint, const struct cw_endpoint *next)
{
	const uint16_t network = (uint16_t)endpoint->network;
	struct object_key key;

	for (uint16_t i = 0; i < endpoint->n_ips; i++) {
		if (has_ip(next, network, &endpoint->ips[i]))
			continue;
		object_key_ip(&key, OBJECT_OWNER_IP, network, &endpoint->ips[i]);
		disclaim(objects, &key, endpoint->port);
		object_neighbor_refresh(objects, network, &endpoint->ips[i]);
		objects_changed(objects);
	}
	if (has_mac(next, network, endpoint->mac))
		return;
	object_key_mac(&key, OBJECT_OWNER_MAC, network, endpoint->mac);
	disclaim(objects, &key, endpoint->port);
	object_fdb_refresh(objects, network, endpoint->mac);
	objects_changed(objects);
}

static int
claim_all(struct objects *objects, const struct cw_endpoint *endpoint)
{
	const uint16_t network = (uint16_t)endpoint->network;
	struct object_key key;
	int error;

	object_key_mac(&key, OBJECT_OWNER_MAC, network, endpoint->mac);
	error = claim(objects, &key, endpoint->port);
	if (error == 0)
		error = object_fdb_refresh(objects, network, endpoint->mac);
	for (uint16_t i = 0; error == 0 && i < endpoint->n_ips; i++) {
		object_key_ip(&key, OBJECT_OWNER_IP, network, &endpoint->ips[i]);
		error = claim(objects, &key, endpoint->port);
		if (error == 0)
			error = object_neighbor_refresh(objects, network, &endpoint->ips[i]);
	}
	return error;
}

int
object_endpoint_apply(
	struct objects *objects, struct object *object, struct object *old, struct reason *why)
{
	const struct cw_endpoint *endpoint = (const struct cw_endpoint *)object->item;
	const struct cw_endpoint *former =
		old != NULL ? (const struct cw_endpoint *)old->item : NULL;
	int error = claim_all(objects, endpoint);

	if (error == 0)
		error = object_port_publish(objects, objects_port(objects, endpoint->port));
	if (error == 0) {
		if (former != NULL)
			object_endpoint_release(objects, former, endpoint);
		objects->resolve = true;
		return 0;
	}
	object_endpoint_release(objects, endpoint, former);
	if (former != NULL) {
		objects->endpoints[endpoint->port] = old; // whose MAC the refresh takes
		claim_all(objects, former);
		objects->endpoints[endpoint->port] = object;
	}
	if (error == -ENOSPC)
		objects_table_full(objects, CW_ITEM_ENDPOINT, (uint16_t)endpoint->network);
	return refuse(why, error, "addresses of port %u are not set: %s", endpoint->port,
		error == -ENOSPC ? "the table is full" : strerror(-error));
}

void
object_endpoint_remove(struct objects *objects, struct object *object)
{
	const struct cw_endpoint *endpoint = (const struct cw_endpoint *)object->item;
	const struct cw_port *port = objects_port(objects, endpoint->port);

	object_endpoint_release(objects, endpoint, NULL);
	if (port != NULL && dp_port_get(objects->dp, (uint16_t)port->id) != NULL)
		object_port_publish(objects, port);
}
