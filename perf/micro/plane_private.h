/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PERF_PLANE_PRIVATE_H
#define PERF_PLANE_PRIVATE_H

#include "plane.h"
#include "worker.h"

struct plane {
	struct dataplane *dp;
	struct worker *w;
	struct rte_mempool *mbufs, *jumbos;
	uint16_t n, port; // of the burst to come
	struct rte_mbuf *burst[PLANE_BURST];
	uint64_t n_sent;
	// What the device took: freed between two measurements.
	uint32_t n_taken;
	struct rte_mbuf *taken[1024];
};

_Noreturn void plane_fail(const char *what);
struct cw_ip plane_ip4(uint32_t host_order, uint8_t prefix);
struct port *plane_device(struct plane *plane, uint16_t id, uint32_t capabilities);

#endif
