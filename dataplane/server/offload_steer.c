/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>

#include <rte_ethdev.h>

#include "nic_args.h"
#include "offload_private.h"
#include "tables/vtep.h"

// What comes in by an uplink, on its way to our queues: VXLAN is spread by what is inside, and of a
// device that the kernel has, too (args isolated=on), only what is ours comes at all: packets for
// our vteps, and for the subnets of the port's networks. The kernel keeps the rest, ARP and
// neighbour discovery included.

#define RSS_INNER (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)

struct steer {
	struct offload *o;
	const struct dp_port *port;
	uint16_t ethdev;
	bool isolated;
};

static struct offload_want
base_of(const struct steer *s, uint16_t kind, uint32_t rss_level)
{
	struct offload_want want;

	memset(&want, 0, sizeof(want)); // compared as bytes
	want.port = s->port->id;
	want.kind = kind;
	want.rule.priority = kind == CW_FLOW_RSS ? FLOW_PRIORITY_FLOW : FLOW_PRIORITY_GUARD_PASS;
	want.rule.match.in_ethdev = s->ethdev;
	want.rule.actions.fate = FLOW_TO_QUEUES;
	want.rule.actions.n_queues = s->port->device->n_rx;
	want.rule.actions.rss_level = rss_level;
	want.rule.actions.rss_types = RSS_INNER;
	return want;
}

static void
name_vtep(const struct vtep *vtep, struct flow_headers *h)
{
	h->fields = FLOW_IP | FLOW_DST_IP | FLOW_PROTO;
	h->is_v6 = vtep->address.family == 6;
	h->dst_ip = vtep->address;
	h->dst_ip.prefix = h->is_v6 ? 128 : 32;
	h->proto = IPPROTO_IPIP;
	if (vtep->kind == CW_TUNNEL_IPIP)
		return;
	h->proto = IPPROTO_UDP;
	h->fields |= FLOW_DST_PORT;
	h->dst_port = rte_be_to_cpu_16(vtep->udp_port);
}

// Two rules, as what is hashed must be in the pattern (rte_flow_action_rss.level).
static void
spread_vxlan(const struct steer *s, const struct vtep *vtep)
{
	for (int is_v6 = 0; is_v6 <= 1; is_v6++) {
		struct offload_want want = base_of(s, CW_FLOW_RSS, 2);

		name_vtep(vtep, &want.rule.match.frame);
		want.rule.match.is_vxlan = true;
		want.rule.match.vni = FLOW_ANY_VNI;
		want.rule.match.inner.fields = FLOW_IP;
		want.rule.match.inner.is_v6 = is_v6;
		offload_want(s->o, &want);
	}
}

static void
steer_vtep(const struct steer *s, const struct vtep *vtep)
{
	struct offload_want want = base_of(s, CW_FLOW_STEER, 1);

	name_vtep(vtep, &want.rule.match.frame);
	offload_want(s->o, &want);
}

static void
steer_network(const struct steer *s, uint32_t id, uint16_t tag)
{
	const struct network *network = dp_network(s->o->dp, (uint16_t)id);

	for (uint16_t i = 0; network != NULL && i < network->n_addresses; i++) {
		struct offload_want want = base_of(s, CW_FLOW_STEER, 1);
		struct flow_headers *h = &want.rule.match.frame;

		h->fields = FLOW_DST_MAC | FLOW_TAG | FLOW_IP | FLOW_DST_IP;
		h->dst = s->port->mac;
		h->vlan = tag;
		h->is_v6 = network->addresses[i].family == 6;
		h->dst_ip = network->addresses[i];
		offload_want(s->o, &want);
	}
}

static void
steer_networks(const struct steer *s)
{
	steer_network(s, s->port->network, s->port->vlan);
	for (uint16_t i = 0; i < s->port->n_trunk; i++)
		steer_network(s, s->port->trunk[i].network, s->port->trunk[i].vlan);
}

static bool
is_isolated(const struct offload *o, uint16_t id)
{
	const struct cw_port *port = objects_port(o->objects, id);
	struct nic_args args;
	char reason[64];

	return port != NULL && (port->kind == CW_PORT_NIC || port->kind == CW_PORT_VF)
	       && nic_args_parse(port->args, &args, reason, sizeof(reason)) == 0 && args.isolated;
}

void
offload_steer_wants(struct offload *o, const struct dp_port *port)
{
	char reason[64];
	const struct offload_port *device = offload_port_of(o, port->id, reason, sizeof(reason));
	struct steer s = {.o = o, .port = port};

	if (device == NULL || (port->flags & CW_PORT_UPLINK) == 0)
		return;
	s.ethdev = device->ethdev.id;
	s.isolated = is_isolated(o, port->id);
	for (uint32_t id = 1; o->dp->vteps != NULL && id < CW_MAX_VTEPS; id++) {
		const struct vtep *vtep = vtep_get(o->dp->vteps, id);

		if (vtep == NULL || (vtep->port != 0 && vtep->port != port->id))
			continue;
		if (port->device->n_rx > 1 && vtep->kind == CW_TUNNEL_VXLAN)
			spread_vxlan(&s, vtep);
		if (s.isolated)
			steer_vtep(&s, vtep);
	}
	if (s.isolated)
		steer_networks(&s);
}
