/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "candidate.h"
#include "log.h"
#include "offload_private.h"
#include "reply.h"

#define CANDIDATES_PER_POLL 256

struct offload *
offload_create(struct dataplane *dp, struct objects *objects)
{
	struct offload *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->dp = dp;
	o->objects = objects;
	TAILQ_INIT(&o->flows);
	return o;
}

static void
delete_all(struct offload *o)
{
	while (!TAILQ_EMPTY(&o->flows))
		offload_flow_delete(o, TAILQ_FIRST(&o->flows));
}

void
offload_free(struct offload *o)
{
	if (o == NULL)
		return;
	candidates_enable(o->dp, false);
	delete_all(o);
	offload_devices_close(o);
	probe_free(o->probe);
	free(o);
}

static bool
some_port_is_on(const struct offload *o)
{
	for (uint16_t id = 1; id < CW_MAX_PORTS; id++) {
		const struct dp_port *port = dp_port_get(o->dp, id);

		if (port != NULL && (port->flags & CW_PORT_OFFLOAD))
			return true;
	}
	return false;
}

static bool
some_port_is_isolated(const struct offload *o)
{
	for (uint16_t id = 1; id < CW_MAX_PORTS; id++) {
		const struct dp_port *port = dp_port_get(o->dp, id);

		if (port != NULL && offload_is_isolated(o, port))
			return true;
	}
	return false;
}

static bool
make_ready(struct offload *o)
{
	if (o->probe == NULL)
		o->probe = probe_create(o->dp);
	if (o->probe == NULL || candidates_open(o->dp) != 0)
		return false;
	for (uint16_t id = 1; id < CW_MAX_PORTS; id++)
		if (dp_port_get(o->dp, id) != NULL && probe_add_port(o->probe, id) != 0)
			return false;
	return true;
}

// It was refused before, and has become a rule.
static void
forget_refused(struct offload *o, const struct offload_key *key)
{
	struct offload_flow *flow;
	struct flow_rule rule;

	offload_name(key, &rule);
	flow = offload_flow_find(o, key->port, &rule.match);
	if (flow != NULL)
		offload_flow_delete(o, flow);
}

// The flow as tables have it now; its device is asked at once.
static void
take_flow(struct offload *o, const struct offload_key *key, uint64_t packets)
{
	char reason[sizeof(((struct offload_flow *)NULL)->reason)] = "";
	struct offload_flow *flow;
	uint16_t out_port, kind;
	struct flow_rule rule;
	const bool is_rule =
		offload_derive(o, key, &rule, &out_port, &kind, reason, sizeof(reason));

	flow = offload_flow_find(o, key->port, &rule.match);
	if (flow != NULL) {
		flow->in_software += packets;
		flow->busy_s = o->now_s;
		return;
	}
	if (is_rule)
		forget_refused(o, key);
	flow = offload_flow_new(o, key, &rule, kind);
	if (flow == NULL)
		return;
	flow->is_seen = true;
	flow->has_rule = is_rule;
	flow->out_port = out_port;
	flow->in_software = packets;
	flow->rate = packets;
	if (is_rule)
		offload_flow_install(o, flow);
	else
		offload_flow_state(o, flow, CW_FLOW_REFUSED, reason);
}

static bool
is_same(const struct offload_flow *flow, const struct flow_rule *rule, uint16_t out_port)
{
	return flow->out_port == out_port && memcmp(&flow->rule, rule, sizeof(*rule)) == 0;
}

// The stages are asked again. What is not as before leaves the device now, and enters anew.
static void
recheck(struct offload *o, struct offload_flow *flow)
{
	char reason[sizeof(flow->reason)] = "";
	const struct offload_key key = flow->key;
	const uint64_t rate = flow->rate;
	uint16_t out_port, kind;
	struct flow_rule rule;
	const bool is_rule =
		offload_derive(o, &key, &rule, &out_port, &kind, reason, sizeof(reason));

	if (is_rule && flow->device != NULL && is_same(flow, &rule, out_port))
		return;
	if (!is_rule && flow->device == NULL && flow->state == CW_FLOW_REFUSED) {
		offload_flow_state(o, flow, CW_FLOW_REFUSED, reason);
		return;
	}
	if (is_rule && flow->device == NULL && is_same(flow, &rule, out_port))
		return; // it waits, or the device refused the very same
	offload_flow_delete(o, flow);
	if (dp_port_get(o->dp, key.port) != NULL)
		take_flow(o, &key, rate);
}

// One that becomes a rule takes others along. What enters meanwhile is right already.
static void
recheck_all(struct offload *o)
{
	const uint32_t newest = o->next_id;
	struct offload_flow *flow;

	o->next = TAILQ_FIRST(&o->flows);
	while ((flow = o->next) != NULL) {
		o->next = TAILQ_NEXT(flow, link);
		if (!flow->is_seen || (int32_t)(flow->id - newest) > 0)
			continue;
		if (o->follows_flows)
			recheck(o, flow);
		else
			offload_flow_delete(o, flow);
	}
}

void
offload_settle(struct offload *o)
{
	const bool was_on = o->is_on;

	o->follows_flows = some_port_is_on(o) && make_ready(o);
	o->is_on = o->follows_flows || some_port_is_isolated(o);
	if (!o->is_on && !was_on)
		return;
	if (o->is_on) {
		offload_ports_refresh(o);
		recheck_all(o);
		offload_objects_settle(o);
	} else {
		delete_all(o);
	}
	candidates_enable(o->dp, o->follows_flows);
}

static void
take_answers(struct offload *o)
{
	struct offload_flow *flow;

	for (uint16_t i = 0; i < RTE_MAX_ETHPORTS; i++)
		if (o->devices[i] != NULL)
			flow_poll(o->devices[i]->flow);
	TAILQ_FOREACH (flow, &o->flows, link) {
		if (flow->device == NULL || flow->state != CW_FLOW_WANTED
			|| flow->entry.pending != NULL)
			continue;
		if (flow->entry.failed)
			offload_flow_lost(o, flow, "refused when it was to be carried out");
		else
			offload_flow_state(o, flow, CW_FLOW_OFFLOADED, "");
	}
}

void
offload_poll(struct offload *o)
{
	struct candidate candidate;
	struct offload_key key;

	if (!o->is_on)
		return;
	take_answers(o);
	for (unsigned int i = 0;
		o->follows_flows && i < CANDIDATES_PER_POLL && candidates_take(o->dp, &candidate);
		i++)
		if (offload_key_of(o->dp, candidate.port, candidate.bytes, candidate.len, &key)
			== NULL)
			take_flow(o, &key, candidate.packets);
	if (!o->guards_wait)
		return;
	offload_ports_refresh(o);
	offload_objects_settle(o);
}

void
offload_second(struct offload *o, uint32_t now_s)
{
	o->now_s = now_s;
	if (!o->is_on)
		return;
	offload_ports_refresh(o);
	offload_count(o);
	offload_rank(o);
	offload_objects_settle(o);
}

static const char *
port_name(const struct offload *o, uint16_t id)
{
	const struct dp_port *port = dp_port_get(o->dp, id);

	return port != NULL ? port->name : "?";
}

void
offload_fill(struct offload *o, struct reply *reply)
{
	struct offload_flow *flow;

	offload_ports_refresh(o);
	TAILQ_FOREACH (flow, &o->flows, link) {
		struct cw_flow *item = reply_item(reply, CW_ITEM_FLOW, sizeof(*item));

		if (item == NULL)
			return;
		offload_ask(o, flow);
		item->id = flow->id;
		item->port = flow->key.port;
		item->out_port = flow->out_port;
		item->kind = flow->kind;
		item->state = flow->state;
		item->transfer = flow->rule.transfer;
		item->packets = flow->packets;
		item->bytes = flow->bytes;
		flow_match_text(&flow->rule.match, port_name(o, flow->key.port), item->match,
			sizeof(item->match));
		flow_actions_text(&flow->rule.actions, port_name(o, flow->out_port), item->actions,
			sizeof(item->actions));
		snprintf(item->reason, sizeof(item->reason), "%s", flow->reason);
	}
}
