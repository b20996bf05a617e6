/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_ENDPOINT_VF_H
#define OBJECTS_ENDPOINT_VF_H

// What an endpoint whose pod has a VF (SR-IOV) has beyond the others: which, and what was asked for
// it. What the VF was before, and how to give it back, is in vf/vf_record.h.

#include <causeway/limits.h>

#include "schema.h"
#include "sriov.h"
#include "vf_link.h"

struct objects;

enum endpoint_vf_mode {
	VF_MODE_KERNEL, // its interface is in the pod
	VF_MODE_DPDK, // the pod drives it by vfio or uio; nothing is moved
};

enum endpoint_vf_path {
	VF_PATH_CARD, // in the network's own VLAN on the card
	VF_PATH_SWITCH, // in a VLAN of its own, so that all its traffic passes the switch
};

struct endpoint_vf {
	char pci[PCI_ADDRESS_LEN]; // "": the endpoint has no VF
	char pf[PCI_ADDRESS_LEN];
	uint16_t index; // of the VF at its PF
	char uplink[CW_NAME_LEN]; // port that leads to it; "": the switch has none on its card
	bool named; // this one was asked for, not any that is on the card
	bool away; // the uplink was deleted: the VF waits for it, or for another on its card
	uint8_t mode, path; // endpoint_vf_mode, endpoint_vf_path
	char bind[PCI_DRIVER_LEN]; // the driver that it gets; "": it keeps its own
	// known: what is asked for; all else is left as it was found.
	struct vf_settings wanted;
	bool min_rate, max_rate; // which rates are: each alone leaves the other alone
};

extern const char *const endpoint_vf_modes[], *const endpoint_vf_paths[]; // end with NULL
extern const struct field endpoint_vf_stored[]; // members of "vf" in the store
extern const struct field endpoint_vf_params[]; // of endpoint.add

// Reads "vf" (checked by one of the tables). The keys' relations to each other are checked here:
// returns 0, or a negative number with failure.
int endpoint_vf_read(struct endpoint_vf *vf, const cJSON *json, struct failure *failure);
// The reverse, for the store.
cJSON *endpoint_vf_json(const struct endpoint_vf *vf);
// Adds those of 'which' to an object, named as the keys of endpoint.add.
void endpoint_vf_settings(const struct vf_settings *settings, unsigned int which, cJSON *json);
// Whether what is asked for is what exists.
bool endpoint_vf_same(const struct endpoint_vf *asked, const struct endpoint_vf *existing);

#endif
