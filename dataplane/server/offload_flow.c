/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include <rte_jhash.h>

#include "log.h"
#include "offload_private.h"

static uint32_t
bucket_of(uint16_t port, const struct flow_match *match)
{
	return rte_jhash(match, sizeof(*match), port) & (OFFLOAD_BUCKETS - 1);
}

struct offload_flow *
offload_flow_find(struct offload *o, uint16_t port, const struct flow_match *match)
{
	struct offload_flow *flow;

	LIST_FOREACH (flow, &o->buckets[bucket_of(port, match)], bucket)
		if (flow->key.port == port && memcmp(&flow->rule.match, match, sizeof(*match)) == 0)
			return flow;
	return NULL;
}

// Makes room among those that no device has.
static bool
forget_one(struct offload *o)
{
	struct offload_flow *flow;

	TAILQ_FOREACH (flow, &o->flows, link)
		if (flow->is_seen && flow->device == NULL) {
			offload_flow_delete(o, flow);
			return true;
		}
	return false;
}

struct offload_flow *
offload_flow_new(struct offload *o, const struct offload_key *key, const struct flow_rule *rule,
	uint16_t kind)
{
	struct offload_flow *flow;

	if (o->n_flows >= OFFLOAD_FLOWS && !forget_one(o))
		return NULL;
	flow = calloc(1, sizeof(*flow));
	if (flow == NULL)
		return NULL;
	flow->key = *key;
	flow->rule = *rule;
	flow->kind = kind;
	flow->id = ++o->next_id;
	flow->busy_s = o->now_s;
	flow->since_s = o->now_s;
	TAILQ_INSERT_TAIL(&o->flows, flow, link);
	LIST_INSERT_HEAD(&o->buckets[bucket_of(key->port, &rule->match)], flow, bucket);
	o->n_flows++;
	return flow;
}

void
offload_flow_delete(struct offload *o, struct offload_flow *flow)
{
	offload_flow_withdraw(o, flow);
	if (o->next == flow)
		o->next = TAILQ_NEXT(flow, link);
	TAILQ_REMOVE(&o->flows, flow, link);
	LIST_REMOVE(flow, bucket);
	o->n_flows--;
	free(flow);
}

void
offload_flow_state(struct offload *o, struct offload_flow *flow, uint8_t state, const char *reason)
{
	if (flow->state != state)
		flow->since_s = o->now_s;
	flow->state = state;
	snprintf(flow->reason, sizeof(flow->reason), "%s", reason);
}

void
offload_flow_install(struct offload *o, struct offload_flow *flow)
{
	char reason[sizeof(flow->reason)] = "";
	const struct offload_port *port =
		offload_device_port(o, flow->key.port, reason, sizeof(reason));
	int error;

	flow->device = NULL;
	if (port != NULL)
		flow->device =
			offload_device_of(o, port, flow->rule.transfer, reason, sizeof(reason));
	if (flow->device == NULL) {
		offload_flow_state(o, flow, CW_FLOW_REFUSED, reason);
		return;
	}
	error = flow_add(flow->device->flow, &flow->rule, &flow->entry, reason, sizeof(reason));
	if (error == 0) {
		flow->packets = 0;
		flow->bytes = 0;
		flow->rated = 0;
		flow->device->n_offloaded++;
		if (flow->entry.pending != NULL)
			offload_flow_state(o, flow, CW_FLOW_WANTED, "asked, without answer yet");
		else if (flow->entry.failed)
			offload_flow_lost(o, flow, "refused when it was to be carried out");
		else
			offload_flow_state(o, flow, CW_FLOW_OFFLOADED, "");
		return;
	}
	if (error == -ENOSPC)
		flow->device->is_full = true;
	flow->device = NULL;
	offload_flow_state(o, flow, error == -ENOSPC ? CW_FLOW_WANTED : CW_FLOW_REFUSED, reason);
}

// The rule is not in the device any more, however that came.
static void
left(struct offload_flow *flow)
{
	flow->device->n_offloaded--;
	flow->device->is_full = false;
	flow->device = NULL;
	flow->is_proven = false;
}

void
offload_flow_lost(struct offload *o, struct offload_flow *flow, const char *reason)
{
	log_line(LOG_WARNING, "flow rule is lost", "port=%u flow=%u reason=\"%s\"", flow->key.port,
		flow->id, reason);
	flow_forget(&flow->entry);
	left(flow);
	offload_flow_state(o, flow, CW_FLOW_FAILED, reason);
}

// A device that does not take a rule back may go on sending packets the old way: it loses all.
static void
flush(struct offload *o, struct offload_device *device, const char *reason)
{
	struct offload_flow *flow;
	const int error = flow_flush(device->flow);

	log_line(LOG_ERROR, "a device does not take a rule back: all of its rules are removed",
		"ethdev=%u reason=\"%s\" flushed=%s", flow_device_ethdev(device->flow), reason,
		error == 0 ? "yes" : strerror(-error));
	TAILQ_FOREACH (flow, &o->flows, link)
		if (flow->device == device)
			offload_flow_lost(o, flow, reason);
}

void
offload_flow_withdraw(struct offload *o, struct offload_flow *flow)
{
	char reason[sizeof(flow->reason)] = "";

	if (flow->device == NULL)
		return;
	if (flow_remove(flow->device->flow, &flow->entry, reason, sizeof(reason)) != 0) {
		flush(o, flow->device, reason);
		return;
	}
	flow_forget(&flow->entry);
	left(flow);
	offload_flow_state(o, flow, CW_FLOW_WANTED, "taken back");
}
