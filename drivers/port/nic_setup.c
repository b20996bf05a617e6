/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_flow.h>

#include "nic_private.h"

#define RX_CHECKSUMS (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)
#define RSS_FIELDS (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)

struct setup {
	struct port *port;
	struct nic *nic;
	struct rte_eth_dev_info info;
	char *reason;
	size_t reason_len;
};

static int
fail(const struct setup *setup, int error, const char *what)
{
	snprintf(setup->reason, setup->reason_len, "device %s %s: %s", setup->nic->args.device,
		what, strerror(-error));
	return error;
}

// A frame that does not fit into one buffer needs several.
static bool
is_long(const struct setup *setup, uint32_t mtu)
{
	const uint16_t room = rte_pktmbuf_data_room_size(setup->nic->config.mbufs);

	return mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 2 * RTE_VLAN_HLEN
	       > (uint32_t)(room - RTE_PKTMBUF_HEADROOM);
}

static uint16_t
mtu_limit(const struct setup *setup)
{
	uint16_t limit = setup->info.max_mtu != 0 ? setup->info.max_mtu : UINT16_MAX;

	if ((setup->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) == 0)
		while (limit > RTE_ETHER_MTU && is_long(setup, limit))
			limit--;
	return limit;
}

static int
choose_mtu(const struct setup *setup)
{
	const uint16_t limit = mtu_limit(setup), wanted = setup->nic->config.mtu;

	setup->port->mtu = wanted < limit ? wanted : limit;
	if (wanted <= limit || !setup->nic->config.mtu_given)
		return 0;
	snprintf(setup->reason, setup->reason_len, "device %s takes an MTU of %u at most (mtu=%u)",
		setup->nic->args.device, limit, wanted);
	return -EINVAL;
}

static int
choose_mac(const struct setup *setup)
{
	struct rte_ether_addr wanted = setup->nic->config.own_mac, has;
	const uint16_t id = setup->nic->ethdev.id;
	int error = rte_eth_macaddr_get(id, &has);

	if (error == 0 && !rte_is_zero_ether_addr(&wanted)
		&& !rte_is_same_ether_addr(&wanted, &has)) {
		error = rte_eth_dev_default_mac_addr_set(id, &wanted);
		has = wanted;
	}
	if (error != 0)
		return fail(setup, error,
			"does not take the MAC address; of a VF, its PF may have fixed one");
	setup->port->mac = has;
	return 0;
}

static void
describe(const struct setup *setup, uint32_t mtu, struct rte_eth_conf *configuration)
{
	const struct rte_eth_dev_info *info = &setup->info;
	uint64_t offloads = RX_CHECKSUMS;

	*configuration = (struct rte_eth_conf){
		.rxmode.mtu = mtu,
		.intr_conf.lsc = (*info->dev_flags & RTE_ETH_DEV_INTR_LSC) != 0,
		.intr_conf.rmv = (*info->dev_flags & RTE_ETH_DEV_INTR_RMV) != 0,
	};
	if (is_long(setup, mtu))
		offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
	// A VF gets the tags that it asks its PF for; a card all of them, unless it is told to
	// filter.
	if (setup->port->kind == CW_PORT_VF)
		offloads |= RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
	configuration->rxmode.offloads = offloads & info->rx_offload_capa;
	if (setup->nic->config.n_queues > 1 && info->max_rx_queues > 1
		&& (info->flow_type_rss_offloads & RSS_FIELDS) != 0) {
		configuration->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		configuration->rx_adv_conf.rss_conf.rss_hf =
			info->flow_type_rss_offloads & RSS_FIELDS;
	}
}

// What the MTU counts leaves no room for a tag with some devices; others refuse more than their PF
// has.
static int
start(const struct setup *setup)
{
	const uint16_t mtu = setup->port->mtu;
	struct rte_eth_conf configuration;
	int error = -EINVAL;

	if (mtu + RTE_VLAN_HLEN <= mtu_limit(setup)) {
		describe(setup, mtu + RTE_VLAN_HLEN, &configuration);
		error = ethdev_device_start(
			setup->port, &setup->nic->config, &setup->nic->ethdev, &configuration);
	}
	if (error != 0) {
		rte_eth_dev_stop(setup->nic->ethdev.id);
		describe(setup, mtu, &configuration);
		error = ethdev_device_start(
			setup->port, &setup->nic->config, &setup->nic->ethdev, &configuration);
	}
	return error == 0 ? 0 : fail(setup, error, "cannot be started");
}

static int
open_up(const struct setup *setup)
{
	const struct nic *nic = setup->nic;
	int error = 0;

	if (nic->args.promiscuous)
		error = rte_eth_promiscuous_enable(nic->ethdev.id);
	if (error != 0)
		return fail(setup, error, "does not become promiscuous; a VF needs trust for it");
	error = nic_filter(nic, setup->port->kind);
	return error == 0 ? 0 : fail(setup, error, "does not let in all tags and groups");
}

int
nic_setup(struct port *port, struct nic *nic, char *reason, size_t reason_len)
{
	struct setup setup = {.port = port, .nic = nic, .reason = reason, .reason_len = reason_len};
	struct rte_flow_error flow_error;
	int error = rte_eth_dev_info_get(nic->ethdev.id, &setup.info);

	if (error != 0)
		return fail(&setup, error, "says nothing of itself");
	error = choose_mtu(&setup);
	if (error == 0 && nic->args.isolated) {
		error = rte_flow_isolate(nic->ethdev.id, 1, &flow_error);
		if (error != 0)
			return fail(&setup, error, "has no isolated mode (isolated=on)");
	}
	if (error == 0)
		error = start(&setup);
	if (error == 0)
		error = choose_mac(&setup);
	if (error == 0)
		error = open_up(&setup);
	return error;
}
