/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_ETHDEV_OFFLOAD_H
#define DRIVERS_ETHDEV_OFFLOAD_H

// What the terms of port.h are in DPDK's: capabilities of a device, and metadata of a frame that
// leaves work to it. No device is touched here, any thread.

#include <stdint.h>

#include <rte_mbuf.h>

// port_capability bits that a device with these RTE_ETH_TX_OFFLOAD_ bits is able to do for us.
uint32_t ethdev_offload_capabilities(uint64_t tx_offloads);
// RTE_ETH_TX_OFFLOAD_ bits to ask a device for, of those that it has: what our capabilities need
// and frames of several segments. Never the ones that restrict what may be sent (fast free).
uint64_t ethdev_offload_wanted(uint64_t tx_offloads);

// Adds to a frame's flags what DPDK wants said and port.h leaves unsaid: the headers that change
// with each segment. rte_eth_tx_prepare() afterwards brings checksum fields into the device's form.
static inline void
ethdev_offload_describe(struct rte_mbuf *m)
{
	if ((m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)) == 0)
		return;
	if (m->ol_flags & RTE_MBUF_F_TX_IPV4)
		m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
	if (m->ol_flags & RTE_MBUF_F_TX_OUTER_IPV4)
		m->ol_flags |= RTE_MBUF_F_TX_OUTER_IP_CKSUM;
}

#endif
