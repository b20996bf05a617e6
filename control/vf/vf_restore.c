/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fail_point.h"
#include "log.h"
#include "vf.h"
#include "vf_admin.h"
#include "vf_host.h"
#include "vf_identity.h"
#include "vf_mark.h"
#include "vf_netdev.h"

static int
fail(struct vf_record *record, int error, const char *what)
{
	snprintf(record->reason, sizeof(record->reason), "%s: %s", what, strerror(-error));
	return error;
}

// --- a VF for DPDK: what the pod left in it goes, and then its driver

static int
release(struct causewayd *d, struct vf_record *record)
{
	const char *root = d->options.sysfs_root;
	char driver[PCI_DRIVER_LEN];
	int ret;

	if (pci_vfio_is_open(root, record->pci))
		return fail(record, -EBUSY, "a process of the pod still has the VF open");
	ret = vf_host_reset(root, record->pci);
	if (ret < 0 && ret != -ENOTTY)
		return fail(record, ret, "the VF cannot be reset");
	if (!record->bound)
		return 0;
	ret = pci_driver(root, record->pci, driver);
	if (ret == 0 && strcmp(driver, record->driver) != 0)
		ret = vf_host_bind(root, record->pci, record->driver);
	if (ret == 0)
		ret = pci_override_set(root, record->pci, record->override);
	return ret < 0 ? fail(record, ret, "the VF does not get its driver back") : 0;
}

// --- MACs

static void
set_admin_mac(const struct vf_admin *admin, const uint8_t *mac)
{
	struct vf_settings settings = {.known = VF_MAC};

	if (mac != NULL)
		memcpy(settings.mac, mac, sizeof(settings.mac));
	vf_host_set(admin->sock, admin->pf_ifindex, admin->index, &settings, VF_MAC, NULL);
}

// A MAC that the VF had chosen is chosen again by it, and is no administrator's: the PF's is taken
// away first, because with one the VF may not choose. ifindex 0: there is no interface.
static int
restore_mac(struct vf_record *record, const struct vf_admin *admin, int ifindex)
{
	const struct vf_settings *original = &record->original;
	struct vf_settings now;
	int ret = vf_host_get(admin->sock, admin->pf_ifindex, admin->index, &now);

	if (ret < 0)
		return fail(record, ret, "the PF does not tell the VF's MAC");
	if ((original->known & now.known & VF_MAC) != 0
		&& ((record->touched & VF_MAC) != 0
			|| memcmp(now.mac, original->mac, sizeof(now.mac)) != 0))
		set_admin_mac(admin, record->own_mac && ifindex != 0 ? NULL : original->mac);
	if (ifindex != 0)
		ret = vf_netdev_set_mac(admin->sock, ifindex, record->mac);
	if (ret < 0)
		log_warning("VF does not take its own MAC again: %s pci=%s", strerror(-ret),
			record->pci);
	if ((original->known & VF_MAC) == 0)
		return 0;
	ret = vf_host_get(admin->sock, admin->pf_ifindex, admin->index, &now);
	if (ret == 0 && memcmp(now.mac, original->mac, sizeof(now.mac)) != 0) {
		set_admin_mac(admin, original->mac);
		ret = vf_host_get(admin->sock, admin->pf_ifindex, admin->index, &now);
	}
	if (ret == 0 && memcmp(now.mac, original->mac, sizeof(now.mac)) != 0)
		ret = -EADDRNOTAVAIL;
	return ret < 0 ? fail(record, ret, "the PF does not put the VF's MAC back") : 0;
}

// --- all of it

static int
restore_settings(struct causewayd *d, struct vf_record *record, int ifindex)
{
	const char *root = d->options.sysfs_root;
	char driver[PCI_DRIVER_LEN] = "";
	struct link_info pf;
	struct vf_admin admin;
	int ret = vf_host_pf(d->netlink, root, record->pf, &pf), mac;

	if (ret < 0)
		return fail(record, ret, "the PF has no interface here");
	pci_driver(root, record->pf, driver);
	admin = (struct vf_admin){d->netlink, pf.ifindex, record->index, pf.name, driver};
	mac = restore_mac(record, &admin, ifindex);
	ret = vf_admin_restore(&admin, &record->original, record->touched, record->reason);
	return ret < 0 ? ret : mac;
}

// The interface first, so that the VF's driver is there when its MAC is put back.
static int
restore(struct causewayd *d, struct vf_record *record)
{
	struct link_info info = {0};
	int ret = 0, settings;

	if (record->mode == VF_MODE_DPDK)
		ret = release(d, record);
	if (ret < 0)
		return ret;
	if (record->name[0] != '\0')
		ret = vf_netdev_fetch(d, record, &info, record->reason);
	if (ret == -ENODEV) // its driver was taken away, and the interface with it
		ret = 0;
	// Where the interface is to be found later, others must not wait for it.
	settings = restore_settings(d, record, ret == 0 ? info.ifindex : 0);
	if (ret == 0 && info.ifindex != 0)
		ret = vf_netdev_finish(d, record, info.ifindex, record->reason);
	return ret < 0 ? ret : settings;
}

int
vf_restore(struct causewayd *d, struct vf_record *record)
{
	char reason[VF_REASON_LEN];
	int lock, ret = vf_identity_check(d->options.sysfs_root, record, reason);

	if (ret == -ENODEV || ret == -ESTALE) {
		log_info("nothing of a VF is to be put back: %s pci=%s", reason, record->pci);
		record->reason[0] = '\0';
		return 0;
	}
	if (ret < 0)
		return fail(record, ret, "the VF cannot be looked at");
	ret = vf_mark_lock(d->options.sriov_cni_dir, record->pci, &lock);
	if (ret < 0)
		return fail(record, ret, "the VF's lock is held or cannot be taken");
	ret = fail_point("vf_restore");
	ret = ret == 0 ? restore(d, record) : fail(record, ret, "step vf_restore");
	vf_mark_unlock(lock);
	if (ret == 0)
		record->reason[0] = '\0';
	return ret;
}
