/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_NETWORK_H
#define TABLES_NETWORK_H

// A network: one broadcast domain and one routing table (bridge domain and VRF in one).
// Immutable once published in dataplane.networks[]; the main thread replaces it by a changed copy.

#include <stdint.h>

#include <rte_ether.h>

#include <causeway/limits.h>
#include <causeway/wire.h>

struct lpm_table;

struct flood_list {
	uint16_t n;
	uint16_t n_remote;
	uint16_t n_routed;
	const uint32_t *nexthop; // n_remote tunnel next hops that get a copy each, behind port[]
	// n_routed devices that floods leave out (CW_PORT_ROUTED) and that lead to a link all the
	// same: whom the switch asks for neighbours. Behind port[], too.
	const uint16_t *routed;
	uint16_t port[]; // ids of the ports that get flooded frames; each once
};

struct network {
	uint16_t id;
	uint16_t mtu;
	uint32_t vni;
	struct rte_ether_addr router_mac;
	bool learning;
	bool resolve; // the switch asks for neighbours itself
	uint16_t host_port; // id, 0 = none
	uint32_t learn_age_s, learn_limit;
	const struct flood_list *flood; // never NULL
	struct lpm_table *routes4, *routes6;
	uint16_t n_addresses;
	struct cw_ip addresses[CW_MAX_SUBNETS]; // the router's own
	char name[CW_NAME_LEN];
};

#endif
