/* SPDX-License-Identifier: Apache-2.0 */
#include "nexthop.h"

#include <stdio.h>
#include <string.h>

#include "address_text.h"
#include "json.h"

const char *const nexthop_kinds[] = {
	"port", "via", "host", "blackhole", "unreachable", "prohibit", "group", "tunnel", NULL};

size_t
nexthop_size(uint32_t n_members)
{
	return sizeof(struct nexthop) + n_members * sizeof(struct cw_member);
}

const char *
nexthop_kind_name(const struct nexthop *nexthop)
{
	return nexthop_kinds[nexthop->kind - 1];
}

unsigned int
nexthop_rank(const struct nexthop *nexthop)
{
	if (nexthop->kind == CW_NEXTHOP_GROUP)
		return nexthop->of_tunnels ? 3 : 1;
	return nexthop->kind == CW_NEXTHOP_TUNNEL ? 2 : 0;
}

static unsigned int
rank(const struct object *object)
{
	return nexthop_rank((const struct nexthop *)object);
}

static unsigned int
json_rank(const cJSON *json)
{
	const char *kind = schema_string(json, "kind");
	struct nexthop nexthop = {.of_tunnels = schema_boolean(json, "tunnels", false)};

	if (kind != NULL && strcmp(kind, "group") == 0)
		nexthop.kind = CW_NEXTHOP_GROUP;
	else if (kind != NULL && strcmp(kind, "tunnel") == 0)
		nexthop.kind = CW_NEXTHOP_TUNNEL;
	return nexthop_rank(&nexthop);
}

static int
compare(const void *a, const void *b)
{
	const uint32_t x = ((const struct nexthop *)a)->id, y = ((const struct nexthop *)b)->id;

	return x < y ? -1 : x > y;
}

int
nexthop_compare_content(const void *a, const void *b)
{
	const struct nexthop *x = a, *y = b;
	const bool mirrored = object_is_mirrored(&x->object);
	int order;

#define ORDER(member)               \
	if (x->member != y->member) \
		return x->member < y->member ? -1 : 1;
	ORDER(network)
	ORDER(kind)
	ORDER(port)
	ORDER(vtep)
	ORDER(underlay)
	ORDER(vni)
	ORDER(path_mtu)
	ORDER(n_members)
#undef ORDER
	if (mirrored != object_is_mirrored(&y->object))
		return mirrored ? 1 : -1;
	order = memcmp(x->mac, y->mac, sizeof(x->mac));
	if (order == 0)
		order = memcmp(&x->via, &y->via, sizeof(x->via));
	if (order == 0)
		order = memcmp(x->members, y->members, x->n_members * sizeof(x->members[0]));
	return order;
}

static void
key(const struct objects *objects, const struct object *object, char *text, size_t size)
{
	snprintf(text, size, "%u", ((const struct nexthop *)object)->id);
}

// --- JSON

static void
add_tunnel(const struct objects *objects, const struct nexthop *nexthop, cJSON *json)
{
	cJSON_AddStringToObject(json, "vtep", vtep_name(objects, nexthop->vtep));
	json_add_ip(json, "remote", &nexthop->via);
	if (nexthop->vni != 0)
		cJSON_AddNumberToObject(json, "vni", nexthop->vni);
	if (nexthop->underlay != 0)
		cJSON_AddNumberToObject(json, "underlay", nexthop->underlay);
}

static void
add_members(const struct nexthop *nexthop, cJSON *json)
{
	cJSON *members = cJSON_AddArrayToObject(json, "members");

	for (uint32_t i = 0; i < nexthop->n_members; i++) {
		cJSON *member = cJSON_CreateObject();

		cJSON_AddNumberToObject(member, "nexthop", nexthop->members[i].nexthop);
		cJSON_AddNumberToObject(member, "weight", nexthop->members[i].weight);
		cJSON_AddItemToArray(members, member);
	}
	if (nexthop->of_tunnels)
		cJSON_AddTrueToObject(json, "tunnels");
}

static cJSON *
to_json(const struct objects *objects, const struct object *object)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "id", nexthop->id);
	cJSON_AddStringToObject(json, "network", network_name(objects, nexthop->network));
	cJSON_AddStringToObject(json, "kind", nexthop_kind_name(nexthop));
	if (nexthop->kind == CW_NEXTHOP_TUNNEL)
		add_tunnel(objects, nexthop, json);
	else if (nexthop->via.family != 0)
		json_add_ip(json, "via", &nexthop->via);
	if (nexthop->kind == CW_NEXTHOP_PORT)
		cJSON_AddStringToObject(json, "port", port_name(objects, nexthop->port));
	if (!mac_is_zero(nexthop->mac))
		json_add_mac(json, "mac", nexthop->mac);
	if (nexthop->path_mtu != 0)
		cJSON_AddNumberToObject(json, "mtu", nexthop->path_mtu);
	if (nexthop->kind == CW_NEXTHOP_GROUP)
		add_members(nexthop, json);
	if (nexthop->automatic)
		cJSON_AddTrueToObject(json, "automatic");
	return json;
}

static void
show(const struct objects *objects, const struct object *object, cJSON *json)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;

	if (nexthop->underlay == 0 && nexthop->found_underlay != 0)
		cJSON_AddNumberToObject(json, "underlay", nexthop->found_underlay);
	if (mac_is_zero(nexthop->mac) && !mac_is_zero(nexthop->found_mac))
		json_add_mac(json, "mac", nexthop->found_mac);
}

void
nexthop_show_tunnel(const struct objects *objects, uint32_t id, cJSON *json)
{
	const struct nexthop *nexthop = nexthop_by_id(objects, id);

	if (nexthop == NULL || nexthop->kind != CW_NEXTHOP_TUNNEL)
		return;
	cJSON_AddStringToObject(json, "vtep", vtep_name(objects, nexthop->vtep));
	json_add_ip(json, "remote", &nexthop->via);
}

// --- dp.sock

static size_t
wire_size(const struct object *object)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;

	return CW_ALIGN8(sizeof(struct cw_nexthop) + nexthop->n_members * sizeof(struct cw_member));
}

static uint32_t
underlay_of(const struct nexthop *nexthop)
{
	return nexthop->underlay != 0 ? nexthop->underlay : nexthop->found_underlay;
}

static void
to_wire(const struct object *object, struct cw_item *item)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;
	struct cw_nexthop *wire = (struct cw_nexthop *)item;

	wire->id = nexthop->id;
	wire->network = nexthop->network;
	wire->kind = nexthop->kind;
	wire->port = nexthop->port;
	wire->via = nexthop->via;
	wire->vtep = nexthop->vtep;
	wire->underlay = underlay_of(nexthop);
	wire->vni = nexthop->vni;
	wire->mtu = nexthop->path_mtu;
	wire->flags = nexthop->of_tunnels ? CW_NEXTHOP_OF_TUNNELS : 0;
	wire->n_members = nexthop->n_members;
	memcpy(wire->mac, mac_is_zero(nexthop->mac) ? nexthop->found_mac : nexthop->mac,
		sizeof(wire->mac));
	memcpy(wire->members, nexthop->members, nexthop->n_members * sizeof(wire->members[0]));
}

static void
references(const struct object *object, object_reference_fn *fn, void *arg)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;

	fn(arg, OBJECT_NETWORK, nexthop->network);
	if (nexthop->kind == CW_NEXTHOP_PORT)
		fn(arg, OBJECT_PORT, nexthop->port);
	if (nexthop->kind == CW_NEXTHOP_TUNNEL)
		fn(arg, OBJECT_VTEP, nexthop->vtep);
	if (underlay_of(nexthop) != 0)
		fn(arg, OBJECT_NEXTHOP, underlay_of(nexthop));
	for (uint32_t i = 0; i < nexthop->n_members; i++)
		fn(arg, OBJECT_NEXTHOP, nexthop->members[i].nexthop);
}

const struct object_class nexthop_class = {
	.name = "nexthop",
	.item = CW_ITEM_NEXTHOP,
	.ranks = NEXTHOP_RANKS,
	.rank = rank,
	.json_rank = json_rank,
	.compare = compare,
	.key = key,
	.to_json = to_json,
	.from_json = nexthop_from_json,
	.show = show,
	.wire_size = wire_size,
	.to_wire = to_wire,
	.references = references,
};
