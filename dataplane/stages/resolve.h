/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_RESOLVE_H
#define STAGES_RESOLVE_H

// What neighbours say about themselves in a network that resolves, on its way to the main thread.
// The frame has passed the guard and the checks of its protocol. Workers.

#include <stdbool.h>

#include "worker.h"

struct rte_arp_hdr;

// Notes the sender of an ARP packet when the packet speaks to the router, or the sender is known
// under another MAC or port. Returns whether it was the answer to a question of the router's: then
// the frame is the caller's to give to resolve_take().
bool resolve_arp(struct worker *w, const struct network *network, const struct rte_mbuf *m,
	const struct packet_ctx *ctx, const struct rte_arp_hdr *arp);
// The same for a neighbour solicitation or advertisement.
bool resolve_nd(struct worker *w, const struct network *network, const struct rte_mbuf *m,
	const struct packet_ctx *ctx);
// Ends the way of an answer: the main thread has what it said. Counts it as punted.
void resolve_take(struct worker *w, uint16_t slot);

#endif
