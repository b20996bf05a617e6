/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "link.h"
#include "nic_port.h"
#include "schema.h"
#include "sriov.h"
#include "vf/vf.h"
#include "vf/vf_uplink.h"

const char *const nic_port_drivers[] = {"vfio-pci", "uio_pci_generic", "igb_uio", NULL};

// DPDK's drivers for these work beside the kernel's.
static bool
is_bifurcated(const char *driver)
{
	return strcmp(driver, "mlx5_core") == 0 || strcmp(driver, "mlx4_core") == 0
	       || strcmp(driver, "mana") == 0;
}

// --- arguments

void
nic_port_take_params(cJSON *params)
{
	static const struct field fields[] = {NIC_PORT_PARAMS, {0}};

	for (const struct field *field = fields; field->name != NULL; field++)
		cJSON_DeleteItemFromObjectCaseSensitive(params, field->name);
}

static bool
is_plain(const char *text, const char *but)
{
	return text == NULL || text[strcspn(text, but)] == '\0';
}

static int
write_arguments(const cJSON *params, const char *device, struct port *port, struct failure *failure)
{
	const char *representor = schema_string(params, "representor");
	const char *devargs = schema_string(params, "devargs");
	int n;

	if (!is_plain(device, ",= "))
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "device", device,
			"give a PCI address (0000:01:10.0) or the name of a virtual device",
			"this is the name of no device");
	if (!is_plain(devargs, " "))
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "devargs", devargs,
			"give KEY=VALUE,KEY=VALUE", "arguments for a driver have no spaces");
	n = snprintf(port->args, sizeof(port->args), "device=%s%s%s%s%s%s%s", device,
		representor != NULL ? ",representor=" : "", representor != NULL ? representor : "",
		schema_boolean(params, "promiscuous", false) ? ",promiscuous=on" : "",
		schema_boolean(params, "isolated", false) ? ",isolated=on" : "",
		devargs != NULL ? "," : "", devargs != NULL ? devargs : "");
	if (n >= 0 && (size_t)n < sizeof(port->args))
		return 0;
	return failure_set(failure, CW_RPC_INVALID_PARAMS, "devargs", devargs, "shorten them",
		"arguments of a port have %zu characters at most", sizeof(port->args) - 1);
}

// --- who has it

struct clash {
	const struct port *port, *other;
};

// "device=NAME" and "representor=NAME" say whose it is; what is behind them does not.
static size_t
identity_length(const char *args)
{
	const char *representor = strstr(args, ",representor=");

	if (representor != NULL)
		return (size_t)(representor - args) + 1 + strcspn(representor + 1, ",");
	return strcspn(args, ",");
}

static int
same_device(void *arg, struct object *object)
{
	const struct port *other = (const struct port *)object;
	struct clash *clash = arg;
	const size_t len = identity_length(clash->port->args);

	if (port_has_nic(other) && strcmp(other->name, clash->port->name) != 0
		&& identity_length(other->args) == len
		&& strncmp(other->args, clash->port->args, len) == 0)
		clash->other = other;
	return clash->other != NULL;
}

static int
check_owner(
	struct causewayd *d, const struct port *port, const char *device, struct failure *failure)
{
	struct clash clash = {.port = port};

	objects_each(d->objects, OBJECT_PORT, same_device, &clash);
	if (clash.other != NULL)
		return failure_set(failure, CW_RPC_IN_USE, "device", device,
			"use that port, or delete it first", "device %s belongs to port %s", device,
			clash.other->name);
	if (vf_find(d, device) != NULL)
		return failure_set(failure, CW_RPC_IN_USE, "device", device,
			"cwctl vf get tells whose it is", "VF %s belongs to a pod", device);
	return 0;
}

// --- its driver

struct addresses {
	unsigned int n;
};

static int
count_address(void *arg, const struct cw_ip *ip)
{
	const bool is_link_local =
		ip->family == 6 && ip->addr[0] == 0xfe && (ip->addr[1] & 0xc0) == 0x80;

	((struct addresses *)arg)->n += !is_link_local;
	return 0;
}

static int
refuse_kernel_driver(
	struct causewayd *d, const char *device, const char *driver, struct failure *failure)
{
	struct addresses addresses = {0};
	char ifname[IFNAMSIZ];
	struct link_info link;

	if (driver[0] == '\0')
		return failure_set(failure, CW_RPC_REFUSED, "device", device, "add bind=vfio-pci",
			"device %s has no driver", device);
	if (pci_netdev(d->options.sysfs_root, device, ifname) == 0
		&& link_find(d->netlink, ifname, &link) == 0)
		address_each(d->netlink, link.ifindex, count_address, &addresses);
	if (addresses.n > 0)
		return failure_set(failure, CW_RPC_REFUSED, "device", device,
			"add bind=vfio-pci if the node may lose this interface",
			"device %s is interface %s of the node, with %u addresses", device, ifname,
			addresses.n);
	return failure_set(failure, CW_RPC_REFUSED, "device", device, "add bind=vfio-pci",
		"device %s has the kernel's driver %s", device, driver);
}

static int
check_group(const char *root, const char *device, struct failure *failure)
{
	unsigned int group;

	if (pci_iommu_group(root, device, &group) == 0)
		return 0;
	return failure_set(failure, CW_RPC_REFUSED, "bind", "vfio-pci",
		"turn the IOMMU on, in the firmware and by intel_iommu=on",
		"device %s is in no IOMMU group", device);
}

static int
check_driver(struct causewayd *d, const char *device, struct port *port, struct failure *failure)
{
	const char *root = d->options.sysfs_root;
	unsigned int num = 0, total;
	char driver[PCI_DRIVER_LEN];
	int ret = pci_driver(root, device, driver);

	if (ret < 0)
		return failure_set(failure, CW_RPC_REFUSED, "device", device,
			"lspci -D shows those of this node", "there is no PCI device %s", device);
	if (port->bind[0] == '\0')
		return pci_is_dpdk_driver(driver) || is_bifurcated(driver)
			       ? 0
			       : refuse_kernel_driver(d, device, driver, failure);
	if (strcmp(port->bind, "vfio-pci") == 0 && check_group(root, device, failure) < 0)
		return -1;
	sriov_counts(root, device, &num, &total);
	if (num > 0 && strcmp(driver, port->bind) != 0)
		return failure_set(failure, CW_RPC_REFUSED, "bind", port->bind,
			"take one of its VFs as the uplink, or remove them (sriov_numvfs)",
			"device %s has %u VFs, which would go with its driver", device, num);
	snprintf(port->former_driver, sizeof(port->former_driver), "%s", driver);
	pci_override_get(root, device, port->former_override);
	return 0;
}

// A card lets a VF have its own MAC only, unless it is trusted: what leaves by it is routed.
static void
set_by_card(struct causewayd *d, struct port *port)
{
	if (port->kind != CW_PORT_VF || (port->flags & CW_PORT_UPLINK) == 0)
		return;
	if (!vf_uplink_bridges(d, port))
		port->flags |= CW_PORT_ROUTED;
	vf_uplink_take_mac(d, port); // its pods' VFs need to know it
}

int
nic_port_describe(
	struct causewayd *d, const cJSON *params, struct port *port, struct failure *failure)
{
	const char *given = schema_string(params, "device");
	const char *bind = schema_string(params, "bind");
	char address[PCI_ADDRESS_LEN];
	bool is_pci;

	if (given == NULL || port->args[0] != '\0')
		return failure_set(failure, CW_RPC_INVALID_PARAMS,
			given == NULL ? "device" : "args", NULL,
			"give device, representor, devargs by their own keys",
			"a port of kind %s needs a device", cw_port_kind_name(port->kind));
	is_pci = pci_address_parse(given, address);
	if (!is_pci && bind != NULL)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "bind", bind, "leave it out",
			"only PCI devices have drivers to bind");
	if (write_arguments(params, is_pci ? address : given, port, failure) < 0
		|| check_owner(d, port, is_pci ? address : given, failure) < 0)
		return -1;
	snprintf(port->ifname, sizeof(port->ifname), "%s", is_pci ? address : given);
	snprintf(port->bind, sizeof(port->bind), "%s", bind != NULL ? bind : "");
	if (is_pci && check_driver(d, address, port, failure) < 0)
		return -1;
	set_by_card(d, port);
	return 0;
}
