/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VF_RECORD_H
#define VF_RECORD_H

// What a VF of a pod was before we touched it, and whose it is. A record is durable (table "vf" of
// the store, by PCI address) before the first change and goes after the last thing is back: a
// record without an endpoint is one that a crash, or a driver that refused, has left. Main thread.

#include <cjson/cJSON.h>

#include "link_device.h"
#include "objects/types.h"

struct store;

#define VF_BOOT_LEN 40
#define VF_REASON_LEN 192

// Tells one VF from another that has taken its address: after a reboot, or after the number of VFs
// was changed.
struct vf_identity {
	char boot[VF_BOOT_LEN]; // the kernel's boot_id
	uint64_t device; // inode of the device's folder in sysfs, new for each device
};

struct vf_record {
	struct vf_record *next;
	// whose it is
	char container[CONTAINER_LEN], ifname[IFNAMSIZ], netns[NETNS_LABEL_LEN];
	struct netns_id netns_id;
	// which it is
	char pci[PCI_ADDRESS_LEN], pf[PCI_ADDRESS_LEN];
	unsigned int index;
	struct vf_identity identity;
	uint8_t mode; // endpoint_vf_mode
	// what it was
	struct vf_settings original;
	unsigned int touched; // enum vf_setting: what may have been changed through the PF
	bool own_mac; // its driver chose the MAC, no administrator did
	char name[IFNAMSIZ]; // of its interface; "": it had none
	uint8_t mac[6];
	unsigned int mtu;
	bool up;
	struct link_altnames altnames; // KERNEL: those that were in the way and are taken off
	char driver[PCI_DRIVER_LEN], override[PCI_DRIVER_LEN];
	bool bound; // DPDK: we gave it its driver
	// not stored
	bool restored; // everything is back; its pod vanished and the endpoint is still to be
		       // deleted
	char reason[VF_REASON_LEN]; // what keeps it from being given back; "": nothing
	bool way_tried; // it has no way to the switch by the uplinks that there are now
	uint64_t own_us, driver_us; // of the attachment: our time, and waits for PF and VF drivers
};

// Keeps it durably, by its address. Returns 0 or -errno.
int vf_record_store(struct store *store, const struct vf_record *record);
int vf_record_remove(struct store *store, const char *pci);

cJSON *vf_record_json(const struct vf_record *record);
// A stored row; NULL: it is damaged. The caller's to free.
struct vf_record *vf_record_read(const char *text);

#endif
