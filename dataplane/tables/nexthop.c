/* SPDX-License-Identifier: Apache-2.0 */
#include "nexthop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "dataplane.h"
#include "neighbor.h"
#include "nexthop_group.h"

// What the main thread knows of a next hop: the object as set.
struct record {
	TAILQ_ENTRY(record) next; // in the list of its kind, see list_of()
	struct cw_nexthop object; // with its members
};

TAILQ_HEAD(record_list, record);

// What workers see, in one piece of memory.
struct published {
	struct nexthop nexthop;
	struct cw_ip via;
	struct nexthop_group group;
};

struct nexthops {
	struct dataplane *dp;
	int socket_id;
	uint32_t count;
	struct record_list direct, groups; // dependent on ports, networks, neighbours; on others
	struct record *records[CW_MAX_NEXTHOPS];
	struct published *ready[CW_MAX_NEXTHOPS]; // atomic, NULL = none
	uint32_t memberships[CW_MAX_NEXTHOPS]; // in groups, whether the member exists or not
	struct nexthop connected[CW_MAX_NETWORKS]; // NEXTHOP_OWN_CONNECTED
};

struct nexthops *
nexthops_create(struct dataplane *dp, int socket_id)
{
	struct nexthops *nexthops;

	nexthops =
		rte_zmalloc_socket("nexthops", sizeof(*nexthops), RTE_CACHE_LINE_SIZE, socket_id);
	if (nexthops == NULL) {
		rte_errno = ENOMEM;
		return NULL;
	}
	nexthops->dp = dp;
	nexthops->socket_id = socket_id;
	TAILQ_INIT(&nexthops->direct);
	TAILQ_INIT(&nexthops->groups);
	for (uint16_t i = 0; i < CW_MAX_NETWORKS; i++)
		nexthops->connected[i] = (struct nexthop){
			.action = NEXTHOP_CONNECTED, .network = i, .mtu = CW_MTU_MAX};
	return nexthops;
}

void
nexthops_free(struct nexthops *nexthops)
{
	if (nexthops == NULL)
		return;
	for (uint32_t id = 0; id < CW_MAX_NEXTHOPS; id++) {
		free(nexthops->records[id]);
		rte_free(nexthops->ready[id]);
	}
	rte_free(nexthops);
}

const struct nexthop *
nexthop_get(const struct nexthops *nexthops, uint32_t id)
{
	const struct published *published;

	if (id < CW_MAX_NEXTHOPS) {
		published = __atomic_load_n(&nexthops->ready[id], __ATOMIC_ACQUIRE);
		return published == NULL ? NULL : &published->nexthop;
	}
	return id < NEXTHOP_OWN_LAST ? &nexthops->connected[id - CW_MAX_NEXTHOPS] : NULL;
}

const struct nexthop *
nexthop_member(const struct nexthops *nexthops, const struct nexthop *group, uint32_t hash)
{
	const struct nexthop *nexthop =
		nexthop_get(nexthops, group->group->bucket[hash & group->group->mask]);

	// A member that became a group meanwhile belongs to a later state of this group.
	return nexthop != NULL && nexthop->action != NEXTHOP_GROUP ? nexthop : NULL;
}

const struct nexthop *
nexthop_select(const struct nexthops *nexthops, uint32_t id, uint32_t hash)
{
	const struct nexthop *nexthop = nexthop_get(nexthops, id);

	if (nexthop == NULL || nexthop->action != NEXTHOP_GROUP)
		return nexthop;
	return nexthop_member(nexthops, nexthop, hash);
}

const struct cw_nexthop *
nexthop_object(const struct nexthops *nexthops, uint32_t id)
{
	if (id >= CW_MAX_NEXTHOPS || nexthops->records[id] == NULL)
		return NULL;
	return &nexthops->records[id]->object;
}

uint32_t
nexthops_count(const struct nexthops *nexthops)
{
	return nexthops->count;
}

static void
resolve_port(const struct dataplane *dp, const struct cw_nexthop *object, struct nexthop *nexthop)
{
	const struct network *network = dp_network(dp, nexthop->network);
	const struct dp_port *port = dp_port_get(dp, (uint16_t)object->port);

	nexthop->action = NEXTHOP_FORWARD;
	nexthop->out_port = (uint16_t)object->port;
	memcpy(&nexthop->header.dst, object->mac, sizeof(nexthop->header.dst));
	if (network != NULL) {
		nexthop->header.src = network->router_mac;
		nexthop->mtu = network->mtu;
	}
	if (port != NULL)
		nexthop->mtu = (uint16_t)RTE_MIN(nexthop->mtu, port->mtu);
}

// Without a host port out_port stays 0.
static void
resolve_host(const struct dataplane *dp, struct nexthop *nexthop)
{
	const struct network *network = dp_network(dp, nexthop->network);
	const struct dp_port *port;

	nexthop->action = NEXTHOP_HOST;
	if (network == NULL || network->host_port == 0)
		return;
	nexthop->header.src = network->router_mac;
	nexthop->mtu = network->mtu;
	port = dp_port_get(dp, network->host_port);
	if (port == NULL)
		return;
	nexthop->out_port = network->host_port;
	nexthop->header.dst = port->mac;
	nexthop->mtu = port->mtu;
}

static void
resolve_via(const struct dataplane *dp, struct published *published)
{
	struct nexthop *nexthop = &published->nexthop;
	const struct neighbor *neighbor;
	rte_be32_t word;

	if (published->via.family == 6) {
		neighbor = neighbor_lookup6(dp->neighbors, nexthop->network, published->via.addr);
	} else {
		memcpy(&word, published->via.addr, sizeof(word));
		neighbor = neighbor_lookup4(dp->neighbors, nexthop->network, word);
	}
	if (neighbor != NULL && neighbor->nexthop.action == NEXTHOP_FORWARD) {
		*nexthop = neighbor->nexthop;
	} else if (neighbor != NULL && neighbor->nexthop.action == NEXTHOP_LOCAL) {
		nexthop->action = NEXTHOP_UNREACHABLE; // the router is no next hop of its own
	} else {
		nexthop->action = NEXTHOP_CONNECTED;
		nexthop->via = &published->via;
	}
}

static struct published *
build_single(const struct nexthops *nexthops, const struct cw_nexthop *object)
{
	struct published *published;

	published = rte_zmalloc_socket(
		"nexthop", sizeof(*published), RTE_CACHE_LINE_SIZE, nexthops->socket_id);
	if (published == NULL)
		return NULL;
	published->nexthop.network = (uint16_t)object->network;
	published->nexthop.mtu = CW_MTU_MAX;
	published->via = object->via;
	switch (object->kind) {
	case CW_NEXTHOP_PORT:
		resolve_port(nexthops->dp, object, &published->nexthop);
		break;
	case CW_NEXTHOP_VIA:
		resolve_via(nexthops->dp, published);
		break;
	case CW_NEXTHOP_HOST:
		resolve_host(nexthops->dp, &published->nexthop);
		break;
	case CW_NEXTHOP_BLACKHOLE:
		published->nexthop.action = NEXTHOP_BLACKHOLE;
		break;
	case CW_NEXTHOP_UNREACHABLE:
		published->nexthop.action = NEXTHOP_UNREACHABLE;
		break;
	default:
		published->nexthop.action = NEXTHOP_PROHIBIT;
		break;
	}
	return published;
}

// Of the members that exist now; without any the group has nothing to publish, and *published is
// NULL. Returns 0 or -ENOMEM.
static int
build_group(const struct nexthops *nexthops, const struct cw_nexthop *object,
	struct published **published)
{
	struct cw_member members[CW_MAX_MEMBERS];
	uint32_t n = 0, size;

	*published = NULL;
	for (uint32_t i = 0; i < object->n_members; i++)
		if (nexthops->records[object->members[i].nexthop] != NULL)
			members[n++] = object->members[i];
	if (n == 0)
		return 0;
	size = nexthop_group_size(members, n);
	*published =
		rte_zmalloc_socket("nexthop group", sizeof(**published) + size * sizeof(uint32_t),
			RTE_CACHE_LINE_SIZE, nexthops->socket_id);
	if (*published == NULL)
		return -ENOMEM;
	(*published)->nexthop.action = NEXTHOP_GROUP;
	(*published)->nexthop.network = (uint16_t)object->network;
	(*published)->nexthop.group = &(*published)->group;
	nexthop_group_fill(&(*published)->group, members, n, size);
	return 0;
}

static void
publish(struct nexthops *nexthops, uint32_t id, struct published *published)
{
	struct published *old = nexthops->ready[id];

	__atomic_store_n(&nexthops->ready[id], published, __ATOMIC_RELEASE);
	dp_note_change(nexthops->dp);
	if (old != NULL)
		rcu_defer(nexthops->dp, rte_free, old);
}

static int
build(const struct nexthops *nexthops, const struct cw_nexthop *object,
	struct published **published)
{
	if (object->kind == CW_NEXTHOP_GROUP)
		return build_group(nexthops, object, published);
	*published = build_single(nexthops, object);
	return *published == NULL ? -ENOMEM : 0;
}

// Groups that have this member follow its coming and going. Without memory they stay as they are:
// a bucket of a missing member drops.
static void
rebuild_groups(struct nexthops *nexthops, uint32_t member)
{
	struct published *published;
	struct record *group;

	TAILQ_FOREACH (group, &nexthops->groups, next) {
		const struct cw_nexthop *object = &group->object;

		for (uint32_t i = 0; i < object->n_members; i++) {
			if (object->members[i].nexthop != member)
				continue;
			if (build_group(nexthops, object, &published) == 0)
				publish(nexthops, object->id, published);
			break;
		}
	}
}

static int
check_members(const struct nexthops *nexthops, const struct cw_nexthop *object)
{
	const struct record *member;
	uint32_t id;

	if (object->n_members == 0 || object->n_members > CW_MAX_MEMBERS)
		return -EINVAL;
	for (uint32_t i = 0; i < object->n_members; i++) {
		id = object->members[i].nexthop;
		if (object->members[i].weight < 1 || object->members[i].weight > 256)
			return -EINVAL;
		if (id == object->id)
			return -EINVAL;
		if (id >= CW_MAX_NEXTHOPS || nexthops->records[id] == NULL)
			return -ENOENT;
		member = nexthops->records[id];
		if (member->object.kind == CW_NEXTHOP_GROUP)
			return -EINVAL;
	}
	return 0;
}

static int
check(const struct nexthops *nexthops, const struct cw_nexthop *object)
{
	if (object->id == 0 || object->id >= CW_MAX_NEXTHOPS || object->network >= CW_MAX_NETWORKS)
		return -EINVAL;
	switch (object->kind) {
	case CW_NEXTHOP_PORT:
		return object->port > 0 && object->port < CW_MAX_PORTS ? 0 : -EINVAL;
	case CW_NEXTHOP_VIA:
		return object->via.family == 4 || object->via.family == 6 ? 0 : -EINVAL;
	case CW_NEXTHOP_HOST:
	case CW_NEXTHOP_BLACKHOLE:
	case CW_NEXTHOP_UNREACHABLE:
	case CW_NEXTHOP_PROHIBIT:
		return 0;
	case CW_NEXTHOP_GROUP: // groups do not nest
		return nexthops->memberships[object->id] > 0 ? -EINVAL
							     : check_members(nexthops, object);
	default:
		return -EINVAL;
	}
}

static struct record_list *
list_of(struct nexthops *nexthops, uint8_t kind)
{
	switch (kind) {
	case CW_NEXTHOP_PORT:
	case CW_NEXTHOP_VIA:
	case CW_NEXTHOP_HOST:
		return &nexthops->direct;
	case CW_NEXTHOP_GROUP:
		return &nexthops->groups;
	default:
		return NULL; // depends on nothing
	}
}

static struct record *
make_record(const struct cw_nexthop *object)
{
	uint32_t n_members = object->kind == CW_NEXTHOP_GROUP ? object->n_members : 0;
	size_t members = n_members * sizeof(object->members[0]);
	struct record *record = calloc(1, sizeof(*record) + members);

	if (record == NULL)
		return NULL;
	record->object = *object;
	record->object.n_members = n_members;
	memcpy(record->object.members, object->members, members);
	return record;
}

static void
enlist(struct nexthops *nexthops, struct record *record)
{
	struct record_list *list = list_of(nexthops, record->object.kind);

	nexthops->records[record->object.id] = record;
	if (list != NULL)
		TAILQ_INSERT_TAIL(list, record, next);
	for (uint32_t i = 0; i < record->object.n_members; i++)
		nexthops->memberships[record->object.members[i].nexthop]++;
}

static void
delist(struct nexthops *nexthops, struct record *record)
{
	struct record_list *list = list_of(nexthops, record->object.kind);

	nexthops->records[record->object.id] = NULL;
	if (list != NULL)
		TAILQ_REMOVE(list, record, next);
	for (uint32_t i = 0; i < record->object.n_members; i++)
		nexthops->memberships[record->object.members[i].nexthop]--;
	free(record);
}

int
nexthop_set(struct nexthops *nexthops, const struct cw_nexthop *object)
{
	int error = check(nexthops, object);
	struct published *published;
	struct record *record, *old;

	if (error != 0)
		return error;
	record = make_record(object);
	if (record == NULL)
		return -ENOMEM;
	error = build(nexthops, &record->object, &published);
	if (error != 0) {
		free(record);
		return error;
	}
	old = nexthops->records[object->id];
	if (old != NULL)
		delist(nexthops, old);
	else
		nexthops->count++;
	enlist(nexthops, record);
	publish(nexthops, record->object.id, published);
	if (old == NULL && nexthops->memberships[record->object.id] > 0)
		rebuild_groups(nexthops, record->object.id);
	return 0;
}

int
nexthop_del(struct nexthops *nexthops, uint32_t id)
{
	if (id >= CW_MAX_NEXTHOPS || nexthops->records[id] == NULL)
		return -ENOENT;
	delist(nexthops, nexthops->records[id]);
	nexthops->count--;
	publish(nexthops, id, NULL);
	if (nexthops->memberships[id] > 0)
		rebuild_groups(nexthops, id);
	return 0;
}

// Next hops without a group say the same when all before that pointer is the same; via belongs to
// the object, which did not change.
static bool
says_the_same(const struct published *a, const struct published *b)
{
	return memcmp(&a->nexthop, &b->nexthop, offsetof(struct nexthop, group)) == 0;
}

void
nexthops_resolve(struct nexthops *nexthops)
{
	struct published *published;
	struct record *record;

	TAILQ_FOREACH (record, &nexthops->direct, next) {
		published = build_single(nexthops, &record->object);
		if (published == NULL)
			continue; // no memory: stays as it is until the next time
		if (says_the_same(published, nexthops->ready[record->object.id]))
			rte_free(published);
		else
			publish(nexthops, record->object.id, published);
	}
}
