/* SPDX-License-Identifier: Apache-2.0 */
#include "learned_peers.h"

#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "log.h"

#define REQUESTS_MAX 64 // that wait for their turn; who is not among them is heard again

struct learned_peers {
	struct causewayd *d;
	bool queued, is_full; // the latter was said
	unsigned int n;
	struct cw_remote_wanted request[REQUESTS_MAX];
};

struct learned_peers *
learned_peers_create(struct causewayd *d)
{
	struct learned_peers *peers = calloc(1, sizeof(*peers));

	if (peers != NULL)
		peers->d = d;
	return peers;
}

void
learned_peers_free(struct learned_peers *peers)
{
	free(peers);
}

static bool
is_learned(const struct object *object)
{
	return object->type == OBJECT_NEXTHOP && object->origin == ORIGIN_LEARNED;
}

// --- what there is

struct search {
	const struct cw_remote_wanted *wanted;
	uint32_t n; // learned ones
};

// Stops at a tunnel to the peer, whoever wants it.
static int
look_for_peer(void *arg, struct object *object)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;
	struct search *search = arg;

	search->n += is_learned(object);
	return nexthop->kind == CW_NEXTHOP_TUNNEL && nexthop->vtep == search->wanted->vtep
	       && nexthop->network == search->wanted->network
	       && ip_same_address(&nexthop->via, &search->wanted->ip);
}

static bool
may_be_added(struct learned_peers *peers, const struct cw_remote_wanted *wanted, uint32_t n_added)
{
	const struct vtep *vtep = vtep_by_id(peers->d->objects, wanted->vtep);
	struct search search = {.wanted = wanted};

	if (vtep == NULL || network_by_id(peers->d->objects, wanted->network) == NULL
		|| vtep->kind != CW_TUNNEL_VXLAN || vtep->address.family != wanted->ip.family)
		return false;
	if (objects_each(peers->d->objects, OBJECT_NEXTHOP, look_for_peer, &search) != 0)
		return false;
	if (search.n + n_added < LEARNED_PEERS_MAX)
		return true;
	if (!peers->is_full)
		log_warning("too many tunnel peers are learned: more are reached by flooding alone "
			    "limit=%d",
			LEARNED_PEERS_MAX);
	peers->is_full = true;
	return false;
}

// --- changes

static bool
put_peer(struct learned_peers *peers, struct transaction *t, const struct cw_remote_wanted *wanted,
	uint32_t n_added)
{
	const int64_t id = objects_free_id(peers->d->objects, OBJECT_NEXTHOP, n_added);
	struct nexthop *nexthop;

	if (id < 0)
		return false;
	nexthop = object_new(OBJECT_NEXTHOP, sizeof(*nexthop));
	if (nexthop != NULL) {
		nexthop->object.origin = ORIGIN_LEARNED;
		nexthop->id = (uint32_t)id;
		nexthop->network = wanted->network;
		nexthop->kind = CW_NEXTHOP_TUNNEL;
		nexthop->via = wanted->ip;
		nexthop->vtep = wanted->vtep;
	}
	transaction_put(t, nexthop != NULL ? &nexthop->object : NULL);
	return true;
}

static uint32_t
put_peers(struct learned_peers *peers, struct transaction *t)
{
	uint32_t n_added = 0;

	for (unsigned int i = 0; i < peers->n; i++)
		if (may_be_added(peers, &peers->request[i], n_added)
			&& put_peer(peers, t, &peers->request[i], n_added))
			n_added++;
	peers->n = 0;
	return n_added;
}

struct sweep {
	struct transaction *t;
	const struct objects *objects;
	enum object_type type; // OBJECT_TYPES: whose vtep or network is gone
	uint32_t id, n;
};

static int
sweep_peer(void *arg, struct object *object)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;
	struct sweep *sweep = arg;
	bool goes = sweep->id == (sweep->type == OBJECT_VTEP ? nexthop->vtep : nexthop->network);

	if (sweep->type == OBJECT_TYPES)
		goes = vtep_by_id(sweep->objects, nexthop->vtep) == NULL
		       || network_by_id(sweep->objects, nexthop->network) == NULL;
	if (!is_learned(object) || !goes)
		return 0;
	transaction_delete(sweep->t, object);
	sweep->n++;
	return 0;
}

uint32_t
learned_peers_release(
	struct transaction *t, struct causewayd *d, enum object_type type, uint32_t id)
{
	struct sweep sweep = {.t = t, .objects = d->objects, .type = type, .id = id};

	objects_each(d->objects, OBJECT_NEXTHOP, sweep_peer, &sweep);
	return sweep.n;
}

static void
on_done(void *arg, const struct failure *failure)
{
	struct learned_peers *peers = arg;

	if (failure->code != 0)
		log_warning("learned tunnel peers are not followed: %s", failure->message);
	changes_next(peers->d->changes);
}

static void
on_turn(void *arg)
{
	struct learned_peers *peers = arg;
	struct transaction *t = transaction_new(peers->d);

	peers->queued = false;
	if (t == NULL) {
		changes_next(peers->d->changes);
		return;
	}
	if (learned_peers_release(t, peers->d, OBJECT_TYPES, 0) + put_peers(peers, t) == 0) {
		transaction_abort(t);
		changes_next(peers->d->changes);
		return;
	}
	transaction_run(t, false, on_done, peers);
}

static void
schedule(struct learned_peers *peers)
{
	if (!peers->queued)
		peers->queued = changes_queue(peers->d->changes, on_turn, peers) == 0;
}

void
learned_peers_wanted(struct learned_peers *peers, const struct cw_remote_wanted *wanted)
{
	char text[IP_TEXT_LEN];

	if (peers == NULL || peers->n == REQUESTS_MAX)
		return;
	log_debug("stations are heard behind a tunnel peer peer=%s vtep=%u network=%u",
		ip_format(&wanted->ip, text), wanted->vtep, wanted->network);
	peers->request[peers->n++] = *wanted;
	schedule(peers);
}

void
learned_peers_note(
	struct learned_peers *peers, const struct object *before, const struct object *after)
{
	if (peers != NULL && before != NULL && after == NULL
		&& (before->type == OBJECT_VTEP || before->type == OBJECT_NETWORK))
		schedule(peers);
}
