/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint_del.h"

#include "flannel/flannel.h"
#include "port_change.h"

struct count {
	uint32_t network, n;
};

static void
count_network(void *arg, enum object_type type, uint32_t id)
{
	struct count *count = arg;

	if (type == OBJECT_NETWORK && id == count->network)
		count->n++;
}

// A network made on demand goes when only this endpoint and its port refer to it.
static void
release_network(struct transaction *t, struct causewayd *d, const struct endpoint *endpoint,
	const struct port *port, uint32_t id)
{
	struct network *network = network_by_id(d->objects, id);
	struct count count = {.network = id};

	if (network == NULL || !network->automatic)
		return;
	endpoint_class.references(&endpoint->object, count_network, &count);
	if (port != NULL)
		port_class.references(&port->object, count_network, &count);
	if (objects_users(d->objects, OBJECT_NETWORK, id) == count.n)
		transaction_delete(t, &network->object);
}

static void
release_networks(struct transaction *t, struct causewayd *d, const struct endpoint *endpoint,
	const struct port *port)
{
	release_network(t, d, endpoint, port, endpoint->network);
	if (port == NULL)
		return;
	for (unsigned int i = 0; i < port->n_trunk; i++) {
		bool seen = port->trunk[i].network == endpoint->network;

		for (unsigned int j = 0; j < i; j++)
			seen |= port->trunk[j].network == port->trunk[i].network;
		if (!seen)
			release_network(t, d, endpoint, port, port->trunk[i].network);
	}
}

void
endpoint_del(struct causewayd *d, struct endpoint *endpoint, transaction_done_fn *done, void *arg)
{
	struct transaction *t = transaction_new(d);
	struct failure failure = {0};
	struct port *port;

	if (t == NULL) {
		failure_set(&failure, CW_RPC_EXHAUSTED, NULL, NULL, NULL, "no memory");
		done(arg, &failure);
		return;
	}
	if (endpoint != NULL) {
		port = port_by_id(d->objects, endpoint->port);
		transaction_delete(t, &endpoint->object);
		if (port != NULL)
			port_delete(t, d, port);
		release_networks(t, d, endpoint, port);
		flannel_release(t, d, endpoint);
	}
	transaction_run(t, false, done, arg);
}
