/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>

#include <rte_ethdev.h>

#include "log.h"
#include "nic_args.h"
#include "offload_private.h"
#include "packet.h"
#include "stages/address.h"
#include "tables/vtep.h"

// What comes in by an uplink, on its way to our queues: VXLAN is spread by what is inside, and of a
// device that the kernel has, too (args isolated=on), only what is ours comes at all. That is what
// the classifier of uplinks that the kernel shares takes (control/uplink_rules.h), on each tag:
// packets for our vteps and their groups, but no fragments of them, which the kernel can put
// together; and packets to the device's MAC for subnets of the tag's network and pods outside of
// them. Beside these all frames in tags of sub-ports. The kernel keeps the rest: ARP and neighbour
// discovery are to groups, or to the node's own addresses.
//
// Isolation is no matter of CW_PORT_OFFLOAD: without these rules nothing would come in.

#define RSS_FIELDS (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)
#define BY_OUTER "; spread by the outer headers"

struct steer {
	struct offload *o;
	const struct dp_port *port;
	uint16_t ethdev;
	bool spreads, isolated;
};

static struct offload_want
base_of(const struct steer *s, uint16_t tag, uint32_t priority)
{
	struct offload_want want;

	memset(&want, 0, sizeof(want)); // compared as bytes
	want.port = s->port->id;
	want.kind = CW_FLOW_STEER;
	want.rule.priority = priority;
	want.rule.match.in_ethdev = s->ethdev;
	want.rule.match.frame.fields = FLOW_TAG;
	want.rule.match.frame.vlan = tag;
	want.rule.actions.fate = FLOW_TO_QUEUES;
	want.rule.actions.n_queues = s->port->device->n_rx;
	want.rule.actions.rss_level = 1;
	want.rule.actions.rss_types = RSS_FIELDS;
	return want;
}

// Without it the kernel gets what is ours: that is worth a line, once.
static void
steer(const struct steer *s, const struct offload_want *want)
{
	struct offload_flow *flow = offload_want(s->o, want);
	char match[128];

	if (flow == NULL || flow->is_told == (flow->device == NULL))
		return;
	flow->is_told = flow->device == NULL;
	flow_match_text(&want->rule.match, s->port->name, match, sizeof(match));
	if (flow->is_told)
		log_line(LOG_WARNING, "a device leaves to the kernel what is the switch's",
			"port=%s match=\"%s\" reason=\"%s\"", s->port->name, match, flow->reason);
	else
		log_line(LOG_INFO, "a device gives the switch what is its own",
			"port=%s match=\"%s\"", s->port->name, match);
}

// Two rules, as what is hashed must be in the pattern (rte_flow_action_rss.level).
static void
spread(const struct steer *s, const struct offload_want *tunnel)
{
	for (int is_v6 = 0; is_v6 <= 1; is_v6++) {
		struct offload_want want = *tunnel;
		struct offload_flow *flow;
		size_t used;

		want.kind = CW_FLOW_RSS;
		want.rule.priority = FLOW_PRIORITY_SPREAD;
		want.rule.actions.rss_level = 2;
		want.rule.match.is_vxlan = true;
		want.rule.match.vni = FLOW_ANY_VNI;
		want.rule.match.inner.fields = FLOW_IP;
		want.rule.match.inner.is_v6 = is_v6;
		flow = offload_want(s->o, &want);
		if (flow == NULL || flow->device != NULL || strstr(flow->reason, BY_OUTER) != NULL)
			continue;
		used = strlen(flow->reason);
		snprintf(flow->reason + used, sizeof(flow->reason) - used, BY_OUTER);
	}
}

// RFC 1112, 6.4, and RFC 2464, 7.
static struct rte_ether_addr
group_mac(const struct cw_ip *group)
{
	const uint8_t *a = group->addr;

	if (group->family == 4)
		return (struct rte_ether_addr){{0x01, 0x00, 0x5e, a[1] & 0x7f, a[2], a[3]}};
	return (struct rte_ether_addr){{0x33, 0x33, a[12], a[13], a[14], a[15]}};
}

static bool
is_group(const struct cw_ip *ip)
{
	return ip->family == 4 ? (ip->addr[0] & 0xf0) == 0xe0 : address6_is_multicast(ip->addr);
}

// Frames to one of a vtep's addresses.
static void
listen_at(const struct steer *s, const struct vtep *vtep, const struct cw_ip *address, uint16_t tag)
{
	struct offload_want want = base_of(s, tag, FLOW_PRIORITY_TUNNEL);
	struct flow_headers *h = &want.rule.match.frame;

	h->fields |= FLOW_DST_MAC | FLOW_IP | FLOW_DST_IP | FLOW_PROTO | FLOW_NO_FRAGMENT;
	h->dst = is_group(address) ? group_mac(address) : s->port->mac;
	h->is_v6 = address->family == 6;
	h->dst_ip = *address;
	h->dst_ip.prefix = h->is_v6 ? 128 : 32;
	h->proto = IPPROTO_IPIP;
	if (vtep->kind != CW_TUNNEL_IPIP) {
		h->proto = IPPROTO_UDP;
		h->fields |= FLOW_DST_PORT;
		h->dst_port = rte_be_to_cpu_16(vtep->udp_port);
	}
	if (s->spreads && vtep->kind == CW_TUNNEL_VXLAN)
		spread(s, &want);
	if (s->isolated)
		steer(s, &want);
}

static void
listen_on(const struct steer *s, uint16_t tag)
{
	const struct vteps *vteps = s->o->dp->vteps;

	for (uint32_t id = 1; vteps != NULL && id < CW_MAX_VTEPS; id++) {
		const struct vtep *vtep = vtep_get(vteps, id);
		const struct cw_ip *groups;
		uint16_t n;

		if (vtep == NULL || (vtep->port != 0 && vtep->port != s->port->id))
			continue;
		listen_at(s, vtep, &vtep->address, tag);
		n = vtep_groups(vteps, id, &groups);
		for (uint16_t i = 0; i < n; i++)
			listen_at(s, vtep, &groups[i], tag);
	}
}

static void
steer_prefix(const struct steer *s, uint16_t tag, const struct cw_ip *prefix)
{
	struct offload_want want = base_of(s, tag, FLOW_PRIORITY_SUBNET);
	struct flow_headers *h = &want.rule.match.frame;

	h->fields |= FLOW_DST_MAC | FLOW_IP | FLOW_DST_IP;
	h->dst = s->port->mac;
	h->is_v6 = prefix->family == 6;
	h->dst_ip = *prefix;
	steer(s, &want);
}

// Whether another subnet holds all of this one: two rules that match one packet must differ in
// priority.
static bool
is_covered(const struct network *network, uint16_t at)
{
	const struct cw_ip *subnet = &network->addresses[at];

	for (uint16_t i = 0; i < network->n_addresses; i++) {
		const struct cw_ip *other = &network->addresses[i];

		if (i == at || other->family != subnet->family || other->prefix > subnet->prefix
			|| (other->prefix == subnet->prefix && i > at))
			continue;
		if (address_in_subnet(other, subnet->addr))
			return true;
	}
	return false;
}

static bool
is_in_subnet(const struct network *network, const struct cw_ip *ip)
{
	for (uint16_t i = 0; i < network->n_addresses; i++)
		if (network->addresses[i].family == ip->family
			&& address_in_subnet(&network->addresses[i], ip->addr))
			return true;
	return false;
}

static void
steer_pods(const struct steer *s, uint16_t tag, const struct network *network)
{
	for (uint16_t id = 1; id < CW_MAX_PORTS; id++) {
		const struct dp_port *pod = dp_port_get(s->o->dp, id);

		if (pod == NULL || pod->network != network->id || pod->origin != PACKET_FROM_PORT)
			continue;
		for (uint16_t i = 0; i < pod->n_ips; i++) {
			struct cw_ip ip = pod->ips[i];

			ip.prefix = ip.family == 4 ? 32 : 128;
			if (!is_in_subnet(network, &ip))
				steer_prefix(s, tag, &ip);
		}
	}
}

static void
steer_tag(const struct steer *s, uint16_t tag, uint32_t id)
{
	const struct network *network = dp_network(s->o->dp, (uint16_t)id);

	listen_on(s, tag);
	if (!s->isolated || network == NULL)
		return;
	for (uint16_t i = 0; i < network->n_addresses; i++)
		if (!is_covered(network, i))
			steer_prefix(s, tag, &network->addresses[i]);
	steer_pods(s, tag, network);
}

// What a sub-port sends is all its own, ARP included.
static void
steer_subports(const struct steer *s)
{
	for (uint16_t id = 1; id < CW_MAX_PORTS; id++) {
		const struct cw_port *port = objects_port(s->o->objects, id);
		struct offload_want want;

		if (port == NULL || port->parent != s->port->id || port->vlan == 0)
			continue;
		want = base_of(s, port->vlan, FLOW_PRIORITY_TAG);
		steer(s, &want);
	}
}

bool
offload_is_isolated(const struct offload *o, const struct dp_port *port)
{
	const struct cw_port *object;
	struct nic_args args;
	char reason[64];

	if ((port->kind != CW_PORT_NIC && port->kind != CW_PORT_VF)
		|| (port->flags & CW_PORT_UPLINK) == 0)
		return false;
	object = objects_port(o->objects, port->id);
	return object != NULL && nic_args_parse(object->args, &args, reason, sizeof(reason)) == 0
	       && args.isolated;
}

void
offload_steer_wants(struct offload *o, const struct dp_port *port)
{
	char reason[64];
	const struct offload_port *device =
		offload_device_port(o, port->id, reason, sizeof(reason));
	struct steer s = {.o = o, .port = port};

	if (device == NULL || (port->flags & CW_PORT_UPLINK) == 0)
		return;
	s.ethdev = device->ethdev.id;
	s.isolated = offload_is_isolated(o, port);
	s.spreads = (port->flags & CW_PORT_OFFLOAD) != 0 && port->device->n_rx > 1;
	if (!s.isolated && !s.spreads)
		return;
	steer_tag(&s, port->vlan, port->network);
	for (uint16_t i = 0; i < port->n_trunk; i++)
		steer_tag(&s, port->trunk[i].vlan, port->trunk[i].network);
	if (s.isolated)
		steer_subports(&s);
}
