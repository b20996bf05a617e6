/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_ROUTE_H
#define HOST_ROUTE_H

// Routes of the main table by rtnetlink, in the namespace of the socket.

#include <stdbool.h>
#include <stdint.h>

#include "netlink.h"

#define ROUTE_PROTOCOL 0xca // rtm_protocol of every route that we make

struct route_spec {
	struct cw_ip destination;
	struct cw_ip gateway; // family 0: none, the destination is on the link
	struct cw_ip source; // preferred source address; family 0: the kernel chooses
	int ifindex;
	uint32_t mtu; // 0: the device's
	uint32_t priority; // metric; 0: the kernel's default
	bool gateway_on_link; // no address of the device covers the gateway
};

// Returns 0 or -errno; -EEXIST: there is one to that destination with that priority.
int route_add(struct nl_sock *sock, const struct route_spec *spec);
// Deletes a route that route_add() made. Returns 0 or -errno; -ESRCH: there is none.
int route_delete(struct nl_sock *sock, const struct route_spec *spec);

#endif
