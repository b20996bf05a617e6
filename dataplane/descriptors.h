/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATAPLANE_DESCRIPTORS_H
#define DATAPLANE_DESCRIPTORS_H

// Makes room for descriptors before anything is opened: each queue of a port takes up to four, and
// a replay stages as many again. Raises the soft limit to the hard one, and both to
// DESCRIPTORS_WANTED where the process may; logs a warning with the way out when fewer than
// CW_DESCRIPTORS_MIN remain. Grows the table to the limit, DESCRIPTORS_WANTED at most: call it
// before threads are made. Returns the limit.

#include <stdint.h>

#define DESCRIPTORS_WANTED UINT64_C(65536)

uint64_t descriptors_raise_limit(void);

#endif
