/* SPDX-License-Identifier: Apache-2.0 */
// Flow rules in devices.
#include "object_tables.h"

static const struct param params[] = {
	{"port", PARAM_STRING, "list", "only those that this port takes part in", "@port"},
	{"state", PARAM_STRING, "list", "only those in this state",
		"wanted offloaded refused failed"},
	{"offload", PARAM_BOOL, "set", "whether devices may have rules at all", "on off"},
	{0},
};

static const struct column columns[] = {
	{">ID", "id"},
	{"KIND", "kind"},
	{"PORT", "port"},
	{"OUT", "out_port"},
	{"STATE", "state"},
	{">PACKETS", "packets"},
	{">BYTES", "bytes"},
	{"MATCH", "match"},
	{"ACTIONS", "actions"},
	{"REASON", "reason"},
	{0},
};

const struct object flow_object = {
	.name = "flow",
	.help = "flows that network cards carry by themselves: rules, hits, why not",
	.verbs = "list get set",
	.params = params,
	.columns = columns,
	.example = "flow list state=refused\n"
		   "flow set offload=off",
};
