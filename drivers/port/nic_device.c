/* SPDX-License-Identifier: Apache-2.0 */
#include "nic_device.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_string_fns.h>

#include "nic_private.h"

struct nic_device {
	LIST_ENTRY(nic_device) link;
	char name[RTE_DEV_NAME_MAX_LEN];
	bool is_pci, lost;
	unsigned int users;
};

static LIST_HEAD(, nic_device) devices = LIST_HEAD_INITIALIZER(devices);
static bool taken[RTE_MAX_ETHPORTS];

static int
refuse(int error, char *reason, size_t reason_len, const char *device, const char *why)
{
	snprintf(reason, reason_len, "device %s %s", device, why);
	return error;
}

static struct nic_device *
find(const char *name)
{
	struct nic_device *device;

	LIST_FOREACH (device, &devices, link)
		if (strcmp(device->name, name) == 0)
			return device;
	return NULL;
}

static bool
belongs(uint16_t id, const char *name)
{
	struct rte_eth_dev_info info;

	return rte_eth_dev_info_get(id, &info) == 0 && info.device != NULL
	       && strcmp(rte_dev_name(info.device), name) == 0
	       && (*info.dev_flags & RTE_ETH_DEV_REPRESENTOR) == 0;
}

// Drivers name the port of a device like the device; where they do not, its first one is it.
static bool
find_own(const char *name, uint16_t *id)
{
	uint16_t port;

	if (rte_eth_dev_get_port_by_name(name, id) == 0)
		return true;
	for (port = 0; port < RTE_MAX_ETHPORTS; port++)
		if (rte_eth_dev_is_valid_port(port) && belongs(port, name)) {
			*id = port;
			return true;
		}
	return false;
}

static bool
find_representor(const struct nic_args *args, uint16_t *id)
{
	char text[RTE_DEV_NAME_MAX_LEN + sizeof(args->representor) + 16];
	struct rte_dev_iterator iterator;

	snprintf(text, sizeof(text), "%s,representor=%s", args->device, args->representor);
	if (rte_eth_iterator_init(&iterator, text) != 0)
		return false;
	*id = rte_eth_iterator_next(&iterator);
	if (*id == RTE_MAX_ETHPORTS)
		return false;
	rte_eth_iterator_cleanup(&iterator);
	return true;
}

static bool
find_port(const struct nic_args *args, uint16_t *id)
{
	return args->representor[0] == '\0' ? find_own(args->device, id)
					    : find_representor(args, id);
}

// Some drivers make one representor after the other, when they are asked for the device again;
// the others made all of them at first.
static int
choose_port(const struct nic_args *args, bool probe_again, uint16_t *id, char *reason,
	size_t reason_len)
{
	if (!find_port(args, id)) {
		const bool again = probe_again && args->is_pci && args->representor[0] != '\0';
		const int error = again ? nic_probe(args, reason, reason_len) : 0;

		if (error != 0)
			return error;
		if (args->representor[0] == '\0')
			return refuse(-ENODEV, reason, reason_len, args->device,
				"has no Ethernet port for DPDK");
		if (!again || !find_port(args, id)) {
			snprintf(reason, reason_len,
				"device %s has no representor %s; a driver that makes all of them "
				"when it takes the device needs representors=LIST at each port",
				args->device, args->representor);
			return -ENODEV;
		}
	}
	if (!taken[*id])
		return 0;
	snprintf(reason, reason_len, "device %s%s%s is another port's already", args->device,
		args->representor[0] != '\0' ? " representor " : "", args->representor);
	return -EBUSY;
}

static void
let_go(struct nic_device *device)
{
	rte_eal_hotplug_remove(nic_bus(device->is_pci), device->name);
	LIST_REMOVE(device, link);
	free(device);
}

static int
add(const struct nic_args *args, struct nic_device **result, char *reason, size_t reason_len)
{
	struct nic_device *device;
	uint16_t id;
	int error;

	// EAL takes a device that is there already for success.
	if (rte_eth_dev_get_port_by_name(args->device, &id) == 0)
		return refuse(
			-EEXIST, reason, reason_len, args->device, "is a port of another kind");
	device = calloc(1, sizeof(*device));
	if (device == NULL)
		return refuse(-ENOMEM, reason, reason_len, args->device, "finds no memory");
	error = nic_probe(args, reason, reason_len);
	if (error != 0) {
		free(device);
		return error;
	}
	strlcpy(device->name, args->device, sizeof(device->name));
	device->is_pci = args->is_pci;
	LIST_INSERT_HEAD(&devices, device, link);
	*result = device;
	return 0;
}

int
nic_device_take(const struct nic_args *args, struct nic_device **result, uint16_t *id, char *reason,
	size_t reason_len)
{
	struct nic_device *device = find(args->device);
	const bool known = device != NULL;
	int error;

	if (known && device->lost)
		return refuse(-EBUSY, reason, reason_len, args->device,
			"was removed, and other ports have not let it go yet");
	if (!known) {
		error = add(args, &device, reason, reason_len);
		if (error != 0)
			return error;
	}
	error = choose_port(args, known, id, reason, reason_len);
	if (error != 0) {
		if (device->users == 0)
			let_go(device);
		return error;
	}
	device->users++;
	taken[*id] = true;
	*result = device;
	return 0;
}

void
nic_device_give_back(struct nic_device *device, uint16_t id)
{
	taken[id] = false;
	if (--device->users == 0)
		let_go(device);
}

void
nic_device_lost(struct nic_device *device)
{
	device->lost = true;
}
