/* SPDX-License-Identifier: Apache-2.0 */
#include "flannel/lease_objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "objects/json.h"

#define TTL 64 // of outer headers, as the kernel's sockets have it

struct change {
	struct transaction *t;
	struct causewayd *d;
	const struct lease_objects *wanted;
	uint32_t network;
	uint32_t vtep; // 0: none is wanted
	unsigned int n_new_nexthops;
	int n; // changes
	bool *keeps; // next hops, by identifier
	struct failure *failure;
};

static bool
is_ours(const struct object *object)
{
	return object->origin == ORIGIN_LEASE;
}

static void
put(struct change *change, struct object *object)
{
	object->origin = ORIGIN_LEASE;
	transaction_put(change->t, object);
	change->n++;
}

static void
drop(struct change *change, struct object *object)
{
	transaction_delete(change->t, object);
	change->n++;
}

static int
no_identifier(struct change *change, const char *what)
{
	return failure_set(change->failure, CW_RPC_EXHAUSTED, NULL, NULL, "",
		"no identifier for a %s is left", what);
}

// --- the local end

struct vtep_search {
	const struct lease_objects *wanted;
	const struct vtep *found;
};

// Somebody's that serves the same address: the data plane takes no second one.
static int
serves(void *arg, struct object *object)
{
	const struct vtep *vtep = (const struct vtep *)object;
	struct vtep_search *search = arg;

	if (is_ours(object) || vtep->kind != CW_TUNNEL_UDP
		|| vtep->udp_port != search->wanted->udp_port
		|| !ip_same_address(&vtep->address, &search->wanted->address))
		return 0;
	search->found = vtep;
	return 1;
}

static int
put_vtep(struct change *change, const struct vtep *existing)
{
	const struct lease_objects *wanted = change->wanted;
	const int64_t id = existing != NULL ? existing->id
					    : objects_free_id(change->d->objects, OBJECT_VTEP, 0);
	struct vtep *vtep;

	if (id < 0)
		return no_identifier(change, "vtep");
	vtep = object_new(OBJECT_VTEP, sizeof(*vtep));
	if (vtep == NULL)
		return json_no_memory(change->failure);
	vtep->id = (uint32_t)id;
	vtep->network = change->network;
	vtep->kind = CW_TUNNEL_UDP;
	vtep->ttl = TTL;
	vtep->udp_port = wanted->udp_port;
	vtep->address = ip_host(&wanted->address);
	vtep->n_own = 1;
	vtep->own[0] = ip_host(&wanted->own);
	snprintf(vtep->name, sizeof(vtep->name), LEASE_VTEP);
	change->vtep = vtep->id;
	if (existing != NULL && object_same(change->d->objects, &existing->object, &vtep->object))
		object_free(&vtep->object);
	else
		put(change, &vtep->object);
	return 0;
}

static int
choose_vtep(struct change *change)
{
	struct objects *objects = change->d->objects;
	struct vtep *existing = vtep_find(objects, LEASE_VTEP);
	struct vtep_search search = {.wanted = change->wanted};

	if (change->wanted->address.family == 0)
		return 0;
	if (objects_each(objects, OBJECT_VTEP, serves, &search) != 0) {
		change->vtep = search.found->id;
		return 0;
	}
	if (existing != NULL && !is_ours(&existing->object))
		return failure_set(change->failure, CW_RPC_CONFLICT, "name", LEASE_VTEP,
			"rename it", "a vtep %s exists with another address", LEASE_VTEP);
	return put_vtep(change, existing);
}

// --- tunnels

struct nexthop_search {
	const struct change *change;
	const struct cw_ip *remote;
	uint32_t id;
};

static int
leads_there(void *arg, struct object *object)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;
	struct nexthop_search *search = arg;

	if (!is_ours(object) || nexthop->vtep != search->change->vtep
		|| nexthop->network != search->change->network
		|| !ip_same_address(&nexthop->via, search->remote))
		return 0;
	search->id = nexthop->id;
	return 1;
}

// Returns 0 with failure.
static uint32_t
new_tunnel(struct change *change, const struct cw_ip *remote)
{
	const int64_t id =
		objects_free_id(change->d->objects, OBJECT_NEXTHOP, change->n_new_nexthops);
	struct nexthop *nexthop;

	if (id < 0) {
		no_identifier(change, "next hop");
		return 0;
	}
	nexthop = object_new(OBJECT_NEXTHOP, nexthop_size(0));
	if (nexthop == NULL) {
		json_no_memory(change->failure);
		return 0;
	}
	nexthop->id = (uint32_t)id;
	nexthop->network = change->network;
	nexthop->kind = CW_NEXTHOP_TUNNEL;
	nexthop->vtep = change->vtep;
	nexthop->via = ip_host(remote);
	put(change, &nexthop->object);
	change->n_new_nexthops++;
	return nexthop->id;
}

// The tunnel to a node; ids has those of the remotes before it. Returns 0 with failure.
static uint32_t
tunnel_to(struct change *change, unsigned int index, const uint32_t *ids)
{
	const struct lease_remote *remotes = change->wanted->remotes;
	const struct cw_ip *remote = &remotes[index].address;
	struct nexthop_search search = {change, remote, 0};

	for (unsigned int i = 0; i < index; i++)
		if (ip_same_address(&remotes[i].address, remote))
			return ids[i];
	if (objects_each(change->d->objects, OBJECT_NEXTHOP, leads_there, &search) == 0)
		search.id = new_tunnel(change, remote);
	return search.id;
}

// --- routes

static int
put_route(struct change *change, const struct cw_ip *prefix, uint32_t nexthop)
{
	const struct route probe = {
		.object.type = OBJECT_ROUTE, .network = change->network, .prefix = *prefix};
	const struct route *existing =
		(const struct route *)objects_find(change->d->objects, &probe.object);
	struct route *route;

	if (existing != NULL
		&& (existing->object.origin < ORIGIN_LEASE
			|| (is_ours(&existing->object) && existing->nexthop == nexthop)))
		return 0;
	route = object_new(OBJECT_ROUTE, sizeof(*route));
	if (route == NULL)
		return json_no_memory(change->failure);
	route->network = change->network;
	route->prefix = *prefix;
	route->nexthop = nexthop;
	put(change, &route->object);
	return 0;
}

static int
add_remotes(struct change *change)
{
	const struct lease_objects *wanted = change->wanted;
	uint32_t *ids = calloc(wanted->n_remotes + 1, sizeof(*ids));
	int ret = ids != NULL ? 0 : json_no_memory(change->failure);

	for (unsigned int i = 0; i < wanted->n_remotes && ret == 0 && change->vtep != 0; i++) {
		ids[i] = tunnel_to(change, i, ids);
		if (ids[i] == 0) {
			ret = -1;
			break;
		}
		change->keeps[ids[i]] = true;
		ret = put_route(change, &wanted->remotes[i].subnet, ids[i]);
	}
	free(ids);
	return ret;
}

// --- what is left over

static bool
is_wanted_prefix(const struct change *change, const struct cw_ip *prefix)
{
	for (unsigned int i = 0; i < change->wanted->n_remotes && change->vtep != 0; i++)
		if (ip_same_address(&change->wanted->remotes[i].subnet, prefix)
			&& change->wanted->remotes[i].subnet.prefix == prefix->prefix)
			return true;
	return false;
}

static int
drop_route(void *arg, struct object *object)
{
	struct change *change = arg;

	if (is_ours(object) && !is_wanted_prefix(change, &((const struct route *)object)->prefix))
		drop(change, object);
	return 0;
}

static int
drop_nexthop(void *arg, struct object *object)
{
	struct change *change = arg;

	if (is_ours(object) && !change->keeps[((const struct nexthop *)object)->id])
		drop(change, object);
	return 0;
}

static int
drop_vtep(void *arg, struct object *object)
{
	struct change *change = arg;

	if (is_ours(object) && ((const struct vtep *)object)->id != change->vtep)
		drop(change, object);
	return 0;
}

static void
drop_unwanted(struct change *change)
{
	struct objects *objects = change->d->objects;

	objects_each(objects, OBJECT_ROUTE, drop_route, change);
	objects_each(objects, OBJECT_NEXTHOP, drop_nexthop, change);
	objects_each(objects, OBJECT_VTEP, drop_vtep, change);
}

int
lease_objects_change(struct transaction *t, struct causewayd *d, const struct lease_objects *wanted,
	struct failure *failure)
{
	const struct network *network = network_find(d->objects, CW_DEFAULT_NETWORK);
	struct change change = {.t = t, .d = d, .wanted = wanted, .failure = failure};
	int ret;

	if (network == NULL)
		return 0;
	change.network = network->id;
	change.keeps = calloc(CW_MAX_NEXTHOPS, sizeof(*change.keeps));
	if (change.keeps == NULL)
		return json_no_memory(failure);
	ret = choose_vtep(&change);
	if (ret == 0)
		ret = add_remotes(&change);
	if (ret == 0)
		drop_unwanted(&change);
	free(change.keeps);
	return ret < 0 ? ret : change.n;
}
