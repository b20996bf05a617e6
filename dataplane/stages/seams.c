/* SPDX-License-Identifier: Apache-2.0 */
#include "graph.h"

// Places on the packet's way that are kept open: listed, bypassed by graph_init(), free of cost.
// Whoever builds one moves it to a file of its own and gives it a run function.

// Finds the connection, translates towards service endpoints and back.
static struct stage connection = {
	.name = "connection",
	.help = "connection look-up, DNAT, un-NAT (open seam)",
	.order = 400,
	.next = {"policy_source"},
};
STAGE_REGISTER(connection);

// What the sending endpoint may reach.
static struct stage policy_source = {
	.name = "policy_source",
	.help = "policy from the source (open seam)",
	.order = 450,
	.next = {"forward"},
};
STAGE_REGISTER(policy_source);

// Who may reach the receiving endpoint; asked for each flooded copy.
static struct stage policy_destination = {
	.name = "policy_destination",
	.help = "policy to the destination (open seam)",
	.order = 900,
	.next = {"snat"},
};
STAGE_REGISTER(policy_destination);

// Translates the source of what leaves the cluster.
static struct stage snat = {
	.name = "snat",
	.help = "source address translation (open seam)",
	.order = 950,
	.next = {"rewrite"},
};
STAGE_REGISTER(snat);
