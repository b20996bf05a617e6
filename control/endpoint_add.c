/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint_add.h"

#include <stdlib.h>
#include <string.h>

#include "announce.h"
#include "attach.h"
#include "device.h"
#include "endpoint_del.h"
#include "endpoint_plan.h"
#include "intent.h"
#include "log.h"
#include "schema.h"
#include "vf/vf.h"

struct adding {
	struct causewayd *d;
	const cJSON *params;
	int netns;
	bool replaced; // a record whose device had vanished was deleted first
	struct endpoint_plan plan;
	endpoint_add_fn *done;
	void *arg;
};

static void start(struct adding *adding);

static void
end(struct adding *adding, const struct failure *failure)
{
	const struct endpoint *endpoint = NULL;

	if (failure->code == 0)
		endpoint = endpoint_find(adding->d->objects,
			schema_string(adding->params, "container"),
			schema_string(adding->params, "ifname"));
	adding->done(adding->arg, failure, endpoint);
	endpoint_plan_free(&adding->plan);
	free(adding);
}

// Others may remember a former owner of the addresses. Pods with a driver of their own announce
// themselves.
static void
announce(const struct adding *adding)
{
	const struct endpoint *endpoint =
		endpoint_find(adding->d->objects, schema_string(adding->params, "container"),
			schema_string(adding->params, "ifname"));
	const struct port *port = port_by_id(adding->d->objects, endpoint->port);
	struct netns_guard guard;
	int ret = 0;

	if (port_has_socket(port) || !endpoint_has_interface(endpoint)
		|| netns_enter(&guard, adding->netns) < 0)
		return;
	for (unsigned int i = 0; i < endpoint->n_ips && ret == 0; i++)
		ret = announce_address(endpoint->ifname, endpoint->mac, &endpoint->ips[i].address);
	netns_leave(&guard);
	if (ret < 0)
		log_debug("addresses are not announced: %s container=%s ifname=%s", strerror(-ret),
			endpoint->container, endpoint->ifname);
}

static void
on_added(void *arg, const struct failure *failure)
{
	if (failure->code == 0)
		announce(arg);
	end(arg, failure);
}

static void
on_gone_deleted(void *arg, const struct failure *failure)
{
	struct adding *adding = arg;

	if (failure->code != 0) {
		end(adding, failure);
		return;
	}
	adding->replaced = true;
	start(adding);
}

// A VF's record is its intent, too.
static int
make_device(struct adding *adding, struct failure *failure)
{
	struct causewayd *d = adding->d;
	struct endpoint_plan *plan = &adding->plan;
	char intent[INTENT_KEY_LEN];
	int ret;

	if (plan->port->kind == CW_PORT_VF)
		return attach(d, plan->port, plan->endpoint, adding->netns, failure);
	ret = intent_write(d, plan->port, plan->endpoint, intent);
	if (ret < 0)
		return failure_set(failure, CW_RPC_STORE, NULL, NULL,
			"look after the state directory and try again",
			"the attachment could not be noted before it was made: %s", strerror(-ret));
	if (attach(d, plan->port, plan->endpoint, adding->netns, failure) < 0) {
		intent_remove(d, intent);
		return -1;
	}
	transaction_clear_intent(plan->t, intent);
	return 0;
}

// The device, then everything else at once.
static void
make(struct adding *adding)
{
	struct endpoint_plan *plan = &adding->plan;
	struct transaction *t = plan->t;
	const bool needs_dataplane = !port_is_card_only(plan->port);
	struct failure failure = {0};

	if (make_device(adding, &failure) < 0) {
		end(adding, &failure);
		return;
	}
	transaction_put(t, &plan->port->object);
	transaction_put(t, &plan->endpoint->object);
	plan->t = NULL;
	plan->port = NULL;
	plan->endpoint = NULL;
	transaction_run(t, needs_dataplane, on_added, adding);
}

// The endpoint of another pod that has vanished with the VF that is asked for.
static struct endpoint *
vanished_owner(const struct adding *adding)
{
	const char *pci = schema_string(schema_get(adding->params, "vf"), "pci");
	struct causewayd *d = adding->d;
	const struct vf_record *record;
	struct endpoint *owner = NULL;
	char address[PCI_ADDRESS_LEN];

	if (adding->replaced || pci == NULL || !pci_address_parse(pci, address))
		return NULL;
	record = vf_find(d, address);
	if (record != NULL)
		owner = vf_owner(d, record);
	if (owner == NULL
		|| owner
			   == endpoint_find(d->objects, schema_string(adding->params, "container"),
				   schema_string(adding->params, "ifname")))
		return NULL;
	return device_is_gone(d, port_by_id(d->objects, owner->port)) ? owner : NULL;
}

static void
start(struct adding *adding)
{
	struct causewayd *d = adding->d;
	struct failure failure = {0};
	struct endpoint_plan *plan = &adding->plan;
	struct endpoint *existing = vanished_owner(adding);

	if (existing != NULL) {
		log_info("VF of a pod that has gone is given to another container=%s ifname=%s",
			existing->container, existing->ifname);
		endpoint_del(d, existing, on_gone_deleted, adding);
		return;
	}
	if (endpoint_plan(plan, d, adding->params, adding->netns, &failure) < 0) {
		end(adding, &failure);
		return;
	}
	existing = endpoint_find(d->objects, plan->endpoint->container, plan->endpoint->ifname);
	if (existing != NULL && !adding->replaced
		&& device_is_gone(d, port_by_id(d->objects, existing->port))) {
		log_info("endpoint of a pod that has gone is replaced container=%s ifname=%s",
			existing->container, existing->ifname);
		endpoint_plan_free(plan);
		endpoint_del(d, existing, on_gone_deleted, adding);
		return;
	}
	if (existing != NULL && !endpoint_plan_is(plan, d, existing))
		failure_set(&failure, CW_RPC_CONFLICT, "ifname", existing->ifname,
			"delete it first (endpoint.del)",
			"endpoint %.64s/%s exists with other content", existing->container,
			existing->ifname);
	else if (existing == NULL && d->dataplane != DATAPLANE_READY
		 && !port_is_card_only(plan->port))
		failure_set(&failure, CW_RPC_UNAVAILABLE, NULL, NULL,
			"start causeway-dp and try again", "the data plane is away: %s",
			dp_reason(d->dp));
	else if (existing == NULL)
		endpoint_plan_check(plan, d, &failure);
	if (existing != NULL || failure.code != 0)
		end(adding, &failure);
	else
		make(adding);
}

void
endpoint_add(struct causewayd *d, const cJSON *params, int netns, endpoint_add_fn *done, void *arg)
{
	struct adding *adding = malloc(sizeof(*adding));
	const struct failure no_memory = {.code = CW_RPC_EXHAUSTED, .message = "no memory"};

	if (adding == NULL) {
		done(arg, &no_memory, NULL);
		return;
	}
	*adding =
		(struct adding){.d = d, .params = params, .netns = netns, .done = done, .arg = arg};
	start(adding);
}
