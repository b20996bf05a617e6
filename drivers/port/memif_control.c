/* SPDX-License-Identifier: Apache-2.0 */
#include "memif_control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_string_fns.h>

#include "memif_connection.h"
#include "memif_loop.h"
#include "memif_socket.h"

#define DELAY_MIN_MS 50
#define DELAY_MAX_MS 1000

static LIST_HEAD(, memif_interface) interfaces = LIST_HEAD_INITIALIZER(interfaces);

void
memif_interface_changed(struct memif_interface *interface)
{
	uint64_t one = 1;

	if (write(interface->event_fd, &one, sizeof(one)) < 0)
		return; // unread events are waiting already
}

static void
retry_later(struct memif_interface *interface, uint32_t delay_ms)
{
	interface->delay_ms = delay_ms;
	interface->retry_ms = memif_loop_now() + delay_ms;
	memif_loop_at(interface->retry_ms);
}

void
memif_interface_disconnected(
	struct memif_interface *interface, const char *why, bool at_once, uint16_t unwanted_ring)
{
	if (interface->is_up)
		interface->handlers->down(interface);
	interface->is_up = false;
	interface->connection = NULL;
	strlcpy(interface->reason, why, sizeof(interface->reason));
	memif_interface_changed(interface);
	if (!interface->end.is_slave)
		return;
	// The next try brings as many rings as this master takes; the one after it all of them
	// again.
	interface->end.n_queues = unwanted_ring != 0 ? unwanted_ring : interface->n_queues;
	retry_later(interface, at_once ? DELAY_MIN_MS : DELAY_MAX_MS);
}

// A slave's next try. Failures are said once for each reason.
static void
try_to_connect(struct memif_interface *interface)
{
	char reason[sizeof(interface->reason)];
	int ret = memif_socket_connect(interface->path, interface->netns_fd);

	if (ret >= 0)
		ret = memif_connection_open(ret, interface, NULL, 0);
	if (ret >= 0)
		return;
	snprintf(reason, sizeof(reason), "cannot connect to %.60s: %s", interface->path,
		strerror(-ret));
	if (strcmp(reason, interface->reason) != 0) {
		strlcpy(interface->reason, reason, sizeof(interface->reason));
		memif_interface_changed(interface);
	}
	retry_later(interface, RTE_MIN(interface->delay_ms * 2, DELAY_MAX_MS));
}

static void
tick(uint64_t now_ms)
{
	struct memif_interface *interface;

	LIST_FOREACH (interface, &interfaces, link) {
		if (!interface->end.is_slave || interface->connection != NULL)
			continue;
		if (interface->retry_ms <= now_ms)
			try_to_connect(interface);
		else
			memif_loop_at(interface->retry_ms);
	}
	memif_loop_at(memif_connections_tick(now_ms));
	memif_loop_at(memif_listeners_tick(now_ms));
}

// A ring broke, or a peer took its memory away.
static void
woken(void)
{
	struct memif_interface *interface;
	const char *why;

	LIST_FOREACH (interface, &interfaces, link) {
		if (interface->connection == NULL)
			continue;
		if (memif_regions_lost(&interface->connection->session.regions))
			why = "peer took its shared memory away";
		else
			why = interface->is_up ? interface->handlers->broken(interface) : NULL;
		if (why != NULL)
			memif_connection_refuse(interface->connection, why);
	}
}

static const struct memif_loop_handlers loop_handlers = {woken, tick};

static int
begin(struct memif_interface *interface, char *reason, size_t reason_len)
{
	int error = 0;

	interface->end.control_fd = memif_loop_wake_fd();
	interface->n_queues = interface->end.n_queues;
	interface->listener = NULL;
	interface->connection = NULL;
	interface->is_up = false;
	interface->connects = 0;
	if (interface->end.is_slave) {
		snprintf(interface->reason, sizeof(interface->reason), "connecting to %.60s",
			interface->path);
		retry_later(interface, 0);
		interface->delay_ms = DELAY_MIN_MS;
	} else {
		snprintf(interface->reason, sizeof(interface->reason),
			"waiting for a peer with id %u", interface->end.id);
		error = memif_listener_join(interface, reason, reason_len);
	}
	if (error == 0)
		LIST_INSERT_HEAD(&interfaces, interface, link);
	return error;
}

int
memif_control_add(struct memif_interface *interface, char *reason, size_t reason_len)
{
	int error = memif_loop_start(&loop_handlers);

	if (error < 0) {
		snprintf(reason, reason_len, "no control thread: %s", strerror(-error));
		return error;
	}
	memif_lock();
	error = begin(interface, reason, reason_len);
	memif_unlock();
	if (error < 0)
		memif_loop_stop();
	return error;
}

void
memif_control_remove(struct memif_interface *interface)
{
	memif_lock();
	if (interface->connection != NULL)
		memif_connection_refuse(interface->connection, "port closed");
	if (interface->listener != NULL)
		memif_listener_leave(interface);
	LIST_REMOVE(interface, link);
	memif_unlock();
	memif_loop_stop();
}

static void
describe_connection(const struct memif_interface *interface, struct memif_status *status)
{
	const struct memif_session *session = &interface->connection->session;
	const struct memif_session_ring *ring =
		session->n_s2m > 0 ? &session->s2m[0] : &session->m2s[0];

	status->n_s2m = session->n_s2m;
	status->n_m2s = session->n_m2s;
	status->ring_size = 1u << ring->log2_size;
	status->buffer_size = interface->end.is_slave ? interface->end.buffer_size : 0;
	snprintf(status->peer, sizeof(status->peer), "%s/%s", session->peer_name,
		session->peer_interface);
}

void
memif_control_status(const struct memif_interface *interface, struct memif_status *status)
{
	*status = (struct memif_status){0};
	memif_lock();
	status->is_up = interface->is_up;
	status->connects = interface->connects;
	if (interface->is_up)
		describe_connection(interface, status);
	else
		strlcpy(status->reason, interface->reason, sizeof(status->reason));
	memif_unlock();
}

int
memif_control_listener(const struct memif_interface *interface)
{
	int fd;

	memif_lock();
	fd = interface->listener != NULL ? memif_listener_fd(interface->listener) : -1;
	memif_unlock();
	return fd;
}
