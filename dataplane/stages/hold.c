/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/hold.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "events.h"
#include "stages/address.h"
#include "tables/neighbor.h"
#include "worker.h"

enum { NEXT_FORWARD, NEXT_ROUTE, NEXT_ICMP_ERROR };
enum { DROP_FULL, DROP_NO_NEIGHBOR, DROP_NO_PORT, DROP_NO_MEMORY };

static stage_run hold_run;
static struct stage hold_stage = {
	.name = "hold",
	.help = "keeps packets until it is known who has an address",
	.run = hold_run,
	.order = 810,
	.next =
		{
			[NEXT_FORWARD] = "forward",
			[NEXT_ROUTE] = "route",
			[NEXT_ICMP_ERROR] = "icmp_error",
		},
	.drops =
		{
			[DROP_FULL] = {"hold_full",
				"more packets than are held wait for a neighbour"},
			[DROP_NO_NEIGHBOR] = {"no_neighbor",
				"destination is on link, but nobody is known to have it"},
			[DROP_NO_PORT] = {"no_port", "port is gone"},
			[DROP_NO_MEMORY] = {"no_memory", "no buffer to keep a copy in"},
		},
};
STAGE_REGISTER(hold_stage)

struct held {
	struct rte_mbuf *m;
	struct packet_ctx ctx;
};

// What packets wait for: the next hop with this identifier, or, when that is 0, who has ip.
struct waiting {
	uint64_t until_tsc; // 0: unused
	uint64_t ask_tsc; // when to tell again
	uint32_t nexthop;
	uint16_t network;
	uint16_t n;
	struct cw_ip ip;
	struct held packet[HOLD_PACKETS]; // oldest first
};

struct hold {
	uint16_t n_packets; // of all entries; the main thread reads it
	uint16_t n_used; // entries
	uint64_t generation; // of the tables when what waits was last looked up
	struct waiting entry[HOLD_ADDRESSES];
};

struct hold *
hold_create(int socket_id)
{
	return rte_zmalloc_socket("hold", sizeof(struct hold), RTE_CACHE_LINE_SIZE, socket_id);
}

void
hold_free(struct hold *hold)
{
	for (uint16_t i = 0; hold != NULL && i < HOLD_ADDRESSES; i++)
		for (uint16_t j = 0; j < hold->entry[i].n; j++) {
			packet_expose(hold->entry[i].packet[j].m);
			rte_pktmbuf_free(hold->entry[i].packet[j].m);
		}
	rte_free(hold);
}

bool
hold_is_busy(const struct hold *hold)
{
	return __atomic_load_n(&hold->n_used, __ATOMIC_RELAXED) != 0;
}

static uint64_t
tsc_of_ms(uint64_t ms)
{
	return rte_get_tsc_hz() / 1000 * ms;
}

// Told to the main thread, which asks on the link or has the control plane ask.
static void
ask(struct worker *w, struct waiting *entry)
{
	const struct dp_event event = {
		.type = DP_EVENT_NEIGHBOR_WANTED,
		.network = entry->network,
		.ip = entry->ip,
		.value = entry->nexthop,
	};

	event_post(w, &event);
	entry->ask_tsc = w->now_tsc + tsc_of_ms(HOLD_ASK_MS);
}

// ----------------------------------------------------------------------- in and out of a slot

// The record of a traced packet ends here: records do not outlive their round.
static void
keep(struct worker *w, struct waiting *entry, uint16_t slot)
{
	struct held *held = &entry->packet[entry->n++];

	held->m = w->mbuf[slot];
	held->ctx = w->ctx[slot];
	held->ctx.flags &= (uint8_t)~PACKET_TRACED;
	held->ctx.nexthop = NULL;
	w->hold->n_packets++;
	worker_counters(w, held->ctx.in_port)->held++;
	packet_consume(w, slot);
}

static uint16_t
give_slot(struct worker *w, const struct held *held)
{
	const uint16_t slot = w->n_slots++;

	w->mbuf[slot] = held->m;
	w->ctx[slot] = held->ctx;
	held->m->port = held->ctx.in_port;
	w->hold->n_packets--;
	worker_counters(w, held->ctx.in_port)->held--;
	return slot;
}

static void
drop_held(struct worker *w, const struct held *held, int reason)
{
	w->hold->n_packets--;
	worker_counters(w, held->ctx.in_port)->held--;
	worker_counters(w, held->ctx.in_port)->drops[hold_stage.drop_id[reason]]++;
	packet_expose(held->m);
	rte_pktmbuf_free(held->m);
}

static void
drop_oldest(struct worker *w, struct waiting *entry)
{
	drop_held(w, &entry->packet[0], DROP_FULL);
	entry->n--;
	memmove(&entry->packet[0], &entry->packet[1], entry->n * sizeof(entry->packet[0]));
}

// ---------------------------------------------------------------------------------- the stage

// Whom to look for: the gateway, or the packet's destination.
static struct cw_ip
wanted_ip(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	struct cw_ip ip = {.family = 4, .prefix = 32};

	if (ctx->nexthop->via != NULL)
		return *ctx->nexthop->via;
	if (ctx->ether_type == RTE_ETHER_TYPE_IPV4) {
		memcpy(ip.addr, &packet_ipv4(m, ctx)->dst_addr, 4);
		return ip;
	}
	ip.family = 6;
	ip.prefix = 128;
	memcpy(ip.addr, ipv6_dst(packet_ipv6(m, ctx)), sizeof(ip.addr));
	return ip;
}

static bool
waits_for(const struct waiting *entry, const struct nexthop *nexthop, const struct cw_ip *ip)
{
	return entry->until_tsc != 0 && entry->nexthop == nexthop->id
	       && entry->network == nexthop->network && memcmp(&entry->ip, ip, sizeof(*ip)) == 0;
}

// The entry for this address, a new one when there is none, NULL when all are used.
static struct waiting *
find(struct worker *w, const struct nexthop *nexthop, const struct cw_ip *ip)
{
	struct waiting *unused = NULL;

	for (uint16_t i = 0; i < HOLD_ADDRESSES; i++) {
		struct waiting *entry = &w->hold->entry[i];

		if (waits_for(entry, nexthop, ip))
			return entry;
		if (unused == NULL && entry->until_tsc == 0)
			unused = entry;
	}
	if (unused == NULL)
		return NULL;
	unused->until_tsc = w->now_tsc + tsc_of_ms(HOLD_MS);
	unused->nexthop = nexthop->id;
	unused->network = nexthop->network;
	unused->ip = *ip;
	w->hold->n_used++;
	ask(w, unused);
	return unused;
}

static void
hold_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const struct packet_ctx *ctx = &w->ctx[slots[i]];
		const struct cw_ip ip = wanted_ip(w->mbuf[slots[i]], ctx);
		struct waiting *entry = find(w, ctx->nexthop, &ip);

		if (entry == NULL) {
			packet_drop(w, slots[i], hold_stage.drop_id[DROP_FULL]);
			continue;
		}
		if (!packet_own(w->mbuf[slots[i]], w->mbufs, w->jumbos)) {
			packet_drop(w, slots[i], hold_stage.drop_id[DROP_NO_MEMORY]);
			continue;
		}
		if (entry->n == HOLD_PACKETS)
			drop_oldest(w, entry);
		keep(w, entry, slots[i]);
	}
}

// --------------------------------------------------------------------------- between two bursts

static bool
is_resolved(const struct worker *w, const struct waiting *entry)
{
	const struct nexthop *nexthop;
	const struct neighbor *neighbor;
	rte_be32_t ip4;

	if (entry->nexthop != 0) {
		nexthop = nexthop_get(w->dp->nexthops, entry->nexthop);
		return nexthop == NULL || nexthop->action != NEXTHOP_CONNECTED;
	}
	memcpy(&ip4, entry->ip.addr, sizeof(ip4));
	neighbor = entry->ip.family == 6
			   ? neighbor_lookup6(w->dp->neighbors, entry->network, entry->ip.addr)
			   : neighbor_lookup4(w->dp->neighbors, entry->network, ip4);
	return neighbor != NULL && neighbor->nexthop.action != NEXTHOP_CONNECTED;
}

// Packets of ports that are gone may not go on: their counters are about to follow.
static void
drop_orphans(struct worker *w, struct waiting *entry)
{
	uint16_t left = 0;

	for (uint16_t i = 0; i < entry->n; i++) {
		const struct held *held = &entry->packet[i];

		if (held->ctx.in_port != 0 && dp_port_get(w->dp, held->ctx.in_port) == NULL)
			drop_held(w, held, DROP_NO_PORT);
		else if (left++ != i)
			entry->packet[left - 1] = *held;
	}
	entry->n = left;
}

// To where the way is found: what the switch made itself was never switched.
static void
let_go(struct worker *w, const struct held *held)
{
	const uint16_t slot = give_slot(w, held);
	const bool is_own = held->ctx.origin == PACKET_FROM_ROUTER;

	packet_next(w, slot, hold_stage.next_id[is_own ? NEXT_ROUTE : NEXT_FORWARD]);
}

static void
give_up(struct worker *w, const struct held *held)
{
	const uint16_t slot = give_slot(w, held);
	struct packet_ctx *ctx = &w->ctx[slot];
	const bool is_v4 = ctx->ether_type == RTE_ETHER_TYPE_IPV4;

	ctx->drop = hold_stage.drop_id[DROP_NO_NEIGHBOR];
	ctx->icmp_type = is_v4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH;
	ctx->icmp_code = is_v4 ? ICMP_HOST_UNREACH : ICMP6_DST_UNREACH_ADDR;
	ctx->icmp_info = 0;
	packet_next(w, slot, hold_stage.next_id[NEXT_ICMP_ERROR]);
}

static uint16_t
release(struct worker *w, struct waiting *entry, void (*how)(struct worker *, const struct held *))
{
	const uint16_t n = entry->n;

	for (uint16_t i = 0; i < n; i++)
		how(w, &entry->packet[i]);
	entry->n = 0;
	entry->until_tsc = 0;
	w->hold->n_used--;
	worker_run(w); // may hold again
	return n;
}

static uint16_t
poll_entry(struct worker *w, struct waiting *entry, bool changed)
{
	if (changed)
		drop_orphans(w, entry);
	if (changed && is_resolved(w, entry))
		return release(w, entry, let_go);
	if ((int64_t)(w->now_tsc - entry->until_tsc) >= 0)
		return release(w, entry, give_up);
	if ((int64_t)(w->now_tsc - entry->ask_tsc) >= 0)
		ask(w, entry);
	return 0;
}

uint16_t
hold_poll(struct worker *w)
{
	struct hold *hold = w->hold;
	const uint64_t generation = __atomic_load_n(&w->dp->generation, __ATOMIC_ACQUIRE);
	const bool changed = generation != hold->generation;
	uint16_t moved = 0;

	hold->generation = generation;
	for (uint16_t i = 0; i < HOLD_ADDRESSES; i++)
		if (hold->entry[i].until_tsc != 0)
			moved = (uint16_t)(moved + poll_entry(w, &hold->entry[i], changed));
	return moved;
}
