/* SPDX-License-Identifier: Apache-2.0 */
#include "attach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "ethtool.h"
#include "fail_point.h"
#include "link.h"
#include "log.h"
#include "packet_socket.h"
#include "pod_link.h"
#include "socket_device.h"
#include "sysctl.h"
#include "tap.h"
#include "veth.h"
#include "vf/vf.h"
#include "xsk.h"

#define VETH_NAME "cwv%u" // by port
#define TAP_TEMPORARY "cwtap%d" // until it is in the pod

uint8_t
attach_choose(struct causewayd *d, uint8_t wanted, char *why, size_t why_len)
{
	const int error = tap_usable(d->options.tun_device);

	if (wanted != 0) {
		snprintf(why, why_len, "asked for by kind");
		return wanted;
	}
	if (error == 0) {
		snprintf(why, why_len,
			"taps are usable here and keep checksum and segmentation offload");
		return CW_PORT_TAP;
	}
	snprintf(why, why_len, "taps are not usable here: %s: %s", d->options.tun_device,
		strerror(-error));
	return CW_PORT_AF_PACKET;
}

// What must be done from inside the namespace. Returns a socket that stays there.
static int
enter_once(int netns, const struct port *port, const struct endpoint *endpoint,
	struct nl_sock **sock, struct failure *failure)
{
	struct netns_guard guard;
	int ret = netns_enter(&guard, netns), sysctls = 0, offloads = 0;

	if (ret < 0)
		return failure_errno(
			failure, ret, "namespace %.100s cannot be entered", endpoint->netns);
	ret = netlink_open(sock);
	if (ret == 0)
		sysctls = pod_link_sysctls(endpoint);
	if (ret == 0 && port->kind == CW_PORT_AF_XDP)
		offloads = ethtool_offloads_off(endpoint->ifname);
	netns_leave(&guard);
	if (ret < 0)
		return failure_errno(failure, ret, "no netlink socket");
	if (pod_step("sysctl", sysctls, endpoint, failure) < 0
		|| pod_step("offloads", offloads, endpoint, failure) < 0) {
		netlink_close(*sock);
		return -1;
	}
	return 0;
}

// The pod's end: everything but making it.
static int
configure(int netns, const struct port *port, const struct endpoint *endpoint, int tap_fd,
	struct failure *failure)
{
	char alias[LINK_ALIAS_LEN];
	const struct link_settings link = {
		.mac = endpoint->mac, .mtu = endpoint->mtu, .alias = alias};
	const struct link_settings up = {.set_flags = IFF_UP};
	struct link_info info;
	struct nl_sock *sock;
	int ret;

	device_alias(alias, endpoint);
	if (enter_once(netns, port, endpoint, &sock, failure) < 0)
		return -1;
	ret = link_find(sock, endpoint->ifname, &info);
	if (ret == 0)
		ret = link_change(sock, info.ifindex, &link);
	ret = pod_step("link", ret, endpoint, failure);
	// From here on the tap outlives us, and its alias says whose it is.
	if (ret == 0 && tap_fd >= 0)
		ret = pod_step("persist", tap_persist(tap_fd, true), endpoint, failure);
	if (ret == 0)
		ret = pod_link_addresses(sock, info.ifindex, endpoint, failure);
	if (ret == 0)
		ret = pod_step("up", link_change(sock, info.ifindex, &up), endpoint, failure);
	if (ret == 0)
		ret = pod_link_routes(sock, info.ifindex, endpoint, failure);
	netlink_close(sock);
	return ret;
}

static void
close_tap(const int *fds, unsigned int n)
{
	tap_persist(fds[0], false);
	while (n > 0)
		close(fds[--n]);
}

static int
attach_tap(struct causewayd *d, struct port *port, struct endpoint *endpoint, int netns,
	struct failure *failure)
{
	const unsigned int n = port->queues;
	char name[IFNAMSIZ] = TAP_TEMPORARY;
	struct link_info info;
	int fds[CW_MAX_QUEUES];
	int ret = fail_point("tap_create");

	if (ret == 0)
		ret = tap_create(d->options.tun_device, name, n, fds);
	if (ret < 0)
		return pod_step("tap_create", ret, endpoint, failure);
	ret = link_find(d->netlink, name, &info);
	if (ret == 0)
		ret = link_move(d->netlink, info.ifindex, netns, endpoint->ifname);
	if (ret == -EEXIST)
		ret = pod_link_taken(endpoint, failure);
	else
		ret = pod_step("tap_move", ret, endpoint, failure);
	if (ret == 0)
		ret = configure(netns, port, endpoint, fds[0], failure);
	if (ret < 0) {
		close_tap(fds, n);
		return -1;
	}
	snprintf(port->ifname, sizeof(port->ifname), "%s", endpoint->ifname);
	device_keep(d, port->id, fds, n);
	return 0;
}

// Our end of the pair: its frames are the port's, our own stack leaves it alone.
static int
configure_host_end(struct causewayd *d, const struct port *port, const struct endpoint *endpoint,
	int *ifindex, struct failure *failure)
{
	char alias[LINK_ALIAS_LEN];
	const struct link_settings settings = {.alias = alias, .set_flags = IFF_UP | IFF_NOARP};
	struct link_info info;
	int ret = link_find(d->netlink, port->ifname, &info);

	device_alias(alias, endpoint);
	if (ret == 0)
		ret = sysctl_interface("ipv6", port->ifname, "disable_ipv6", "1");
	if (ret == -ENOENT || ret == -EROFS)
		ret = 0; // no IPv6 here, or not to be switched
	if (ret == 0)
		ret = link_change(d->netlink, info.ifindex, &settings);
	if (ret == 0 && port->kind == CW_PORT_AF_PACKET) {
		const int detached = stack_detach(info.ifindex);

		if (detached < 0)
			log_info("own stack sees copies of broadcasts: %s ifname=%s",
				strerror(-detached), port->ifname);
	}
	*ifindex = info.ifindex;
	return pod_step("veth_host", ret, endpoint, failure);
}

static int
open_socket(struct causewayd *d, struct port *port, const struct endpoint *endpoint, int ifindex,
	struct failure *failure)
{
	bool native = false;
	int fd = fail_point("socket");

	if (fd == 0)
		fd = port->kind == CW_PORT_AF_XDP ? xsk_open(ifindex, &native)
						  : packet_socket_open(ifindex);
	if (fd < 0)
		return pod_step("socket", fd, endpoint, failure);
	device_set_arguments(port, ifindex);
	device_keep(d, port->id, &fd, 1);
	if (port->kind == CW_PORT_AF_XDP)
		log_debug("XDP program attached ifname=%s mode=%s", port->ifname,
			native ? "native" : "generic");
	return 0;
}

// A pair that an interrupted attachment left under our name.
static void
remove_stale(struct causewayd *d, const char *name)
{
	struct link_info info;

	if (link_find(d->netlink, name, &info) == 0 && strncmp(info.alias, "causeway ", 9) == 0)
		link_delete(d->netlink, info.ifindex);
}

static int
attach_veth(struct causewayd *d, struct port *port, struct endpoint *endpoint, int netns,
	struct failure *failure)
{
	struct link_info info;
	int ifindex, ret = fail_point("veth_create");

	port->queues = 1;
	snprintf(port->ifname, sizeof(port->ifname), VETH_NAME, port->id);
	snprintf(endpoint->host_ifname, sizeof(endpoint->host_ifname), VETH_NAME, port->id);
	remove_stale(d, port->ifname);
	if (ret == 0)
		ret = veth_create(d->netlink, port->ifname, netns, endpoint->ifname, endpoint->mac,
			endpoint->mtu);
	if (ret == -EEXIST && link_find(d->netlink, port->ifname, &info) == -ENODEV)
		return pod_link_taken(endpoint, failure);
	if (ret < 0)
		return pod_step("veth_create", ret, endpoint, failure);
	if (configure_host_end(d, port, endpoint, &ifindex, failure) < 0
		|| open_socket(d, port, endpoint, ifindex, failure) < 0
		|| configure(netns, port, endpoint, -1, failure) < 0) {
		device_forget(d, port->id);
		if (link_find(d->netlink, port->ifname, &info) == 0)
			link_delete(d->netlink, info.ifindex);
		return -1;
	}
	return 0;
}

int
attach(struct causewayd *d, struct port *port, struct endpoint *endpoint, int netns,
	struct failure *failure)
{
	if (port_has_socket(port))
		return socket_device_make(d, port, endpoint, netns, failure);
	if (port->kind == CW_PORT_VF)
		return vf_attach(d, endpoint, netns, failure);
	if (port->kind == CW_PORT_TAP)
		return attach_tap(d, port, endpoint, netns, failure);
	return attach_veth(d, port, endpoint, netns, failure);
}
