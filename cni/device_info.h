/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_DEVICE_INFO_H
#define CNI_DEVICE_INFO_H

// The file that tells pods and their tools of a socket or a VF: Device Information Specification
// 1.1.0 of the Network Plumbing Working Group, sections 3, 4 and 5. Roles in it are the pod's.

#include "call.h"

#define DEVICE_INFO_DIR "/var/run/k8s.cni.cncf.io/devinfo/cni"
#define DEVICE_INFO_VERSION "1.1.0"

// Of an endpoint as causewayd answers it; kernel interfaces have none and need nothing. A file
// about the same VF is extended, one about another device stays and fails (CNI_CONFLICT).
int device_info_write(struct cni_call *call, const cJSON *endpoint);
// Whether the file says what it must. Returns 0, or -1 with call->error.
int device_info_check(struct cni_call *call, const cJSON *endpoint);
// Absent is no error; neither is a file that cannot be named any more. Of files about devices
// only that about 'pci' goes, the VF that the attachment had ("": none).
void device_info_remove(const struct cni_call *call, const char *pci);

// The content for a socket, to be freed with cJSON_free; NULL: no memory. For tests.
char *device_info_format(const cJSON *endpoint);

#endif
