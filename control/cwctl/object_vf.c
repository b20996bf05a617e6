/* SPDX-License-Identifier: Apache-2.0 */
// VFs of the node's network cards (SR-IOV).
#include "object_tables.h"

static const struct param params[] = {
	{"pf", PARAM_STRING, "list", "only those of this PF: its PCI address or its interface",
		NULL},
	{"pci", PARAM_STRING, "get", "PCI address of the VF", "@vf"},
	{0},
};

static const struct column columns[] = {
	{"PCI", "pci"},
	{"PF", "pf_ifname"},
	{">VF", "index"},
	{"DRIVER", "driver"},
	{">NUMA", "numa"},
	{"POD", "pod"},
	{"OWNER", "owner"},
	{"IFNAME", "ifname"},
	{"MAC", "settings.mac"},
	{">VLAN", "settings.vlan"},
	{"SPOOFCHK", "settings.spoofchk"},
	{"TRUST", "settings.trust"},
	{">MAX RATE", "settings.max_tx_rate"},
	{"LINK", "link"},
	{"STATE", "state"},
	{"REASON", "reason"},
	{0},
};

const struct object vf_object = {
	.name = "vf",
	.help = "VFs of network cards: who has them, and with which settings",
	.verbs = "list get watch",
	.keys = "pci",
	.params = params,
	.columns = columns,
	.example = "vf list pf=ens1f0\n"
		   "vf get 0000:01:10.0",
};
