/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLANNEL_LEASE_OBJECTS_H
#define FLANNEL_LEASE_OBJECTS_H

// Leases as objects: what the tree has of origin "lease:flannel" becomes what is wanted now.

#include "changes.h"
#include "flannel/lease.h"

#define LEASE_VTEP "flannel-udp"

struct lease_remote {
	struct cw_ip address; // of the node
	struct cw_ip subnet; // of its pods
};

struct lease_objects {
	struct cw_ip address; // this node's; family 0: nothing is wanted
	struct cw_ip own; // inner address of this node's kernel
	uint16_t udp_port;
	const struct lease_remote *remotes;
	unsigned int n_remotes;
};

// Puts the difference into the transaction. Routes that others want as well are left to them.
// Returns how many changes there are, or a negative number with failure.
int lease_objects_change(struct transaction *t, struct causewayd *d,
	const struct lease_objects *wanted, struct failure *failure);

#endif
