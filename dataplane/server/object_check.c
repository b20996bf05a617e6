/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "objects_private.h"

// What an item says by itself. Sentences name the key and the value.

static int
check_range(const char *key, uint64_t value, uint64_t low, uint64_t high, struct reason *why)
{
	if (value >= low && value <= high)
		return 0;
	return refuse(why, -EINVAL, "%s %llu is not in %llu .. %llu", key,
		(unsigned long long)value, (unsigned long long)low, (unsigned long long)high);
}

static int
check_text(const char *key, const char *text, size_t size, bool required, struct reason *why)
{
	const char *end = memchr(text, 0, size);

	if (end == NULL)
		return refuse(why, -EINVAL, "%s does not end within %zu bytes", key, size);
	if (required && end == text)
		return refuse(why, -EINVAL, "%s is empty", key);
	for (const char *at = text; at < end; at++)
		if (*at < ' ' || *at == 0x7f)
			return refuse(why, -EINVAL, "%s holds a control character at byte %zu", key,
				(size_t)(at - text));
	return 0;
}

static int
check_unicast(const char *key, const uint8_t mac[6], struct reason *why)
{
	static const uint8_t zero[6];
	char text[32];

	if ((mac[0] & 1) == 0 && memcmp(mac, zero, sizeof(zero)) != 0)
		return 0;
	return refuse(
		why, -EINVAL, "%s %s is not a unicast address", key, object_mac_text(mac, text));
}

static int
check_ip(const char *key, const struct cw_ip *ip, struct reason *why)
{
	static const uint8_t zero[16];
	char text[64];

	if (ip->family != 4 && ip->family != 6)
		return refuse(why, -EINVAL, "%s has family %u, not 4 or 6", key, ip->family);
	if (ip->prefix > (ip->family == 4 ? 32 : 128))
		return refuse(why, -EINVAL, "%s has prefix length %u", key, ip->prefix);
	if (ip->family == 4 && memcmp(ip->addr + 4, zero, 12) != 0)
		return refuse(why, -EINVAL, "%s %s has bytes behind the IPv4 address", key,
			object_ip_text(ip, text));
	return 0;
}

// An address that one host can have.
static int
check_host_ip(const char *key, const struct cw_ip *ip, struct reason *why)
{
	static const uint8_t zero[16];
	int error = check_ip(key, ip, why);
	char text[64];

	if (error != 0)
		return error;
	if (memcmp(ip->addr, zero, 16) == 0
		|| (ip->family == 4 ? ip->addr[0] >= 224 : ip->addr[0] == 0xff))
		return refuse(why, -EINVAL, "%s %s is not a unicast address", key,
			object_ip_text(ip, text));
	return 0;
}

static bool
same_address(const struct cw_ip *a, const struct cw_ip *b)
{
	return a->family == b->family && memcmp(a->addr, b->addr, 16) == 0;
}

static int
check_host_ips(const char *key, const struct cw_ip *ips, uint16_t n, struct reason *why)
{
	char text[64];

	for (uint16_t i = 0; i < n; i++) {
		int error = check_host_ip(key, &ips[i], why);

		if (error != 0)
			return error;
		for (uint16_t j = 0; j < i; j++)
			if (same_address(&ips[i], &ips[j]))
				return refuse(why, -EINVAL, "%s %s occurs twice", key,
					object_ip_text(&ips[i], text));
	}
	return 0;
}

static int
check_network(const struct cw_network *network, struct reason *why)
{
	int error = check_range("network id", network->id, 0, CW_MAX_NETWORKS - 1, why);

	if (error == 0)
		error = check_text("network name", network->name, sizeof(network->name), true, why);
	if (error == 0)
		error = check_range("vni", network->vni, 0, CW_VNI_MAX, why);
	if (error == 0)
		error = check_range("network mtu", network->mtu, CW_MTU_MIN, CW_MTU_MAX, why);
	if (error == 0)
		error = check_range("network flags", network->flags, 0, CW_NETWORK_LEARNING, why);
	if (error == 0)
		error = check_range(
			"number of subnets", network->n_addresses, 0, CW_MAX_SUBNETS, why);
	if (error == 0)
		error = check_range("learn_age", network->learn_age_s, 0, INT32_MAX, why);
	if (error == 0)
		error = check_unicast("router_mac", network->router_mac, why);
	if (error == 0)
		error = check_host_ips(
			"router address", network->addresses, network->n_addresses, why);
	return error;
}

static int
check_trunk(const struct cw_port *port, struct reason *why)
{
	bool seen[4096] = {false};
	int error;

	for (uint16_t i = 0; i < port->n_trunk; i++) {
		const struct cw_tag *tag = &port->trunk[i];

		error = check_range("trunk vlan", tag->vlan, 1, 4094, why);
		if (error == 0)
			error = check_range(
				"trunk network", tag->network, 0, CW_MAX_NETWORKS - 1, why);
		if (error != 0)
			return error;
		if (seen[tag->vlan] || tag->vlan == port->vlan)
			return refuse(why, -EINVAL, "trunk vlan %u occurs twice", tag->vlan);
		seen[tag->vlan] = true;
	}
	return 0;
}

static int
check_port_numbers(const struct cw_port *port, struct reason *why)
{
	int error = check_range("port id", port->id, 1, CW_MAX_PORTS - 1, why);

	if (error == 0)
		error = check_range("port network", port->network, 0, CW_MAX_NETWORKS - 1, why);
	if (error == 0)
		error = check_range("port kind", port->kind, 1, CW_PORT_KINDS - 1, why);
	if (error == 0 && port->mtu != 0)
		error = check_range("port mtu", port->mtu, CW_MTU_MIN, CW_MTU_MAX, why);
	if (error == 0)
		error = check_range("port vlan", port->vlan, 0, 4094, why);
	if (error == 0)
		error = check_range("number of trunk tags", port->n_trunk, 0, CW_MAX_TRUNK, why);
	if (error == 0)
		error = check_range("port flags", port->flags, 0, CW_PORT_NO_FLOOD * 2 - 1, why);
	if (error == 0)
		error = check_range("port guard", port->guard, 0, CW_GUARD_ALL, why);
	if (error == 0)
		error = check_range(
			"number of port descriptors", port->n_fds, 0, CW_MAX_QUEUES, why);
	if (error == 0)
		error = check_range("port queues", port->n_queues, 0, CW_MAX_QUEUES, why);
	return error;
}

static int
check_port(const struct cw_port *port, struct reason *why)
{
	int error = check_port_numbers(port, why);

	if (error == 0)
		error = check_text("port name", port->name, sizeof(port->name), true, why);
	if (error == 0)
		error = check_text("port ifname", port->ifname, sizeof(port->ifname), false, why);
	if (error == 0)
		error = check_text("port args", port->args, sizeof(port->args), false, why);
	if (error == 0)
		error = check_trunk(port, why);
	return error;
}

static int
check_endpoint(const struct cw_endpoint *endpoint, struct reason *why)
{
	int error = check_range("endpoint port", endpoint->port, 1, CW_MAX_PORTS - 1, why);

	if (error == 0)
		error = check_range(
			"endpoint network", endpoint->network, 0, CW_MAX_NETWORKS - 1, why);
	if (error == 0)
		error = check_unicast("endpoint mac", endpoint->mac, why);
	if (error == 0)
		error = check_range("number of ips", endpoint->n_ips, 0, CW_MAX_IPS, why);
	if (error == 0)
		error = check_host_ips("endpoint ip", endpoint->ips, endpoint->n_ips, why);
	return error;
}

static int
check_fdb(const struct cw_fdb *fdb, struct reason *why)
{
	int error = check_range("fdb network", fdb->network, 0, CW_MAX_NETWORKS - 1, why);

	if (error == 0)
		error = check_unicast("fdb mac", fdb->mac, why);
	if (error == 0)
		error = check_range("fdb port", fdb->port, 1, CW_MAX_PORTS - 1, why);
	if (error == 0 && fdb->flags != 0)
		error = refuse(
			why, -EINVAL, "fdb flags %#x: only static entries can be set", fdb->flags);
	return error;
}

static int
check_neighbor(const struct cw_neighbor *neighbor, struct reason *why)
{
	int error = check_range("neighbor network", neighbor->network, 0, CW_MAX_NETWORKS - 1, why);

	if (error == 0)
		error = check_host_ip("neighbor ip", &neighbor->ip, why);
	if (error == 0)
		error = check_range("neighbor prefix length", neighbor->ip.prefix,
			neighbor->ip.family == 4 ? 32 : 128, 128, why);
	if (error == 0)
		error = check_unicast("neighbor mac", neighbor->mac, why);
	if (error == 0)
		error = check_range("neighbor port", neighbor->port, 1, CW_MAX_PORTS - 1, why);
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

static int
check_nexthop(const struct cw_nexthop *nexthop, struct reason *why)
{
	int error = check_range("nexthop id", nexthop->id, 1, CW_MAX_NEXTHOPS - 1, why);

	if (error == 0)
		error = check_range(
			"nexthop kind", nexthop->kind, CW_NEXTHOP_PORT, CW_NEXTHOP_GROUP, why);
	if (error == 0)
		error = check_range(
			"nexthop network", nexthop->network, 0, CW_MAX_NETWORKS - 1, why);
	if (error == 0 && nexthop->kind == CW_NEXTHOP_PORT) {
		error = check_range("nexthop port", nexthop->port, 1, CW_MAX_PORTS - 1, why);
		if (error == 0)
			error = check_unicast("nexthop mac", nexthop->mac, why);
	}
	if (error == 0 && nexthop->kind == CW_NEXTHOP_VIA)
		error = check_host_ip("nexthop via", &nexthop->via, why);
	if (error == 0 && nexthop->kind == CW_NEXTHOP_GROUP)
		error = check_members(nexthop, why);
	else if (error == 0)
		error = check_range("number of nexthop members", nexthop->n_members, 0, 0, why);
	return error;
}

static int
check_route(const struct cw_route *route, struct reason *why)
{
	int error = check_range("route network", route->network, 0, CW_MAX_NETWORKS - 1, why);

	if (error == 0)
		error = check_ip("route prefix", &route->prefix, why);
	if (error == 0)
		error = check_range("route nexthop", route->nexthop, 1, CW_MAX_NEXTHOPS - 1, why);
	return error;
}

int
objects_check(const struct cw_item *item, struct reason *why)
{
	switch (item->type) {
	case CW_ITEM_NETWORK:
		return check_network((const struct cw_network *)item, why);
	case CW_ITEM_PORT:
		return check_port((const struct cw_port *)item, why);
	case CW_ITEM_ENDPOINT:
		return check_endpoint((const struct cw_endpoint *)item, why);
	case CW_ITEM_FDB:
		return check_fdb((const struct cw_fdb *)item, why);
	case CW_ITEM_NEIGHBOR:
		return check_neighbor((const struct cw_neighbor *)item, why);
	case CW_ITEM_NEXTHOP:
		return check_nexthop((const struct cw_nexthop *)item, why);
	case CW_ITEM_ROUTE:
		return check_route((const struct cw_route *)item, why);
	default:
		return refuse(why, -EINVAL, "item type %u is no object", item->type);
	}
}
