/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_LINK_H
#define HOST_LINK_H

// Network devices by rtnetlink, in the namespace of the socket. All return 0 or -errno; -ENODEV: no
// such device.

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "netlink.h"

#define LINK_ALIAS_LEN 256 // IFALIASZ

struct link_info {
	int ifindex;
	unsigned int mtu;
	unsigned int flags; // IFF_UP ...
	uint8_t mac[6];
	char name[IFNAMSIZ];
	char kind[16]; // "tun", "veth"; empty for hardware
	char alias[LINK_ALIAS_LEN];
};

int link_find(struct nl_sock *sock, const char *name, struct link_info *info);
int link_get(struct nl_sock *sock, int ifindex, struct link_info *info);

// What link_change() sets; members that are zero are left alone.
struct link_settings {
	const uint8_t *mac;
	unsigned int mtu;
	const char *alias;
	unsigned int set_flags, clear_flags; // IFF_UP, IFF_NOARP
};
int link_change(struct nl_sock *sock, int ifindex, const struct link_settings *settings);

// Moves a device that is down into another namespace and gives it its name there, in one step:
// -EEXIST when the name is taken there, and then nothing changed.
int link_move(struct nl_sock *sock, int ifindex, int netns, const char *name);

int link_delete(struct nl_sock *sock, int ifindex);

#endif
