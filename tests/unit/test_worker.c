/* SPDX-License-Identifier: Apache-2.0 */

// Workers and the graph, driven by stages of the test's own: the first one decides what a burst
// does.

#include <stdlib.h>

#include "buffer.h"
#include "fixture.h"
#include "lent.h"
#include "worker_private.h"

enum mode { MODE_SEND, MODE_LOOP, MODE_COPY };

static enum mode mode;
static uint16_t copies;
static uint16_t seam_runs;

enum { ENTRY_LOOP, ENTRY_SEAM };

static stage_run entry_run, ping_run, pong_run, last_run;

static struct stage entry = {
	.name = "test_entry",
	.run = entry_run,
	.order = 0,
	.next = {"test_ping", "test_seam"},
	.drops = {{"test_reason", "asked for by the test"}, {"tx_full", "shared with the worker"}},
};
static struct stage ping = {
	.name = "test_ping", .run = ping_run, .order = 2, .next = {"test_pong"}};
static struct stage pong = {
	.name = "test_pong", .run = pong_run, .order = 3, .next = {"test_ping"}};
static struct stage seam = {.name = "test_seam", .order = 4, .next = {"test_last"}};
static struct stage last = {.name = "test_last", .run = last_run, .order = UINT16_MAX - 1};

STAGE_REGISTER(entry)
STAGE_REGISTER(ping)
STAGE_REGISTER(pong)
STAGE_REGISTER(seam)
STAGE_REGISTER(last)

static void
make_copies(struct worker *w, uint16_t slot)
{
	uint16_t mark = w->n_slots;

	for (uint16_t i = 0; i < copies; i++) {
		struct rte_mbuf *m = packet_alloc(w);
		uint16_t copy;

		assert_non_null(m);
		assert_non_null(rte_pktmbuf_append(m, 60));
		copy = packet_new(w, slot, m);
		if (copy == WORKER_NO_SLOT) {
			worker_drain(w, &entry, mark);
			copy = packet_new(w, slot, m);
		}
		assert_int_not_equal(copy, WORKER_NO_SLOT);
		w->ctx[copy].out_port = 2;
		worker_counters(w, w->ctx[copy].in_port)->replicas++;
		packet_next(w, copy, entry.next_id[ENTRY_SEAM]);
	}
}

static void
entry_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		if (mode == MODE_LOOP) {
			packet_next(w, slots[i], entry.next_id[ENTRY_LOOP]);
			continue;
		}
		if (mode == MODE_COPY)
			make_copies(w, slots[i]);
		w->ctx[slots[i]].out_port = 2;
		packet_next(w, slots[i], entry.next_id[ENTRY_SEAM]);
	}
}

static void
ping_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		packet_next(w, slots[i], ping.next_id[0]);
}

static void
pong_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		packet_next(w, slots[i], pong.next_id[0]);
}

static void
last_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	seam_runs++;
	for (uint16_t i = 0; i < n; i++)
		worker_tx(w, slots[i]);
}

static int
setup(void **state)
{
	int error = fixture_setup(state);

	mode = MODE_SEND;
	copies = 0;
	fixture_port(*state, 1);
	fixture_port(*state, 2);
	return error;
}

static void
inject(struct fixture *f, uint16_t n)
{
	struct rte_mbuf *pkts[256];
	uint8_t frame[60] = {0};

	for (uint16_t i = 0; i < n; i++) {
		frame[0] = (uint8_t)i;
		pkts[i] = fixture_packet(f, frame, sizeof(frame));
	}
	fixture_inject(f, 1, pkts, n);
}

static void
test_seam_is_bypassed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(graph_stage(graph_stage_id("test_seam"))->run == NULL, true);
	assert_int_equal(entry.next_id[ENTRY_SEAM], graph_stage_id("test_last"));
	inject(f, 1);
	assert_int_equal(f->w->stages[graph_stage_id("test_seam")].bursts, 0);
	assert_int_equal(fixture_sent(f, 2), 1);
}

static void
test_drop_names_are_shared(void **state)
{
	assert_int_equal(entry.drop_id[1], graph_drop_id("tx_full"));
	assert_string_equal(graph_drop(entry.drop_id[0])->name, "test_reason");
	assert_int_equal(graph_drop_id("no such reason"), UINT16_MAX);
}

static void
test_order_and_books(void **state)
{
	struct fixture *f = *state;
	const struct port_counters *in, *out;

	inject(f, 200);
	in = fixture_counters(f, 1);
	out = fixture_counters(f, 2);
	assert_int_equal(in->rx_packets, 200);
	assert_int_equal(in->rx_bytes, 200 * 60);
	assert_int_equal(in->sent, 200);
	assert_int_equal(out->tx_packets, 200);
	assert_int_equal(out->tx_bytes, 200 * 60);
	for (uint16_t i = 0; i < 200; i++)
		assert_int_equal(
			*rte_pktmbuf_mtod(fixture_sent_packet(f, 2, i), uint8_t *), (uint8_t)i);
	fixture_assert_balanced(f);
	fixture_sent_clear(f);
	fixture_assert_no_leak(f);
}

static void
test_loop_ends(void **state)
{
	struct fixture *f = *state;

	mode = MODE_LOOP;
	inject(f, 64);
	assert_int_equal(fixture_drops(f, 1, "loop"), 64);
	assert_int_equal(f->w->pending, 0);
	fixture_assert_balanced(f);
	fixture_assert_no_leak(f);
}

static void
test_more_copies_than_slots(void **state)
{
	struct fixture *f = *state;

	mode = MODE_COPY;
	copies = 700;
	inject(f, 1);
	assert_int_equal(fixture_sent(f, 2), 701);
	assert_int_equal(fixture_counters(f, 1)->replicas, 700);
	fixture_assert_balanced(f);
	fixture_sent_clear(f);
	fixture_assert_no_leak(f);
}

static uint16_t
picky_tx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	uint16_t done = 0;

	for (; done < n; done++) {
		uint8_t first = *rte_pktmbuf_mtod(pkts[done], uint8_t *);

		if (first == 5 || first == 7) {
			*stop = PORT_TX_REFUSED;
			return done;
		}
		if (first >= 50) {
			*stop = PORT_TX_FULL;
			return done;
		}
		rte_pktmbuf_free(pkts[done]);
	}
	return done;
}

static uint16_t
dead_tx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	*stop = PORT_TX_DOWN;
	return 0;
}

static void
with_driver(struct fixture *f, const struct port_driver *driver, uint16_t n)
{
	struct port *device = f->dp->ports[2]->device;
	const struct port_driver *old = device->driver;

	device->driver = driver;
	inject(f, n);
	device->driver = old;
}

static void
test_what_the_device_refuses_is_dropped_by_name(void **state)
{
	static const struct port_driver picky = {.name = "picky", .tx = picky_tx};
	struct fixture *f = *state;

	with_driver(f, &picky, 64);
	assert_int_equal(fixture_drops(f, 1, "tx_refused"), 2);
	assert_int_equal(fixture_drops(f, 1, "tx_full"), 14);
	assert_int_equal(fixture_counters(f, 1)->sent, 48);
	assert_int_equal(fixture_counters(f, 2)->tx_packets, 48);
	assert_int_equal(fixture_counters(f, 2)->tx_bytes, 48 * 60);
	fixture_assert_balanced(f);
	fixture_assert_no_leak(f);
}

static void
test_device_down(void **state)
{
	static const struct port_driver dead = {.name = "dead", .tx = dead_tx};
	struct fixture *f = *state;

	with_driver(f, &dead, 10);
	assert_int_equal(fixture_drops(f, 1, "port_down"), 10);
	fixture_assert_balanced(f);
	fixture_assert_no_leak(f);
}

static struct lent lent;

// 60 bytes of the frame's own, and len lent ones.
static struct rte_mbuf *
lent_frame(struct fixture *f, uint16_t len)
{
	const uint8_t frame[60] = {9};

	f->w->priv->borrows = true; // as the poll loop finds out
	lent_start(&lent);
	return lent_append(&lent, fixture_packet(f, frame, sizeof(frame)), len, 3);
}

static void
assert_owned(const struct rte_mbuf *m, uint16_t len)
{
	static uint8_t bytes[60 + sizeof(lent.bytes)];

	assert_true(lent_is_back(&lent));
	assert_false(buffer_is_lent(m));
	assert_int_equal(m->pkt_len, 60 + len);
	buffer_copy_out(m, bytes);
	assert_int_equal(bytes[0], 9);
	assert_memory_equal(bytes + 60, lent.bytes, len);
}

// Port 2's device from now on. Workers look at the driver when they get the port.
static void
change_driver(struct fixture *f, const struct port_driver *driver)
{
	struct port *device = f->dp->ports[2]->device;

	worker_port_detach(f->dp, 2);
	device->driver = driver;
	assert_int_equal(worker_port_attach(f->dp, device), 0);
}

// Two workers, one TX queue: the second hands over to the first.
static void
test_handover(void **state)
{
	const struct worker_config config = {.socket_id = SOCKET_ID_ANY, .poll = true};
	static struct port_driver copying;
	struct fixture *f = *state;
	struct worker *second = worker_create(f->dp, 1, &config, f->mbufs, f->jumbos);
	uint8_t frame[60] = {9};
	struct rte_mbuf *m = fixture_packet(f, frame, sizeof(frame));

	assert_non_null(second);
	f->dp->workers[1] = second;
	f->dp->n_workers = 2;
	fixture_port_del(f, 1);
	fixture_port_del(f, 2);
	fixture_port(f, 1);
	fixture_port(f, 2);
	worker_inject(second, &m, 1, 1);
	worker_flush(second);
	assert_int_equal(fixture_sent(f, 2), 0);
	assert_int_equal(worker_take_handovers(f->w), 1);
	worker_flush(f->w);
	assert_int_equal(fixture_sent(f, 2), 1);
	assert_int_equal(second->counters[1]->sent, 1);
	// No lent memory for another thread, even if the device copies.
	copying = *f->dp->ports[2]->device->driver;
	copying.tx_copies = true;
	change_driver(f, &copying);
	m = lent_frame(f, 4000);
	second->priv->borrows = true;
	worker_inject(second, &m, 1, 1);
	worker_flush(second);
	assert_true(lent_is_back(&lent));
	assert_int_equal(worker_take_handovers(f->w), 1);
	worker_flush(f->w);
	assert_owned(fixture_sent_packet(f, 2, 1), 4000);
	// A port that goes while its packet is in the ring.
	m = fixture_packet(f, frame, sizeof(frame));
	worker_inject(second, &m, 1, 1);
	worker_flush(second);
	fixture_port_del(f, 2);
	assert_int_equal(worker_take_handovers(f->w), 1);
	assert_int_equal(fixture_drops(f, 1, "no_port"), 1);
	assert_int_equal(second->counters[1]->sent + f->w->counters[1]->sent, 2);
	fixture_port_del(f, 1);
	fixture_assert_no_leak(f);
	f->dp->n_workers = 1;
	worker_free(second);
}

// The fixture's device keeps what it is sent.
static void
test_device_that_keeps_gets_copies(void **state)
{
	const uint16_t lens[] = {1, 200, 4000, sizeof(lent.bytes)};
	struct fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(lens); i++) {
		struct rte_mbuf *m = lent_frame(f, lens[i]);

		fixture_inject(f, 1, &m, 1);
		assert_int_equal(fixture_sent(f, 2), 1);
		assert_owned(fixture_sent_packet(f, 2, 0), lens[i]);
		fixture_sent_clear(f);
	}
	fixture_assert_balanced(f);
	fixture_assert_no_leak(f);
}

static bool saw_lent;

static uint16_t
look_tx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	saw_lent = buffer_is_lent(pkts[0]);
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

static void
test_device_that_copies_gets_lent_memory(void **state)
{
	static const struct port_driver copying = {.tx = look_tx, .tx_copies = true};
	struct fixture *f = *state;
	struct port *device = f->dp->ports[2]->device;
	const struct port_driver *old = device->driver;
	struct rte_mbuf *m = lent_frame(f, 4000);

	change_driver(f, &copying);
	fixture_inject(f, 1, &m, 1);
	device->driver = old;
	assert_true(saw_lent);
	assert_true(lent_is_back(&lent));
	fixture_assert_no_leak(f);
}

static struct rte_mbuf *waiting; // at the lending device
static struct worker *polling;

// One frame, then the end of the worker's loop.
static uint16_t
lending_rx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	if (waiting == NULL) {
		worker_stop(polling);
		return 0;
	}
	pkts[0] = waiting;
	waiting = NULL;
	return 1;
}

static bool
lending_lends(struct port *port, uint16_t queue)
{
	return true;
}

// The poll loop itself asks the device, and what it sent in that round is its own.
static void
test_poll_loop_asks_who_lends(void **state)
{
	static const struct port_driver lending = {
		.name = "lending", .rx = lending_rx, .lends = lending_lends};
	struct fixture *f = *state;
	struct port *device = f->dp->ports[1]->device;
	const struct port_driver *old = device->driver;

	waiting = lent_frame(f, 4000);
	f->w->priv->borrows = false;
	polling = f->w;
	device->driver = &lending;
	assert_int_equal(worker_port_rx(f->dp, device), 0);
	assert_int_equal(worker_main(f->w), 0);
	device->driver = old;
	assert_int_equal(fixture_sent(f, 2), 1);
	assert_owned(fixture_sent_packet(f, 2, 0), 4000);
	assert_false(f->w->priv->borrows);
}

static void
test_no_memory_for_a_copy(void **state)
{
	struct fixture *f = *state;
	const unsigned int n = rte_mempool_avail_count(f->jumbos);
	struct rte_mbuf **jumbos = calloc(n, sizeof(*jumbos)), *m = lent_frame(f, 4000);

	assert_int_equal(rte_pktmbuf_alloc_bulk(f->jumbos, jumbos, n), 0);
	fixture_inject(f, 1, &m, 1);
	rte_pktmbuf_free_bulk(jumbos, n);
	free(jumbos);
	assert_int_equal(fixture_sent(f, 2), 0);
	assert_int_equal(fixture_drops(f, 1, "no_memory"), 1);
	assert_true(lent_is_back(&lent));
	fixture_assert_balanced(f);
	fixture_assert_no_leak(f);
}

static void
count_call(void *arg)
{
	(*(unsigned int *)arg)++;
}

static void
test_rcu_defers(void **state)
{
	struct fixture *f = *state;
	unsigned int calls = 0;

	rte_rcu_qsbr_thread_register(f->dp->qsbr, 3);
	rte_rcu_qsbr_thread_online(f->dp->qsbr, 3);
	for (int i = 0; i < 3000; i++)
		rcu_defer(f->dp, count_call, &calls);
	rcu_poll(f->dp);
	assert_int_equal(calls, 0);
	rte_rcu_qsbr_quiescent(f->dp->qsbr, 3);
	rcu_poll(f->dp);
	assert_int_equal(calls, 3000);
	rte_rcu_qsbr_thread_offline(f->dp->qsbr, 3);
	rte_rcu_qsbr_thread_unregister(f->dp->qsbr, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_seam_is_bypassed, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_drop_names_are_shared, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_order_and_books, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_loop_ends, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_more_copies_than_slots, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_what_the_device_refuses_is_dropped_by_name, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_device_down, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_handover, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_device_that_keeps_gets_copies, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_device_that_copies_gets_lent_memory, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_poll_loop_asks_who_lends, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_no_memory_for_a_copy, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_rcu_defers, setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
