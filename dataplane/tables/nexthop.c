/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "dataplane.h"
#include "nexthop_private.h"

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
	nexthops->remotes = remotes_create(dp, socket_id);
	if (nexthops->remotes == NULL) {
		rte_free(nexthops);
		rte_errno = ENOMEM;
		return NULL;
	}
	nexthops->dp = dp;
	nexthops->socket_id = socket_id;
	TAILQ_INIT(&nexthops->direct);
	TAILQ_INIT(&nexthops->groups);
	TAILQ_INIT(&nexthops->tunnels);
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
	remotes_free(nexthops->remotes);
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

static inline const struct nexthop *
bucket_of(const struct nexthops *nexthops, const struct nexthop *group, uint32_t hash)
{
	return nexthop_get(nexthops, group->group->bucket[hash & group->group->mask]);
}

const struct nexthop *
nexthop_member(const struct nexthops *nexthops, const struct nexthop *group, uint32_t hash)
{
	const struct nexthop *nexthop = bucket_of(nexthops, group, hash);

	if (nexthop != NULL && nexthop->action == NEXTHOP_GROUP && nexthop->group->mask == 0)
		nexthop = bucket_of(nexthops, nexthop, hash); // which stands for another
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
	(*published)->nexthop.id = object->id;
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
	struct draft draft;

	if (object->kind == CW_NEXTHOP_GROUP)
		return build_group(nexthops, object, published);
	nexthop_draft(nexthops, object, &draft);
	*published = nexthop_make(nexthops, &draft);
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
check_tunnel(const struct cw_nexthop *object)
{
	if (object->vtep == 0 || object->vtep >= CW_MAX_VTEPS || object->vni > CW_VNI_MAX)
		return -EINVAL;
	if (object->underlay >= CW_MAX_NEXTHOPS || object->underlay == object->id)
		return -EINVAL;
	return object->via.family == 4 || object->via.family == 6 ? 0 : -EINVAL;
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
	case CW_NEXTHOP_TUNNEL:
		return check_tunnel(object);
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
	case CW_NEXTHOP_TUNNEL:
		return &nexthops->tunnels;
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

static int
enlist_remote(struct nexthops *nexthops, struct record *record)
{
	const struct cw_nexthop *object = &record->object;

	if (object->kind != CW_NEXTHOP_TUNNEL)
		return 0;
	return remote_add(nexthops->remotes, (uint16_t)object->vtep, (uint16_t)object->network,
		&object->via, object->id, &record->remote);
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
	if (record->object.kind == CW_NEXTHOP_TUNNEL)
		nexthops->underlies[record->object.underlay]++;
}

static void
delist(struct nexthops *nexthops, struct record *record)
{
	const struct cw_nexthop *object = &record->object;
	struct record_list *list = list_of(nexthops, object->kind);

	nexthops->records[object->id] = NULL;
	if (list != NULL)
		TAILQ_REMOVE(list, record, next);
	for (uint32_t i = 0; i < object->n_members; i++)
		nexthops->memberships[object->members[i].nexthop]--;
	if (object->kind == CW_NEXTHOP_TUNNEL) {
		nexthops->underlies[object->underlay]--;
		remote_del(nexthops->remotes, (uint16_t)object->vtep, (uint16_t)object->network,
			&object->via, &record->remote);
	}
	free(record);
}

// Without memory it stays as it is until the next time.
static void
refresh(struct nexthops *nexthops, const struct record *record)
{
	struct published *published;
	struct draft draft;

	nexthop_draft(nexthops, &record->object, &draft);
	if (nexthop_says_the_same(nexthops->ready[record->object.id], &draft))
		return;
	published = nexthop_make(nexthops, &draft);
	if (published != NULL)
		publish(nexthops, record->object.id, published);
}

static bool
underlies_by_group(const struct nexthops *nexthops, uint32_t id, uint32_t underlay)
{
	const struct cw_nexthop *group = nexthop_object(nexthops, underlay);

	if (group == NULL)
		return false;
	for (uint32_t i = 0; i < group->n_members; i++)
		if (group->members[i].nexthop == id)
			return true;
	return false;
}

// Tunnels whose way to the remote is this next hop, alone or in a group, follow it.
static void
refresh_tunnels(struct nexthops *nexthops, uint32_t id)
{
	const struct record *tunnel;

	if (nexthops->underlies[id] == 0 && nexthops->memberships[id] == 0)
		return;
	TAILQ_FOREACH (tunnel, &nexthops->tunnels, next) {
		const uint32_t underlay = tunnel->object.underlay;

		if (underlay == id
			|| (nexthops->memberships[id] > 0
				&& underlies_by_group(nexthops, id, underlay)))
			refresh(nexthops, tunnel);
	}
}

static void
follow(struct nexthops *nexthops, uint32_t id, bool came_or_went)
{
	if (came_or_went && nexthops->memberships[id] > 0)
		rebuild_groups(nexthops, id);
	refresh_tunnels(nexthops, id);
}

int
nexthop_set(struct nexthops *nexthops, const struct cw_nexthop *object)
{
	int error = check(nexthops, object);
	struct published *published = NULL;
	struct record *record, *old;

	if (error != 0)
		return error;
	record = make_record(object);
	if (record == NULL)
		return -ENOMEM;
	error = build(nexthops, &record->object, &published);
	if (error == 0)
		error = enlist_remote(nexthops, record);
	if (error != 0) {
		rte_free(published);
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
	follow(nexthops, record->object.id, old == NULL);
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
	follow(nexthops, id, true);
	return 0;
}

void
nexthops_resolve(struct nexthops *nexthops)
{
	const struct record *record;

	TAILQ_FOREACH (record, &nexthops->direct, next)
		refresh(nexthops, record);
	TAILQ_FOREACH (record, &nexthops->tunnels, next)
		refresh(nexthops, record);
}

bool
nexthop_has_remote(const struct nexthops *nexthops, uint16_t vtep, uint16_t network,
	const struct cw_ip *remote, uint32_t *id)
{
	*id = remote_find(nexthops->remotes, vtep, network, remote);
	return *id != 0 || remote_find(nexthops->remotes, vtep, REMOTE_ANY_NETWORK, remote) != 0;
}
