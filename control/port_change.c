/* SPDX-License-Identifier: Apache-2.0 */
#include "port_change.h"

#include <errno.h>
#include <stdlib.h>

struct sweep {
	struct transaction *t;
	struct causewayd *d;
	uint32_t port;
	bool *nexthops; // by identifier: leads to the port
	uint32_t *gone; // references to automatic next hops that go, by identifier
	int n;
};

static void
drop(struct sweep *sweep, struct object *object)
{
	transaction_delete(sweep->t, object);
	sweep->n++;
}

static int
sweep_neighbor(void *arg, struct object *object)
{
	struct sweep *sweep = arg;

	if (((struct neighbor *)object)->port == sweep->port)
		drop(sweep, object);
	return 0;
}

static int
sweep_fdb(void *arg, struct object *object)
{
	struct sweep *sweep = arg;

	if (((struct fdb *)object)->port == sweep->port)
		drop(sweep, object);
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

static int
sweep_group(void *arg, struct object *object)
{
	const struct nexthop *group = (const struct nexthop *)object;
	struct sweep *sweep = arg;
	bool leads = false;

	for (uint32_t i = 0; i < group->n_members; i++)
		leads |= sweep->nexthops[group->members[i].nexthop];
	if (!leads)
		return 0;
	sweep->nexthops[group->id] = true;
	for (uint32_t i = 0; i < group->n_members; i++)
		sweep->gone[group->members[i].nexthop]++;
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
	return nexthop != NULL && nexthop->automatic && gone[nexthop->id] > 0
	       && objects_users(d->objects, OBJECT_NEXTHOP, nexthop->id) <= gone[nexthop->id];
}

void
nexthops_release(struct transaction *t, struct causewayd *d, uint32_t gone[CW_MAX_NEXTHOPS])
{
	// Groups first: what goes with them may be the last references to their members.
	for (unsigned int pass = 0; pass < 2; pass++)
		for (uint32_t id = 1; id < CW_MAX_NEXTHOPS; id++) {
			struct nexthop *nexthop =
				gone[id] > 0 ? nexthop_by_id(d->objects, id) : NULL;

			if (!is_released(d, nexthop, gone)
				|| (nexthop->kind == CW_NEXTHOP_GROUP) != (pass == 0))
				continue;
			transaction_delete(t, &nexthop->object);
			for (uint32_t i = 0; i < nexthop->n_members; i++)
				gone[nexthop->members[i].nexthop]++;
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
	objects_each(d->objects, OBJECT_NEIGHBOR, sweep_neighbor, &sweep);
	objects_each(d->objects, OBJECT_FDB, sweep_fdb, &sweep);
	objects_each(d->objects, OBJECT_NEXTHOP, sweep_nexthop, &sweep);
	objects_each(d->objects, OBJECT_NEXTHOP, sweep_group, &sweep);
	objects_each(d->objects, OBJECT_ROUTE, sweep_route, &sweep);
	for (uint32_t id = 1; id < CW_MAX_NEXTHOPS; id++)
		if (sweep.nexthops[id])
			sweep.gone[id] = 0; // goes already
	nexthops_release(t, d, sweep.gone);
	free(sweep.nexthops);
	free(sweep.gone);
	return sweep.n;
}
