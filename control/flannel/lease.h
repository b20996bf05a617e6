/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLANNEL_LEASE_H
#define FLANNEL_LEASE_H

// What Flannel keeps in etcd: the configuration under "config", and under "subnets/" one key for
// each node, its subnet, with how to reach it.

#include <stdbool.h>
#include <stddef.h>

#include <causeway/wire.h>

#define LEASE_BACKEND_LEN 16

enum lease_backend {
	LEASE_OTHER, // leaves its work in the kernel's tables, or is none of ours
	LEASE_UDP, // leaves nothing there
};

struct lease {
	struct cw_ip subnets[2]; // IPv4, IPv6; family 0: none
	struct cw_ip public_ips[2]; // of the node; family 0: none
	uint8_t backend; // lease_backend
	char backend_name[LEASE_BACKEND_LEN];
};

struct lease_config {
	uint8_t backend; // lease_backend
	uint16_t udp_port; // of the udp backend
	char backend_name[LEASE_BACKEND_LEN];
};

// key: behind "subnets/", like "10.244.3.0-24" or "10.244.3.0-24&fd00:244:0:3::-64"; value: JSON.
// Returns 0, or -EINVAL with a reason.
int lease_parse(const char *key, const char *value, struct lease *lease, char *reason, size_t size);

// value: JSON. Returns 0, or -EINVAL with a reason.
int lease_config_parse(const char *value, struct lease_config *config, char *reason, size_t size);

#endif
