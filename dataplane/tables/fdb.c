/* SPDX-License-Identifier: Apache-2.0 */
#include "fdb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_jhash.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include <causeway/limits.h>

#define AGE_STEP 1024u // entries that one fdb_age() examines
#define NO_SLOT UINT32_MAX

// What the main thread knows of an entry; the hash holds a copy of 'entry' for the workers.
struct slot {
	fdb_key key;
	struct fdb_entry entry; // port 0: not in use, and entry.slot is the next free one
};

struct fdb {
	struct rte_hash *hash;
	struct rte_rcu_qsbr *qsbr;
	uint32_t hash_seed; // addresses come from pods: nobody shall foresee who meets whom
	uint32_t max_entries, count;
	uint32_t n_slots; // slots below were in use at some time
	uint32_t free_slot;
	uint32_t age_at; // where fdb_age() goes on
	uint32_t learned[CW_MAX_NETWORKS];
	struct slot *slots;
	uint32_t *last_seen; // seconds by slot. Writers: workers and main thread, relaxed
};

static_assert(sizeof(struct fdb_entry) == sizeof(void *), "an entry is the hash's value");

static inline hash_sig_t
signature(const struct fdb *fdb, fdb_key key)
{
	return rte_jhash_2words((uint32_t)key, (uint32_t)(key >> 32), fdb->hash_seed);
}

static int
same_key(const void *a, const void *b, size_t len)
{
	fdb_key left, right;

	memcpy(&left, a, sizeof(left));
	memcpy(&right, b, sizeof(right));
	return left != right;
}

static struct rte_hash *
make_hash(uint32_t max_entries, struct rte_rcu_qsbr *qsbr, int socket_id)
{
	struct rte_hash_rcu_config rcu = {.v = qsbr, .mode = RTE_HASH_QSBR_MODE_DQ};
	static unsigned int serial;
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters parameters = {
		.name = name,
		.entries = RTE_MAX(max_entries, 16u),
		.key_len = sizeof(fdb_key),
		.socket_id = socket_id,
		.extra_flag =
			RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};
	struct rte_hash *hash;

	snprintf(name, sizeof(name), "fdb_%u", serial++);
	hash = rte_hash_create(&parameters);
	if (hash == NULL)
		return NULL;
	rte_hash_set_cmp_func(hash, same_key);
	if (rte_hash_rcu_qsbr_add(hash, &rcu) != 0) {
		rte_hash_free(hash);
		return NULL;
	}
	return hash;
}

struct fdb *
fdb_create(uint32_t max_entries, struct rte_rcu_qsbr *qsbr, int socket_id)
{
	struct fdb *fdb;

	if (max_entries == 0 || qsbr == NULL) {
		rte_errno = EINVAL;
		return NULL;
	}
	fdb = rte_zmalloc_socket("fdb", sizeof(*fdb), RTE_CACHE_LINE_SIZE, socket_id);
	if (fdb == NULL)
		goto no_memory;
	fdb->slots = rte_zmalloc_socket(
		"fdb slots", max_entries * sizeof(*fdb->slots), RTE_CACHE_LINE_SIZE, socket_id);
	fdb->last_seen = rte_zmalloc_socket(
		"fdb ages", max_entries * sizeof(*fdb->last_seen), RTE_CACHE_LINE_SIZE, socket_id);
	if (fdb->slots == NULL || fdb->last_seen == NULL)
		goto no_memory;
	fdb->hash = make_hash(max_entries, qsbr, socket_id);
	if (fdb->hash == NULL)
		goto free_fdb; // rte_errno is set
	fdb->qsbr = qsbr;
	fdb->hash_seed = (uint32_t)rte_rand();
	fdb->max_entries = max_entries;
	fdb->free_slot = NO_SLOT;
	return fdb;

no_memory:
	rte_errno = ENOMEM;
free_fdb:
	fdb_free(fdb);
	return NULL;
}

void
fdb_free(struct fdb *fdb)
{
	if (fdb == NULL)
		return;
	rte_hash_free(fdb->hash);
	rte_free(fdb->last_seen);
	rte_free(fdb->slots);
	rte_free(fdb);
}

static bool
find(const struct fdb *fdb, fdb_key key, struct fdb_entry *entry)
{
	void *data;

	if (rte_hash_lookup_with_hash_data(fdb->hash, &key, signature(fdb, key), &data) < 0)
		return false;
	memcpy(entry, &data, sizeof(*entry));
	return true;
}

static int
publish(struct fdb *fdb, fdb_key key, const struct fdb_entry *entry)
{
	hash_sig_t sig = signature(fdb, key);
	void *data;
	int error;

	memcpy(&data, entry, sizeof(data));
	error = rte_hash_add_key_with_hash_data(fdb->hash, &key, sig, data);
	if (error != -ENOSPC)
		return error;
	// Keys of removed entries may still wait for readers.
	rte_rcu_qsbr_synchronize(fdb->qsbr, RTE_QSBR_THRID_INVALID);
	return rte_hash_add_key_with_hash_data(fdb->hash, &key, sig, data);
}

static uint32_t
take_slot(struct fdb *fdb)
{
	uint32_t slot = fdb->free_slot;

	if (slot == NO_SLOT)
		return fdb->n_slots < fdb->max_entries ? fdb->n_slots++ : NO_SLOT;
	fdb->free_slot = fdb->slots[slot].entry.slot;
	return slot;
}

static void
give_slot(struct fdb *fdb, uint32_t slot)
{
	fdb->slots[slot].entry = (struct fdb_entry){.slot = fdb->free_slot};
	fdb->free_slot = slot;
}

static void
count_learned(struct fdb *fdb, fdb_key key, const struct fdb_entry *entry, int by)
{
	if (entry->learned)
		fdb->learned[key >> 48] += (uint32_t)by;
}

static void
see(struct fdb *fdb, uint32_t slot, uint32_t now_s)
{
	__atomic_store_n(&fdb->last_seen[slot], now_s, __ATOMIC_RELAXED);
}

static int
replace(struct fdb *fdb, fdb_key key, const struct fdb_entry *old, struct fdb_entry *entry)
{
	int error;

	entry->slot = old->slot;
	error = publish(fdb, key, entry);
	if (error != 0)
		return -ENOSPC;
	count_learned(fdb, key, old, -1);
	count_learned(fdb, key, entry, 1);
	fdb->slots[old->slot].entry = *entry;
	return 0;
}

static int
add(struct fdb *fdb, fdb_key key, struct fdb_entry *entry, uint32_t now_s)
{
	entry->slot = take_slot(fdb);
	if (entry->slot == NO_SLOT)
		return -ENOSPC;
	see(fdb, entry->slot, now_s);
	if (publish(fdb, key, entry) != 0) {
		give_slot(fdb, entry->slot);
		return -ENOSPC;
	}
	fdb->slots[entry->slot] = (struct slot){.key = key, .entry = *entry};
	count_learned(fdb, key, entry, 1);
	fdb->count++;
	return 0;
}

int
fdb_set(struct fdb *fdb, uint16_t network, const struct rte_ether_addr *mac, uint16_t port,
	bool learned, uint32_t now_s)
{
	struct fdb_entry entry = {.port = port, .learned = learned}, old;
	fdb_key key = fdb_make_key(network, mac);

	if (network >= CW_MAX_NETWORKS || port == 0)
		return -EINVAL;
	if (!find(fdb, key, &old))
		return add(fdb, key, &entry, now_s);
	if (learned && !old.learned)
		return -EEXIST;
	see(fdb, old.slot, now_s);
	if (old.port == port && old.learned == learned)
		return 0;
	return replace(fdb, key, &old, &entry);
}

static void
forget(struct fdb *fdb, uint32_t slot)
{
	fdb_key key = fdb->slots[slot].key;

	rte_hash_del_key_with_hash(fdb->hash, &key, signature(fdb, key));
	count_learned(fdb, key, &fdb->slots[slot].entry, -1);
	give_slot(fdb, slot);
	fdb->count--;
}

int
fdb_del(struct fdb *fdb, uint16_t network, const struct rte_ether_addr *mac)
{
	struct fdb_entry entry;

	if (!find(fdb, fdb_make_key(network, mac), &entry))
		return -ENOENT;
	forget(fdb, entry.slot);
	return 0;
}

static bool
is_learned(const struct slot *slot)
{
	return slot->entry.port != 0 && slot->entry.learned;
}

uint32_t
fdb_flush_learned(struct fdb *fdb, uint16_t network, uint16_t port)
{
	const struct slot *slot;
	uint32_t n = 0;

	for (uint32_t i = 0; i < fdb->n_slots; i++) {
		slot = &fdb->slots[i];
		if (!is_learned(slot) || (port != UINT16_MAX && slot->entry.port != port)
			|| (network != UINT16_MAX && slot->key >> 48 != network))
			continue;
		forget(fdb, i);
		n++;
	}
	return n;
}

uint32_t
fdb_age(struct fdb *fdb, uint32_t now_s, uint32_t (*age_of)(void *arg, uint16_t network), void *arg)
{
	uint32_t n = 0, last_seen;
	uint16_t network;

	for (uint32_t i = 0; i < RTE_MIN(AGE_STEP, fdb->n_slots); i++) {
		uint32_t at = fdb->age_at < fdb->n_slots ? fdb->age_at : 0;

		fdb->age_at = at + 1;
		if (!is_learned(&fdb->slots[at]))
			continue;
		network = (uint16_t)(fdb->slots[at].key >> 48);
		last_seen = __atomic_load_n(&fdb->last_seen[at], __ATOMIC_RELAXED);
		// A worker's second may be ahead of ours.
		if ((int32_t)(now_s - last_seen) < (int32_t)age_of(arg, network))
			continue;
		forget(fdb, at);
		n++;
	}
	return n;
}

uint32_t
fdb_count(const struct fdb *fdb)
{
	return fdb->count;
}

uint32_t
fdb_count_learned(const struct fdb *fdb, uint16_t network)
{
	return network < CW_MAX_NETWORKS ? fdb->learned[network] : 0;
}

int
fdb_next(const struct fdb *fdb, uint32_t *cursor, struct fdb_row *row)
{
	const struct slot *slot;
	uint32_t at;

	while (*cursor < fdb->n_slots) {
		at = (*cursor)++;
		slot = &fdb->slots[at];
		if (slot->entry.port == 0)
			continue;
		row->network = (uint16_t)(slot->key >> 48);
		memcpy(&row->mac, &slot->key, sizeof(row->mac));
		row->entry = slot->entry;
		row->last_seen_s = __atomic_load_n(&fdb->last_seen[at], __ATOMIC_RELAXED);
		return 0;
	}
	return -ENOENT;
}

uint64_t
fdb_lookup_bulk(const struct fdb *fdb, const fdb_key *keys, uint32_t n, struct fdb_entry *entries)
{
	const void *at[RTE_HASH_LOOKUP_BULK_MAX];
	hash_sig_t signatures[RTE_HASH_LOOKUP_BULK_MAX];
	void *data[RTE_HASH_LOOKUP_BULK_MAX];
	uint64_t hits = 0;

	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		at[i] = &keys[i];
		signatures[i] = signature(fdb, keys[i]);
	}
	rte_hash_lookup_with_hash_bulk_data(fdb->hash, at, signatures, n, &hits, data);
	for (uint64_t left = hits; left != 0; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(left);

		memcpy(&entries[i], &data[i], sizeof(entries[i]));
	}
	return hits;
}

void
fdb_touch(struct fdb *fdb, uint32_t slot, uint32_t now_s)
{
	uint32_t *seen = &fdb->last_seen[slot];

	if (__atomic_load_n(seen, __ATOMIC_RELAXED) != now_s)
		__atomic_store_n(seen, now_s, __ATOMIC_RELAXED);
}
