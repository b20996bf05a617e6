/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_VHOST_ARGUMENTS_H
#define DRIVERS_PORT_VHOST_ARGUMENTS_H

// port_config.args of kind vhost-user:
//  path=PATH[,role=client|server][,iommu=on|off][,packed=on|off][,mode=0660][,owner=UID]
//  [,group=GID][,rings=own|librte]
// role client (default): the switch connects to the pod's socket, for ever. server: it listens.
// mode (octal), owner and group are those of a server's socket. rings=librte moves frames by
// librte_vhost's own functions, for comparison; iommu=on implies it.

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

#define VHOST_PATH_ROOM sizeof(((struct sockaddr_un *)NULL)->sun_path) // with the final zero

struct vhost_arguments {
	char path[VHOST_PATH_ROOM];
	bool server, iommu, packed, own_rings;
	mode_t mode;
	uid_t owner; // (uid_t)-1: left as it is
	gid_t group; // the same
};

// Any thread. Returns 0, or -EINVAL and a sentence that names the key.
int vhost_arguments_parse(
	const char *text, struct vhost_arguments *arguments, char *reason, size_t reason_len);

#endif
