/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLANNEL_LEASE_TABLE_H
#define FLANNEL_LEASE_TABLE_H

// Leases by their keys. A snapshot takes the place of all that it does not name. Main thread.

#include "flannel/lease.h"

struct lease_table;

// Returns NULL: no memory.
struct lease_table *lease_table_new(void);
void lease_table_free(struct lease_table *table); // accepts NULL

// Between begin and end what is not put is forgotten.
void lease_table_begin(struct lease_table *table);
void lease_table_end(struct lease_table *table);
// Returns 0 or -ENOMEM.
int lease_table_put(struct lease_table *table, const char *key, const struct lease *lease);
void lease_table_del(struct lease_table *table, const char *key);

unsigned int lease_table_count(const struct lease_table *table);
// Calls fn for each, in the order of keys.
void lease_table_each(const struct lease_table *table,
	void (*fn)(void *arg, const struct lease *lease), void *arg);

#endif
