/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLANNEL_SUBNET_ENV_H
#define FLANNEL_SUBNET_ENV_H

// What flanneld writes down for CNI plugins: which part of the pod network is this node's.

#include <stdbool.h>
#include <stddef.h>

#include <causeway/wire.h>

#define SUBNET_ENV_NETWORKS 8

struct subnet_env {
	struct cw_ip networks[SUBNET_ENV_NETWORKS]; // of the whole cluster, both families
	unsigned int n_networks;
	struct cw_ip subnets[2]; // IPv4, IPv6: the router's address in it; family 0: none
	unsigned int mtu; // of FLANNEL_MTU: what an IPv4 underlay leaves
	bool ip_masq;
};

// Reads the text of a subnet.env: KEY=VALUE lines; keys that are not known are passed over. Returns
// 0, or -EINVAL with a reason that names the line.
int subnet_env_parse(const char *text, struct subnet_env *env, char *reason, size_t size);

// Whether both say the same.
bool subnet_env_same(const struct subnet_env *a, const struct subnet_env *b);
// Whether an address is in the cluster's networks or in this node's subnets.
bool subnet_env_covers(const struct subnet_env *env, const struct cw_ip *ip);
// Whether this is the router's address in one of this node's subnets.
bool subnet_env_is_router(const struct subnet_env *env, const struct cw_ip *ip);

#endif
