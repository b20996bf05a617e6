/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "address_text.h"
#include "device.h"
#include "ethtool.h"
#include "link.h"

struct clash {
	const struct port *port;
	const struct port *other;
};

static int
same_device(void *arg, struct object *object)
{
	const struct port *other = (const struct port *)object;
	struct clash *clash = arg;

	if (port_is_uplink_device(other) && strcmp(other->ifname, clash->port->ifname) == 0
		&& strcmp(other->name, clash->port->name) != 0)
		clash->other = other;
	return 0;
}

static int
describe_mtu(struct port *port, unsigned int mtu, bool given, struct failure *failure)
{
	char text[16];

	if (!given)
		port->mtu = (uint16_t)(mtu < CW_MTU_MAX ? mtu : CW_MTU_MAX);
	if (port->mtu <= mtu)
		return 0;
	snprintf(text, sizeof(text), "%u", port->mtu);
	return failure_set(failure, CW_RPC_INVALID_PARAMS, "mtu", text,
		"leave it out, or raise the interface's", "interface %s has an MTU of %u only",
		port->ifname, mtu);
}

static int
describe_queues(struct port *port, struct failure *failure)
{
	const unsigned int n =
		port->kind == CW_PORT_AF_XDP ? ethtool_receive_queues(port->ifname) : 1;
	char text[16];

	snprintf(text, sizeof(text), "%u", port->queues != 0 ? port->queues : n);
	if (n > CW_MAX_QUEUES)
		return failure_set(failure, CW_RPC_REFUSED, "queues", text,
			"give it fewer by ethtool -L", "interface %s has more than %u rx queues",
			port->ifname, CW_MAX_QUEUES);
	if (port->queues != 0 && port->queues != n)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "queues", text,
			"leave it out; ethtool -L changes the interface's",
			"%s uses %u queues of interface %s", cw_port_kind_name(port->kind), n,
			port->ifname);
	port->queues = (uint16_t)n;
	return 0;
}

int
uplink_describe(struct causewayd *d, struct port *port, bool mtu_given, struct failure *failure)
{
	struct clash clash = {.port = port};
	struct link_info link;
	const int ret = link_find(d->netlink, port->ifname, &link);

	if (ret < 0)
		return uplink_failure(port, ret, failure);
	if (mac_is_zero(link.mac) || (link.flags & IFF_LOOPBACK) != 0)
		return failure_set(failure, CW_RPC_REFUSED, "ifname", port->ifname,
			"give an Ethernet interface", "interface %s is no Ethernet device",
			port->ifname);
	objects_each(d->objects, OBJECT_PORT, same_device, &clash);
	if (clash.other != NULL)
		return failure_set(failure, CW_RPC_IN_USE, "ifname", port->ifname,
			"use that port, or delete it first", "interface %s belongs to port %s",
			port->ifname, clash.other->name);
	if (mac_is_zero(port->mac))
		memcpy(port->mac, link.mac, sizeof(port->mac));
	device_set_arguments(port, link.ifindex);
	if (describe_queues(port, failure) < 0)
		return -1;
	return describe_mtu(port, link.mtu, mtu_given, failure);
}

int
uplink_failure(const struct port *port, int error, struct failure *failure)
{
	if (error == -ENODEV)
		return failure_set(failure, CW_RPC_REFUSED, "ifname", port->ifname,
			"ip link shows those of this namespace", "there is no interface %s",
			port->ifname);
	if (error == -EBUSY)
		return failure_set(failure, CW_RPC_REFUSED, "ifname", port->ifname,
			"use kind af_packet, or end that program's owner",
			"another XDP program runs on interface %s", port->ifname);
	return failure_errno(
		failure, error, "interface %s cannot be used as an uplink", port->ifname);
}
