/* SPDX-License-Identifier: Apache-2.0 */
#include "vf_netdev.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "netns_find.h"
#include "pod_link.h"
#include "sysfs.h"
#include "vf_host.h"

#define MAC_TRIES 20
#define MAC_PAUSE_MS 10
#define NET_ADDR_PERM 0 // addr_assign_type: the PF or the hardware said so

// --- what it is

// Whether the VF's driver chose its MAC, as it does when the PF has none for it.
static bool
has_own_mac(const char *root, const struct vf_record *record)
{
	char path[SYSFS_PATH_LEN];
	long type = NET_ADDR_PERM;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/net/%s/addr_assign_type", root,
		record->pci, record->name);
	return sysfs_read_number(path, &type) == 0 && type != NET_ADDR_PERM;
}

// Two devices of one namespace cannot share a name, alternative ones included.
static int
find_clashes(struct vf_record *record, const struct endpoint *endpoint, struct nl_sock *here,
	int ifindex, struct nl_sock *pod)
{
	struct link_altnames all;
	struct link_info info;
	const int ret = link_altnames(here, ifindex, &all);

	for (unsigned int i = 0; ret == 0 && i < all.n; i++)
		if (strcmp(all.names[i], endpoint->ifname) == 0
			|| link_find(pod, all.names[i], &info) == 0)
			snprintf(record->altnames.names[record->altnames.n++], LINK_ALTNAME_LEN,
				"%s", all.names[i]);
	return ret;
}

int
vf_netdev_record(struct causewayd *d, struct vf_record *record, const struct endpoint *endpoint,
	struct nl_sock *pod, struct failure *failure)
{
	const char *root = d->options.sysfs_root;
	struct link_info info, other;
	int ret = vf_host_netdev(d->netlink, root, record->pci, &info);

	if (ret == -ENODEV)
		return failure_set(failure, CW_RPC_IN_USE, "vf.pci", record->pci,
			"look for it in the namespaces of other pods (cwctl vf get, ip netns)",
			"the interface of VF %s is not in the node's namespace", record->pci);
	if (ret == 0)
		ret = find_clashes(record, endpoint, d->netlink, info.ifindex, pod);
	if (ret < 0)
		return failure_errno(
			failure, ret, "the interface of VF %s cannot be read", record->pci);
	if (link_find(pod, endpoint->ifname, &other) == 0)
		return pod_link_taken(endpoint, failure);
	snprintf(record->name, sizeof(record->name), "%s", info.name);
	memcpy(record->mac, info.mac, sizeof(record->mac));
	record->mtu = info.mtu;
	record->up = (info.flags & IFF_UP) != 0;
	record->own_mac = has_own_mac(root, record);
	return 0;
}

// --- its MAC

static bool
has_mac(struct nl_sock *sock, int ifindex, const uint8_t mac[6])
{
	struct link_info info;

	return link_get(sock, ifindex, &info) == 0 && memcmp(info.mac, mac, sizeof(info.mac)) == 0;
}

int
vf_netdev_set_mac(struct nl_sock *sock, int ifindex, const uint8_t mac[6])
{
	const struct link_settings up = {.set_flags = IFF_UP}, down = {.clear_flags = IFF_UP};
	const struct link_settings set = {.mac = mac};
	const struct timespec pause = {.tv_nsec = MAC_PAUSE_MS * 1000000};
	int ret = 0;

	if (has_mac(sock, ifindex, mac))
		return 0;
	ret = vf_host_change(sock, ifindex, &set);
	if (ret == 0 && has_mac(sock, ifindex, mac))
		return 0;
	vf_host_change(sock, ifindex, &up);
	vf_host_change(sock, ifindex, &down);
	for (unsigned int i = 0; i < MAC_TRIES; i++) {
		if (has_mac(sock, ifindex, mac))
			return 0;
		ret = vf_host_change(sock, ifindex, &set);
		if (ret < 0)
			vf_host_wait(&pause);
	}
	if (has_mac(sock, ifindex, mac))
		return 0;
	return ret < 0 ? ret : -EADDRNOTAVAIL;
}

// --- into the pod

static int
move(struct causewayd *d, const struct vf_record *record, const struct endpoint *endpoint,
	int netns)
{
	const struct link_settings down = {.clear_flags = IFF_UP};
	struct link_info info;
	int ret = vf_host_netdev(d->netlink, d->options.sysfs_root, record->pci, &info);

	if (ret == 0 && (info.flags & IFF_UP) != 0)
		ret = vf_host_change(d->netlink, info.ifindex, &down);
	for (unsigned int i = 0; i < record->altnames.n && ret == 0; i++) {
		ret = link_altname_delete(d->netlink, info.ifindex, record->altnames.names[i]);
		log_info("alternative name of a VF is taken off: the pod has a device of that name "
			 "pci=%s name=%s",
			record->pci, record->altnames.names[i]);
	}
	if (ret == 0)
		ret = vf_host_move(d->netlink, info.ifindex, netns, endpoint->ifname);
	return ret;
}

int
vf_netdev_move(struct causewayd *d, const struct vf_record *record, const struct endpoint *endpoint,
	int netns, struct nl_sock *pod, struct failure *failure)
{
	const struct link_settings settings = {.mtu = endpoint->mtu};
	struct link_info info;
	int ret = move(d, record, endpoint, netns);

	if (ret == -EEXIST)
		return pod_link_taken(endpoint, failure);
	if (pod_step("vf_move", ret, endpoint, failure) < 0)
		return -1;
	ret = vf_host_netdev(pod, NULL, record->pci, &info);
	if (ret == 0 && strcmp(info.name, endpoint->ifname) != 0)
		ret = -ESTALE;
	if (ret == 0 && info.mtu != endpoint->mtu)
		ret = vf_host_change(pod, info.ifindex, &settings);
	if (pod_step("link", ret, endpoint, failure) < 0)
		return -1;
	ret = vf_netdev_set_mac(pod, info.ifindex, endpoint->mac);
	if (ret < 0)
		return failure_errno(failure, ret, "driver %s of VF %s does not take the pod's MAC",
			record->driver, record->pci);
	if (pod_step("vf_mac", 0, endpoint, failure) < 0)
		return -1;
	return info.ifindex;
}

// --- and back

static int
open_pod(const struct vf_record *record, struct nl_sock **sock)
{
	int netns = netns_reopen(record->netns, &record->netns_id), ret;

	// The path may be gone before the namespace is.
	if (netns == -ENOENT)
		netns = netns_find(&record->netns_id);
	if (netns < 0)
		return netns;
	ret = netlink_open_in(netns, sock);
	close(netns);
	return ret;
}

// Under the name that it had; when somebody has taken that, under one of our own.
static int
move_named(struct nl_sock *sock, int ifindex, int own, const struct vf_record *record)
{
	char other[IFNAMSIZ];
	int ret = vf_host_move(sock, ifindex, own, record->name);

	if (ret != -EEXIST)
		return ret;
	snprintf(other, sizeof(other), "cwvf%.2s%.2s%c", record->pci + 5, record->pci + 8,
		record->pci[11]);
	log_warning("VF comes back by another name: its own is taken pci=%s name=%s was=%s",
		record->pci, other, record->name);
	return vf_host_move(sock, ifindex, own, other);
}

static int
move_back(const struct vf_record *record, int own)
{
	const struct link_settings down = {.clear_flags = IFF_UP};
	struct link_info info;
	struct nl_sock *pod;
	int ret = open_pod(record, &pod);

	if (ret < 0)
		return ret;
	ret = vf_host_netdev(pod, NULL, record->pci, &info);
	if (ret == 0 && (info.flags & IFF_UP) != 0)
		ret = vf_host_change(pod, info.ifindex, &down);
	if (ret == 0)
		ret = move_named(pod, info.ifindex, own, record);
	netlink_close(pod);
	return ret;
}

static int
take_here(struct causewayd *d, const struct vf_record *record, int own, struct link_info *info)
{
	const struct link_settings down = {.clear_flags = IFF_UP};
	int ret = 0;

	if ((info->flags & IFF_UP) != 0)
		ret = vf_host_change(d->netlink, info->ifindex, &down);
	// Within one namespace a move is a renaming.
	if (ret == 0 && strcmp(info->name, record->name) != 0)
		ret = move_named(d->netlink, info->ifindex, own, record);
	return ret;
}

int
vf_netdev_fetch(struct causewayd *d, const struct vf_record *record, struct link_info *info,
	char reason[VF_REASON_LEN])
{
	const char *root = d->options.sysfs_root;
	char driver[PCI_DRIVER_LEN];
	int own, ret = pci_driver(root, record->pci, driver);

	if (ret == 0 && strcmp(driver, record->driver) != 0)
		return -ENODEV;
	own = netns_open("/proc/thread-self/ns/net");
	if (own < 0) {
		snprintf(reason, VF_REASON_LEN, "own network namespace: %s", strerror(-own));
		return own;
	}
	ret = vf_host_netdev(d->netlink, root, record->pci, info);
	if (ret == -ENODEV) {
		const int moved = move_back(record, own);

		// The kernel may have moved it before it found that the name is taken.
		ret = vf_host_netdev(d->netlink, root, record->pci, info);
		if (ret == -ENODEV && moved < 0)
			ret = moved;
	}
	if (ret == 0)
		ret = take_here(d, record, own, info);
	if (ret == 0)
		ret = vf_host_netdev(d->netlink, root, record->pci, info);
	close(own);
	if (ret == -ENOENT || ret == -ENODEV) {
		snprintf(reason, VF_REASON_LEN,
			"the interface of VF %s is in no namespace that can be found", record->pci);
		return -ENOENT;
	}
	if (ret < 0)
		snprintf(reason, VF_REASON_LEN, "the interface of VF %s does not come back: %s",
			record->pci, strerror(-ret));
	return ret;
}

int
vf_netdev_finish(struct causewayd *d, const struct vf_record *record, int ifindex,
	char reason[VF_REASON_LEN])
{
	const struct link_settings settings = {
		.mtu = record->mtu, .set_flags = record->up ? IFF_UP : 0};
	const int ret = vf_host_change(d->netlink, ifindex, &settings);

	if (ret < 0)
		snprintf(reason, VF_REASON_LEN, "VF %s does not get its MTU %u back: %s",
			record->pci, record->mtu, strerror(-ret));
	for (unsigned int i = 0; i < record->altnames.n; i++)
		link_altname_add(d->netlink, ifindex, record->altnames.names[i]);
	return ret;
}
