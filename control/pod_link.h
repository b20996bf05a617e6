/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_POD_LINK_H
#define CONTROL_POD_LINK_H

// The pod's end of an attachment, whatever kind of interface it is: addresses and routes.

#include "netlink.h"
#include "objects/types.h"

// Names the step in failure when result is an error, or the step is to fail (fail_point.h). Returns
// 0 or a negative number.
int pod_step(
	const char *name, int result, const struct endpoint *endpoint, struct failure *failure);
// Somebody else's interface has the name: fills failure, returns a negative number.
int pod_link_taken(const struct endpoint *endpoint, struct failure *failure);

// Sysctls of the interface. The calling thread is in the pod's namespace. Returns 0 or -errno.
int pod_link_sysctls(const struct endpoint *endpoint);
// By a socket in the pod's namespace; routes need the interface up. Return 0, or a negative number
// with failure.
int pod_link_addresses(struct nl_sock *sock, int ifindex, const struct endpoint *endpoint,
	struct failure *failure);
int pod_link_routes(struct nl_sock *sock, int ifindex, const struct endpoint *endpoint,
	struct failure *failure);

#endif
