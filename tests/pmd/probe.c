/* SPDX-License-Identifier: Apache-2.0 */
// The vdev driver net_flow: one device is one card with an ethdev for the uplink, named like the
// device, and one for each represented VF.
#include <errno.h>
#include <stdio.h>

#include <ethdev_vdev.h>
#include <rte_version.h>

#include "ethdev.h"
#include "log.h"

#define NAME "net_flow"

RTE_LOG_REGISTER_DEFAULT(net_flow_logtype, NOTICE)

struct representor {
	struct end *end;
	uint16_t backer;
};

static int
init_representor(struct rte_eth_dev *dev, void *arg)
{
	const struct representor *representor = arg;

	dev->data->dev_flags |= RTE_ETH_DEV_REPRESENTOR;
	dev->data->representor_id = (uint16_t)(representor->end->index - 1);
	dev->data->backer_port_id = representor->backer;
	ethdev_init(dev, representor->end);
	return 0;
}

static int
make_representors(struct rte_vdev_device *vdev, struct card *card)
{
	const char *name = rte_vdev_device_name(vdev);
	char representor_name[RTE_ETH_NAME_MAX_LEN];
	int ret = 0;

	for (unsigned int i = 0; i + 1 < card->n_ends && ret == 0; i++) {
		struct representor representor = {
			.end = &card->ends[i + 1],
			.backer = card->ends[0].port_id,
		};

		if (!card->options.represented[i])
			continue;
		snprintf(
			representor_name, sizeof(representor_name), "%s_representor_vf%u", name, i);
		ret = rte_eth_dev_create(&vdev->device, representor_name,
			sizeof(struct ethdev_private), NULL, NULL, init_representor, &representor);
	}
	return ret;
}

// The last to be closed takes the card with it.
static void
remove_all(const struct rte_device *device)
{
	uint16_t port;

	RTE_ETH_FOREACH_DEV_OF(port, device)
	{
		rte_eth_dev_stop(port);
		rte_eth_dev_close(port);
	}
}

static int
probe(struct rte_vdev_device *vdev)
{
	struct options options;
	struct rte_eth_dev *dev;
	struct card *card;
	int ret;

	if (options_read(rte_vdev_device_args(vdev), &options) < 0)
		return -EINVAL;
	card = card_open(&options);
	if (card == NULL)
		return -ENODEV;
	dev = rte_eth_vdev_allocate(vdev, sizeof(struct ethdev_private));
	if (dev == NULL || rte_eth_switch_domain_alloc(&card->domain) < 0) {
		if (dev != NULL)
			rte_eth_dev_release_port(dev);
		card_close(card);
		return -ENOMEM;
	}
	ethdev_init(dev, &card->ends[0]);
	rte_eth_dev_probing_finish(dev);
	ret = make_representors(vdev, card);
	if (ret < 0)
		remove_all(&vdev->device);
	return ret;
}

static int
remove_device(struct rte_vdev_device *vdev)
{
	remove_all(&vdev->device);
	return 0;
}

static struct rte_vdev_driver driver = {
	.probe = probe,
	.remove = remove_device,
};

RTE_PMD_REGISTER_VDEV(net_flow, driver);
RTE_PMD_REGISTER_PARAM_STRING(net_flow,
	"vfs=<n> wire=<interface|fd:n> vf<n>=<interface|fd:n> representor=vf[<list>] async=<0|1> "
	"table=<n> late=<n> refuse=<name> wrong=<ttl|port|mac|vni|match|checksum>");
