/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_FAR_SIDE_H
#define PMD_FAR_SIDE_H

// What is plugged to the embedded switch beside ethdevs: the wire and the VFs. A packet socket on
// an interface, or a datagram socket that the caller opened.

#include <stddef.h>
#include <stdint.h>

#include "frame.h"

// name: an interface, or fd:N (which is duplicated). Returns a descriptor or -1 with errno set.
int far_side_open(const char *name);

// The next frame, its VLAN tag in place, or NULL: none.
struct frame *far_side_receive(int fd);

// Returns 0 or -1: it did not fit.
int far_side_send(int fd, const void *data, size_t length);

#endif
