/* SPDX-License-Identifier: Apache-2.0 */
#include "ethdev_device.h"

#include <stdio.h>
#include <string.h>

#include "ethdev_offload.h"
#include "flow_offload.h"

#define DESCRIPTORS 512
#define TYPE_OFFSET (2 * RTE_ETHER_ADDR_LEN)
// Of a received frame's metadata, what is not the device's to say.
#define KEEP_FLAGS (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)

static uint16_t
queues(uint16_t wanted, uint16_t max)
{
	uint16_t n = wanted < max ? wanted : max;

	if (n > CW_MAX_QUEUES)
		return CW_MAX_QUEUES;
	return n > 0 ? n : 1;
}

int
ethdev_device_start(struct port *port, const struct port_config *config,
	struct ethdev_device *device, struct rte_eth_conf *configuration)
{
	const uint16_t id = device->id;
	struct rte_eth_dev_info info;
	uint16_t n_rx_desc = DESCRIPTORS, n_tx_desc = DESCRIPTORS;
	int socket_id = rte_eth_dev_socket_id(id), ret = rte_eth_dev_info_get(id, &info);

	if (ret < 0)
		return ret;
	if (port->n_rx == 0 || port->n_tx == 0) {
		port->n_rx = queues(config->n_queues, info.max_rx_queues);
		port->n_tx = queues(config->n_queues, info.max_tx_queues);
	}
	if (port->n_rx > info.max_rx_queues || port->n_tx > info.max_tx_queues)
		return -ENXIO;
	configuration->txmode.offloads |= ethdev_offload_wanted(info.tx_offload_capa);
	port->capabilities = ethdev_offload_capabilities(info.tx_offload_capa);
	device->prepares = port->capabilities != PORT_TX_CHAINS;
	ret = rte_eth_dev_configure(id, port->n_rx, port->n_tx, configuration);
	if (ret == 0)
		ret = rte_eth_dev_adjust_nb_rx_tx_desc(id, &n_rx_desc, &n_tx_desc);
	for (uint16_t q = 0; q < port->n_rx && ret == 0; q++)
		ret = rte_eth_rx_queue_setup(
			id, q, n_rx_desc, (unsigned int)socket_id, NULL, config->mbufs);
	for (uint16_t q = 0; q < port->n_tx && ret == 0; q++)
		ret = rte_eth_tx_queue_setup(id, q, n_tx_desc, (unsigned int)socket_id, NULL);
	if (ret == 0)
		flow_device_prepare(id);
	if (ret == 0)
		ret = rte_eth_dev_start(id);
	device->starts += ret == 0;
	return ret;
}

// Some VFs have their tags taken out whatever they ask for. Drivers say so of any tagged frame,
// even where the tag is still in it.
static void
put_tag_back(struct rte_mbuf *m)
{
	const rte_be16_t *old = rte_pktmbuf_mtod_offset(m, const rte_be16_t *, TYPE_OFFSET);
	const rte_be16_t tci = rte_cpu_to_be_16(m->vlan_tci);
	rte_be16_t *tag;
	char *start;

	if (old[0] == RTE_BE16(RTE_ETHER_TYPE_VLAN) && old[1] == tci)
		return;
	start = rte_pktmbuf_prepend(m, RTE_VLAN_HLEN);
	if (start == NULL)
		return; // never: drivers leave the headroom free
	memmove(start, start + RTE_VLAN_HLEN, TYPE_OFFSET);
	tag = (rte_be16_t *)(start + TYPE_OFFSET);
	tag[0] = RTE_BE16(RTE_ETHER_TYPE_VLAN);
	tag[1] = tci;
}

uint16_t
ethdev_device_rx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	const struct ethdev_device *device = port->priv;
	uint16_t received = rte_eth_rx_burst(device->id, queue, pkts, n);

	// Of what the device says only a good checksum is believed: the others have two bits, or
	// are wrong about fragments with some cards.
	for (uint16_t i = 0; i < received; i++) {
		const uint64_t flags = pkts[i]->ol_flags;
		const uint64_t checksum = flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

		if (unlikely((flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0))
			put_tag_back(pkts[i]);
		pkts[i]->ol_flags = flags & KEEP_FLAGS;
		if (checksum == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
			pkts[i]->ol_flags |= checksum;
	}
	return received;
}

uint16_t
ethdev_device_tx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	const struct ethdev_device *device = port->priv;
	uint16_t fit = n, sent;

	*stop = PORT_TX_FULL;
	if (device->prepares) {
		for (uint16_t i = 0; i < n; i++)
			ethdev_offload_describe(pkts[i]);
		fit = rte_eth_tx_prepare(device->id, queue, pkts, n);
	}
	sent = rte_eth_tx_burst(device->id, queue, pkts, fit);
	if (sent == fit && fit < n)
		*stop = PORT_TX_REFUSED;
	return sent;
}

int
ethdev_device_wake_fd(struct port *port, uint16_t queue)
{
	return -1;
}

enum cw_port_state
ethdev_device_state(struct port *port, char *reason, size_t reason_len)
{
	const struct ethdev_device *device = port->priv;
	struct rte_eth_link link;

	if (!rte_eth_dev_is_valid_port(device->id)) {
		snprintf(reason, reason_len, "DPDK device %s was removed", device->name);
		return CW_PORT_GONE;
	}
	if (rte_eth_link_get_nowait(device->id, &link) == 0
		&& link.link_status == RTE_ETH_LINK_DOWN) {
		snprintf(reason, reason_len, "DPDK device %s has no link", device->name);
		return CW_PORT_DOWN;
	}
	return CW_PORT_UP;
}

bool
ethdev_device_of(struct port *port, struct port_ethdev *ethdev)
{
	const struct ethdev_device *device = port->priv;

	*ethdev = (struct port_ethdev){.id = device->id, .starts = device->starts};
	return rte_eth_dev_is_valid_port(device->id);
}

void
ethdev_device_stats(struct port *port, struct port_device_stats *stats)
{
	const struct ethdev_device *device = port->priv;
	struct rte_eth_stats counters;

	*stats = (struct port_device_stats){0};
	if (rte_eth_stats_get(device->id, &counters) != 0)
		return;
	stats->rx_dropped = counters.imissed + counters.ierrors + counters.rx_nombuf;
	stats->tx_dropped = counters.oerrors;
}

void
ethdev_device_queue_stats(struct port *port, uint16_t queue, struct port_queue_stats *stats)
{
	const struct ethdev_device *device = port->priv;
	struct rte_eth_stats counters;

	*stats = (struct port_queue_stats){0};
	if (queue >= RTE_ETHDEV_QUEUE_STAT_CNTRS || rte_eth_stats_get(device->id, &counters) != 0)
		return;
	stats->rx_packets = counters.q_ipackets[queue];
	stats->rx_bytes = counters.q_ibytes[queue];
	stats->tx_packets = counters.q_opackets[queue];
	stats->tx_bytes = counters.q_obytes[queue];
}
