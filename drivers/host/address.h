/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_ADDRESS_H
#define HOST_ADDRESS_H

// IP addresses of devices by rtnetlink, in the namespace of the socket.

#include "netlink.h"

// Gives the device an address with its prefix length. IPv6 addresses come with IFA_F_NODAD (RFC
// 4862: usable at once; the switch, not the link, guarantees that they are unique). Returns 0 or
// -errno; -EEXIST: it has it.
int address_add(struct nl_sock *sock, int ifindex, const struct cw_ip *ip);
// Returns 0 or -errno; -EADDRNOTAVAIL: it has no such address.
int address_delete(struct nl_sock *sock, int ifindex, const struct cw_ip *ip);

// Calls fn for each address of the device (0: of all devices) but link-local ones (RFC
// 4291, 2.5.6); fn may add and delete addresses. A value other than 0 that fn returns ends the
// walk. Returns that, or -errno.
int address_each(
	struct nl_sock *sock, int ifindex, int (*fn)(void *arg, const struct cw_ip *ip), void *arg);

#endif
