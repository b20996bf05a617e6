/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "log.h"
#include "objects_private.h"
#include "offload.h"
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
		.mtu_given = port->mtu != 0,
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
	if ((port->flags & CW_PORT_UPLINK) != 0)
		config->own_mac = config->mac;
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
	error = device_watch(objects, id);
	if (error != 0)
		return refuse(why, error, "port %s is not watched: no memory", device->port->name);
	log_line(LOG_INFO, "port opened", "port=%u name=%s kind=%s rx_queues=%u tx_queues=%u", id,
		device->port->name, cw_port_kind_name(device->port->kind), device->port->n_rx,
		device->port->n_tx);
	return 0;
}

static void
close_one(struct objects *objects, uint16_t id)
{
	struct device *device = &objects->devices[id];

	if (objects->offload != NULL)
		offload_port_closing(objects->offload, id);
	device_unwatch(device);
	worker_port_detach(objects->dp, id);
	if (device->port != NULL) {
		log_line(LOG_INFO, "port closed", "port=%u name=%s", id, device->port->name);
		port_close(device->port);
	} else {
		log_line(LOG_INFO, "port closed", "port=%u", id);
	}
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
