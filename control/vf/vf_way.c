/* SPDX-License-Identifier: Apache-2.0 */
#include "vf_way.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "endpoint_plan.h"
#include "log.h"
#include "vf_news.h"
#include "vf_plan.h"
#include "vf_uplink.h"
#include "watch.h"

#define AGAIN_S 5

// --- whose turn it is

static const struct port *
find_uplink(struct causewayd *d, const struct endpoint_vf *vf)
{
	const struct port *port;

	if (!vf->named)
		return vf_uplink_of(d, vf->pf);
	port = port_find(d->objects, vf->uplink);
	return port != NULL && (port->flags & CW_PORT_UPLINK) != 0 ? port : NULL;
}

// Without a way, and there is one.
static struct endpoint *
waiting_owner(struct causewayd *d, const struct vf_record *record)
{
	struct endpoint *endpoint = vf_owner(d, record);

	if (endpoint == NULL || record->restored || !object_is_card_only(&endpoint->object)
		|| endpoint->object.state == OBJECT_GONE
		|| port_by_id(d->objects, endpoint->port) == NULL)
		return NULL;
	return find_uplink(d, &endpoint->vf) != NULL ? endpoint : NULL;
}

static struct vf_record *
next_record(struct causewayd *d)
{
	struct vf_record *record = d->vfs->records;

	while (record != NULL && (record->way_tried || waiting_owner(d, record) == NULL))
		record = record->next;
	return record;
}

// --- one pod

static void
tell_failed(struct causewayd *d, struct object *object, const char *reason)
{
	object_set_state(object, OBJECT_WAITING, reason);
	watch_publish(d, (enum object_type)object->type, "state", object_show(d->objects, object));
}

static void
note_failed(struct causewayd *d, const struct vf_record *record, const struct failure *failure)
{
	struct endpoint *endpoint = vf_owner(d, record);
	struct port *port = endpoint != NULL ? port_by_id(d->objects, endpoint->port) : NULL;
	char reason[VF_REASON_LEN];

	snprintf(reason, sizeof(reason), "no way to the switch by the uplink that is there: %.110s",
		failure->message);
	if (port == NULL
		|| (endpoint->object.reason != NULL
			&& strcmp(endpoint->object.reason, reason) == 0))
		return;
	log_warning("VF pod stays without the switch: %s pci=%s container=%s ifname=%s",
		failure->message, record->pci, record->container, record->ifname);
	tell_failed(d, &endpoint->object, reason);
	tell_failed(d, &port->object, reason);
}

// Endpoint and port as they are to be, in plan.
static int
plan_way(struct causewayd *d, const struct endpoint *endpoint, struct endpoint_plan *plan,
	struct failure *failure)
{
	const struct port *uplink = find_uplink(d, &endpoint->vf), *owner;
	struct endpoint_vf *vf;

	*plan = (struct endpoint_plan){
		.t = transaction_new(d),
		.endpoint = object_copy(endpoint, sizeof(*endpoint)),
		.port = object_copy(port_by_id(d->objects, endpoint->port), sizeof(*plan->port)),
		.uplink = uplink,
		.kind = CW_PORT_VF,
	};
	if (plan->t == NULL || plan->endpoint == NULL || plan->port == NULL)
		return failure_set(failure, CW_RPC_EXHAUSTED, NULL, NULL, NULL, "no memory");
	vf = &plan->endpoint->vf;
	vf->away = false;
	snprintf(vf->uplink, sizeof(vf->uplink), "%s", uplink->name);
	if (vf_plan_port(d, plan->endpoint, uplink, plan->port, failure) < 0)
		return -1;
	owner = vf_uplink_vlan_owner(d, uplink, plan->port->vlan, plan->port->id);
	if (vf->path == VF_PATH_SWITCH && plan->port->parent != 0 && owner != NULL)
		return failure_set(failure, CW_RPC_CONFLICT, NULL, NULL, NULL,
			"its VLAN %u is port %s's by now", plan->port->vlan, owner->name);
	return endpoint_plan_carry(plan, d, failure);
}

static void
try_all_again(struct causewayd *d)
{
	for (struct vf_record *record = d->vfs->records; record != NULL; record = record->next)
		record->way_tried = false;
}

static void
look_in(struct causewayd *d, unsigned int seconds)
{
	const struct timeval in = {.tv_sec = seconds};

	event_add(d->vfs->ways, &in);
}

// The turn is over. Those that failed are tried again later, all others at once.
static void
end(struct causewayd *d)
{
	d->vfs->ways_queued = false;
	if (next_record(d) != NULL) {
		look_in(d, 0);
	} else {
		try_all_again(d);
		if (next_record(d) != NULL)
			look_in(d, AGAIN_S);
	}
	changes_next(d->changes);
}

static void
on_done(void *arg, const struct failure *failure)
{
	struct causewayd *d = arg;
	const struct vf_record *record = vf_find(d, d->vfs->way_of);

	if (record != NULL && failure->code != 0)
		note_failed(d, record, failure);
	else if (record != NULL)
		log_info("VF pod has a way to the switch pci=%s container=%s ifname=%s",
			record->pci, record->container, record->ifname);
	end(d);
}

static void
start(void *arg)
{
	struct causewayd *d = arg;
	struct vf_record *record = next_record(d);
	struct endpoint_plan plan;
	struct failure failure = {0};
	struct transaction *t;

	if (record == NULL) {
		end(d);
		return;
	}
	record->way_tried = true;
	memcpy(d->vfs->way_of, record->pci, sizeof(record->pci));
	if (plan_way(d, waiting_owner(d, record), &plan, &failure) < 0) {
		endpoint_plan_free(&plan);
		on_done(d, &failure);
		return;
	}
	t = plan.t;
	transaction_put(t, &plan.port->object);
	transaction_put(t, &plan.endpoint->object);
	transaction_run(t, false, on_done, d);
}

// --- when to look

static void
on_ways(evutil_socket_t fd, short what, void *arg)
{
	struct vfs *vfs = arg;

	if (vfs->ways_queued || next_record(vfs->d) == NULL)
		return;
	vfs->ways_queued = changes_queue(vfs->d->changes, start, vfs->d) == 0;
	if (!vfs->ways_queued)
		look_in(vfs->d, AGAIN_S);
}

int
vf_ways_create(struct vfs *vfs)
{
	vfs->ways = evtimer_new(vfs->d->base, on_ways, vfs);
	return vfs->ways != NULL ? 0 : -ENOMEM;
}

void
vf_ways_look(struct causewayd *d)
{
	try_all_again(d);
	if (d->vfs->records != NULL)
		look_in(d, 0);
}

void
vf_way_note(struct causewayd *d, const struct object *object)
{
	if (object->type == OBJECT_PORT || object->type == OBJECT_ENDPOINT)
		vf_news_look(d);
	if (object->type == OBJECT_PORT
		&& (((const struct port *)object)->flags & CW_PORT_UPLINK) != 0)
		vf_ways_look(d);
}

// --- without an uplink

bool
vf_way_take(struct transaction *t, struct causewayd *d, const struct port *port)
{
	const struct endpoint *endpoint = endpoint_by_port(d->objects, port->id);
	struct endpoint *waits;
	struct port *alone;

	if (endpoint == NULL || endpoint->vf.pci[0] == '\0')
		return false;
	waits = object_copy(endpoint, sizeof(*endpoint));
	alone = object_copy(port, sizeof(*port));
	if (waits != NULL)
		waits->vf.away = true;
	if (alone != NULL) {
		alone->parent = 0;
		alone->vlan = 0;
		alone->flags &= ~(uint32_t)(CW_PORT_ROUTED | CW_PORT_SHARED_TAG);
	}
	transaction_put(t, (struct object *)alone);
	transaction_put(t, (struct object *)waits);
	return true;
}
