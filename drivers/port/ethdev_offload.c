/* SPDX-License-Identifier: Apache-2.0 */
#include "ethdev_offload.h"

#include <rte_common.h>
#include <rte_ethdev.h>

#include "port.h"

#define CHECKSUMS (RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
// Each segment has an IPv4 header of its own.
#define SEGMENTS (CHECKSUMS | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)
#define TUNNELS (CHECKSUMS | RTE_ETH_TX_OFFLOAD_OUTER_IPV4_CKSUM)
#define TUNNEL_SEGMENTS \
	(SEGMENTS | RTE_ETH_TX_OFFLOAD_OUTER_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO)

// A capability of ours stands on all of these.
static const struct {
	uint32_t capability;
	uint64_t offloads;
} needs[] = {
	{PORT_TX_CHECKSUM, CHECKSUMS},
	{PORT_TX_TSO4, SEGMENTS | RTE_ETH_TX_OFFLOAD_TCP_TSO},
	{PORT_TX_TSO6, SEGMENTS | RTE_ETH_TX_OFFLOAD_TCP_TSO},
	{PORT_TX_USO, SEGMENTS | RTE_ETH_TX_OFFLOAD_UDP_TSO},
	{PORT_TX_TUNNEL_CHECKSUM, TUNNELS},
	{PORT_TX_TUNNEL_TSO, TUNNEL_SEGMENTS},
	{PORT_TX_TUNNEL_OUTER_CHECKSUM, TUNNELS | RTE_ETH_TX_OFFLOAD_OUTER_UDP_CKSUM},
};

uint32_t
ethdev_offload_capabilities(uint64_t tx_offloads)
{
	uint32_t capabilities = PORT_TX_CHAINS; // software devices take them unasked

	for (size_t i = 0; i < RTE_DIM(needs); i++)
		if ((tx_offloads & needs[i].offloads) == needs[i].offloads)
			capabilities |= needs[i].capability;
	return capabilities;
}

uint64_t
ethdev_offload_wanted(uint64_t tx_offloads)
{
	uint64_t wanted = tx_offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;

	for (size_t i = 0; i < RTE_DIM(needs); i++)
		if ((tx_offloads & needs[i].offloads) == needs[i].offloads)
			wanted |= needs[i].offloads;
	return wanted;
}
