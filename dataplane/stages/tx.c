/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

// The end of the way: packets join the batch towards their port. What the device refuses later is
// taken back by worker_tx.c, under the names that are declared here.

enum { DROP_NO_PORT, DROP_PORT_DOWN, DROP_TX_FULL, DROP_TX_REFUSED, DROP_LOOP };

static stage_run tx_run;
static struct stage tx = {
	.name = "tx",
	.help = "into the batch towards the port",
	.run = tx_run,
	.order = 1300,
	.drops =
		{
			[DROP_NO_PORT] = {"no_port", "port is gone"},
			[DROP_PORT_DOWN] = {"port_down", "device is down or gone"},
			[DROP_TX_FULL] = {"tx_full", "device takes no more now"},
			[DROP_TX_REFUSED] = {"tx_refused", "device never takes such a frame"},
			[DROP_LOOP] = {"loop", "went in circles inside the switch"},
		},
};
STAGE_REGISTER(tx);

static void
tx_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		if (likely(w->tx[w->ctx[slots[i]].out_port] != NULL))
			worker_tx(w, slots[i]);
		else
			packet_drop(w, slots[i], tx.drop_id[DROP_NO_PORT]);
	}
}
