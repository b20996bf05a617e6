/* SPDX-License-Identifier: Apache-2.0 */
#include "ethdev.h"

#include <stdio.h>

#include <rte_malloc.h>

#include "async.h"
#include "flow_ops.h"

#define MAX_QUEUES RULES_MAX_QUEUES

static void
drain(struct rte_ring *ring)
{
	void *frame;

	while (ring != NULL && rte_ring_dequeue(ring, &frame) == 0)
		frame_free(frame);
}

static int
configure(struct rte_eth_dev *dev)
{
	struct end *end = ethdev_end(dev);

	// Rules name queues.
	pthread_mutex_lock(&end->card->lock);
	end->n_queues = dev->data->nb_rx_queues;
	pthread_mutex_unlock(&end->card->lock);
	return 0;
}

static void
set_started(struct rte_eth_dev *dev, bool is_started)
{
	struct end *end = ethdev_end(dev);

	pthread_mutex_lock(&end->card->lock);
	end->is_started = is_started;
	end->was_started |= is_started;
	if (!is_started)
		for (unsigned int i = 0; i < MAX_QUEUES; i++)
			drain(end->rings[i]);
	pthread_mutex_unlock(&end->card->lock);
	dev->data->dev_link.link_status = is_started ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN;
}

static int
start(struct rte_eth_dev *dev)
{
	set_started(dev, true);
	return 0;
}

// Rules do not outlive it: RTE_ETH_DEV_CAPA_FLOW_RULE_KEEP is not offered.
static int
stop(struct rte_eth_dev *dev)
{
	struct end *end = ethdev_end(dev);

	set_started(dev, false);
	pthread_mutex_lock(&end->card->lock);
	flow_flush(end, true);
	pthread_mutex_unlock(&end->card->lock);
	return 0;
}

static int
rx_queue_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t descriptors, unsigned int socket,
	const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	struct end *end = ethdev_end(dev);
	struct ethdev_queue *queue = rte_zmalloc_socket("net_flow", sizeof(*queue), 0, (int)socket);
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "net_flow_%u_%u", dev->data->port_id, id);
	if (queue != NULL && end->rings[id] == NULL)
		end->rings[id] = rte_ring_create(name, CARD_RING, (int)socket, 0);
	if (queue == NULL || end->rings[id] == NULL) {
		rte_free(queue);
		return -ENOMEM;
	}
	*queue = (struct ethdev_queue){.end = end, .pool = pool, .index = id};
	dev->data->rx_queues[id] = queue;
	return 0;
}

static int
tx_queue_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t descriptors, unsigned int socket,
	const struct rte_eth_txconf *conf)
{
	struct ethdev_queue *queue = rte_zmalloc_socket("net_flow", sizeof(*queue), 0, (int)socket);

	if (queue == NULL)
		return -ENOMEM;
	*queue = (struct ethdev_queue){.end = ethdev_end(dev), .index = id};
	dev->data->tx_queues[id] = queue;
	return 0;
}

static void
rx_queue_release(struct rte_eth_dev *dev, uint16_t id)
{
	rte_free(dev->data->rx_queues[id]);
	dev->data->rx_queues[id] = NULL;
}

static void
tx_queue_release(struct rte_eth_dev *dev, uint16_t id)
{
	rte_free(dev->data->tx_queues[id]);
	dev->data->tx_queues[id] = NULL;
}

static int
infos_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	const struct end *end = ethdev_end(dev);

	info->max_mac_addrs = 1;
	info->max_rx_pktlen = FRAME_MAX;
	info->max_mtu = FRAME_MAX - RTE_ETHER_HDR_LEN;
	info->max_rx_queues = MAX_QUEUES;
	info->max_tx_queues = MAX_QUEUES;
	info->tx_offload_capa = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	info->flow_type_rss_offloads = ETHDEV_RSS_TYPES;
	info->switch_info.name = dev->device->name;
	info->switch_info.domain_id = end->card->domain;
	info->switch_info.port_id = end->index;
	return 0;
}

static int
link_update(struct rte_eth_dev *dev, int wait)
{
	return 0;
}

static int
stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
	const struct end_counters *counters = &ethdev_end(dev)->counters;

	stats->ipackets = counters->rx_packets;
	stats->ibytes = counters->rx_bytes;
	stats->opackets = counters->tx_packets;
	stats->obytes = counters->tx_bytes;
	stats->imissed = counters->missed;
	stats->oerrors = counters->tx_errors;
	for (unsigned int i = 0; i < MAX_QUEUES; i++) {
		stats->q_ipackets[i] = counters->queue_packets[i];
		stats->q_ibytes[i] = counters->queue_bytes[i];
	}
	return 0;
}

static int
stats_reset(struct rte_eth_dev *dev)
{
	ethdev_end(dev)->counters = (struct end_counters){0};
	return 0;
}

#define N_XSTATS 4

// What tests look at: frames across the far side, those that never left the card, and those for
// which the guide defines no result.
static int
xstats_get_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n)
{
	static const char *const texts[N_XSTATS] = {
		"from_far_side", "to_far_side", "in_card", "undefined"};

	for (unsigned int i = 0; names != NULL && n >= N_XSTATS && i < N_XSTATS; i++)
		snprintf(names[i].name, sizeof(names[i].name), "%s", texts[i]);
	return N_XSTATS;
}

static int
xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *stats, unsigned int n)
{
	struct end *end = ethdev_end(dev);
	uint64_t values[N_XSTATS];

	if (n < N_XSTATS)
		return N_XSTATS;
	pthread_mutex_lock(&end->card->lock);
	values[0] = end->counters.from_far_side;
	values[1] = end->counters.to_far_side;
	values[2] = end->card->n_in_card;
	values[3] = end->card->n_undefined;
	pthread_mutex_unlock(&end->card->lock);
	for (unsigned int i = 0; i < N_XSTATS; i++)
		stats[i] = (struct rte_eth_xstat){.id = i, .value = values[i]};
	return N_XSTATS;
}

static int
take_mode(struct rte_eth_dev *dev)
{
	return 0;
}

static int
mtu_set(struct rte_eth_dev *dev, uint16_t mtu)
{
	return 0;
}

static int
mac_addr_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac)
{
	return 0;
}

// One range: vf0 and on, numbered as in devargs.
static int
representor_info_get(struct rte_eth_dev *dev, struct rte_eth_representor_info *info)
{
	const struct end *end = ethdev_end(dev);
	struct rte_eth_representor_range *range;

	if (info == NULL)
		return 1;
	info->controller = 0;
	info->pf = 0;
	if (info->nb_ranges_alloc < 1)
		return 1;
	range = &info->ranges[0];
	*range = (struct rte_eth_representor_range){
		.type = RTE_ETH_REPRESENTOR_VF,
		.id_end = end->card->n_ends >= 2 ? end->card->n_ends - 2u : 0,
	};
	snprintf(range->name, sizeof(range->name), "vf");
	info->nb_ranges = end->card->n_ends >= 2;
	return 1;
}

static int
flow_ops_get(struct rte_eth_dev *dev, const struct rte_flow_ops **ops)
{
	*ops = ethdev_end(dev)->card->options.async ? &flow_ops_async : &flow_ops;
	return 0;
}

static void
close_card_if_unused(struct card *card)
{
	for (unsigned int i = 0; i < card->n_ends; i++)
		if (card->ends[i].port_id != CARD_NO_PORT)
			return;
	rte_eth_switch_domain_free(card->domain);
	card_close(card);
}

// Its rules go with it: what they name is gone. The card goes with its last ethdev.
static int
close_dev(struct rte_eth_dev *dev)
{
	struct end *end = ethdev_end(dev);

	async_free(end);
	pthread_mutex_lock(&end->card->lock);
	flow_flush(end, true);
	end->port_id = CARD_NO_PORT;
	end->is_started = end->was_started = end->is_isolated = false;
	for (unsigned int i = 0; i < MAX_QUEUES; i++) {
		drain(end->rings[i]);
		rte_ring_free(end->rings[i]);
		end->rings[i] = NULL;
	}
	pthread_mutex_unlock(&end->card->lock);
	dev->data->mac_addrs = NULL; // part of dev_private
	close_card_if_unused(end->card);
	return 0;
}

static const struct eth_dev_ops ops = {
	.dev_configure = configure,
	.dev_start = start,
	.dev_stop = stop,
	.dev_close = close_dev,
	.dev_infos_get = infos_get,
	.rx_queue_setup = rx_queue_setup,
	.tx_queue_setup = tx_queue_setup,
	.rx_queue_release = rx_queue_release,
	.tx_queue_release = tx_queue_release,
	.link_update = link_update,
	.stats_get = stats_get,
	.stats_reset = stats_reset,
	.xstats_get = xstats_get,
	.xstats_get_names = xstats_get_names,
	.promiscuous_enable = take_mode,
	.promiscuous_disable = take_mode,
	.allmulticast_enable = take_mode,
	.allmulticast_disable = take_mode,
	.mtu_set = mtu_set,
	.mac_addr_set = mac_addr_set,
	.representor_info_get = representor_info_get,
	.flow_ops_get = flow_ops_get,
};

static void
tell_reset(uint16_t port_id)
{
	rte_eth_dev_callback_process(&rte_eth_devices[port_id], RTE_ETH_EVENT_INTR_RESET, NULL);
}

void
ethdev_init(struct rte_eth_dev *dev, struct end *end)
{
	struct ethdev_private *private = dev->data->dev_private;

	private->end = end;
	rte_eth_random_addr(private->mac.addr_bytes);
	dev->data->mac_addrs = &private->mac;
	dev->data->promiscuous = 1;
	dev->data->dev_link = (struct rte_eth_link){
		.link_speed = RTE_ETH_SPEED_NUM_100G,
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
	};
	dev->dev_ops = &ops;
	dev->rx_pkt_burst = ethdev_rx;
	dev->tx_pkt_burst = ethdev_tx;
	end->tell_reset = tell_reset;
	end->port_id = dev->data->port_id;
}
