/* SPDX-License-Identifier: Apache-2.0 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "log.h"
#include "mirror/plan_private.h"

size_t
node_key_size(const struct node_key *key)
{
	return sizeof(*key) + key->n_hops * sizeof(key->hops[0]);
}

static int
compare_nodes(const void *a, const void *b)
{
	const struct node_key *x = &((const struct node *)a)->key;
	const struct node_key *y = &((const struct node *)b)->key;

	if (x->n_hops != y->n_hops)
		return x->n_hops < y->n_hops ? -1 : 1;
	return memcmp(x, y, node_key_size(x));
}

// FNV-1a.
static uint32_t
hash(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint32_t value = 2166136261u;

	for (size_t i = 0; i < size; i++)
		value = (value ^ bytes[i]) * 16777619u;
	return value;
}

// An identifier of the upper half, and the same for the same key after a restart of causewayd
// unless another key has it: then a replay changes nothing in the data plane, and no packet takes a
// wrong way in the middle of it. Returns 0: none is left.
static uint32_t
free_id(const struct plan *plan, const struct node_key *key)
{
	const uint32_t half = CW_MAX_NEXTHOPS / 2, start = hash(key, node_key_size(key));

	for (uint32_t i = 0; i < half; i++) {
		const uint32_t id = half + (start + i) % half;

		if (plan->by_id[id] == NULL && nexthop_by_id(plan->objects, id) == NULL)
			return id;
	}
	return 0;
}

static struct node *
find(const struct plan *plan, const struct node_key *key)
{
	union {
		struct node node;
		char room[sizeof(struct node) + CW_MAX_MEMBERS * sizeof(struct kernel_hop)];
	} probe;
	void *found;

	memcpy(&probe.node.key, key, node_key_size(key));
	found = tfind(&probe, &plan->nodes_by_key, compare_nodes);
	return found != NULL ? *(struct node **)found : NULL;
}

static struct node *
make(struct plan *plan, const struct node_key *key)
{
	const uint32_t id = free_id(plan, key);
	struct node *node;

	if (id == 0) {
		if (!plan->full)
			log_error(
				"mirror: no identifier for a next hop is left, routes are missing");
		plan->full = true;
		return NULL;
	}
	node = calloc(1, sizeof(*node) + node_key_size(key));
	if (node == NULL)
		return NULL;
	memcpy(&node->key, key, node_key_size(key));
	node->id = id;
	if (tsearch(node, &plan->nodes_by_key, compare_nodes) == NULL) {
		free(node);
		return NULL;
	}
	node->next = plan->nodes;
	plan->nodes = node;
	plan->by_id[id] = node;
	return node;
}

static void
put(struct plan *plan, struct node *node, union resolved *to, uint8_t origin)
{
	struct nexthop *nexthop = &to->nexthop;

	nexthop->object = (struct object){.type = OBJECT_NEXTHOP, .origin = origin};
	nexthop->id = node->id;
	node->kind = nexthop->kind;
	plan_put(plan, object_copy(nexthop, nexthop_size(nexthop->n_members)));
}

struct node *
node_get(struct plan *plan, const struct node_key *key, uint8_t origin)
{
	struct node *node = find(plan, key);
	union resolved to;

	if (node == NULL)
		node = make(plan, key);
	if (node == NULL || node->pass == plan->pass)
		return node;
	node->pass = plan->pass;
	node->is_usable = resolve(plan, node, origin, &to);
	if (node->is_usable)
		put(plan, node, &to, origin);
	return node;
}

static void
remove_node(struct plan *plan, struct node *node)
{
	tdelete(node, &plan->nodes_by_key, compare_nodes);
	plan->by_id[node->id] = NULL;
	free(node);
}

// Nothing may be sent any more to neighbours of a device that is down, though routes that the
// kernel has taken away already still lead to them: taking those away takes longer.
void
nodes_lose_ways(struct plan *plan)
{
	for (struct node *node = plan->nodes; node != NULL; node = node->next) {
		const struct mirror_device *device = device_of(plan, node->ifindex);
		const struct nexthop *present = nexthop_by_id(plan->objects, node->id);
		struct nexthop *lost;

		// What nobody refers to is deleted in this pass.
		if (node->pass == plan->pass || present == NULL || mac_is_zero(node->mac)
			|| (device != NULL && device->is_up)
			|| objects_users(plan->objects, OBJECT_NEXTHOP, node->id) == 0)
			continue;
		memset(node->mac, 0, sizeof(node->mac));
		lost = object_copy(present, nexthop_size(present->n_members));
		if (lost == NULL)
			continue;
		memset(lost->mac, 0, sizeof(lost->mac));
		plan_put(plan, &lost->object);
	}
}

bool
nodes_collect(struct plan *plan)
{
	struct node **at = &plan->nodes, *node;
	bool left = false;

	while ((node = *at) != NULL) {
		struct nexthop *nexthop = nexthop_by_id(plan->objects, node->id);

		if (node->pass == plan->pass && node->is_usable) {
			at = &node->next;
			continue;
		}
		if (objects_users(plan->objects, OBJECT_NEXTHOP, node->id) > 0) {
			left = true;
			at = &node->next;
			continue;
		}
		if (nexthop != NULL)
			plan_delete(plan, &nexthop->object);
		*at = node->next;
		remove_node(plan, node);
	}
	return left;
}

void
nodes_free(struct plan *plan)
{
	while (plan->nodes != NULL) {
		struct node *node = plan->nodes;

		plan->nodes = node->next;
		remove_node(plan, node);
	}
}
