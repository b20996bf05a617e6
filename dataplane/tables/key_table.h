/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_KEY_TABLE_H
#define TABLES_KEY_TABLE_H

// An exact match of 8-byte keys to 8-byte values for the packet path: a hash table whose buckets
// are one cache line, so that a look-up costs one line however large the table is. rte_hash serves
// keys of any length and compares them through pointers, which costs four times as much
// (perf/micro).
//
// Writer: main thread. Readers: workers, lock-free. Entries never move. The place of a removed
// entry is used again after a grace period, so that whoever found a key may read its value until
// the next quiescent state.

#include <stdbool.h>
#include <stdint.h>

#include <rte_rcu_qsbr.h>

#define KEY_TABLE_BURST 64
#define KEY_TABLE_KEY_MAX (UINT64_MAX >> 4) // larger keys are never found

struct key_table;

// Returns NULL with rte_errno set.
struct key_table *key_table_create(
	const char *name, uint32_t max_entries, struct rte_rcu_qsbr *qsbr, int socket_id);
void key_table_free(struct key_table *table);

// Main thread. Adds, or replaces the value by one store. Returns 0, -ENOSPC or -EINVAL.
int key_table_set(struct key_table *table, uint64_t key, uint64_t value);
// Returns 0 or -ENOENT.
int key_table_del(struct key_table *table, uint64_t key);
uint32_t key_table_count(const struct key_table *table);
// Main thread: walks all entries; *cursor starts at 0. Returns 0, or -ENOENT after the last.
// Entries may be set and removed meanwhile.
int key_table_next(const struct key_table *table, uint64_t *cursor, uint64_t *key, uint64_t *value);

// Any thread that reports quiescent states.
bool key_table_get(const struct key_table *table, uint64_t key, uint64_t *value);
// Workers: n <= KEY_TABLE_BURST. Bit i of the result says that values[i] is set; nothing where
// keys[i] is above KEY_TABLE_KEY_MAX, which is not looked at here: UINT64_MAX stands in empty
// places.
uint64_t key_table_get_bulk(
	const struct key_table *table, const uint64_t *keys, uint32_t n, uint64_t *values);

#endif
