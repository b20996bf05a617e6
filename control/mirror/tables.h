/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIRROR_TABLES_H
#define MIRROR_TABLES_H

// The kernel's tables as far as the mirror has heard of them. They know no netlink and nothing of
// Causeway: whoever reads the one fills them, whoever decides what the other wants looks them up.
// Every entry carries the generation in which it was last told; a dump begins a generation, and
// what has not been told when it ends is swept out. Main thread.

#include "mirror/kernel.h"
#include "mirror/routes.h"

enum tables_kind {
	TABLES_LINKS,
	TABLES_ADDRESSES,
	TABLES_NEXTHOPS,
	TABLES_NEIGHBORS,
	TABLES_FDB,
	TABLES_KINDS, // number of kinds; routes are apart (routes.h)
};

struct tables {
	void *roots[TABLES_KINDS]; // tsearch trees by key
	uint32_t counts[TABLES_KINDS];
	struct routes *routes;
	uint32_t generation;
	bool changed; // something but routes, since whoever looks set it to false
};

// Returns NULL: no memory.
struct tables *tables_create(void);
void tables_free(struct tables *tables); // accepts NULL

// Adds an entry, or replaces the one with its key. Returns 1 when that
// changed the table, 0 or -ENOMEM.
int tables_put(struct tables *tables, enum tables_kind kind, const void *entry);
// Takes out the entry with this key. Returns whether there was one.
bool tables_remove(struct tables *tables, enum tables_kind kind, const void *key);

// A generation begins; what the next sweeps find older goes.
void tables_begin(struct tables *tables);
// Returns how many went.
uint32_t tables_sweep(struct tables *tables, enum tables_kind kind);

// Entries by key; NULL: none.
const struct kernel_link *tables_link(const struct tables *tables, int32_t ifindex);
const struct kernel_link *tables_link_by_name(const struct tables *tables, const char *name);
const struct kernel_nexthop *tables_nexthop(const struct tables *tables, uint32_t id);
// Also one whose state says that it leads nowhere.
const struct kernel_neighbor *tables_neighbor(
	const struct tables *tables, int32_t ifindex, const struct cw_ip *ip);
// Where a vxlan device sends frames to a station.
const struct kernel_fdb *tables_fdb(
	const struct tables *tables, int32_t ifindex, const uint8_t mac[6]);
// Which device has an address of this host; 0: none.
int32_t tables_address_owner(const struct tables *tables, const struct cw_ip *ip);

// Calls fn for each entry in the order of keys.
void tables_each(const struct tables *tables, enum tables_kind kind,
	void (*fn)(void *arg, const void *entry), void *arg);

// Whether the state of a neighbour lets one send to its address.
bool neighbor_is_valid(const struct kernel_neighbor *neighbor);

#endif
