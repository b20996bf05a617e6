/* SPDX-License-Identifier: Apache-2.0 */
// Networks, and what is attached to them.
#include "object_tables.h"

static const struct param network_params[] = {
	{"name", PARAM_STRING, "add set del get", "name of the network", "@network"},
	{"vni", PARAM_NUMBER, "add", "VXLAN network identifier, 1 to 16777215 (the next free one)",
		NULL},
	{"mtu", PARAM_NUMBER, "add set", "MTU of its interfaces (1500)", NULL},
	{"subnets", PARAM_STRINGS, "add set",
		"router addresses with prefix length: 10.1.0.1/16,fd00:1::1/64", NULL},
	{"router_mac", PARAM_STRING, "add set", "MAC that answers for the router addresses", NULL},
	{"learning", PARAM_BOOL, "add set", "learn MACs from traffic (no)", "true false"},
	{"learn_age", PARAM_NUMBER, "add set", "forget a learned MAC after so many seconds (300)",
		NULL},
	{"learn_limit", PARAM_NUMBER, "add set", "learned MACs at most (4096)", NULL},
	{"host", PARAM_BOOL, "add set", "the node is reachable through a host port", "true false"},
	{"resolve", PARAM_BOOL, "add set",
		"the switch itself asks for neighbours, by ARP and ND (no)", "true false"},
	{"table", PARAM_NUMBER, "add set",
		"routing table of the kernel that is mirrored into it, 0 is none", NULL},
	{0},
};

static const struct column network_columns[] = {
	{"NAME", "name"},
	{">VNI", "vni"},
	{">MTU", "mtu"},
	{"ROUTER ADDRESSES", "subnets"},
	{"ROUTER MAC", "router_mac"},
	{"LEARNING", "learning"},
	{"HOST", "host"},
	{">TABLE", "table"},
	{"ORIGIN", "origin"},
	{"STATE", "state"},
	{0},
};

// Of ports with a socket, and of endpoints that get one.
#define SOCKET_PARAMS                                                                              \
	{"socket", PARAM_STRING, "add",                                                            \
		"vhost-user, memif: path of the socket; memif takes @NAME, too", NULL},            \
		{"role", PARAM_STRING, "add",                                                      \
			"vhost-user: client (connects) or server; memif: master (listens) or "     \
			"slave",                                                                   \
			"client server master slave"},                                             \
		{"iommu", PARAM_BOOL, "add", "vhost-user: offer a virtual IOMMU (no)",             \
			"true false"},                                                             \
		{"packed", PARAM_BOOL, "add", "vhost-user: offer packed rings", "true false"},     \
		{"memif_id", PARAM_NUMBER, "add",                                                  \
			"memif: number of the interface on its socket (0)", NULL},                 \
		{"ring", PARAM_NUMBER, "add",                                                      \
			"memif slave: slots of a ring, a power of two (1024)", NULL},              \
		{"buffer", PARAM_NUMBER, "add", "memif slave: bytes of a buffer (2048)", NULL},    \
		{"secret", PARAM_STRING, "add", "memif: what the peer must know", NULL},           \
		{"owner", PARAM_STRING, "add",                                                     \
			"user of a socket that the switch makes, and of its pod's folder", NULL},  \
		{"group", PARAM_STRING, "add",                                                     \
			"group of a socket that the switch makes, and of the pod's folder", NULL}, \
	{                                                                                          \
		"mode", PARAM_STRING, "add",                                                       \
			"permissions of a socket that the switch makes (0660)", NULL               \
	}

static const struct param port_params[] = {
	{"name", PARAM_STRING, "add set del get", "name of the port", "@port"},
	{"kind", PARAM_STRING, "add",
		"vhost-user, memif, null, ring, pcap, nic, vf; uplinks: af_packet, af_xdp, too",
		"vhost-user memif null ring pcap nic vf af_packet af_xdp"},
	{"device", PARAM_STRING, "add",
		"nic, vf: PCI address (0000:01:10.0), or name of a DPDK virtual device", NULL},
	{"representor", PARAM_STRING, "add", "nic, vf: vfN, the device's port towards that VF",
		NULL},
	{"bind", PARAM_STRING, "add",
		"nic, vf: driver that the device is given, its former one comes back by del",
		"vfio-pci uio_pci_generic igb_uio"},
	{"promiscuous", PARAM_BOOL, "add", "nic, vf: take frames to any MAC (no)", "true false"},
	{"isolated", PARAM_BOOL, "add",
		"nic, vf: take only what flow rules take, the kernel gets the rest (no)",
		"true false"},
	{"devargs", PARAM_STRING, "add", "nic, vf: arguments of the DPDK driver", NULL},
	{"uplink", PARAM_BOOL, "add", "leads to other nodes (no)", "true false"},
	{"ifname", PARAM_STRING, "add", "af_packet, af_xdp: the node's interface", NULL},
	{"network", PARAM_STRING, "add list", "network that untagged frames belong to (default)",
		"@network"},
	{"args", PARAM_STRING, "add", "device arguments of null, ring and pcap", NULL},
	{"mtu", PARAM_NUMBER, "add set", "largest packet in bytes", NULL},
	{"mac", PARAM_STRING, "add set", "MAC of the device at the other end; uplinks: their own",
		NULL},
	{"vlan", PARAM_NUMBER, "add set", "access tag towards the device, 0 is untagged", NULL},
	{"trunk", PARAM_TRUNK, "add set", "tags and their networks: 5:blue,6:red", NULL},
	{"guard", PARAM_GUARD, "add set", "spoof checks: true, false or mac,ip,arp,ra,dhcp",
		"true false mac ip arp ra dhcp"},
	{"hairpin", PARAM_BOOL, "add set", "may send back to where a frame came from",
		"true false"},
	{"transparent", PARAM_BOOL, "add set", "carry frames with unmapped tags whole",
		"true false"},
	{"no_flood", PARAM_BOOL, "add set", "gets no flooded frames", "true false"},
	{"offload", PARAM_BOOL, "add set", "its card may carry flows by itself (no)", "true false"},
	{"queues", PARAM_NUMBER, "add", "queues of the device; vhost-user, memif: at most", NULL},
	SOCKET_PARAMS,
	{0},
};

static const struct column port_columns[] = {
	{"NAME", "name"},
	{"KIND", "kind"},
	{"NETWORK", "network"},
	{"DEVICE", "ifname"},
	{"SOCKET", "socket"},
	{"ROLE", "role"},
	{"MAC", "mac"},
	{">MTU", "mtu"},
	{">VLAN", "vlan"},
	{"GUARD", "guard"},
	{"UPLINK", "uplink"},
	{"ORIGIN", "origin"},
	{"STATE", "state"},
	{">PEER MTU", "peer.mtu"},
	{">PEER QUEUES", "peer.queues"},
	{">CONNECTS", "peer.connects"},
	{"PEER FEATURES", "peer.features"},
	{"REASON", "reason"},
	{0},
};

static const struct param endpoint_params[] = {
	{"container", PARAM_STRING, "add del get", "container ID", "@endpoint"},
	{"ifname", PARAM_STRING, "add del get", "interface in the pod, e.g. eth0", NULL},
	{"netns", PARAM_NETNS, "add", "path of the pod's network namespace", NULL},
	{"network", PARAM_STRING, "add del list", "its network (default)", "@network"},
	{"interface", PARAM_STRING, "add", "kernel (the default), vhost-user, memif or vf",
		"kernel vhost-user memif vf"},
	{"kind", PARAM_STRING, "add", "force the port kind: tap, af_packet or af_xdp",
		"tap af_packet af_xdp"},
	{"mac", PARAM_STRING, "add", "MAC of the interface", NULL},
	{"mtu", PARAM_NUMBER, "add", "MTU of the interface (the network's)", NULL},
	{"ips", PARAM_IPS, "add", "addresses and gateways: 10.1.0.5/16@10.1.0.1,fd00:1::5/64",
		NULL},
	{"routes", PARAM_ROUTES, "add", "destinations and gateways: 0.0.0.0/0@10.1.0.1,::/0", NULL},
	{"guard", PARAM_GUARD, "add", "spoof checks: true, false or mac,ip,arp,ra,dhcp",
		"true false mac ip arp ra dhcp"},
	{"hairpin", PARAM_BOOL, "add", "the pod may reach itself through the switch", "true false"},
	{"vlan", PARAM_NUMBER, "add", "joins network NETWORK.VLAN", NULL},
	{"trunk", PARAM_TRUNK, "add", "tags and their networks: 5:blue,6:red", NULL},
	{"queues", PARAM_NUMBER, "add", "queues of the interface", NULL},
	{"vf", PARAM_VF, "add",
		"interface vf: 0000:01:10.0,vlan=5,trust=on,... (settings as in the API)", "@vf"},
	SOCKET_PARAMS,
	{0},
};

static const struct column endpoint_columns[] = {
	{"POD", "pod.name"},
	{"CONTAINER", "container"},
	{"IFNAME", "ifname"},
	{"NETWORK", "network"},
	{"PORT", "port"},
	{"KIND", "kind"},
	{"MAC", "mac"},
	{"ADDRESSES", "ips.address"},
	{"STATE", "state"},
	{0},
};

const struct object network_object = {
	.name = "network",
	.help = "broadcast domains, each with its routing table",
	.verbs = "list get add set del watch",
	.keys = "name",
	.params = network_params,
	.columns = network_columns,
	.example = "network add blue subnets=10.2.0.1/16,fd00:2::1/64\n"
		   "network set blue mtu=9000",
};

const struct object port_object = {
	.name = "port",
	.help = "what the switch receives from and sends to",
	.verbs = "list get add set del watch",
	.keys = "name",
	.params = port_params,
	.columns = port_columns,
	.example = "port get cwhost\n"
		   "port add vm1 kind=vhost-user socket=/run/vm1.sock role=server queues=2\n"
		   "port add sink kind=null network=blue\n"
		   "port add up0 kind=af_packet ifname=eth0 uplink=true\n"
		   "port add up1 kind=vf device=0000:01:10.0 bind=vfio-pci uplink=true",
};

const struct object endpoint_object = {
	.name = "endpoint",
	.help = "attachments of pods; usually made by the CNI plugin",
	.verbs = "list get add del watch",
	.keys = "container ifname",
	.params = endpoint_params,
	.columns = endpoint_columns,
	.example = "endpoint get 0a1b2c eth0\n"
		   "endpoint add test eth0 netns=/run/netns/test ips=10.1.0.9/16@10.1.0.1 "
		   "routes=0.0.0.0/0",
};
