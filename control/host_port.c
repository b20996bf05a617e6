/* SPDX-License-Identifier: Apache-2.0 */
#include "host_port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "address_text.h"
#include "device.h"
#include "fail_point.h"
#include "link.h"
#include "route.h"
#include "sysctl.h"
#include "tap.h"

void
host_port_alias(char alias[256], const struct port *port)
{
	snprintf(alias, 256, "causeway host port %s", port->name);
}

void
host_port_ifname(const struct causewayd *d, const struct network *network, char name[IFNAMSIZ])
{
	if (strcmp(network->name, CW_DEFAULT_NETWORK) == 0)
		snprintf(name, IFNAMSIZ, "%s", d->options.host_interface);
	else
		snprintf(name, IFNAMSIZ, "cwh-%u", network->id);
}

bool
host_port_exists(struct causewayd *d, const struct port *port)
{
	struct link_info link;

	return link_find(d->netlink, port->ifname, &link) == 0;
}

// Attaches to the device of an earlier run when its mark says it is ours. Returns -ENODEV: there is
// none; -EEXIST: the name is somebody else's.
static int
open_existing(struct causewayd *d, const struct port *port, const char *alias, int *fds)
{
	struct link_info link;
	int ret = link_find(d->netlink, port->ifname, &link);

	if (ret < 0)
		return ret;
	if (strcmp(link.alias, alias) != 0 || strcmp(link.kind, "tun") != 0)
		return -EEXIST;
	return tap_attach(d->options.tun_device, port->ifname, port->queues, fds);
}

static int
create(struct causewayd *d, const struct port *port, int *fds)
{
	char name[IFNAMSIZ];

	snprintf(name, sizeof(name), "%.15s", port->ifname);
	return tap_create(d->options.tun_device, name, port->queues, fds);
}

static int
set_up(struct causewayd *d, const struct port *port, const char *alias, int fd)
{
	const struct link_settings settings = {.mac = port->mac, .mtu = port->mtu, .alias = alias};
	const struct link_settings up = {.set_flags = IFF_UP};
	struct link_info link;
	int ret = link_find(d->netlink, port->ifname, &link);

	if (ret == 0)
		ret = link_change(d->netlink, link.ifindex, &settings);
	if (ret == 0)
		ret = tap_persist(fd, true);
	if (ret == 0)
		sysctl_interface("ipv6", port->ifname, "accept_ra", "0");
	if (ret == 0)
		ret = link_change(d->netlink, link.ifindex, &up);
	return ret;
}

// A device that outlived the database has another MAC: the kernel would take nothing that the
// switch sends to the port's.
static int
adopt(struct causewayd *d, const struct port *port, const struct network *network)
{
	struct link_settings settings = {0};
	struct link_info link;
	int ret = link_find(d->netlink, port->ifname, &link);

	if (ret < 0)
		return ret;
	if (memcmp(link.mac, port->mac, sizeof(link.mac)) != 0)
		settings.mac = port->mac;
	if (network != NULL && link.mtu != network->mtu)
		settings.mtu = network->mtu;
	if (settings.mac == NULL && settings.mtu == 0)
		return 0;
	return link_change(d->netlink, link.ifindex, &settings);
}

int
host_port_open(struct causewayd *d, const struct port *port, struct failure *failure)
{
	const struct network *network = network_by_id(d->objects, port->network);
	int fds[CW_MAX_QUEUES], ret;
	char alias[LINK_ALIAS_LEN];
	bool made = false;

	host_port_alias(alias, port);
	ret = open_existing(d, port, alias, fds);
	if (ret == -ENODEV) {
		ret = create(d, port, fds);
		made = ret == 0;
	}
	if (ret == -EEXIST || ret == -EBUSY)
		return failure_set(failure, CW_RPC_REFUSED, "host", NULL,
			"delete that interface, or choose another name by --host-interface",
			"an interface %s that is not ours is in the way of the host port",
			port->ifname);
	if (ret < 0)
		return failure_errno(failure, ret, "host port %s cannot be made", port->ifname);
	ret = made ? set_up(d, port, alias, fds[0]) : adopt(d, port, network);
	if (ret < 0) {
		if (made)
			tap_persist(fds[0], false);
		failure_errno(failure, ret, "host port %s cannot be set up", port->ifname);
	}
	device_keep(d, port->id, fds, port->queues);
	if (ret == 0 && network != NULL)
		return host_port_address(d, port, NULL, network, failure);
	if (ret < 0)
		device_forget(d, port->id);
	return ret < 0 ? -1 : 0;
}

static struct route_spec
subnet_route(int ifindex, const struct cw_ip *subnet)
{
	return (struct route_spec){
		.destination = ip_masked(subnet),
		.source = ip_host(subnet),
		.ifindex = ifindex,
	};
}

static int
add_subnet(struct causewayd *d, int ifindex, const struct cw_ip *subnet)
{
	const struct route_spec route = subnet_route(ifindex, subnet);
	const struct cw_ip address = ip_host(subnet);
	int ret = address_add(d->netlink, ifindex, &address);

	if (ret < 0 && ret != -EEXIST)
		return ret;
	if (subnet->prefix == ip_bits(subnet))
		return 0;
	ret = route_add(d->netlink, &route);
	return ret == -EEXIST ? 0 : ret;
}

static void
remove_subnet(struct causewayd *d, int ifindex, const struct cw_ip *subnet)
{
	const struct route_spec route = subnet_route(ifindex, subnet);
	const struct cw_ip address = ip_host(subnet);

	route_delete(d->netlink, &route);
	address_delete(d->netlink, ifindex, &address);
}

static bool
has_subnet(const struct network *network, const struct cw_ip *subnet)
{
	if (network != NULL)
		for (unsigned int i = 0; i < network->n_subnets; i++)
			if (memcmp(&network->subnets[i], subnet, sizeof(*subnet)) == 0)
				return true;
	return false;
}

int
host_port_address(struct causewayd *d, const struct port *port, const struct network *before,
	const struct network *after, struct failure *failure)
{
	struct link_info link;
	const struct link_settings settings = {.mtu = after != NULL ? after->mtu : 0};
	unsigned int i = 0;
	int ret = link_find(d->netlink, port->ifname, &link);

	if (ret < 0)
		return before != NULL && after == NULL
			       ? 0
			       : failure_errno(failure, ret, "host port %s", port->ifname);
	if (ret == 0)
		ret = fail_point("host_address");
	if (ret == 0 && before != NULL && after != NULL && before->mtu != after->mtu)
		ret = link_change(d->netlink, link.ifindex, &settings);
	// What goes first makes room: an address may come back with another prefix length.
	if (ret == 0 && before != NULL)
		for (unsigned int j = 0; j < before->n_subnets; j++)
			if (!has_subnet(after, &before->subnets[j]))
				remove_subnet(d, link.ifindex, &before->subnets[j]);
	for (; after != NULL && i < after->n_subnets && ret == 0; i++)
		if (!has_subnet(before, &after->subnets[i]))
			ret = add_subnet(d, link.ifindex, &after->subnets[i]);
	if (ret == 0)
		return 0;
	failure_errno(failure, ret, "host port %s cannot get the addresses of network subnets",
		port->ifname);
	while (after != NULL && i-- > 0)
		if (!has_subnet(before, &after->subnets[i]))
			remove_subnet(d, link.ifindex, &after->subnets[i]);
	for (unsigned int j = 0; before != NULL && j < before->n_subnets; j++)
		add_subnet(d, link.ifindex, &before->subnets[j]);
	return -1;
}
