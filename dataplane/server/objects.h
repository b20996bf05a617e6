/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_OBJECTS_H
#define SERVER_OBJECTS_H

// What the control plane set, and how it gets into the data plane's tables. Main thread only.
//
// Changes come in batches: objects_set() and objects_del() change tables at once but leave what
// is better done once for many (flood lists, resolved next hops, grace periods, closing devices)
// to objects_settle(). After that no worker uses anything that was removed or replaced.

#include <stdint.h>

#include <causeway/wire.h>

#include "dataplane.h"
#include "reason.h"

struct event_base;
struct objects;
struct offload;
struct port_peer;

// Asynchronous news: a complete event item (cw_port_event, cw_table_full ...).
typedef void objects_emit(void *arg, const struct cw_item *event);

// Returns NULL: no memory.
struct objects *objects_create(struct dataplane *dp, objects_emit *emit, void *arg);
// Removes everything from the data plane.
void objects_free(struct objects *objects);
// Devices opened from now on tell their changes by this loop, where their driver can. The loop
// outlives objects.
void objects_watch_devices(struct objects *objects, struct event_base *base);

// Rules in devices follow the objects from now on; NULL: no more.
void objects_set_offload(struct objects *objects, struct offload *offload);

// Judges what the item says by itself: ranges, formats. The item's shape was checked.
// Returns 0, or -EINVAL or the like with why.
int objects_check(const struct cw_item *item, struct reason *why);

// Adds or replaces. fds: the n descriptors that belong to the item; those taken over are set to -1.
// An identical object is left untouched. On an error the former object stays, except that a port
// whose device could not be reopened is gone. Returns 0 or -errno with why.
int objects_set(struct objects *objects, const struct cw_item *item, int *fds, uint16_t n,
	struct reason *why);
// Removes an object and what depends on it. Reads the key fields only. Absent is no error. Returns
// 0, or -EINVAL with why when the key is out of range.
int objects_del(struct objects *objects, const struct cw_item *item, struct reason *why);
void objects_settle(struct objects *objects);

// Replay, in this order: begin; name for every item; sweep_early; set for every item in the order
// of object_apply_order; sweep_late.
void objects_epoch_begin(struct objects *objects);
// Marks the object that is already there, and gets what stands in the way of the new one out of it:
// devices to be reopened, addresses that move.
void objects_epoch_name(struct objects *objects, const struct cw_item *item);
void objects_epoch_release(struct objects *objects, const struct cw_item *item);
// Removes ports, endpoints and vteps that were not named.
void objects_epoch_sweep_early(struct objects *objects);
// Removes everything else that was not named, and settles.
void objects_epoch_sweep_late(struct objects *objects);

// Types so that what an object refers to comes before it; tunnels come after the groups that may be
// their underlays, and before the groups that hold them.
#define OBJECT_PASSES 10
// The pass (0 .. OBJECT_PASSES - 1) in which an item is to be set.
unsigned int object_pass(const struct cw_item *item);

// The wire object as last set, or NULL.
const struct cw_network *objects_network(const struct objects *objects, uint32_t id);
const struct cw_port *objects_port(const struct objects *objects, uint32_t id);
uint32_t objects_count(const struct objects *objects, uint16_t item_type);

// Device life, see devices.c and device_watch.c.
struct port *objects_device(const struct objects *objects, uint16_t port);
// The device of its parent, by which a sub-port sends; NULL for others.
const struct port *objects_carrier(const struct objects *objects, uint16_t port);
// State as last polled, with a sentence when it is not up.
uint8_t objects_device_state(
	const struct objects *objects, uint16_t port, const char **reason_text);
// What the device's peer told; zero where there is none. Valid until the next change.
const struct port_peer *objects_device_peer(const struct objects *objects, uint16_t port);
// Asks every device that does not tell by itself for its state, and emits what changed; sees to
// those that need repair. Twice a second.
void objects_poll_devices(struct objects *objects);

// Emits a cw_table_full, at most once a second for each type of object.
void objects_table_full(struct objects *objects, uint16_t item_type, uint16_t network);

#endif
