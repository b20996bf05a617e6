/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/cache.h"
#include "worker.h"

// What came in by an uplink and is nobody's here goes to the node's own stack, as it is: frames to
// MACs that no port has, and tunnel packets whose inner destination is the node's own.

enum { NEXT_EGRESS };
enum { DROP_NOT_OURS };

static stage_run punt_run;
static struct stage punt = {
	.name = "punt",
	.help = "frames from uplinks that the host may want",
	.run = punt_run,
	.order = 820,
	.next = {[NEXT_EGRESS] = "egress"},
	.drops =
		{
			[DROP_NOT_OURS] = {"not_ours",
				"from an uplink, for nobody here, and the network has no host "
				"port"},
		},
};
STAGE_REGISTER(punt);

static void
punt_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	struct network_cache networks = {NULL, 0};

	for (uint16_t i = 0; i < n; i++) {
		struct packet_ctx *ctx = &w->ctx[slots[i]];
		const struct network *network = cached_network(w, &networks, ctx->network);

		if (network == NULL || network->host_port == 0) {
			packet_drop(w, slots[i], punt.drop_id[DROP_NOT_OURS]);
			continue;
		}
		ctx->out_port = network->host_port;
		packet_next(w, slots[i], punt.next_id[NEXT_EGRESS]);
	}
}
