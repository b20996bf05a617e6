/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"

#include <errno.h>
#include <stdio.h>

#include <rte_malloc.h>
#include <rte_string_fns.h>

#include "buffer.h"

// Written by constructors before main(), only read afterwards.
static const struct port_driver *drivers[CW_PORT_KINDS];

static const struct {
	uint32_t bit;
	const char *name;
} capability_names[] = {
	{PORT_TX_CHECKSUM, "checksum"},
	{PORT_TX_TSO4, "tso4"},
	{PORT_TX_TSO6, "tso6"},
	{PORT_TX_USO, "uso"},
	{PORT_TX_CHAINS, "chains"},
	{PORT_RX_EDGE, "edge"},
	{PORT_TX_QUEUE_SHARED, "shared"},
	{PORT_TX_TUNNEL_CHECKSUM, "tunnel-checksum"},
	{PORT_TX_TUNNEL_TSO, "tunnel-tso"},
	{PORT_TX_TUNNEL_OUTER_CHECKSUM, "tunnel-outer-checksum"},
};

void
port_driver_register(const struct port_driver *driver)
{
	for (unsigned int kind = 1; kind < CW_PORT_KINDS; kind++)
		if ((driver->kinds & (1u << kind)) != 0)
			drivers[kind] = driver;
}

static int
config_check(const struct port_config *config, char *reason, size_t reason_len)
{
	if (config->kind >= CW_PORT_KINDS || drivers[config->kind] == NULL) {
		snprintf(reason, reason_len, "no driver serves port kind %s (%u)",
			cw_port_kind_name(config->kind), config->kind);
		return -EPROTONOSUPPORT;
	}
	if (config->n_fds > CW_MAX_QUEUES || (config->n_fds > 0 && config->fds == NULL)) {
		snprintf(reason, reason_len, "%u descriptors given, a port has at most %d queues",
			config->n_fds, CW_MAX_QUEUES);
		return -EINVAL;
	}
	if (config->mbufs == NULL || config->jumbos == NULL) {
		snprintf(reason, reason_len, "no packet buffer pools given");
		return -EINVAL;
	}
	return 0;
}

struct port *
port_open(const struct port_config *config, int *error, char *reason, size_t reason_len)
{
	struct port *port;

	if (reason_len > 0)
		reason[0] = '\0';
	*error = config_check(config, reason, reason_len);
	if (*error < 0)
		return NULL;
	port = buffer_zmalloc(sizeof(*port), config->socket_id);
	if (port == NULL) {
		snprintf(reason, reason_len, "no memory for the port");
		*error = -ENOMEM;
		return NULL;
	}
	port->driver = drivers[config->kind];
	port->id = config->id;
	port->kind = config->kind;
	port->mtu = config->mtu;
	port->socket_id = config->socket_id;
	strlcpy(port->name, config->name != NULL ? config->name : "", sizeof(port->name));

	*error = port->driver->open(port, config, reason, reason_len);
	if (*error < 0) {
		rte_free(port);
		return NULL;
	}
	return port;
}

void
port_close(struct port *port)
{
	if (port == NULL)
		return;
	port->driver->close(port);
	rte_free(port);
}

void
port_capability_names(uint32_t capabilities, char *text, size_t len)
{
	size_t used = 0;

	if (len == 0)
		return;
	text[0] = '\0';
	for (size_t i = 0; i < RTE_DIM(capability_names) && used < len; i++)
		if ((capabilities & capability_names[i].bit) != 0)
			used += (size_t)snprintf(text + used, len - used, "%s%s",
				used > 0 ? "," : "", capability_names[i].name);
}
