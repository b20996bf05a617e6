/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_OBJECTS_PRIVATE_H
#define SERVER_OBJECTS_PRIVATE_H

// What the object_*.c files share.

#include <rte_ether.h>

#include "object_table.h"
#include "objects.h"
#include "port.h"

struct event;
struct event_base;
struct offload;

#define NO_REFERENCE UINT16_MAX
#define OBJECT_TYPES (CW_ITEM_FLOOD - CW_ITEM_NETWORK + 1)

enum network_dirty {
	NETWORK_DIRTY_COPY = 1u << 0, // flood list, host port or the object itself changed
	NETWORK_DIRTY_NEIGHBORS = 1u << 1, // ready-made next hops of its neighbours
};

struct device {
	struct port *port; // NULL: none open
	struct port *carrier; // of a sub-port that is attached: its parent's device; else NULL
	uint16_t mtu_limit; // what the device takes at most, L3 bytes
	struct rte_ether_addr mac; // the device's own, as last published
	uint8_t state; // cw_port_state
	char reason[128];
	struct port_peer peer; // as last asked
	struct event *event; // of the driver's event_fd; NULL: its state is polled
	struct objects *objects; // whose event it is
};

struct objects {
	struct dataplane *dp;
	objects_emit *emit;
	void *arg;
	struct event_base *base; // NULL: devices are polled only
	struct offload *offload; // NULL: nothing is given to devices
	struct object_table table;
	struct object_list by_network[CW_MAX_NETWORKS], by_port[CW_MAX_PORTS];
	struct object *networks[CW_MAX_NETWORKS], *ports[CW_MAX_PORTS], *endpoints[CW_MAX_PORTS];
	uint32_t counts[OBJECT_TYPES];
	struct device devices[CW_MAX_PORTS];
	uint64_t mark; // of the current epoch
	bool in_epoch; // references must be named by it
	uint32_t n_trunks; // ports with a trunk
	struct dp_subports *subports[CW_MAX_PORTS]; // of ports that are parents, NULL: none
	uint32_t route_changes; // since nodes of the LPM were last reclaimed
	uint64_t full_tsc[OBJECT_TYPES];

	// Left to objects_settle():
	uint8_t network_dirty[CW_MAX_NETWORKS]; // network_dirty
	uint16_t dirty_networks[CW_MAX_NETWORKS];
	uint16_t n_dirty_networks;
	uint16_t closing[CW_MAX_PORTS]; // unpublished ports whose device is to be closed
	uint16_t n_closing;
	bool resolve; // next hops
	bool filters; // what devices are to let in may have changed
	bool wait; // something that workers may still use was replaced or removed
};

// objects.c
struct object *object_find(const struct objects *objects, const struct object_key *key);
// Removes an object, its dependants and what they have in the tables.
void object_remove(struct objects *objects, struct object *object);
void objects_dirty_network(struct objects *objects, uint16_t network, uint8_t what);
// What changed in a table may still be in use: objects_settle() waits.
static inline void
objects_changed(struct objects *objects)
{
	objects->wait = true;
	objects->resolve = true;
}

// object_key.c
void object_key_of(const struct cw_item *item, struct object_key *key);
void object_key_ip(struct object_key *key, uint16_t type, uint32_t network, const struct cw_ip *ip);
void object_key_mac(struct object_key *key, uint16_t type, uint32_t network, const uint8_t mac[6]);
// What lists the object is on: NO_REFERENCE where none.
void object_references(const struct cw_item *item, uint16_t *network, uint16_t *port);
// Text of an address for sentences.
const char *object_ip_text(const struct cw_ip *ip, char text[64]);
const char *object_mac_text(const uint8_t mac[6], char text[32]);

// object_<type>.c: judge references, put into tables, take out of tables. apply is called with the
// new object linked and 'old' (NULL, or what it replaces) unlinked; when it fails, old is linked
// again and its share of the tables is what it was. remove is called with the object unlinked.
int object_network_apply(
	struct objects *objects, struct object *object, struct object *old, struct reason *why);
void object_network_remove(struct objects *objects, struct object *object);
// Publishes a fresh copy with its flood list. Returns 0 or -ENOMEM (the former copy stays).
int object_network_rebuild(struct objects *objects, uint16_t id);

int object_port_refers(struct objects *objects, const struct cw_port *port, struct reason *why);
int object_port_apply(struct objects *objects, struct object *object, struct object *old, int *fds,
	uint16_t n, struct reason *why);
void object_port_remove(struct objects *objects, struct object *object);
// Publishes a fresh copy of the port for workers, with what its endpoint says. Its device is open.
// Returns 0 or -ENOMEM (the former copy stays).
int object_port_publish(struct objects *objects, const struct cw_port *port);
// Workers do not see it any more; its device is closed by objects_settle().
void object_port_unpublish(struct objects *objects, uint16_t id);
// Whether workers may send by it: a device is open, or its parent's carries it.
static inline bool
object_port_is_open(const struct objects *objects, uint32_t id)
{
	return objects->devices[id].port != NULL || objects->devices[id].carrier != NULL;
}
bool object_port_in_network(const struct cw_port *port, uint32_t network);
bool object_port_reopens(const struct cw_port *old, const struct cw_port *port);
// Trunk ports learn that a network came or went.
void object_ports_refresh_trunks(struct objects *objects, uint32_t network);

// object_subport.c: ports without a device, whose frames travel through their parent's.
// What a sub-port asks of its parent and of those that have the same one.
int object_subport_refers(struct objects *objects, const struct cw_port *port, struct reason *why);
// The same for a port that may have sub-ports.
int object_parent_refers(struct objects *objects, const struct cw_port *port, struct reason *why);
// Makes it known to workers; its parent is open. Returns 0 or -errno with why.
int object_subport_open(struct objects *objects, const struct cw_port *port, struct reason *why);
// A parent's device is open again: so are its sub-ports.
void object_subports_reopen(struct objects *objects, uint16_t parent);
// Workers see none of the parent's any more.
void object_subports_unpublish(struct objects *objects, uint16_t parent);
// Brings sub-ports to what they have of their parent, which was published in place of 'old'.
void object_subports_inherit(
	struct objects *objects, const struct dp_port *parent, const struct dp_port *old);
// What a sub-port's copy has of its parent's.
void object_subport_fill(const struct objects *objects, struct dp_port *copy);
// A sub-port is about to be unseen by workers, or is seen from now on: its tag is told to them.
void object_subport_tag(struct objects *objects, const struct dp_port *sub, bool is_there);
// Writes the tags of networks that the parent has only because sub-ports share them, and returns
// how many there are. There is room for DP_TAGS of them.
uint16_t object_subport_tags(
	const struct objects *objects, const struct cw_port *parent, struct cw_tag *tags);

int object_endpoint_refers(
	struct objects *objects, const struct cw_endpoint *endpoint, struct reason *why);
int object_endpoint_apply(
	struct objects *objects, struct object *object, struct object *old, struct reason *why);
void object_endpoint_remove(struct objects *objects, struct object *object);
// Gives back the addresses that 'next' does not have; next may be NULL.
void object_endpoint_release(struct objects *objects, const struct cw_endpoint *endpoint,
	const struct cw_endpoint *next);

// Puts into the table what an address should have: the router's before an endpoint's before a
// static one. Returns 0 or -errno.
int object_neighbor_refresh(struct objects *objects, uint16_t network, const struct cw_ip *ip);
int object_fdb_refresh(struct objects *objects, uint16_t network, const uint8_t mac[6]);
// The same for a prefix: a route before the router's connected subnet.
int object_route_refresh(struct objects *objects, uint16_t network, const struct cw_ip *prefix);

int object_fdb_refers(struct objects *objects, const struct cw_fdb *fdb, struct reason *why);
int object_neighbor_refers(
	struct objects *objects, const struct cw_neighbor *neighbor, struct reason *why);
int object_nexthop_refers(
	struct objects *objects, const struct cw_nexthop *nexthop, struct reason *why);
int object_route_refers(struct objects *objects, const struct cw_route *route, struct reason *why);

int object_vtep_refers(struct objects *objects, const struct cw_vtep *vtep, struct reason *why);
int object_vtep_apply(struct objects *objects, struct object *object, struct reason *why);
void object_vtep_remove(struct objects *objects, struct object *object);
// Whether packets for 'old' are not those for 'vtep'.
bool object_vtep_moves(const struct cw_vtep *old, const struct cw_vtep *vtep);
int object_flood_refers(struct objects *objects, const struct cw_flood *flood, struct reason *why);
// Takes the table to what the networks say of this VNI: of several, the one with the lowest
// identifier has it. Returns 0 or -ENOMEM.
int object_vni_refresh(struct objects *objects, uint32_t vni);

// Whether the next hop leads through a tunnel and may be referred to now.
int object_need_tunnel(
	struct objects *objects, uint32_t nexthop, const char *key, struct reason *why);
// Whether a network or port may be referred to now.
int object_need_network(struct objects *objects, uint32_t id, const char *key, struct reason *why);
int object_need_port(struct objects *objects, uint32_t id, const char *key, struct reason *why);

// devices.c
// Opens the device and makes it known to all workers; takes over those of the n descriptors, which
// become -1. Returns 0 or -errno with why; then no descriptor was taken.
int device_open(struct objects *objects, const struct cw_port *port, int *fds, uint16_t n,
	struct reason *why);
// Starts receiving; the port is published. Returns 0 or -errno with why.
int device_start(struct objects *objects, uint16_t id, struct reason *why);
// Closes what objects->closing names, after a grace period.
void devices_settle(struct objects *objects);

// device_watch.c
// Reads state and peer of a device that was just started, tells them, and from now on answers the
// driver's event_fd. Returns 0 or -ENOMEM.
int device_watch(struct objects *objects, uint16_t id);
void device_unwatch(struct device *device);
// Of sub-ports the state is their parent's.
void device_emit(struct objects *objects, uint16_t id);

// device_filters.c
// Tells devices that ask for it which tags and groups to let in.
void devices_set_filters(struct objects *objects);

#endif
