/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"
#include "trace.h"

static struct fixture *f;
static struct cw_trace want;
static struct trace_filter filter;
static uint8_t frame[256];
static uint16_t len;

static int
setup(void **state)
{
	f = *state;
	memset(&want, 0, sizeof(want));
	for (uint16_t id = 2; id < 5; id++)
		fixture_port(f, id);
	len = fixture_udp4(frame, 2, 3, NULL, 20);
	return 0;
}

static int
teardown(void **state)
{
	atomic_store(&f->w->trace->filter, NULL);
	for (int i = 0; i < TRACE_RECORDS; i++)
		atomic_store(&f->w->trace->slot[i].state, TRACE_FREE);
	for (uint16_t id = 2; id < 5; id++)
		fixture_port_del(f, id);
	fixture_sent_clear(f);
	fixture_assert_no_leak(f);
	return 0;
}

static bool
matches(void)
{
	struct rte_mbuf *m = fixture_packet(f, frame, len);
	const bool match = trace_match(&want, m, 2, dp_port_get(f->dp, 2));

	rte_pktmbuf_free(m);
	return match;
}

static void
every_field_must_match(void **state)
{
	const uint16_t src = (uint16_t)(frame[34] << 8 | frame[35]);
	const uint16_t dst = (uint16_t)(frame[36] << 8 | frame[37]);

	assert_true(matches());
	want.port = 2;
	want.network_plus_1 = 1;
	want.ether_type = RTE_ETHER_TYPE_IPV4;
	want.ip_proto = IPPROTO_UDP;
	want.src = (struct cw_ip){.addr = {10, 1, 0, 2}, .family = 4, .prefix = 32};
	want.dst = (struct cw_ip){.addr = {10, 1, 0, 0}, .family = 4, .prefix = 30};
	want.l4_src = src;
	want.l4_dst = dst;
	assert_true(matches());
	want.port = 3;
	assert_false(matches());
	want.port = 2;
	want.network_plus_1 = 2;
	assert_false(matches());
	want.network_plus_1 = 0;
	want.ether_type = RTE_ETHER_TYPE_IPV6;
	assert_false(matches());
	want.ether_type = 0;
	want.ip_proto = IPPROTO_TCP;
	assert_false(matches());
	want.ip_proto = 0;
	want.src.addr[3] = 9;
	assert_false(matches());
	want.src.prefix = 24;
	assert_true(matches());
	want.dst.addr[3] = 4;
	assert_false(matches());
	want.dst.family = 6;
	assert_false(matches());
	want.dst.family = 0;
	want.l4_dst = (uint16_t)(dst + 1);
	assert_false(matches());
}

static void
tags_are_skipped(void **state)
{
	memmove(frame + 16, frame + 12, len - 12u);
	memcpy(frame + 12, (uint8_t[]){0x81, 0, 0, 9}, 4);
	len += 4;
	want.ip_proto = IPPROTO_UDP;
	assert_true(matches());
	want.network_plus_1 = 1; // nobody maps tag 9
	assert_false(matches());
}

static void
ipv6_extension_headers_are_skipped(void **state)
{
	len = fixture_udp6(frame, 2, 3, NULL, 20);
	want.l4_dst = (uint16_t)(frame[56] << 8 | frame[57]);
	want.ip_proto = IPPROTO_UDP;
	assert_true(matches());
	memmove(frame + 62, frame + 54, len - 54u);
	memcpy(frame + 54, (uint8_t[]){IPPROTO_UDP, 0, 1, 4, 0, 0, 0, 0}, 8);
	frame[20] = IPPROTO_DSTOPTS;
	len += 8;
	assert_true(matches());
	frame[20] = IPPROTO_FRAGMENT;
	memcpy(frame + 54, (uint8_t[]){IPPROTO_UDP, 0, 0, 8, 0, 0, 0, 1}, 8);
	assert_false(matches()); // a later fragment has no ports
	want.l4_dst = 0;
	assert_true(matches());
}

static void
short_frames_are_no_danger(void **state)
{
	want.l4_dst = 1;
	want.src = (struct cw_ip){.addr = {10}, .family = 4, .prefix = 8};
	for (uint16_t n = 0; n < 42; n++) {
		len = n;
		matches();
	}
	len = 60;
	frame[14] = 0x4f; // options beyond the frame
	frame[17] = 200;
	assert_false(matches());
}

static void
start(uint32_t count)
{
	filter.want = want;
	atomic_store(&filter.left, count);
	atomic_store(&f->w->trace->filter, &filter);
}

static unsigned int
finished(const struct cw_trace_record **last)
{
	unsigned int n = 0;

	for (int i = 0; i < TRACE_RECORDS; i++) {
		const struct trace_slot *slot = &f->w->trace->slot[i];

		if (atomic_load(&slot->state) != TRACE_DONE)
			continue;
		*last = &slot->record;
		n++;
	}
	return n;
}

static void
the_way_of_a_packet_is_recorded(void **state)
{
	const struct cw_trace_record *record = NULL;

	start(10);
	fixture_inject_one(f, 2, frame, len);
	assert_int_equal(finished(&record), 1);
	assert_int_equal(record->in_port, 2);
	assert_int_equal(record->out_port, 3);
	assert_int_equal(record->drop, -1);
	assert_int_equal(record->length, len);
	assert_memory_equal(record->bytes, frame, record->n_bytes);
	assert_int_equal(record->steps[0], graph_stage_id("parse"));
	assert_int_equal(record->steps[record->n_steps - 1], graph_stage_id("tx"));
	assert_int_equal(f->w->trace->n_busy, 0);
	assert_int_equal(atomic_load(&filter.left), 9);
}

static void
drops_are_recorded(void **state)
{
	const struct cw_trace_record *record = NULL;

	start(1);
	frame[6] |= 1; // a multicast source
	fixture_inject_one(f, 2, frame, len);
	assert_int_equal(finished(&record), 1);
	assert_int_equal(record->drop, graph_drop_id("source_mac_multicast"));
	assert_int_equal(record->out_port, 0);
}

static void
every_copy_of_a_flood_is_recorded(void **state)
{
	const struct cw_trace_record *record = NULL;

	start(1);
	memset(frame, 0xff, 6);
	fixture_inject_one(f, 2, frame, len);
	assert_int_equal(finished(&record), 2); // to ports 3 and 4
	assert_int_equal(atomic_load(&filter.left), 0);
}

static void
a_trace_ends_with_its_count(void **state)
{
	const struct cw_trace_record *record = NULL;

	start(3);
	for (int i = 0; i < 10; i++)
		fixture_inject_one(f, 2, frame, len);
	assert_int_equal(finished(&record), 3);
}

static void
records_that_nobody_takes_are_counted(void **state)
{
	const struct cw_trace_record *record = NULL;
	const unsigned int lost = atomic_load(&f->w->trace->lost);

	start(1000);
	for (int i = 0; i < TRACE_RECORDS + 5; i++)
		fixture_inject_one(f, 2, frame, len);
	assert_int_equal(finished(&record), TRACE_RECORDS);
	assert_int_equal(atomic_load(&f->w->trace->lost), lost + 5);
	assert_int_equal(atomic_load(&filter.left), 1000 - TRACE_RECORDS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_field_must_match),
		TEST(tags_are_skipped),
		TEST(ipv6_extension_headers_are_skipped),
		TEST(short_frames_are_no_danger),
		TEST(the_way_of_a_packet_is_recorded),
		TEST(drops_are_recorded),
		TEST(every_copy_of_a_flood_is_recorded),
		TEST(a_trace_ends_with_its_count),
		TEST(records_that_nobody_takes_are_counted),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
