/* SPDX-License-Identifier: Apache-2.0 */
#include "server/frame.h"
#include "server_helper.h"

static union {
	struct cw_frame frame;
	uint64_t room[1024];
} at;

static struct reason why;

static void
start(uint16_t type)
{
	memset(&at, 0, sizeof(at));
	at.frame = (struct cw_frame){.length = sizeof(at.frame), .type = type};
}

static struct cw_item *
add(const struct cw_item *item)
{
	void *room = (uint8_t *)&at + at.frame.length;

	memcpy(room, item, item->length);
	at.frame.length += item->length;
	at.frame.n_items++;
	return room;
}

static void
assert_bad(const char *words)
{
	memset(&why, 0, sizeof(why));
	assert_int_equal(frame_check(&at.frame, &why), -EBADMSG);
	if (strstr(why.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why.text, words);
}

static void
assert_bad_header(const char *words)
{
	assert_int_equal(frame_check_header(&at.frame, &why), -EBADMSG);
	if (strstr(why.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why.text, words);
}

static void
good_frames_pass(void **state)
{
	union item item;

	start(CW_SET);
	assert_int_equal(frame_check(&at.frame, &why), 0);
	add(make_network(&item, 1));
	add(make_port(&item, 1, 1));
	add(make_endpoint(&item, 1, 1));
	add(make_fdb(&item, 1, 1, 1));
	add(make_neighbor(&item, 1, 2, 1));
	add(make_nexthop(&item, 1, 1, 1));
	add(make_route(&item, 1, make_ip4(0, 0, 0, 0, 0), 1));
	assert_int_equal(frame_check_header(&at.frame, &why), 0);
	assert_int_equal(frame_check(&at.frame, &why), 0);
	start(CW_GET_NODE);
	assert_int_equal(frame_check(&at.frame, &why), 0);
}

static void
headers_are_checked(void **state)
{
	start(CW_SET);
	at.frame.length = 8;
	assert_bad_header("length 8");
	at.frame.length = 20;
	assert_bad_header("length 20");
	at.frame.length = CW_FRAME_MAX + 8;
	assert_bad_header("length 1048584");
	start(99);
	assert_bad_header("type 99");
	start(CW_SET | CW_REPLY);
	assert_bad_header("type 32772");
	start(CW_SET);
	at.frame.n_fds = CW_FRAME_FDS + 1;
	assert_bad_header("65 descriptors");
	start(CW_GET_STATS);
	at.frame.n_fds = 1;
	assert_bad_header("1 descriptors");
}

static void
items_must_fill_the_frame(void **state)
{
	struct cw_item *item;
	union item fdb;

	make_fdb(&fdb, 1, 1, 1);
	start(CW_SET);
	add(&fdb.item);
	at.frame.n_items = 2;
	assert_bad("claims 2 items and holds 1");
	start(CW_SET);
	item = add(&fdb.item);
	item->length = 4;
	assert_bad("wrong length");
	item->length = 0;
	assert_bad("wrong length");
	item->length = 30;
	assert_bad("wrong length");
	item->length = 1024; // beyond the frame
	assert_bad("wrong length");
	item->length = 24; // within, but too short for its type
	assert_bad("is 24 bytes");
}

static void
entries_must_match_their_count(void **state)
{
	struct cw_network *network;
	union item item;

	start(CW_SET);
	network = (struct cw_network *)add(make_network(&item, 1));
	network->n_addresses = 3;
	assert_bad("entries need");
	network->n_addresses = UINT16_MAX;
	assert_bad("entries need");
	start(CW_SET);
	((struct cw_nexthop *)add(make_nexthop(&item, 1, 1, 1)))->n_members = UINT32_MAX / 8;
	assert_bad("entries need");
	start(CW_DEL); // keys only
	network = (struct cw_network *)add(make_network(&item, 1));
	network->n_addresses = 3;
	assert_int_equal(frame_check(&at.frame, &why), 0);
}

static void
items_must_fit_the_request(void **state)
{
	const struct cw_epoch epoch = {.item = {CW_ITEM_EPOCH, sizeof(epoch), 0}};
	union item item;

	start(CW_SET);
	add(&epoch.item);
	assert_bad("item type 2");
	start(CW_BEGIN);
	assert_bad("holds 0 items");
	add(&epoch.item);
	assert_int_equal(frame_check(&at.frame, &why), 0);
	add(&epoch.item);
	assert_bad("holds 2 items");
	start(CW_GET_STATS);
	add(make_fdb(&item, 1, 1, 1));
	assert_bad("item type 19");
	start(CW_SET);
	add(make_fdb(&item, 1, 1, 1))->type = 200;
	assert_bad("item type 200");
	start(CW_SET);
	add(make_fdb(&item, 1, 1, 1))->reserved = 1;
	assert_bad("reserved");
}

static void
descriptors_must_be_claimed(void **state)
{
	struct cw_port *port;
	union item item;

	start(CW_SET);
	port = (struct cw_port *)add(make_port(&item, 1, 1));
	at.frame.n_fds = 1;
	assert_bad("claims 1 descriptors, its ports 0");
	port->n_fds = 2;
	assert_bad("claims 1 descriptors, its ports 2");
	port->n_fds = 1;
	assert_int_equal(frame_check(&at.frame, &why), 0);
	at.frame.type = CW_DEL;
	assert_bad("claims 1 descriptors, its ports 0");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_frames_pass),
		cmocka_unit_test(headers_are_checked),
		cmocka_unit_test(items_must_fill_the_frame),
		cmocka_unit_test(entries_must_match_their_count),
		cmocka_unit_test(items_must_fit_the_request),
		cmocka_unit_test(descriptors_must_be_claimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
