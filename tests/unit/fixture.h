/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FIXTURE_H
#define TESTS_FIXTURE_H

// A data plane without devices for unit tests and micro benchmarks: one worker that is driven by
// hand, ports that keep what is sent to them. EAL runs without hugepages. Packets take the stages'
// way unless CAUSEWAY_EXPRESS is in the environment.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane.h"
#include "port.h"
#include "tables/fdb.h"
#include "tables/lpm.h"
#include "tables/neighbor.h"
#include "tables/nexthop.h"
#include "tables/vtep.h"
#include "worker.h"

#define FIXTURE_SENT_MAX 1024

struct fixture {
	struct dataplane *dp;
	struct worker *w;
	struct rte_mempool *mbufs, *jumbos;
};

// cmocka group setup and teardown: *state is a struct fixture. One network "default": id 0, router
// MAC 02:00:00:00:00:01, MTU 1500, router addresses 10.1.0.1/16 and fd00:1::1/64 (neighbours of
// kind ROUTER), connected routes.
int fixture_setup(void **state);
int fixture_teardown(void **state);

// Replaces a network by a copy that fn changed (fn may be NULL: makes it when absent).
struct network *fixture_network(
	struct fixture *f, uint16_t id, void (*fn)(struct network *network, void *arg), void *arg);

// Makes port 'id' of network 0 with endpoint MAC 02:00:00:00:01:<id> and addresses 10.1.0.<id> and
// fd00:1::<id in hex>: FDB entry, neighbours, flood list, guard off. tx takes everything with all
// offloads unless changed.
void fixture_port(struct fixture *f, uint16_t id);
// Replaces the port by a copy that fn changed.
void fixture_port_change(
	struct fixture *f, uint16_t id, void (*fn)(struct dp_port *port, void *arg), void *arg);
void fixture_port_del(struct fixture *f, uint16_t id);

// Frames that left by a port since the last fixture_sent_clear(), in order.
uint16_t fixture_sent(struct fixture *f, uint16_t port);
struct rte_mbuf *fixture_sent_packet(struct fixture *f, uint16_t port, uint16_t index);
void fixture_sent_clear(struct fixture *f);

// An mbuf with these bytes (a chain when len > one data room).
struct rte_mbuf *fixture_packet(struct fixture *f, const void *bytes, uint32_t len);
// Runs frames through the whole graph as if port had received them, and flushes.
void fixture_inject(struct fixture *f, uint16_t port, struct rte_mbuf **pkts, uint16_t n);
void fixture_inject_one(struct fixture *f, uint16_t port, const void *bytes, uint32_t len);

// Drops counted against a port under this name so far; fails the test when no stage knows the name.
uint64_t fixture_drops(struct fixture *f, uint16_t port, const char *reason);
const struct port_counters *fixture_counters(struct fixture *f, uint16_t port);
// Asserts the books of every port: rx + originated + replicas + segments = sent + drops + punted +
// held.
void fixture_assert_balanced(struct fixture *f);
// Asserts that every mbuf is back in its pool (after fixture_sent_clear()).
void fixture_assert_no_leak(struct fixture *f);

// Builders: fill 'frame' (at least 128 bytes) and return its length. Ports in 'from' and 'to' are
// fixture port ids; dst_mac NULL means the MAC of 'to'. Checksums are right.
uint16_t fixture_udp4(
	uint8_t *frame, uint16_t from, uint16_t to, const char *dst_mac, uint16_t payload_len);
uint16_t fixture_udp6(
	uint8_t *frame, uint16_t from, uint16_t to, const char *dst_mac, uint16_t payload_len);

#endif
