/* SPDX-License-Identifier: Apache-2.0 */
#include "offload_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"
#include "stages/dispatch.h"
#include "stages/egress_fit.h"
#include "tables/fdb.h"
#include "worker_private.h"

// Stages that decide and change the packet, and nothing else. A stage that is not among them does
// more, or makes other packets of it: then the packet is for the switch.
static const char *const harmless[] = {"decap", "parse", "classify", "guard", "forward", "route",
	"switch", "rewrite", "egress", "encap"};

struct probe {
	struct worker *w;
	uint64_t allowed; // bit i: stage i is harmless
	uint8_t tx, learn;
};

struct probe *
probe_create(struct dataplane *dp)
{
	const struct worker *like = dp->workers[0];
	const struct worker_config config = {.socket_id = like->socket_id, .core = like->core};
	struct probe *probe = calloc(1, sizeof(*probe));

	if (probe == NULL)
		return NULL;
	// An identifier beside all real ones: no ring of theirs is made anew.
	probe->w = worker_create(dp, CW_MAX_WORKERS, &config, like->mbufs, like->jumbos);
	if (probe->w == NULL) {
		free(probe);
		return NULL;
	}
	for (size_t i = 0; i < RTE_DIM(harmless); i++)
		probe->allowed |= UINT64_C(1) << graph_stage_id(harmless[i]);
	probe->tx = graph_stage_id("tx");
	probe->learn = graph_stage_id("learn");
	return probe;
}

void
probe_free(struct probe *probe)
{
	if (probe == NULL)
		return;
	worker_free(probe->w);
	free(probe);
}

// What learn would find out is not told, or a probe of yesterday's flow would move a station back.
static bool
skip_learn(struct probe *probe, uint16_t slot, struct probe_result *result)
{
	struct worker *w = probe->w;
	const struct rte_mbuf *m = w->mbuf[slot];
	const struct packet_ctx *ctx = &w->ctx[slot];
	const fdb_key key = fdb_make_key(ctx->network, &packet_ether(m)->src_addr);
	struct fdb_entry entry;
	const bool is_known = fdb_lookup_bulk(w->dp->fdb, &key, 1, &entry) != 0;
	const bool is_local = ctx->origin != PACKET_FROM_TUNNEL;

	if (!is_known || (entry.learned && is_local && entry.port != ctx->in_port)
		|| (entry.learned && !is_local && entry.port != 0)) {
		snprintf(result->reason, sizeof(result->reason), "source is not learned yet");
		return false;
	}
	packet_next(w, slot, graph_stage(probe->learn)->next_id[dispatch(m, ctx)]);
	return true;
}

// The counters are all zero but for the drop that just happened.
static void
name_drop(const struct worker *w, struct probe_result *result)
{
	uint64_t *drops = w->counters[w->ctx[0].in_port]->drops;

	for (uint16_t i = 0; i < graph_n_drops(); i++)
		if (drops[i] != 0) {
			snprintf(result->reason, sizeof(result->reason), "dropped: %s",
				graph_drop(i)->name);
			drops[i] = 0;
		}
}

// Runs until the packet would be sent (true), or is seen to go another way.
static bool
run(struct probe *probe, struct probe_result *result)
{
	struct worker *w = probe->w;

	while (w->pending != 0) {
		const uint8_t id = (uint8_t)__builtin_ctzll(w->pending);
		struct stage_vector *v = &w->vector[id];
		const uint16_t slot = v->slot[0];

		if (probe->allowed >> id & 1) {
			worker_run_first(w, UINT64_MAX);
			continue;
		}
		w->pending = 0;
		v->n = 0;
		if (id == probe->tx)
			return true;
		if (id != probe->learn) {
			snprintf(result->reason, sizeof(result->reason),
				"handled by the switch: %s", graph_stage(id)->name);
			return false;
		}
		if (!skip_learn(probe, slot, result))
			return false;
	}
	return false;
}

static void
take_result(struct worker *w, struct probe_result *result)
{
	struct rte_mbuf *m = w->mbuf[0];
	const struct packet_ctx *ctx = &w->ctx[0];
	const struct dp_port *port = dp_port_get(w->dp, ctx->out_port);
	const bool is_tunnel = (ctx->flags & PACKET_TUNNEL) != 0;

	if (port == NULL || m->nb_segs != 1 || m->pkt_len > sizeof(result->bytes)
		|| (is_tunnel && ctx->nexthop->tunnel->kind != CW_TUNNEL_VXLAN)) {
		snprintf(result->reason, sizeof(result->reason), "tunnel without frames");
		return;
	}
	packet_expose(m);
	memcpy(result->bytes, rte_pktmbuf_mtod(m, const void *), m->pkt_len);
	result->len = (uint16_t)m->pkt_len;
	result->in_port = ctx->in_port;
	result->out_port = ctx->out_port;
	result->mtu = egress_path_mtu(port, ctx);
	result->is_vxlan = is_tunnel;
}

int
probe_add_port(struct probe *probe, uint16_t port)
{
	return worker_counters_ensure(probe->w, port);
}

void
probe_run(struct probe *probe, uint16_t port, const uint8_t *frame, uint16_t len,
	struct probe_result *result)
{
	struct worker *w = probe->w;
	struct rte_mbuf *m;

	memset(result, 0, sizeof(*result));
	m = rte_pktmbuf_alloc(w->mbufs);
	if (m == NULL || w->counters[port] == NULL) {
		rte_pktmbuf_free(m);
		snprintf(result->reason, sizeof(result->reason), "no memory");
		return;
	}
	memcpy(rte_pktmbuf_append(m, len), frame, len);
	packet_poison(m);
	worker_enter(w, port, &m, 1);
	if (run(probe, result))
		take_result(w, result);
	else if (w->mbuf[0] == NULL && result->reason[0] == '\0')
		name_drop(w, result);
	if (w->mbuf[0] != NULL) {
		packet_expose(w->mbuf[0]);
		rte_pktmbuf_free(w->mbuf[0]);
		w->mbuf[0] = NULL;
	}
	w->n_slots = 0;
}
