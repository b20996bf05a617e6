/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "device.h"
#include "fail_point.h"
#include "flannel/leases.h"
#include "host_port.h"
#include "learned_peers.h"
#include "log.h"
#include "mirror/mirror.h"
#include "transaction_private.h"
#include "uplink.h"
#include "vf/vf.h"
#include "vf/vf_way.h"
#include "watch.h"

static void send_changes(struct transaction *t);
static void commit(struct transaction *t);
static void revert(struct transaction *t);

struct transaction *
transaction_new(struct causewayd *d)
{
	struct transaction *t = calloc(1, sizeof(*t));

	if (t != NULL)
		t->d = d;
	return t;
}

static void
transaction_free(struct transaction *t)
{
	for (unsigned int i = 0; i < t->n; i++) {
		if (!t->changes[i].installed)
			object_free(t->changes[i].after);
		free(t->changes[i].reason);
	}
	free(t->changes);
	free(t);
}

static struct change *
add_change(struct transaction *t)
{
	if (t->n == t->capacity) {
		const unsigned int capacity = t->capacity == 0 ? 8 : t->capacity * 2;
		struct change *changes = realloc(t->changes, capacity * sizeof(*changes));

		if (changes == NULL) {
			t->no_memory = true;
			return NULL;
		}
		t->changes = changes;
		t->capacity = capacity;
	}
	t->changes[t->n] = (struct change){0};
	return &t->changes[t->n++];
}

void
transaction_put(struct transaction *t, struct object *object)
{
	struct change *change;

	if (object == NULL) {
		t->no_memory = true;
		return;
	}
	change = add_change(t);
	if (change == NULL) {
		object_free(object);
		return;
	}
	change->after = object;
	change->before = objects_find(t->d->objects, object);
}

void
transaction_delete(struct transaction *t, struct object *object)
{
	struct change *change = add_change(t);

	if (change != NULL)
		change->before = object;
}

struct network *
transaction_network(const struct transaction *t, const char *name)
{
	for (unsigned int i = 0; i < t->n; i++) {
		struct network *network = (struct network *)t->changes[i].after;

		if (network != NULL && network->object.type == OBJECT_NETWORK
			&& strcmp(network->name, name) == 0)
			return network;
	}
	return network_find(t->d->objects, name);
}

void
transaction_tolerate(struct transaction *t)
{
	t->tolerant = true;
}

void
transaction_clear_intent(struct transaction *t, const char *key)
{
	snprintf(t->intent, sizeof(t->intent), "%s", key);
}

// --- the end

static void
finish(struct transaction *t)
{
	t->done(t->arg, &t->failure);
	transaction_free(t);
}

// --- our own stack: host ports follow their networks

static int
move_host_port(struct transaction *t, const struct change *change, bool back)
{
	const struct network *before = (const struct network *)change->before;
	const struct network *after = (const struct network *)change->after;
	const struct port *port;
	struct failure ignored;

	if (change_object(change)->type != OBJECT_NETWORK || after == NULL)
		return 0; // the addresses go with the device
	port = port_of_host(t->d->objects, after->id);
	if (port == NULL)
		return 0;
	if (back)
		return host_port_address(t->d, port, after, before, &ignored);
	return host_port_address(t->d, port, before, after, &t->failure);
}

static int
move_host_ports(struct transaction *t)
{
	for (; t->host_done < t->n; t->host_done++)
		if (move_host_port(t, &t->changes[t->host_done], false) < 0)
			return -1;
	return 0;
}

static void
move_host_ports_back(struct transaction *t)
{
	while (t->host_done > 0)
		move_host_port(t, &t->changes[--t->host_done], true);
}

// --- devices

static const struct endpoint *
endpoint_of(const struct transaction *t, const struct port *port, bool before)
{
	for (unsigned int i = 0; i < t->n; i++) {
		const struct object *object = before ? t->changes[i].before : t->changes[i].after;

		if (object != NULL && object->type == OBJECT_ENDPOINT
			&& ((const struct endpoint *)object)->port == port->id)
			return (const struct endpoint *)object;
	}
	return NULL;
}

// Deletes the devices of ports that the transaction added (failed) or deletes (done).
static int
remove_devices(struct transaction *t, bool added)
{
	int ret = 0;

	for (unsigned int i = 0; i < t->n; i++) {
		const struct change *change = &t->changes[i];
		const struct object *object = added ? change->after : change->before;
		const struct object *other = added ? change->before : change->after;
		int removed;

		if (object == NULL || other != NULL || object->type != OBJECT_PORT)
			continue;
		removed = device_remove(t->d, (const struct port *)object,
			endpoint_of(t, (const struct port *)object, !added));
		if (removed < 0)
			ret = removed;
	}
	return ret;
}

void
transaction_abort(struct transaction *t)
{
	if (t == NULL)
		return;
	remove_devices(t, true);
	transaction_free(t);
}

// --- taking it back

static void
reverted_refused(void *arg, unsigned int index, int error, const char *reason)
{
	struct transaction *t = arg;

	log_warning("data plane does not take back a change: %s error=%d", reason, error);
	t->heard = true; // and must be told everything again
}

static void
end_failed(struct transaction *t)
{
	if (remove_devices(t, true) < 0)
		log_warning("devices of a failed change are left");
	if (t->intent[0] != '\0' && store_begin(t->d->store) == 0) {
		store_remove(t->d->store, "intent", t->intent);
		if (store_commit(t->d->store) < 0)
			store_rollback(t->d->store);
	}
	finish(t);
}

static void
reverted(void *arg, bool lost)
{
	struct transaction *t = arg;

	if (!lost && t->heard)
		dp_disconnect(t->d->dp, "it is to be told everything again");
	end_failed(t);
}

static bool
is_to_revert(const struct change *change)
{
	return change->sent && !change->refused;
}

static void
revert(struct transaction *t)
{
	static const struct batch_handler handler = {reverted_refused, reverted};
	struct batch *batch = NULL;

	move_host_ports_back(t);
	transaction_uninstall(t);
	if (t->d->dataplane == DATAPLANE_READY)
		batch = batch_new(t->d, &handler, t);
	t->heard = false;
	if (batch == NULL) {
		end_failed(t);
		return;
	}
	for (unsigned int i = t->n; i-- > 0;)
		if (is_to_revert(&t->changes[i]) && change_known_before(&t->changes[i]) != NULL)
			batch_set(batch, t->changes[i].before);
	for (unsigned int i = t->n; i-- > 0;)
		if (is_to_revert(&t->changes[i]) && change_known_before(&t->changes[i]) == NULL
			&& change_known_after(&t->changes[i]) != NULL)
			batch_del(batch, t->changes[i].after);
	batch_send(batch);
}

// --- the data plane

static void
on_refused(void *arg, unsigned int index, int error, const char *reason)
{
	struct transaction *t = arg;
	struct change *change = &t->changes[index];
	const struct object *object = change_object(change);
	char key[OBJECT_KEY_LEN];

	if (change_is_removal(change)) {
		log_warning("data plane does not delete: %s error=%d", reason, error);
		return;
	}
	change->refused = true;
	if (t->failure.code != 0)
		return;
	object_class(object)->key(t->d->objects, object, key, sizeof(key));
	if (t->tolerant) {
		change->reason = strdup(reason[0] != '\0' ? reason : strerror(-error));
		log_warning("data plane refused %s %s: %s error=%d", object_class(object)->name,
			key, reason, error);
		return;
	}
	failure_set(&t->failure,
		error == -ENOSPC || error == -ENOMEM ? CW_RPC_EXHAUSTED : CW_RPC_REFUSED, NULL,
		NULL, NULL, "the data plane refused %s %.100s: %s", object_class(object)->name, key,
		reason[0] != '\0' ? reason : strerror(-error));
}

static void
on_sent(void *arg, bool lost)
{
	struct transaction *t = arg;

	t->heard = !lost;
	if (lost && t->needs_dataplane) {
		failure_set(&t->failure, CW_RPC_UNAVAILABLE, NULL, NULL, "try again",
			"the data plane went away: %s", dp_reason(t->d->dp));
		revert(t);
	} else if (t->failure.code != 0) {
		revert(t);
	} else if (fail_point("dataplane") < 0) {
		failure_errno(&t->failure, -EIO, "step dataplane");
		revert(t);
	} else {
		commit(t);
	}
}

static void
send_changes(struct transaction *t)
{
	static const struct batch_handler handler = {on_refused, on_sent};
	struct batch *batch = batch_new(t->d, &handler, t);

	if (batch == NULL) {
		failure_set(&t->failure, CW_RPC_EXHAUSTED, NULL, NULL, NULL, "no memory");
		revert(t);
		return;
	}
	for (unsigned int i = 0; i < t->n; i++) {
		struct change *change = &t->changes[i];

		change->sent = true;
		if (change_known_after(change) != NULL)
			batch_set(batch, change->after);
		else if (change_known_before(change) != NULL)
			batch_del(batch, change->before);
		else
			batch_skip(batch);
	}
	batch_send(batch);
}

// --- done

static void
tell(struct transaction *t, const struct object *object, const char *what)
{
	const enum object_type type = (enum object_type)object->type;

	if (watch_wants(t->d, type))
		watch_publish(t->d, type, what, object_show(t->d->objects, object));
}

// A port's device keeps its state until the data plane says otherwise, as it may have done by an
// event before it answered.
static void
set_state(const struct transaction *t, struct object *after, const struct object *before)
{
	if (object_is_card_only(after)) {
		vf_set_card_only(t->d, after);
		return;
	}
	if (t->heard && after->type == OBJECT_PORT && after->state != OBJECT_WAITING)
		return;
	if (before != NULL && before->type == OBJECT_PORT && before->state == OBJECT_DOWN)
		object_set_state(after, OBJECT_DOWN, before->reason);
	else
		object_set_state(after, t->heard ? OBJECT_READY : OBJECT_WAITING, NULL);
}

// Sockets of the veth kinds live as long as the data plane's session; others are kept. Those of an
// uplink would take its frames from the kernel with nobody to read them.
static bool
is_of_session(const struct transaction *t, const struct port *port)
{
	return !port_keeps_descriptors(port) && (t->heard || port_is_uplink_device(port));
}

static void
conclude_put(struct transaction *t, struct change *change)
{
	struct object *after = change->after, *before = change->before;

	if (change->refused)
		object_set_state(after, OBJECT_REFUSED, change->reason);
	else
		set_state(t, after, before);
	if (after->type == OBJECT_PORT && is_of_session(t, (const struct port *)after))
		device_forget(t->d, ((const struct port *)after)->id);
	tell(t, after, before != NULL ? "set" : "add");
	if (!t->tolerant)
		mirror_note(t->d->mirror, before, after);
	leases_note(t->d->leases, after);
	vf_way_note(t->d, after);
	object_free(before);
}

static void
conclude(struct transaction *t)
{
	for (unsigned int i = 0; i < t->n; i++) {
		struct change *change = &t->changes[i];

		if (change->after != NULL) {
			conclude_put(t, change);
			continue;
		}
		tell(t, change->before, "del");
		leases_note(t->d->leases, change->before);
		objects_remove(t->d->objects, change->before);
		if (!t->tolerant)
			mirror_note(t->d->mirror, change->before, NULL);
		learned_peers_note(t->d->learned_peers, change->before, NULL);
		vf_way_note(t->d, change->before);
		object_free(change->before);
	}
}

static void
commit(struct transaction *t)
{
	int ret = remove_devices(t, false);

	if (ret < 0) {
		failure_errno(&t->failure, ret, "the device cannot be deleted");
		revert(t);
		return;
	}
	ret = transaction_store(t);
	if (ret < 0) {
		failure_set(&t->failure, CW_RPC_STORE, NULL, NULL,
			"look after the state directory and try again",
			"the change could not be made durable and was taken back: %s",
			ret == -ENOMEM ? "no memory" : store_message(t->d->store));
		log_error("%s", t->failure.message);
		revert(t);
		return;
	}
	conclude(t);
	finish(t);
}

void
transaction_run(struct transaction *t, bool needs_dataplane, transaction_done_fn *done, void *arg)
{
	struct causewayd *d = t->d;

	t->done = done;
	t->arg = arg;
	t->needs_dataplane = needs_dataplane;
	if (t->no_memory) {
		failure_set(&t->failure, CW_RPC_EXHAUSTED, NULL, NULL, NULL, "no memory");
		revert(t);
		return;
	}
	if (!transaction_sort(t)) {
		failure_set(&t->failure, CW_RPC_INVALID_PARAMS, NULL, NULL, "give each once",
			"the same object is given twice");
		revert(t);
	} else if (transaction_install(t) < 0) {
		failure_set(&t->failure, CW_RPC_EXHAUSTED, NULL, NULL, NULL, "no memory");
		revert(t);
	} else if (needs_dataplane && d->dataplane != DATAPLANE_READY) {
		failure_set(&t->failure, CW_RPC_UNAVAILABLE, NULL, NULL,
			"start causeway-dp and try again", "the data plane is away: %s",
			dp_reason(d->dp));
		revert(t);
	} else if (move_host_ports(t) < 0) {
		revert(t);
	} else if (d->dataplane == DATAPLANE_READY) {
		send_changes(t);
	} else {
		commit(t);
	}
}
