/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_POD_FOLDER_H
#define CONTROL_POD_FOLDER_H

// The folder of a pod's sockets: RUNTIME_DIR/pods/CONTAINER, to be bind-mounted into the pod. The
// link RUNTIME_DIR/pods/by-uid/POD_UID leads to it where the pod's UID is known, because Kubernetes
// tells a pod its UID but not its sandbox. What is in the folder may be the pod's doing: nothing
// here follows its links.

#include "causewayd.h"

#define POD_FOLDERS "pods"
#define POD_FOLDER_MODE 0750

// Path of the socket of an interface: a file of that name, IFNAME.sock when file is NULL. Returns
// 0, or a negative number with failure when it is too long for a socket.
int pod_folder_socket(const struct causewayd *d, const struct endpoint *endpoint, const char *file,
	char path[SOCKET_PATH_LEN], struct failure *failure);

// Whether a socket of the endpoint's port stands in its pod's folder.
bool pod_folder_holds(
	const struct causewayd *d, const struct endpoint *endpoint, const struct port *port);

// Makes the folder, or gives what is there the owner and the permissions that the port's keys ask
// for: a pod that makes the socket itself may write by its group, too. Returns 0 or -errno.
int pod_folder_make(
	const struct causewayd *d, const struct endpoint *endpoint, const struct port *port);

// Takes away the interface's socket, and with the pod's last one the folder and whatever is in it.
// Absent is no error. Returns 0 or -errno.
int pod_folder_remove(
	const struct causewayd *d, const struct endpoint *endpoint, const struct port *port);

#endif
