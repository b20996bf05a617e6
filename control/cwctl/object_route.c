/* SPDX-License-Identifier: Apache-2.0 */
// Where packets go: tunnels, routes, stations.
#include "object_tables.h"

// The far end of a tunnel and the way to it, beside "vtep".
#define REMOTE(verbs)                                                                             \
	{"remote", PARAM_STRING, verbs, "the other node's tunnel address", NULL},                 \
		{"vni", PARAM_NUMBER, "add set", "vxlan: identifier on the wire (the network's)", \
			NULL},                                                                    \
		{"underlay", PARAM_NUMBER, "add set",                                             \
			"next hop that leads to remote (found by the kernel's routes)", NULL},    \
	{                                                                                         \
		"mtu", PARAM_NUMBER, "add set",                                                   \
			"largest packet in bytes, when the path takes less", NULL                 \
	}

static const struct param vtep_params[] = {
	{"name", PARAM_STRING, "add set del get", "name of the tunnel end", "@vtep"},
	{"kind", PARAM_STRING, "add", "vxlan, ipip or udp (Flannel's)", "vxlan ipip udp"},
	{"address", PARAM_STRING, "add set", "its own address", NULL},
	{"udp_port", PARAM_NUMBER, "add set", "UDP port (vxlan: 4789, udp: 8285)", NULL},
	{"uplink", PARAM_STRING, "add set", "uplink that it receives on (any)", "@port"},
	{"network", PARAM_STRING, "add", "ipip, udp: network of what comes out (default)",
		"@network"},
	{"mac", PARAM_STRING, "add set",
		"vxlan: inner MAC of this node, beside those of the routers", NULL},
	{"ttl", PARAM_NUMBER, "add set", "of outer headers (64)", NULL},
	{"strict", PARAM_BOOL, "add set", "take packets of known nodes only (no)", "true false"},
	{"checksum", PARAM_BOOL, "add set", "UDP checksums over IPv4, too (no)", "true false"},
	{"own", PARAM_STRINGS, "add set",
		"inner addresses of this node, left to its kernel as they come", NULL},
	{"groups", PARAM_STRINGS, "add set", "vxlan: multicast groups that it listens to", NULL},
	{0},
};

static const struct column vtep_columns[] = {
	{"NAME", "name"},
	{"KIND", "kind"},
	{"ADDRESS", "address"},
	{">UDP PORT", "udp_port"},
	{"UPLINK", "uplink"},
	{"NETWORK", "network"},
	{"MAC", "mac"},
	{">TTL", "ttl"},
	{"STRICT", "strict"},
	{"CHECKSUM", "checksum"},
	{"OWN", "own"},
	{"GROUPS", "groups"},
	{"ORIGIN", "origin"},
	{"STATE", "state"},
	{"REASON", "reason"},
	{0},
};

static const struct param route_params[] = {
	{"network", PARAM_STRING, "add set del get list", "network that the route is in (default)",
		"@network"},
	{"prefix", PARAM_STRING, "add set del get", "destination: 10.2.0.0/16", NULL},
	{"nexthop", PARAM_NUMBER, "add set", "identifier of a next hop", NULL},
	{"via", PARAM_STRING, "add set", "address of the gateway", NULL},
	{"port", PARAM_STRING, "add set", "port to send to, with mac or via", "@port"},
	{"mac", PARAM_STRING, "add set", "MAC to send to, with port or vtep", NULL},
	{"vtep", PARAM_STRING, "add set", "tunnel to send through, with remote", "@vtep"},
	REMOTE("add set"),
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
	{"VTEP", "vtep"},
	{"REMOTE", "remote"},
	{"MEMBERS", "members.nexthop"},
	{"ORIGIN", "origin"},
	{"STATE", "state"},
	{0},
};

static const struct param nexthop_params[] = {
	{"id", PARAM_NUMBER, "add set del get", "identifier (the next free one)", NULL},
	{"network", PARAM_STRING, "add list", "network of via and host (default)", "@network"},
	{"kind", PARAM_STRING, "add",
		"port, via, host, blackhole, unreachable, prohibit, group or tunnel",
		"port via host blackhole unreachable prohibit group tunnel"},
	{"via", PARAM_STRING, "add set", "address of the gateway", NULL},
	{"port", PARAM_STRING, "add set", "port to send to, with mac or via", "@port"},
	{"mac", PARAM_STRING, "add set", "MAC to send to; tunnel: inner destination", NULL},
	{"vtep", PARAM_STRING, "add set", "tunnel: its local end", "@vtep"},
	REMOTE("add set"),
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
	{"VTEP", "vtep"},
	{"REMOTE", "remote"},
	{">UNDERLAY", "underlay"},
	{"MEMBERS", "members.nexthop"},
	{"ORIGIN", "origin"},
	{"STATE", "state"},
	{0},
};

static const struct param neighbor_params[] = {
	{"network", PARAM_STRING, "add set del get list", "network of the neighbour (default)",
		"@network"},
	{"ip", PARAM_STRING, "add set del get", "its address", NULL},
	{"mac", PARAM_STRING, "add set", "its MAC", NULL},
	{"port", PARAM_STRING, "add set", "port that it is behind", "@port"},
	{"nexthop", PARAM_NUMBER, "add set", "next hop of kind tunnel that it is behind", NULL},
	{"vtep", PARAM_STRING, "add set", "tunnel that it is behind, with remote", "@vtep"},
	REMOTE("add set"),
	{0},
};

static const struct column neighbor_columns[] = {
	{"NETWORK", "network"},
	{"ADDRESS", "ip"},
	{"MAC", "mac"},
	{"PORT", "port"},
	{">NEXT HOP", "nexthop"},
	{"VTEP", "vtep"},
	{"REMOTE", "remote"},
	{"ORIGIN", "origin"},
	{"STATE", "state"},
	{0},
};

static const struct param fdb_params[] = {
	{"network", PARAM_STRING, "add set del get list", "network of the entry (default)",
		"@network"},
	{"mac", PARAM_STRING, "add set del get", "its MAC; 00:00:00:00:00:00 is the flood list",
		NULL},
	{"port", PARAM_STRING, "add set", "port", "@port"},
	{"nexthop", PARAM_NUMBER, "add set del get", "next hop of kind tunnel", NULL},
	{"vtep", PARAM_STRING, "add set del get", "tunnel, with remote", "@vtep"},
	REMOTE("add set del get"),
	{0},
};

static const struct column fdb_columns[] = {
	{"NETWORK", "network"},
	{"MAC", "mac"},
	{"PORT", "port"},
	{">NEXT HOP", "nexthop"},
	{"VTEP", "vtep"},
	{"REMOTE", "remote"},
	{"LEARNED", "learned"},
	{">AGE s", "age"},
	{"ORIGIN", "origin"},
	{"STATE", "state"},
	{0},
};

const struct object vtep_object = {
	.name = "vtep",
	.help = "this node's ends of tunnels to other nodes",
	.verbs = "list get add set del watch",
	.keys = "name",
	.params = vtep_params,
	.columns = vtep_columns,
	.example = "vtep add vx kind=vxlan address=192.0.2.1 udp_port=8472 uplink=up0\n"
		   "vtep set vx strict=true",
};

const struct object route_object = {
	.name = "route",
	.help = "prefixes and where they lead",
	.verbs = "list get add set del watch",
	.keys = "network prefix",
	.params = route_params,
	.columns = route_columns,
	.example = "route add default 192.0.2.0/24 via=10.1.0.7\n"
		   "route add default 198.51.100.0/24 kind=blackhole\n"
		   "route add default 203.0.113.0/24 members=10.1.0.7,10.1.0.8@2\n"
		   "route add default 10.244.2.0/24 vtep=vx remote=192.0.2.7 "
		   "mac=02:00:00:00:02:00",
};

const struct object nexthop_object = {
	.name = "nexthop",
	.help = "where routes lead, shared by many of them",
	.verbs = "list get add set del watch",
	.keys = "id",
	.params = nexthop_params,
	.columns = nexthop_columns,
	.example = "nexthop add 7 network=default kind=via via=10.1.0.7\n"
		   "nexthop add 9 network=default kind=group members=7,8@2",
};

const struct object neighbor_object = {
	.name = "neighbor",
	.help = "addresses and their MACs",
	.verbs = "list get add set del watch",
	.keys = "network ip",
	.params = neighbor_params,
	.columns = neighbor_columns,
	.example = "neighbor add default 10.1.0.200 mac=02:00:00:00:00:c8 port=sink",
};

const struct object fdb_object = {
	.name = "fdb",
	.help = "MACs and where they are, learned ones included",
	.verbs = "list get add set del watch",
	.keys = "network mac",
	.params = fdb_params,
	.columns = fdb_columns,
	.example = "fdb list network=default\n"
		   "fdb add blue 00:00:00:00:00:00 vtep=vx remote=192.0.2.7",
};
