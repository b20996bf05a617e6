/* SPDX-License-Identifier: Apache-2.0 */
// Devices that refuse, are full, lose rules, answer late or are started anew.

#include <malloc.h>

#include "offload_flows.h"

static void
a_refusal_is_told(void **state)
{
	flows.refuses = "ranges are not supported";
	see_flow(A, A, B, 1000);
	assert_state(CW_FLOW_REFUSED, "refused: ranges are not supported");
	assert_int_equal(flows.n_rules, 0);
	flows.refuses = NULL;
	for (int i = 0; i < 31; i++) {
		see_flow(A, A, B, 1000);
		only_flow()->in_software = 100;
		a_second_passes();
	}
	assert_state(CW_FLOW_OFFLOADED, "");
}

static void
a_full_device_has_the_busiest(void **state)
{
	struct offload_flow *flow;

	flows.room = 2;
	for (uint16_t i = 0; i < 3; i++)
		see_flow(A, A, B, (uint16_t)(1000 + i));
	assert_int_equal(count(CW_FLOW_OFFLOADED), 2);
	assert_int_equal(count(CW_FLOW_WANTED), 1);
	for (int s = 0; s < 8; s++) {
		unsigned int n = flows.n_creates;

		TAILQ_FOREACH (flow, &offload->flows, link) {
			if (flow->key.match.frame.src_port == 1002)
				flow->in_software = flow->device == NULL ? 1000 : 0;
			if (flow->device != NULL)
				((struct fake_rule *)flow->entry.flow)->hits +=
					flow->key.match.frame.src_port == 1000 ? 900 : 1;
		}
		a_second_passes();
		if (s == 7)
			assert_int_equal(flows.n_creates, n); // no thrash
	}
	TAILQ_FOREACH (flow, &offload->flows, link)
		assert_int_equal(flow->device != NULL, flow->key.match.frame.src_port != 1001);
}

// Whoever goes on with what was freed is to crash. glibc leaves the first seven of a size alone.
static void
overwrite_freed(void)
{
	void *volatile small[8];

	mallopt(M_PERTURB, 0x5a);
	for (size_t i = 0; i < RTE_DIM(small); i++)
		small[i] = malloc(24);
	for (size_t i = 0; i < RTE_DIM(small); i++)
		free(small[i]);
}

static void
a_port_without_rules_takes_none_along(void **state)
{
	flows.proxy = 0;
	set(make_port(&a, C, 7));
	see_flow(A, A, B, 1000);
	del(make_port(&a, C, 7));
	assert_state(CW_FLOW_OFFLOADED, "");
	assert_int_equal(flows.n_creates, 1);
}

// Two flows that differ in their hops alone: the one that becomes a rule anew has the other
// forgotten, which would have been looked at next.
static void
a_flow_is_forgotten_while_all_are_rechecked(void **state)
{
	struct offload_key key = flow_key(A, A, B, 1000);

	make_mac(key.match.frame.dst.addr_bytes, 0xfe);
	see(&key, 2);
	key.match.frame.hops = 1;
	see(&key, 2);
	assert_int_equal(count(CW_FLOW_REFUSED), 1);
	overwrite_freed();
	make_endpoint(&a, B, 7);
	make_mac(a.endpoint.mac, 0x77);
	set(&a.item);
	mallopt(M_PERTURB, 0);
	assert_state(CW_FLOW_OFFLOADED, "");
	assert_int_equal(flows.n_creates, 2);
}

static void
an_idle_flow_is_taken_back(void **state)
{
	see_flow(A, A, B, 1000);
	for (int i = 0; i < 8; i++) {
		hit(1);
		a_second_passes();
	}
	assert_int_equal(only_flow()->packets, 8);
	for (int i = 0; i < 12; i++)
		a_second_passes();
	assert_int_equal(flows.n_rules, 0);
	assert_true(TAILQ_EMPTY(&offload->flows));
}

static void
a_lost_rule_fails(void **state)
{
	see_flow(A, A, B, 1000);
	flows.lost = true;
	a_second_passes();
	assert_state(CW_FLOW_FAILED, "lost: no such rule");
	fake_flush(FAKE_PROXY, NULL);
}

static void
a_device_started_anew_has_no_rules(void **state)
{
	see_flow(A, A, B, 1000);
	fake.ethdev_starts++;
	a_second_passes();
	assert_state(CW_FLOW_FAILED, "started anew");
	assert_int_equal(flows.flushes, 1);
	for (int i = 0; i < 31; i++) {
		only_flow()->in_software = 100;
		a_second_passes();
	}
	assert_state(CW_FLOW_OFFLOADED, "");
}

// It would go on sending packets the old way.
static void
a_device_that_keeps_a_rule_loses_all(void **state)
{
	see_flow(A, A, B, 1000);
	see_flow(B, B, A, 1000);
	flows.keeps_rules = true;
	del(make_endpoint(&a, B, 7));
	assert_int_equal(flows.flushes, 1);
	assert_int_equal(flows.n_rules, 0);
	assert_int_equal(count(CW_FLOW_OFFLOADED), 0);
	flows.keeps_rules = false;
}

static void
a_late_answer_is_waited_for(void **state)
{
	flows.holds_answers = true;
	set_port(A, CW_GUARD_ALL);
	assert_int_equal(count_kind(CW_FLOW_GUARD_PASS), 0);
	flows.holds_answers = false;
	offload_poll(offload);
	assert_int_equal(count_kind(CW_FLOW_GUARD_PASS), 5);
	assert_int_equal(count_kind(CW_FLOW_GUARD_DROP), 3);
}

static void
a_late_failure_goes_back_to_the_switch(void **state)
{
	const struct offload_flow *flow;

	flows.holds_answers = true;
	flows.fails_late = true;
	set_port(A, CW_GUARD_ALL);
	flows.holds_answers = false;
	offload_poll(offload);
	TAILQ_FOREACH (flow, &offload->flows, link) {
		assert_int_equal(flow->state, CW_FLOW_FAILED);
		assert_non_null(strstr(flow->reason, "refused when it was to be carried out"));
	}
	assert_int_equal(flows.n_rules, 0);
	assert_int_equal(count_kind(CW_FLOW_GUARD_DROP), 0);
}

// The device was closed meanwhile, and answers after it was opened again.
static void
a_very_late_answer_meets_nobody(void **state)
{
	flows.holds_answers = true;
	set_port(A, CW_GUARD_ALL);
	overwrite_freed();
	fake.ethdev_starts++;
	a_second_passes();
	mallopt(M_PERTURB, 0);
	flows.holds_answers = false;
	set_port(B, CW_GUARD_ALL);
	offload_poll(offload);
	assert_int_equal(count_kind(CW_FLOW_GUARD_PASS), 10);
	assert_int_equal(count_kind(CW_FLOW_GUARD_DROP), 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(a_refusal_is_told),
		BOTH(a_full_device_has_the_busiest),
		BOTH(a_port_without_rules_takes_none_along),
		BOTH(a_flow_is_forgotten_while_all_are_rechecked),
		BOTH(an_idle_flow_is_taken_back),
		BOTH(a_lost_rule_fails),
		BOTH(a_device_started_anew_has_no_rules),
		BOTH(a_device_that_keeps_a_rule_loses_all),
		cmocka_unit_test_setup_teardown(a_late_answer_is_waited_for, setup_async, teardown),
		cmocka_unit_test_setup_teardown(
			a_late_failure_goes_back_to_the_switch, setup_async, teardown),
		cmocka_unit_test_setup_teardown(
			a_very_late_answer_meets_nobody, setup_async, teardown),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
