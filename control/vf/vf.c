/* SPDX-License-Identifier: Apache-2.0 */
#include "vf.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "vf_host.h"
#include "vf_identity.h"
#include "vf_mark.h"
#include "vf_news.h"
#include "vf_way.h"
#include "watch.h"

#define CHECK_S 5
#define SOON_MS 100 // after a device has come or gone: the kernel tells of several at once

// --- records

struct vf_record *
vf_find(const struct causewayd *d, const char *pci)
{
	struct vf_record *record = d->vfs->records;

	while (record != NULL && strcmp(record->pci, pci) != 0)
		record = record->next;
	return record;
}

struct endpoint *
vf_owner(const struct causewayd *d, const struct vf_record *record)
{
	struct endpoint *endpoint = endpoint_find(d->objects, record->container, record->ifname);

	return endpoint != NULL && strcmp(endpoint->vf.pci, record->pci) == 0 ? endpoint : NULL;
}

static void
forget(struct causewayd *d, struct vf_record *record)
{
	struct vf_record **at = &d->vfs->records;

	while (*at != NULL && *at != record)
		at = &(*at)->next;
	if (*at == record)
		*at = record->next;
	free(record);
}

int
vf_take_back(struct causewayd *d, struct vf_record *record)
{
	int ret = record->restored ? 0 : vf_restore(d, record);

	if (ret < 0)
		return ret;
	record->restored = true;
	// The row goes last: what a crash leaves is restored again, which changes nothing.
	vf_mark_remove(d->options.sriov_cni_dir, record->pci, record->netns);
	ret = vf_record_remove(d->store, record->pci);
	if (ret < 0) {
		snprintf(record->reason, sizeof(record->reason), "its record cannot be deleted: %s",
			store_message(d->store));
		return ret;
	}
	forget(d, record);
	return 0;
}

static void
look_again(struct vfs *vfs, unsigned int ms)
{
	const struct timeval in = {ms / 1000, (suseconds_t)(ms % 1000) * 1000};

	event_add(vfs->check, &in);
}

void
vf_detach(struct causewayd *d, const struct endpoint *endpoint)
{
	struct vf_record *record = vf_find(d, endpoint->vf.pci);

	if (record == NULL || strcmp(record->container, endpoint->container) != 0
		|| strcmp(record->ifname, endpoint->ifname) != 0)
		return;
	if (vf_take_back(d, record) == 0)
		return;
	log_warning("VF does not go back yet: %s pci=%s container=%s", record->reason, record->pci,
		record->container);
	look_again(d->vfs, SOON_MS);
}

// --- what happens to them

bool
vf_is_gone(struct causewayd *d, const struct endpoint *endpoint, char reason[VF_REASON_LEN])
{
	const struct vf_record *record = vf_find(d, endpoint->vf.pci);
	struct link_info info;
	int netns, ret;

	if (record == NULL || record->restored) {
		snprintf(reason, VF_REASON_LEN, "the pod has vanished, its VF %s was taken back",
			endpoint->vf.pci);
		return true;
	}
	ret = vf_identity_check(d->options.sysfs_root, record, reason);
	if (ret < 0) // a VF that cannot be looked at just now is not gone
		return ret == -ENODEV || ret == -ESTALE;
	snprintf(reason, VF_REASON_LEN, "the pod's namespace has vanished");
	if (record->mode == VF_MODE_KERNEL
		&& vf_host_netdev(d->netlink, d->options.sysfs_root, record->pci, &info) == 0)
		return true;
	if (endpoint->netns[0] == '\0')
		return false;
	netns = netns_reopen(endpoint->netns, &endpoint->netns_id);
	if (netns >= 0)
		close(netns);
	return netns == -ENOENT;
}

static void
tell_gone(struct causewayd *d, struct object *object, const char *reason)
{
	if (object == NULL || object->state == OBJECT_GONE)
		return;
	object_set_state(object, OBJECT_GONE, reason);
	watch_publish(d, (enum object_type)object->type, "state", object_show(d->objects, object));
}

// Of a VF that a pod has. A VF whose pod vanished is taken back at once, so that it is as it was
// when the next pod gets it; the endpoint waits for its DEL.
static void
check_owned(struct causewayd *d, struct vf_record *record, struct endpoint *endpoint)
{
	struct port *port = port_by_id(d->objects, endpoint->port);
	struct link_info info;
	char reason[VF_REASON_LEN];

	if (record->restored || !vf_is_gone(d, endpoint, reason))
		return;
	if (endpoint->object.state != OBJECT_GONE)
		log_info("pod with a VF is gone: %s pci=%s container=%s ifname=%s", reason,
			record->pci, record->container, record->ifname);
	tell_gone(d, &endpoint->object, reason);
	if (port != NULL)
		tell_gone(d, &port->object, reason);
	if (record->mode == VF_MODE_KERNEL
		&& vf_host_netdev(d->netlink, d->options.sysfs_root, record->pci, &info) == 0
		&& vf_restore(d, record) == 0)
		record->restored = true;
}

static void
check_nobodys(struct causewayd *d, struct vf_record *record)
{
	char pci[PCI_ADDRESS_LEN], before[VF_REASON_LEN];

	snprintf(pci, sizeof(pci), "%s", record->pci);
	snprintf(before, sizeof(before), "%s", record->reason);
	if (vf_take_back(d, record) == 0)
		log_info("VF was taken back pci=%s", pci);
	else if (strcmp(before, record->reason) != 0)
		log_warning("VF does not go back: %s pci=%s", record->reason, pci);
}

static void
check_all(struct causewayd *d)
{
	struct vf_record *record = d->vfs->records, *next;

	for (; record != NULL; record = next) {
		struct endpoint *endpoint = vf_owner(d, record);

		next = record->next;
		if (endpoint != NULL)
			check_owned(d, record, endpoint);
		else
			check_nobodys(d, record);
	}
}

static void
on_check(evutil_socket_t fd, short what, void *arg)
{
	struct vfs *vfs = arg;

	// A replay that has begun has the store's transaction open.
	if (vfs->d->dataplane == DATAPLANE_SYNCING) {
		look_again(vfs, SOON_MS);
		return;
	}
	check_all(vfs->d);
	vf_news_look(vfs->d);
	if (vfs->records != NULL)
		look_again(vfs, CHECK_S * 1000);
}

static void
on_changed(evutil_socket_t fd, short what, void *arg)
{
	struct vfs *vfs = arg;

	netlink_watch_read(vfs->watch);
	vf_news_look(vfs->d);
	if (vfs->records != NULL)
		look_again(vfs, SOON_MS);
}

void
vf_set_card_only(struct causewayd *d, struct object *object)
{
	const struct endpoint *endpoint = (const struct endpoint *)object;
	char reason[VF_REASON_LEN];

	if (object->type == OBJECT_PORT)
		endpoint = endpoint_by_port(d->objects, ((const struct port *)object)->id);
	if (endpoint == NULL || !endpoint->vf.away) {
		object_set_state(object, OBJECT_READY,
			"attached to the card alone: the switch has no uplink on its PF");
		return;
	}
	snprintf(reason, sizeof(reason),
		"uplink %s was deleted: the VF has no way to the switch until %s is added",
		endpoint->vf.uplink, endpoint->vf.named ? "it" : "one on its PF");
	object_set_state(object, OBJECT_WAITING, reason);
}

// --- life

struct vfs *
vfs_create(struct causewayd *d)
{
	struct vfs *vfs = calloc(1, sizeof(*vfs));

	if (vfs == NULL)
		return NULL;
	vfs->d = d;
	vfs->check = event_new(d->base, -1, 0, on_check, vfs);
	vfs->watch = netlink_watch(RTMGRP_LINK);
	if (vfs->watch >= 0)
		vfs->changed =
			event_new(d->base, vfs->watch, EV_READ | EV_PERSIST, on_changed, vfs);
	if (vfs->check == NULL || vf_ways_create(vfs) < 0 || vf_news_create(vfs) < 0) {
		vfs_free(vfs);
		return NULL;
	}
	if (vfs->changed != NULL)
		event_add(vfs->changed, NULL);
	else
		log_warning("VFs of vanished pods are found by the periodic check only");
	return vfs;
}

void
vfs_free(struct vfs *vfs)
{
	if (vfs == NULL)
		return;
	if (vfs->check != NULL)
		event_free(vfs->check);
	vf_news_free(vfs);
	if (vfs->ways != NULL)
		event_free(vfs->ways);
	if (vfs->changed != NULL)
		event_free(vfs->changed);
	if (vfs->watch >= 0)
		close(vfs->watch);
	while (vfs->records != NULL)
		forget(vfs->d, vfs->records);
	free(vfs);
}

static int
load_state(void *arg, struct object *object)
{
	if (object_is_card_only(object))
		vf_set_card_only(arg, object);
	return 0;
}

static int
load_row(void *arg, const char *key, const char *value)
{
	struct vfs *vfs = arg;
	struct vf_record *record = vf_record_read(value);

	if (record == NULL) {
		log_error("stored record of a VF cannot be used pci=%s", key);
		return -EUCLEAN;
	}
	record->next = vfs->records;
	vfs->records = record;
	return 0;
}

int
vfs_load(struct causewayd *d)
{
	const int ret = store_each(d->store, "vf", load_row, d->vfs);

	if (ret < 0) {
		log_error("the database cannot be read: %s", store_message(d->store));
		return ret;
	}
	objects_each(d->objects, OBJECT_PORT, load_state, d);
	objects_each(d->objects, OBJECT_ENDPOINT, load_state, d);
	check_all(d);
	vf_ways_look(d);
	if (d->vfs->records != NULL)
		look_again(d->vfs, CHECK_S * 1000);
	return 0;
}
