/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "mirror/plan_private.h"

// --- networks

static int
compare_numbers(const void *a, const void *b)
{
	const struct table_network *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->network < y->network ? -1 : x->network > y->network;
}

static int
add_network(void *arg, struct object *object)
{
	const struct network *network = (const struct network *)object;
	struct plan *plan = arg;

	if (network->table != 0)
		plan->by_table[plan->n_by_table++] =
			(struct table_network){network->table, network->id};
	if (network->vni != 0)
		plan->by_vni[plan->n_by_vni++] = (struct table_network){network->vni, network->id};
	return 0;
}

static int
scan_networks(struct plan *plan)
{
	const uint32_t n = objects_count(plan->objects, OBJECT_NETWORK);

	free(plan->by_table);
	free(plan->by_vni);
	plan->n_by_table = plan->n_by_vni = 0;
	plan->by_table = calloc(n + 1, sizeof(struct table_network));
	plan->by_vni = calloc(n + 1, sizeof(struct table_network));
	if (plan->by_table == NULL || plan->by_vni == NULL)
		return -ENOMEM;
	objects_each(plan->objects, OBJECT_NETWORK, add_network, plan);
	qsort(plan->by_table, plan->n_by_table, sizeof(struct table_network), compare_numbers);
	qsort(plan->by_vni, plan->n_by_vni, sizeof(struct table_network), compare_numbers);
	return 0;
}

// Of networks with one number the first wins.
static uint32_t
find_network(const struct table_network *list, uint32_t n, uint32_t number)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (list[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && list[low].number == number ? list[low].network : UINT32_MAX;
}

uint32_t
network_of_table(const struct plan *plan, uint32_t table)
{
	return find_network(plan->by_table, plan->n_by_table, table);
}

uint32_t
network_of_vni(const struct plan *plan, uint32_t vni)
{
	return find_network(plan->by_vni, plan->n_by_vni, vni);
}

// --- devices

static int
compare_devices(const void *a, const void *b)
{
	const struct mirror_device *x = a, *y = b;

	return x->ifindex < y->ifindex ? -1 : x->ifindex > y->ifindex;
}

const struct mirror_device *
device_of(const struct plan *plan, int32_t ifindex)
{
	const struct mirror_device key = {.ifindex = ifindex};

	if (plan->n_devices == 0)
		return NULL;
	return bsearch(&key, plan->devices, plan->n_devices, sizeof(key), compare_devices);
}

static void
add_device(struct plan *plan, const struct mirror_device *device)
{
	plan->devices[plan->n_devices++] = *device;
}

static int
add_uplink(void *arg, struct object *object)
{
	const struct port *port = (const struct port *)object;
	struct plan *plan = arg;
	const struct kernel_link *link;

	if ((port->flags & CW_PORT_UPLINK) == 0 || port->ifname[0] == '\0')
		return 0;
	link = tables_link_by_name(plan->tables, port->ifname);
	if (link == NULL || !plan_takes_interface(plan, link->name))
		return 0;
	add_device(plan, &(struct mirror_device){
				 .ifindex = link->ifindex,
				 .role = DEVICE_UPLINK,
				 .is_up = (link->flags & IFF_UP) != 0,
				 .port = port->id,
				 .network = port->network,
				 .link = link,
			 });
	return 0;
}

static void
sort_devices(struct plan *plan)
{
	qsort(plan->devices, plan->n_devices, sizeof(plan->devices[0]), compare_devices);
}

// The network that a tag of an uplink is mapped to.
static bool
find_tag(const struct plan *plan, const struct mirror_device *below, uint16_t vlan,
	uint32_t *network)
{
	const struct port *port = port_by_id(plan->objects, below->port);

	for (unsigned int i = 0; port != NULL && i < port->n_trunk; i++)
		if (port->trunk[i].vlan == vlan) {
			*network = port->trunk[i].network;
			return true;
		}
	return false;
}

struct scan {
	struct plan *plan;
	uint32_t n_uplinks; // devices that are sorted
};

static void
add_vlan(void *arg, const void *entry)
{
	const struct kernel_link *link = entry;
	struct scan *scan = arg;
	struct plan *plan = scan->plan;
	const struct mirror_device key = {.ifindex = link->lower}, *below;
	uint32_t network;

	if (link->kind != KERNEL_LINK_VLAN || scan->n_uplinks == 0
		|| !plan_takes_interface(plan, link->name))
		return;
	below = bsearch(&key, plan->devices, scan->n_uplinks, sizeof(key), compare_devices);
	if (below == NULL || !find_tag(plan, below, link->vlan, &network))
		return;
	add_device(plan, &(struct mirror_device){
				 .ifindex = link->ifindex,
				 .role = DEVICE_UPLINK,
				 .is_up = below->is_up && (link->flags & IFF_UP) != 0,
				 .port = below->port,
				 .network = network,
				 .link = link,
			 });
}

// --- tunnels

struct find_own {
	int32_t ifindex;
	uint8_t family;
	struct cw_ip found;
};

static void
match_own(void *arg, const void *entry)
{
	const struct kernel_address *address = entry;
	struct find_own *search = arg;

	if (address->ifindex == search->ifindex && address->ip.family == search->family
		&& search->found.family == 0)
		search->found = ip_host(&address->ip);
}

// The address that the kernel would take: the device's, or the first of the device below.
static struct cw_ip
local_address(const struct plan *plan, const struct kernel_link *link)
{
	struct find_own search = {.ifindex = link->lower, .family = 4};

	if (link->local.family != 0)
		return link->local;
	if (link->remote.family != 0)
		search.family = link->remote.family;
	if (link->lower != 0)
		tables_each(plan->tables, TABLES_ADDRESSES, match_own, &search);
	return search.found;
}

// Whether packets of this local address leave by uplinks: the device that it belongs to is one, or
// is none at all (a loopback address that routing protocols announce).
static bool
find_uplink(struct scan *scan, const struct kernel_link *link, const struct cw_ip *local,
	uint32_t *port)
{
	struct plan *plan = scan->plan;
	struct mirror_device key = {.ifindex = link->lower};
	const struct mirror_device *below;
	const struct kernel_link *owner;

	if (key.ifindex == 0)
		key.ifindex = tables_address_owner(plan->tables, local);
	if (key.ifindex == 0 || scan->n_uplinks == 0)
		return false;
	below = bsearch(&key, plan->devices, scan->n_uplinks, sizeof(key), compare_devices);
	*port = below != NULL ? below->port : 0;
	owner = tables_link(plan->tables, key.ifindex);
	return below != NULL
	       || (owner != NULL
		       && ((owner->flags & IFF_LOOPBACK) != 0 || owner->kind == KERNEL_LINK_DUMMY));
}

static uint8_t
tunnel_kind(const struct kernel_link *link)
{
	return link->kind == KERNEL_LINK_VXLAN ? CW_TUNNEL_VXLAN : CW_TUNNEL_IPIP;
}

static bool
same_end(const struct vtep *vtep, uint8_t kind, const struct cw_ip *local, uint16_t udp_port)
{
	return vtep->kind == kind && vtep->udp_port == udp_port
	       && ip_same_address(&vtep->address, local);
}

static struct vtep *
foreign_vtep(const struct plan *plan, uint8_t kind, const struct cw_ip *local, uint16_t udp_port)
{
	for (uint32_t id = 1; id < CW_MAX_VTEPS; id++) {
		struct vtep *vtep = vtep_by_id(plan->objects, id);

		if (vtep != NULL && !plan_owns(&vtep->object)
			&& same_end(vtep, kind, local, udp_port))
			return vtep;
	}
	return NULL;
}

static struct tunnel_end *
find_end(struct plan *plan, const struct kernel_link *link, const struct cw_ip *local)
{
	struct tunnel_end *end = plan->ends;

	while (end != NULL && !same_end(&end->wanted, tunnel_kind(link), local, link->udp_port))
		end = end->next;
	if (end != NULL)
		return end;
	end = calloc(1, sizeof(*end));
	if (end == NULL)
		return NULL;
	end->wanted.kind = tunnel_kind(link);
	end->wanted.address = *local;
	end->wanted.udp_port = link->udp_port;
	end->next = plan->ends;
	plan->ends = end;
	return end;
}

static bool
id_is_taken(const struct plan *plan, uint32_t id)
{
	for (const struct tunnel_end *end = plan->ends; end != NULL; end = end->next)
		if (end->id == id)
			return true;
	return vtep_by_id(plan->objects, id) != NULL;
}

// The same after a restart of causewayd as long as others do not interfere: the data plane then
// finds everything as it was.
static uint32_t
free_vtep_id(const struct plan *plan, const struct kernel_link *link)
{
	const uint32_t half = CW_MAX_VTEPS / 2;

	for (uint32_t i = 0; i < half; i++) {
		const uint32_t id = half + ((uint32_t)link->ifindex + i) % half;

		if (!id_is_taken(plan, id))
			return id;
	}
	return 0;
}

// That of its first device, for as long as the data plane has it. A name that is taken gets the
// identifier behind it.
static void
name_end(const struct plan *plan, struct vtep *vtep, const struct kernel_link *link)
{
	const struct vtep *present = vtep_by_id(plan->objects, vtep->id);

	if (present != NULL)
		snprintf(vtep->name, sizeof(vtep->name), "%s", present->name);
	else if (vtep_find(plan->objects, link->name) == NULL)
		snprintf(vtep->name, sizeof(vtep->name), "%s", link->name);
	else
		snprintf(vtep->name, sizeof(vtep->name), "%s-%u", link->name, vtep->id);
}

static void
begin_end(struct plan *plan, struct tunnel_end *end, const struct kernel_link *link, uint32_t port)
{
	const struct vtep *other =
		foreign_vtep(plan, end->wanted.kind, &end->wanted.address, end->wanted.udp_port);
	const struct vtep kept = end->wanted;

	end->pass = plan->pass;
	end->mac_of = 0;
	if (other == NULL && (end->id == 0 || end->is_static))
		end->id = free_vtep_id(plan, link);
	end->is_static = other != NULL;
	if (other != NULL)
		end->id = other->id;
	end->wanted = (struct vtep){
		.object = {.type = OBJECT_VTEP, .origin = plan_origin(RTPROT_BOOT, link)},
		.id = end->id,
		.port = port,
		.network = network_of_table(plan, RT_TABLE_MAIN),
		.kind = kept.kind,
		.ttl = link->ttl != 0 ? link->ttl : IPDEFTTL,
		.flags = link->checksum ? CW_VTEP_CHECKSUM : 0,
		.udp_port = kept.udp_port,
		.address = kept.address,
	};
	if (end->wanted.network == UINT32_MAX)
		end->wanted.network = 0;
	name_end(plan, &end->wanted, link);
}

struct add_own {
	struct tunnel_end *end;
	int32_t ifindex;
	bool found;
};

static void
add_own(void *arg, const void *entry)
{
	const struct kernel_address *address = entry;
	struct add_own *add = arg;
	struct vtep *vtep = &add->end->wanted;

	if (address->ifindex != add->ifindex)
		return;
	add->found = true;
	if (vtep->n_own < CW_MAX_VTEP_OWN)
		vtep->own[vtep->n_own++] = ip_host(&address->ip);
}

// Devices with one address and port differ in VNI. The end has the MAC of the first that routes:
// one with addresses of its own.
static void
join_end(struct plan *plan, struct tunnel_end *end, const struct kernel_link *link)
{
	struct add_own add = {.end = end, .ifindex = link->ifindex};
	struct vtep *vtep = &end->wanted;

	tables_each(plan->tables, TABLES_ADDRESSES, add_own, &add);
	if (link->kind == KERNEL_LINK_VXLAN && end->mac_of == 0 && add.found) {
		end->mac_of = link->ifindex;
		memcpy(vtep->mac, link->mac, sizeof(vtep->mac));
	}
	if (ip_is_multicast(&link->remote) && vtep->n_groups < CW_MAX_VTEP_GROUPS)
		vtep->groups[vtep->n_groups++] = link->remote;
}

static void
add_tunnel(void *arg, const void *entry)
{
	const struct kernel_link *link = entry;
	struct scan *scan = arg;
	struct plan *plan = scan->plan;
	struct tunnel_end *end;
	struct cw_ip local;
	uint32_t port;

	if ((link->kind != KERNEL_LINK_VXLAN && link->kind != KERNEL_LINK_IPIP)
		|| (link->flags & IFF_UP) == 0 || !plan_takes_interface(plan, link->name))
		return;
	local = local_address(plan, link);
	if (local.family == 0 || !find_uplink(scan, link, &local, &port))
		return;
	end = find_end(plan, link, &local);
	if (end == NULL)
		return;
	if (end->pass != plan->pass)
		begin_end(plan, end, link, port);
	if (end->id == 0)
		return;
	join_end(plan, end, link);
	add_device(plan, &(struct mirror_device){
				 .ifindex = link->ifindex,
				 .role = DEVICE_TUNNEL,
				 .is_up = true,
				 .vtep = end->id,
				 .link = link,
			 });
}

static void
put_ends(struct plan *plan)
{
	for (struct tunnel_end *end = plan->ends; end != NULL; end = end->next) {
		if (end->pass == plan->pass && !end->is_static && end->id != 0)
			plan_put(plan, object_copy(&end->wanted, sizeof(end->wanted)));
	}
}

static bool
end_is_in_tree(const struct plan *plan, uint32_t id)
{
	for (const struct tunnel_end *end = plan->ends; end != NULL; end = end->next)
		if (end->id == id && end->pass == plan->pass && !end->is_static)
			return true;
	return false;
}

bool
ends_collect(struct plan *plan)
{
	bool left = false;

	for (uint32_t id = 1; id < CW_MAX_VTEPS; id++) {
		struct vtep *vtep = vtep_by_id(plan->objects, id);

		if (vtep == NULL || !plan_owns(&vtep->object) || end_is_in_tree(plan, id))
			continue;
		if (objects_users(plan->objects, OBJECT_VTEP, id) == 0)
			plan_delete(plan, &vtep->object);
		else
			left = true;
	}
	return left;
}

int
devices_scan(struct plan *plan)
{
	const uint32_t room =
		plan->tables->counts[TABLES_LINKS] + objects_count(plan->objects, OBJECT_PORT) + 1;
	struct scan scan = {.plan = plan};

	free(plan->devices);
	plan->n_devices = 0;
	plan->devices = calloc(room, sizeof(plan->devices[0]));
	if (plan->devices == NULL || scan_networks(plan) < 0)
		return -ENOMEM;
	objects_each(plan->objects, OBJECT_PORT, add_uplink, plan);
	sort_devices(plan);
	scan.n_uplinks = plan->n_devices;
	tables_each(plan->tables, TABLES_LINKS, add_vlan, &scan);
	sort_devices(plan);
	scan.n_uplinks = plan->n_devices;
	tables_each(plan->tables, TABLES_LINKS, add_tunnel, &scan);
	sort_devices(plan);
	put_ends(plan);
	return 0;
}

void
devices_free(struct plan *plan)
{
	free(plan->devices);
	free(plan->by_table);
	free(plan->by_vni);
	while (plan->ends != NULL) {
		struct tunnel_end *end = plan->ends;

		plan->ends = end->next;
		free(end);
	}
}
