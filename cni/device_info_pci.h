/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_DEVICE_INFO_PCI_H
#define CNI_DEVICE_INFO_PCI_H

// Device-info of VFs: type pci, or vdpa when the device plugin says so (Device Information
// Specification 1.1.0, sections 4.1 and 4.4). What it wrote stays; what it left out is added.

#include <stdbool.h>

#include <cjson/cJSON.h>

#define DEVICE_INFO_TYPE_LEN 32

// Whether text describes the device with that PCI address (long form).
bool device_info_is_of(const char *text, const char *address);

// Whether text describes a device at all, and not just a socket of ours. type may be NULL.
bool device_info_is_foreign(const char *text, char type[DEVICE_INFO_TYPE_LEN]);

// The file's content for a VF as causewayd shows it (endpoint's "vf"). existing: what the device
// plugin wrote about it, or NULL. To be freed with cJSON_free; NULL: no memory.
char *device_info_format_pci(const char *existing, const cJSON *vf);

#endif
