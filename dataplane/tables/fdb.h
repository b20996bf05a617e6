/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_FDB_H
#define TABLES_FDB_H

// The forwarding database: (network, MAC) -> port, all networks in one table.
// Writer: main thread. Readers: workers, lock-free. Removed entries are reused after a grace
// period.

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_ether.h>
#include <rte_rcu_qsbr.h>

#include <causeway/limits.h>

struct fdb;

// A value: what a look-up gives, one word.
struct fdb_entry {
	uint16_t port; // 0: behind another node
	uint16_t nexthop; // that leads there when port is 0; else 0
	uint32_t slot : 31; // index for fdb_touch
	uint32_t learned : 1; // 0: static
} __rte_aligned(8);

static_assert(CW_MAX_NEXTHOPS <= UINT16_MAX + 1, "next hops fit an entry");

typedef uint64_t fdb_key;

static inline fdb_key
fdb_make_key(uint16_t network, const struct rte_ether_addr *mac)
{
	uint64_t key = 0;

	__builtin_memcpy(&key, mac, sizeof(*mac));
	return key | (uint64_t)network << 48;
}

// max_entries: of all networks together. Returns NULL with rte_errno set.
struct fdb *fdb_create(uint32_t max_entries, struct rte_rcu_qsbr *qsbr, int socket_id);
void fdb_free(struct fdb *fdb);

// Main thread. Adds or replaces; a static entry replaces a learned one, a learned one never a
// static one (-EEXIST). learned entries start with last-seen now_s. Returns 0, -ENOSPC, -EEXIST, or
// -EINVAL (port 0, unknown network id).
int fdb_set(struct fdb *fdb, uint16_t network, const struct rte_ether_addr *mac, uint16_t port,
	bool learned, uint32_t now_s);
// The same for an address behind another node, to which a next hop (1 .. CW_MAX_NEXTHOPS - 1)
// leads.
int fdb_set_behind(struct fdb *fdb, uint16_t network, const struct rte_ether_addr *mac,
	uint32_t nexthop, bool learned, uint32_t now_s);
// Returns 0 or -ENOENT.
int fdb_del(struct fdb *fdb, uint16_t network, const struct rte_ether_addr *mac);
// Forgets all learned addresses of a port (UINT16_MAX: any port, 0: behind other nodes) in a
// network (UINT16_MAX: any). Returns how many.
uint32_t fdb_flush_learned(struct fdb *fdb, uint16_t network, uint16_t port);
// Forgets learned addresses of a network not seen for age_s; examines a bounded number of entries a
// call, going on where the last one stopped. age_of(arg, network) gives the network's age limit, 0
// = gone.
uint32_t fdb_age(struct fdb *fdb, uint32_t now_s, uint32_t (*age_of)(void *arg, uint16_t network),
	void *arg);
uint32_t fdb_count(const struct fdb *fdb);
uint32_t fdb_count_learned(const struct fdb *fdb, uint16_t network);

struct fdb_row {
	uint16_t network;
	struct rte_ether_addr mac;
	struct fdb_entry entry;
	uint32_t last_seen_s;
};
// Main thread: walks all entries; *cursor starts at 0. Returns 0, or -ENOENT after the last.
int fdb_next(const struct fdb *fdb, uint32_t *cursor, struct fdb_row *row);

// Workers: n <= 64 keys; bit i of the result says that key i was found and entries[i] is set.
uint64_t fdb_lookup_bulk(
	const struct fdb *fdb, const fdb_key *keys, uint32_t n, struct fdb_entry *entries);
// Workers: marks a learned entry as seen. Writes at most once a second.
void fdb_touch(struct fdb *fdb, uint32_t slot, uint32_t now_s);

#endif
