/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <rte_arp.h>

#include "fixture.h"

#include "frames.h"
#include "server/resolve.h"
#include "stages/nd.h"
#include "worker_private.h"

// The resolver alone: ports 2 and 3 are links without endpoints, 4 is a pod's. What it sends is
// taken by the worker and looked at as it leaves.

struct link {
	struct fixture *f;
	struct objects *objects;
	struct resolve *resolve;
};

static const struct rte_ether_addr station = {{2, 0, 0, 0, 0x77, 1}};

static void
ignore_event(void *arg, const struct cw_item *event)
{
}

static void
set_resolve(struct network *network, void *arg)
{
	network->resolve = *(bool *)arg;
}

static void
make_link(struct dp_port *port, void *arg)
{
	port->n_ips = 0;
}

static void
make_pod(struct dp_port *port, void *arg)
{
	port->n_ips = 1;
}

static int
setup(void **state)
{
	struct link *link = calloc(1, sizeof(*link));
	bool yes = true;

	assert_non_null(link);
	if (frames_setup(state) != 0)
		return -1;
	link->f = *state;
	fixture_network(link->f, 0, set_resolve, &yes);
	fixture_port_change(link->f, 2, make_link, NULL);
	fixture_port_change(link->f, 3, make_link, NULL);
	fixture_port_change(link->f, 4, make_pod, NULL);
	link->objects = objects_create(link->f->dp, ignore_event, NULL);
	link->resolve = resolve_create(link->f->dp, link->objects);
	assert_non_null(link->resolve);
	*state = link;
	return 0;
}

static int
teardown(void **state)
{
	struct link *link = *state;

	*state = link->f;
	resolve_free(link->resolve);
	objects_free(link->objects);
	while (worker_take_originated(link->f->w) > 0)
		worker_flush(link->f->w);
	fixture_sent_clear(link->f);
	free(link);
	return frames_teardown(state);
}

static struct cw_ip
ip_of(const char *text)
{
	struct cw_ip ip = {.family = strchr(text, ':') == NULL ? 4 : 6};

	ip.prefix = ip.family == 4 ? 32 : 128;
	assert_int_equal(inet_pton(ip.family == 4 ? AF_INET : AF_INET6, text, ip.addr), 1);
	return ip;
}

// How many questions left by the port since the last look.
static uint16_t
asked(struct link *link, uint16_t port)
{
	uint16_t n;

	worker_take_originated(link->f->w);
	worker_flush(link->f->w);
	n = fixture_sent(link->f, port);
	return n;
}

static void
clear(struct link *link)
{
	asked(link, 2);
	fixture_sent_clear(link->f);
}

static bool
want(struct link *link, const char *text)
{
	const struct cw_ip ip = ip_of(text);

	return resolve_wanted(link->resolve, 0, &ip, 0);
}

static void
seen(struct link *link, const char *text, uint16_t port)
{
	const struct cw_ip ip = ip_of(text);

	resolve_seen(link->resolve, 0, port, &station, &ip);
}

static const struct neighbor *
known(struct link *link, const char *text)
{
	const struct cw_ip ip = ip_of(text);
	rte_be32_t ip4;

	memcpy(&ip4, ip.addr, sizeof(ip4));
	return ip.family == 4 ? neighbor_lookup4(link->f->dp->neighbors, 0, ip4)
			      : neighbor_lookup6(link->f->dp->neighbors, 0, ip.addr);
}

static void
test_arp_request(void **state)
{
	struct link *link = *state;
	static const uint8_t expected[] =
		"\xff\xff\xff\xff\xff\xff\2\0\0\0\0\1\x08\x06\0\1\x08\0\6\4\0\1"
		"\2\0\0\0\0\1\x0a\1\0\1\0\0\0\0\0\0\x0a\1\x63\x63";
	uint32_t len;
	uint8_t *out;

	assert_true(want(link, "10.1.99.99"));
	assert_int_equal(asked(link, 4), 0); // endpoints' addresses are known
	assert_int_equal(asked(link, 3), 1);
	out = frame_only(link->f, 2, &len);
	assert_int_equal(len, sizeof(expected) - 1);
	assert_memory_equal(out, expected, len);
}

static void
test_solicitation(void **state)
{
	struct link *link = *state;
	uint8_t target[16], *out;
	uint32_t len;

	assert_true(want(link, "fd00:1::12:3456"));
	assert_int_equal(asked(link, 4), 0);
	out = frame_only(link->f, 2, &len);
	assert_int_equal(len, 14 + 40 + 24 + 8);
	assert_memory_equal(out, "\x33\x33\xff\x12\x34\x56\2\0\0\0\0\1\x86\xdd", 14);
	assert_int_equal(frame_ip6(out)->hop_limits, 255);
	frame_set_ip6(target, "ff02::1:ff12:3456");
	assert_memory_equal(ipv6_dst(frame_ip6(out)), target, 16);
	frame_set_ip6(target, "fd00:1::1");
	assert_memory_equal(ipv6_src(frame_ip6(out)), target, 16);
	frame_set_ip6(target, "fd00:1::12:3456");
	assert_memory_equal(out + 14 + 40 + 8, target, 16);
	assert_memory_equal(out + len - 8, "\1\1\2\0\0\0\0\1", 8);
	assert_true(frame_l4_is_right6(frame_ip6(out), 40, IPPROTO_ICMPV6));
}

static void
test_three_tries(void **state)
{
	struct link *link = *state;

	assert_true(want(link, "10.1.99.99"));
	assert_true(want(link, "10.1.99.99")); // asked for already
	assert_int_equal(asked(link, 2), 1);
	for (int i = 2; i <= RESOLVE_TRIES; i++) {
		resolve_second(link->resolve);
		assert_int_equal(asked(link, 2), i);
	}
	assert_int_equal(resolve_count(link->resolve), 1);
	resolve_second(link->resolve);
	assert_int_equal(asked(link, 2), RESOLVE_TRIES);
	assert_int_equal(resolve_count(link->resolve), 0);
	assert_null(known(link, "10.1.99.99"));
}

static void
answer_and_age(struct link *link, const char *text)
{
	assert_true(want(link, text));
	seen(link, text, 3);
	assert_non_null(known(link, text));
	assert_int_equal(known(link, text)->kind, NEIGHBOR_RESOLVED);
	assert_int_equal(known(link, text)->port, 3);
	clear(link);
	for (int i = 0; i < RESOLVE_REACHABLE_S - 1; i++)
		resolve_second(link->resolve);
	assert_int_equal(asked(link, 3), 0);
	resolve_second(link->resolve);
	assert_int_equal(asked(link, 2), 0); // the one that has it, where it is
	assert_memory_equal(frame_only(link->f, 3, NULL), &station, 6);
}

static void
test_probe_is_answered(void **state)
{
	struct link *link = *state;

	answer_and_age(link, "10.1.99.99");
	seen(link, "10.1.99.99", 3);
	clear(link);
	for (int i = 0; i < RESOLVE_TRIES + 1; i++)
		resolve_second(link->resolve);
	assert_int_equal(asked(link, 3), 0);
	assert_non_null(known(link, "10.1.99.99"));
}

static void
test_probe_is_not_answered(void **state)
{
	struct link *link = *state;

	answer_and_age(link, "fd00:1::99");
	for (int i = 0; i < RESOLVE_TRIES; i++) {
		assert_non_null(known(link, "fd00:1::99"));
		resolve_second(link->resolve);
	}
	assert_null(known(link, "fd00:1::99"));
	assert_int_equal(resolve_count(link->resolve), 0);
}

// What nobody asked for fills no table, and configured neighbours stay what they are.
static void
test_unasked(void **state)
{
	struct link *link = *state;
	const struct rte_ether_addr other = {{2, 0, 0, 0, 0x77, 2}};
	const struct cw_ip ip = ip_of("10.1.99.98");

	seen(link, "10.1.99.99", 3);
	assert_null(known(link, "10.1.99.99"));
	assert_true(want(link, "10.1.99.98"));
	assert_int_equal(
		neighbor_set(link->f->dp->neighbors, NEIGHBOR_STATIC, 0, &ip, &other, 2), 0);
	seen(link, "10.1.99.98", 3);
	assert_memory_equal(&known(link, "10.1.99.98")->mac, &other, 6);
	assert_int_equal(known(link, "10.1.99.98")->port, 2);
	clear(link);
}

static void
test_port_goes(void **state)
{
	struct link *link = *state;

	assert_true(want(link, "10.1.99.99"));
	seen(link, "10.1.99.99", 3);
	clear(link);
	fixture_port_del(link->f, 3);
	neighbors_refresh(link->f->dp->neighbors, 0);
	assert_true(want(link, "10.1.99.99")); // as a packet would that finds no port
	assert_int_equal(asked(link, 2), 1);
	seen(link, "10.1.99.99", 2);
	assert_int_equal(known(link, "10.1.99.99")->port, 2);
	assert_int_equal(known(link, "10.1.99.99")->nexthop.action, NEXTHOP_FORWARD);
}

static void
test_network_stops(void **state)
{
	struct link *link = *state;
	bool no = false;

	assert_true(want(link, "10.1.99.99"));
	seen(link, "10.1.99.99", 3);
	fixture_network(link->f, 0, set_resolve, &no);
	assert_false(want(link, "10.1.99.97"));
	resolve_second(link->resolve);
	assert_int_equal(resolve_count(link->resolve), 0);
	assert_null(known(link, "10.1.99.99"));
	clear(link);
}

static void
test_table_is_bounded(void **state)
{
	struct link *link = *state;
	char text[32];

	for (uint32_t i = 0; i < RESOLVE_MAX + 10; i++) {
		snprintf(text, sizeof(text), "10.1.%u.%u", 100 + i / 250, 1 + i % 250);
		assert_true(want(link, text));
	}
	assert_int_equal(resolve_count(link->resolve), RESOLVE_MAX);
}

int
main(void)
{
#define resolve_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		resolve_test(test_arp_request),
		resolve_test(test_solicitation),
		resolve_test(test_three_tries),
		resolve_test(test_probe_is_answered),
		resolve_test(test_probe_is_not_answered),
		resolve_test(test_unasked),
		resolve_test(test_port_goes),
		resolve_test(test_network_stops),
		resolve_test(test_table_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
