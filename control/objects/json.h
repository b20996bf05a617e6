/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_JSON_H
#define OBJECTS_JSON_H

// Pieces of JSON that several objects share.

#include "objects.h"
#include "schema.h"

// Identifier of the network or the port that a key names. Returns 0, or a negative number with
// failure (CW_RPC_NOT_FOUND). A key that is absent leaves *id alone.
int json_network(const struct objects *objects, const cJSON *json, const char *key, uint32_t *id,
	struct failure *failure);
int json_port(const struct objects *objects, const cJSON *json, const char *key, uint32_t *id,
	struct failure *failure);
// The same of a tunnel end point and of a next hop. Those that are mirrored are refused: what is
// stored must not lead to what is not.
int json_vtep(const struct objects *objects, const cJSON *json, const char *key, uint32_t *id,
	struct failure *failure);
int json_nexthop(const struct objects *objects, const cJSON *json, const char *key, uint32_t *id,
	struct failure *failure);

// "guard": true, false, or a list of "mac", "ip", "arp", "ra", "dhcp". Absent leaves *guard alone.
int json_guard(const cJSON *json, uint32_t *guard, struct failure *failure);
cJSON *json_guard_names(uint32_t guard);

// "trunk": [{"vlan", "network"}]. Absent leaves the port's trunk alone.
int json_trunk(const struct objects *objects, const cJSON *json, struct port *port,
	struct failure *failure);
extern const struct field trunk_field[];

void json_add_mac(cJSON *json, const char *key, const uint8_t mac[6]);
void json_add_ip(cJSON *json, const char *key, const struct cw_ip *ip); // without its prefix
void json_add_prefix(cJSON *json, const char *key, const struct cw_ip *ip);
// A number that a double may not hold exactly.
void json_add_u64(cJSON *json, const char *key, uint64_t value);
// The same as a string of hexadecimal digits.
void json_add_hex(cJSON *json, const char *key, uint64_t value);

// Back again. A key that is absent makes an empty string, 0, or leaves the address alone.
void json_read_text(const cJSON *json, const char *key, char *to, size_t size);
uint64_t json_read_hex(const cJSON *json, const char *key);
void json_read_mac(const cJSON *json, const char *key, uint8_t mac[6]);

int json_no_memory(struct failure *failure);

#endif
