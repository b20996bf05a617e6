/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MIRROR_PLAN_HELPER_H
#define TESTS_MIRROR_PLAN_HELPER_H

// A world for each test of the plan.

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mirror_world.h"

#define GATEWAY_MAC "02:00:00:00:00:fe"
#define PEER_MAC "02:00:00:00:00:02"

static inline int
set_up(void **state)
{
	*state = world_create();
	return 0;
}

static inline int
tear_down(void **state)
{
	world_free(*state);
	return 0;
}

#endif
