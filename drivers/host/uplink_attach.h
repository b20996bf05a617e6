/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_UPLINK_ATTACH_H
#define HOST_UPLINK_ATTACH_H

// Where the uplink classifier's programs are attached.

#include <stdbool.h>

// Each finds our program at its hook of the device. Returns a descriptor, -ENOENT when none is
// there, -EBUSY when somebody else's XDP program is, or -errno.
int uplink_xdp_find(int ifindex);
int uplink_drop_find(int ifindex);

// Puts a program there, in place of ours at once. Returns 0 or -errno.
int uplink_xdp_attach(int ifindex, int program, bool *native);
int uplink_drop_attach(int ifindex, int program);

// Return 0 or -errno; none there, or not ours, is no error.
int uplink_xdp_detach(int ifindex);
int uplink_drop_detach(int ifindex);

// A map of a program, by name: a descriptor, -ENOENT or -errno.
int uplink_program_map(int program, const char *name);

#endif
