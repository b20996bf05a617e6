/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_SOCKET_KEYS_H
#define CNI_SOCKET_KEYS_H

// Keys of interfaces vhost-user and memif; docs/cni.md lists them.

#include "config.h"

// Reads them into attachment->socket; leaves it NULL for others.
int socket_keys_read(const cJSON *json, struct attachment *attachment, struct cni_error *error);

// Puts a parameter of endpoint.add in place of what may be there. Returns 0 or -1.
int socket_keys_set(
	struct attachment *attachment, const char *key, const char *value, struct cni_error *error);

#endif
