/* SPDX-License-Identifier: Apache-2.0 */
#include "neighbor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_jhash.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "dataplane.h"
#include "route_blocks.h"

struct key4 {
	rte_be32_t ip;
	uint32_t network;
};

struct key6 {
	uint8_t ip[16];
	uint64_t network;
};

#define BLOCKS 65536u // places for counts of neighbours, a power of 2

// Values are pointers to struct neighbor; replaced ones are freed after a grace period.
struct neighbors {
	struct dataplane *dp;
	struct rte_hash *v4, *v6;
	uint32_t hash_seed;
	uint32_t max_entries, count;
	int socket_id;
	// IPv4 addresses, but for those that blocks leave out, of the /24s that have this place;
	// more than one may.
	uint32_t block[BLOCKS];
};

static inline hash_sig_t
signature4(const struct neighbors *neighbors, const struct key4 *key)
{
	return rte_jhash_2words(key->ip, key->network, neighbors->hash_seed);
}

static inline hash_sig_t
signature6(const struct neighbors *neighbors, const struct key6 *key)
{
	return rte_jhash_32b(
		(const uint32_t *)(const void *)key, sizeof(*key) / 4, neighbors->hash_seed);
}

static inline struct key4
make_key4(uint16_t network, rte_be32_t ip)
{
	return (struct key4){.ip = ip, .network = network};
}

static inline struct key6
make_key6(uint16_t network, const uint8_t *ip)
{
	struct key6 key = {.network = network};

	memcpy(key.ip, ip, sizeof(key.ip));
	return key;
}

static inline uint32_t
block_of(const struct neighbors *neighbors, uint16_t network, rte_be32_t ip)
{
	return rte_jhash_2words(ip & RTE_BE32(0xffffff00), network, neighbors->hash_seed) % BLOCKS;
}

static int
same_key4(const void *a, const void *b, size_t len)
{
	return memcmp(a, b, sizeof(struct key4));
}

static int
same_key6(const void *a, const void *b, size_t len)
{
	return memcmp(a, b, sizeof(struct key6));
}

static struct rte_hash *
make_hash(const struct neighbors *neighbors, const char *prefix, uint32_t key_len,
	rte_hash_cmp_eq_t compare)
{
	struct rte_hash_rcu_config rcu = {.v = neighbors->dp->qsbr, .mode = RTE_HASH_QSBR_MODE_DQ};
	static unsigned int serial;
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters parameters = {
		.name = name,
		.entries = RTE_MAX(neighbors->max_entries, 16u),
		.key_len = key_len,
		.socket_id = neighbors->socket_id,
		.extra_flag =
			RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};
	struct rte_hash *hash;

	snprintf(name, sizeof(name), "%s_%u", prefix, serial++);
	hash = rte_hash_create(&parameters);
	if (hash == NULL)
		return NULL;
	rte_hash_set_cmp_func(hash, compare);
	if (rte_hash_rcu_qsbr_add(hash, &rcu) != 0) {
		rte_hash_free(hash);
		return NULL;
	}
	return hash;
}

struct neighbors *
neighbors_create(struct dataplane *dp, uint32_t max_entries, int socket_id)
{
	struct neighbors *neighbors;

	if (max_entries == 0) {
		rte_errno = EINVAL;
		return NULL;
	}
	neighbors =
		rte_zmalloc_socket("neighbors", sizeof(*neighbors), RTE_CACHE_LINE_SIZE, socket_id);
	if (neighbors == NULL) {
		rte_errno = ENOMEM;
		return NULL;
	}
	neighbors->dp = dp;
	neighbors->hash_seed = (uint32_t)rte_rand();
	neighbors->max_entries = max_entries;
	neighbors->socket_id = socket_id;
	neighbors->v4 = make_hash(neighbors, "neighbor4", sizeof(struct key4), same_key4);
	if (neighbors->v4 != NULL)
		neighbors->v6 = make_hash(neighbors, "neighbor6", sizeof(struct key6), same_key6);
	if (neighbors->v6 == NULL) {
		neighbors_free(neighbors); // rte_errno is set
		return NULL;
	}
	return neighbors;
}

static void
free_values(const struct rte_hash *hash)
{
	uint32_t cursor = 0;
	const void *key;
	void *value;

	if (hash == NULL)
		return;
	while (rte_hash_iterate(hash, &key, &value, &cursor) >= 0)
		rte_free(value);
}

void
neighbors_free(struct neighbors *neighbors)
{
	if (neighbors == NULL)
		return;
	free_values(neighbors->v4);
	free_values(neighbors->v6);
	rte_hash_free(neighbors->v4);
	rte_hash_free(neighbors->v6);
	rte_free(neighbors);
}

// Makes the ready-made next hop of what the other fields say. Without its network or port the
// neighbour is as good as unknown.
static void
fill_nexthop(const struct dataplane *dp, struct neighbor *entry)
{
	const struct network *network = dp_network(dp, entry->network);
	const struct dp_port *port = dp_port_get(dp, entry->port);
	struct nexthop *nexthop = &entry->nexthop;

	memset(nexthop, 0, sizeof(*nexthop));
	nexthop->network = entry->network;
	nexthop->action = NEXTHOP_CONNECTED;
	if (network == NULL)
		return;
	nexthop->mtu = network->mtu;
	if (entry->kind == NEIGHBOR_ROUTER)
		nexthop->action = NEXTHOP_LOCAL;
	else if (port != NULL)
		nexthop_to_port(network, port, entry->mac.addr_bytes, nexthop);
}

static void
fill_alias(struct neighbor *entry)
{
	entry->alias.words[0] = 0; // mask
	entry->alias.words[1] = entry->behind;
	entry->nexthop = (struct nexthop){
		.action = NEXTHOP_GROUP, .network = entry->network, .group = &entry->alias.group};
}

static int
try_publish(struct neighbors *neighbors, const struct cw_ip *ip, struct neighbor *entry)
{
	struct key6 key6;
	struct key4 key4;
	rte_be32_t word;

	if (ip->family == 6) {
		key6 = make_key6(entry->network, ip->addr);
		return rte_hash_add_key_with_hash_data(
			neighbors->v6, &key6, signature6(neighbors, &key6), entry);
	}
	memcpy(&word, ip->addr, sizeof(word));
	key4 = make_key4(entry->network, word);
	return rte_hash_add_key_with_hash_data(
		neighbors->v4, &key4, signature4(neighbors, &key4), entry);
}

static int
publish(struct neighbors *neighbors, const struct cw_ip *ip, struct neighbor *entry)
{
	int error = try_publish(neighbors, ip, entry);

	if (error == -ENOSPC) {
		rcu_wait(neighbors->dp); // keys of removed entries may still wait for readers
		error = try_publish(neighbors, ip, entry);
	}
	dp_note_change(neighbors->dp);
	return error;
}

// Before the address is there and after it is gone.
static void
count_block(struct neighbors *neighbors, uint16_t network, const struct cw_ip *ip, int by)
{
	rte_be32_t word;
	uint32_t *n;

	if (ip->family == 6)
		return;
	memcpy(&word, ip->addr, sizeof(word));
	if (route_block_leaves_out(rte_be_to_cpu_32(word)))
		return;
	n = &neighbors->block[block_of(neighbors, network, word)];
	__atomic_store_n(n, *n + (uint32_t)by, __ATOMIC_RELEASE);
}

static const struct neighbor *
find(const struct neighbors *neighbors, uint16_t network, const struct cw_ip *ip)
{
	rte_be32_t word;

	if (ip->family == 6)
		return neighbor_lookup6(neighbors, network, ip->addr);
	memcpy(&word, ip->addr, sizeof(word));
	return neighbor_lookup4(neighbors, network, word);
}

static void
drop(struct neighbors *neighbors, const struct neighbor *entry)
{
	if (entry != NULL)
		rcu_defer(neighbors->dp, rte_free, (void *)(uintptr_t)entry);
}

// Puts a copy of what 'wanted' says, made ready, in the place of what was there.
static int
set(struct neighbors *neighbors, const struct cw_ip *ip, const struct neighbor *wanted)
{
	const struct neighbor *old = find(neighbors, wanted->network, ip);
	struct neighbor *entry;

	if (old == NULL && neighbors->count >= neighbors->max_entries)
		return -ENOSPC;
	entry = rte_malloc_socket("neighbor", sizeof(*entry), 0, neighbors->socket_id);
	if (entry == NULL)
		return -ENOSPC;
	*entry = *wanted;
	if (entry->behind != 0)
		fill_alias(entry);
	else
		fill_nexthop(neighbors->dp, entry);
	if (old == NULL)
		count_block(neighbors, wanted->network, ip, 1);
	if (publish(neighbors, ip, entry) != 0) {
		if (old == NULL)
			count_block(neighbors, wanted->network, ip, -1);
		rte_free(entry);
		return -ENOSPC;
	}
	neighbors->count += old == NULL;
	drop(neighbors, old);
	return 0;
}

static bool
has_network(const struct neighbors *neighbors, uint16_t network)
{
	return network < CW_MAX_NETWORKS && dp_network(neighbors->dp, network) != NULL;
}

int
neighbor_set(struct neighbors *neighbors, uint8_t kind, uint16_t network, const struct cw_ip *ip,
	const struct rte_ether_addr *mac, uint16_t port)
{
	const struct neighbor wanted = {
		.kind = kind,
		.network = network,
		.port = kind == NEIGHBOR_ROUTER ? 0 : port,
		.mac = *mac,
	};

	if (!has_network(neighbors, network))
		return -ENOENT;
	if (kind != NEIGHBOR_ROUTER
		&& (port >= CW_MAX_PORTS || dp_port_get(neighbors->dp, port) == NULL))
		return -ENOENT;
	return set(neighbors, ip, &wanted);
}

int
neighbor_set_behind(struct neighbors *neighbors, uint8_t kind, uint16_t network,
	const struct cw_ip *ip, const struct rte_ether_addr *mac, uint32_t behind)
{
	const struct neighbor wanted = {
		.kind = kind, .network = network, .mac = *mac, .behind = behind};

	return has_network(neighbors, network) ? set(neighbors, ip, &wanted) : -ENOENT;
}

int
neighbor_del(struct neighbors *neighbors, uint8_t kind, uint16_t network, const struct cw_ip *ip)
{
	const struct neighbor *entry = find(neighbors, network, ip);
	struct key6 key6;
	struct key4 key4;
	rte_be32_t word;

	if (entry == NULL || entry->kind != kind)
		return -ENOENT;
	if (ip->family == 6) {
		key6 = make_key6(network, ip->addr);
		rte_hash_del_key_with_hash(neighbors->v6, &key6, signature6(neighbors, &key6));
	} else {
		memcpy(&word, ip->addr, sizeof(word));
		key4 = make_key4(network, word);
		rte_hash_del_key_with_hash(neighbors->v4, &key4, signature4(neighbors, &key4));
	}
	neighbors->count--;
	dp_note_change(neighbors->dp);
	count_block(neighbors, network, ip, -1);
	drop(neighbors, entry);
	return 0;
}

// Replaces an entry by a copy when its next hop has changed. Without memory for the copy it stays
// as it is until the next refresh.
static void
refresh(struct neighbors *neighbors, const struct neighbor *old, const struct cw_ip *ip)
{
	struct neighbor fresh = *old, *entry;

	if (old->behind != 0)
		return; // depends on nothing here
	fill_nexthop(neighbors->dp, &fresh);
	if (memcmp(&fresh.nexthop, &old->nexthop, sizeof(fresh.nexthop)) == 0)
		return;
	entry = rte_malloc_socket("neighbor", sizeof(*entry), 0, neighbors->socket_id);
	if (entry == NULL)
		return;
	*entry = fresh;
	if (publish(neighbors, ip, entry) != 0)
		rte_free(entry);
	else
		drop(neighbors, old);
}

// What walk() does to each entry; it may replace or remove it.
typedef void visit(struct neighbors *neighbors, const struct neighbor *entry,
	const struct cw_ip *ip, uint8_t kind);

static void
visit_refresh(struct neighbors *neighbors, const struct neighbor *entry, const struct cw_ip *ip,
	uint8_t kind)
{
	refresh(neighbors, entry, ip);
}

static void
visit_flush(struct neighbors *neighbors, const struct neighbor *entry, const struct cw_ip *ip,
	uint8_t kind)
{
	neighbor_del(neighbors, kind, entry->network, ip);
}

static void
walk(struct neighbors *neighbors, const struct rte_hash *hash, uint16_t network, visit *fn,
	uint8_t kind)
{
	const uint8_t family = hash == neighbors->v4 ? 4 : 6;
	const uint8_t address_len = family == 4 ? 4 : 16;
	struct cw_ip ip = {.family = family};
	const struct neighbor *entry;
	uint32_t cursor = 0;
	const void *key;
	void *value;

	while (rte_hash_iterate(hash, &key, &value, &cursor) >= 0) {
		entry = value;
		if (entry->network != network)
			continue;
		memcpy(ip.addr, key, address_len);
		fn(neighbors, entry, &ip, kind);
	}
}

void
neighbors_refresh(struct neighbors *neighbors, uint16_t network)
{
	walk(neighbors, neighbors->v4, network, visit_refresh, 0);
	walk(neighbors, neighbors->v6, network, visit_refresh, 0);
}

void
neighbors_flush(struct neighbors *neighbors, uint8_t kind, uint16_t network)
{
	walk(neighbors, neighbors->v4, network, visit_flush, kind);
	walk(neighbors, neighbors->v6, network, visit_flush, kind);
}

uint32_t
neighbors_count(const struct neighbors *neighbors)
{
	return neighbors->count;
}

const struct neighbor *
neighbor_lookup4(const struct neighbors *neighbors, uint16_t network, rte_be32_t ip)
{
	struct key4 key = make_key4(network, ip);
	void *entry;

	if (rte_hash_lookup_with_hash_data(neighbors->v4, &key, signature4(neighbors, &key), &entry)
		< 0)
		return NULL;
	return entry;
}

const struct neighbor *
neighbor_lookup6(const struct neighbors *neighbors, uint16_t network, const uint8_t ip[16])
{
	struct key6 key = make_key6(network, ip);
	void *entry;

	if (rte_hash_lookup_with_hash_data(neighbors->v6, &key, signature6(neighbors, &key), &entry)
		< 0)
		return NULL;
	return entry;
}

bool
neighbor_may_be_near(const struct neighbors *neighbors, uint16_t network, rte_be32_t ip)
{
	return __atomic_load_n(
		       &neighbors->block[block_of(neighbors, network, ip)], __ATOMIC_ACQUIRE)
	       != 0;
}

static void
lookup_bulk(const struct rte_hash *hash, const void **keys, hash_sig_t *signatures, uint32_t n,
	const struct neighbor **found)
{
	void *data[RTE_HASH_LOOKUP_BULK_MAX];
	uint64_t hits = 0;

	if (n == 0)
		return;
	rte_hash_lookup_with_hash_bulk_data(hash, keys, signatures, n, &hits, data);
	for (uint32_t i = 0; i < n; i++)
		found[i] = (hits >> i & 1) != 0 ? data[i] : NULL;
}

void
neighbor_lookup4_bulk(const struct neighbors *neighbors, const uint16_t *network,
	const rte_be32_t *ip, uint32_t n, const struct neighbor **found)
{
	struct key4 keys[RTE_HASH_LOOKUP_BULK_MAX];
	const void *at[RTE_HASH_LOOKUP_BULK_MAX];
	hash_sig_t signatures[RTE_HASH_LOOKUP_BULK_MAX];

	for (uint32_t i = 0; i < n; i++) {
		keys[i] = make_key4(network[i], ip[i]);
		at[i] = &keys[i];
		signatures[i] = signature4(neighbors, &keys[i]);
	}
	lookup_bulk(neighbors->v4, at, signatures, n, found);
}

void
neighbor_lookup6_bulk(const struct neighbors *neighbors, const uint16_t *network,
	const uint8_t(*const *ip), uint32_t n, const struct neighbor **found)
{
	struct key6 keys[RTE_HASH_LOOKUP_BULK_MAX];
	const void *at[RTE_HASH_LOOKUP_BULK_MAX];
	hash_sig_t signatures[RTE_HASH_LOOKUP_BULK_MAX];

	for (uint32_t i = 0; i < n; i++) {
		keys[i] = make_key6(network[i], ip[i]);
		at[i] = &keys[i];
		signatures[i] = signature6(neighbors, &keys[i]);
	}
	lookup_bulk(neighbors->v6, at, signatures, n, found);
}
