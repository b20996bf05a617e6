/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLANNEL_FLANNEL_H
#define FLANNEL_FLANNEL_H

// Flannel on this node, when options.subnet_env says that there is one: network "default" is the
// pod network that flanneld divides among the nodes. Until flanneld has written which part is this
// node's, pods have to wait. Main thread.

#include "causewayd.h"
#include "changes.h"

// Watches subnet.env. Returns 0 (also when it is not configured), or -errno, logged.
int flannel_start(struct causewayd *d);
void flannel_free(struct flannel *flannel); // accepts NULL

// Refuses (CW_RPC_UNAVAILABLE) endpoints of a network whose part of the addresses is not known yet.
// Returns 0, or a negative number with failure.
int flannel_check(
	const struct causewayd *d, const struct network *network, struct failure *failure);
// What a pod's MTU may be at most: FLANNEL_MTU counts on an IPv4 underlay in both families.
uint16_t flannel_limit_mtu(const struct causewayd *d, const struct network *network, uint16_t mtu);

// The router leaves parts of the pod network that are no longer this node's when their last
// endpoint goes: another node may have them.
void flannel_release(struct transaction *t, struct causewayd *d, const struct endpoint *leaving);

// Not configured, or known.
bool flannel_is_ready(const struct causewayd *d);
// For health.get; NULL: not configured.
cJSON *flannel_json(const struct causewayd *d);

#endif
