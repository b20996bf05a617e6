/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_NETDEV_STATS_H
#define DRIVERS_PORT_NETDEV_STATS_H

#include <stdint.h>

struct netdev_stats {
	uint64_t rx_dropped, tx_dropped; // as the kernel counts: rx is what came in by the device
};

// Reads the counters of device 'ifname' in the network namespace behind the descriptor. The calling
// thread visits that namespace and comes back. Main thread. Returns 0 or -errno; -EPERM without
// CAP_SYS_ADMIN.
int netdev_stats_read(int netns, const char *ifname, struct netdev_stats *stats);

#endif
