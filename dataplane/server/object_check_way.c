/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "object_check.h"

// What leads to other hosts: by a port of this node, or behind a next hop through a tunnel.

static bool
is_zero_mac(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return memcmp(mac, zero, sizeof(zero)) == 0;
}

static int
check_unicast_or_zero(const char *key, const uint8_t mac[6], struct reason *why)
{
	return is_zero_mac(mac) ? 0 : check_unicast(key, mac, why);
}

static int
check_place(const char *what, uint32_t port, uint32_t nexthop, struct reason *why)
{
	char key[32];

	if (port != 0 && nexthop != 0)
		return refuse(why, -EINVAL, "%s has port %u and nexthop %u: give one", what, port,
			nexthop);
	snprintf(key, sizeof(key), "%s %s", what, nexthop != 0 ? "nexthop" : "port");
	if (nexthop != 0)
		return check_range(key, nexthop, 1, CW_MAX_NEXTHOPS - 1, why);
	return check_range(key, port, 1, CW_MAX_PORTS - 1, why);
}

int
check_fdb(const struct cw_fdb *fdb, struct reason *why)
{
	int error = check_range("fdb network", fdb->network, 0, CW_MAX_NETWORKS - 1, why);

	if (error == 0)
		error = check_unicast("fdb mac", fdb->mac, why);
	if (error == 0)
		error = check_place("fdb", fdb->port, fdb->nexthop, why);
	if (error == 0 && fdb->flags != 0)
		error = refuse(
			why, -EINVAL, "fdb flags %#x: only static entries can be set", fdb->flags);
	return error;
}

int
check_neighbor(const struct cw_neighbor *neighbor, struct reason *why)
{
	int error = check_range("neighbor network", neighbor->network, 0, CW_MAX_NETWORKS - 1, why);

	if (error == 0)
		error = check_whole_ip("neighbor ip", &neighbor->ip, why);
	if (error == 0)
		error = check_unicast("neighbor mac", neighbor->mac, why);
	if (error == 0)
		error = check_place("neighbor", neighbor->port, neighbor->nexthop, why);
	return error;
}

static int
check_members(const struct cw_nexthop *nexthop, struct reason *why)
{
	int error = check_range(
		"number of nexthop members", nexthop->n_members, 1, CW_MAX_MEMBERS, why);

	for (uint32_t i = 0; error == 0 && i < nexthop->n_members; i++) {
		error = check_range(
			"member nexthop", nexthop->members[i].nexthop, 1, CW_MAX_NEXTHOPS - 1, why);
		if (error == 0)
			error = check_range(
				"member weight", nexthop->members[i].weight, 1, 256, why);
	}
	return error;
}

// Without a MAC somebody has to find it out.
static int
check_port_nexthop(const struct cw_nexthop *nexthop, struct reason *why)
{
	int error = check_range("nexthop port", nexthop->port, 1, CW_MAX_PORTS - 1, why);

	if (error == 0)
		error = check_unicast_or_zero("nexthop mac", nexthop->mac, why);
	if (error == 0 && nexthop->via.family != 0)
		error = check_host_ip("nexthop via", &nexthop->via, why);
	return error;
}

static int
check_tunnel(const struct cw_nexthop *nexthop, struct reason *why)
{
	int error = check_range("nexthop vtep", nexthop->vtep, 1, CW_MAX_VTEPS - 1, why);

	if (error == 0)
		error = check_ip("nexthop via", &nexthop->via, why);
	if (error == 0 && !ip_is_multicast(&nexthop->via))
		error = check_host_ip("nexthop via", &nexthop->via, why);
	if (error == 0)
		error = check_unicast_or_zero("nexthop mac", nexthop->mac, why);
	if (error == 0)
		error = check_range(
			"nexthop underlay", nexthop->underlay, 0, CW_MAX_NEXTHOPS - 1, why);
	if (error == 0 && nexthop->underlay == nexthop->id)
		return refuse(why, -EINVAL, "nexthop underlay %u is the next hop itself",
			nexthop->underlay);
	return error != 0 ? error : check_range("nexthop vni", nexthop->vni, 0, CW_VNI_MAX, why);
}

static int
check_kind(const struct cw_nexthop *nexthop, struct reason *why)
{
	int error = 0;

	if (nexthop->kind == CW_NEXTHOP_PORT)
		error = check_port_nexthop(nexthop, why);
	else if (nexthop->kind == CW_NEXTHOP_TUNNEL)
		error = check_tunnel(nexthop, why);
	else if (nexthop->kind == CW_NEXTHOP_VIA)
		error = check_host_ip("nexthop via", &nexthop->via, why);
	if (nexthop->kind == CW_NEXTHOP_GROUP)
		return check_members(nexthop, why);
	return error != 0 ? error
			  : check_range("number of nexthop members", nexthop->n_members, 0, 0, why);
}

int
check_nexthop(const struct cw_nexthop *nexthop, struct reason *why)
{
	const bool group = nexthop->kind == CW_NEXTHOP_GROUP;
	int error = check_range("nexthop id", nexthop->id, 1, CW_MAX_NEXTHOPS - 1, why);

	if (error == 0)
		error = check_range(
			"nexthop kind", nexthop->kind, CW_NEXTHOP_PORT, CW_NEXTHOP_TUNNEL, why);
	if (error == 0)
		error = check_range(
			"nexthop network", nexthop->network, 0, CW_MAX_NETWORKS - 1, why);
	if (error == 0 && nexthop->mtu != 0)
		error = check_range("nexthop mtu", nexthop->mtu, CW_MTU_MIN, UINT16_MAX, why);
	if (error == 0)
		error = check_range(
			"nexthop flags", nexthop->flags, 0, group ? CW_NEXTHOP_OF_TUNNELS : 0, why);
	return error != 0 ? error : check_kind(nexthop, why);
}

int
check_route(const struct cw_route *route, struct reason *why)
{
	int error = check_range("route network", route->network, 0, CW_MAX_NETWORKS - 1, why);

	if (error == 0)
		error = check_ip("route prefix", &route->prefix, why);
	if (error == 0)
		error = check_range("route nexthop", route->nexthop, 1, CW_MAX_NEXTHOPS - 1, why);
	return error;
}

// Entries of both kinds lie behind each other.
static int
check_vtep_addresses(const struct cw_vtep *vtep, struct reason *why)
{
	const struct cw_ip *groups = vtep->addresses + vtep->n_own;
	int error = check_host_ips("vtep own", vtep->addresses, vtep->n_own, why);

	for (uint16_t i = 0; error == 0 && i < vtep->n_groups; i++) {
		error = check_ip("vtep group", &groups[i], why);
		if (error == 0
			&& (!ip_is_multicast(&groups[i])
				|| groups[i].family != vtep->address.family))
			error = refuse(why, -EINVAL,
				"vtep group %u is no multicast group of the address's family", i);
	}
	return error;
}

static int
check_vtep_protocol(const struct cw_vtep *vtep, struct reason *why)
{
	const bool ipip = vtep->kind == CW_TUNNEL_IPIP;
	int error = check_range("vtep kind", vtep->kind, CW_TUNNEL_VXLAN, CW_TUNNEL_UDP, why);

	if (error == 0)
		error = check_range(
			"vtep udp_port", vtep->udp_port, ipip ? 0 : 1, ipip ? 0 : UINT16_MAX, why);
	if (error == 0)
		error = check_whole_ip("vtep address", &vtep->address, why);
	if (error == 0 && ipip && vtep->address.family != 4)
		error = refuse(why, -EINVAL, "vtep address of ipip is IPv%u, not IPv4",
			vtep->address.family);
	if (error == 0 && vtep->kind != CW_TUNNEL_VXLAN)
		error = check_range("number of vtep groups", vtep->n_groups, 0, 0, why);
	return error;
}

int
check_vtep(const struct cw_vtep *vtep, struct reason *why)
{
	int error = check_range("vtep id", vtep->id, 1, CW_MAX_VTEPS - 1, why);

	if (error == 0)
		error = check_range("vtep port", vtep->port, 0, CW_MAX_PORTS - 1, why);
	if (error == 0)
		error = check_range("vtep network", vtep->network, 0, CW_MAX_NETWORKS - 1, why);
	if (error == 0)
		error = check_range(
			"vtep flags", vtep->flags, 0, CW_VTEP_STRICT | CW_VTEP_CHECKSUM, why);
	if (error == 0)
		error = check_range(
			"number of vtep own addresses", vtep->n_own, 0, CW_MAX_VTEP_OWN, why);
	if (error == 0)
		error = check_range(
			"number of vtep groups", vtep->n_groups, 0, CW_MAX_VTEP_GROUPS, why);
	if (error == 0)
		error = check_unicast_or_zero("vtep mac", vtep->mac, why);
	if (error == 0)
		error = check_vtep_protocol(vtep, why);
	return error != 0 ? error : check_vtep_addresses(vtep, why);
}

int
check_flood(const struct cw_flood *flood, struct reason *why)
{
	int error = check_range("flood network", flood->network, 0, CW_MAX_NETWORKS - 1, why);

	return error != 0
		       ? error
		       : check_range("flood nexthop", flood->nexthop, 1, CW_MAX_NEXTHOPS - 1, why);
}
