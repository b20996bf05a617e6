/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "log.h"
#include "objects_private.h"
#include "tables/fdb.h"
#include "worker.h"
#include "worker_control.h"

static uint16_t
wanted_queues(const struct objects *objects, const struct cw_port *port, uint16_t n_fds)
{
	const uint16_t natural = n_fds != 0 ? n_fds : objects->dp->n_workers;

	if (port->n_queues != 0)
		return port->n_queues;
	return natural < CW_MAX_QUEUES ? natural : CW_MAX_QUEUES;
}

static void
make_config(const struct objects *objects, const struct cw_port *port, const int *fds, uint16_t n,
	struct port_config *config)
{
	const struct object *network = objects->networks[port->network];
	const struct worker *w = objects->dp->workers[0];

	*config = (struct port_config){
		.id = (uint16_t)port->id,
		.kind = port->kind,
		.name = port->name,
		.ifname = port->ifname,
		.args = port->args,
		.mtu = port->mtu,
		.n_queues = wanted_queues(objects, port, n),
		.fds = fds,
		.n_fds = n,
		.socket_id = w->socket_id,
		.mbufs = w->mbufs,
		.jumbos = w->jumbos,
	};
	if (config->mtu == 0)
		config->mtu = ((const struct cw_network *)network->item)->mtu;
	memcpy(&config->mac, port->mac, sizeof(config->mac));
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

int
device_open(struct objects *objects, const struct cw_port *port, int *fds, uint16_t n,
	struct reason *why)
{
	struct device *device = &objects->devices[port->id];
	struct port_config config;
	int error = 0;

	make_config(objects, port, fds, n, &config);
	why->text[0] = '\0';
	device->port = port_open(&config, &error, why->text, sizeof(why->text));
	if (device->port == NULL) {
		if (why->text[0] == '\0')
			refuse(why, error, "port %s does not open: %s", port->name,
				strerror(-error));
		return error != 0 ? error : -EIO;
	}
	for (uint16_t i = 0; i < n; i++)
		fds[i] = -1;
	device->mtu_limit = device->port->mtu != 0 && device->port->mtu < config.mtu
				    ? device->port->mtu
				    : UINT16_MAX;
	error = worker_port_attach(objects->dp, device->port);
	if (error == 0)
		return 0;
	port_close(device->port);
	device->port = NULL;
	return refuse(why, error, "port %s is not attached: no memory", port->name);
}

int
device_start(struct objects *objects, uint16_t id, struct reason *why)
{
	struct device *device = &objects->devices[id];
	int error = worker_port_rx(objects->dp, device->port);

	if (error != 0)
		return refuse(why, error, "port %s does not receive: %s", device->port->name,
			strerror(-error));
	read_state(device);
	device_emit(objects, id);
	log_line(LOG_INFO, "port opened", "port=%u name=%s kind=%s rx_queues=%u tx_queues=%u", id,
		device->port->name, cw_port_kind_name(device->port->kind), device->port->n_rx,
		device->port->n_tx);
	return 0;
}

static void
close_one(struct objects *objects, uint16_t id)
{
	struct device *device = &objects->devices[id];

	worker_port_detach(objects->dp, id);
	log_line(LOG_INFO, "port closed", "port=%u name=%s", id, device->port->name);
	port_close(device->port);
	*device = (struct device){0};
	fdb_flush_learned(objects->dp->fdb, UINT16_MAX, id);
	if (objects->ports[id] == NULL)
		worker_port_forget(objects->dp, id);
}

void
devices_settle(struct objects *objects)
{
	for (uint16_t i = 0; i < objects->n_closing; i++)
		close_one(objects, objects->closing[i]);
	objects->n_closing = 0;
}

void
device_emit(struct objects *objects, uint16_t id)
{
	const struct device *device = &objects->devices[id];
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
objects_poll_devices(struct objects *objects)
{
	for (uint16_t id = 1; id < CW_MAX_PORTS; id++) {
		struct device *device = &objects->devices[id];
		const uint8_t before = device->state;

		if (device->port == NULL)
			continue;
		read_state(device);
		if (device->state == before)
			continue;
		log_line(device->state == CW_PORT_GONE ? LOG_WARNING : LOG_INFO, "port changed",
			"port=%u name=%s state=%s reason=\"%s\"", id, device->port->name,
			device->state == CW_PORT_UP     ? "up"
			: device->state == CW_PORT_DOWN ? "down"
							: "gone",
			device->reason);
		device_emit(objects, id);
	}
}

struct port *
objects_device(const struct objects *objects, uint16_t port)
{
	return port < CW_MAX_PORTS ? objects->devices[port].port : NULL;
}

uint8_t
objects_device_state(const struct objects *objects, uint16_t port, const char **reason_text)
{
	*reason_text = objects->devices[port].reason;
	return objects->devices[port].port != NULL ? objects->devices[port].state : CW_PORT_DOWN;
}
