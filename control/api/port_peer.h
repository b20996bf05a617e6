/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_PORT_PEER_H
#define API_PORT_PEER_H

// What the data plane knows of the peers of vhost-user and memif ports.

#include "api/request.h"

// {"mtu", "queues", "connects", "features"}. NULL: no memory.
cJSON *port_peer_json(const struct cw_port_info *info);

// Answers with result, a port or a list of ports as objects; those with a socket get "peer" from a
// data plane that has everything. Takes result over.
void reply_ports(struct request *request, cJSON *result);

#endif
