/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/express.h"
#include "stages/express_tunnel.h"
#include "stages/rewrite_l3.h"
#include "worker_private.h"

// The express way of a received burst, see stages/express.h. Packets leave in the order in which
// they came: the burst is cut where plain packets and others alternate. Cutting costs a way through
// the stages each time, so that behind MAX_CUTS of them the rest of the burst takes the stages' way
// as one.

#define MAX_CUTS 4

// Counts what took the express way. Not on the packet's way: no stage leads here.
static struct stage express_stage = {
	.name = "express",
	.help = "plain packets to one port, past all stages",
	.order = UINT16_MAX,
};
STAGE_REGISTER(express_stage)

// The edges that the express way goes past, with every seam open.
static const struct {
	const char *from, *edge, *to;
} edges[] = {
	{"decap", "parse", "parse"},
	{"parse", "classify", "classify"},
	{"classify", "guard", "guard"},
	{"guard", "learn", "learn"},
	{"guard", "connection", "forward"},
	{"learn", "connection", "forward"},
	{"forward", "switch", "switch"},
	{"forward", "route", "route"},
	{"switch", "policy_destination", "rewrite"},
	{"route", "policy_destination", "rewrite"},
	{"rewrite", "egress", "egress"},
	{"egress", "tx", "tx"},
	{"egress", "encap", "encap"},
	{"encap", "tx", "tx"},
};

static bool
edge_leads_to(const char *from, const char *edge, const char *to)
{
	uint8_t id = graph_stage_id(from), end = graph_stage_id(to);
	const struct stage *stage;

	if (id == STAGE_NONE || end == STAGE_NONE)
		return false;
	stage = graph_stage(id);
	for (int i = 0; i < GRAPH_MAX_NEXT && stage->next[i] != NULL; i++)
		if (strcmp(stage->next[i], edge) == 0)
			return stage->next_id[i] == end;
	return false;
}

bool
worker_express_is_open(void)
{
	if (graph_n_stages() == 0 || graph_stage_id("parse") != graph_entry(false)
		|| graph_stage_id("decap") != graph_entry(true))
		return false;
	for (size_t i = 0; i < RTE_DIM(edges); i++)
		if (!edge_leads_to(edges[i].from, edges[i].edge, edges[i].to))
			return false;
	return true;
}

// A burst on its way.
struct ride {
	struct worker *w;
	const struct express_ready *ready;
	struct rte_mbuf **pkts;
	uint16_t n;
	struct express_burst burst;
};

// The way out of packets in a row that leave alike.
struct lane {
	uint16_t port_id, network; // of tunnels: the underlay's
	const struct dp_port *port; // NULL: not for the express way
	struct tx_batch *batch;
	bool is_tunnel; // the last packet that asked for it goes into one
};

static inline void
lane_open(const struct worker *w, struct lane *lane, uint16_t port_id, uint16_t network)
{
	if (likely(lane->port_id == port_id && lane->network == network))
		return;
	lane->port_id = port_id;
	lane->network = network;
	lane->port = dp_port_get(w->dp, port_id);
	lane->batch = w->tx[port_id];
	if (lane->port != NULL && (lane->batch == NULL || dp_port_tag(lane->port, network) != 0))
		lane->port = NULL;
}

// Whether the port takes the packet as it is. nexthop: NULL when it is switched. start: of the
// frame that is forwarded.
static inline bool
fits(const struct rte_mbuf *m, uint32_t start, const struct dp_port *port,
	const struct nexthop *nexthop, bool is_v6)
{
	uint32_t mtu = egress_mtu(port, nexthop), l3_len;

	if (likely((m->ol_flags & PACKET_TX_OFFLOADS) == 0))
		return m->pkt_len - start - RTE_ETHER_HDR_LEN <= mtu;
	l3_len = is_v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	return egress_largest(m, RTE_ETHER_HDR_LEN, l3_len) <= mtu
	       && (egress_wants(m) & ~port->capabilities) == 0;
}

// Whether the packet goes into the tunnel without anything to be done before. Out of one into
// another is for the stages to judge.
static inline bool
fits_tunnel(const struct express_burst *b, const struct rte_mbuf *m, uint16_t i,
	const struct dp_port *port, const struct nexthop *nexthop)
{
	return (b->tunneled >> i & 1) == 0 && express_tunnel_is_simple(nexthop->tunnel)
	       && (m->ol_flags & PACKET_TX_OFFLOADS) == 0
	       && m->pkt_len - RTE_ETHER_HDR_LEN <= egress_mtu(port, nexthop)
	       && rte_pktmbuf_headroom(m) >= nexthop->tunnel->header_len;
}

// The next hop of a plain packet, NULL when it is switched to a local port.
static inline const struct nexthop *
nexthop_of(const struct ride *ride, uint16_t i)
{
	const struct express_burst *b = &ride->burst;
	const struct fdb_entry *entry;

	if (b->routed >> i & 1)
		return b->nexthop[b->answer[i]];
	entry = &b->entry[b->one_key ? 0 : i];
	return likely(entry->port != 0) ? NULL : nexthop_get(ride->w->dp->nexthops, entry->nexthop);
}

static void
count_run(struct ride *ride, const struct lane *lane, uint32_t packets, uint64_t bytes,
	uint64_t tx_bytes)
{
	struct worker *w = ride->w;
	struct port_counters *in = w->counters[ride->ready->port->id];
	struct port_counters *out = w->counters[lane->port_id];

	in->rx_packets += packets;
	in->rx_bytes += bytes;
	in->sent += packets;
	out->tx_packets += packets;
	out->tx_bytes += tx_bytes;
	w->stages[express_stage.id].packets += packets;
}

static inline void
put_packet(struct rte_mbuf *m, struct rte_mbuf **put, uint16_t in_port, uint16_t out_port)
{
	m->port = in_port;
	m->hash.usr = out_port; // for those who hand over
	packet_expose(m);
	*put = m;
}

// Takes a packet out of its tunnel, if it is in one. Returns the bytes that went.
static inline uint32_t
open_frame(const struct express_burst *b, struct rte_mbuf *m, uint16_t i)
{
	if (b->start[i] != 0)
		express_strip(m, b->start[i]);
	return b->start[i];
}

// Switched packets from 'start' on, as far as they go the lane's way. Returns the first that was
// not taken.
static inline uint16_t
run_switched(struct ride *ride, const struct lane *lane, uint16_t start, uint16_t end)
{
	const struct express_burst *b = &ride->burst;
	const struct dp_port *port = lane->port;
	const uint16_t in_port = ride->ready->port->id, out_port = lane->port_id;
	const uint16_t every = b->one_key ? 0 : UINT16_MAX; // which entry is a packet's
	struct rte_mbuf **put = lane->batch->pkts + lane->batch->n;
	uint64_t bytes = 0, outer = 0;
	uint16_t i;

	for (i = start; i < end; i++) {
		struct rte_mbuf *m = ride->pkts[i];

		if (unlikely(b->entry[i & every].port != out_port)
			|| unlikely(!fits(m, b->start[i], port, NULL, b->v6 >> i & 1)))
			break;
		outer += open_frame(b, m, i);
		bytes += m->pkt_len;
		put_packet(m, put++, in_port, out_port);
	}
	count_run(ride, lane, i - start, bytes + outer, bytes);
	return i;
}

static inline uint16_t
run_routed(struct ride *ride, const struct lane *lane, uint16_t start, uint16_t end)
{
	const struct express_burst *b = &ride->burst;
	const struct dp_port *port = lane->port;
	const uint16_t in_port = ride->ready->port->id, out_port = lane->port_id;
	const uint16_t network = lane->network;
	struct rte_mbuf **put = lane->batch->pkts + lane->batch->n;
	uint64_t bytes = 0, outer = 0;
	uint16_t i;

	for (i = start; i < end; i++) {
		const struct nexthop *nexthop = b->nexthop[b->answer[i]];
		struct rte_mbuf *m = ride->pkts[i];
		bool is_v6 = b->v6 >> i & 1;

		if (unlikely(nexthop->out_port != out_port || nexthop->network != network
			     || nexthop->action == NEXTHOP_TUNNEL)
			|| unlikely(!fits(m, b->start[i], port, nexthop, is_v6)))
			break;
		outer += open_frame(b, m, i);
		rewrite_macs(packet_ether(m), nexthop);
		rewrite_hop(packet_ether(m) + 1, !is_v6);
		bytes += m->pkt_len;
		put_packet(m, put++, in_port, out_port);
	}
	count_run(ride, lane, i - start, bytes + outer, bytes);
	return i;
}

// Into tunnels that leave by the lane, routed and switched ones.
static inline uint16_t
run_tunnel(struct ride *ride, const struct lane *lane, uint16_t start, uint16_t end)
{
	const struct express_burst *b = &ride->burst;
	const uint16_t in_port = ride->ready->port->id, out_port = lane->port_id;
	struct rte_mbuf **put = lane->batch->pkts + lane->batch->n;
	uint64_t bytes = 0, outer = 0;
	uint16_t i;

	for (i = start; i < end; i++) // headers go where nothing was read or written before
		rte_prefetch0(packet_ether(ride->pkts[i]) - 1);
	for (i = start; i < end; i++) {
		const struct nexthop *nexthop = nexthop_of(ride, i);
		struct rte_mbuf *m = ride->pkts[i];
		bool is_v6 = b->v6 >> i & 1;

		if (unlikely(nexthop == NULL || nexthop->action != NEXTHOP_TUNNEL
			     || nexthop->out_port != out_port
			     || nexthop->tunnel->underlay_network != lane->network)
			|| unlikely(!fits_tunnel(b, m, i, lane->port, nexthop)))
			break;
		if (likely(b->routed >> i & 1)) {
			rewrite_macs(packet_ether(m), nexthop);
			rewrite_hop(packet_ether(m) + 1, !is_v6);
		}
		bytes += m->pkt_len;
		outer += nexthop->tunnel->header_len;
		express_encap(m, nexthop->tunnel, is_v6, ride->w->outer_id++);
		put_packet(m, put++, in_port, out_port);
	}
	count_run(ride, lane, i - start, bytes, bytes + outer);
	return i;
}

// Makes the lane that of packet i. Returns false when only the stages can handle it.
static inline bool
find_lane(const struct ride *ride, struct lane *lane, uint16_t i)
{
	const struct express_burst *b = &ride->burst;
	const struct nexthop *nexthop;

	if (unlikely((b->plain >> i & 1) == 0))
		return false;
	nexthop = nexthop_of(ride, i);
	lane->is_tunnel = nexthop != NULL && nexthop->action == NEXTHOP_TUNNEL;
	if (lane->is_tunnel) {
		lane_open(ride->w, lane, nexthop->out_port, nexthop->tunnel->underlay_network);
		return likely(lane->port != NULL)
		       && likely(fits_tunnel(b, ride->pkts[i], i, lane->port, nexthop));
	}
	if (b->routed >> i & 1) {
		lane_open(ride->w, lane, nexthop->out_port, nexthop->network);
	} else {
		lane_open(
			ride->w, lane, b->entry[b->one_key ? 0 : i].port, ride->ready->network->id);
		if (unlikely(lane->port_id == ride->ready->port->id))
			return false;
		if (unlikely(lane->port != NULL && dp_port_is_card(lane->port)))
			return false;
	}
	return likely(lane->port != NULL)
	       && likely(fits(ride->pkts[i], b->start[i], lane->port, nexthop, b->v6 >> i & 1));
}

// Sends packet 'start', and what follows it the same way. Returns the first that was not sent.
static inline uint16_t
send_run(struct ride *ride, const struct lane *lane, uint16_t start)
{
	const struct express_burst *b = &ride->burst;
	struct tx_batch *batch = lane->batch;
	bool is_routed = b->routed >> start & 1;
	uint64_t others = ~b->plain;
	uint16_t end;

	if (!lane->is_tunnel)
		others |= is_routed ? ~b->routed : b->routed;
	if (unlikely(batch->n == WORKER_BURST))
		worker_batch_flush(ride->w, batch);
	end = (uint16_t)RTE_MIN(ride->n, start + WORKER_BURST - batch->n);
	if (others >> start != 0)
		end = (uint16_t)RTE_MIN(end, start + __builtin_ctzll(others >> start));
	if (lane->is_tunnel)
		end = run_tunnel(ride, lane, start, end);
	else if (is_routed)
		end = run_routed(ride, lane, start, end);
	else
		end = run_switched(ride, lane, start, end);
	worker_batch_grow(ride->w, batch, (uint16_t)(end - start));
	return end;
}

// Returns how many packets at the end are left for the stages.
static uint16_t
send_burst(struct ride *ride)
{
	struct lane lane = {.port_id = UINT16_MAX};
	uint16_t others = 0, cuts = 0, i = 0;

	while (i < ride->n) {
		if (unlikely(!find_lane(ride, &lane, i))) {
			others++;
			i++;
			continue;
		}
		if (unlikely(others > 0)) {
			if (cuts++ == MAX_CUTS)
				return (uint16_t)(others + ride->n - i);
			worker_run_stages(
				ride->w, ride->ready->port->id, ride->pkts + i - others, others);
			others = 0;
		}
		i = send_run(ride, &lane, i);
	}
	return others;
}

uint16_t
worker_express(struct worker *w, uint16_t port_id, struct rte_mbuf **pkts, uint16_t n)
{
	struct express_ready ready;
	struct ride ride;

	if (!express_prepare(w, port_id, &ready))
		return n;
	ride.w = w;
	ride.ready = &ready;
	ride.pkts = pkts;
	ride.n = n;
	ride.burst.tunneled = 0;
	memset(ride.burst.start, 0, sizeof(ride.burst.start));
	if (ready.port->flags & CW_PORT_UPLINK)
		express_find_plain_uplink(w, &ready, pkts, n, &ride.burst);
	else
		express_find_plain(w, &ready, pkts, n, &ride.burst);
	if (ride.burst.plain == 0)
		return n;
	express_look_up(w, &ready, pkts, n, &ride.burst);
	w->stages[express_stage.id].bursts++;
	return send_burst(&ride);
}
