/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_MEMIF_PRIVATE_H
#define DRIVERS_PORT_MEMIF_PRIVATE_H

// Between memif.c, the driver, and memif_rings.c, which starts and stops its queues.

#include "memif_args.h"
#include "memif_control.h"
#include "memif_ring.h"
#include "port.h"

struct memif_queue_pair {
	struct memif_queue rx, tx;
	int wake_fd; // epoll set that holds the eventfd of the connection's rx ring
};

struct memif {
	struct memif_interface interface;
	struct memif_args args;
	struct buffer_pools pools;
	uint16_t n_queues;
	_Atomic uint16_t n_rx, n_tx; // rings that run; writer: whoever has the lock of memif_loop.h
	char name[CW_NAME_LEN];
	struct memif_queue_pair queues[];
};

extern const struct memif_interface_handlers memif_rings_handlers;

#endif
