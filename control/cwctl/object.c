/* SPDX-License-Identifier: Apache-2.0 */
#include "object.h"

#include <string.h>

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
		{"group", PARAM_STRING, "add",                                                     \
			"group of a socket that the switch makes, and of the pod's folder", NULL}, \
	{                                                                                          \
		"mode", PARAM_STRING, "add",                                                       \
			"permissions of a socket that the switch makes (0660)", NULL               \
	}

static const struct param port_params[] = {
	{"name", PARAM_STRING, "add set del get", "name of the port", "@port"},
	{"kind", PARAM_STRING, "add",
		"vhost-user, memif, null, ring or pcap; pods' ports are made by endpoint add",
		"vhost-user memif null ring pcap"},
	{"network", PARAM_STRING, "add list", "network that untagged frames belong to (default)",
		"@network"},
	{"args", PARAM_STRING, "add", "device arguments of null, ring and pcap", NULL},
	{"mtu", PARAM_NUMBER, "add set", "largest packet in bytes", NULL},
	{"mac", PARAM_STRING, "add set", "MAC of the device at the other end", NULL},
	{"vlan", PARAM_NUMBER, "add set", "access tag towards the device, 0 is untagged", NULL},
	{"trunk", PARAM_TRUNK, "add set", "tags and their networks: 5:blue,6:red", NULL},
	{"guard", PARAM_GUARD, "add set", "spoof checks: true, false or mac,ip,arp,ra,dhcp",
		"true false mac ip arp ra dhcp"},
	{"hairpin", PARAM_BOOL, "add set", "may send back to where a frame came from",
		"true false"},
	{"transparent", PARAM_BOOL, "add set", "carry frames with unmapped tags whole",
		"true false"},
	{"no_flood", PARAM_BOOL, "add set", "gets no flooded frames", "true false"},
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
	{"interface", PARAM_STRING, "add", "kernel (the default), vhost-user or memif",
		"kernel vhost-user memif"},
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
	SOCKET_PARAMS,
	{"owner", PARAM_STRING, "add", "user of the pod's socket folder", NULL},
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

static const struct param route_params[] = {
	{"network", PARAM_STRING, "add set del get list", "network that the route is in (default)",
		"@network"},
	{"prefix", PARAM_STRING, "add set del get", "destination: 10.2.0.0/16", NULL},
	{"nexthop", PARAM_NUMBER, "add set", "identifier of a next hop", NULL},
	{"via", PARAM_STRING, "add set", "address of the gateway", NULL},
	{"port", PARAM_STRING, "add set", "port to send to, with mac", "@port"},
	{"mac", PARAM_STRING, "add set", "MAC to send to, with port", NULL},
	{"kind", PARAM_STRING, "add set", "host, blackhole, unreachable or prohibit",
		"host blackhole unreachable prohibit"},
	{"members", PARAM_MEMBERS, "add set",
		"gateways or next hops for ECMP, with weights: 10.1.0.7,10.1.0.8@2", NULL},
	{0},
};

static const struct column route_columns[] = {
	{"NETWORK", "network"},
	{"PREFIX", "prefix"},
	{">NEXT HOP", "nexthop"},
	{"KIND", "kind"},
	{"VIA", "via"},
	{"PORT", "port"},
	{"MAC", "mac"},
	{"MEMBERS", "members.nexthop"},
	{"ORIGIN", "origin"},
	{"STATE", "state"},
	{0},
};

static const struct param nexthop_params[] = {
	{"id", PARAM_NUMBER, "add set del get", "identifier (the next free one)", NULL},
	{"network", PARAM_STRING, "add list", "network of via and host (default)", "@network"},
	{"kind", PARAM_STRING, "add", "port, via, host, blackhole, unreachable, prohibit or group",
		"port via host blackhole unreachable prohibit group"},
	{"via", PARAM_STRING, "add set", "address of the gateway", NULL},
	{"port", PARAM_STRING, "add set", "port to send to, with mac", "@port"},
	{"mac", PARAM_STRING, "add set", "MAC to send to, with port", NULL},
	{"members", PARAM_MEMBERS, "add set", "next hops of a group, with weights: 1,2@3", NULL},
	{0},
};

static const struct column nexthop_columns[] = {
	{">ID", "id"},
	{"NETWORK", "network"},
	{"KIND", "kind"},
	{"VIA", "via"},
	{"PORT", "port"},
	{"MAC", "mac"},
	{"MEMBERS", "members.nexthop"},
	{"STATE", "state"},
	{0},
};

static const struct param neighbor_params[] = {
	{"network", PARAM_STRING, "add set del get list", "network of the neighbour (default)",
		"@network"},
	{"ip", PARAM_STRING, "add set del get", "its address", NULL},
	{"mac", PARAM_STRING, "add set", "its MAC", NULL},
	{"port", PARAM_STRING, "add set", "port that it is behind", "@port"},
	{0},
};

static const struct column neighbor_columns[] = {
	{"NETWORK", "network"},
	{"ADDRESS", "ip"},
	{"MAC", "mac"},
	{"PORT", "port"},
	{"STATE", "state"},
	{0},
};

static const struct param fdb_params[] = {
	{"network", PARAM_STRING, "add set del get list", "network of the entry (default)",
		"@network"},
	{"mac", PARAM_STRING, "add set del get", "MAC that is behind the port", NULL},
	{"port", PARAM_STRING, "add set", "port", "@port"},
	{0},
};

static const struct column fdb_columns[] = {
	{"NETWORK", "network"},
	{"MAC", "mac"},
	{"PORT", "port"},
	{"LEARNED", "learned"},
	{">AGE s", "age"},
	{"STATE", "state"},
	{0},
};

static const struct param stats_params[] = {
	{"port", PARAM_STRING, "get", "only this port", "@port"},
	{"interval", PARAM_NUMBER, "watch", "seconds between two looks (1)", NULL},
	{"count", PARAM_NUMBER, "watch", "looks, then end (for ever)", NULL},
	{0},
};

static const struct param trace_params[] = {
	{"count", PARAM_NUMBER, NULL, "packets, then end (10)", NULL},
	{"port", PARAM_STRING, NULL, "only what comes in by this port", "@port"},
	{"network", PARAM_STRING, NULL, "only this network", "@network"},
	{"src", PARAM_STRING, NULL, "only from this address or prefix", NULL},
	{"dst", PARAM_STRING, NULL, "only to this address or prefix", NULL},
	{"ether_type", PARAM_NUMBER, NULL, "only this EtherType, e.g. 2054 for ARP", NULL},
	{"ip_proto", PARAM_NUMBER, NULL, "only this protocol: 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6",
		NULL},
	{"l4_src", PARAM_NUMBER, NULL, "only from this TCP or UDP port", NULL},
	{"l4_dst", PARAM_NUMBER, NULL, "only to this TCP or UDP port", NULL},
	{0},
};

static const struct param no_params[] = {{0}};

static const struct object network = {
	.name = "network",
	.help = "broadcast domains, each with its routing table",
	.verbs = "list get add set del watch",
	.keys = "name",
	.params = network_params,
	.columns = network_columns,
	.example = "network add blue subnets=10.2.0.1/16,fd00:2::1/64\n"
		   "network set blue mtu=9000",
};

static const struct object port = {
	.name = "port",
	.help = "what the switch receives from and sends to",
	.verbs = "list get add set del watch",
	.keys = "name",
	.params = port_params,
	.columns = port_columns,
	.example = "port get cwhost\n"
		   "port add vm1 kind=vhost-user socket=/run/vm1.sock role=server queues=2\n"
		   "port add sink kind=null network=blue",
};

static const struct object endpoint = {
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

static const struct object route = {
	.name = "route",
	.help = "prefixes and where they lead",
	.verbs = "list get add set del watch",
	.keys = "network prefix",
	.params = route_params,
	.columns = route_columns,
	.example = "route add default 192.0.2.0/24 via=10.1.0.7\n"
		   "route add default 198.51.100.0/24 kind=blackhole\n"
		   "route add default 203.0.113.0/24 members=10.1.0.7,10.1.0.8@2",
};

static const struct object nexthop = {
	.name = "nexthop",
	.help = "where routes lead, shared by many of them",
	.verbs = "list get add set del watch",
	.keys = "id",
	.params = nexthop_params,
	.columns = nexthop_columns,
	.example = "nexthop add 7 network=default kind=via via=10.1.0.7\n"
		   "nexthop add 9 network=default kind=group members=7,8@2",
};

static const struct object neighbor = {
	.name = "neighbor",
	.help = "addresses and their MACs",
	.verbs = "list get add set del watch",
	.keys = "network ip",
	.params = neighbor_params,
	.columns = neighbor_columns,
	.example = "neighbor add default 10.1.0.200 mac=02:00:00:00:00:c8 port=sink",
};

static const struct object fdb = {
	.name = "fdb",
	.help = "MACs and the ports that they are behind, learned ones included",
	.verbs = "list get add set del watch",
	.keys = "network mac",
	.params = fdb_params,
	.columns = fdb_columns,
	.example = "fdb list network=default",
};

static const struct object node = {
	.name = "node",
	.help = "versions, workers, ports and memory of the data plane",
	.verbs = "get",
	.params = no_params,
};

static const struct object health = {
	.name = "health",
	.help = "whether all parts work",
	.verbs = "get watch",
	.params = no_params,
};

static const struct object stats = {
	.name = "stats",
	.help = "counters and rates of ports and workers, drops by name",
	.verbs = "get watch",
	.keys = "port",
	.params = stats_params,
	.example = "stats watch interval=2",
};

static const struct object trace = {
	.name = "trace",
	.help = "the stages that chosen packets take",
	.verbs = "watch",
	.params = trace_params,
	.example = "trace count=5 ip_proto=1\n"
		   "trace port=cwhost dst=10.1.0.0/16",
};

const struct object *const objects[] = {&network, &port, &endpoint, &route, &nexthop, &neighbor,
	&fdb, &node, &health, &stats, &trace, NULL};

const struct object *
object_find(const char *name)
{
	for (const struct object *const *object = objects; *object != NULL; object++)
		if (strcmp((*object)->name, name) == 0)
			return *object;
	return NULL;
}

bool
has_word(const char *list, const char *word)
{
	const size_t length = strlen(word);

	for (const char *at = list; at != NULL && *at != '\0'; at += strspn(at, " ")) {
		if (strcspn(at, " ") == length && strncmp(at, word, length) == 0)
			return true;
		at += strcspn(at, " ");
	}
	return false;
}

const struct param *
object_param(const struct object *object, const char *verb, const char *name)
{
	for (const struct param *param = object->params; param->name != NULL; param++)
		if (strcmp(param->name, name) == 0
			&& (param->verbs == NULL || has_word(param->verbs, verb)))
			return param;
	return NULL;
}

const char *
object_default_verb(const struct object *object)
{
	if (has_word(object->verbs, "list"))
		return "list";
	return has_word(object->verbs, "get") ? "get" : "watch";
}
