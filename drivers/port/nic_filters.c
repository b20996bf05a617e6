/* SPDX-License-Identifier: Apache-2.0 */
// What a device lets in beside its own address. A card is asked for all tags and all groups. A VF
// gets what it asks its PF for, and often "all of them" only with trust: tags and groups by name.

#include <string.h>

#include "nic_private.h"

static bool
has_vlan(const uint64_t *vlans, uint16_t vlan)
{
	return (vlans[vlan / 64] & UINT64_C(1) << vlan % 64) != 0;
}

static bool
filters_vlans(const struct nic *nic)
{
	const int offloads = rte_eth_dev_get_vlan_offload(nic->ethdev.id);

	return offloads > 0 && (offloads & RTE_ETH_VLAN_FILTER_OFFLOAD) != 0;
}

// Takes the device from some tags to others.
static int
change_vlans(const struct nic *nic, const uint64_t *from, const uint64_t *to)
{
	int error = 0;

	if (!filters_vlans(nic))
		return 0;
	for (uint16_t vlan = 1; vlan < NIC_VLANS; vlan++) {
		int ret = 0;

		if (has_vlan(from, vlan) != has_vlan(to, vlan))
			ret = rte_eth_dev_vlan_filter(nic->ethdev.id, vlan, has_vlan(to, vlan));
		if (error == 0)
			error = ret;
	}
	return error;
}

static int
apply_groups(const struct nic *nic, uint8_t kind)
{
	const uint16_t id = nic->ethdev.id;
	struct rte_ether_addr groups[PORT_GROUPS];

	if (kind == CW_PORT_VF && nic->n_groups <= PORT_GROUPS) {
		memcpy(groups, nic->groups, sizeof(groups));
		if (rte_eth_dev_set_mc_addr_list(id, groups, nic->n_groups) == 0)
			return rte_eth_allmulticast_get(id) == 1 ? rte_eth_allmulticast_disable(id)
								 : 0;
	}
	return rte_eth_allmulticast_enable(id);
}

int
nic_filter(const struct nic *nic, uint8_t kind)
{
	static const uint64_t none[NIC_VLANS / 64];
	const int error = change_vlans(nic, none, nic->vlans);

	apply_groups(nic, kind); // not all devices can; unicast and broadcast work without
	return error;
}

int
nic_set_vlans(struct nic *nic, const uint16_t *vlans, unsigned int n)
{
	uint64_t wanted[NIC_VLANS / 64] = {0};
	int error = 0;

	for (unsigned int i = 0; i < n; i++)
		wanted[vlans[i] / 64 % (NIC_VLANS / 64)] |= UINT64_C(1) << vlans[i] % 64;
	if (memcmp(nic->vlans, wanted, sizeof(wanted)) == 0)
		return 0;
	if (atomic_load(&nic->running))
		error = change_vlans(nic, nic->vlans, wanted);
	memcpy(nic->vlans, wanted, sizeof(wanted));
	return error;
}

int
nic_set_groups(struct nic *nic, uint8_t kind, const struct rte_ether_addr *groups, unsigned int n)
{
	const unsigned int named = n < PORT_GROUPS ? n : PORT_GROUPS;

	if (n == nic->n_groups && memcmp(groups, nic->groups, named * sizeof(*groups)) == 0)
		return 0;
	memcpy(nic->groups, groups, named * sizeof(*groups));
	nic->n_groups = n;
	return atomic_load(&nic->running) ? apply_groups(nic, kind) : 0;
}
