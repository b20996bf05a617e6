/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLANNEL_LEASES_H
#define FLANNEL_LEASES_H

// What Flannel's backends that leave nothing in the kernel's tables (udp) would do, read from the
// leases in etcd: a vtep for this node's lease, and for each other lease a tunnel and a route in
// network "default", of origin "lease:flannel". Main thread.

#include "causewayd.h"

// Follows the leases when options.etcd_endpoints says where they are. Returns 0 (also when it is
// not configured), or -errno, logged.
int leases_start(struct causewayd *d);
void leases_free(struct leases *leases); // accepts NULL

// A transaction has concluded that changed this object: what leases had to leave to others may be
// theirs now. leases may be NULL.
void leases_note(struct leases *leases, const struct object *object);

// For health.get; NULL: not configured.
cJSON *leases_json(const struct causewayd *d);

#endif
