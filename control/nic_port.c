/* SPDX-License-Identifier: Apache-2.0 */
#include "nic_port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "pci.h"
#include "vf/vf_uplink.h"

#define CHECK_S 2

struct nic_ports {
	struct causewayd *d;
	struct event *check;
	bool told[CW_MAX_PORTS]; // that the device of a refused port is back: once
};

bool
port_has_nic(const struct port *port)
{
	return (port->kind == CW_PORT_NIC || port->kind == CW_PORT_VF) && port->parent == 0
	       && port->origin == PORT_OF_USER;
}

static int
bind_failure(const struct port *port, const char *device, int error, struct failure *failure)
{
	if (error == -ENOENT)
		return failure_set(failure, CW_RPC_REFUSED, "bind", port->bind,
			"modprobe it, now and at every boot", "driver %s is not loaded",
			port->bind);
	if (error == -EBUSY)
		return failure_set(failure, CW_RPC_IN_USE, "device", device, "end that program",
			"device %s is in use by a program", device);
	return failure_errno(
		failure, error, "device %s does not get driver %s", device, port->bind);
}

int
nic_port_open(
	struct causewayd *d, struct port *port, char key[INTENT_KEY_LEN], struct failure *failure)
{
	char device[PCI_ADDRESS_LEN];
	int ret;

	key[0] = '\0';
	if (port->bind[0] == '\0' || !port_pci_device(port, device)
		|| strcmp(port->bind, port->former_driver) == 0)
		return 0;
	ret = intent_write(d, port, NULL, key);
	if (ret < 0)
		return failure_errno(failure, ret, "port %s cannot be noted", port->name);
	ret = pci_bind(d->options.sysfs_root, device, port->bind);
	if (ret == 0) {
		log_info("device has another driver port=%s device=%s driver=%s former=%s",
			port->name, device, port->bind, port->former_driver);
		return 0;
	}
	nic_port_remove(d, port);
	intent_remove(d, key);
	key[0] = '\0';
	return bind_failure(port, device, ret, failure);
}

int
nic_port_remove(struct causewayd *d, const struct port *port)
{
	const char *root = d->options.sysfs_root;
	char device[PCI_ADDRESS_LEN], driver[PCI_DRIVER_LEN];
	int ret;

	if (port->bind[0] == '\0' || !port_pci_device(port, device)
		|| strcmp(port->bind, port->former_driver) == 0)
		return 0;
	ret = pci_driver(root, device, driver);
	if (ret == 0 && strcmp(driver, port->former_driver) != 0)
		ret = pci_bind(root, device, port->former_driver);
	if (ret == 0)
		ret = pci_override_set(root, device, port->former_override);
	if (ret == 0)
		log_info("device has its former driver port=%s device=%s driver=%s", port->name,
			device, port->former_driver);
	return ret == -ENODEV ? 0 : ret;
}

// Whether a device that had lost its driver has it now.
static bool
bind_again(struct causewayd *d, const struct port *port)
{
	char device[PCI_ADDRESS_LEN], driver[PCI_DRIVER_LEN];
	int ret;

	if (!port_has_nic(port) || port->bind[0] == '\0' || !port_pci_device(port, device)
		|| pci_driver(d->options.sysfs_root, device, driver) < 0
		|| strcmp(driver, port->bind) == 0)
		return false;
	ret = pci_bind(d->options.sysfs_root, device, port->bind);
	if (ret < 0)
		log_warning("device does not get its driver: %s port=%s device=%s driver=%s",
			strerror(-ret), port->name, device, port->bind);
	else
		log_info("device has its driver again port=%s device=%s driver=%s", port->name,
			device, port->bind);
	return ret == 0;
}

static int
bind_one(void *arg, struct object *object)
{
	bind_again(arg, (const struct port *)object);
	return 0;
}

void
nic_ports_bind(struct causewayd *d)
{
	objects_each(d->objects, OBJECT_PORT, bind_one, d);
}

// A device that is gone is looked for by the data plane, but for its driver. One that was not there
// when the data plane was told of its port is told of once more.
static int
check_one(void *arg, struct object *object)
{
	const struct port *port = (const struct port *)object;
	struct nic_ports *ports = arg;
	char device[PCI_ADDRESS_LEN];

	if (!port_has_nic(port))
		return 0;
	if (object->state != OBJECT_GONE && object->state != OBJECT_REFUSED) {
		ports->told[port->id] = false;
		return 0;
	}
	bind_again(ports->d, port);
	if (object->state != OBJECT_REFUSED || ports->told[port->id]
		|| !port_pci_device(port, device)
		|| !pci_exists(ports->d->options.sysfs_root, device))
		return 0;
	ports->told[port->id] = true;
	return 1;
}

static void
check(evutil_socket_t fd, short what, void *arg)
{
	struct nic_ports *ports = arg;

	if (ports->d->dataplane == DATAPLANE_READY
		&& objects_each(ports->d->objects, OBJECT_PORT, check_one, ports) > 0)
		dp_disconnect(ports->d->dp, "it is to be told of a device that is back");
}

struct nic_ports *
nic_ports_create(struct causewayd *d)
{
	const struct timeval period = {.tv_sec = CHECK_S};
	struct nic_ports *ports = d->objects != NULL ? calloc(1, sizeof(*ports)) : NULL;

	if (ports == NULL)
		return NULL;
	ports->d = d;
	ports->check = event_new(d->base, -1, EV_PERSIST, check, ports);
	if (ports->check != NULL && event_add(ports->check, &period) == 0)
		return ports;
	nic_ports_free(ports);
	return NULL;
}

void
nic_ports_free(struct nic_ports *ports)
{
	if (ports == NULL)
		return;
	if (ports->check != NULL)
		event_free(ports->check);
	free(ports);
}
