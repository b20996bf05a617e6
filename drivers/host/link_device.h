/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_LINK_DEVICE_H
#define HOST_LINK_DEVICE_H

// Network devices by the hardware that they are of, and their alternative names, by rtnetlink in
// the namespace of the socket. libnl 3.7 knows neither attribute. All return 0 or -errno.

#include "link.h"

// The interface of a device, by its bus address ("0000:01:10.0"): in whichever namespace the socket
// is, where sysfs shows only those of its own. -ENODEV: there is none here (or the kernel is older
// than 5.14 and does not say).
int link_of_device(struct nl_sock *sock, const char *address, struct link_info *info);

#define LINK_ALTNAMES 8
#define LINK_ALTNAME_LEN 128 // ALTIFNAMSIZ

struct link_altnames {
	unsigned int n;
	char names[LINK_ALTNAMES][LINK_ALTNAME_LEN]; // more are not told
};

int link_altnames(struct nl_sock *sock, int ifindex, struct link_altnames *altnames);
// -EEXIST: the namespace has a device of that name.
int link_altname_add(struct nl_sock *sock, int ifindex, const char *name);
int link_altname_delete(struct nl_sock *sock, int ifindex, const char *name);

#endif
