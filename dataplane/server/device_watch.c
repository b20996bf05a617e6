/* SPDX-License-Identifier: Apache-2.0 */
// What changes about an open device by itself: state, capabilities, peer.

#include <errno.h>
#include <unistd.h>

#include <event2/event.h>

#include "log.h"
#include "objects_private.h"
#include "worker.h"

static const char *
state_name(uint8_t state)
{
	switch (state) {
	case CW_PORT_UP:
		return "up";
	case CW_PORT_DOWN:
		return "down";
	default:
		return "gone";
	}
}

static void
read_state(struct device *device)
{
	device->reason[0] = '\0';
	if (device->port->driver->state == NULL)
		device->state = CW_PORT_UP;
	else
		device->state = (uint8_t)device->port->driver->state(
			device->port, device->reason, sizeof(device->reason));
}

static void
read_peer(struct device *device)
{
	memset(&device->peer, 0, sizeof(device->peer));
	if (device->port->driver->peer != NULL)
		device->port->driver->peer(device->port, &device->peer);
}

// Whose state the port has: a sub-port its parent's.
static const struct device *
device_of(const struct objects *objects, uint16_t id)
{
	const struct device *device = &objects->devices[id];
	const struct cw_port *port = objects_port(objects, id);

	return device->carrier != NULL && port != NULL ? &objects->devices[port->parent] : device;
}

static void
emit_one(struct objects *objects, uint16_t id)
{
	const struct device *device = device_of(objects, id);
	struct cw_port_event event = {
		.item = {.type = CW_ITEM_PORT_EVENT, .length = sizeof(event)},
		.port = id,
		.state = device->state,
	};

	static_assert(sizeof(event.reason) == sizeof(device->reason), "copied whole");
	memcpy(event.reason, device->reason, sizeof(event.reason));
	objects->emit(objects->arg, &event.item);
}

void
device_emit(struct objects *objects, uint16_t id)
{
	const struct object *object;

	emit_one(objects, id);
	LIST_FOREACH (object, &objects->by_port[id], port_link)
		if (object->key.type == CW_ITEM_PORT
			&& objects->devices[object->key.id].carrier != NULL)
			emit_one(objects, (uint16_t)object->key.id);
}

// Workers decide by the published copy what a frame must be before it is sent.
static void
republish(struct objects *objects, uint16_t id)
{
	const struct dp_port *seen = dp_port_get(objects->dp, id);
	const struct port *port = objects->devices[id].port;

	if (seen == NULL
		|| (seen->capabilities == port->capabilities
			&& memcmp(&objects->devices[id].mac, &port->mac, sizeof(port->mac)) == 0))
		return;
	objects->devices[id].mac = port->mac;
	if (object_port_publish(objects, objects_port(objects, id)) != 0)
		log_line(LOG_WARNING, "capabilities of a port are not taken over",
			"port=%u name=%s error=\"no memory\"", id, port->name);
}

// Workers leave a device that needs it alone from the moment it says so: those that are at it are
// waited for.
static void
repair(struct objects *objects, struct port *port)
{
	if (port->driver->needs_repair == NULL || !port->driver->needs_repair(port))
		return;
	rcu_wait(objects->dp);
	port->driver->repair(port);
}

static void
refresh(struct objects *objects, uint16_t id)
{
	struct device *device = &objects->devices[id];
	const struct port_peer peer = device->peer;
	const uint8_t state = device->state;

	repair(objects, device->port);
	read_state(device);
	read_peer(device);
	republish(objects, id);
	if (device->state == state && memcmp(&device->peer, &peer, sizeof(peer)) == 0)
		return;
	log_line(device->state == CW_PORT_GONE ? LOG_WARNING : LOG_INFO, "port changed",
		"port=%u name=%s state=%s reason=\"%s\" connects=%u", id, device->port->name,
		state_name(device->state), device->reason, device->peer.connects);
	device_emit(objects, id);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	const struct device *device = arg;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0 && errno == EAGAIN)
		return;
	refresh(device->objects, device->port->id);
}

static int
watch(struct objects *objects, struct device *device)
{
	const struct port_driver *driver = device->port->driver;
	const int fd = objects->base != NULL && driver->event_fd != NULL
			       ? driver->event_fd(device->port)
			       : -1;

	if (fd < 0)
		return 0;
	device->objects = objects;
	device->event = event_new(objects->base, fd, EV_READ | EV_PERSIST, on_event, device);
	return device->event != NULL && event_add(device->event, NULL) == 0 ? 0 : -ENOMEM;
}

int
device_watch(struct objects *objects, uint16_t id)
{
	struct device *device = &objects->devices[id];
	const int error = watch(objects, device);

	read_state(device);
	read_peer(device);
	republish(objects, id);
	device_emit(objects, id);
	return error;
}

void
device_unwatch(struct device *device)
{
	if (device->event != NULL)
		event_free(device->event);
	device->event = NULL;
}

void
objects_poll_devices(struct objects *objects)
{
	for (uint16_t id = 1; id < CW_MAX_PORTS; id++) {
		const struct device *device = &objects->devices[id];

		if (device->port != NULL
			&& (device->event == NULL || device->port->driver->needs_repair != NULL))
			refresh(objects, id);
	}
}

const struct port *
objects_carrier(const struct objects *objects, uint16_t port)
{
	return port < CW_MAX_PORTS ? objects->devices[port].carrier : NULL;
}

struct port *
objects_device(const struct objects *objects, uint16_t port)
{
	return port < CW_MAX_PORTS ? objects->devices[port].port : NULL;
}

uint8_t
objects_device_state(const struct objects *objects, uint16_t port, const char **reason_text)
{
	const struct device *device = device_of(objects, port);

	*reason_text = device->reason;
	return device->port != NULL ? device->state : CW_PORT_DOWN;
}

const struct port_peer *
objects_device_peer(const struct objects *objects, uint16_t port)
{
	return &objects->devices[port].peer;
}
