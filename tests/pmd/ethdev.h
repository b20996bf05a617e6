/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_ETHDEV_H
#define PMD_ETHDEV_H

#include <ethdev_driver.h>

#include "card.h"

#define ETHDEV_RSS_TYPES (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP)

// dev_private of every ethdev of a card.
struct ethdev_private {
	struct end *end;
	struct rte_ether_addr mac;
};

struct ethdev_queue {
	struct end *end;
	struct rte_mempool *pool; // of a receive queue
	uint16_t index;
};

// Makes the ethdev of an end ready for use: operations, MAC, switch domain.
void ethdev_init(struct rte_eth_dev *dev, struct end *end);

static inline struct end *
ethdev_end(const struct rte_eth_dev *dev)
{
	return ((const struct ethdev_private *)dev->data->dev_private)->end;
}

uint16_t ethdev_rx(void *queue, struct rte_mbuf **packets, uint16_t n);
uint16_t ethdev_tx(void *queue, struct rte_mbuf **packets, uint16_t n);

// flow_ops.c, and the same with templates and queues.
extern const struct rte_flow_ops flow_ops, flow_ops_async;

#endif
