/* SPDX-License-Identifier: Apache-2.0 */
#include "nexthop_share.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "objects/json.h"
#include "objects/nexthop.h"
#include "port_change.h"

struct nexthop_share {
	struct transaction *t;
	struct causewayd *d;
	void *made; // next hops that the transaction puts, by content
	unsigned int n_made;
	uint32_t *gone; // references that go, by next hop
	uint32_t *kept; // references that come
};

const char *const target_kinds[] = {"host", "blackhole", "unreachable", "prohibit", NULL};
static const uint8_t kind_values[] = {
	CW_NEXTHOP_HOST, CW_NEXTHOP_BLACKHOLE, CW_NEXTHOP_UNREACHABLE, CW_NEXTHOP_PROHIBIT};

struct nexthop_share *
nexthop_share_new(struct transaction *t, struct causewayd *d)
{
	struct nexthop_share *share = calloc(1, sizeof(*share));

	if (share == NULL)
		return NULL;
	*share = (struct nexthop_share){
		.t = t,
		.d = d,
		.gone = calloc(CW_MAX_NEXTHOPS, sizeof(uint32_t)),
		.kept = calloc(CW_MAX_NEXTHOPS, sizeof(uint32_t)),
	};
	if (share->gone == NULL || share->kept == NULL) {
		free(share->gone);
		free(share->kept);
		free(share);
		return NULL;
	}
	return share;
}

static void
keep_node(void *node)
{
}

void
nexthop_share_end(struct nexthop_share *share)
{
	if (share == NULL)
		return;
	for (uint32_t id = 1; id < CW_MAX_NEXTHOPS; id++)
		if (share->kept[id] > 0)
			share->gone[id] = 0;
	nexthops_release(share->t, share->d, share->gone);
	tdestroy(share->made, keep_node);
	free(share->gone);
	free(share->kept);
	free(share);
}

void
nexthop_share_keep(struct nexthop_share *share, uint32_t id)
{
	if (id != 0)
		share->kept[id]++;
}

void
nexthop_share_drop(struct nexthop_share *share, uint32_t id)
{
	if (id != 0)
		share->gone[id]++;
}

static const struct nexthop *
find_made(const struct nexthop_share *share, const struct nexthop *wanted)
{
	void *found = tfind(wanted, &share->made, nexthop_compare_content);

	return found != NULL ? *(struct nexthop **)found : NULL;
}

uint32_t
nexthop_share_get(
	struct nexthop_share *share, const struct nexthop *wanted, struct failure *failure)
{
	const struct nexthop *same = nexthop_same(share->d->objects, wanted);
	struct nexthop *made;
	int64_t id;

	if (same == NULL)
		same = find_made(share, wanted);
	if (same != NULL)
		return same->id;
	id = objects_free_id(share->d->objects, OBJECT_NEXTHOP, share->n_made);
	if (id < 0) {
		failure_set(failure, CW_RPC_EXHAUSTED, NULL, NULL, "delete routes or next hops",
			"there are %d next hops, no more are possible", CW_MAX_NEXTHOPS - 1);
		return 0;
	}
	made = object_copy(wanted, nexthop_size(wanted->n_members));
	if (made == NULL || tsearch(made, &share->made, nexthop_compare_content) == NULL) {
		object_free(made != NULL ? &made->object : NULL);
		json_no_memory(failure);
		return 0;
	}
	made->id = (uint32_t)id;
	share->n_made++;
	transaction_put(share->t, &made->object);
	return made->id;
}

// --- from JSON

static int
refuse_target(struct failure *failure)
{
	return failure_set(failure, CW_RPC_INVALID_PARAMS, "nexthop", NULL,
		"give one of nexthop=ID, kind=host|blackhole|unreachable|prohibit, via=IP, "
		"port=NAME with mac=MAC or via=IP, vtep=NAME with remote=IP, or members",
		"where it leads is not said, or said in two ways");
}

static uint8_t
kind_by_name(const char *name)
{
	for (unsigned int i = 0; target_kinds[i] != NULL; i++)
		if (strcmp(target_kinds[i], name) == 0)
			return kind_values[i];
	return 0;
}

// Which of the keys that json gives say where it leads: their names, and those that go with each.
static const struct {
	const char *name;
	const char *with[6]; // beside it; ends with NULL
} ways[] = {
	{"nexthop", {NULL}},
	{"kind", {NULL}},
	{"vtep", {"remote", "mac", "vni", "underlay", "mtu", NULL}},
	{"port", {"mac", "via", "mtu", NULL}},
	{"via", {"mtu", NULL}},
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static bool
goes_with(size_t way, const char *name)
{
	for (const char *const *with = ways[way].with; *with != NULL; with++)
		if (strcmp(*with, name) == 0)
			return true;
	return strcmp(ways[way].name, name) == 0;
}

// The way that json takes, WAYS when it takes none or several.
static size_t
find_way(const cJSON *json)
{
	static const char *const names[] = {"nexthop", "kind", "vtep", "port", "via", "remote",
		"mac", "vni", "underlay", "mtu"};
	size_t way = 0;

	while (way < WAYS && schema_get(json, ways[way].name) == NULL)
		way++;
	for (size_t i = 0; way < WAYS && i < sizeof(names) / sizeof(names[0]); i++)
		if (schema_get(json, names[i]) != NULL && !goes_with(way, names[i]))
			return WAYS;
	return way;
}

static int
read_port(struct nexthop_share *share, struct nexthop *wanted, const cJSON *json,
	struct failure *failure)
{
	const char *mac = schema_string(json, "mac"), *via = schema_string(json, "via");

	if (mac == NULL && via == NULL)
		return refuse_target(failure);
	wanted->kind = CW_NEXTHOP_PORT;
	wanted->path_mtu = (uint16_t)schema_integer(json, "mtu", 0);
	if (mac != NULL)
		mac_parse(mac, wanted->mac);
	if (via != NULL)
		ip_parse(via, &wanted->via);
	return json_port(share->d->objects, json, "port", &wanted->port, failure);
}

static int
read_wanted(struct nexthop_share *share, struct nexthop *wanted, const cJSON *json,
	struct failure *failure)
{
	const size_t way = find_way(json);
	const char *name = way < WAYS ? ways[way].name : "";

	if (strcmp(name, "kind") == 0) {
		wanted->kind = kind_by_name(schema_string(json, "kind"));
	} else if (strcmp(name, "via") == 0) {
		wanted->kind = CW_NEXTHOP_VIA;
		wanted->path_mtu = (uint16_t)schema_integer(json, "mtu", 0);
		ip_parse(schema_string(json, "via"), &wanted->via);
	} else if (strcmp(name, "port") == 0) {
		return read_port(share, wanted, json, failure);
	} else if (strcmp(name, "vtep") == 0 && schema_get(json, "remote") != NULL) {
		return nexthop_read_tunnel(share->d->objects, wanted, json, failure);
	} else {
		return refuse_target(failure);
	}
	return 0;
}

uint32_t
nexthop_share_target(
	struct nexthop_share *share, uint32_t network, const cJSON *json, struct failure *failure)
{
	struct nexthop wanted = {
		.object = {.type = OBJECT_NEXTHOP, .origin = ORIGIN_AUTOMATIC},
		.network = network,
		.automatic = true,
	};
	const size_t way = find_way(json);
	uint32_t id = 0;

	if (way < WAYS && strcmp(ways[way].name, "nexthop") == 0)
		return json_nexthop(share->d->objects, json, "nexthop", &id, failure) == 0 ? id : 0;
	if (read_wanted(share, &wanted, json, failure) < 0)
		return 0;
	return nexthop_share_get(share, &wanted, failure);
}

static int
compare_members(const void *a, const void *b)
{
	const struct cw_member *x = a, *y = b;

	return x->nexthop < y->nexthop ? -1 : x->nexthop > y->nexthop;
}

uint32_t
nexthop_share_group(struct nexthop_share *share, uint32_t network, const cJSON *members,
	struct failure *failure)
{
	union {
		struct nexthop nexthop;
		char bytes[sizeof(struct nexthop) + CW_MAX_MEMBERS * sizeof(struct cw_member)];
	} wanted = {.nexthop = {
			    .object = {.type = OBJECT_NEXTHOP, .origin = ORIGIN_AUTOMATIC},
			    .network = network,
			    .kind = CW_NEXTHOP_GROUP,
			    .automatic = true,
		    }};
	struct nexthop *group = &wanted.nexthop;
	const cJSON *element;

	cJSON_ArrayForEach (element, members) {
		const uint32_t id = nexthop_share_target(share, network, element, failure);

		if (id == 0
			|| nexthop_add_member(share->d->objects, group, id,
				   (uint32_t)schema_integer(element, "weight", 1), failure)
				   < 0)
			return 0;
		group->of_tunnels |= schema_get(element, "vtep") != NULL;
	}
	qsort(group->members, group->n_members, sizeof(group->members[0]), compare_members);
	return nexthop_share_get(share, group, failure);
}
