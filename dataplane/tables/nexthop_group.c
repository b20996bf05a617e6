/* SPDX-License-Identifier: Apache-2.0 */
#include "nexthop_group.h"

#include <rte_common.h>

#define BUCKETS_MIN 64u
#define BUCKETS_MAX 4096u
#define PERCENT_OFF 2 // that a member's share may differ from its weight's

static uint32_t
sum_weights(const struct cw_member *members, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += members[i].weight;
	return sum;
}

// Largest remainder: everyone gets the whole part of what is due, what is left goes to those who
// lost most, and nobody is left without.
static void
apportion(const struct cw_member *members, uint32_t n, uint32_t size, uint32_t *counts)
{
	uint32_t sum = sum_weights(members, n), left = size, most;
	int64_t due[CW_MAX_MEMBERS];

	for (uint32_t i = 0; i < n; i++) {
		due[i] = (int64_t)size * members[i].weight;
		counts[i] = RTE_MAX((uint32_t)(due[i] / sum), 1u);
		due[i] -= (int64_t)counts[i] * sum;
		left -= counts[i]; // may pass below zero and come back
	}
	for (; (int32_t)left > 0; left--) {
		most = 0;
		for (uint32_t i = 1; i < n; i++)
			if (due[i] > due[most])
				most = i;
		counts[most]++;
		due[most] -= sum;
	}
	for (; (int32_t)left < 0; left++) {
		most = 0;
		for (uint32_t i = 1; i < n; i++)
			if (counts[i] > counts[most])
				most = i;
		counts[most]--;
	}
}

static bool
is_fair(const struct cw_member *members, uint32_t n, uint32_t size)
{
	uint32_t sum = sum_weights(members, n), counts[CW_MAX_MEMBERS];
	int64_t due, got;

	apportion(members, n, size, counts);
	for (uint32_t i = 0; i < n; i++) {
		due = (int64_t)size * members[i].weight;
		got = (int64_t)counts[i] * sum;
		if ((got > due ? got - due : due - got) * 100 > due * PERCENT_OFF)
			return false;
	}
	return true;
}

uint32_t
nexthop_group_size(const struct cw_member *members, uint32_t n)
{
	uint32_t size = BUCKETS_MIN;

	while (size < BUCKETS_MAX && !is_fair(members, n, size))
		size *= 2;
	return size;
}

void
nexthop_group_fill(
	struct nexthop_group *group, const struct cw_member *members, uint32_t n, uint32_t size)
{
	uint32_t counts[CW_MAX_MEMBERS], at = 0;

	apportion(members, n, size, counts);
	group->mask = size - 1;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < counts[i]; k++)
			group->bucket[at++] = members[i].nexthop;
}
