/* SPDX-License-Identifier: Apache-2.0 */
#include "create.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ring.h>

#include "candidate.h"
#include "events.h"
#include "graph.h"
#include "log.h"
#include "tables/fdb.h"
#include "tables/lpm.h"
#include "tables/neighbor.h"
#include "tables/nexthop.h"
#include "tables/vtep.h"
#include "worker.h"
#include "worker_control.h"

#define EVENT_RING 8192

static int
create_tables(struct dataplane *dp, const struct config *config, int node)
{
	size_t size = rte_rcu_qsbr_get_memsize(CW_MAX_WORKERS);

	dp->qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(size));
	if (dp->qsbr == NULL || rte_rcu_qsbr_init(dp->qsbr, CW_MAX_WORKERS) != 0)
		return log_error(-ENOMEM, "no memory for RCU", NULL);
	dp->events = rte_ring_create_elem(
		"events", sizeof(struct dp_event), EVENT_RING, node, RING_F_SC_DEQ);
	dp->fdb = fdb_create((uint32_t)config->fdb_entries, dp->qsbr, node);
	dp->neighbors = neighbors_create(dp, (uint32_t)config->neighbors, node);
	dp->vteps = vteps_create(dp, node);
	dp->nexthops = nexthops_create(dp, node);
	dp->lpm = lpm_create((size_t)config->route_memory << 20, dp->qsbr, node);
	if (dp->events == NULL || dp->fdb == NULL || dp->neighbors == NULL || dp->vteps == NULL
		|| dp->nexthops == NULL || dp->lpm == NULL)
		return log_error(-ENOMEM, "no memory for the tables",
			"fdb_entries=%llu neighbors=%llu route_memory=%lluMiB",
			(unsigned long long)config->fdb_entries,
			(unsigned long long)config->neighbors,
			(unsigned long long)config->route_memory);
	return 0;
}

static int
create_workers(struct dataplane *dp, const struct config *config, const struct cores *cores,
	const struct memory *memory)
{
	for (uint16_t i = 0; i < cores->n; i++) {
		uint16_t node = memory_node_index(memory, cores->numa[i]);
		const struct worker_config worker = {
			.core = cores->cpu[i],
			.socket_id = (int16_t)memory->node[node],
			.burst = (uint16_t)config->burst,
			.poll = strcmp(config->idle, "poll") == 0,
		};

		dp->workers[i] =
			worker_create(dp, i, &worker, memory->mbufs[node], memory->jumbos[node]);
		if (dp->workers[i] == NULL)
			return log_error(
				-ENOMEM, "no memory for a worker", "core=%u", cores->cpu[i]);
	}
	dp->n_workers = cores->n;
	return 0;
}

int
dataplane_create(struct dataplane *dp, const struct config *config, const struct cores *cores,
	struct memory *memory)
{
	int error = graph_init();

	if (error == 0)
		error = memory_create_pools(memory, config, cores);
	if (error == 0)
		error = create_tables(dp, config, memory->node[0]);
	if (error == 0)
		error = create_workers(dp, config, cores, memory);
	return error;
}

void
dataplane_free(struct dataplane *dp)
{
	if (dp->qsbr != NULL)
		rcu_drain(dp);
	candidates_close(dp);
	for (uint16_t i = 0; i < CW_MAX_WORKERS; i++)
		worker_free(dp->workers[i]);
	lpm_free(dp->lpm);
	nexthops_free(dp->nexthops);
	vteps_free(dp->vteps);
	neighbors_free(dp->neighbors);
	fdb_free(dp->fdb);
	rte_ring_free(dp->events);
	free(dp->qsbr);
}
