/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_RESOLVE_REQUEST_H
#define SERVER_RESOLVE_REQUEST_H

// ARP requests and neighbour solicitations of the switch itself. Main thread.

#include <stdint.h>

#include <rte_ether.h>

#include "dataplane.h"

struct resolve_question {
	const struct network *network; // NULL: nothing is asked
	struct cw_ip ip; // who has it
	uint16_t port; // ask there only; 0: by all ports of the network that lead to a link
	const struct rte_ether_addr *mac; // ask this station only; NULL: everybody
};

// Returns how many requests are on their way: 0 when the network has no address of that family, no
// such port, or no buffer is left.
uint32_t resolve_request_send(struct dataplane *dp, const struct resolve_question *question);

#endif
