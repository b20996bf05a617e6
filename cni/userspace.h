/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_USERSPACE_H
#define CNI_USERSPACE_H

// Keys of the userspace plugin (userspace-cni-network-plugin), so that its configurations need a
// new "type" only: host and container {engine, iftype, netType, vhost, memif, bridge}, sharedDir,
// and what it writes for the pod. docs/cni.md says what of it means something here.

#include "call.h"

// The interface that host.iftype asks for: "vhost-user", "memif", what it says otherwise, or NULL
// when the configuration is none of that plugin's.
const char *userspace_interface(const cJSON *json);

// Reads the keys into attachment, over its own keys of the same meaning where those are absent.
int userspace_read(const cJSON *json, struct attachment *attachment, struct cni_error *error);

// --- files (userspace_files.c)

// Before endpoint.add: the socket's name or path becomes a parameter; with sharedDir the pod's
// folder there is made.
int userspace_prepare(struct cni_call *call, struct attachment *attachment);

// After endpoint.add: writes configData-ID-IFNAME.json for the pod beside the socket. result is the
// one that ADD prints. Configurations of other shape need nothing.
int userspace_describe(
	struct cni_call *call, const char *socket, const char *role, const cJSON *result);

// Removes what the two left in sharedDir. socket: of the endpoint, NULL when causewayd does not
// tell; then the configuration says where to look. Absent is no error.
void userspace_clean(const struct cni_call *call, const char *socket);

#endif
