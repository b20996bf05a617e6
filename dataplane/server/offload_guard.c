/* SPDX-License-Identifier: Apache-2.0 */
#include "offload_private.h"
#include "packet.h"

// The guard of a port, in its device: what the guard stage would drop for its source is dropped
// before it costs anything. What may pass goes to the switch, which looks closer (ARP, neighbour
// discovery, DHCP); forwarding rules stand above these and name the endpoint's addresses
// themselves, so that nothing goes past the guard with or without them.

#define MAX_IPS 16 // of an endpoint; more are left to the guard stage

struct guard {
	struct offload *o;
	const struct dp_port *port;
	uint16_t ethdev;
	bool complete; // all that may pass is in the device, which was asked: to accept is not to
		       // have
};

static struct offload_want
base_of(const struct guard *g, uint32_t priority)
{
	struct offload_want want;

	memset(&want, 0, sizeof(want)); // compared as bytes
	want.port = g->port->id;
	want.rule.transfer = true;
	want.rule.priority = priority;
	want.rule.match.in_ethdev = g->ethdev;
	if (g->port->guard & CW_GUARD_MAC) {
		want.rule.match.frame.fields = FLOW_SRC_MAC;
		want.rule.match.frame.src = g->port->mac;
	}
	return want;
}

static void
pass(struct guard *g, struct offload_want *want)
{
	struct offload_flow *flow;

	want->kind = CW_FLOW_GUARD_PASS;
	want->rule.actions.fate = FLOW_TO_SWITCH;
	flow = offload_want(g->o, want);
	g->complete = g->complete && flow != NULL && (flow->is_proven || offload_ask(g->o, flow));
	if (flow != NULL && flow->state == CW_FLOW_WANTED)
		g->o->guards_wait = true;
}

static void
drop(struct guard *g, struct offload_want *want)
{
	want->kind = CW_FLOW_GUARD_DROP;
	want->rule.actions.fate = FLOW_DROP;
	offload_want(g->o, want);
}

static void
name_ip(struct offload_want *want, uint16_t tag, bool is_v6)
{
	struct flow_headers *h = &want->rule.match.frame;

	h->fields |= FLOW_TAG | FLOW_IP;
	h->vlan = tag;
	h->is_v6 = is_v6;
}

static void
pass_source(struct guard *g, uint16_t tag, const struct cw_ip *ip, uint8_t prefix)
{
	struct offload_want want = base_of(g, FLOW_PRIORITY_GUARD_PASS);

	name_ip(&want, tag, ip->family == 6);
	want.rule.match.frame.fields |= FLOW_SRC_IP;
	want.rule.match.frame.src_ip = *ip;
	want.rule.match.frame.src_ip.prefix = prefix;
	pass(g, &want);
}

// The endpoint's addresses, and sources that protocols need: those the guard stage knows.
static void
pass_sources(struct guard *g, uint16_t tag)
{
	static const struct cw_ip none4 = {.family = 4}, none6 = {.family = 6},
				  link_local = {.addr = {0xfe, 0x80}, .family = 6};

	for (uint16_t i = 0; i < g->port->n_ips; i++)
		pass_source(g, tag, &g->port->ips[i], g->port->ips[i].family == 4 ? 32 : 128);
	pass_source(g, tag, &none4, 32);
	pass_source(g, tag, &none6, 128);
	pass_source(g, tag, &link_local, 10);
}

static void
drop_sources(struct guard *g, uint16_t tag)
{
	for (int is_v6 = 0; is_v6 <= 1; is_v6++) {
		struct offload_want want = base_of(g, FLOW_PRIORITY_GUARD_DROP);

		name_ip(&want, tag, is_v6);
		drop(g, &want);
	}
}

static void
each_tag(struct guard *g, void (*fn)(struct guard *g, uint16_t tag))
{
	fn(g, g->port->vlan);
	for (uint16_t i = 0; i < g->port->n_trunk; i++)
		fn(g, g->port->trunk[i].vlan);
}

static void
pass_all(struct guard *g, bool guards_ip)
{
	struct offload_want want = base_of(g, FLOW_PRIORITY_OTHER_PASS);

	if (guards_ip)
		each_tag(g, pass_sources);
	if (g->port->guard & CW_GUARD_MAC)
		pass(g, &want);
}

static void
drop_all(struct guard *g, bool guards_ip)
{
	struct offload_want want = base_of(g, FLOW_PRIORITY_OTHER_DROP);

	if (guards_ip)
		each_tag(g, drop_sources);
	if ((g->port->guard & CW_GUARD_MAC) == 0)
		return;
	memset(&want.rule.match.frame, 0, sizeof(want.rule.match.frame));
	drop(g, &want);
}

void
offload_guard_wants(struct offload *o, const struct dp_port *port)
{
	const bool guards_ip = (port->guard & CW_GUARD_IP) != 0 && port->n_ips <= MAX_IPS;
	char reason[64];
	const struct offload_port *device = offload_port_of(o, port->id, reason, sizeof(reason));
	struct guard g = {.o = o, .port = port, .complete = true};

	if (device == NULL || device->domain == UINT16_MAX || port->origin != PACKET_FROM_PORT
		|| rte_is_zero_ether_addr(&port->mac) || offload_port_has_children(o, port->id)
		|| (!guards_ip && (port->guard & CW_GUARD_MAC) == 0))
		return;
	g.ethdev = device->ethdev.id;
	pass_all(&g, guards_ip);
	if (g.complete)
		drop_all(&g, guards_ip);
}
