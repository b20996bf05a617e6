/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_OBJECT_TABLE_H
#define SERVER_OBJECT_TABLE_H

// All objects that the control plane set, by key: open addressing with linear probing, kept at most
// three quarters full. It grows a little with each insert, so that none pays for all. Main thread
// only.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/queue.h>

#include <causeway/wire.h>

struct object_key {
	uint16_t type; // cw_item_type, or object_internal
	uint8_t family;
	uint8_t prefix;
	uint32_t id; // of the object, or of its network
	uint8_t bytes[16]; // MAC, address
};

// Who owns an address of a network: entries of the data plane's own, port says whose endpoint.
enum object_internal {
	OBJECT_OWNER_IP = 0x100,
	OBJECT_OWNER_MAC,
};

struct object {
	struct object_key key;
	uint64_t mark; // the last epoch that named it
	uint16_t network, port; // it refers to; UINT16_MAX: to none
	LIST_ENTRY(object) network_link, port_link;
	struct cw_item item[]; // as last set; none for object_internal
};
LIST_HEAD(object_list, object);

// The hash stands beside the pointer: growing and passing over others touch no object.
struct object_slot {
	struct object *object; // NULL: free
	uint32_t hash;
};

struct object_table {
	struct object_slot *slots;
	uint32_t mask;
	uint32_t count; // of both
	// While growing: what was not moved into slots yet. NULL otherwise.
	struct object_slot *old;
	uint32_t old_mask, moved; // old[0 .. moved) is empty
};

static inline bool
object_key_equal(const struct object_key *a, const struct object_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

// Returns 0 or -ENOMEM.
int object_table_init(struct object_table *table);
void object_table_fini(struct object_table *table); // the objects stay the caller's
// Makes room for one more, so that the next insert cannot fail. Returns 0 or -ENOMEM.
int object_table_reserve(struct object_table *table);
// After object_table_reserve(); the key is not in the table.
void object_table_insert(struct object_table *table, struct object *object);
void object_table_remove(struct object_table *table, const struct object *object);
struct object *object_table_find(const struct object_table *table, const struct object_key *key);
// Walks all: *at starts at 0. NULL after the last. Nothing is inserted or removed meanwhile.
struct object *object_table_next(const struct object_table *table, uint32_t *at);

#endif
