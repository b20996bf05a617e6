/* SPDX-License-Identifier: Apache-2.0 */
#include "offload_private.h"

// Rules that follow from objects alone: looked through as a whole whenever something changed.

struct offload_flow *
offload_want(struct offload *o, const struct offload_want *want)
{
	struct offload_flow *flow = offload_flow_find(o, want->port, &want->rule.match);
	const struct offload_key key = {.port = want->port};

	if (flow != NULL
		&& (flow->is_seen || flow->kind != want->kind
			|| memcmp(&flow->rule, &want->rule, sizeof(want->rule)) != 0)) {
		offload_flow_delete(o, flow);
		flow = NULL;
	}
	if (flow == NULL) {
		flow = offload_flow_new(o, &key, &want->rule, want->kind);
		if (flow == NULL)
			return NULL;
		flow->has_rule = true;
		offload_flow_install(o, flow);
	} else if (flow->device == NULL && o->now_s - flow->since_s >= OFFLOAD_RETRY_S) {
		flow->since_s = o->now_s;
		offload_flow_install(o, flow);
	}
	flow->is_wanted = true;
	return flow;
}

static void
delete_unwanted(struct offload *o, bool drops)
{
	struct offload_flow *flow, *next;

	for (flow = TAILQ_FIRST(&o->flows); flow != NULL; flow = next) {
		next = TAILQ_NEXT(flow, link);
		if (!flow->is_seen && !flow->is_wanted
			&& drops == (flow->kind == CW_FLOW_GUARD_DROP))
			offload_flow_delete(o, flow);
	}
}

static void
look_through(struct offload *o)
{
	struct offload_flow *flow;

	o->guards_wait = false;
	TAILQ_FOREACH (flow, &o->flows, link)
		flow->is_wanted = false;
	for (uint16_t id = 1; id < CW_MAX_PORTS; id++) {
		const struct dp_port *port = dp_port_get(o->dp, id);

		if (port == NULL)
			continue;
		if (port->flags & CW_PORT_OFFLOAD)
			offload_guard_wants(o, port);
		if (port->flags & CW_PORT_UPLINK)
			offload_steer_wants(o, port);
	}
	delete_unwanted(o, true);
	delete_unwanted(o, false);
}

// Drop rules come when all that may pass is in the device, which may take its time to answer.
void
offload_objects_settle(struct offload *o)
{
	look_through(o);
	if (o->guards_wait)
		look_through(o);
}
