/* SPDX-License-Identifier: Apache-2.0 */
#include "route_change.h"

#include "address_text.h"
#include "objects/json.h"

static const struct field member_keys[] = {
	TARGET_FIELDS,
	{"weight", FIELD_INTEGER, false, 1, 256},
	{0},
};
static const struct field member_key[] = {{"", FIELD_OBJECT, false, 0, 0, member_keys}};

const struct field route_keys[] = {
	{"network", FIELD_NAME, false, 1, CW_NAME_LEN - 1},
	{"prefix", FIELD_PREFIX, true},
	{"kind", FIELD_CHOICE, false, 0, 0, NULL, target_kinds},
	TARGET_FIELDS,
	{"members", FIELD_LIST, false, 1, CW_MAX_MEMBERS, member_key},
	{0},
};

int
route_key(struct causewayd *d, const cJSON *json, struct route *key, struct failure *failure)
{
	const struct network *network = network_find(d->objects, CW_DEFAULT_NETWORK);

	*key = (struct route){.object.type = OBJECT_ROUTE};
	if (network != NULL)
		key->network = network->id;
	ip_parse_prefixed(schema_string(json, "prefix"), &key->prefix);
	key->prefix = ip_masked(&key->prefix);
	return json_network(d->objects, json, "network", &key->network, failure);
}

static int
conflict(struct route_change *change, const struct route *route, struct failure *failure)
{
	char text[OBJECT_KEY_LEN];

	route_class.key(change->d->objects, &route->object, text, sizeof(text));
	return failure_set(failure, CW_RPC_CONFLICT, "prefix", text,
		"change it by route.set, or delete it first",
		"route %s exists with another next hop", text);
}

// Where the route leads. Returns 0 with failure.
static uint32_t
read_nexthop(
	struct route_change *change, uint32_t network, const cJSON *json, struct failure *failure)
{
	static const char *const others[] = {"nexthop", "kind", "via", "port", "mac", "vtep",
		"remote", "vni", "underlay", "mtu"};
	const cJSON *members = schema_get(json, "members");

	if (members == NULL)
		return nexthop_share_target(change->share, network, json, failure);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (schema_get(json, others[i]) != NULL) {
			failure_set(failure, CW_RPC_INVALID_PARAMS, others[i], NULL,
				"leave it out, or say it of each member",
				"a route with members has no %s of its own", others[i]);
			return 0;
		}
	return nexthop_share_group(change->share, network, members, failure);
}

int
route_change_put(
	struct route_change *change, const cJSON *json, bool replace, struct failure *failure)
{
	struct route wanted, *route;

	if (route_key(change->d, json, &wanted, failure) < 0)
		return -1;
	wanted.nexthop = read_nexthop(change, wanted.network, json, failure);
	if (wanted.nexthop == 0)
		return -1;
	route = (struct route *)objects_find(change->d->objects, &wanted.object);
	if (route != NULL && route->nexthop == wanted.nexthop
		&& route->object.origin == wanted.object.origin)
		return 0;
	if (route != NULL && !replace && !object_is_mirrored(&route->object))
		return conflict(change, route, failure);
	if (route != NULL)
		nexthop_share_drop(change->share, route->nexthop);
	nexthop_share_keep(change->share, wanted.nexthop);
	transaction_put(change->t, object_copy(&wanted, sizeof(wanted)));
	return 1;
}

int
route_change_del(struct route_change *change, const cJSON *json, struct failure *failure)
{
	struct route key, *route;

	if (route_key(change->d, json, &key, failure) < 0)
		return -1;
	route = (struct route *)objects_find(change->d->objects, &key.object);
	if (route == NULL)
		return 0;
	if (object_is_mirrored(&route->object))
		return object_refuse_mirrored(change->d->objects, &route->object, failure);
	nexthop_share_drop(change->share, route->nexthop);
	transaction_delete(change->t, &route->object);
	return 1;
}
