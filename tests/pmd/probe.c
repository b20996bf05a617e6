/* SPDX-License-Identifier: Apache-2.0 */
// The driver net_flow: one device is one card with an ethdev for the uplink, named like the device,
// and one for each represented VF. As a vdev it makes all of them at once; as a PCI device (of a
// sysfs that a test has made) those that are asked for, also later, like mlx5.
#include <errno.h>
#include <stdio.h>

#include <bus_pci_driver.h>
#include <ethdev_vdev.h>
#include <rte_version.h>

#include "ethdev.h"
#include "log.h"

#define NAME "net_flow"
#define PCI_VENDOR 0xfffe // nobody's
#define PCI_DEVICE 0xf10e

RTE_LOG_REGISTER_DEFAULT(net_flow_logtype, NOTICE)

struct representor {
	struct end *end;
	uint16_t backer;
};

static int
init_uplink(struct rte_eth_dev *dev, void *arg)
{
	ethdev_init(dev, arg);
	return 0;
}

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

// Those that are wanted and not there yet.
static int
make_representors(struct rte_device *device, struct card *card)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	int ret = 0;

	for (unsigned int i = 0; i + 1 < card->n_ends && ret == 0; i++) {
		struct representor representor = {
			.end = &card->ends[i + 1],
			.backer = card->ends[0].port_id,
		};

		if (!card->options.represented[i] || representor.end->port_id != CARD_NO_PORT)
			continue;
		snprintf(name, sizeof(name), "%s_representor_vf%u", device->name, i);
		ret = rte_eth_dev_create(device, name, sizeof(struct ethdev_private), NULL, NULL,
			init_representor, &representor);
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
make_card(struct rte_device *device, const struct options *options)
{
	struct card *card = card_open(options);
	int ret;

	if (card == NULL)
		return -ENODEV;
	ret = rte_eth_switch_domain_alloc(&card->domain);
	if (ret == 0)
		ret = rte_eth_dev_create(device, device->name, sizeof(struct ethdev_private), NULL,
			NULL, init_uplink, &card->ends[0]);
	if (ret < 0) {
		card_close(card);
		return ret;
	}
	ret = make_representors(device, card);
	if (ret < 0)
		remove_all(device);
	return ret;
}

static int
probe(struct rte_vdev_device *vdev)
{
	struct options options;

	if (options_read(rte_vdev_device_args(vdev), true, &options) < 0)
		return -EINVAL;
	return make_card(&vdev->device, &options);
}

static int
remove_device(struct rte_vdev_device *vdev)
{
	remove_all(&vdev->device);
	return 0;
}

static struct card *
card_of(const struct rte_device *device)
{
	uint16_t port;

	RTE_ETH_FOREACH_DEV_OF(port, device)
	return ethdev_end(&rte_eth_devices[port])->card;
	return NULL;
}

static int
probe_pci(struct rte_pci_driver *pci_driver, struct rte_pci_device *pci)
{
	const char *arguments = pci->device.devargs != NULL ? pci->device.devargs->args : "";
	struct card *card = card_of(&pci->device);
	struct options options;

	if (card == NULL)
		return options_read(arguments, false, &options) < 0
			       ? -EINVAL
			       : make_card(&pci->device, &options);
	if (options_represent(arguments, &card->options) < 0)
		return -EINVAL;
	return make_representors(&pci->device, card);
}

static int
remove_pci(struct rte_pci_device *pci)
{
	remove_all(&pci->device);
	return 0;
}

static struct rte_vdev_driver driver = {
	.probe = probe,
	.remove = remove_device,
};

static const struct rte_pci_id pci_ids[] = {{RTE_PCI_DEVICE(PCI_VENDOR, PCI_DEVICE)}, {0}};
static struct rte_pci_driver pci_driver = {
	.id_table = pci_ids,
	.drv_flags = RTE_PCI_DRV_PROBE_AGAIN,
	.probe = probe_pci,
	.remove = remove_pci,
};

RTE_PMD_REGISTER_VDEV(net_flow, driver);
RTE_PMD_REGISTER_PCI(net_flow_pci, pci_driver);
RTE_PMD_REGISTER_PARAM_STRING(net_flow,
	"vfs=<n> wire=<interface|fd:n> kernel=<interface|fd:n> vf<n>=<interface|fd:n> "
	"representor=vf[<list>] async=<0|1> "
	"table=<n> late=<n> refuse=<name> wrong=<ttl|port|mac|vni|match|checksum>");
