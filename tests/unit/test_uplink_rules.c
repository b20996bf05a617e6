/* SPDX-License-Identifier: Apache-2.0 */

// What the classifier of an uplink is told, for objects of all sorts.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "address_text.h"
#include "uplink_rules.h"

#define BLUE 1
#define UPLINK 7
#define OTHER_UPLINK 8

static struct cw_ip
ip(const char *text)
{
	struct cw_ip ip;

	assert_true(ip_parse(text, &ip));
	return ip;
}

static struct cw_ip
prefix(const char *text)
{
	struct cw_ip ip;

	assert_true(ip_parse_prefixed(text, &ip));
	return ip;
}

static void
insert(struct objects *objects, void *object)
{
	assert_non_null(object);
	assert_int_equal(objects_insert(objects, object), 0);
}

static void
add_network(struct objects *objects, uint32_t id, const char *name, const char *subnet)
{
	struct network *network = object_new(OBJECT_NETWORK, sizeof(*network));

	network->id = id;
	network->vni = id + 1;
	snprintf(network->name, sizeof(network->name), "%s", name);
	network->subnets[network->n_subnets++] = prefix(subnet);
	insert(objects, network);
}

static struct port *
new_port(uint32_t id, const char *name)
{
	struct port *port = object_new(OBJECT_PORT, sizeof(*port));

	port->id = id;
	port->kind = CW_PORT_AF_PACKET;
	port->flags = CW_PORT_UPLINK;
	memcpy(port->mac, "\x02\x00\x00\x00\x00\x07", 6);
	snprintf(port->name, sizeof(port->name), "%s", name);
	return port;
}

static struct vtep *
new_vtep(uint32_t id, const char *name, const char *address)
{
	struct vtep *vtep = object_new(OBJECT_VTEP, sizeof(*vtep));

	vtep->id = id;
	vtep->port = UPLINK;
	vtep->kind = CW_TUNNEL_VXLAN;
	vtep->udp_port = 8472;
	vtep->address = ip(address);
	snprintf(vtep->name, sizeof(vtep->name), "%s", name);
	return vtep;
}

static void
add_pod(struct objects *objects, uint32_t port, uint32_t network, const char *address)
{
	struct endpoint *endpoint = object_new(OBJECT_ENDPOINT, sizeof(*endpoint));

	endpoint->port = port;
	endpoint->network = network;
	endpoint->ips[endpoint->n_ips++].address = prefix(address);
	snprintf(endpoint->container, sizeof(endpoint->container), "pod%u", port);
	snprintf(endpoint->ifname, sizeof(endpoint->ifname), "eth0");
	insert(objects, endpoint);
}

struct world {
	struct objects *objects;
	struct port *port;
	struct uplink_rule_set set;
};

static int
set_up(void **state)
{
	static struct world world;

	world = (struct world){.objects = objects_create(), .port = new_port(UPLINK, "up")};
	assert_non_null(world.objects);
	add_network(world.objects, 0, "default", "10.1.0.1/16");
	add_network(world.objects, BLUE, "blue", "10.2.0.1/16");
	insert(world.objects, world.port);
	*state = &world;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *world = *state;

	uplink_rules_free(&world->set);
	objects_free(world->objects);
	return 0;
}

static const struct uplink_rules *
build(struct world *world, const struct cw_ip *local, unsigned int n_local)
{
	uplink_rules_free(&world->set);
	assert_int_equal(
		uplink_rules_build(&world->set, world->objects, world->port, local, n_local), 0);
	return &world->set.rules;
}

// The verdict of the first rule with this very prefix: 1 take, 0 the kernel's, -1 none.
static int
verdict(const struct uplink_rules *rules, const char *text, uint16_t vlan)
{
	const struct cw_ip wanted = prefix(text);

	for (unsigned int i = 0; i < rules->n_prefixes; i++) {
		const struct uplink_prefix_rule *rule = &rules->prefixes[i];
		const struct cw_ip masked = ip_masked(&rule->prefix);

		if (rule->vlan == vlan && masked.prefix == wanted.prefix
			&& ip_same_address(&masked, &wanted))
			return rule->take;
	}
	return -1;
}

static unsigned int
tunnels(const struct uplink_rules *rules, const char *address, uint16_t vlan)
{
	const struct cw_ip wanted = ip(address);
	unsigned int n = 0;

	for (unsigned int i = 0; i < rules->n_tunnels; i++)
		n += rules->tunnels[i].vlan == vlan
		     && ip_same_address(&rules->tunnels[i].address, &wanted);
	return n;
}

static void
subnets_of_its_tags(void **state)
{
	struct world *world = *state;
	const struct uplink_rules *rules = build(world, NULL, 0);

	assert_memory_equal(rules->mac, world->port->mac, 6);
	assert_int_equal(rules->n_prefixes, 1);
	assert_int_equal(verdict(rules, "10.1.0.0/16", 0), 1);
	world->port->vlan = 5;
	world->port->trunk[world->port->n_trunk++] = (struct cw_tag){.vlan = 9, .network = BLUE};
	rules = build(world, NULL, 0);
	assert_int_equal(rules->n_prefixes, 2);
	assert_int_equal(verdict(rules, "10.1.0.0/16", 5), 1);
	assert_int_equal(verdict(rules, "10.2.0.0/16", 9), 1);
}

// The node's own addresses decide before the subnets of pods that they lie in.
static void
own_addresses_stay_the_kernels(void **state)
{
	struct world *world = *state;
	const struct cw_ip local[] = {prefix("10.1.0.1/16"), prefix("192.0.2.1/24"),
		prefix("10.2.0.1/16"), prefix("fd00::1/64")};
	const struct uplink_rules *rules = build(world, local, 4);

	assert_int_equal(verdict(rules, "10.1.0.1/32", 0), 0);
	assert_int_equal(verdict(rules, "10.1.0.0/16", 0), 1);
	// Those that no rule would take need none.
	assert_int_equal(rules->n_prefixes, 2);
}

static void
pods_outside_of_subnets(void **state)
{
	struct world *world = *state;
	const struct uplink_rules *rules;

	add_pod(world->objects, 20, 0, "10.1.0.5/16");
	add_pod(world->objects, 21, 0, "10.77.0.5/24");
	add_pod(world->objects, 22, 0, "fd00:7::5/64");
	add_pod(world->objects, 23, BLUE, "10.88.0.5/24");
	rules = build(world, NULL, 0);
	assert_int_equal(rules->n_prefixes, 3);
	assert_int_equal(verdict(rules, "10.77.0.5/32", 0), 1);
	assert_int_equal(verdict(rules, "fd00:7::5/128", 0), 1);
}

static void
vteps_of_the_port(void **state)
{
	struct world *world = *state;
	struct vtep *mine = new_vtep(1, "mine", "192.0.2.1"),
		    *any = new_vtep(2, "any", "192.0.2.2");
	struct vtep *foreign = new_vtep(3, "foreign", "192.0.2.3");
	struct vtep *refused = new_vtep(4, "refused", "192.0.2.4");
	const struct uplink_rules *rules;

	mine->own[mine->n_own++] = ip("10.1.0.0");
	mine->groups[mine->n_groups++] = ip("239.1.1.1");
	any->port = 0;
	foreign->port = OTHER_UPLINK;
	foreign->own[foreign->n_own++] = ip("10.9.0.0");
	insert(world->objects, mine);
	insert(world->objects, any);
	insert(world->objects, foreign);
	insert(world->objects, refused);
	object_set_state(&refused->object, OBJECT_REFUSED, "why");
	rules = build(world, NULL, 0);
	assert_int_equal(rules->n_tunnels, 3);
	assert_int_equal(tunnels(rules, "192.0.2.1", 0), 1);
	assert_int_equal(tunnels(rules, "239.1.1.1", 0), 1);
	assert_int_equal(tunnels(rules, "192.0.2.2", 0), 1);
	assert_int_equal(rules->n_own, 1);
	assert_int_equal(rules->own[0].vtep, 1);
	// An underlay may be behind each tag.
	world->port->trunk[world->port->n_trunk++] = (struct cw_tag){.vlan = 9, .network = BLUE};
	rules = build(world, NULL, 0);
	assert_int_equal(tunnels(rules, "192.0.2.1", 9), 1);
	assert_int_equal(rules->n_tunnels, 6);
	assert_int_equal(rules->n_own, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(subnets_of_its_tags),
		TEST(own_addresses_stay_the_kernels),
		TEST(pods_outside_of_subnets),
		TEST(vteps_of_the_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
