/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_MEMIF_CONNECTION_H
#define DRIVERS_PORT_MEMIF_CONNECTION_H

// Between memif_control.c, memif_listener.c and memif_connection.c. All of it under the lock of
// memif_loop.h.

#include "memif_control.h"
#include "memif_loop.h"

struct memif_connection {
	struct memif_source source; // first: a source is its connection
	struct memif_session session;
	struct memif_interface *interface; // NULL: a master's before INIT
	struct memif_listener *listener; // NULL: a slave's
	uint64_t deadline_ms; // of the handshake
	LIST_ENTRY(memif_connection) link;
};

// Takes fd over. A slave's when interface is given, else a master's that offers n_queues.
// Returns 0 or -errno.
int memif_connection_open(int fd, struct memif_interface *interface,
	struct memif_listener *listener, uint16_t n_queues);
// Ends it from our side, telling the peer why.
void memif_connection_refuse(struct memif_connection *connection, const char *why);
// Those whose handshake takes too long go. Returns when to look again.
uint64_t memif_connections_tick(uint64_t now_ms);
// Connections of this listener that have no interface yet.
unsigned int memif_connections_waiting(const struct memif_listener *listener);
void memif_connections_of_listener_close(const struct memif_listener *listener);

// The interface lost its connection. unwanted_ring: see memif_session_unwanted_ring.
void memif_interface_disconnected(
	struct memif_interface *interface, const char *why, bool at_once, uint16_t unwanted_ring);
void memif_interface_changed(struct memif_interface *interface);

// Joins the listener on the interface's path or descriptor, made if there is none.
int memif_listener_join(struct memif_interface *interface, char *reason, size_t reason_len);
void memif_listener_leave(struct memif_interface *interface);
// The interface that a peer named by its id. NULL and why when nobody may connect to it.
struct memif_interface *memif_listener_find(
	const struct memif_listener *listener, uint32_t id, const char **why);
int memif_listener_fd(const struct memif_listener *listener);
// Those that had no descriptors left accept again. Returns when to look again.
uint64_t memif_listeners_tick(uint64_t now_ms);

#endif
