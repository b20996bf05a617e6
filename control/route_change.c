/* SPDX-License-Identifier: Apache-2.0 */
#include "route_change.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "objects/json.h"
#include "port_change.h"
#include "schema.h"

struct route_change {
	struct transaction *t;
	struct causewayd *d;
	void *made; // next hops that the transaction puts, by content
	unsigned int n_made;
	uint32_t *gone; // references that go, by next hop
	uint32_t *kept; // references that come
};

static const struct field member_keys[] = {
	{"nexthop", FIELD_INTEGER, false, 1, CW_MAX_NEXTHOPS - 1},
	{"via", FIELD_IP},
	{"port", FIELD_NAME, false, 1, CW_NAME_LEN - 1},
	{"mac", FIELD_MAC},
	{"weight", FIELD_INTEGER, false, 1, 256},
	{0},
};
static const struct field member_key[] = {{"", FIELD_OBJECT, false, 0, 0, member_keys}};

// Next hops that need no more than their kind.
static const char *const kinds[] = {"host", "blackhole", "unreachable", "prohibit", NULL};
static const uint8_t kind_values[] = {
	CW_NEXTHOP_HOST, CW_NEXTHOP_BLACKHOLE, CW_NEXTHOP_UNREACHABLE, CW_NEXTHOP_PROHIBIT};

const struct field route_keys[] = {
	{"network", FIELD_NAME, false, 1, CW_NAME_LEN - 1},
	{"prefix", FIELD_PREFIX, true},
	{"nexthop", FIELD_INTEGER, false, 1, CW_MAX_NEXTHOPS - 1},
	{"kind", FIELD_CHOICE, false, 0, 0, NULL, kinds},
	{"via", FIELD_IP},
	{"port", FIELD_NAME, false, 1, CW_NAME_LEN - 1},
	{"mac", FIELD_MAC},
	{"members", FIELD_LIST, false, 1, CW_MAX_MEMBERS, member_key},
	{0},
};

struct route_change *
route_change_new(struct transaction *t, struct causewayd *d)
{
	struct route_change *change = calloc(1, sizeof(*change));

	if (change == NULL)
		return NULL;
	*change = (struct route_change){
		.t = t,
		.d = d,
		.gone = calloc(CW_MAX_NEXTHOPS, sizeof(uint32_t)),
		.kept = calloc(CW_MAX_NEXTHOPS, sizeof(uint32_t)),
	};
	if (change->gone == NULL || change->kept == NULL) {
		free(change->gone);
		free(change->kept);
		free(change);
		return NULL;
	}
	return change;
}

static void
keep_node(void *node)
{
}

void
route_change_end(struct route_change *change)
{
	if (change == NULL)
		return;
	for (uint32_t id = 1; id < CW_MAX_NEXTHOPS; id++)
		if (change->kept[id] > 0)
			change->gone[id] = 0;
	nexthops_release(change->t, change->d, change->gone);
	tdestroy(change->made, keep_node);
	free(change->gone);
	free(change->kept);
	free(change);
}

// --- next hops

static int
refuse_target(struct failure *failure)
{
	return failure_set(failure, CW_RPC_INVALID_PARAMS, "nexthop", NULL,
		"give one of nexthop=ID, kind=host|blackhole|unreachable|prohibit, via=IP, "
		"port=NAME with mac=MAC, or members",
		"where the route leads is not said, or said in two ways");
}

// The identifier of a next hop with this content: one that is there, or a new one. Returns 0 with
// failure.
static uint32_t
share(struct route_change *change, const struct nexthop *wanted, struct failure *failure)
{
	struct objects *objects = change->d->objects;
	struct nexthop *made = nexthop_same(objects, wanted);
	void *found;
	int64_t id;

	if (made != NULL)
		return made->id;
	found = tfind(wanted, &change->made, nexthop_compare_content);
	if (found != NULL)
		return (*(struct nexthop **)found)->id;
	id = objects_free_id(objects, OBJECT_NEXTHOP, change->n_made);
	if (id < 0) {
		failure_set(failure, CW_RPC_EXHAUSTED, NULL, NULL, "delete routes or next hops",
			"there are %d next hops, no more are possible", CW_MAX_NEXTHOPS - 1);
		return 0;
	}
	made = object_copy(wanted, nexthop_size(wanted->n_members));
	if (made == NULL || tsearch(made, &change->made, nexthop_compare_content) == NULL) {
		object_free(made != NULL ? &made->object : NULL);
		json_no_memory(failure);
		return 0;
	}
	made->id = (uint32_t)id;
	change->n_made++;
	transaction_put(change->t, &made->object);
	return made->id;
}

static uint8_t
kind_by_name(const char *name)
{
	for (unsigned int i = 0; kinds[i] != NULL; i++)
		if (strcmp(kinds[i], name) == 0)
			return kind_values[i];
	return 0;
}

// nexthop=ID, a next hop that is there.
static uint32_t
existing(struct route_change *change, const cJSON *value, struct failure *failure)
{
	const uint32_t id = (uint32_t)value->valuedouble;

	if (nexthop_by_id(change->d->objects, id) != NULL)
		return id;
	failure_set(failure, CW_RPC_NOT_FOUND, "nexthop", NULL,
		"nexthop.list shows those that exist", "there is no next hop %u", id);
	return 0;
}

// Where a route or one member of it leads, members aside. Returns 0 with failure.
static uint32_t
target(struct route_change *change, uint32_t network, const cJSON *json, struct failure *failure)
{
	const cJSON *value = schema_get(json, "nexthop");
	const char *via = schema_string(json, "via"), *port = schema_string(json, "port"),
		   *mac = schema_string(json, "mac"), *kind = schema_string(json, "kind");
	struct nexthop wanted = {
		.object.type = OBJECT_NEXTHOP, .network = network, .automatic = true};

	if ((value != NULL) + (via != NULL) + (port != NULL) + (kind != NULL) != 1
		|| (port != NULL) != (mac != NULL)) {
		refuse_target(failure);
		return 0;
	}
	if (value != NULL)
		return existing(change, value, failure);
	if (kind != NULL) {
		wanted.kind = kind_by_name(kind);
	} else if (via != NULL) {
		wanted.kind = CW_NEXTHOP_VIA;
		ip_parse(via, &wanted.via);
	} else {
		wanted.kind = CW_NEXTHOP_PORT;
		mac_parse(mac, wanted.mac);
		if (json_port(change->d->objects, json, "port", &wanted.port, failure) < 0)
			return 0;
	}
	return share(change, &wanted, failure);
}

static int
compare_members(const void *a, const void *b)
{
	const struct cw_member *x = a, *y = b;

	return x->nexthop < y->nexthop ? -1 : x->nexthop > y->nexthop;
}

static uint32_t
group(struct route_change *change, uint32_t network, const cJSON *members, struct failure *failure)
{
	union {
		struct nexthop nexthop;
		char bytes[sizeof(struct nexthop) + CW_MAX_MEMBERS * sizeof(struct cw_member)];
	} wanted = {.nexthop = {
			    .object.type = OBJECT_NEXTHOP,
			    .network = network,
			    .kind = CW_NEXTHOP_GROUP,
			    .automatic = true,
		    }};
	const cJSON *element;

	cJSON_ArrayForEach (element, members) {
		const uint32_t id = target(change, network, element, failure);
		const struct nexthop *member = nexthop_by_id(change->d->objects, id);

		if (id == 0)
			return 0;
		if (member != NULL && member->kind == CW_NEXTHOP_GROUP) {
			failure_set(failure, CW_RPC_INVALID_PARAMS, "members", NULL,
				"name its members", "next hop %u is a group; groups do not nest",
				id);
			return 0;
		}
		wanted.nexthop.members[wanted.nexthop.n_members++] = (struct cw_member){
			.nexthop = id,
			.weight = (uint32_t)schema_integer(element, "weight", 1),
		};
	}
	qsort(wanted.nexthop.members, wanted.nexthop.n_members, sizeof(struct cw_member),
		compare_members);
	return share(change, &wanted.nexthop, failure);
}

// --- routes

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

int
route_change_put(
	struct route_change *change, const cJSON *json, bool replace, struct failure *failure)
{
	const cJSON *members = schema_get(json, "members");
	struct route wanted, *route;

	if (route_key(change->d, json, &wanted, failure) < 0)
		return -1;
	if (members == NULL)
		wanted.nexthop = target(change, wanted.network, json, failure);
	else if (schema_get(json, "nexthop") == NULL && schema_get(json, "via") == NULL
		 && schema_get(json, "port") == NULL && schema_get(json, "mac") == NULL
		 && schema_get(json, "kind") == NULL)
		wanted.nexthop = group(change, wanted.network, members, failure);
	else
		refuse_target(failure);
	if (wanted.nexthop == 0)
		return -1;
	route = (struct route *)objects_find(change->d->objects, &wanted.object);
	if (route != NULL && route->nexthop == wanted.nexthop && route->origin == wanted.origin)
		return 0;
	if (route != NULL && !replace)
		return conflict(change, route, failure);
	if (route != NULL)
		change->gone[route->nexthop]++;
	change->kept[wanted.nexthop]++;
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
	change->gone[route->nexthop]++;
	transaction_delete(change->t, &route->object);
	return 1;
}
