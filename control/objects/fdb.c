/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "address_text.h"
#include "json.h"
#include "schema.h"

static const struct field fields[] = {
	{"network", FIELD_NAME, true, 1, CW_NAME_LEN - 1},
	{"mac", FIELD_MAC, true},
	{"port", FIELD_NAME, true, 1, CW_NAME_LEN - 1},
	{0},
};

static int
compare(const void *a, const void *b)
{
	const struct fdb *x = a, *y = b;

	if (x->network != y->network)
		return x->network < y->network ? -1 : 1;
	return memcmp(x->mac, y->mac, sizeof(x->mac));
}

static void
key(const struct objects *objects, const struct object *object, char *text, size_t size)
{
	const struct fdb *fdb = (const struct fdb *)object;
	char mac[MAC_TEXT_LEN];

	snprintf(text, size, "%s %s", network_name(objects, fdb->network),
		mac_format(fdb->mac, mac));
}

static cJSON *
to_json(const struct objects *objects, const struct object *object)
{
	const struct fdb *fdb = (const struct fdb *)object;
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "network", network_name(objects, fdb->network));
	json_add_mac(json, "mac", fdb->mac);
	cJSON_AddStringToObject(json, "port", port_name(objects, fdb->port));
	return json;
}

static struct object *
from_json(const struct objects *objects, const cJSON *json, struct failure *failure)
{
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
		|| json_port(objects, json, "port", &fdb->port, failure) < 0) {
		object_free(&fdb->object);
		return NULL;
	}
	return &fdb->object;
}

static size_t
wire_size(const struct object *object)
{
	return sizeof(struct cw_fdb);
}

static void
to_wire(const struct object *object, struct cw_item *item)
{
	const struct fdb *fdb = (const struct fdb *)object;
	struct cw_fdb *wire = (struct cw_fdb *)item;

	wire->network = fdb->network;
	wire->port = fdb->port;
	memcpy(wire->mac, fdb->mac, sizeof(wire->mac));
}

static void
references(const struct object *object, object_reference_fn *fn, void *arg)
{
	const struct fdb *fdb = (const struct fdb *)object;

	fn(arg, OBJECT_NETWORK, fdb->network);
	fn(arg, OBJECT_PORT, fdb->port);
}

const struct object_class fdb_class = {
	.name = "fdb",
	.item = CW_ITEM_FDB,
	.compare = compare,
	.key = key,
	.to_json = to_json,
	.from_json = from_json,
	.wire_size = wire_size,
	.to_wire = to_wire,
	.references = references,
};
