/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <rte_version.h>

#include "port.h"
#include "server/reply.h"
#include "server/server_private.h"
#include "stats/stats.h"
#include "tables/fdb.h"
#include "tables/lpm.h"
#include "tables/neighbor.h"
#include "tables/nexthop.h"
#include "worker.h"
#include "worker_control.h"

static void
count_memory(const struct dataplane *dp, struct cw_node *node)
{
	struct rte_malloc_socket_stats heap;

	for (int i = 0; i < RTE_MAX_NUMA_NODES; i++)
		if (rte_malloc_get_socket_stats(i, &heap) == 0) {
			node->heap_bytes += heap.heap_totalsz_bytes;
			node->heap_used_bytes += heap.heap_allocsz_bytes;
		}
	for (uint16_t w = 0; w < dp->n_workers; w++) {
		bool seen = false;

		for (uint16_t other = 0; other < w; other++)
			seen |= dp->workers[other]->mbufs == dp->workers[w]->mbufs;
		if (seen)
			continue; // workers of one NUMA node share pools
		node->mbufs += dp->workers[w]->mbufs->size;
		node->mbufs_free += rte_mempool_avail_count(dp->workers[w]->mbufs);
		node->jumbos += dp->workers[w]->jumbos->size;
		node->jumbos_free += rte_mempool_avail_count(dp->workers[w]->jumbos);
	}
}

static void
count_tables(const struct server *server, struct cw_node *node)
{
	const struct dataplane *dp = server->dp;

	node->route_bytes = lpm_bytes(dp->lpm);
	node->networks = objects_count(server->objects, CW_ITEM_NETWORK);
	node->ports = objects_count(server->objects, CW_ITEM_PORT);
	node->endpoints = objects_count(server->objects, CW_ITEM_ENDPOINT);
	node->fdb_entries = fdb_count(dp->fdb);
	node->neighbors = neighbors_count(dp->neighbors);
	node->nexthops = nexthops_count(dp->nexthops);
	for (uint32_t id = 0; id < CW_MAX_NETWORKS; id++) {
		const struct network *network = dp_network(dp, (uint16_t)id);

		if (network == NULL)
			continue;
		node->routes4 += lpm_count(network->routes4);
		node->routes6 += lpm_count(network->routes6);
	}
}

static void
add_node(const struct server *server, struct reply *reply)
{
	struct cw_node *node = reply_item(reply, CW_ITEM_NODE, sizeof(*node));

	if (node == NULL)
		return;
	snprintf(node->version, sizeof(node->version), "%s", CW_VERSION);
	snprintf(node->dpdk, sizeof(node->dpdk), "%s", rte_version());
	node->uptime_ms = (rte_rdtsc() - server->start_tsc) / (rte_get_tsc_hz() / 1000);
	node->epoch = server->epoch;
	node->pid = (uint32_t)getpid();
	count_memory(server->dp, node);
	count_tables(server, node);
}

static void
add_worker(const struct server *server, struct reply *reply, const struct worker *w)
{
	struct cw_worker_info *info = reply_item(reply, CW_ITEM_WORKER_INFO, sizeof(*info));

	if (info == NULL)
		return;
	info->worker = w->id;
	info->core = w->core;
	info->numa = w->socket_id;
	info->isolated = server->config.isolated[w->id];
	if (server->config.idle != NULL)
		snprintf(info->idle, sizeof(info->idle), "%s", server->config.idle);
}

// device: by which the port sends.
static void
add_port(const struct server *server, struct reply *reply, uint16_t id, const struct port *device)
{
	const struct port_peer *peer = objects_device_peer(server->objects, id);
	struct cw_port_info *info = reply_item(reply, CW_ITEM_PORT_INFO, sizeof(*info));
	const char *reason;

	if (info == NULL)
		return;
	info->id = id;
	info->kind = dp_port_get(server->dp, id) != NULL ? dp_port_get(server->dp, id)->kind
							 : device->kind;
	info->state = objects_device_state(server->objects, id, &reason);
	info->numa = (int16_t)device->socket_id;
	info->rx_queues = device->n_rx;
	info->tx_queues = device->n_tx;
	info->capabilities = device->capabilities;
	info->rx_workers = worker_port_workers(server->dp, device->id);
	snprintf(info->reason, sizeof(info->reason), "%s", reason);
	port_capability_names(
		device->capabilities, info->capability_names, sizeof(info->capability_names));
	info->peer_mtu = peer->mtu;
	info->peer_queues = peer->n_queues;
	info->connects = peer->connects;
	memcpy(info->mac, &device->mac, sizeof(info->mac));
	snprintf(info->peer_features, sizeof(info->peer_features), "%s", peer->features);
}

void
node_fill(struct server *server, struct reply *reply)
{
	add_node(server, reply);
	for (uint16_t w = 0; w < server->dp->n_workers; w++)
		add_worker(server, reply, server->dp->workers[w]);
	for (uint16_t id = 1; id < CW_MAX_PORTS; id++) {
		const struct port *device = objects_device(server->objects, id);

		if (device == NULL)
			device = objects_carrier(server->objects, id);
		if (device != NULL)
			add_port(server, reply, id, device);
	}
}

void
fdb_fill(struct server *server, struct reply *reply)
{
	const uint32_t now_s = learn_now_s(server->learn);
	struct fdb_row row;
	uint32_t cursor = 0;

	while (fdb_next(server->dp->fdb, &cursor, &row) == 0) {
		struct cw_fdb *item = reply_item(reply, CW_ITEM_FDB, sizeof(*item));

		if (item == NULL)
			return;
		item->network = row.network;
		memcpy(item->mac, &row.mac, sizeof(item->mac));
		item->port = row.entry.port;
		item->nexthop = row.entry.nexthop;
		if (row.entry.learned == 0)
			continue;
		item->flags = CW_FDB_LEARNED;
		item->age_s = now_s > row.last_seen_s ? now_s - row.last_seen_s : 0;
	}
}
