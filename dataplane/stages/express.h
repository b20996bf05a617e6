/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_EXPRESS_H
#define STAGES_EXPRESS_H

// The express way: what most packets are, in one pass over the burst instead of one a stage. A
// packet is *plain* when parse, classify, guard, learn and forward would let it pass to switch or
// route without changing it, or decap out of its tunnel to parse; express_plain.c and
// express_uplink.c find those. express_answer.c looks their destinations up as switch and route do.
// worker_express.c sends those whose answer is one port that takes them as they are, into a tunnel
// or not, and gives all others to the stages, untouched. Whatever this says yes to must be what the
// stages would do: both use the same predicates (parse_ip.h, guard_source.h, address.h,
// egress_fit.h, rewrite_l3.h), tests/unit/test_express.c compares the outcome.

#include <stdbool.h>
#include <stdint.h>

#include "stages/egress_fit.h"
#include "tables/fdb.h"
#include "tables/nexthop.h"
#include "worker.h"

// What plain frames of one port look like, as words that lie in the frame from the source MAC on:
// source MAC and EtherType; the IPv4 header's first 8 bytes; its next 8, with the source address.
struct express_ready {
	const struct dp_port *port;
	const struct network *network; // of uplinks: that of the first packet, NULL before
	uint64_t source4, source6, source_mask;
	uint64_t address4, address4_mask;
	uint64_t network_key; // network id where an fdb_key has it
	fdb_key router;
	bool guards_ip, many_ip4;
};

struct express_burst {
	uint64_t plain, routed, v6; // bit i: packet i
	uint64_t tunneled; // came out of a tunnel
	bool one_key; // all plain packets share entry[0]
	uint8_t start[WORKER_BURST]; // of the frame that is forwarded: bytes of outer headers
	fdb_key key[WORKER_BURST]; // where they are addressed to
	struct fdb_entry entry[WORKER_BURST]; // of switched ones
	uint8_t answer[WORKER_BURST]; // of routed ones: index into nexthop
	const struct nexthop *nexthop[2 * WORKER_BURST]; // IPv4, then IPv6
};

// Returns false when nothing that comes in by this port is plain.
bool express_prepare(const struct worker *w, uint16_t port_id, struct express_ready *ready);
// n <= WORKER_BURST. Sets plain, routed, v6, key and one_key; start and tunneled are zero before.
void express_find_plain(struct worker *w, const struct express_ready *ready,
	struct rte_mbuf *const *pkts, uint16_t n, struct express_burst *b);
// The same for a burst that came in by an uplink. Sets ready->network and what depends on it.
void express_find_plain_uplink(struct worker *w, struct express_ready *ready,
	struct rte_mbuf *const *pkts, uint16_t n, struct express_burst *b);
// Sets the rest. Packets for which the tables have no answer are plain no more.
void express_look_up(struct worker *w, const struct express_ready *ready,
	struct rte_mbuf *const *pkts, uint16_t n, struct express_burst *b);

#endif
