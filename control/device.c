/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fail_point.h"
#include "host_port.h"
#include "link.h"
#include "log.h"
#include "nic_port.h"
#include "packet_socket.h"
#include "socket_device.h"
#include "tap.h"
#include "uplink.h"
#include "vf/vf.h"
#include "xsk.h"

void
device_alias(char alias[256], const struct endpoint *endpoint)
{
	snprintf(alias, 256, "causeway %.200s/%s", endpoint->container, endpoint->ifname);
}

void
device_keep(struct causewayd *d, uint32_t port, const int *fds, unsigned int n)
{
	device_forget(d, port);
	memcpy(d->devices[port].fds, fds, n * sizeof(fds[0]));
	d->devices[port].n = n;
	d->devices[port].holds_netns = false;
}

void
device_forget(struct causewayd *d, uint32_t port)
{
	struct device *device = &d->devices[port];

	while (device->n > 0)
		close(device->fds[--device->n]);
}

void
device_set_arguments(struct port *port, int ifindex)
{
	if (port->kind == CW_PORT_AF_XDP)
		snprintf(port->args, sizeof(port->args), "ifindex=%d", ifindex);
	else if (port_is_uplink_device(port))
		snprintf(port->args, sizeof(port->args), "uplink=1");
}

static unsigned int
queues(const struct port *port)
{
	return port->queues == 0 ? 1 : port->queues;
}

static int
reattach_tap(struct causewayd *d, const struct port *port, const struct endpoint *endpoint)
{
	int netns = netns_reopen(endpoint->netns, &endpoint->netns_id), ret;
	int fds[CW_MAX_QUEUES];
	struct netns_guard guard;

	if (netns < 0)
		return netns == -ENOENT ? -ENODEV : netns;
	ret = netns_enter(&guard, netns);
	if (ret == 0) {
		ret = tap_attach(d->options.tun_device, endpoint->ifname, queues(port), fds);
		netns_leave(&guard);
	}
	close(netns);
	if (ret == 0) {
		device_keep(d, port->id, fds, queues(port));
		d->devices[port->id].holds_netns = true;
	}
	return ret;
}

static int
renew_socket(struct causewayd *d, struct port *port)
{
	struct link_info link;
	bool native;
	int fd, ret = link_find(d->netlink, port->ifname, &link);

	if (ret < 0)
		return ret;
	if (port->kind == CW_PORT_AF_XDP)
		fd = xsk_open(link.ifindex, &native);
	else
		fd = packet_socket_open(link.ifindex);
	if (fd < 0)
		return fd;
	device_set_arguments(port, link.ifindex);
	device_keep(d, port->id, &fd, 1);
	return 0;
}

int
device_reopen(struct causewayd *d, struct port *port, char *reason, size_t reason_len)
{
	const struct endpoint *endpoint = endpoint_by_port(d->objects, port->id);
	struct failure failure;
	int ret;

	if (port->origin == PORT_OF_HOST) {
		if (host_port_open(d, port, &failure) == 0)
			return 0;
		snprintf(reason, reason_len, "%s", failure.message);
		return -EIO;
	}
	if (port_has_socket(port))
		ret = socket_device_reopen(d, port, endpoint);
	else if (port_is_uplink_device(port))
		ret = uplink_open(d, port);
	else if (endpoint == NULL)
		ret = -ENODEV;
	else
		ret = port_is_tap(port) ? reattach_tap(d, port, endpoint) : renew_socket(d, port);
	if (ret == -ENODEV)
		snprintf(reason, reason_len, "device or namespace has vanished");
	else if (ret < 0)
		snprintf(reason, reason_len, "device cannot be opened again: %s", strerror(-ret));
	return ret;
}

bool
device_is_gone(struct causewayd *d, const struct port *port)
{
	const struct endpoint *endpoint;
	struct link_info link;
	char name[IFNAMSIZ], reason[VF_REASON_LEN];
	int netns;

	if (port == NULL)
		return true;
	endpoint = endpoint_by_port(d->objects, port->id);
	if (endpoint != NULL && endpoint->vf.pci[0] != '\0')
		return vf_is_gone(d, endpoint, reason);
	if (port_has_socket(port))
		return socket_device_is_gone(port, endpoint);
	if (!port_needs_descriptors(port))
		return false;
	if (!port_is_tap(port))
		return link_find(d->netlink, port->ifname, &link) == -ENODEV;
	if (d->devices[port->id].n > 0 && !d->devices[port->id].holds_netns)
		return tap_name(d->devices[port->id].fds[0], name) == -ENODEV;
	if (endpoint == NULL)
		return false;
	netns = netns_reopen(endpoint->netns, &endpoint->netns_id);
	if (netns < 0)
		return netns == -ENOENT;
	close(netns);
	return false;
}

// A socket in the namespace where a tap is now. -ENODEV: there is no such tap any more.
static int
tap_netlink(struct causewayd *d, const struct port *port, const struct endpoint *endpoint,
	struct nl_sock **sock)
{
	const struct device *device = &d->devices[port->id];
	int netns, ret;

	if (device->n > 0)
		netns = tap_netns(device->fds[0]);
	else if (endpoint != NULL)
		netns = netns_reopen(endpoint->netns, &endpoint->netns_id);
	else
		return netlink_open(sock);
	if (netns < 0)
		return netns == -ENOENT ? -ENODEV : netns;
	ret = netlink_open_in(netns, sock);
	close(netns);
	return ret;
}

static int
remove_tap(struct causewayd *d, const struct port *port, const struct endpoint *endpoint)
{
	const struct device *device = &d->devices[port->id];
	char name[IFNAMSIZ] = "", alias[LINK_ALIAS_LEN];
	struct link_info link;
	struct nl_sock *sock;
	int ret = tap_netlink(d, port, endpoint, &sock);

	if (ret < 0)
		return ret;
	// By descriptor it is ours whatever its name is now; by name only with our mark.
	if (device->n > 0)
		ret = tap_name(device->fds[0], name);
	else
		snprintf(name, sizeof(name), "%.15s", port->ifname);
	if (ret == 0)
		ret = link_find(sock, name, &link);
	if (ret == 0 && device->n == 0) {
		if (endpoint != NULL)
			device_alias(alias, endpoint);
		else
			host_port_alias(alias, port);
		if (strcmp(alias, link.alias) != 0)
			ret = -ENODEV;
	}
	if (ret == 0)
		ret = link_delete(sock, link.ifindex);
	netlink_close(sock);
	return ret;
}

static int
remove_veth(struct causewayd *d, const struct port *port)
{
	struct link_info link;
	int ret = link_find(d->netlink, port->ifname, &link);

	return ret == 0 ? link_delete(d->netlink, link.ifindex) : ret;
}

int
device_remove(struct causewayd *d, const struct port *port, const struct endpoint *endpoint)
{
	int ret = fail_point("device_remove");

	if (ret == 0 && port_is_tap(port))
		ret = remove_tap(d, port, endpoint);
	else if (ret == 0 && port_has_socket(port))
		ret = socket_device_remove(d, port, endpoint);
	else if (ret == 0 && endpoint != NULL && endpoint->vf.pci[0] != '\0')
		vf_detach(d, endpoint);
	else if (ret == 0 && port_is_uplink_device(port))
		ret = uplink_remove(d, port);
	else if (ret == 0 && port_has_nic(port))
		ret = nic_port_remove(d, port);
	else if (ret == 0 && port_needs_descriptors(port))
		ret = remove_veth(d, port);
	if (ret < 0 && ret != -ENODEV) {
		log_warning("device cannot be deleted: %s port=%s ifname=%s", strerror(-ret),
			port->name, port->ifname);
		return ret;
	}
	device_forget(d, port->id);
	return 0;
}
