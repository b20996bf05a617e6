/* SPDX-License-Identifier: Apache-2.0 */
// The conversation that starts a device: features, memory, rings.
#include <errno.h>
#include <linux/virtio_config.h>
#include <string.h>

#include "port.h"
#include "vhost_user_proto.h"

#define BIT(n) (1ull << (n))
#define VHOST_USER_F_PROTOCOL_FEATURES 30

static bool
has(const struct port *port, unsigned feature)
{
	return (port->features & BIT(feature)) != 0;
}

static int
set(struct port *port, const char *step, uint32_t request, const void *payload, size_t size)
{
	bool ack = (port->protocol & VU_PROTOCOL_REPLY_ACK) != 0;

	port->step = step;
	return vu_set(port->fd, request, payload, size, NULL, 0, ack);
}

static int
set_vring(struct port *port, const char *step, uint32_t request, uint32_t index, uint32_t value)
{
	const struct vu_vring_state state = {.index = index, .value = value};

	return set(port, step, request, &state, sizeof(state));
}

static int
set_vring_fd(struct port *port, const char *step, uint32_t request, uint32_t index, int fd)
{
	bool ack = (port->protocol & VU_PROTOCOL_REPLY_ACK) != 0;
	const uint64_t value = index;

	port->step = step;
	return vu_set(port->fd, request, &value, sizeof(value), &fd, 1, ack);
}

static int
agree_on_protocol(struct port *port)
{
	uint64_t offered = 0, pairs, wanted;
	int error;

	port->protocol = 0;
	port->pairs = 1;
	if (!has(port, VHOST_USER_F_PROTOCOL_FEATURES))
		return 0;
	port->step = "GET_PROTOCOL_FEATURES";
	error = vu_get(port->fd, VU_GET_PROTOCOL_FEATURES, &offered);
	if (error != 0)
		return error;
	wanted = VU_PROTOCOL_MQ | (port->options.acknowledge ? VU_PROTOCOL_REPLY_ACK : 0)
		 | (port->options.mtu != 0 ? VU_PROTOCOL_MTU : 0);
	offered &= wanted;
	error = set(
		port, "SET_PROTOCOL_FEATURES", VU_SET_PROTOCOL_FEATURES, &offered, sizeof(offered));
	port->protocol = offered;
	if (error != 0 || (offered & VU_PROTOCOL_MQ) == 0)
		return error;
	port->step = "GET_QUEUE_NUM";
	error = vu_get(port->fd, VU_GET_QUEUE_NUM, &pairs);
	port->pairs = pairs < port->options.pairs ? (uint16_t)pairs : port->options.pairs;
	return error;
}

static int
agree_on_features(struct port *port)
{
	int error;

	port->protocol = 0;
	port->step = "GET_FEATURES";
	error = vu_get(port->fd, VU_GET_FEATURES, &port->offered);
	if (error != 0)
		return error;
	port->features = port->offered & port->options.features;
	error = agree_on_protocol(port);
	if (error == 0)
		error = set(port, "SET_OWNER", VU_SET_OWNER, NULL, 0);
	if (error == 0)
		error = set(port, "SET_FEATURES", VU_SET_FEATURES, &port->features,
			sizeof(port->features));
	if (error == 0 && (port->protocol & VU_PROTOCOL_MTU) != 0) {
		const uint64_t mtu = port->options.mtu;

		error = set(port, "NET_SET_MTU", VU_NET_SET_MTU, &mtu, sizeof(mtu));
	}
	port->header_len = has(port, VIRTIO_F_VERSION_1) || has(port, VIRTIO_NET_F_MRG_RXBUF)
				   ? sizeof(struct virtio_net_hdr_mrg_rxbuf)
				   : sizeof(struct virtio_net_hdr);
	return error;
}

int
port_set_memory(struct port *port, size_t size)
{
	bool ack = (port->protocol & VU_PROTOCOL_REPLY_ACK) != 0;
	struct vu_memory_table table = {.n = port->options.regions};
	size_t slice = size / table.n / 4096 * 4096;
	int fds[VU_REGIONS_MAX];

	for (uint32_t i = 0; i < table.n; i++) {
		size_t start = i * slice;

		table.regions[i] = (struct vu_region){
			.guest_address = GUEST_BASE + start,
			.size = i + 1 == table.n ? size - start : slice,
			.user_address = (uint64_t)(uintptr_t)port->memory.base + start,
			.offset = start,
		};
		fds[i] = port->memory.fd;
	}
	port->step = "SET_MEM_TABLE";
	return vu_set(port->fd, VU_SET_MEM_TABLE, &table, 8 + table.n * sizeof(table.regions[0]),
		fds, table.n, ack);
}

static int
set_ring(struct port *port, const struct port_queue *queue)
{
	const struct ring *ring = &queue->ring;
	const struct vu_vring_address address = {
		.index = queue->index,
		.desc = (uint64_t)(uintptr_t)ring->desc, // packed: slots, driver, device
		.avail = (uint64_t)(uintptr_t)ring->avail,
		.used = (uint64_t)(uintptr_t)ring->used,
	};
	int error = set_vring(port, "SET_VRING_NUM", VU_SET_VRING_NUM, queue->index, ring->size);

	if (error == 0)
		error = set_vring(
			port, "SET_VRING_BASE", VU_SET_VRING_BASE, queue->index, ring_base(ring));
	if (error == 0)
		error = set(port, "SET_VRING_ADDR", VU_SET_VRING_ADDR, &address, sizeof(address));
	if (error == 0)
		error = set_vring_fd(
			port, "SET_VRING_CALL", VU_SET_VRING_CALL, queue->index, port->call_fd);
	if (error == 0)
		error = set_vring_fd(
			port, "SET_VRING_KICK", VU_SET_VRING_KICK, queue->index, queue->kick_fd);
	return error;
}

int
port_enable(struct port *port, unsigned pair, bool enabled)
{
	int error = 0;

	if (!has(port, VHOST_USER_F_PROTOCOL_FEATURES))
		return enabled ? 0 : -ENOTSUP; // such rings run from the kick's arrival on
	for (unsigned i = 2 * pair; error == 0 && i < 2 * pair + 2; i++)
		error = set_vring(port, "SET_VRING_ENABLE", VU_SET_VRING_ENABLE, i, enabled);
	return error;
}

int
port_negotiate(struct port *port)
{
	uint64_t former = port->features;
	int error = agree_on_features(port);

	if (error != 0)
		return error;
	if (!port->has_rings || !port->options.resume || port->features != former)
		error = port_start_rings(port);
	if (error == 0)
		error = port_set_memory(port, port->memory.size);
	for (unsigned i = 0; error == 0 && i < 2u * port->pairs; i++)
		error = set_ring(port, &port->queues[i]);
	for (unsigned i = 0; error == 0 && i < port->pairs; i++)
		error = port_enable(port, i, i < port->options.enabled);
	if (error != 0)
		return error;
	port->step = NULL;
	port->is_ready = true;
	port->connects++;
	for (unsigned i = 0; i < 2u * port->pairs; i++)
		port_kick(port, &port->queues[i]);
	return 0;
}
