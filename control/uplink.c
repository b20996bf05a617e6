/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "address_text.h"
#include "device.h"
#include "ethtool.h"
#include "fail_point.h"
#include "link.h"
#include "log.h"
#include "packet_socket.h"
#include "uplink_classifier.h"
#include "uplink_groups.h"
#include "uplink_rules.h"
#include "xsk.h"

#define RETRY_S 5

struct uplink {
	struct uplink *next;
	uint32_t port;
	int ifindex;
	struct uplink_classifier *classifier;
	struct uplink_groups groups;
};

struct uplinks {
	struct causewayd *d;
	struct uplink *list;
	struct event *refresh;
	struct event *changes; // of the node's devices and addresses; NULL: not watched
	int watch;
	int returned[CW_MAX_PORTS]; // by port: device that came back and was told of
};

// The node's own addresses, as collected from the kernel.
struct local {
	struct cw_ip *ips;
	unsigned int n, room;
};

bool
port_is_uplink_device(const struct port *port)
{
	return port->origin == PORT_OF_USER
	       && (port->kind == CW_PORT_AF_PACKET || port->kind == CW_PORT_AF_XDP);
}

// --- rules

static int
collect(void *arg, const struct cw_ip *ip)
{
	struct local *local = arg;
	struct cw_ip *grown;

	if (local->n == local->room) {
		local->room = local->room == 0 ? 64 : 2 * local->room;
		grown = realloc(local->ips, local->room * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		local->ips = grown;
	}
	local->ips[local->n++] = *ip;
	return 0;
}

// XDP sees no tag that the device has taken out.
static int
show_tags(const struct port *port)
{
	if (port->kind != CW_PORT_AF_XDP || (port->vlan == 0 && port->n_trunk == 0))
		return 0;
	return ethtool_vlan_receive_off(port->ifname);
}

static int
set_rules(struct causewayd *d, const struct uplink *uplink, const struct port *port)
{
	struct uplink_rule_set set = {0};
	struct local local = {0};
	int ret = show_tags(port);

	if (ret == 0)
		ret = address_each(d->netlink, 0, collect, &local);
	if (ret == 0)
		ret = uplink_rules_build(&set, d->objects, port, local.ips, local.n);
	if (ret == 0)
		ret = uplink_classifier_set(uplink->classifier, &set.rules);
	uplink_rules_free(&set);
	free(local.ips);
	return ret;
}

// Whether a device has come back whose port could not do without it.
static int
find_returned(void *arg, struct object *object)
{
	const struct port *port = (const struct port *)object;
	struct uplinks *uplinks = arg;
	struct link_info link;

	if (!port_is_uplink_device(port) || object->state != OBJECT_GONE
		|| link_find(uplinks->d->netlink, port->ifname, &link) < 0
		|| link.ifindex == uplinks->returned[port->id])
		return 0;
	uplinks->returned[port->id] = link.ifindex; // once: it may be of no use
	log_info("device of an uplink is back port=%s ifname=%s", port->name, port->ifname);
	return 1;
}

static void
refresh(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval again = {.tv_sec = RETRY_S};
	struct uplinks *uplinks = arg;
	struct causewayd *d = uplinks->d;
	unsigned int failed = 0;

	for (struct uplink *uplink = uplinks->list; uplink != NULL; uplink = uplink->next) {
		const struct port *port = port_by_id(d->objects, uplink->port);
		int ret;

		if (port == NULL)
			continue; // on its way in or out
		ret = set_rules(d, uplink, port);
		if (ret < 0) {
			failed++;
			log_error("uplink keeps its former rules: %s ifname=%s", strerror(-ret),
				port->ifname);
		}
		failed += uplink_groups_update(&uplink->groups, d->objects, port, uplink->ifindex);
	}
	if (failed > 0)
		event_add(uplinks->refresh, &again);
	// A replay opens it, and takes up what was left out with it.
	if (d->dataplane == DATAPLANE_READY
		&& objects_each(d->objects, OBJECT_PORT, find_returned, uplinks) > 0)
		dp_disconnect(d->dp, "it is to be told of an uplink that is back");
}

void
uplinks_changed(struct uplinks *uplinks)
{
	if (uplinks != NULL)
		event_active(uplinks->refresh, EV_TIMEOUT, 0);
}

// --- one device

static struct uplink **
find(struct uplinks *uplinks, uint32_t port)
{
	struct uplink **place = &uplinks->list;

	while (*place != NULL && (*place)->port != port)
		place = &(*place)->next;
	return place;
}

static void
uplink_free(struct uplink *uplink)
{
	uplink_groups_free(&uplink->groups);
	uplink_classifier_close(uplink->classifier);
	free(uplink);
}

static void
forget(struct uplinks *uplinks, uint32_t port)
{
	struct uplink **place = find(uplinks, port), *uplink = *place;

	if (uplink == NULL)
		return;
	*place = uplink->next;
	uplink_free(uplink);
}

static unsigned int
queues(const struct port *port)
{
	return port->queues == 0 ? 1 : port->queues;
}

// Everything but sockets; nothing is attached yet.
static int
prepare(struct causewayd *d, struct port *port, struct uplink **result)
{
	struct uplink *uplink = calloc(1, sizeof(*uplink));
	struct link_info link;
	int ret;

	if (uplink == NULL)
		return -ENOMEM;
	uplink->port = port->id;
	ret = link_find(d->netlink, port->ifname, &link);
	if (ret == 0)
		uplink->ifindex = link.ifindex;
	if (ret == 0)
		ret = uplink_classifier_open(
			port->kind == CW_PORT_AF_XDP ? UPLINK_XDP : UPLINK_PACKET, uplink->ifindex,
			queues(port), &uplink->classifier);
	if (ret == 0)
		ret = set_rules(d, uplink, port);
	if (ret < 0) {
		uplink_free(uplink);
		return ret;
	}
	device_set_arguments(port, uplink->ifindex);
	*result = uplink;
	return 0;
}

static void
take_in(struct causewayd *d, struct uplink *uplink)
{
	forget(d->uplinks, uplink->port);
	uplink->next = d->uplinks->list;
	d->uplinks->list = uplink;
	uplinks_changed(d->uplinks);
}

// The filter is there before the first frame can be.
static int
open_socket(const struct uplink *uplink, const struct port *port, unsigned int queue)
{
	const bool xdp = port->kind == CW_PORT_AF_XDP;
	int fd = fail_point("socket"), ret;

	if (fd == 0)
		fd = xdp ? xsk_socket() : packet_socket_new();
	if (fd < 0)
		return fd;
	ret = uplink_classifier_add(uplink->classifier, queue, fd);
	if (ret == 0 && !xdp)
		ret = packet_socket_bind(fd, uplink->ifindex);
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}

static int
open_sockets(const struct uplink *uplink, const struct port *port, int *fds)
{
	for (unsigned int i = 0; i < queues(port); i++) {
		fds[i] = open_socket(uplink, port, i);
		if (fds[i] >= 0)
			continue;
		for (unsigned int opened = 0; opened < i; opened++)
			close(fds[opened]);
		return fds[i];
	}
	return 0;
}

int
uplink_open(struct causewayd *d, struct port *port)
{
	int fds[CW_MAX_QUEUES], ret;
	struct uplink *uplink;
	bool native = false;

	ret = prepare(d, port, &uplink);
	if (ret < 0)
		return ret;
	ret = uplink_classifier_attach(uplink->classifier, &native);
	if (ret == 0)
		ret = open_sockets(uplink, port, fds);
	if (ret < 0) {
		uplink_classifier_detach(uplink->ifindex);
		uplink_free(uplink);
		return ret;
	}
	device_keep(d, port->id, fds, queues(port));
	take_in(d, uplink);
	log_info("uplink shares its device with the kernel port=%s ifname=%s xdp=%s", port->name,
		port->ifname,
		port->kind != CW_PORT_AF_XDP ? "no" : (native ? "native" : "generic"));
	return 0;
}

// A socket stays with the device that it was bound to, whoever has its name now.
static bool
is_bound_to(int fd, int ifindex)
{
	struct sockaddr_ll address = {0};
	socklen_t len = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &len) == 0
	       && address.sll_ifindex == ifindex;
}

int
uplink_adopt(struct causewayd *d, struct port *port)
{
	const struct device *device = &d->devices[port->id];
	char former[CW_ARGS_LEN];
	struct uplink *uplink;
	bool native;
	int ret;

	memcpy(former, port->args, sizeof(former));
	ret = prepare(d, port, &uplink);
	if (ret < 0)
		return ret;
	if (strcmp(former, port->args) != 0
		|| (port->kind == CW_PORT_AF_PACKET
			&& !is_bound_to(device->fds[0], uplink->ifindex)))
		ret = -ENODEV; // another device of that name
	for (unsigned int i = 0; i < device->n && ret == 0; i++)
		ret = uplink_classifier_add(uplink->classifier, i, device->fds[i]);
	if (ret == 0)
		ret = uplink_classifier_attach(uplink->classifier, &native);
	if (ret < 0) {
		uplink_free(uplink);
		return ret;
	}
	take_in(d, uplink);
	return 0;
}

int
uplink_remove(struct causewayd *d, const struct port *port)
{
	struct link_info link;
	int ret = link_find(d->netlink, port->ifname, &link);

	forget(d->uplinks, port->id);
	if (ret == 0)
		ret = uplink_classifier_detach(link.ifindex);
	return ret == -ENODEV ? 0 : ret;
}

// --- all of them

static void
on_changes(evutil_socket_t fd, short what, void *arg)
{
	netlink_watch_read(fd);
	uplinks_changed(arg);
}

static void
on_object(void *arg, enum object_type type)
{
	if (type == OBJECT_NETWORK || type == OBJECT_PORT || type == OBJECT_ENDPOINT
		|| type == OBJECT_VTEP)
		uplinks_changed(arg);
}

struct uplinks *
uplinks_create(struct causewayd *d)
{
	struct uplinks *uplinks = d->objects != NULL ? calloc(1, sizeof(*uplinks)) : NULL;

	if (uplinks == NULL)
		return NULL;
	*uplinks = (struct uplinks){.d = d, .watch = -1};
	uplinks->refresh = event_new(d->base, -1, 0, refresh, uplinks);
	uplinks->watch = netlink_watch(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
	if (uplinks->watch >= 0)
		uplinks->changes = event_new(
			d->base, uplinks->watch, EV_READ | EV_PERSIST, on_changes, uplinks);
	if (uplinks->refresh == NULL || uplinks->changes == NULL
		|| event_add(uplinks->changes, NULL) < 0) {
		uplinks_free(uplinks);
		return NULL;
	}
	objects_on_change(d->objects, on_object, uplinks);
	return uplinks;
}

void
uplinks_free(struct uplinks *uplinks)
{
	if (uplinks == NULL)
		return;
	objects_on_change(uplinks->d->objects, NULL, NULL);
	while (uplinks->list != NULL)
		forget(uplinks, uplinks->list->port);
	if (uplinks->refresh != NULL)
		event_free(uplinks->refresh);
	if (uplinks->changes != NULL)
		event_free(uplinks->changes);
	if (uplinks->watch >= 0)
		close(uplinks->watch);
	free(uplinks);
}
