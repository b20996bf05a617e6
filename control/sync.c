/* SPDX-License-Identifier: Apache-2.0 */
#include "sync.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "changes.h"
#include "device.h"
#include "learned_peers.h"
#include "log.h"
#include "mirror/mirror.h"
#include "network_change.h"
#include "nic_port.h"
#include "uplink.h"
#include "vf/vf_way.h"
#include "watch.h"

// One replay. It ends with the connection, whose requests then all fail.
struct sync {
	struct causewayd *d;
	unsigned int waiting; // ports whose descriptors are asked for, and 1 while asking
	struct object **sent; // by index of the batch
	unsigned int n_sent;
	struct batch *batch;
	unsigned int rank; // those that others refer to come first
	bool store_failed;
	uint64_t epoch, started_ms;
	unsigned int refused;
};

struct asked {
	struct sync *sync;
	uint32_t port;
};

static void replay(struct sync *sync);

void
sync_free(struct sync *sync)
{
	if (sync == NULL)
		return;
	free(sync->sent);
	free(sync);
}

// --- descriptors

static void
store_port(struct sync *sync, const struct port *port)
{
	struct store *store = sync->d->store;
	cJSON *json = port_class.to_json(sync->d->objects, &port->object);
	char *text = cJSON_PrintUnformatted(json);

	cJSON_Delete(json);
	if (text == NULL || store_put(store, "port", port->name, text) < 0)
		sync->store_failed = true;
	cJSON_free(text);
}

// New sockets of a veth kind are another device to the data plane.
static void
reopen(struct sync *sync, struct port *port)
{
	char reason[160] = "";
	const int ret = device_reopen(sync->d, port, reason, sizeof(reason));

	if (ret == 0) {
		port->generation = generation_new();
		store_port(sync, port);
		return;
	}
	object_set_state(&port->object, OBJECT_GONE, reason);
	log_warning("port is left out: %s port=%s ifname=%s", reason, port->name, port->ifname);
}

static void
answered(struct sync *sync)
{
	if (--sync->waiting > 0)
		return;
	if (store_commit(sync->d->store) < 0 || sync->store_failed) {
		store_rollback(sync->d->store);
		log_error("ports cannot be stored: %s", store_message(sync->d->store));
	}
	replay(sync);
}

// Descriptors that the data plane kept over our restart.
static void
take_back(struct sync *sync, struct port *port, const struct dp_reply *reply)
{
	int ret;

	device_keep(sync->d, port->id, reply->fds, reply->frame->n_fds);
	for (unsigned int i = 0; i < reply->frame->n_fds; i++)
		reply->fds[i] = -1;
	if (!port_is_uplink_device(port))
		return;
	ret = uplink_adopt(sync->d, port);
	if (ret == 0)
		return;
	log_warning("uplink is opened again: %s port=%s ifname=%s", strerror(-ret), port->name,
		port->ifname);
	device_forget(sync->d, port->id);
	reopen(sync, port);
}

static void
on_descriptors(void *arg, const struct dp_reply *reply)
{
	struct asked *asked = arg;
	struct sync *sync = asked->sync;
	struct port *port = port_by_id(sync->d->objects, asked->port);

	free(asked);
	if (reply == NULL)
		return; // the whole replay is over
	if (reply->frame->n_fds > 0 && reply->frame->n_fds <= CW_MAX_QUEUES)
		take_back(sync, port, reply);
	else
		reopen(sync, port);
	answered(sync);
}

static int
ask_for_descriptors(void *arg, struct object *object)
{
	struct sync *sync = arg;
	const struct port *port = (const struct port *)object;
	struct dp_frame *frame;
	struct cw_port *item;
	struct asked *asked;

	if (!port_needs_descriptors(port) || sync->d->devices[port->id].n > 0)
		return 0;
	frame = dp_frame_new(CW_GET_PORT_FDS);
	asked = malloc(sizeof(*asked));
	if (frame == NULL || asked == NULL) {
		dp_frame_free(frame);
		free(asked);
		return -ENOMEM;
	}
	*asked = (struct asked){.sync = sync, .port = port->id};
	item = (struct cw_port *)dp_frame_add(frame, CW_ITEM_PORT, sizeof(*item));
	item->id = port->id;
	if (dp_request(sync->d->dp, frame, on_descriptors, asked) < 0) {
		free(asked);
		return -ENOTCONN;
	}
	sync->waiting++;
	return 0;
}

// --- the objects

// Ports whose device has vanished are left out, and what stands or falls with them.
static bool
is_left_out(struct sync *sync, struct object *object)
{
	const struct port *port = (const struct port *)object;

	if (object->type == OBJECT_ENDPOINT)
		port = port_by_id(sync->d->objects, ((const struct endpoint *)object)->port);
	else if (object->type != OBJECT_PORT)
		return false;
	if (object_is_card_only(object))
		return true;
	if (port == NULL || !port_needs_descriptors(port) || sync->d->devices[port->id].n > 0)
		return false;
	if (object->type == OBJECT_ENDPOINT)
		object_set_state(object, OBJECT_GONE, port->object.reason);
	return true;
}

static int
add(void *arg, struct object *object)
{
	struct sync *sync = arg;

	if (is_left_out(sync, object))
		return 0;
	if (object_rank(object) != sync->rank)
		return 0;
	batch_set(sync->batch, object);
	sync->sent[sync->n_sent++] = object;
	return 0;
}

static void
on_refused(void *arg, unsigned int index, int error, const char *reason)
{
	struct sync *sync = arg;
	struct object *object = sync->sent[index];
	char key[OBJECT_KEY_LEN];

	object_class(object)->key(sync->d->objects, object, key, sizeof(key));
	object_set_state(object, OBJECT_REFUSED, reason[0] != '\0' ? reason : strerror(-error));
	if (sync->refused++ < 20)
		log_warning("data plane refused %s %s: %s error=%d", object_class(object)->name,
			key, reason, error);
}

static void
take_port_info(struct causewayd *d, const struct cw_port_info *info)
{
	struct port *port = port_by_id(d->objects, info->id);

	if (port == NULL || port->object.state == OBJECT_REFUSED)
		return;
	if (info->state == CW_PORT_UP)
		object_set_state(&port->object, OBJECT_READY, NULL);
	else
		object_set_state(&port->object,
			info->state == CW_PORT_GONE ? OBJECT_GONE : OBJECT_DOWN, info->reason);
}

static void
on_node(void *arg, const struct dp_reply *reply)
{
	struct causewayd *d = arg;
	const struct cw_item *item = NULL;
	uint16_t n_workers = 0;
	bool bad = false;

	if (reply == NULL)
		return;
	while ((item = cw_item_next(reply->frame, item, &bad)) != NULL) {
		if (item->type == CW_ITEM_WORKER_INFO)
			n_workers++;
		else if (item->type == CW_ITEM_PORT_INFO)
			take_port_info(d, (const struct cw_port_info *)item);
	}
	if (n_workers > 0)
		d->n_workers = n_workers;
	if (reply->more)
		return;
	d->dataplane = DATAPLANE_READY;
	vf_ways_look(d); // it may have refused an uplink before, or its device was away
	watch_health(d);
	changes_wake(d->changes);
}

// Sockets that live as long as the data plane's session are not ours any more: with one of them
// here a device would not fall back to the kernel when the data plane dies.
static void
forget_session(struct causewayd *d)
{
	for (uint32_t id = 1; id < CW_MAX_PORTS; id++) {
		const struct port *port = port_by_id(d->objects, id);

		if (port != NULL && !port_keeps_descriptors(port))
			device_forget(d, id);
	}
}

static void
on_replayed(void *arg, bool lost)
{
	struct sync *sync = arg;
	struct causewayd *d = sync->d;

	sync->batch = NULL;
	if (lost) {
		// Of a connection that still stands this end is ours: no memory, no descriptors.
		if (dp_is_connected(d->dp))
			dp_disconnect(d->dp, "the replay failed");
		return;
	}
	// Events may have said already which ports wait for a peer.
	for (unsigned int i = 0; i < sync->n_sent; i++)
		if (sync->sent[i]->state != OBJECT_REFUSED && sync->sent[i]->state != OBJECT_DOWN)
			object_set_state(sync->sent[i], OBJECT_READY, NULL);
	forget_session(d);
	uplinks_changed(d->uplinks); // what the data plane refused is known now
	d->epoch = sync->epoch;
	log_info("data plane has everything objects=%u refused=%u ms=%llu", sync->n_sent,
		sync->refused, (unsigned long long)(causewayd_now_ms() - sync->started_ms));
	if (dp_request(d->dp, dp_frame_new(CW_GET_NODE), on_node, d) < 0)
		dp_disconnect(d->dp, "no memory");
}

static void
replay(struct sync *sync)
{
	static const struct batch_handler handler = {on_refused, on_replayed};
	struct causewayd *d = sync->d;
	size_t n = 0;

	for (unsigned int type = 0; type < OBJECT_TYPES; type++)
		n += objects_count(d->objects, type);
	sync->sent = calloc(n + 1, sizeof(struct object *));
	sync->batch = batch_new(d, &handler, sync);
	if (sync->sent == NULL || sync->batch == NULL) {
		dp_disconnect(d->dp, "no memory");
		return;
	}
	batch_begin(sync->batch, sync->epoch);
	for (unsigned int type = 0; type < OBJECT_TYPES; type++) {
		const unsigned int ranks = object_ranks(type);

		for (sync->rank = 0; sync->rank < ranks; sync->rank++)
			objects_each(d->objects, type, add, sync);
	}
	batch_commit(sync->batch, sync->epoch);
	batch_send(sync->batch);
}

static void
on_connected(void *arg)
{
	struct causewayd *d = arg;
	struct sync *sync = calloc(1, sizeof(*sync));

	if (sync == NULL) {
		dp_disconnect(d->dp, "no memory");
		return;
	}
	*sync = (struct sync){
		.d = d, .waiting = 1, .epoch = generation_new(), .started_ms = causewayd_now_ms()};
	sync_free(d->sync);
	d->sync = sync;
	d->dataplane = DATAPLANE_SYNCING;
	watch_health(d);
	nic_ports_bind(d);
	if (store_begin(d->store) < 0)
		sync->store_failed = true;
	if (objects_each(d->objects, OBJECT_PORT, ask_for_descriptors, sync) < 0) {
		dp_disconnect(d->dp, "no memory");
		return;
	}
	answered(sync);
}

static int
forget_state(void *arg, struct object *object)
{
	if (object->state != OBJECT_GONE && !object_is_card_only(object))
		object_set_state(object, OBJECT_WAITING, NULL);
	return 0;
}

static void
on_disconnected(void *arg)
{
	struct causewayd *d = arg;

	store_rollback(d->store); // of a replay that was asking for descriptors
	forget_session(d);
	sync_free(d->sync);
	d->sync = NULL;
	d->dataplane = DATAPLANE_AWAY;
	for (unsigned int type = 0; type < OBJECT_TYPES; type++)
		objects_each(d->objects, type, forget_state, NULL);
	watch_trace_end(d);
	watch_health(d);
	changes_wake(d->changes);
}

// --- news

static void
publish_state(struct causewayd *d, struct object *object)
{
	watch_publish(d, (enum object_type)object->type, "state", object_show(d->objects, object));
}

static void
take_port_event(struct causewayd *d, const struct cw_port_event *event)
{
	struct port *port = port_by_id(d->objects, event->port);
	struct endpoint *endpoint = endpoint_by_port(d->objects, event->port);
	enum object_state state = OBJECT_READY;

	if (port == NULL || port_is_card_only(port))
		return;
	if (event->state != CW_PORT_UP)
		state = event->state == CW_PORT_GONE ? OBJECT_GONE : OBJECT_DOWN;
	if (state == OBJECT_READY)
		log_debug("port is up port=%s", port->name);
	else
		log_info("port is %s: %s port=%s", object_state_name(state), event->reason,
			port->name);
	object_set_state(&port->object, state, event->reason);
	if (state == OBJECT_GONE)
		uplinks_changed(d->uplinks);
	publish_state(d, &port->object);
	if (endpoint != NULL && state != OBJECT_DOWN) {
		object_set_state(&endpoint->object, state, event->reason);
		publish_state(d, &endpoint->object);
	}
}

static void
on_event(void *arg, const struct cw_item *item)
{
	struct causewayd *d = arg;

	switch (item->type) {
	case CW_ITEM_PORT_EVENT:
		take_port_event(d, (const struct cw_port_event *)item);
		break;
	case CW_ITEM_TRACE_RECORD:
		watch_trace(d, (const struct cw_trace_record *)item);
		break;
	case CW_ITEM_NEIGHBOR_WANTED:
		mirror_wanted(d->mirror, (const struct cw_neighbor_wanted *)item);
		break;
	case CW_ITEM_REMOTE_WANTED:
		learned_peers_wanted(d->learned_peers, (const struct cw_remote_wanted *)item);
		break;
	case CW_ITEM_TABLE_FULL: {
		const struct cw_table_full *full = (const struct cw_table_full *)item;

		log_warning("a table of the data plane is full item=%u network=%s", full->object,
			network_name(d->objects, full->network));
		break;
	}
	default:
		break;
	}
}

const struct dp_handler sync_handler = {
	.connected = on_connected,
	.disconnected = on_disconnected,
	.event = on_event,
};
