/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "address_text.h"
#include "json.h"
#include "place.h"

static const struct field fields[] = {
	{"network", FIELD_NAME, true, 1, CW_NAME_LEN - 1},
	{"mac", FIELD_MAC_OR_ZERO, true},
	PLACE_FIELDS,
	{0},
};

// An entry of the flood list has its next hop in its key.
static bool
is_flood(const struct fdb *fdb)
{
	return mac_is_zero(fdb->mac);
}

static int
compare(const void *a, const void *b)
{
	const struct fdb *x = a, *y = b;

	if (x->network != y->network)
		return x->network < y->network ? -1 : 1;
	if (memcmp(x->mac, y->mac, sizeof(x->mac)) != 0)
		return memcmp(x->mac, y->mac, sizeof(x->mac));
	if (!is_flood(x) || x->nexthop == y->nexthop)
		return 0;
	return x->nexthop < y->nexthop ? -1 : 1;
}

static void
key(const struct objects *objects, const struct object *object, char *text, size_t size)
{
	const struct fdb *fdb = (const struct fdb *)object;
	char mac[MAC_TEXT_LEN], nexthop[16] = "";

	if (is_flood(fdb))
		snprintf(nexthop, sizeof(nexthop), " %u", fdb->nexthop);
	snprintf(text, size, "%s %s%s", network_name(objects, fdb->network),
		mac_format(fdb->mac, mac), nexthop);
}

static struct place
place_of(const struct fdb *fdb)
{
	return (struct place){fdb->port, fdb->nexthop};
}

static cJSON *
to_json(const struct objects *objects, const struct object *object)
{
	const struct fdb *fdb = (const struct fdb *)object;
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "network", network_name(objects, fdb->network));
	json_add_mac(json, "mac", fdb->mac);
	place_add(objects, place_of(fdb), json);
	return json;
}

static void
show(const struct objects *objects, const struct object *object, cJSON *json)
{
	place_show(objects, place_of((const struct fdb *)object), json);
}

int
fdb_check(const struct fdb *fdb, struct failure *failure)
{
	if (!is_flood(fdb) || fdb->nexthop != 0)
		return 0;
	return failure_set(failure, CW_RPC_INVALID_PARAMS, "port", NULL,
		"give nexthop=ID, or vtep=NAME with remote=IP; ports get floods by themselves",
		"an entry of the flood list leads to another node");
}

static struct object *
from_json(const struct objects *objects, const cJSON *json, struct failure *failure)
{
	struct place place = {0};
	struct fdb *fdb;

	if (schema_check(json, fields, failure) < 0)
		return NULL;
	fdb = object_new(OBJECT_FDB, sizeof(*fdb));
	if (fdb == NULL) {
		json_no_memory(failure);
		return NULL;
	}
	mac_parse(schema_string(json, "mac"), fdb->mac);
	if (json_network(objects, json, "network", &fdb->network, failure) < 0
		|| place_read(objects, json, &place, failure) < 0)
		goto fail;
	fdb->port = place.port;
	fdb->nexthop = place.nexthop;
	if (fdb_check(fdb, failure) < 0)
		goto fail;
	return &fdb->object;
fail:
	object_free(&fdb->object);
	return NULL;
}

static size_t
wire_size(const struct object *object)
{
	return is_flood((const struct fdb *)object) ? sizeof(struct cw_flood)
						    : sizeof(struct cw_fdb);
}

static void
flood_to_wire(const struct fdb *fdb, struct cw_flood *wire)
{
	wire->item.type = CW_ITEM_FLOOD;
	wire->network = fdb->network;
	wire->nexthop = fdb->nexthop;
}

static void
to_wire(const struct object *object, struct cw_item *item)
{
	const struct fdb *fdb = (const struct fdb *)object;
	struct cw_fdb *wire = (struct cw_fdb *)item;

	if (is_flood(fdb)) {
		flood_to_wire(fdb, (struct cw_flood *)item);
		return;
	}
	wire->network = fdb->network;
	wire->port = fdb->port;
	wire->nexthop = fdb->nexthop;
	memcpy(wire->mac, fdb->mac, sizeof(wire->mac));
}

static void
references(const struct object *object, object_reference_fn *fn, void *arg)
{
	const struct fdb *fdb = (const struct fdb *)object;

	fn(arg, OBJECT_NETWORK, fdb->network);
	place_references(place_of(fdb), fn, arg);
}

const struct object_class fdb_class = {
	.name = "fdb",
	.item = CW_ITEM_FDB,
	.compare = compare,
	.key = key,
	.to_json = to_json,
	.from_json = from_json,
	.show = show,
	.wire_size = wire_size,
	.to_wire = to_wire,
	.references = references,
};
