/* SPDX-License-Identifier: Apache-2.0 */
#include "vf_uplink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "vf_host.h"

#define MAX_VFS 256 // of one PF (SR-IOV 1.1, 2.1.2 counts to 65535; cards have fewer)

bool
port_pci_device(const struct port *port, char address[PCI_ADDRESS_LEN])
{
	static const char key[] = "device=";
	char value[32];

	if ((port->kind != CW_PORT_NIC && port->kind != CW_PORT_VF)
		|| strncmp(port->args, key, sizeof(key) - 1) != 0)
		return false;
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(port->args + sizeof(key) - 1, ","),
		port->args + sizeof(key) - 1);
	return pci_address_parse(value, address);
}

struct search {
	const struct causewayd *d;
	const char *device, *pf;
	unsigned int index;
	const struct port *uplink;
	uint16_t vlan;
	uint32_t but;
	const struct port *found;
};

static int
match_device(void *arg, struct object *object)
{
	const struct port *port = (const struct port *)object;
	struct search *search = arg;
	char address[PCI_ADDRESS_LEN];

	if (strstr(port->args, "representor=") == NULL && port_pci_device(port, address)
		&& strcmp(address, search->device) == 0)
		search->found = port;
	return search->found != NULL;
}

const struct port *
port_of_device(const struct causewayd *d, const char *address)
{
	struct search search = {.device = address};

	objects_each(d->objects, OBJECT_PORT, match_device, &search);
	return search.found;
}

static int
match_representor(void *arg, struct object *object)
{
	static const char key[] = ",representor=vf";
	const struct port *port = (const struct port *)object;
	const char *text = strstr(port->args, key);
	struct search *search = arg;
	char address[PCI_ADDRESS_LEN];

	if (text != NULL && strtoul(text + sizeof(key) - 1, NULL, 10) == search->index
		&& port_pci_device(port, address) && strcmp(address, search->pf) == 0)
		search->found = port;
	return search->found != NULL;
}

const struct port *
port_of_representor(const struct causewayd *d, const char *pf, unsigned int index)
{
	struct search search = {.pf = pf, .index = index};

	objects_each(d->objects, OBJECT_PORT, match_representor, &search);
	return search.found;
}

static int
match_pf(void *arg, struct object *object)
{
	const struct port *port = (const struct port *)object;
	struct search *search = arg;
	char address[PCI_ADDRESS_LEN];
	struct sriov_vf vf;

	if ((port->flags & CW_PORT_UPLINK) == 0 || !port_pci_device(port, address))
		return 0;
	if (strcmp(address, search->pf) == 0
		|| (sriov_find(search->d->options.sysfs_root, address, &vf) == 0
			&& strcmp(vf.pf, search->pf) == 0))
		search->found = port;
	return search->found != NULL;
}

const struct port *
vf_uplink_of(const struct causewayd *d, const char *pf)
{
	struct search search = {.d = d, .pf = pf};

	objects_each(d->objects, OBJECT_PORT, match_pf, &search);
	return search.found;
}

// What the PF says of the VF that is an uplink's device.
static bool
read_settings(const struct causewayd *d, const struct port *uplink, struct vf_settings *settings)
{
	const char *root = d->options.sysfs_root;
	char address[PCI_ADDRESS_LEN];
	struct link_info pf;
	struct sriov_vf vf;

	return port_pci_device(uplink, address) && sriov_find(root, address, &vf) == 0
	       && vf_host_pf(d->netlink, root, vf.pf, &pf) == 0
	       && vf_host_get(d->netlink, pf.ifindex, vf.index, settings) == 0;
}

bool
vf_uplink_bridges(const struct causewayd *d, const struct port *uplink)
{
	struct vf_settings settings;

	return read_settings(d, uplink, &settings) && (settings.known & VF_TRUST) != 0
	       && settings.trust && (settings.known & VF_SPOOFCHK) != 0 && !settings.spoofchk;
}

void
vf_uplink_take_mac(const struct causewayd *d, struct port *uplink)
{
	struct vf_settings settings;

	if (mac_is_zero(uplink->mac) && read_settings(d, uplink, &settings)
		&& (settings.known & VF_MAC) != 0)
		memcpy(uplink->mac, settings.mac, sizeof(uplink->mac));
}

static int
match_vlan(void *arg, struct object *object)
{
	const struct port *port = (const struct port *)object;
	struct search *search = arg;

	if (port->id == search->but
		|| (port->id != search->uplink->id && port->parent != search->uplink->id))
		return 0;
	if (port->vlan == search->vlan)
		search->found = port;
	for (unsigned int i = 0; i < port->n_trunk; i++)
		if (port->trunk[i].vlan == search->vlan)
			search->found = port;
	return search->found != NULL;
}

const struct port *
vf_uplink_vlan_owner(
	const struct causewayd *d, const struct port *uplink, uint16_t vlan, uint32_t but)
{
	struct search search = {.uplink = uplink, .vlan = vlan, .but = but};

	objects_each(d->objects, OBJECT_PORT, match_vlan, &search);
	return search.found;
}

// VFs of other programs' pods are on the same card.
static bool
is_on_card(const struct vf_settings *list, uint16_t vlan)
{
	for (unsigned int i = 0; i < MAX_VFS; i++)
		if ((list[i].known & VF_VLAN) != 0 && list[i].vlan == vlan)
			return true;
	return false;
}

uint16_t
vf_uplink_free_vlan(const struct causewayd *d, const struct port *uplink, const char *pf)
{
	struct vf_settings *list = calloc(MAX_VFS, sizeof(*list));
	struct link_info info;
	uint16_t vlan = 0;

	if (list == NULL || vf_host_pf(d->netlink, d->options.sysfs_root, pf, &info) < 0
		|| vf_host.list(d->netlink, info.ifindex, list, MAX_VFS) < 0)
		goto out;
	for (uint16_t tag = d->options.vf_vlan_first; tag <= d->options.vf_vlan_last; tag++)
		if (!is_on_card(list, tag) && vf_uplink_vlan_owner(d, uplink, tag, 0) == NULL) {
			vlan = tag;
			break;
		}
out:
	free(list);
	return vlan;
}
