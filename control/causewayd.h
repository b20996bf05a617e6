/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_CAUSEWAYD_H
#define CONTROL_CAUSEWAYD_H

// What all parts of the daemon share. One thread, one event loop.

#include <event2/event.h>

#include "dp/dp.h"
#include "netlink.h"
#include "objects/objects.h"
#include "options.h"
#include "store/store.h"

struct api;
struct changes;
struct flannel;
struct learned_peers;
struct leases;
struct mirror;
struct nic_ports;
struct sync;
struct tombstones;
struct uplinks;
struct vfs;

enum dataplane_state {
	DATAPLANE_AWAY,
	DATAPLANE_SYNCING, // connected, is being told everything
	DATAPLANE_READY, // has everything; changes go to it at once
};

// Our duplicates of a port's descriptors; none: not known, or not kept for the kind.
struct device {
	int fds[CW_MAX_QUEUES];
	unsigned int n;
	bool holds_netns; // opened in the pod's namespace, which lives as long as they do
};

struct causewayd {
	struct options options;
	struct event_base *base;
	struct store *store;
	struct objects *objects;
	struct dp *dp;
	struct sync *sync;
	struct changes *changes;
	struct api *api;
	struct tombstones *tombstones; // NULL: not watched
	struct flannel *flannel; // NULL: not configured
	struct mirror *mirror; // NULL: the kernel's tables are not followed
	struct leases *leases; // NULL: not configured
	struct learned_peers *learned_peers;
	struct uplinks *uplinks;
	struct nic_ports *nic_ports;
	struct vfs *vfs;
	struct nl_sock *netlink; // in our own namespace
	bool offload_off; // the node's switch, see offload_switch.h
	enum dataplane_state dataplane;
	uint64_t epoch; // last committed
	uint16_t n_workers; // of the data plane; 0: not known
	uint64_t started_ms; // CLOCK_MONOTONIC
	struct device devices[CW_MAX_PORTS]; // by port
};

// Builds everything in options' directories; nothing runs yet. Returns NULL with a logged reason.
struct causewayd *causewayd_create(const struct options *options);
// Loads the store, deletes what was interrupted, makes network "default". 0 or -errno, logged.
int causewayd_load(struct causewayd *d);
// control.sock, dp.sock. Returns 0 or -errno, logged.
int causewayd_serve(struct causewayd *d);
void causewayd_free(struct causewayd *d); // accepts NULL

uint64_t causewayd_now_ms(void);

#endif
