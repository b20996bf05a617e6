/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"
#include "packet.h"
#include "server/objects.h"
#include "server_helper.h"

// Sub-ports as objects: what is refused, what workers see, and that they follow their parent.

#define PARENT 3
#define POD 4
#define OTHER 5

static struct objects *objects;
static struct fixture *f;
static union item a;
static struct {
	uint8_t state[CW_MAX_PORTS]; // as last told, + 1
	unsigned int n;
} told;

static void
note(void *arg, const struct cw_item *event)
{
	const struct cw_port_event *port = (const struct cw_port_event *)event;

	if (event->type != CW_ITEM_PORT_EVENT)
		return;
	told.state[port->port] = (uint8_t)(port->state + 1);
	told.n++;
}

static int
set(const struct cw_item *item)
{
	struct reason why = {""};
	int error = objects_set(objects, item, NULL, 0, &why);

	objects_settle(objects);
	return error;
}

static void
del(const struct cw_item *item)
{
	struct reason why;

	assert_int_equal(objects_del(objects, item, &why), 0);
	objects_settle(objects);
}

static const struct cw_item *
make_parent(void)
{
	make_port(&a, PARENT, 7);
	a.port.flags = CW_PORT_UPLINK | CW_PORT_ROUTED;
	make_mac(a.port.mac, 0x55);
	return &a.item;
}

static const struct cw_item *
make_subport(uint32_t id, uint16_t vlan, uint32_t flags)
{
	make_port(&a, id, 7);
	a.port.kind = CW_PORT_VF;
	a.port.parent = PARENT;
	a.port.vlan = vlan;
	a.port.flags = CW_PORT_ROUTED | flags;
	return &a.item;
}

static int
setup(void **state)
{
	f = *state;
	fake_reset();
	memset(&told, 0, sizeof(told));
	objects = objects_create(f->dp, note, NULL);
	assert_non_null(objects);
	assert_int_equal(set(make_network(&a, 7)), 0);
	assert_int_equal(set(make_network(&a, 8)), 0);
	assert_int_equal(set(make_parent()), 0);
	return 0;
}

static int
teardown(void **state)
{
	objects_free(objects);
	assert_int_equal(fake.opens, fake.closes);
	for (uint16_t id = 1; id < 16; id++) {
		assert_null(dp_port_get(f->dp, id));
		assert_null(f->w->tx[id]);
	}
	return 0;
}

static const struct dp_port *
seen(uint16_t id)
{
	const struct dp_port *port = dp_port_get(f->dp, id);

	assert_non_null(port);
	return port;
}

static void
assert_refused(const struct cw_item *item, const char *words)
{
	struct reason why = {""};

	assert_true(objects_set(objects, item, NULL, 0, &why) < 0);
	if (strstr(why.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why.text, words);
	objects_settle(objects);
}

static void
workers_see_it(void **state)
{
	uint8_t mac[6];

	assert_null(seen(PARENT)->subports);
	assert_int_equal(set(make_subport(POD, 101, 0)), 0);
	assert_int_equal(set(make_endpoint(&a, POD, 7)), 0);
	make_mac(mac, 0x55);
	assert_memory_equal(&seen(POD)->parent_mac, mac, 6);
	make_mac(mac, POD);
	assert_memory_equal(&seen(POD)->mac, mac, 6);
	assert_ptr_equal(seen(POD)->device, seen(PARENT)->device);
	assert_int_equal(seen(POD)->capabilities, seen(PARENT)->capabilities);
	assert_int_equal(dp_port_subport(seen(PARENT), 101), POD);
	assert_int_equal(dp_port_subport(seen(PARENT), 102), 0);
	assert_non_null(f->w->tx[POD]);
	assert_int_equal(told.state[POD], CW_PORT_UP + 1);
	assert_int_equal(fake.opens, 1);
	del(make_subport(POD, 101, 0));
	assert_null(dp_port_get(f->dp, POD));
	assert_null(seen(PARENT)->subports);
}

static void
routed_frames_have_the_parents_mac(void **state)
{
	const struct neighbor *pod;
	uint8_t mac[6];

	assert_int_equal(set(make_subport(POD, 101, 0)), 0);
	assert_int_equal(set(make_endpoint(&a, POD, 7)), 0);
	pod = neighbor_lookup4(f->dp->neighbors, 7, RTE_BE32(RTE_IPV4(10, 7, 0, POD)));
	make_mac(mac, 0x55);
	assert_memory_equal(&pod->nexthop.header.src, mac, 6);
	make_parent(); // whose MAC and MTU change
	make_mac(a.port.mac, 0x56);
	a.port.mtu = 1400;
	assert_int_equal(set(&a.item), 0);
	pod = neighbor_lookup4(f->dp->neighbors, 7, RTE_BE32(RTE_IPV4(10, 7, 0, POD)));
	make_mac(mac, 0x56);
	assert_memory_equal(&pod->nexthop.header.src, mac, 6);
	assert_int_equal(pod->nexthop.mtu, 1400);
	assert_int_equal(seen(POD)->mtu, 1400);
}

static void
what_is_refused(void **state)
{
	make_port(&a, OTHER, 7);
	assert_int_equal(set(&a.item), 0);
	make_subport(POD, 101, 0);
	a.port.parent = 9;
	assert_refused(&a.item, "port parent 9");
	a.port.parent = OTHER;
	assert_refused(&a.item, "no uplink");
	a.port.parent = POD;
	assert_refused(&a.item, "is itself");
	make_subport(POD, 101, 0);
	a.port.kind = FAKE_KIND;
	assert_refused(&a.item, "only vf can");
	assert_refused(make_subport(POD, 0, 0), "needs a tag");
	assert_refused(make_subport(POD, 101, CW_PORT_UPLINK), "neither uplink");
	make_port(&a, POD, 7);
	a.port.flags = CW_PORT_ROUTED;
	assert_refused(&a.item, "are routed");
	a.port.flags = CW_PORT_SHARED_TAG;
	assert_refused(&a.item, "shares its tag");
	assert_int_equal(set(make_subport(POD, 101, 0)), 0);
	assert_refused(make_subport(OTHER, 101, 0), "is that of port 4");
	assert_refused(make_subport(OTHER, 101, CW_PORT_SHARED_TAG), "is that of port 4");
	make_subport(OTHER, 102, 0);
	a.port.parent = POD;
	assert_refused(&a.item, "has a parent itself");
	make_port(&a, PARENT, 7); // no uplink any more
	assert_refused(&a.item, "no uplink");
	make_parent();
	a.port.vlan = 101;
	assert_refused(&a.item, "a tag of its parent");
	assert_int_equal(dp_port_subport(seen(PARENT), 101), POD);
}

static void
shared_tags(void **state)
{
	assert_int_equal(set(make_subport(POD, 200, CW_PORT_SHARED_TAG)), 0);
	assert_int_equal(set(make_subport(OTHER, 200, CW_PORT_SHARED_TAG)), 0);
	make_subport(6, 200, CW_PORT_SHARED_TAG);
	a.port.network = 8;
	assert_refused(&a.item, "means network 7");
	a.port.vlan = 300;
	assert_int_equal(set(&a.item), 0);
	// The parent answers in network 8 with its tag; network 7 is its own.
	assert_int_equal(dp_port_tag(seen(PARENT), 8), 300);
	assert_int_equal(dp_port_tag(seen(PARENT), 7), 0);
	assert_int_equal(seen(PARENT)->n_trunk, 0);
	assert_int_equal(dp_port_subport(seen(PARENT), 200), POD);
	del(make_subport(POD, 200, CW_PORT_SHARED_TAG));
	assert_int_equal(dp_port_subport(seen(PARENT), 200), OTHER);
	make_subport(POD, 0, CW_PORT_SHARED_TAG);
	assert_int_equal(set(&a.item), 0);
	make_subport(7, 0, CW_PORT_SHARED_TAG);
	a.port.network = 8;
	assert_refused(&a.item, "means network 7 at its parent");
	// Bridged, a network has one tag.
	make_subport(7, 400, CW_PORT_SHARED_TAG);
	a.port.flags &= ~(uint32_t)CW_PORT_ROUTED;
	assert_refused(&a.item, "network 7 has tag 0");
}

static void
floods_leave_them_out(void **state)
{
	const struct flood_list *flood;

	assert_int_equal(set(make_subport(POD, 101, 0)), 0);
	make_port(&a, 6, 7);
	assert_int_equal(set(&a.item), 0);
	flood = dp_network(f->dp, 7)->flood;
	assert_int_equal(flood->n, 1);
	assert_int_equal(flood->port[0], 6);
	assert_int_equal(flood->n_routed, 1); // who is asked for neighbours all the same
	assert_int_equal(flood->routed[0], PARENT);
}

static void
parents_state_is_theirs(void **state)
{
	const char *reason;

	assert_int_equal(set(make_subport(POD, 101, 0)), 0);
	fake.state = CW_PORT_DOWN;
	objects_poll_devices(objects);
	assert_int_equal(told.state[PARENT], CW_PORT_DOWN + 1);
	assert_int_equal(told.state[POD], CW_PORT_DOWN + 1);
	assert_int_equal(objects_device_state(objects, POD, &reason), CW_PORT_DOWN);
	assert_string_equal(reason, "no carrier");
	fake.state = CW_PORT_UP;
	objects_poll_devices(objects);
	assert_int_equal(told.state[POD], CW_PORT_UP + 1);
}

static void
parent_reopens(void **state)
{
	assert_int_equal(set(make_subport(POD, 101, 0)), 0);
	assert_int_equal(set(make_endpoint(&a, POD, 7)), 0);
	make_parent();
	a.port.generation = 2;
	assert_int_equal(set(&a.item), 0);
	assert_int_equal(fake.opens, 2);
	assert_int_equal(fake.closes, 1);
	assert_ptr_equal(seen(POD)->device, seen(PARENT)->device);
	assert_int_equal(dp_port_subport(seen(PARENT), 101), POD);
	assert_int_equal(seen(POD)->n_ips, 1);
	// One that does not open again takes them along.
	make_parent();
	a.port.generation = 3;
	fake.error = -ENODEV;
	assert_int_equal(set(&a.item), -ENODEV);
	assert_null(dp_port_get(f->dp, PARENT));
	assert_null(dp_port_get(f->dp, POD));
	assert_int_equal(objects_count(objects, CW_ITEM_PORT), 0);
}

static void
tag_moves(void **state)
{
	assert_int_equal(set(make_subport(POD, 101, 0)), 0);
	assert_int_equal(set(make_subport(POD, 102, 0)), 0);
	assert_int_equal(dp_port_subport(seen(PARENT), 101), 0);
	assert_int_equal(dp_port_subport(seen(PARENT), 102), POD);
	assert_int_equal(fake.opens, 1);
}

// Sub-ports come after their parents, whatever the order of the items; a parent that the epoch does
// not name takes its own along.
static void
epochs(void **state)
{
	struct reason why = {""};
	union item parent, pod;

	make_parent();
	parent = a;
	make_subport(POD, 101, 0);
	pod = a;
	assert_true(object_pass(&pod.item) > object_pass(&parent.item));
	assert_int_equal(set(&pod.item), 0);
	objects_epoch_begin(objects);
	make_network(&a, 7);
	objects_epoch_name(objects, &a.item);
	objects_epoch_name(objects, &pod.item);
	objects_epoch_sweep_early(objects);
	assert_null(dp_port_get(f->dp, POD));
	assert_true(objects_set(objects, &pod.item, NULL, 0, &why) < 0);
	objects_epoch_sweep_late(objects);
	assert_int_equal(objects_count(objects, CW_ITEM_PORT), 0);
}

// As many as there are tags.
static void
many(void **state)
{
	log_set_level(LOG_WARNING);
	for (uint16_t tag = 1; tag < 4095; tag++)
		if (tag != PARENT)
			assert_int_equal(set(make_subport(tag, tag, 0)), 0);
	for (uint16_t tag = 1; tag < 4095; tag++)
		assert_int_equal(dp_port_subport(seen(PARENT), tag), tag != PARENT ? tag : 0);
	del(make_parent());
	log_set_level(LOG_INFO);
	assert_int_equal(objects_count(objects, CW_ITEM_PORT), 0);
}

#define subport_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		subport_test(workers_see_it),
		subport_test(routed_frames_have_the_parents_mac),
		subport_test(what_is_refused),
		subport_test(shared_tags),
		subport_test(floods_leave_them_out),
		subport_test(parents_state_is_theirs),
		subport_test(parent_reopens),
		subport_test(tag_moves),
		subport_test(epochs),
		subport_test(many),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
