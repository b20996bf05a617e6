/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_VETH_H
#define HOST_VETH_H

// Pairs of virtual Ethernet devices by rtnetlink.

#include <stdint.h>

#include "netlink.h"

// Makes a pair in one step: 'name' in the namespace of the socket, 'peer' with its MAC in namespace
// 'netns', both with this MTU, both down. Returns 0 or -errno; -EEXIST: one of the names is taken,
// and then nothing was made.
int veth_create(struct nl_sock *sock, const char *name, int netns, const char *peer,
	const uint8_t mac[6], unsigned int mtu);

#endif
