/* SPDX-License-Identifier: Apache-2.0 */
#include "port_change.h"

#include <errno.h>
#include <stdlib.h>

#include "objects/nexthop.h"
#include "vf/vf_way.h"

struct sweep {
	struct transaction *t;
	struct causewayd *d;
	uint32_t port;
	bool vteps[CW_MAX_VTEPS]; // by identifier: of the port
	bool *nexthops; // by identifier: leads to the port
	unsigned int rank; // of next hops
	bool leads;
	uint32_t *gone; // references to automatic next hops that go, by identifier
	int configured;
};

static void
drop(struct sweep *sweep, struct object *object)
{
	transaction_delete(sweep->t, object);
	sweep->configured += !object_is_mirrored(object);
}

static int
sweep_port(void *arg, struct object *object)
{
	const struct port *port = (const struct port *)object;
	struct sweep *sweep = arg;

	if (port->parent != sweep->port)
		return 0;
	// A VF pod stays, and waits for another uplink; but not what is configured behind its port.
	if (objects_users(sweep->d->objects, OBJECT_PORT, port->id) > 0
		|| !vf_way_take(sweep->t, sweep->d, port))
		drop(sweep, object);
	return 0;
}

static int
sweep_vtep(void *arg, struct object *object)
{
	const struct vtep *vtep = (const struct vtep *)object;
	struct sweep *sweep = arg;

	if (vtep->port == sweep->port) {
		sweep->vteps[vtep->id] = true;
		drop(sweep, object);
	}
	return 0;
}

static void
drop_station(struct sweep *sweep, struct object *object, uint32_t port, uint32_t nexthop)
{
	if (nexthop != 0 ? sweep->nexthops[nexthop] : port == sweep->port)
		drop(sweep, object);
}

static int
sweep_neighbor(void *arg, struct object *object)
{
	struct sweep *sweep = arg;

	const struct neighbor *neighbor = (const struct neighbor *)object;

	drop_station(sweep, object, neighbor->port, neighbor->nexthop);
	return 0;
}

static int
sweep_fdb(void *arg, struct object *object)
{
	struct sweep *sweep = arg;

	const struct fdb *fdb = (const struct fdb *)object;

	drop_station(sweep, object, fdb->port, fdb->nexthop);
	return 0;
}

static int
sweep_nexthop(void *arg, struct object *object)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;
	struct sweep *sweep = arg;

	if (nexthop->kind == CW_NEXTHOP_PORT && nexthop->port == sweep->port) {
		sweep->nexthops[nexthop->id] = true;
		drop(sweep, object);
	}
	return 0;
}

static void
count_nexthop(void *arg, enum object_type type, uint32_t id)
{
	uint32_t *gone = arg;

	if (type == OBJECT_NEXTHOP)
		gone[id]++;
}

static void
find_leading(void *arg, enum object_type type, uint32_t id)
{
	struct sweep *sweep = arg;

	sweep->leads |= type == OBJECT_NEXTHOP && sweep->nexthops[id];
	sweep->leads |= type == OBJECT_VTEP && sweep->vteps[id];
}

// Next hops of one rank that refer to some that lead to the port: groups, tunnels.
static int
sweep_rank(void *arg, struct object *object)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;
	struct sweep *sweep = arg;

	if (nexthop_rank(nexthop) != sweep->rank)
		return 0;
	sweep->leads = false;
	nexthop_class.references(object, find_leading, sweep);
	if (!sweep->leads)
		return 0;
	sweep->nexthops[nexthop->id] = true;
	nexthop_class.references(object, count_nexthop, sweep->gone);
	drop(sweep, object);
	return 0;
}

static int
sweep_route(void *arg, struct object *object)
{
	struct sweep *sweep = arg;

	if (sweep->nexthops[((struct route *)object)->nexthop])
		drop(sweep, object);
	return 0;
}

static bool
is_released(
	struct causewayd *d, const struct nexthop *nexthop, const uint32_t gone[CW_MAX_NEXTHOPS])
{
	return nexthop != NULL && nexthop->automatic && !object_is_mirrored(&nexthop->object)
	       && gone[nexthop->id] > 0
	       && objects_users(d->objects, OBJECT_NEXTHOP, nexthop->id) <= gone[nexthop->id];
}

void
nexthops_release(struct transaction *t, struct causewayd *d, uint32_t gone[CW_MAX_NEXTHOPS])
{
	// From the highest rank down: what goes may be the last reference to those below.
	for (unsigned int rank = NEXTHOP_RANKS; rank-- > 0;)
		for (uint32_t id = 1; id < CW_MAX_NEXTHOPS; id++) {
			struct nexthop *nexthop =
				gone[id] > 0 ? nexthop_by_id(d->objects, id) : NULL;

			if (!is_released(d, nexthop, gone) || nexthop_rank(nexthop) != rank)
				continue;
			transaction_delete(t, &nexthop->object);
			nexthop_class.references(&nexthop->object, count_nexthop, gone);
		}
}

int
port_delete(struct transaction *t, struct causewayd *d, struct port *port)
{
	struct sweep sweep = {.t = t, .d = d, .port = port->id};

	transaction_delete(t, &port->object);
	if (objects_users(d->objects, OBJECT_PORT, port->id) == 0)
		return 0;
	sweep.nexthops = calloc(CW_MAX_NEXTHOPS, sizeof(*sweep.nexthops));
	sweep.gone = calloc(CW_MAX_NEXTHOPS, sizeof(*sweep.gone));
	if (sweep.nexthops == NULL || sweep.gone == NULL) {
		free(sweep.nexthops);
		free(sweep.gone);
		return -ENOMEM;
	}
	objects_each(d->objects, OBJECT_PORT, sweep_port, &sweep);
	objects_each(d->objects, OBJECT_VTEP, sweep_vtep, &sweep);
	objects_each(d->objects, OBJECT_NEXTHOP, sweep_nexthop, &sweep);
	for (sweep.rank = 1; sweep.rank < NEXTHOP_RANKS; sweep.rank++)
		objects_each(d->objects, OBJECT_NEXTHOP, sweep_rank, &sweep);
	objects_each(d->objects, OBJECT_NEIGHBOR, sweep_neighbor, &sweep);
	objects_each(d->objects, OBJECT_FDB, sweep_fdb, &sweep);
	objects_each(d->objects, OBJECT_ROUTE, sweep_route, &sweep);
	for (uint32_t id = 1; id < CW_MAX_NEXTHOPS; id++)
		if (sweep.nexthops[id])
			sweep.gone[id] = 0; // goes already
	nexthops_release(t, d, sweep.gone);
	free(sweep.nexthops);
	free(sweep.gone);
	return sweep.configured;
}
