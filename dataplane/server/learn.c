/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_jhash.h>
#include <rte_ring.h>

#include "learn.h"
#include "resolve.h"
#include "tables/fdb.h"
#include "tables/nexthop.h"
#include "tables/vtep.h"

#define EVENTS_PER_POLL 1024
#define AGE_STEPS 64 // of some thousand entries each, a second
#define WANTED_SLOTS 1024 // a power of two
#define WANTED_AGAIN_S 1

// Neighbours and tunnel peers that were asked for lately. Two that share a slot cost an event more,
// no less.
struct wanted {
	uint32_t network;
	uint32_t vtep; // of a peer, 0: neighbour
	struct cw_ip ip;
	uint32_t asked_s_plus_1; // 0: unused
};

struct learn {
	struct dataplane *dp;
	struct objects *objects;
	struct resolve *resolve;
	objects_emit *emit;
	void *arg;
	uint64_t clock_start, cycles_per_s;
	struct wanted wanted[WANTED_SLOTS];
};

struct learn *
learn_create(struct dataplane *dp, struct objects *objects, uint64_t clock_start,
	objects_emit *emit, void *arg)
{
	struct learn *learn = calloc(1, sizeof(*learn));

	if (learn == NULL)
		return NULL;
	learn->resolve = resolve_create(dp, objects);
	if (learn->resolve == NULL) {
		free(learn);
		return NULL;
	}
	learn->dp = dp;
	learn->objects = objects;
	learn->emit = emit;
	learn->arg = arg;
	learn->clock_start = clock_start;
	learn->cycles_per_s = RTE_MAX(rte_get_tsc_hz() / 1000000, UINT64_C(1)) * 1000000;
	return learn;
}

void
learn_free(struct learn *learn)
{
	if (learn != NULL)
		resolve_free(learn->resolve);
	free(learn);
}

uint32_t
learn_now_s(const struct learn *learn)
{
	return (uint32_t)((rte_rdtsc() - learn->clock_start) / learn->cycles_per_s);
}

static bool
is_learned(const struct learn *learn, uint16_t network, const struct rte_ether_addr *mac)
{
	const fdb_key key = fdb_make_key(network, mac);
	struct fdb_entry entry;

	return fdb_lookup_bulk(learn->dp->fdb, &key, 1, &entry) != 0 && entry.learned != 0;
}

static bool
port_is_in(const struct dp_port *port, uint16_t network)
{
	if (port->network == network)
		return true;
	for (uint16_t i = 0; i < port->n_trunk + port->n_shared; i++)
		if (port->trunk[i].network == network)
			return true;
	return false;
}

static bool
may_learn(struct learn *learn, const struct dp_event *event)
{
	const struct network *network;

	if (event->network >= CW_MAX_NETWORKS)
		return false;
	network = dp_network(learn->dp, event->network);
	if (network == NULL || !network->learning || !rte_is_valid_assigned_ether_addr(&event->mac)
		|| rte_is_same_ether_addr(&event->mac, &network->router_mac))
		return false;
	if (fdb_count_learned(learn->dp->fdb, event->network) >= network->learn_limit
		&& !is_learned(learn, event->network, &event->mac)) {
		objects_table_full(learn->objects, CW_ITEM_FDB, event->network);
		return false;
	}
	return true;
}

// The event may be older than the port, the network or its wish to learn.
static void
learn_address(struct learn *learn, const struct dp_event *event)
{
	const struct dp_port *port;
	int error;

	if (event->port >= CW_MAX_PORTS)
		return;
	port = dp_port_get(learn->dp, event->port);
	if (port == NULL || !port_is_in(port, event->network) || !may_learn(learn, event))
		return;
	error = fdb_set(
		learn->dp->fdb, event->network, &event->mac, event->port, true, learn_now_s(learn));
	if (error == -ENOSPC)
		objects_table_full(learn->objects, CW_ITEM_FDB, event->network);
}

// Whether this was asked for within the last second; if not, it is now.
static bool
was_asked(struct learn *learn, const struct dp_event *event, uint32_t vtep)
{
	const uint32_t hash = rte_jhash(&event->ip, sizeof(event->ip), event->network | vtep << 16);
	struct wanted *wanted = &learn->wanted[hash & (WANTED_SLOTS - 1)];
	const uint32_t now_s = learn_now_s(learn);

	if (wanted->asked_s_plus_1 != 0 && wanted->network == event->network && wanted->vtep == vtep
		&& memcmp(&wanted->ip, &event->ip, sizeof(event->ip)) == 0
		&& now_s + 1 - wanted->asked_s_plus_1 < WANTED_AGAIN_S)
		return true;
	*wanted = (struct wanted){event->network, vtep, event->ip, now_s + 1};
	return false;
}

// The control plane may make a next hop to the peer; until then its stations are reached by
// flooding alone.
static void
want_remote(struct learn *learn, const struct dp_event *event)
{
	const struct cw_remote_wanted item = {
		.item = {.type = CW_ITEM_REMOTE_WANTED, .length = sizeof(item)},
		.network = event->network,
		.vtep = event->value,
		.ip = event->ip,
	};

	if (!was_asked(learn, event, event->value))
		learn->emit(learn->arg, &item.item);
}

static void
learn_remote(struct learn *learn, const struct dp_event *event)
{
	uint32_t nexthop = 0;
	int error;

	if (event->value >= CW_MAX_VTEPS || vtep_get(learn->dp->vteps, event->value) == NULL
		|| !may_learn(learn, event))
		return;
	nexthop_has_remote(
		learn->dp->nexthops, (uint16_t)event->value, event->network, &event->ip, &nexthop);
	if (nexthop == 0) {
		want_remote(learn, event);
		return;
	}
	error = fdb_set_behind(
		learn->dp->fdb, event->network, &event->mac, nexthop, true, learn_now_s(learn));
	if (error == -ENOSPC)
		objects_table_full(learn->objects, CW_ITEM_FDB, event->network);
}

static void
want_neighbor(struct learn *learn, const struct dp_event *event)
{
	const struct cw_neighbor_wanted item = {
		.item = {.type = CW_ITEM_NEIGHBOR_WANTED, .length = sizeof(item)},
		.network = event->network,
		.ip = event->ip,
		.nexthop = event->value,
	};

	if (resolve_wanted(learn->resolve, event->network, &event->ip, event->value))
		return;
	if (!was_asked(learn, event, 0))
		learn->emit(learn->arg, &item.item);
}

void
learn_event(struct learn *learn, const struct dp_event *event)
{
	if (event->type == DP_EVENT_LEARN)
		learn_address(learn, event);
	else if (event->type == DP_EVENT_LEARN_REMOTE)
		learn_remote(learn, event);
	else if (event->type == DP_EVENT_NEIGHBOR_WANTED)
		want_neighbor(learn, event);
	else if (event->type == DP_EVENT_NEIGHBOR_SEEN)
		resolve_seen(learn->resolve, event->network, event->port, &event->mac, &event->ip);
}

unsigned int
learn_poll(struct learn *learn)
{
	struct dp_event event;
	unsigned int n = 0;

	while (n < EVENTS_PER_POLL
		&& rte_ring_dequeue_elem(learn->dp->events, &event, sizeof(event)) == 0) {
		learn_event(learn, &event);
		n++;
	}
	resolve_settle(learn->resolve);
	return n;
}

static uint32_t
age_of(void *arg, uint16_t network)
{
	const struct network *n = dp_network(arg, network);

	return n != NULL && n->learning ? n->learn_age_s : 0;
}

void
learn_age(struct learn *learn)
{
	const uint32_t now_s = learn_now_s(learn);

	resolve_second(learn->resolve);
	for (unsigned int i = 0; i < AGE_STEPS; i++)
		fdb_age(learn->dp->fdb, now_s, age_of, learn->dp);
}
