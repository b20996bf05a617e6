/* SPDX-License-Identifier: Apache-2.0 */
#include "vtep.h"

#include <errno.h>
#include <string.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "dataplane.h"
#include "key_table.h"

#define DEFAULT_TTL 64
#define NO_NETWORK UINT16_MAX

// A vtep with what only the main thread needs.
struct record {
	struct vtep vtep;
	uint16_t n_groups;
	struct cw_ip groups[];
};

// An address and UDP port that a vtep listens to.
struct place {
	uint64_t high, low; // the address; IPv4: low alone
	uint32_t service; // family and UDP port
	uint16_t port; // uplink, 0: any
	const struct vtep *vtep; // NULL: free
};

// All places, open addressing, at most half full. Immutable once published.
struct place_index {
	uint32_t mask;
	struct place place[];
};

struct vteps {
	struct dataplane *dp;
	int socket_id;
	uint32_t count;
	struct record *records[CW_MAX_VTEPS]; // atomic for workers
	struct place_index *index; // atomic; NULL: no vtep
	struct key_table *vnis; // -> network id
};

struct vteps *
vteps_create(struct dataplane *dp, int socket_id)
{
	struct vteps *vteps =
		rte_zmalloc_socket("vteps", sizeof(*vteps), RTE_CACHE_LINE_SIZE, socket_id);

	if (vteps == NULL) {
		rte_errno = ENOMEM;
		return NULL;
	}
	vteps->dp = dp;
	vteps->socket_id = socket_id;
	vteps->vnis = key_table_create("vnis", CW_MAX_NETWORKS, dp->qsbr, socket_id);
	if (vteps->vnis == NULL) {
		rte_free(vteps);
		return NULL;
	}
	return vteps;
}

void
vteps_free(struct vteps *vteps)
{
	if (vteps == NULL)
		return;
	for (uint32_t id = 0; id < CW_MAX_VTEPS; id++)
		rte_free(vteps->records[id]);
	rte_free(vteps->index);
	key_table_free(vteps->vnis);
	rte_free(vteps);
}

static inline struct place
make_place(uint8_t family, const uint8_t *addr, rte_be16_t udp_port)
{
	struct place place = {.service = (uint32_t)family << 16 | udp_port};
	uint32_t word;

	if (family == 4) {
		memcpy(&word, addr, sizeof(word));
		place.low = word;
	} else {
		memcpy(&place.high, addr, sizeof(place.high));
		memcpy(&place.low, addr + sizeof(place.high), sizeof(place.low));
	}
	return place;
}

static inline uint32_t
place_hash(const struct place *place)
{
	uint64_t mixed = (place->high ^ place->low ^ (uint64_t)place->service << 32)
			 * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(mixed >> 32);
}

static inline bool
is_same_place(const struct place *a, const struct place *b)
{
	return a->low == b->low && a->high == b->high && a->service == b->service;
}

static void
index_add(struct place_index *index, const struct vtep *vtep, const struct cw_ip *ip)
{
	struct place place = make_place(ip->family, ip->addr, vtep->udp_port);
	uint32_t at = place_hash(&place) & index->mask;

	place.port = vtep->port;
	place.vtep = vtep;
	while (index->place[at].vtep != NULL)
		at = (at + 1) & index->mask;
	index->place[at] = place;
}

// Of all vteps, with 'record' in the place of records[id]. NULL: no memory.
static struct place_index *
index_create(const struct vteps *vteps, uint32_t id, const struct record *record)
{
	uint32_t n = 0, size;
	struct place_index *index;

	for (uint32_t i = 0; i < CW_MAX_VTEPS; i++) {
		const struct record *one = i == id ? record : vteps->records[i];

		n += one != NULL ? 1u + one->n_groups : 0;
	}
	size = rte_align32pow2(2 * n + 2);
	index = rte_zmalloc_socket("vtep index", sizeof(*index) + size * sizeof(index->place[0]),
		RTE_CACHE_LINE_SIZE, vteps->socket_id);
	if (index == NULL)
		return NULL;
	index->mask = size - 1;
	for (uint32_t i = 0; i < CW_MAX_VTEPS; i++) {
		const struct record *one = i == id ? record : vteps->records[i];

		if (one == NULL)
			continue;
		index_add(index, &one->vtep, &one->vtep.address);
		for (uint16_t k = 0; k < one->n_groups; k++)
			index_add(index, &one->vtep, &one->groups[k]);
	}
	return index;
}

// Workers that look up by id or by place see the former vtep or this one.
static int
publish(struct vteps *vteps, uint32_t id, struct record *record)
{
	struct place_index *old_index = vteps->index, *index;
	struct record *old = vteps->records[id];

	index = index_create(vteps, id, record);
	if (index == NULL)
		return -ENOMEM;
	__atomic_store_n(&vteps->index, index, __ATOMIC_RELEASE);
	__atomic_store_n(&vteps->records[id], record, __ATOMIC_RELEASE);
	dp_note_change(vteps->dp);
	if (old_index != NULL)
		rcu_defer(vteps->dp, rte_free, old_index);
	if (old != NULL)
		rcu_defer(vteps->dp, rte_free, old);
	return 0;
}

static struct record *
make_record(const struct vteps *vteps, const struct cw_vtep *object)
{
	const struct cw_ip *groups = object->addresses + object->n_own;
	struct record *record;
	struct vtep *vtep;

	record = rte_zmalloc_socket("vtep",
		sizeof(*record) + object->n_groups * sizeof(record->groups[0]), RTE_CACHE_LINE_SIZE,
		vteps->socket_id);
	if (record == NULL)
		return NULL;
	vtep = &record->vtep;
	vtep->id = (uint16_t)object->id;
	vtep->port = (uint16_t)object->port;
	vtep->network = (uint16_t)object->network;
	vtep->kind = object->kind;
	vtep->ttl = object->ttl != 0 ? object->ttl : DEFAULT_TTL;
	vtep->flags = object->flags;
	vtep->udp_port = rte_cpu_to_be_16(object->udp_port);
	memcpy(&vtep->mac, object->mac, sizeof(vtep->mac));
	vtep->address = object->address;
	vtep->n_own = object->n_own;
	memcpy(vtep->own, object->addresses, object->n_own * sizeof(vtep->own[0]));
	record->n_groups = object->n_groups;
	memcpy(record->groups, groups, object->n_groups * sizeof(groups[0]));
	return record;
}

// Whether packets for one would be packets for the other.
static bool
conflict(const struct vtep *a, const struct vtep *b)
{
	return a->udp_port == b->udp_port && a->address.family == b->address.family
	       && memcmp(a->address.addr, b->address.addr, sizeof(a->address.addr)) == 0
	       && (a->port == b->port || a->port == 0 || b->port == 0);
}

static bool
is_taken(const struct vteps *vteps, const struct record *record)
{
	for (uint32_t id = 1; id < CW_MAX_VTEPS; id++)
		if (id != record->vtep.id && vteps->records[id] != NULL
			&& conflict(&vteps->records[id]->vtep, &record->vtep))
			return true;
	return false;
}

int
vtep_set(struct vteps *vteps, const struct cw_vtep *object)
{
	struct record *record = make_record(vteps, object);
	bool is_new = vteps->records[object->id] == NULL;
	int error;

	if (record == NULL)
		return -ENOMEM;
	error = is_taken(vteps, record) ? -EEXIST : publish(vteps, object->id, record);
	if (error != 0) {
		rte_free(record);
		return error;
	}
	vteps->count += is_new;
	return 0;
}

// Without memory for an index that leaves it out, the old one is emptied of it: no worker may find
// it after its removal.
static void
clear_places(struct vteps *vteps, const struct vtep *vtep)
{
	for (uint32_t at = 0; at <= vteps->index->mask; at++)
		if (vteps->index->place[at].vtep == vtep)
			__atomic_store_n(
				&vteps->index->place[at].service, UINT32_MAX, __ATOMIC_RELAXED);
}

int
vtep_del(struct vteps *vteps, uint32_t id)
{
	struct record *old;

	if (id >= CW_MAX_VTEPS || vteps->records[id] == NULL)
		return -ENOENT;
	vteps->count--;
	if (publish(vteps, id, NULL) == 0)
		return 0;
	old = vteps->records[id];
	clear_places(vteps, &old->vtep);
	__atomic_store_n(&vteps->records[id], NULL, __ATOMIC_RELEASE);
	dp_note_change(vteps->dp);
	rcu_defer(vteps->dp, rte_free, old);
	return 0;
}

uint32_t
vteps_count(const struct vteps *vteps)
{
	return vteps->count;
}

int
vtep_set_vni(struct vteps *vteps, uint32_t vni, uint32_t network)
{
	if (network < CW_MAX_NETWORKS)
		return key_table_set(vteps->vnis, vni, network) == 0 ? 0 : -ENOMEM;
	key_table_del(vteps->vnis, vni);
	return 0;
}

uint16_t
vtep_vni_network(const struct vteps *vteps, uint32_t vni)
{
	uint64_t network;

	return key_table_get(vteps->vnis, vni, &network) ? (uint16_t)network : NO_NETWORK;
}

uint16_t
vtep_groups(const struct vteps *vteps, uint32_t id, const struct cw_ip **groups)
{
	*groups = vteps->records[id]->groups;
	return vteps->records[id]->n_groups;
}

const struct vtep *
vtep_get(const struct vteps *vteps, uint32_t id)
{
	const struct record *record;

	if (id >= CW_MAX_VTEPS)
		return NULL;
	record = __atomic_load_n(&vteps->records[id], __ATOMIC_ACQUIRE);
	return record != NULL ? &record->vtep : NULL;
}

static inline const struct vtep *
lookup(const struct vteps *vteps, uint16_t in_port, const struct place *wanted)
{
	const struct place_index *index = __atomic_load_n(&vteps->index, __ATOMIC_ACQUIRE);

	if (index == NULL)
		return NULL;
	for (uint32_t at = place_hash(wanted) & index->mask; index->place[at].vtep != NULL;
		at = (at + 1) & index->mask) {
		const struct place *place = &index->place[at];

		if (is_same_place(place, wanted) && (place->port == 0 || place->port == in_port))
			return place->vtep;
	}
	return NULL;
}

const struct vtep *
vtep_lookup4(const struct vteps *vteps, uint16_t in_port, rte_be32_t dst, rte_be16_t udp_port)
{
	const struct place wanted = make_place(4, (const uint8_t *)&dst, udp_port);

	return lookup(vteps, in_port, &wanted);
}

const struct vtep *
vtep_lookup6(
	const struct vteps *vteps, uint16_t in_port, const uint8_t dst[16], rte_be16_t udp_port)
{
	const struct place wanted = make_place(6, dst, udp_port);

	return lookup(vteps, in_port, &wanted);
}
