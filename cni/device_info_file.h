/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_DEVICE_INFO_FILE_H
#define CNI_DEVICE_INFO_FILE_H

// Where device-info files are, read and written.

#include <limits.h>

#include "call.h"

// Where multus asks for it, or in the usual folder under a name of our own.
int device_info_path(const struct cni_call *call, char path[PATH_MAX], struct cni_error *error);

// The content, to be freed; NULL with errno when there is none.
char *device_info_read(const char *path);

// The content of the device plugin's own file about that device, which multus would have copied:
// in the folder "dp" beside ours, named RESOURCE-ADDRESS-device.json. NULL: there is none.
char *device_info_read_plugins(const struct cni_call *call, const char *address);

// Whole or not at all, with the folders that lead there. Returns 0 or -errno.
int device_info_replace(const char *path, const char *text);

#endif
