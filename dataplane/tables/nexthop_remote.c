/* SPDX-License-Identifier: Apache-2.0 */
#include "nexthop_remote.h"

#include <errno.h>
#include <string.h>

#include <rte_jhash.h>
#include <rte_malloc.h>

#include "dataplane.h"

#define CHAINS 4096 // heads of the hash table, a power of two

LIST_HEAD(node_list, remote_node);

// One peer as one network sees it, in a chain that workers walk.
struct remote {
	struct remote *next; // atomic
	uint16_t vtep, network;
	uint8_t family;
	uint8_t addr[16];
	uint32_t lowest; // next hop; atomic
	struct node_list nodes;
};

struct remotes {
	struct dataplane *dp;
	int socket_id;
	struct remote *chain[CHAINS]; // atomic
};

struct remotes *
remotes_create(struct dataplane *dp, int socket_id)
{
	struct remotes *remotes =
		rte_zmalloc_socket("remotes", sizeof(*remotes), RTE_CACHE_LINE_SIZE, socket_id);

	if (remotes == NULL)
		return NULL;
	remotes->dp = dp;
	remotes->socket_id = socket_id;
	return remotes;
}

void
remotes_free(struct remotes *remotes)
{
	if (remotes == NULL)
		return;
	for (uint32_t i = 0; i < CHAINS; i++)
		for (struct remote *at = remotes->chain[i], *next; at != NULL; at = next) {
			next = at->next;
			rte_free(at);
		}
	rte_free(remotes);
}

static inline uint32_t
chain_of(uint16_t vtep, uint16_t network, const struct cw_ip *ip)
{
	return rte_jhash(ip->addr, sizeof(ip->addr), (uint32_t)vtep << 16 | network) % CHAINS;
}

static inline bool
is_it(const struct remote *remote, uint16_t vtep, uint16_t network, const struct cw_ip *ip)
{
	return remote->vtep == vtep && remote->network == network && remote->family == ip->family
	       && memcmp(remote->addr, ip->addr, sizeof(remote->addr)) == 0;
}

static struct remote *
find(const struct remotes *remotes, uint16_t vtep, uint16_t network, const struct cw_ip *ip)
{
	struct remote *at;

	at = __atomic_load_n(&remotes->chain[chain_of(vtep, network, ip)], __ATOMIC_ACQUIRE);
	while (at != NULL && !is_it(at, vtep, network, ip))
		at = __atomic_load_n(&at->next, __ATOMIC_ACQUIRE);
	return at;
}

static struct remote *
find_or_make(struct remotes *remotes, uint16_t vtep, uint16_t network, const struct cw_ip *ip,
	uint32_t lowest)
{
	struct remote **head = &remotes->chain[chain_of(vtep, network, ip)];
	struct remote *remote = find(remotes, vtep, network, ip);

	if (remote != NULL)
		return remote;
	remote = rte_zmalloc_socket("remote", sizeof(*remote), 0, remotes->socket_id);
	if (remote == NULL)
		return NULL;
	remote->vtep = vtep;
	remote->network = network;
	remote->family = ip->family;
	memcpy(remote->addr, ip->addr, sizeof(remote->addr));
	LIST_INIT(&remote->nodes);
	remote->lowest = lowest;
	remote->next = *head;
	__atomic_store_n(head, remote, __ATOMIC_RELEASE);
	return remote;
}

static void
discard(struct remotes *remotes, struct remote *remote, const struct cw_ip *ip)
{
	struct remote **at = &remotes->chain[chain_of(remote->vtep, remote->network, ip)];

	while (*at != remote)
		at = &(*at)->next;
	__atomic_store_n(at, remote->next, __ATOMIC_RELEASE);
	rcu_defer(remotes->dp, rte_free, remote);
}

static void
set_lowest(struct remote *remote)
{
	const struct remote_node *node;
	uint32_t lowest = UINT32_MAX;

	LIST_FOREACH (node, &remote->nodes, link)
		lowest = RTE_MIN(lowest, node->id);
	__atomic_store_n(&remote->lowest, lowest, __ATOMIC_RELAXED);
}

static int
add(struct remotes *remotes, uint16_t vtep, uint16_t network, const struct cw_ip *ip,
	uint32_t nexthop, struct remote_node *node)
{
	struct remote *remote = find_or_make(remotes, vtep, network, ip, nexthop);

	if (remote == NULL)
		return -ENOMEM;
	node->id = nexthop;
	LIST_INSERT_HEAD(&remote->nodes, node, link);
	if (nexthop < remote->lowest)
		__atomic_store_n(&remote->lowest, nexthop, __ATOMIC_RELAXED);
	return 0;
}

static void
del(struct remotes *remotes, uint16_t vtep, uint16_t network, const struct cw_ip *ip,
	struct remote_node *node)
{
	struct remote *remote = find(remotes, vtep, network, ip);

	LIST_REMOVE(node, link);
	if (LIST_EMPTY(&remote->nodes))
		discard(remotes, remote, ip);
	else if (remote->lowest == node->id)
		set_lowest(remote);
}

int
remote_add(struct remotes *remotes, uint16_t vtep, uint16_t network, const struct cw_ip *ip,
	uint32_t nexthop, struct remote_member *member)
{
	int error = add(remotes, vtep, network, ip, nexthop, &member->in_network);

	if (error != 0)
		return error;
	error = add(remotes, vtep, REMOTE_ANY_NETWORK, ip, nexthop, &member->anywhere);
	if (error != 0)
		del(remotes, vtep, network, ip, &member->in_network);
	return error;
}

void
remote_del(struct remotes *remotes, uint16_t vtep, uint16_t network, const struct cw_ip *ip,
	struct remote_member *member)
{
	del(remotes, vtep, network, ip, &member->in_network);
	del(remotes, vtep, REMOTE_ANY_NETWORK, ip, &member->anywhere);
}

uint32_t
remote_find(const struct remotes *remotes, uint16_t vtep, uint16_t network, const struct cw_ip *ip)
{
	const struct remote *remote = find(remotes, vtep, network, ip);

	return remote != NULL ? __atomic_load_n(&remote->lowest, __ATOMIC_RELAXED) : 0;
}
