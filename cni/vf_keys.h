/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_VF_KEYS_H
#define CNI_VF_KEYS_H

// Keys of interface vf: those of the sriov plugin, so that its configurations need a new "type"
// only, and a few of our own; docs/cni.md lists them and says what is stricter here.

#include "config.h"
#include "pci.h"

// Whether a configuration that does not say "interface" means a VF: it has a device, or a setting
// that only VFs have.
bool vf_keys_name_device(const cJSON *json);
bool vf_keys_have_settings(const cJSON *json);

// Reads them into attachment->vf as endpoint.add wants them; leaves it NULL for other interfaces.
// attachment's vlan and trunk have been read.
int vf_keys_read(const cJSON *json, struct attachment *attachment, struct cni_error *error);

// The device that the configuration names, in the long form. False when it names none, or nothing
// that could be one.
bool vf_keys_device(const cJSON *json, char address[PCI_ADDRESS_LEN]);

#endif
