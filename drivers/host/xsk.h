/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_XSK_H
#define HOST_XSK_H

// AF_XDP sockets for one device of the calling thread's namespace. The XDP program, which redirects
// every frame of queue 0 to the socket and drops what no socket takes, stays with the device until
// xsk_detach() or until the device goes, whoever exits meanwhile.

#include <stdbool.h>

// Attaches the program (driver mode, else generic mode) in place of one of an earlier call. Returns
// a socket whose memory, rings and binding are the port driver's business, or -errno. *native says
// which mode it is.
int xsk_open(int ifindex, bool *native);
// A socket without a program of its own. Returns it or -errno.
int xsk_socket(void);
// Returns 0 or -errno; no program there is no error.
int xsk_detach(int ifindex);

// Drops every frame before the device's own stack sees it, by a traffic-control program: for a
// device whose frames an AF_PACKET socket takes. Returns 0 or -errno.
int stack_detach(int ifindex);

#endif
