/* SPDX-License-Identifier: Apache-2.0 */
#include "vf_plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "address_text.h"
#include "device.h"
#include "vf.h"
#include "vf_host.h"
#include "vf_uplink.h"

struct planning {
	struct causewayd *d;
	const cJSON *params, *json; // of endpoint.add, and their "vf"
	struct endpoint *endpoint;
	const struct endpoint *again; // the endpoint that is asked for exists and has this VF
	const struct port *uplink;
	bool has_representor; // which is the port then
	struct link_info pf;
	struct vf_settings now;
	struct failure *failure;
};

// --- which VF

static int
find_vf(struct planning *p)
{
	const char *root = p->d->options.sysfs_root;
	struct endpoint_vf *vf = &p->endpoint->vf;
	struct sriov_vf found;
	int ret = sriov_find(root, vf->pci, &found);

	if (ret == -ENODEV)
		return failure_set(p->failure, CW_RPC_NOT_FOUND, "vf.pci", vf->pci,
			"cwctl vf list shows those that exist; look whether the PF is there and "
			"has its VFs (sriov_numvfs)",
			"there is no PCI device %s", vf->pci);
	if (ret == -ENOTSUP)
		return failure_set(p->failure, CW_RPC_INVALID_PARAMS, "vf.pci", vf->pci,
			"give the address of a VF (cwctl vf list)",
			"PCI device %s is no virtual function", vf->pci);
	if (ret < 0)
		return failure_errno(p->failure, ret, "VF %s cannot be looked at", vf->pci);
	memcpy(vf->pf, found.pf, sizeof(vf->pf));
	vf->index = (uint16_t)found.index;
	ret = vf_host_pf(p->d->netlink, root, vf->pf, &p->pf);
	if (ret == 0)
		ret = vf_host_get(p->d->netlink, p->pf.ifindex, vf->index, &p->now);
	if (ret == -ENOENT)
		return failure_set(p->failure, CW_RPC_REFUSED, "vf.pci", vf->pci,
			"try again; look at the PF (dmesg) when it stays so",
			"PF %s does not know VF %u any more", vf->pf, vf->index);
	if (ret < 0)
		return failure_set(p->failure, CW_RPC_REFUSED, "vf.pci", vf->pci,
			"the PF needs its kernel driver and an interface in causewayd's namespace",
			"PF %s of VF %s cannot be asked: %s", vf->pf, vf->pci, strerror(-ret));
	return 0;
}

static int
find_mode(struct planning *p)
{
	struct endpoint_vf *vf = &p->endpoint->vf;
	char driver[PCI_DRIVER_LEN];
	const int ret = pci_driver(p->d->options.sysfs_root, vf->pci, driver);

	if (ret < 0)
		return failure_errno(p->failure, ret, "VF %s cannot be looked at", vf->pci);
	if (vf->bind[0] != '\0' || pci_is_dpdk_driver(driver)) {
		vf->mode = VF_MODE_DPDK;
		return 0;
	}
	vf->mode = VF_MODE_KERNEL;
	if (driver[0] != '\0')
		return 0;
	return failure_set(p->failure, CW_RPC_REFUSED, "vf.pci", vf->pci,
		"load the VF's kernel driver (modprobe igbvf, iavf, ...), or give vf.bind",
		"VF %s has no driver", vf->pci);
}

// --- whose it is

static int
check_owner(struct planning *p)
{
	const struct endpoint *endpoint = p->endpoint, *owner;
	const struct port *port = port_of_device(p->d, endpoint->vf.pci);
	struct vf_record *record = vf_find(p->d, endpoint->vf.pci);

	if (port == NULL)
		port = port_of_representor(p->d, endpoint->vf.pf, endpoint->vf.index);
	if (port != NULL && port->origin == PORT_OF_USER)
		return failure_set(p->failure, CW_RPC_IN_USE, "vf.pci", endpoint->vf.pci,
			"choose another VF, and leave this one out of the device plugin's pool",
			"VF %s belongs to port %s", endpoint->vf.pci, port->name);
	if (record == NULL || p->again != NULL)
		return 0;
	owner = vf_owner(p->d, record);
	if (owner != NULL)
		return failure_set(p->failure, CW_RPC_IN_USE, "vf.pci", record->pci,
			"delete that one first (endpoint.del)",
			"VF %s belongs to endpoint %.64s/%s", record->pci, record->container,
			record->ifname);
	if (vf_take_back(p->d, record) < 0)
		return failure_set(p->failure, CW_RPC_UNAVAILABLE, "vf.pci", record->pci,
			"try again when that is mended",
			"VF %s is not back from its former pod: %.120s", record->pci,
			record->reason);
	return 0;
}

// --- how it is reached

static bool
is_switchdev(struct causewayd *d, const struct endpoint_vf *vf, const struct port *uplink)
{
	enum sriov_eswitch mode;
	char device[PCI_ADDRESS_LEN];

	return uplink != NULL && port_pci_device(uplink, device) && strcmp(device, vf->pf) == 0
	       && sriov_eswitch(d->options.sysfs_root, vf->pf, &mode) == 0
	       && mode == SRIOV_SWITCHDEV;
}

// What leads to it now, whatever that is: it may be on its way (vf_way.h).
static int
find_uplink_again(struct planning *p)
{
	const struct endpoint_vf *existing = &p->again->vf;
	const struct port *port = port_by_id(p->d->objects, p->again->port);
	struct endpoint_vf *vf = &p->endpoint->vf;

	vf->away = existing->away;
	if (!vf->named)
		memcpy(vf->uplink, existing->uplink, sizeof(vf->uplink));
	if (!object_is_card_only(&p->again->object))
		p->uplink = port_find(p->d->objects, existing->uplink);
	p->has_representor = port != NULL && strstr(port->args, ",representor=") != NULL;
	return 0;
}

static int
find_uplink(struct planning *p)
{
	const char *name = schema_string(p->json, "uplink");
	struct endpoint_vf *vf = &p->endpoint->vf;

	vf->named = name != NULL;
	if (p->again != NULL)
		return find_uplink_again(p);
	p->uplink = name != NULL ? port_find(p->d->objects, name) : vf_uplink_of(p->d, vf->pf);
	if (name != NULL && p->uplink == NULL)
		return failure_set(p->failure, CW_RPC_UNAVAILABLE, "vf.uplink", name,
			"add it (port.add uplink=true) and try again, or mend the name",
			"there is no port %s", name);
	if (p->uplink != NULL && (p->uplink->flags & CW_PORT_UPLINK) == 0)
		return failure_set(p->failure, CW_RPC_INVALID_PARAMS, "vf.uplink", name,
			"give a port with uplink=true", "port %s is no uplink", name);
	if (p->uplink != NULL)
		snprintf(vf->uplink, sizeof(vf->uplink), "%s", p->uplink->name);
	p->has_representor = is_switchdev(p->d, vf, p->uplink);
	if (p->uplink == NULL && vf->path == VF_PATH_SWITCH)
		return failure_set(p->failure, CW_RPC_UNAVAILABLE, "vf.path", "switch",
			"give the switch a VF of that PF (port.add kind=vf uplink=true) and try "
			"again, or leave path out",
			"the switch has no uplink on PF %s, so that VF %s cannot pass it", vf->pf,
			vf->pci);
	return 0;
}

static int
check_own_vlan(struct planning *p)
{
	const uint16_t vlan = p->endpoint->vf.wanted.vlan;
	const struct port *owner;
	char text[8];

	snprintf(text, sizeof(text), "%u", vlan);
	if (vlan == 0)
		return failure_set(p->failure, CW_RPC_INVALID_PARAMS, "vf.vlan", text,
			"give a VLAN from 1 to 4094, or leave it out",
			"a VF that passes the switch needs a VLAN of its own");
	if (p->uplink == NULL)
		return 0; // it exists, and its uplink is away
	owner = vf_uplink_vlan_owner(p->d, p->uplink, vlan, p->again != NULL ? p->again->port : 0);
	if (owner == NULL)
		return 0;
	return failure_set(p->failure, CW_RPC_CONFLICT, "vf.vlan", text,
		"give another one, or leave it out",
		"VLAN %u is port %s's, and a VF that passes the switch needs one of its own", vlan,
		owner->name);
}

// The tag that a VF has to itself.
static int
choose_own_vlan(struct planning *p)
{
	struct vf_settings *wanted = &p->endpoint->vf.wanted;

	if ((wanted->known & VF_VLAN) != 0)
		return check_own_vlan(p);
	wanted->known |= VF_VLAN;
	wanted->vlan_proto = 0x8100;
	if (p->again != NULL)
		wanted->vlan = p->again->vf.wanted.vlan;
	else
		wanted->vlan = vf_uplink_free_vlan(p->d, p->uplink, p->endpoint->vf.pf);
	if (wanted->vlan != 0)
		return 0;
	return failure_set(p->failure, CW_RPC_EXHAUSTED, "vf.path", "switch",
		"give causewayd a wider range (vf_vlans)", "no VLAN from %u to %u is free on PF %s",
		p->d->options.vf_vlan_first, p->d->options.vf_vlan_last, p->endpoint->vf.pf);
}

// The representor is an access port of the pod's network: its frames have no tag, and cards in this
// mode set none.
static int
choose_no_vlan(struct planning *p)
{
	struct vf_settings *wanted = &p->endpoint->vf.wanted;

	if ((wanted->known & VF_VLAN) != 0 && (wanted->qos != 0 || wanted->vlan_proto != 0x8100))
		return failure_set(p->failure, CW_RPC_INVALID_PARAMS,
			wanted->qos != 0 ? "vf.vlan_qos" : "vf.vlan_proto", NULL, "leave it out",
			"VF %s has a representor, so that no tag is put on by the card",
			p->endpoint->vf.pci);
	wanted->known &= ~(unsigned int)VF_VLAN;
	return 0;
}

static int
choose_vlan(struct planning *p)
{
	struct vf_settings *wanted = &p->endpoint->vf.wanted;

	if (p->has_representor)
		return choose_no_vlan(p);
	// With a trunk the pod tags itself: there is nothing that the card should do.
	if ((wanted->known & VF_VLAN) != 0 && wanted->vlan == 0
		&& cJSON_GetArraySize(schema_get(p->params, "trunk")) > 0)
		wanted->known &= ~(unsigned int)VF_VLAN;
	return p->endpoint->vf.path == VF_PATH_SWITCH ? choose_own_vlan(p) : 0;
}

// --- what the VF says of itself

static int
choose_mac(struct planning *p)
{
	struct endpoint *endpoint = p->endpoint;
	struct endpoint_vf *vf = &endpoint->vf;
	struct link_info info;

	if (schema_get(p->params, "mac") == NULL && p->again != NULL) {
		vf->wanted.known |= p->again->vf.wanted.known & VF_MAC;
		memcpy(endpoint->mac, p->again->mac, sizeof(endpoint->mac));
	} else if (schema_get(p->params, "mac") != NULL) {
		vf->wanted.known |= VF_MAC;
	} else if (vf->mode == VF_MODE_KERNEL) {
		if (vf_host_netdev(p->d->netlink, p->d->options.sysfs_root, vf->pci, &info) == 0)
			memcpy(endpoint->mac, info.mac, sizeof(endpoint->mac));
	} else {
		// Else the pod's driver would make one up that nobody here knows. A MAC that the VF
		// chose is lost by the reset, so that it is set, too.
		if ((p->now.known & VF_MAC) != 0 && !mac_is_zero(p->now.mac) && vf->bind[0] == '\0')
			memcpy(endpoint->mac, p->now.mac, sizeof(endpoint->mac));
		vf->wanted.known |= VF_MAC;
	}
	memcpy(vf->wanted.mac, endpoint->mac, sizeof(vf->wanted.mac));
	return 0;
}

// Of a VF that is not the switch's business the network's MTU says nothing.
static void
choose_mtu(struct planning *p)
{
	struct endpoint *endpoint = p->endpoint;
	struct link_info info = p->pf;

	if (schema_get(p->params, "mtu") != NULL)
		return;
	if (p->again != NULL)
		endpoint->mtu = p->again->mtu;
	if (p->again != NULL || p->uplink != NULL)
		return;
	if (endpoint->vf.mode == VF_MODE_KERNEL)
		vf_host_netdev(p->d->netlink, p->d->options.sysfs_root, endpoint->vf.pci, &info);
	if (info.mtu >= CW_MTU_MIN && info.mtu <= CW_MTU_MAX)
		endpoint->mtu = (uint16_t)info.mtu;
}

int
vf_plan_endpoint(struct causewayd *d, const cJSON *params, struct endpoint *endpoint,
	const struct port **uplink, struct failure *failure)
{
	const struct endpoint *existing =
		endpoint_find(d->objects, endpoint->container, endpoint->ifname);
	struct planning p = {.d = d,
		.params = params,
		.json = schema_get(params, "vf"),
		.endpoint = endpoint,
		.failure = failure};

	if (p.json == NULL)
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "vf", NULL,
			"give vf.pci, the VF's PCI address", "interface vf needs a VF");
	if (endpoint_vf_read(&endpoint->vf, p.json, failure) < 0)
		return -1;
	if (existing != NULL && strcmp(existing->vf.pci, endpoint->vf.pci) == 0)
		p.again = existing;
	if (find_vf(&p) < 0 || check_owner(&p) < 0 || find_mode(&p) < 0 || find_uplink(&p) < 0
		|| choose_vlan(&p) < 0 || choose_mac(&p) < 0)
		return -1;
	choose_mtu(&p);
	*uplink = p.uplink;
	return 0;
}

// --- the port

// The tag of the VF's frames on the card.
static uint16_t
tag_of(struct causewayd *d, const struct endpoint_vf *vf)
{
	struct vf_settings now;
	struct link_info pf;

	if ((vf->wanted.known & VF_VLAN) != 0)
		return vf->wanted.vlan;
	if (vf_host_pf(d->netlink, d->options.sysfs_root, vf->pf, &pf) < 0
		|| vf_host_get(d->netlink, pf.ifindex, vf->index, &now) < 0)
		return 0;
	return (now.known & VF_VLAN) != 0 ? now.vlan : 0;
}

int
vf_plan_port(struct causewayd *d, struct endpoint *endpoint, const struct port *uplink,
	struct port *port, struct failure *failure)
{
	const struct endpoint_vf *vf = &endpoint->vf;
	const bool has_representor = is_switchdev(d, vf, uplink);

	snprintf(port->ifname, sizeof(port->ifname), "%s", vf->pci);
	port->queues = 1;
	snprintf(endpoint->why, sizeof(endpoint->why), "VF %u of %s, %s", vf->index, vf->pf,
		uplink == NULL             ? "no uplink of the switch there"
		: has_representor          ? "by its representor"
		: vf->path == VF_PATH_CARD ? "in the network's VLAN on the card"
					   : "in a VLAN of its own on the card");
	if (uplink == NULL)
		return 0;
	if (has_representor) {
		port->flags |= uplink->flags & CW_PORT_OFFLOAD;
		snprintf(port->args, sizeof(port->args), "device=%s,representor=vf%u", vf->pf,
			vf->index);
		return 0;
	}
	if (mac_is_zero(uplink->mac))
		return failure_set(failure, CW_RPC_REFUSED, "vf.uplink", uplink->name,
			"set its MAC (port.set)", "uplink %s has no MAC", uplink->name);
	port->parent = uplink->id;
	port->vlan = tag_of(d, vf);
	if (vf->path == VF_PATH_CARD)
		port->flags |= CW_PORT_SHARED_TAG;
	if (!vf_uplink_bridges(d, uplink))
		port->flags |= CW_PORT_ROUTED;
	return 0;
}
