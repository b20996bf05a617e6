/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_MEMIF_CONTROL_H
#define DRIVERS_PORT_MEMIF_CONTROL_H

// Who is connected to whom: interfaces of this process, their listeners and connections. Masters
// wait on a listener, which several interfaces may share (told apart by id); slaves connect, and
// try again at most a second after a failure, for ever. A peer that breaks the protocol or a ring
// costs its own connection only. A peer that stops talking before it is connected is given 5
// seconds.
//
// Threads: add, remove and status are the main thread's; handlers run on the control thread
// (memif_loop.h), or on the main thread within remove; always under the lock.

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "memif_args.h"
#include "memif_protocol.h"

struct memif_interface;
struct memif_connection;
struct memif_listener;

struct memif_interface_handlers {
	// The session's rings exist: start them. Returns NULL, or why they cannot be.
	const char *(*up)(struct memif_interface *interface, const struct memif_session *session);
	// The session's memory goes when this returns: stop them. Only after up.
	void (*down)(struct memif_interface *interface);
	// Why a running ring cannot go on, or NULL.
	const char *(*broken)(struct memif_interface *interface);
};

struct memif_interface {
	// Set by the owner before add, then left alone.
	const struct memif_interface_handlers *handlers;
	struct memif_end end; // but control_fd
	const char *path; // of the socket; "" for a master with listen_fd
	int listen_fd; // master: given by who opened the port, or -1
	int netns_fd; // slave with an abstract path: the pod's, or -1
	int event_fd; // written to at every change
	// The control's own.
	uint16_t n_queues; // end.n_queues as it was at add
	LIST_ENTRY(memif_interface) link; // of all
	LIST_ENTRY(memif_interface) listener_link;
	struct memif_listener *listener;
	struct memif_connection *connection; // from INIT (master) or connect (slave) on
	bool is_up;
	uint64_t retry_ms; // slave without connection: when to try
	uint32_t delay_ms;
	uint32_t connects;
	char reason[128]; // why it is not up
};

struct memif_status {
	bool is_up;
	uint32_t connects;
	uint16_t n_s2m, n_m2s; // rings of the connection
	uint32_t ring_size, buffer_size; // 0: not known
	char reason[128];
	char peer[2 * MEMIF_NAME_LEN + 2]; // "application/interface"; empty while not up
};

// Makes or joins the listener, or begins to connect. Returns 0, or -errno (-EEXIST: the id is taken
// on this listener) and a sentence.
int memif_control_add(struct memif_interface *interface, char *reason, size_t reason_len);
// Says DISCONNECT to a peer. Afterwards no handler is called.
void memif_control_remove(struct memif_interface *interface);
void memif_control_status(const struct memif_interface *interface, struct memif_status *status);
// Writes the master's listening descriptor. Returns it, or -1.
int memif_control_listener(const struct memif_interface *interface);

#endif
