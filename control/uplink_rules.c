/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"

struct build {
	struct uplink_rule_set *set;
	const struct objects *objects;
	const struct port *port;
	const struct network *network; // of the tag that is looked at
	uint16_t vlan;
};

// A place for one more at the end of an array that doubles; NULL: no memory.
static void *
append(void **array, unsigned int *n, size_t size)
{
	char *place;

	if ((*n & (*n - 1)) == 0) {
		void *grown = realloc(*array, (*n == 0 ? 1 : *n * 2) * size);

		if (grown == NULL)
			return NULL;
		*array = grown;
	}
	place = (char *)*array + *n * size;
	++*n;
	memset(place, 0, size);
	return place;
}

static int
add_tunnel(struct build *build, const struct vtep *vtep, const struct cw_ip *address)
{
	struct uplink_rule_set *set = build->set;
	struct uplink_tunnel_rule *rule =
		append((void **)&set->tunnels, &set->rules.n_tunnels, sizeof(set->tunnels[0]));

	if (rule == NULL)
		return -ENOMEM;
	*rule = (struct uplink_tunnel_rule){
		.address = *address,
		.vtep = vtep->id,
		.kind = vtep->kind,
		.udp_port = vtep->udp_port,
		.vlan = build->vlan,
	};
	return 0;
}

static int
add_own(struct build *build, const struct vtep *vtep)
{
	struct uplink_rule_set *set = build->set;

	for (unsigned int i = 0; i < vtep->n_own; i++) {
		struct uplink_own_rule *rule =
			append((void **)&set->own, &set->rules.n_own, sizeof(set->own[0]));

		if (rule == NULL)
			return -ENOMEM;
		*rule = (struct uplink_own_rule){.address = vtep->own[i], .vtep = vtep->id};
	}
	return 0;
}

static bool
is_of_port(const struct build *build, const struct vtep *vtep)
{
	// What the data plane does not know is better off with the kernel.
	return (vtep->port == 0 || vtep->port == build->port->id)
	       && vtep->object.state != OBJECT_REFUSED;
}

static int
add_vtep(void *arg, struct object *object)
{
	const struct vtep *vtep = (const struct vtep *)object;
	struct build *build = arg;
	int ret;

	if (!is_of_port(build, vtep))
		return 0;
	ret = add_tunnel(build, vtep, &vtep->address);
	for (unsigned int i = 0; i < vtep->n_groups && ret == 0; i++)
		ret = add_tunnel(build, vtep, &vtep->groups[i]);
	return ret;
}

static int
add_vtep_own(void *arg, struct object *object)
{
	const struct vtep *vtep = (const struct vtep *)object;
	struct build *build = arg;

	return is_of_port(build, vtep) ? add_own(build, vtep) : 0;
}

static int
add_prefix(struct build *build, const struct cw_ip *prefix, bool take)
{
	struct uplink_rule_set *set = build->set;
	struct uplink_prefix_rule *rule =
		append((void **)&set->prefixes, &set->rules.n_prefixes, sizeof(set->prefixes[0]));

	if (rule == NULL)
		return -ENOMEM;
	*rule = (struct uplink_prefix_rule){.prefix = *prefix, .vlan = build->vlan, .take = take};
	return 0;
}

static bool
is_covered(const struct network *network, const struct cw_ip *address)
{
	for (unsigned int i = 0; i < network->n_subnets; i++)
		if (network->subnets[i].family == address->family
			&& ip_contains(&network->subnets[i], address))
			return true;
	return false;
}

// Pods need not lie in a subnet.
static int
add_endpoint(void *arg, struct object *object)
{
	const struct endpoint *endpoint = (const struct endpoint *)object;
	struct build *build = arg;
	int ret = 0;

	if (endpoint->network != build->network->id)
		return 0;
	for (unsigned int i = 0; i < endpoint->n_ips && ret == 0; i++) {
		const struct cw_ip host = ip_host(&endpoint->ips[i].address);

		if (!is_covered(build->network, &host))
			ret = add_prefix(build, &host, true);
	}
	return ret;
}

// The first of two equal prefixes counts: the node's own addresses come before everything.
static int
add_network(struct build *build, const struct cw_ip *local, unsigned int n_local)
{
	int ret = 0;

	for (unsigned int i = 0; i < n_local && ret == 0; i++) {
		const struct cw_ip host = ip_host(&local[i]);

		if (is_covered(build->network, &host))
			ret = add_prefix(build, &host, false);
	}
	for (unsigned int i = 0; i < build->network->n_subnets && ret == 0; i++)
		ret = add_prefix(build, &build->network->subnets[i], true);
	if (ret == 0)
		ret = objects_each(build->objects, OBJECT_ENDPOINT, add_endpoint, build);
	return ret;
}

static int
add_tag(struct build *build, uint16_t vlan, uint32_t network, const struct cw_ip *local,
	unsigned int n_local)
{
	int ret;

	build->vlan = vlan;
	build->network = network_by_id(build->objects, network);
	ret = objects_each(build->objects, OBJECT_VTEP, add_vtep, build);
	if (ret == 0 && build->network != NULL)
		ret = add_network(build, local, n_local);
	return ret;
}

int
uplink_rules_build(struct uplink_rule_set *set, const struct objects *objects,
	const struct port *port, const struct cw_ip *local, unsigned int n_local)
{
	struct build build = {.set = set, .objects = objects, .port = port};
	int ret;

	*set = (struct uplink_rule_set){0};
	memcpy(set->rules.mac, port->mac, sizeof(set->rules.mac));
	ret = objects_each(objects, OBJECT_VTEP, add_vtep_own, &build);
	if (ret == 0)
		ret = add_tag(&build, port->vlan, port->network, local, n_local);
	for (unsigned int i = 0; i < port->n_trunk && ret == 0; i++)
		ret = add_tag(&build, port->trunk[i].vlan, port->trunk[i].network, local, n_local);
	set->rules.tunnels = set->tunnels;
	set->rules.own = set->own;
	set->rules.prefixes = set->prefixes;
	return ret;
}

void
uplink_rules_free(struct uplink_rule_set *set)
{
	free(set->tunnels);
	free(set->own);
	free(set->prefixes);
	*set = (struct uplink_rule_set){0};
}
