/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve.h"

#include <stdlib.h>
#include <sys/queue.h>

#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_jhash.h>

#include "log.h"
#include "resolve_request.h"
#include "tables/neighbor.h"
#include "tables/nexthop.h"
#include "worker_control.h"

enum state {
	ASKING = 1, // everybody on the link
	KNOWN,
	PROBING, // the one that has it
};

struct key {
	struct cw_ip ip;
	uint32_t network;
};

struct entry {
	TAILQ_ENTRY(entry) next;
	struct key key;
	uint8_t state;
	uint8_t tries; // requests of this state so far
	uint16_t port; // ASKING: the only one to ask, 0: all of the network
	struct rte_ether_addr mac;
	uint32_t due_s; // when to go on
};

struct resolve {
	struct dataplane *dp;
	struct objects *objects;
	struct rte_hash *by_key; // of struct entry
	TAILQ_HEAD(, entry) entries;
	uint32_t count, now_s;
	bool changed; // what next hops and workers were not told
};

struct resolve *
resolve_create(struct dataplane *dp, struct objects *objects)
{
	static unsigned int serial;
	char name[RTE_HASH_NAMESIZE];
	const struct rte_hash_parameters parameters = {
		.name = name,
		.entries = RESOLVE_MAX,
		.key_len = sizeof(struct key),
		.hash_func = rte_jhash,
		.socket_id = SOCKET_ID_ANY,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};
	struct resolve *resolve = calloc(1, sizeof(*resolve));

	if (resolve == NULL)
		return NULL;
	snprintf(name, sizeof(name), "resolve-%u", serial++);
	resolve->dp = dp;
	resolve->objects = objects;
	TAILQ_INIT(&resolve->entries);
	resolve->by_key = rte_hash_create(&parameters);
	if (resolve->by_key == NULL) {
		free(resolve);
		return NULL;
	}
	return resolve;
}

static struct key
make_key(uint16_t network, const struct cw_ip *ip)
{
	struct key key = {.network = network, .ip = {.family = ip->family}};

	key.ip.prefix = ip->family == 4 ? 32 : 128;
	memcpy(key.ip.addr, ip->addr, ip->family == 4 ? 4 : 16);
	return key;
}

static struct entry *
find(const struct resolve *resolve, const struct key *key)
{
	void *entry;

	return rte_hash_lookup_data(resolve->by_key, key, &entry) >= 0 ? entry : NULL;
}

static void
forget(struct resolve *resolve, struct entry *entry)
{
	if (neighbor_del(resolve->dp->neighbors, NEIGHBOR_RESOLVED, (uint16_t)entry->key.network,
		    &entry->key.ip)
		== 0)
		resolve->changed = true;
	rte_hash_del_key(resolve->by_key, &entry->key);
	TAILQ_REMOVE(&resolve->entries, entry, next);
	resolve->count--;
	free(entry);
}

void
resolve_free(struct resolve *resolve)
{
	struct entry *entry;

	if (resolve == NULL)
		return;
	while ((entry = TAILQ_FIRST(&resolve->entries)) != NULL)
		forget(resolve, entry);
	rte_hash_free(resolve->by_key);
	free(resolve);
}

uint32_t
resolve_count(const struct resolve *resolve)
{
	return resolve->count;
}

static const struct network *
resolving_network(const struct resolve *resolve, uint32_t id)
{
	const struct network *network =
		id < CW_MAX_NETWORKS ? dp_network(resolve->dp, (uint16_t)id) : NULL;

	return network != NULL && network->resolve ? network : NULL;
}

// One more request of the entry's state, and the time for the next.
static void
ask(struct resolve *resolve, struct entry *entry)
{
	const struct network *network = resolving_network(resolve, entry->key.network);
	const struct resolve_question question = {
		.network = network,
		.ip = entry->key.ip,
		.port = entry->port,
		.mac = entry->state == PROBING ? &entry->mac : NULL,
	};

	resolve_request_send(resolve->dp, &question);
	entry->tries++;
	entry->due_s = resolve->now_s + 1;
}

static void
start(struct resolve *resolve, struct entry *entry, enum state state)
{
	entry->state = (uint8_t)state;
	entry->tries = 0;
	ask(resolve, entry);
}

// The port that a next hop without MAC names: its gateway is there and nowhere else.
static uint16_t
port_of(const struct resolve *resolve, uint32_t nexthop)
{
	const struct cw_nexthop *object = nexthop_object(resolve->dp->nexthops, nexthop);

	return object != NULL && object->kind == CW_NEXTHOP_PORT ? (uint16_t)object->port : 0;
}

static struct entry *
add(struct resolve *resolve, const struct key *key)
{
	struct entry *entry = resolve->count < RESOLVE_MAX ? calloc(1, sizeof(*entry)) : NULL;

	if (entry == NULL)
		return NULL;
	entry->key = *key;
	if (rte_hash_add_key_data(resolve->by_key, key, entry) != 0) {
		free(entry);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&resolve->entries, entry, next);
	resolve->count++;
	return entry;
}

bool
resolve_wanted(struct resolve *resolve, uint16_t network, const struct cw_ip *ip, uint32_t nexthop)
{
	const struct key key = make_key(network, ip);
	struct entry *entry;

	if (resolving_network(resolve, network) == NULL)
		return false;
	entry = find(resolve, &key);
	if (entry != NULL && entry->state != KNOWN)
		return true; // on its way
	if (entry == NULL)
		entry = add(resolve, &key);
	if (entry == NULL) {
		objects_table_full(resolve->objects, CW_ITEM_NEIGHBOR, network);
		return true;
	}
	entry->port = port_of(resolve, nexthop);
	start(resolve, entry, ASKING);
	return true;
}

static const struct neighbor *
lookup(const struct resolve *resolve, const struct key *key)
{
	rte_be32_t ip4;

	memcpy(&ip4, key->ip.addr, sizeof(ip4));
	return key->ip.family == 6
		       ? neighbor_lookup6(
			       resolve->dp->neighbors, (uint16_t)key->network, key->ip.addr)
		       : neighbor_lookup4(resolve->dp->neighbors, (uint16_t)key->network, ip4);
}

// Into the table, unless somebody with a better claim is there.
static void
publish(struct resolve *resolve, const struct entry *entry)
{
	const struct neighbor *known = lookup(resolve, &entry->key);
	int error;

	if (known != NULL
		&& (known->kind != NEIGHBOR_RESOLVED
			|| (known->port == entry->port && known->nexthop.action == NEXTHOP_FORWARD
				&& rte_is_same_ether_addr(&known->mac, &entry->mac))))
		return;
	error = neighbor_set(resolve->dp->neighbors, NEIGHBOR_RESOLVED,
		(uint16_t)entry->key.network, &entry->key.ip, &entry->mac, entry->port);
	if (error == -ENOSPC)
		objects_table_full(
			resolve->objects, CW_ITEM_NEIGHBOR, (uint16_t)entry->key.network);
	resolve->changed = true;
}

void
resolve_seen(struct resolve *resolve, uint16_t network, uint16_t port,
	const struct rte_ether_addr *mac, const struct cw_ip *ip)
{
	const struct key key = make_key(network, ip);
	struct entry *entry = find(resolve, &key);

	if (entry == NULL || !rte_is_valid_assigned_ether_addr(mac)
		|| resolving_network(resolve, network) == NULL
		|| dp_port_get(resolve->dp, port) == NULL)
		return;
	entry->state = KNOWN;
	entry->due_s = resolve->now_s + RESOLVE_REACHABLE_S;
	entry->mac = *mac;
	entry->port = port;
	publish(resolve, entry);
}

void
resolve_settle(struct resolve *resolve)
{
	if (!resolve->changed)
		return;
	resolve->changed = false;
	nexthops_resolve(resolve->dp->nexthops);
	worker_wake_holders(resolve->dp);
}

static void
go_on(struct resolve *resolve, struct entry *entry)
{
	if (resolving_network(resolve, entry->key.network) == NULL)
		forget(resolve, entry);
	else if (resolve->now_s < entry->due_s)
		return;
	else if (entry->state == KNOWN)
		start(resolve, entry, PROBING);
	else if (entry->tries < RESOLVE_TRIES)
		ask(resolve, entry);
	else
		forget(resolve, entry);
}

void
resolve_second(struct resolve *resolve)
{
	struct entry *entry, *next;

	resolve->now_s++;
	for (entry = TAILQ_FIRST(&resolve->entries); entry != NULL; entry = next) {
		next = TAILQ_NEXT(entry, next);
		go_on(resolve, entry);
	}
	resolve_settle(resolve);
}
