/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_ENDPOINT_H
#define OBJECTS_ENDPOINT_H

// Parts of an endpoint's JSON that endpoint.add shares with the store.

#include "schema.h"
#include "types.h"

extern const struct field endpoint_ip_field[], endpoint_route_field[], endpoint_pod_fields[];

// Appends what "ips" and "routes" (checked) hold. Returns 0, or a negative number with failure.
int endpoint_read_addressing(struct endpoint *endpoint, const cJSON *json, struct failure *failure);
void endpoint_read_pod(struct endpoint *endpoint, const cJSON *json);

cJSON *endpoint_ips_json(const struct endpoint *endpoint);
cJSON *endpoint_routes_json(const struct endpoint *endpoint);

#endif
