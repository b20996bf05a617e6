/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VF_HOST_H
#define VF_HOST_H

// What control/vf asks of kernel and drivers, with the time that it took: drivers of VFs wait for
// firmware, mailboxes and resets, and that is not our time. Tests put functions of their own in
// place. Main thread.

#include <time.h>

#include "link_device.h"
#include "vf_link.h"

struct vf_host {
	int (*pf)(struct nl_sock *sock, const char *root, const char *pf, struct link_info *info);
	int (*get)(struct nl_sock *sock, int pf_ifindex, unsigned int index,
		struct vf_settings *settings);
	int (*set)(struct nl_sock *sock, int pf_ifindex, unsigned int index,
		const struct vf_settings *settings, unsigned int which, enum vf_setting *refused);
	int (*list)(struct nl_sock *sock, int pf_ifindex, struct vf_settings *list, unsigned int n);
	// The VF's interface in the socket's namespace, -ENODEV: it is not there. root: the socket
	// is in sysfs' namespace, which is quicker; NULL: in any.
	int (*netdev)(
		struct nl_sock *sock, const char *root, const char *pci, struct link_info *info);
	int (*bind)(const char *root, const char *pci, const char *driver);
	int (*reset)(const char *root, const char *pci);
};

extern struct vf_host vf_host; // the machine's, unless a test says otherwise

// Time since the start that went into drivers, in microseconds.
uint64_t vf_host_waited_us(void);

// Waits for a driver.
void vf_host_wait(const struct timespec *pause);

// The functions of vf_host, and those of link.h that reach a VF's driver, with their time.
int vf_host_pf(struct nl_sock *sock, const char *root, const char *pf, struct link_info *info);
int vf_host_get(
	struct nl_sock *sock, int pf_ifindex, unsigned int index, struct vf_settings *settings);
int vf_host_set(struct nl_sock *sock, int pf_ifindex, unsigned int index,
	const struct vf_settings *settings, unsigned int which, enum vf_setting *refused);
int vf_host_netdev(struct nl_sock *sock, const char *root, const char *pci, struct link_info *info);
int vf_host_bind(const char *root, const char *pci, const char *driver);
int vf_host_reset(const char *root, const char *pci);
int vf_host_change(struct nl_sock *sock, int ifindex, const struct link_settings *settings);
int vf_host_move(struct nl_sock *sock, int ifindex, int netns, const char *name);

#endif
