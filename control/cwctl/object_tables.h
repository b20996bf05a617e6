/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CWCTL_OBJECT_TABLES_H
#define CWCTL_OBJECT_TABLES_H

// The objects of objects[] that have files of their own.

#include "object.h"

extern const struct object network_object, port_object, endpoint_object; // object_port.c
extern const struct object vf_object; // object_vf.c
extern const struct object flow_object; // object_flow.c
extern const struct object vtep_object, route_object, nexthop_object, neighbor_object,
	fdb_object; // object_route.c

#endif
