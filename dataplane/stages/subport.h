/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_SUBPORT_H
#define STAGES_SUBPORT_H

// Sub-ports: ports without a device, whose frames travel through that of their parent, told apart
// by a tag that the card gives each of its VFs (cw_port.parent). Workers.

#include <stdbool.h>

#include "tables/neighbor.h"
#include "worker.h"

// A frame that came in by 'parent', which has sub-ports, and carries ctx->vlan (0: untagged). When
// that tag is a sub-port's, the frame came in by it from now on, in the books, too; the tag is
// still in the frame. When it is one that sub-ports share, it came in by the parent, in their
// network. Returns whether it is either.
bool subport_enter(
	struct worker *w, const struct dp_port *parent, struct rte_mbuf *m, struct packet_ctx *ctx);

// The port by which an answer to a packet goes back to where it came from.
uint16_t subport_back(const struct worker *w, const struct packet_ctx *ctx);

// Whether a port is on the link that a packet came from, as 'network' knows it: the same device and
// the same tag.
bool subport_is_beside(
	const struct worker *w, uint16_t port, uint16_t network, const struct packet_ctx *ctx);

// Whether a neighbour is where the packet came from, so that it will hear of it itself. Behind
// tunnels everybody is in one place.
static inline bool
neighbor_is_beside(
	const struct worker *w, const struct neighbor *known, const struct packet_ctx *ctx)
{
	if (unlikely(ctx->origin == PACKET_FROM_TUNNEL))
		return known->behind != 0;
	return subport_is_beside(w, known->port, ctx->network, ctx);
}

#endif
