/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_LPM_H
#define TABLES_LPM_H

// Longest prefix match for many networks, IPv4 and IPv6 by the same code: a path-compressed tree
// bitmap (W. Eatherton, G. Varghese, Z. Dittia, "Tree Bitmap: Hardware/Software IP Lookups with
// Incremental Updates", ACM CCR 34(2), 2004). Nodes are immutable and replaced by copy with one
// 4-byte store in their parent, so that look-ups need no lock and an update touches one node,
// however large the table is.
//
// Writer: main thread. Readers: workers. Replaced nodes are reused after a grace period
// (rte_rcu_qsbr).

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_rcu_qsbr.h>

struct lpm; // the arena that all tables share
struct lpm_table; // routes of one family of one network

#define LPM_MISS 0 // no route; next-hop ids start at 1

// max_bytes: address space reserved for nodes, at least 128 KiB; memory is used only as tables
// grow. Returns NULL with rte_errno set.
struct lpm *lpm_create(size_t max_bytes, struct rte_rcu_qsbr *qsbr, int socket_id);
void lpm_free(struct lpm *lpm);

// address_bits: 32 or 128. An empty table takes less than 1 KiB. Returns NULL: no memory.
struct lpm_table *lpm_table_create(struct lpm *lpm, uint8_t address_bits);
// Frees all its nodes after a grace period.
void lpm_table_free(struct lpm_table *table);

// Adds or replaces. prefix: address_bits / 8 bytes, network order; bits beyond length are
// ignored. nexthop: 1 .. 2^24 - 1. Returns 0, -EINVAL or -ENOSPC.
int lpm_set(struct lpm_table *table, const uint8_t *prefix, uint8_t length, uint32_t nexthop);
// Returns 0, -ENOENT or -EINVAL; -ENOSPC only while readers keep a full arena from being reused.
int lpm_del(struct lpm_table *table, const uint8_t *prefix, uint8_t length);
// Exact look-up of a rule: its next hop or LPM_MISS.
uint32_t lpm_get(const struct lpm_table *table, const uint8_t *prefix, uint8_t length);
uint32_t lpm_count(const struct lpm_table *table);
// Bytes of one table, and of the arena with what waits to be reused.
size_t lpm_table_bytes(const struct lpm_table *table);
size_t lpm_bytes(const struct lpm *lpm);
// Walks the rules in order of address, then length. Stops when fn returns non-zero, and returns
// that. fn must not change the table.
int lpm_walk(const struct lpm_table *table,
	int (*fn)(void *arg, const uint8_t *prefix, uint8_t length, uint32_t nexthop), void *arg);
// Gives nodes back that no reader can see any more. Main thread; bounded.
void lpm_reclaim(struct lpm *lpm);

// A number that grows with every change of any table, when look-ups see it: what was looked up
// before is still true while it stays the same. Any thread.
uint64_t lpm_generation(const struct lpm *lpm);

// Workers. n <= 64 addresses, all in this table. nexthop[i] is LPM_MISS when nothing matches.
void lpm_lookup4_bulk(
	const struct lpm_table *table, const rte_be32_t *addr, uint32_t n, uint32_t *nexthop);
void lpm_lookup6_bulk(
	const struct lpm_table *table, const uint8_t *const *addr, uint32_t n, uint32_t *nexthop);
// One address of the table's family.
uint32_t lpm_lookup(const struct lpm_table *table, const uint8_t *addr);
// The next hop (or LPM_MISS) of all addresses that begin with the first 'length' bits of addr, a
// multiple of 6. Returns false when rules longer than that may divide them.
bool lpm_lookup_block(
	const struct lpm_table *table, const uint8_t *addr, uint8_t length, uint32_t *nexthop);

#endif
