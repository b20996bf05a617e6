/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_PORT_SOCKET_H
#define OBJECTS_PORT_SOCKET_H

// Ports of kind vhost-user and memif: their keys in parameters, results and the store, and the
// arguments that the data plane's drivers take. docs/api.md lists the keys.

#include "objects.h"
#include "schema.h"

extern const char *const port_roles[]; // by port_role, ends with NULL

#define MEMIF_RING_MAX 16384 // slots: memif's log2_ring_size is at most 14
#define MEMIF_BUFFER_MAX 16384 // bytes; a multiple of 64

// Keys that port.add and endpoint.add share. They are checked against each other by
// port_socket_read().
#define PORT_SOCKET_FIELDS                                                                    \
	{"socket", FIELD_STRING, false, 1, 4096},                                             \
		{"role", FIELD_CHOICE, false, 0, 0, NULL, port_roles},                        \
		{"owner", FIELD_STRING, false, 1, 64}, {"group", FIELD_STRING, false, 1, 64}, \
		{"mode", FIELD_STRING, false, 3, 4}, {"iommu", FIELD_BOOLEAN},                \
		{"packed", FIELD_BOOLEAN}, {"memif_id", FIELD_INTEGER, false, 0, UINT32_MAX}, \
		{"ring", FIELD_INTEGER, false, 32, MEMIF_RING_MAX},                           \
		{"buffer", FIELD_INTEGER, false, 256, MEMIF_BUFFER_MAX},                      \
	{                                                                                     \
		"secret", FIELD_STRING, false, 1, SOCKET_SECRET_LEN - 1                       \
	}

// Reads the keys that json (checked) holds for port->kind; another kind must have none. A socket
// that is a mere file name is left to whoever knows its folder. Names of owner and group become
// numbers. Returns 0, or a negative number with failure.
int port_socket_read(const cJSON *json, struct port *port, struct failure *failure);
// The value of "socket" when it is a mere file name, else NULL.
const char *port_socket_file(const cJSON *json);

// Adds the keys to a result or a row of the store.
void port_socket_add(cJSON *json, const struct port *port);

// key=value,...: for the driver.
void port_socket_arguments(const struct port *port, char args[CW_ARGS_LEN]);

#endif
