/* SPDX-License-Identifier: Apache-2.0 */
#include "offload_private.h"
#include "tables/fdb.h"

// Who is in the device: the busiest. Rates are smoothed over some seconds, a newcomer must be twice
// as busy as whom it replaces, who has had his time, and few are replaced a second: a table that is
// full does not turn over for nothing.

#define IDLE_S 10 // without a packet: the rule is taken back, the flow forgotten
#define SETTLED_S 3 // in the device before another may replace it
#define SWAPS 16 // a second and device
#define QUERIES 2048 // a second

static void
note_rate(struct offload *o, struct offload_flow *flow, uint64_t packets)
{
	flow->rate = (flow->rate * 3 + packets) / 4;
	if (packets != 0 && flow->rate == 0)
		flow->rate = 1;
	if (packets != 0)
		flow->busy_s = o->now_s;
}

// A station that only the device hears of is not forgotten.
static void
touch_source(struct offload *o, const struct offload_flow *flow)
{
	const struct flow_match *match = &flow->rule.match;
	const struct rte_ether_addr *src = match->is_vxlan ? &match->inner.src : &match->frame.src;
	const struct dp_port *port = dp_port_get(o->dp, flow->key.port);
	struct fdb_entry entry;
	uint16_t network;
	fdb_key key;

	if (port == NULL || match->is_vxlan)
		return;
	network = port->network;
	if (match->frame.vlan != port->vlan)
		network = dp_port_trunk_network(port, match->frame.vlan);
	key = fdb_make_key(network, src);
	if (fdb_lookup_bulk(o->dp->fdb, &key, 1, &entry) != 0 && entry.learned
		&& entry.port == flow->key.port)
		fdb_touch(o->dp->fdb, entry.slot, o->now_s);
}

bool
offload_ask(struct offload *o, struct offload_flow *flow)
{
	char reason[sizeof(flow->reason)] = "";

	if (flow->device == NULL || flow->entry.pending != NULL)
		return false;
	flow->is_proven = flow_query(flow->device->flow, &flow->entry, &flow->packets, &flow->bytes,
				  reason, sizeof(reason))
			  == 0;
	if (!flow->is_proven)
		offload_flow_lost(o, flow, reason);
	return flow->is_proven;
}

static void
count_one(struct offload *o, struct offload_flow *flow)
{
	const bool is_there = offload_ask(o, flow);
	uint64_t more = 0;

	if (flow->entry.pending != NULL)
		return;
	if (is_there) {
		// Fewer than before: the device began to count anew.
		more = flow->packets >= flow->rated ? flow->packets - flow->rated : flow->packets;
		flow->rated = flow->packets;
	}
	note_rate(o, flow, more + flow->in_software);
	flow->in_software = 0;
	if (more != 0 && flow->is_seen)
		touch_source(o, flow);
}

void
offload_count(struct offload *o)
{
	struct offload_flow *flow, *next;
	unsigned int n = 0;

	for (flow = TAILQ_FIRST(&o->flows); flow != NULL && n < QUERIES; flow = next, n++) {
		next = TAILQ_NEXT(flow, link);
		count_one(o, flow);
		if (flow->is_seen && o->now_s - flow->busy_s > IDLE_S)
			offload_flow_delete(o, flow);
	}
	for (; n > 0 && flow != NULL; n--) { // who was asked goes behind those who were not
		struct offload_flow *first = TAILQ_FIRST(&o->flows);

		TAILQ_REMOVE(&o->flows, first, link);
		TAILQ_INSERT_TAIL(&o->flows, first, link);
	}
}

static bool
waits(const struct offload *o, const struct offload_flow *flow)
{
	if (!flow->is_seen || !flow->has_rule || flow->device != NULL || flow->rate == 0)
		return false;
	return flow->state == CW_FLOW_WANTED || o->now_s - flow->since_s >= OFFLOAD_RETRY_S;
}

static struct offload_flow *
busiest_waiting(struct offload *o)
{
	struct offload_flow *flow, *best = NULL;

	TAILQ_FOREACH (flow, &o->flows, link)
		if (waits(o, flow) && (best == NULL || flow->rate > best->rate))
			best = flow;
	return best;
}

static struct offload_flow *
laziest(struct offload *o, const struct offload_device *device)
{
	struct offload_flow *flow, *worst = NULL;

	TAILQ_FOREACH (flow, &o->flows, link)
		if (flow->is_seen && flow->device == device && flow->state == CW_FLOW_OFFLOADED
			&& o->now_s - flow->since_s >= SETTLED_S
			&& (worst == NULL || flow->rate < worst->rate))
			worst = flow;
	return worst;
}

static struct offload_device *
device_of(struct offload *o, const struct offload_flow *flow)
{
	const struct offload_port *port;
	char reason[64];

	port = offload_port_of(o, flow->key.port, reason, sizeof(reason));
	return port == NULL
		       ? NULL
		       : offload_device_of(o, port, flow->rule.transfer, reason, sizeof(reason));
}

// Returns whether another one may be tried.
static bool
admit(struct offload *o, struct offload_flow *flow)
{
	struct offload_device *device = device_of(o, flow);
	struct offload_flow *victim;

	if (device != NULL && device->is_full) {
		victim = laziest(o, device);
		if (victim == NULL || flow->rate < 2 * victim->rate + 2) {
			offload_flow_state(
				o, flow, CW_FLOW_WANTED, "full: others use the device's room more");
			return false;
		}
		offload_flow_withdraw(o, victim);
		offload_flow_state(o, victim, CW_FLOW_WANTED, "full: others use the room more");
	}
	offload_flow_install(o, flow);
	return flow->device != NULL;
}

void
offload_rank(struct offload *o)
{
	for (unsigned int i = 0; i < SWAPS; i++) {
		struct offload_flow *flow = busiest_waiting(o);

		if (flow == NULL || !admit(o, flow))
			return;
	}
}
