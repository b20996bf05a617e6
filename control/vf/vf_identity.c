/* SPDX-License-Identifier: Apache-2.0 */
#include "vf_identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sysfs.h"

int
vf_identify(const char *root, const char *pci, struct vf_identity *identity)
{
	char path[SYSFS_PATH_LEN];
	struct stat st;
	int ret;

	snprintf(path, sizeof(path), "%s/proc/sys/kernel/random/boot_id", root);
	ret = sysfs_read(path, identity->boot, sizeof(identity->boot));
	if (ret < 0)
		return ret;
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/", root, pci);
	if (stat(path, &st) < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	identity->device = st.st_ino;
	return 0;
}

int
vf_identity_check(const char *root, const struct vf_record *record, char reason[VF_REASON_LEN])
{
	struct vf_identity now;
	struct sriov_vf vf;
	int ret = vf_identify(root, record->pci, &now);

	if (ret == 0)
		ret = sriov_find(root, record->pci, &vf);
	if (ret == -ENODEV || ret == -ENOTSUP) {
		snprintf(reason, VF_REASON_LEN,
			"%s is there, but VF %s is not: the number of its VFs was changed",
			record->pf, record->pci);
		if (!pci_exists(root, record->pf))
			snprintf(reason, VF_REASON_LEN, "card %s has gone, and its VF %s with it",
				record->pf, record->pci);
		return -ENODEV;
	}
	if (ret < 0) {
		snprintf(reason, VF_REASON_LEN, "VF %s cannot be looked at: %s", record->pci,
			strerror(-ret));
		return ret;
	}
	if (strcmp(now.boot, record->identity.boot) != 0) {
		snprintf(reason, VF_REASON_LEN, "the node was rebooted, VF %s is as it came up",
			record->pci);
		return -ESTALE;
	}
	if (strcmp(vf.pf, record->pf) != 0 || vf.index != record->index) {
		snprintf(reason, VF_REASON_LEN,
			"VFs were numbered anew: %s was VF %u of %s and is VF %u of %s",
			record->pci, record->index, record->pf, vf.index, vf.pf);
		return -ESTALE;
	}
	if (now.device != record->identity.device) {
		snprintf(reason, VF_REASON_LEN,
			"the VFs of %s were made anew, %s is not the one that the pod had",
			record->pf, record->pci);
		return -ESTALE;
	}
	return 0;
}
