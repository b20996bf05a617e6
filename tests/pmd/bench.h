/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_BENCH_H
#define PMD_BENCH_H

// A card on the table: net_flow with two VFs, whose far sides are the test's own sockets.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>
#include <rte_ethdev.h>
#include <rte_flow.h>

#include "packets.h"

#define BENCH_ENDS 3 // uplink, vf0, vf1
#define BENCH_QUEUES 4
#define BENCH_FRAME 2048

// Parts of rules, by the names that rte_flow.h ends them with.
#define ITEM(t)                                \
	{                                      \
		.type = RTE_FLOW_ITEM_TYPE_##t \
	}
#define WITH(t, s)                                        \
	{                                                 \
		.type = RTE_FLOW_ITEM_TYPE_##t, .spec = s \
	}
#define ACTION(t)                                \
	{                                        \
		.type = RTE_FLOW_ACTION_TYPE_##t \
	}
#define DO(t, c)                                            \
	{                                                   \
		.type = RTE_FLOW_ACTION_TYPE_##t, .conf = c \
	}

struct bench {
	uint16_t port[BENCH_ENDS];
	int far_side[BENCH_ENDS];
	uint64_t sent[BENCH_ENDS]; // into far sides
};

// EAL, once a process. The driver comes as users load it: as a shared object.
int bench_setup(void **state);

// A fresh card with these further arguments ("" = none), its ports started.
struct bench *bench_open(const char *arguments);
void bench_close(struct bench *bench);

void bench_send(struct bench *bench, unsigned int end, const struct spec *spec);

// One of the card's extended statistics.
uint64_t bench_counter(const struct bench *bench, unsigned int end, const char *name);

// Waits until everything that was sent into far sides before has been switched.
void bench_settle(const struct bench *bench);

// The next frame at a far side that is there already; -1: none.
ssize_t bench_receive(const struct bench *bench, unsigned int end, uint8_t *frame);

// The next frame that an ethdev has received, on any queue, or NULL. queue may be NULL.
struct rte_mbuf *bench_rx(const struct bench *bench, unsigned int end, uint16_t *queue);
void bench_tx(const struct bench *bench, unsigned int end, const struct spec *spec);

// Asserts that the next frame there is this one.
void bench_expect(const struct bench *bench, unsigned int end, const struct spec *spec);
void bench_expect_rx(const struct bench *bench, unsigned int end, const struct spec *spec);
void bench_expect_nothing(const struct bench *bench);

// Creates a rule that must be accepted by rte_flow_validate() and the card.
struct rte_flow *bench_rule(const struct bench *bench, unsigned int end,
	const struct rte_flow_attr *attr, const struct rte_flow_item *pattern,
	const struct rte_flow_action *actions);
uint64_t bench_hits(const struct bench *bench, unsigned int end, struct rte_flow *rule);

#endif
