/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_NETNS_H
#define CNI_NETNS_H

#include <stdbool.h>

#include "error.h"

// Opens the network namespace at path for handing it to causewayd. Code 4 when there is nothing to
// open, code 8 when it is no network namespace, or the plugin's own one unless override is set.
// The descriptor in *fd is the caller's.
int netns_open(const char *path, bool override, int *fd, struct cni_error *error);

#endif
