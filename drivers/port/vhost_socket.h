/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_VHOST_SOCKET_H
#define DRIVERS_PORT_VHOST_SOCKET_H

// librte_vhost reads and answers the messages of all peers on one thread, by blocking calls, and
// does not give away its sockets. Finds those connected by way of 'path' among the process's
// descriptors and limits how long a call on them may take: a peer that sends half a message, or
// reads no answers, costs the others that long once and then its connection. Any thread.
void vhost_socket_limit(const char *path);

#endif
