/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "pod_link.h"
#include "vf.h"
#include "vf_admin.h"
#include "vf_host.h"
#include "vf_identity.h"
#include "vf_mark.h"
#include "vf_netdev.h"

struct attaching {
	struct causewayd *d;
	const struct endpoint *endpoint;
	int netns;
	struct failure *failure;
	struct nl_sock *pod; // in the pod's namespace; NULL: nothing is moved
	struct vf_record *record; // ours until it is in the list
	struct vf_admin admin;
	struct link_info pf;
	char driver[PCI_DRIVER_LEN]; // of the PF
	bool recorded; // from here on there is something to take back
};

// --- before anything is touched

static int
claim(struct attaching *a, int *lock)
{
	const struct options *options = &a->d->options;
	const char *pci = a->endpoint->vf.pci;
	char netns[PATH_MAX];
	int ret = vf_mark_lock(options->sriov_cni_dir, pci, lock);

	if (ret == -EAGAIN)
		return failure_set(a->failure, CW_RPC_UNAVAILABLE, "vf.pci", pci, "try again",
			"another plugin works on VF %s just now (%s/pci/vf_lock)", pci,
			options->sriov_cni_dir);
	if (ret == 0)
		ret = vf_mark_read(options->sriov_cni_dir, pci, netns, sizeof(netns));
	if (ret < 0)
		return failure_errno(a->failure, ret,
			"VF %s cannot be locked as sriov-cni does it, in %s", pci,
			options->sriov_cni_dir);
	if (netns[0] == '\0')
		return 0;
	return failure_set(a->failure, CW_RPC_IN_USE, "vf.pci", pci,
		"delete that pod, or its mark in sriov_cni_dir if it is a lie",
		"VF %s is marked as used by the namespace %.100s", pci, netns);
}

static int
open_pf(struct attaching *a)
{
	const struct options *options = &a->d->options;
	const char *pf = a->endpoint->vf.pf;
	const int ret = vf_host_pf(a->d->netlink, options->sysfs_root, pf, &a->pf);

	if (ret == -ENOLINK)
		return failure_set(a->failure, CW_RPC_REFUSED, "vf.pci", a->endpoint->vf.pci,
			"give the PF back to its kernel driver",
			"PF %s has no network driver, without which its VFs cannot be set up", pf);
	if (ret < 0)
		return failure_errno(a->failure, ret, "the interface of PF %s cannot be found", pf);
	pci_driver(options->sysfs_root, pf, a->driver);
	a->admin = (struct vf_admin){
		a->d->netlink, a->pf.ifindex, a->endpoint->vf.index, a->pf.name, a->driver};
	return 0;
}

static int
open_pod(struct attaching *a)
{
	struct netns_guard guard;
	int ret = netns_enter(&guard, a->netns);

	if (ret == 0) {
		ret = netlink_open(&a->pod);
		netns_leave(&guard);
	}
	if (ret < 0)
		return failure_errno(
			a->failure, ret, "namespace %.100s cannot be entered", a->endpoint->netns);
	return 0;
}

static void
record_owner(struct vf_record *record, const struct endpoint *endpoint)
{
	const struct endpoint_vf *vf = &endpoint->vf;

	memcpy(record->container, endpoint->container, sizeof(record->container));
	memcpy(record->ifname, endpoint->ifname, sizeof(record->ifname));
	memcpy(record->netns, endpoint->netns, sizeof(record->netns));
	record->netns_id = endpoint->netns_id;
	memcpy(record->pci, vf->pci, sizeof(record->pci));
	memcpy(record->pf, vf->pf, sizeof(record->pf));
	record->index = vf->index;
	record->mode = vf->mode;
	record->touched = vf->wanted.known;
	record->bound = vf->bind[0] != '\0';
}

// What the VF is now. A VF that is to be given another driver may have an interface, too.
static int
record_state(struct attaching *a)
{
	const char *root = a->d->options.sysfs_root;
	struct vf_record *record = a->record;
	char driver[PCI_DRIVER_LEN];
	int ret = vf_identify(root, record->pci, &record->identity);

	if (ret == 0)
		ret = pci_driver(root, record->pci, record->driver);
	if (ret == 0)
		ret = pci_override_get(root, record->pci, record->override);
	if (ret == 0)
		ret = vf_host_get(a->d->netlink, a->pf.ifindex, record->index, &record->original);
	if (ret < 0)
		return failure_errno(a->failure, ret, "VF %s cannot be looked at", record->pci);
	snprintf(driver, sizeof(driver), "%s", record->driver);
	if (driver[0] == '\0' || pci_is_dpdk_driver(driver))
		return 0;
	return vf_netdev_record(a->d, record, a->endpoint, a->pod, a->failure);
}

static int
record_all(struct attaching *a)
{
	struct vfs *vfs = a->d->vfs;
	int ret;

	record_owner(a->record, a->endpoint);
	if (record_state(a) < 0)
		return -1;
	ret = vf_record_store(a->d->store, a->record);
	if (ret < 0)
		return failure_set(a->failure, CW_RPC_STORE, NULL, NULL,
			"look after the state directory and try again",
			"what VF %s was could not be noted before it is changed: %s",
			a->record->pci, strerror(-ret));
	a->record->next = vfs->records;
	vfs->records = a->record;
	a->recorded = true;
	ret = vf_mark_write(a->d->options.sriov_cni_dir, a->record->pci, a->record->netns);
	if (ret < 0)
		return failure_errno(
			a->failure, ret, "VF %s cannot be marked for sriov-cni", a->record->pci);
	return 0;
}

// --- changes

static int
bind_failure(struct attaching *a, int error)
{
	const struct endpoint_vf *vf = &a->endpoint->vf;
	const char *hint = "cwctl doctor looks at IOMMU and vfio";

	if (error == -ENOENT)
		hint = "load it (modprobe)";
	else if (error == -EBUSY)
		hint = "end the process that has it open";
	return failure_set(a->failure, CW_RPC_REFUSED, "vf.bind", vf->bind, hint,
		"VF %s cannot be bound to driver %s: %s", vf->pci, vf->bind,
		error == -ENOENT ? "it is not loaded" : strerror(-error));
}

static int
prepare_dpdk(struct attaching *a)
{
	const char *root = a->d->options.sysfs_root;
	const struct endpoint_vf *vf = &a->endpoint->vf;
	int ret = 0;

	if (pci_vfio_is_open(root, vf->pci))
		return failure_set(a->failure, CW_RPC_IN_USE, "vf.pci", vf->pci,
			"end that process, or choose another VF",
			"a process has VF %s open by vfio", vf->pci);
	if (vf->bind[0] != '\0') {
		ret = vf_host_bind(root, vf->pci, vf->bind);
		if (ret < 0)
			return bind_failure(a, ret);
		if (pod_step("vf_bind", 0, a->endpoint, a->failure) < 0)
			return -1;
	}
	ret = vf_host_reset(root, vf->pci);
	if (ret == -ENOTTY) {
		log_info("VF has no function-level reset pci=%s", vf->pci);
		ret = 0;
	}
	return pod_step("vf_reset", ret, a->endpoint, a->failure);
}

static int
set_sysctls(struct attaching *a)
{
	struct netns_guard guard;
	int ret = netns_enter(&guard, a->netns);

	if (ret == 0) {
		ret = pod_link_sysctls(a->endpoint);
		netns_leave(&guard);
	}
	return pod_step("sysctl", ret, a->endpoint, a->failure);
}

static int
move_to_pod(struct attaching *a)
{
	const struct link_settings up = {.set_flags = IFF_UP};
	const int ifindex =
		vf_netdev_move(a->d, a->record, a->endpoint, a->netns, a->pod, a->failure);
	int ret;

	if (ifindex < 0 || set_sysctls(a) < 0
		|| pod_link_addresses(a->pod, ifindex, a->endpoint, a->failure) < 0)
		return -1;
	ret = vf_host_change(a->pod, ifindex, &up);
	if (pod_step("up", ret, a->endpoint, a->failure) < 0)
		return -1;
	return pod_link_routes(a->pod, ifindex, a->endpoint, a->failure);
}

static int
change(struct attaching *a)
{
	const struct endpoint_vf *vf = &a->endpoint->vf;

	if (vf->mode == VF_MODE_DPDK && prepare_dpdk(a) < 0)
		return -1;
	if (vf_admin_apply(&a->admin, vf, &a->record->original, a->failure) < 0)
		return -1;
	return vf->mode == VF_MODE_KERNEL ? move_to_pod(a) : 0;
}

// --- all of it

static int
run(struct attaching *a)
{
	int lock = -1, ret = claim(a, &lock);

	if (ret == 0)
		ret = open_pf(a);
	if (ret == 0)
		ret = open_pod(a);
	if (ret == 0)
		ret = record_all(a);
	if (ret == 0)
		ret = change(a);
	netlink_close(a->pod);
	vf_mark_unlock(lock);
	if (ret < 0 && a->recorded)
		vf_detach(a->d, a->endpoint);
	else if (ret < 0)
		free(a->record);
	return ret;
}

static uint64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int
vf_attach(struct causewayd *d, const struct endpoint *endpoint, int netns, struct failure *failure)
{
	const uint64_t started_us = now_us(), waited_us = vf_host_waited_us();
	struct attaching a = {.d = d, .endpoint = endpoint, .netns = netns, .failure = failure};
	struct vf_record *record = calloc(1, sizeof(*record));

	a.record = record;
	if (record == NULL)
		return failure_set(failure, CW_RPC_EXHAUSTED, NULL, NULL, NULL, "no memory");
	if (run(&a) < 0)
		return -1;
	record->driver_us = vf_host_waited_us() - waited_us;
	record->own_us = now_us() - started_us - record->driver_us;
	log_debug("VF attached pci=%s container=%s ifname=%s own_us=%llu driver_us=%llu",
		record->pci, record->container, record->ifname, (unsigned long long)record->own_us,
		(unsigned long long)record->driver_us);
	return 0;
}
