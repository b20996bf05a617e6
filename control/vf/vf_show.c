/* SPDX-License-Identifier: Apache-2.0 */
#include "vf_show.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "objects/json.h"
#include "vf_host.h"
#include "vf_mark.h"
#include "vf_uplink.h"

#define MAX_VFS 256 // of one PF

// A card while its VFs are shown.
struct card {
	struct causewayd *d;
	const char *only; // PF that is asked for, NULL: all
	cJSON *list;
	struct link_info pf; // name "": the PF has no interface here
	struct vf_settings settings[MAX_VFS];
};

// --- whose it is

static cJSON *
add_owner(struct causewayd *d, const struct sriov_vf *vf, cJSON *json)
{
	const struct vf_record *record = vf_find(d, vf->address);
	const struct endpoint *endpoint = record != NULL ? vf_owner(d, record) : NULL;
	const struct port *port = port_of_device(d, vf->address);
	char text[CONTAINER_LEN + IFNAMSIZ + 8], netns[PATH_MAX], reason[VF_REASON_LEN];
	const char *state = "free", *why = NULL;

	text[0] = '\0';
	if (port == NULL)
		port = port_of_representor(d, vf->pf, vf->index);
	if (record != NULL) {
		state = endpoint == NULL ? "restoring" : "attached";
		why = record->reason;
		snprintf(text, sizeof(text), "%s/%s", record->container, record->ifname);
		if (endpoint != NULL && vf_is_gone(d, endpoint, reason)) {
			state = "gone";
			why = reason;
		} else if (endpoint != NULL && object_is_card_only(&endpoint->object)) {
			state = endpoint->object.state == OBJECT_WAITING ? "waiting" : "attached";
			why = endpoint->object.reason;
		}
	} else if (port != NULL) {
		state = "port";
		snprintf(text, sizeof(text), "port %s", port->name);
	} else if (vf_mark_read(d->options.sriov_cni_dir, vf->address, netns, sizeof(netns)) == 0
		   && netns[0] != '\0') {
		state = "foreign";
		snprintf(text, sizeof(text), "netns %.200s", netns);
	}
	if (text[0] != '\0')
		cJSON_AddStringToObject(json, "owner", text);
	if (endpoint != NULL && endpoint->pod_name[0] != '\0')
		cJSON_AddStringToObject(json, "pod", endpoint->pod_name);
	cJSON_AddStringToObject(json, "state", state);
	if (why != NULL && why[0] != '\0')
		cJSON_AddStringToObject(json, "reason", why);
	return json;
}

// --- its interface

static int
find_in_pod(const struct vf_record *record, struct link_info *info)
{
	int netns = netns_reopen(record->netns, &record->netns_id), ret;
	struct nl_sock *sock;

	if (netns < 0)
		return netns;
	ret = netlink_open_in(netns, &sock);
	close(netns);
	if (ret < 0)
		return ret;
	ret = vf_host_netdev(sock, NULL, record->pci, info);
	netlink_close(sock);
	return ret;
}

// Of a VF without an interface that can be seen, what the PF makes of its link.
static bool
has_link(const struct card *card, const struct vf_settings *settings)
{
	if ((settings->known & VF_LINK_STATE) != 0 && settings->link_state != VF_LINK_AUTO)
		return settings->link_state == VF_LINK_ENABLE;
	return (card->pf.flags & IFF_RUNNING) != 0;
}

static void
add_link(const struct card *card, const struct sriov_vf *vf, const struct vf_settings *settings,
	cJSON *json)
{
	struct causewayd *d = card->d;
	const struct vf_record *record = vf_find(d, vf->address);
	struct link_info info;
	bool up;
	int ret = vf_host_netdev(d->netlink, d->options.sysfs_root, vf->address, &info);

	if (ret < 0 && record != NULL && record->mode == VF_MODE_KERNEL)
		ret = find_in_pod(record, &info);
	if (ret == 0) {
		cJSON_AddStringToObject(json, "ifname", info.name);
		up = (info.flags & IFF_RUNNING) != 0;
	} else {
		up = has_link(card, settings);
	}
	cJSON_AddStringToObject(json, "link", up ? "up" : "down");
}

// --- the whole

static void
add_counters(const struct vf_settings *settings, cJSON *json)
{
	cJSON *counters = cJSON_AddObjectToObject(json, "counters");

	json_add_u64(counters, "rx_packets", settings->rx_packets);
	json_add_u64(counters, "rx_bytes", settings->rx_bytes);
	json_add_u64(counters, "rx_dropped", settings->rx_dropped);
	json_add_u64(counters, "broadcast", settings->broadcast);
	json_add_u64(counters, "multicast", settings->multicast);
	json_add_u64(counters, "tx_packets", settings->tx_packets);
	json_add_u64(counters, "tx_bytes", settings->tx_bytes);
	json_add_u64(counters, "tx_dropped", settings->tx_dropped);
}

static void
add_place(struct causewayd *d, const struct sriov_vf *vf, const char *pf_ifname, cJSON *json)
{
	const char *root = d->options.sysfs_root;
	char driver[PCI_DRIVER_LEN] = "", ifname[IFNAMSIZ];
	const int numa = pci_numa(root, vf->address);

	cJSON_AddStringToObject(json, "pci", vf->address);
	cJSON_AddStringToObject(json, "pf", vf->pf);
	if (pf_ifname[0] != '\0')
		cJSON_AddStringToObject(json, "pf_ifname", pf_ifname);
	cJSON_AddNumberToObject(json, "index", vf->index);
	pci_driver(root, vf->address, driver);
	cJSON_AddStringToObject(json, "driver", driver);
	cJSON_AddStringToObject(json, "mode",
		driver[0] == '\0'            ? "none"
		: pci_is_dpdk_driver(driver) ? "dpdk"
					     : "kernel");
	if (numa >= 0)
		cJSON_AddNumberToObject(json, "numa", numa);
	if (sriov_representor(root, vf->pf, vf->index, ifname) == 0)
		cJSON_AddStringToObject(json, "representor", ifname);
}

static cJSON *
show(const struct card *card, const struct sriov_vf *vf)
{
	static const struct vf_settings unknown;
	const struct vf_settings *settings =
		vf->index < MAX_VFS ? &card->settings[vf->index] : &unknown;
	cJSON *json = cJSON_CreateObject(), *shown;

	add_place(card->d, vf, card->pf.name, json);
	add_owner(card->d, vf, json);
	add_link(card, vf, settings, json);
	shown = cJSON_AddObjectToObject(json, "settings");
	endpoint_vf_settings(settings, VF_SETTINGS_ALL, shown);
	if (settings->known != 0)
		add_counters(settings, json);
	return json;
}

static void
open_card(struct card *card, const char *pf)
{
	memset(card->settings, 0, sizeof(card->settings));
	card->pf = (struct link_info){0};
	if (vf_host_pf(card->d->netlink, card->d->options.sysfs_root, pf, &card->pf) == 0)
		vf_host.list(card->d->netlink, card->pf.ifindex, card->settings, MAX_VFS);
}

static int
add_card(const char *pf, void *arg)
{
	struct card *card = arg;
	const char *root = card->d->options.sysfs_root;
	unsigned int num = 0, total;
	struct sriov_vf vf = {0};

	if (sriov_counts(root, pf, &num, &total) < 0 || num == 0)
		return 0;
	open_card(card, pf);
	if (card->only != NULL && strcmp(card->only, pf) != 0
		&& strcmp(card->only, card->pf.name) != 0)
		return 0;
	snprintf(vf.pf, sizeof(vf.pf), "%s", pf);
	for (vf.index = 0; vf.index < num; vf.index++)
		if (sriov_vf_address(root, pf, vf.index, vf.address) == 0)
			cJSON_AddItemToArray(card->list, show(card, &vf));
	return 0;
}

cJSON *
vf_show_list(struct causewayd *d, const char *pf)
{
	struct card *card = calloc(1, sizeof(*card));
	char address[PCI_ADDRESS_LEN];
	cJSON *list = cJSON_CreateArray();

	if (card == NULL)
		return list;
	card->d = d;
	card->list = list;
	card->only = pf != NULL && pci_address_parse(pf, address) ? address : pf;
	sriov_each_pf(d->options.sysfs_root, add_card, card);
	free(card);
	return list;
}

static void
add_record(const struct vf_record *record, cJSON *json)
{
	cJSON *original = cJSON_AddObjectToObject(json, "original");

	endpoint_vf_settings(&record->original, VF_SETTINGS_ALL, original);
	if (record->name[0] != '\0') {
		cJSON_AddStringToObject(original, "ifname", record->name);
		cJSON_AddNumberToObject(original, "mtu", record->mtu);
	}
	cJSON_AddStringToObject(original, "driver", record->driver);
	if (record->own_us == 0)
		return; // another causewayd attached it
	cJSON_AddNumberToObject(json, "attach_own_us", (double)record->own_us);
	cJSON_AddNumberToObject(json, "attach_driver_us", (double)record->driver_us);
}

cJSON *
vf_show(struct causewayd *d, const char *pci)
{
	struct card *card = calloc(1, sizeof(*card));
	const struct vf_record *record = vf_find(d, pci);
	struct sriov_vf vf;
	cJSON *json = NULL;

	if (card != NULL && sriov_find(d->options.sysfs_root, pci, &vf) == 0) {
		card->d = d;
		open_card(card, vf.pf);
		json = show(card, &vf);
		if (record != NULL)
			add_record(record, json);
	}
	free(card);
	return json;
}

cJSON *
vf_show_endpoint(struct causewayd *d, const struct endpoint *endpoint)
{
	const struct endpoint_vf *vf = &endpoint->vf;
	struct sriov_vf place = {.index = vf->index};
	cJSON *json = cJSON_CreateObject();
	struct vf_settings now;
	struct link_info pf = {0};
	int ret;

	snprintf(place.address, sizeof(place.address), "%s", vf->pci);
	snprintf(place.pf, sizeof(place.pf), "%s", vf->pf);
	ret = vf_host_pf(d->netlink, d->options.sysfs_root, vf->pf, &pf);
	add_place(d, &place, pf.name, json);
	cJSON_ReplaceItemInObjectCaseSensitive(
		json, "mode", cJSON_CreateString(endpoint_vf_modes[vf->mode]));
	cJSON_AddStringToObject(json, "path", endpoint_vf_paths[vf->path]);
	if (vf->uplink[0] != '\0' && !vf->away)
		cJSON_AddStringToObject(json, "uplink", vf->uplink);
	if (vf->bind[0] != '\0')
		cJSON_AddStringToObject(json, "bind", vf->bind);
	if (ret == 0 && vf_host_get(d->netlink, pf.ifindex, vf->index, &now) == 0)
		endpoint_vf_settings(&now, VF_SETTINGS_ALL, json);
	return json;
}
