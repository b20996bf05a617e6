/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_VTEP_H
#define OBJECTS_VTEP_H

#include "types.h"

#define VTEP_PORT_VXLAN 4789 // RFC 7348; the kernel and Flannel use 8472
#define VTEP_PORT_UDP 8285 // Flannel's udp backend

extern const char *const vtep_kinds[]; // names by cw_tunnel_kind, from 1; ends with NULL

const char *vtep_kind_name(const struct vtep *vtep);

#endif
