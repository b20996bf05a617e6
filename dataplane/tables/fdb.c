/* SPDX-License-Identifier: Apache-2.0 */
#include "fdb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include <causeway/limits.h>

#include "key_table.h"

#define AGE_STEP 1024u // entries that one fdb_age() examines
#define NO_SLOT 0x7fffffffu // all ones in fdb_entry.slot

// What the main thread knows of an entry; the table holds a copy of 'entry' for the workers.
struct slot {
	fdb_key key;
	struct fdb_entry entry; // not in use: no port nor next hop, and slot is the next free one
};

struct fdb {
	struct key_table *table;
	uint32_t max_entries, count;
	uint32_t n_slots; // slots below were in use at some time
	uint32_t free_slot;
	uint32_t age_at; // where fdb_age() goes on
	uint32_t learned[CW_MAX_NETWORKS];
	struct slot *slots;
	uint32_t *last_seen; // seconds by slot. Writers: workers and main thread, relaxed
};

static_assert(sizeof(struct fdb_entry) == sizeof(uint64_t), "an entry is the table's value");

struct fdb *
fdb_create(uint32_t max_entries, struct rte_rcu_qsbr *qsbr, int socket_id)
{
	struct fdb *fdb;

	if (max_entries == 0 || max_entries > NO_SLOT || qsbr == NULL) {
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
	fdb->table = key_table_create("fdb", max_entries, qsbr, socket_id);
	if (fdb->table == NULL)
		goto free_fdb; // rte_errno is set
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
	key_table_free(fdb->table);
	rte_free(fdb->last_seen);
	rte_free(fdb->slots);
	rte_free(fdb);
}

static bool
find(const struct fdb *fdb, fdb_key key, struct fdb_entry *entry)
{
	uint64_t value;

	if (!key_table_get(fdb->table, key, &value))
		return false;
	memcpy(entry, &value, sizeof(*entry));
	return true;
}

static int
publish(struct fdb *fdb, fdb_key key, const struct fdb_entry *entry)
{
	uint64_t value;

	memcpy(&value, entry, sizeof(value));
	return key_table_set(fdb->table, key, value);
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
	fdb->slots[slot].entry = (struct fdb_entry){.slot = fdb->free_slot & NO_SLOT};
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
	entry->slot = take_slot(fdb) & NO_SLOT;
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

static int
set(struct fdb *fdb, uint16_t network, const struct rte_ether_addr *mac, struct fdb_entry *entry,
	uint32_t now_s)
{
	fdb_key key = fdb_make_key(network, mac);
	struct fdb_entry old;

	if (network >= CW_MAX_NETWORKS)
		return -EINVAL;
	if (!find(fdb, key, &old))
		return add(fdb, key, entry, now_s);
	if (entry->learned && !old.learned)
		return -EEXIST;
	see(fdb, old.slot, now_s);
	if (old.port == entry->port && old.nexthop == entry->nexthop
		&& old.learned == entry->learned)
		return 0;
	return replace(fdb, key, &old, entry);
}

int
fdb_set(struct fdb *fdb, uint16_t network, const struct rte_ether_addr *mac, uint16_t port,
	bool learned, uint32_t now_s)
{
	struct fdb_entry entry = {.port = port, .learned = learned};

	return port == 0 ? -EINVAL : set(fdb, network, mac, &entry, now_s);
}

int
fdb_set_behind(struct fdb *fdb, uint16_t network, const struct rte_ether_addr *mac,
	uint32_t nexthop, bool learned, uint32_t now_s)
{
	struct fdb_entry entry = {.nexthop = (uint16_t)nexthop, .learned = learned};

	if (nexthop == 0 || nexthop >= CW_MAX_NEXTHOPS)
		return -EINVAL;
	return set(fdb, network, mac, &entry, now_s);
}

static void
forget(struct fdb *fdb, uint32_t slot)
{
	fdb_key key = fdb->slots[slot].key;

	key_table_del(fdb->table, key);
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
is_used(const struct slot *slot)
{
	return slot->entry.port != 0 || slot->entry.nexthop != 0;
}

static bool
is_learned(const struct slot *slot)
{
	return is_used(slot) && slot->entry.learned;
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
		if (!is_used(slot))
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
	return key_table_get_bulk(fdb->table, keys, n, (uint64_t *)entries);
}

void
fdb_touch(struct fdb *fdb, uint32_t slot, uint32_t now_s)
{
	uint32_t *seen = &fdb->last_seen[slot];

	if (__atomic_load_n(seen, __ATOMIC_RELAXED) != now_s)
		__atomic_store_n(seen, now_s, __ATOMIC_RELAXED);
}
