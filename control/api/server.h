/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_SERVER_H
#define API_SERVER_H

// control.sock: who may connect, connections, the end of it all. Main thread.

#include "causewayd.h"

// Returns NULL: no memory.
struct api *api_create(struct causewayd *d);
// Makes the socket in the runtime directory, for root and the group. Returns 0 or -errno, logged.
int api_listen(struct api *api);
// Serves a connected stream without asking who is there. Returns 0 or -errno (fd stays the
// caller's). For tests.
int api_adopt(struct api *api, int fd);
// Ends all connections and removes the socket. Requests that are being worked on go on, unheard.
void api_close(struct api *api); // accepts NULL
void api_free(struct api *api); // after api_close(); accepts NULL

#endif
