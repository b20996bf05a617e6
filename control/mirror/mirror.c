/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/mirror.h"

#include <stdlib.h>

#include "changes.h"
#include "log.h"
#include "mirror/filter.h"
#include "mirror/plan.h"
#include "mirror/reader.h"

#define GATHER_MS 5 // changes of the kernel come in groups
#define RETRY_MS 1000
#define REFRESH_MS 30000 // neighbours that the kernel does not use itself are confirmed
#define ROUTES_AT_ONCE 16384 // others' changes wait for so many at most

struct mirror {
	struct causewayd *d;
	struct tables *tables;
	struct plan *plan;
	struct reader *reader;
	struct event *gather, *refresh, *audit;
	struct transaction *transaction; // of the pass
	unsigned int n_changes; // of it
	bool queued; // for its turn, or at it
	bool more; // the pass left something
	bool refused; // the next pass puts again what the data plane refused
	bool failed;
	uint64_t passes, changes;
};

static void
set_timer(struct event *timer, unsigned int ms)
{
	const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	evtimer_add(timer, &tv);
}

// --- a pass

static void
sink_put(void *arg, struct object *object)
{
	struct mirror *mirror = arg;

	transaction_put(mirror->transaction, object);
	mirror->n_changes++;
}

static void
sink_del(void *arg, struct object *object)
{
	struct mirror *mirror = arg;

	transaction_delete(mirror->transaction, object);
	mirror->n_changes++;
}

static void
sink_ask(void *arg, int32_t ifindex, const struct cw_ip *ip)
{
	struct mirror *mirror = arg;
	const int ret = reader_ask(mirror->reader, ifindex, ip);

	if (ret < 0)
		log_debug("mirror: a neighbour cannot be asked for: %s", strerror(-ret));
}

static struct plan_sink
sink(struct mirror *mirror)
{
	return (struct plan_sink){sink_put, sink_del, sink_ask, mirror};
}

static bool
is_pending(const struct mirror *mirror)
{
	return mirror->more || mirror->refused || mirror->tables->changed
	       || routes_are_dirty(mirror->tables->routes);
}

static void
schedule(struct mirror *mirror, unsigned int ms)
{
	if (!mirror->queued && is_pending(mirror) && !evtimer_pending(mirror->gather, NULL))
		set_timer(mirror->gather, ms);
}

static void
on_done(void *arg, const struct failure *failure)
{
	struct mirror *mirror = arg;

	mirror->transaction = NULL;
	mirror->failed = failure->code != 0;
	if (!mirror->failed)
		return;
	log_warning("mirror: %s", failure->message);
	routes_touch_all(mirror->tables->routes);
	mirror->more = true;
}

// Returns whether a transaction runs; on_done may have been called already.
static bool
run_pass(struct mirror *mirror, transaction_done_fn *done)
{
	const struct plan_sink to = sink(mirror);
	const bool refused = mirror->refused;

	mirror->transaction = transaction_new(mirror->d);
	if (mirror->transaction == NULL)
		return false;
	mirror->n_changes = 0;
	mirror->refused = false;
	mirror->passes++;
	mirror->more = plan_pass(mirror->plan, &to, ROUTES_AT_ONCE, refused);
	if (mirror->n_changes == 0) {
		transaction_abort(mirror->transaction);
		mirror->transaction = NULL;
		return false;
	}
	mirror->changes += mirror->n_changes;
	transaction_tolerate(mirror->transaction);
	transaction_run(mirror->transaction, false, done, mirror);
	return true;
}

static void
end_turn(struct mirror *mirror)
{
	mirror->queued = false;
	schedule(mirror, mirror->failed ? RETRY_MS : mirror->more ? 0 : GATHER_MS);
	changes_next(mirror->d->changes);
}

static void
on_turn_done(void *arg, const struct failure *failure)
{
	on_done(arg, failure);
	end_turn(arg);
}

static void
on_turn(void *arg)
{
	if (!run_pass(arg, on_turn_done))
		end_turn(arg);
}

static void
on_gather(evutil_socket_t fd, short what, void *arg)
{
	struct mirror *mirror = arg;

	if (!mirror->queued && changes_queue(mirror->d->changes, on_turn, mirror) == 0)
		mirror->queued = true;
}

static void
on_changed(void *arg)
{
	schedule(arg, GATHER_MS);
}

// --- timers

static void
on_refresh(evutil_socket_t fd, short what, void *arg)
{
	struct mirror *mirror = arg;
	const struct plan_sink to = sink(mirror);

	plan_refresh(mirror->plan, &to);
	set_timer(mirror->refresh, REFRESH_MS);
}

static void
on_audit(evutil_socket_t fd, short what, void *arg)
{
	struct mirror *mirror = arg;

	reader_resync(mirror->reader);
	mirror->refused = true;
	schedule(mirror, GATHER_MS);
	set_timer(mirror->audit, mirror->d->options.mirror_audit * 1000);
}

// --- what others tell

static bool
concerns(const struct object *object)
{
	if (object == NULL)
		return false;
	if (object->type == OBJECT_PORT)
		return (((const struct port *)object)->flags & CW_PORT_UPLINK) != 0;
	return object->type != OBJECT_ENDPOINT;
}

void
mirror_note(struct mirror *mirror, const struct object *before, const struct object *after)
{
	if (mirror == NULL || (!concerns(before) && !concerns(after)))
		return;
	plan_touch(mirror->plan, after != NULL ? after : before);
	schedule(mirror, GATHER_MS);
}

void
mirror_wanted(struct mirror *mirror, const struct cw_neighbor_wanted *wanted)
{
	struct plan_sink to;

	if (mirror == NULL)
		return;
	to = sink(mirror);
	plan_ask(mirror->plan, &to, wanted->nexthop);
}

cJSON *
mirror_show(struct mirror *mirror)
{
	cJSON *json = cJSON_CreateObject();
	struct reader_counts read;
	struct plan_counts made;

	cJSON_AddBoolToObject(json, "enabled", mirror != NULL);
	if (mirror == NULL)
		return json;
	read = reader_counts(mirror->reader);
	made = plan_counts(mirror->plan);
	cJSON_AddBoolToObject(
		json, "synced", read.is_synced && !is_pending(mirror) && !mirror->queued);
	cJSON_AddNumberToObject(json, "links", mirror->tables->counts[TABLES_LINKS]);
	cJSON_AddNumberToObject(json, "addresses", mirror->tables->counts[TABLES_ADDRESSES]);
	cJSON_AddNumberToObject(json, "neighbors", mirror->tables->counts[TABLES_NEIGHBORS]);
	cJSON_AddNumberToObject(json, "fdb", mirror->tables->counts[TABLES_FDB]);
	cJSON_AddNumberToObject(json, "nexthop_objects", mirror->tables->counts[TABLES_NEXTHOPS]);
	cJSON_AddNumberToObject(json, "routes", routes_count(mirror->tables->routes));
	cJSON_AddNumberToObject(json, "rules", read.rules);
	cJSON_AddNumberToObject(json, "nexthops", made.nexthops);
	cJSON_AddNumberToObject(json, "unresolved", made.unresolved);
	cJSON_AddNumberToObject(json, "vteps", made.vteps);
	cJSON_AddNumberToObject(json, "messages", (double)read.messages);
	cJSON_AddNumberToObject(json, "dumps", (double)read.dumps);
	cJSON_AddNumberToObject(json, "overruns", (double)read.overruns);
	cJSON_AddNumberToObject(json, "interrupted", (double)read.interrupted);
	cJSON_AddNumberToObject(json, "malformed", (double)read.bad);
	cJSON_AddNumberToObject(json, "repaired", (double)read.repaired);
	cJSON_AddNumberToObject(json, "last_dump_ms", read.last_dump_ms);
	cJSON_AddNumberToObject(json, "passes", (double)mirror->passes);
	cJSON_AddNumberToObject(json, "changes", (double)mirror->changes);
	return json;
}

// --- life

void
mirror_start(struct mirror *mirror)
{
	int ret;

	if (mirror == NULL)
		return;
	ret = reader_start(mirror->reader);
	if (ret < 0)
		log_warning("mirror: the kernel's tables are not yet read: %s", strerror(-ret));
	do {
		run_pass(mirror, on_done);
	} while (!mirror->failed && mirror->more);
	log_info("mirror follows the kernel routes=%u changes=%llu",
		routes_count(mirror->tables->routes), (unsigned long long)mirror->changes);
	schedule(mirror, RETRY_MS);
	set_timer(mirror->refresh, REFRESH_MS);
	if (mirror->d->options.mirror_audit > 0)
		set_timer(mirror->audit, mirror->d->options.mirror_audit * 1000);
}

struct mirror *
mirror_create(struct causewayd *d)
{
	static const struct reader_handler handler = {on_changed};
	struct mirror *mirror = calloc(1, sizeof(*mirror));
	struct plan_filter filter;

	if (mirror == NULL)
		return NULL;
	mirror->d = d;
	mirror->tables = tables_create();
	mirror->gather = evtimer_new(d->base, on_gather, mirror);
	mirror->refresh = evtimer_new(d->base, on_refresh, mirror);
	mirror->audit = evtimer_new(d->base, on_audit, mirror);
	if (mirror->tables != NULL) {
		mirror->plan = plan_create(mirror->tables, d->objects);
		mirror->reader = reader_create(
			d->base, mirror->tables, (int)d->options.mirror_buffer, &handler, mirror);
	}
	if (mirror->gather == NULL || mirror->refresh == NULL || mirror->audit == NULL
		|| mirror->plan == NULL || mirror->reader == NULL) {
		log_error("mirror cannot start: routes of the kernel are not followed");
		mirror_free(mirror);
		return NULL;
	}
	filter = filter_of_options(&d->options);
	plan_set_filter(mirror->plan, &filter);
	return mirror;
}

void
mirror_free(struct mirror *mirror)
{
	if (mirror == NULL)
		return;
	reader_free(mirror->reader);
	plan_free(mirror->plan);
	tables_free(mirror->tables);
	if (mirror->gather != NULL)
		event_free(mirror->gather);
	if (mirror->refresh != NULL)
		event_free(mirror->refresh);
	if (mirror->audit != NULL)
		event_free(mirror->audit);
	free(mirror);
}
