/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_MEMIF_SOCKET_H
#define DRIVERS_PORT_MEMIF_SOCKET_H

// AF_UNIX SOCK_SEQPACKET sockets of memifs: names (unix(7); "@" stands for the abstract namespace),
// messages and descriptors. Nothing blocks. Any thread.

#include <stdbool.h>
#include <stddef.h>

#include "memif_wire.h"

// Binds and listens; a socket file that nobody listens on is replaced. Returns the descriptor, or
// -errno (-EADDRINUSE: somebody listens there, or the file is no socket) and a sentence.
int memif_socket_listen(const char *path, char *reason, size_t reason_len);
// Removes the file of a closed socket, unless somebody listens there now.
void memif_socket_unlink(const char *path);

// Returns 0 when fd is a listening SOCK_SEQPACKET socket of AF_UNIX, else -EINVAL and a sentence.
// It becomes non-blocking.
int memif_socket_check_listener(int fd, char *reason, size_t reason_len);

// Returns a connected descriptor or -errno. netns_fd: the network namespace whose abstract names
// are meant, or -1; this thread is in it while the socket is made (needs CAP_SYS_ADMIN).
int memif_socket_connect(const char *path, int netns_fd);

// Returns a descriptor, 0 is none of them, or -errno (-EAGAIN: nobody waits).
int memif_socket_accept(int listener);

// Sends one message with fd, or without when it is -1. Returns 0 or -errno.
int memif_socket_send(int socket, const struct memif_message *message, int fd);

struct memif_packet {
	struct memif_message message;
	size_t len; // of the packet, which may be another than the message's
	int fd; // the first descriptor, or -1
	unsigned int n_fds; // how many came; those beyond the first are closed
};

// Returns 1, 0 when the peer is gone, or -errno (-EAGAIN: nothing there).
int memif_socket_receive(int socket, struct memif_packet *packet);

#endif
