/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "address_text.h"
#include "api/fdb_list.h"
#include "api/station.h"

static const struct field all_params[] = {
	PARAM_NETWORK(false),
	{"mac", FIELD_MAC_OR_ZERO, true},
	STATION_FIELDS,
	{0},
};
// Entries of the flood list differ by where they lead.
static const struct field key_params[] = {
	PARAM_NETWORK(false),
	{"mac", FIELD_MAC_OR_ZERO, true},
	{"nexthop", FIELD_INTEGER, false, 1, CW_MAX_NEXTHOPS - 1},
	{"vtep", FIELD_NAME, false, 1, CW_NAME_LEN - 1},
	{"remote", FIELD_IP},
	{0},
};

static struct object *
probe(uint32_t network, const cJSON *params)
{
	struct fdb *fdb = object_new(OBJECT_FDB, sizeof(*fdb));

	if (fdb == NULL)
		return NULL;
	fdb->network = network;
	mac_parse(schema_string(params, "mac"), fdb->mac);
	return &fdb->object;
}

static struct place
place(const struct object *object)
{
	const struct fdb *fdb = (const struct fdb *)object;

	return (struct place){fdb->port, fdb->nexthop};
}

static void
set_place(struct object *object, struct place place)
{
	struct fdb *fdb = (struct fdb *)object;

	fdb->port = place.port;
	fdb->nexthop = place.nexthop;
}

static int
check(const struct object *object, struct failure *failure)
{
	return fdb_check((const struct fdb *)object, failure);
}

static const struct station entries = {
	.class = &fdb_class,
	.key = "mac",
	.probe = probe,
	.place = place,
	.set_place = set_place,
	.check = check,
};

// --- what key_params name

struct search {
	const struct objects *objects;
	const cJSON *params;
	struct fdb wanted;
	struct station_list list;
};

static bool
leads_where_asked(const struct search *search, const struct fdb *fdb)
{
	const struct nexthop *nexthop = nexthop_by_id(search->objects, fdb->nexthop);
	const char *vtep = schema_string(search->params, "vtep"),
		   *remote = schema_string(search->params, "remote");
	const uint32_t id = (uint32_t)schema_integer(search->params, "nexthop", fdb->nexthop);
	struct cw_ip ip;

	if (id != fdb->nexthop)
		return false;
	if (vtep != NULL
		&& (nexthop == NULL
			|| strcmp(vtep_name(search->objects, nexthop->vtep), vtep) != 0))
		return false;
	if (remote == NULL)
		return true;
	ip_parse(remote, &ip);
	return nexthop != NULL && ip_same_address(&nexthop->via, &ip);
}

static int
match(void *arg, struct object *object)
{
	const struct fdb *fdb = (const struct fdb *)object;
	struct search *search = arg;

	if (fdb->network == search->wanted.network
		&& memcmp(fdb->mac, search->wanted.mac, sizeof(fdb->mac)) == 0
		&& leads_where_asked(search, fdb))
		station_collect(&search->list, object);
	return 0;
}

// Returns -1 after having answered; else search->list is the caller's.
static int
find(struct request *request, struct search *search)
{
	struct object *only;

	*search = (struct search){.objects = request->d->objects,
		.params = request->params,
		.wanted.object.type = OBJECT_FDB};
	if (station_network(request, &search->wanted.network) < 0)
		return -1;
	mac_parse(schema_string(request->params, "mac"), search->wanted.mac);
	if (mac_is_zero(search->wanted.mac)) {
		objects_each(search->objects, OBJECT_FDB, match, search);
		return 0;
	}
	only = objects_find(search->objects, &search->wanted.object);
	if (only != NULL)
		match(search, only);
	return 0;
}

static void
add(struct request *request)
{
	station_add(request, &entries);
}

static void
set(struct request *request)
{
	station_set(request, &entries);
}

static void
del(struct request *request)
{
	struct search search;

	if (find(request, &search) == 0)
		station_del(request, &entries, &search.list);
}

static void
get(struct request *request)
{
	struct search search;

	if (find(request, &search) < 0)
		return;
	reply_object(request, search.list.n > 0 ? search.list.objects[0] : NULL, "mac",
		schema_string(request->params, "mac"));
	station_list_free(&search.list);
}

static void
watch(struct request *request)
{
	reply_watch(request, OBJECT_FDB);
}

const struct method fdb_methods[] = {
	{"fdb.add", all_params, true, add},
	{"fdb.set", all_params, true, set},
	{"fdb.del", key_params, true, del},
	{"fdb.get", key_params, false, get},
	{"fdb.list", list_params, false, fdb_list},
	{"fdb.watch", no_params, false, watch},
	{0},
};
