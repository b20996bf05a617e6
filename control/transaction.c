/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "changes.h"
#include "device.h"
#include "fail_point.h"
#include "host_port.h"
#include "log.h"
#include "watch.h"

struct change {
	struct object *before; // of the tree, ours while 'after' is in its place; NULL: it is new
	struct object *after; // ours until it is installed; NULL: it goes
	bool installed, sent, refused;
};

struct transaction {
	struct causewayd *d;
	struct change *changes; // those that put first, by type; then those that delete, backwards
	unsigned int n, capacity;
	bool no_memory, needs_dataplane;
	bool heard; // the data plane took it
	unsigned int host_done; // host ports that follow already
	char intent[16];
	struct failure failure;
	transaction_done_fn *done;
	void *arg;
};

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
	for (unsigned int i = 0; i < t->n; i++)
		if (!t->changes[i].installed)
			object_free(t->changes[i].after);
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

unsigned int
transaction_size(const struct transaction *t)
{
	return t->n;
}

void
transaction_clear_intent(struct transaction *t, const char *key)
{
	snprintf(t->intent, sizeof(t->intent), "%s", key);
}

// --- order

static const struct object *
any(const struct change *change)
{
	return change->after != NULL ? change->after : change->before;
}

static bool
is_group(const struct object *object)
{
	return object->type == OBJECT_NEXTHOP
	       && ((const struct nexthop *)object)->kind == CW_NEXTHOP_GROUP;
}

static int
compare_changes(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	if ((x->after == NULL) != (y->after == NULL))
		return x->after == NULL ? 1 : -1;
	if (x->after != NULL && x->after->type != y->after->type)
		return x->after->type - y->after->type;
	if (x->after == NULL && x->before->type != y->before->type)
		return y->before->type - x->before->type;
	// Groups of next hops come after their members, and go before them.
	if (x->after != NULL && is_group(x->after) != is_group(y->after))
		return is_group(x->after) - is_group(y->after);
	if (x->after == NULL && is_group(x->before) != is_group(y->before))
		return is_group(y->before) - is_group(x->before);
	return object_class(any(x))->compare(any(x), any(y));
}

static bool
has_duplicates(const struct transaction *t)
{
	for (unsigned int i = 1; i < t->n; i++)
		if (compare_changes(&t->changes[i - 1], &t->changes[i]) == 0)
			return true;
	return false;
}

// --- the tree

static int
install(struct transaction *t)
{
	struct objects *objects = t->d->objects;

	for (unsigned int i = 0; i < t->n; i++) {
		struct change *change = &t->changes[i];

		if (change->after == NULL)
			continue;
		if (change->before != NULL)
			objects_remove(objects, change->before);
		if (objects_insert(objects, change->after) < 0) {
			if (change->before != NULL)
				objects_insert(objects, change->before);
			return -ENOMEM;
		}
		change->installed = true;
	}
	return 0;
}

static void
uninstall(struct transaction *t)
{
	struct objects *objects = t->d->objects;

	for (unsigned int i = t->n; i-- > 0;) {
		struct change *change = &t->changes[i];

		if (!change->installed)
			continue;
		objects_remove(objects, change->after);
		change->installed = false;
		// Cannot fail for lack of memory: its place has just become free.
		if (change->before != NULL && objects_insert(objects, change->before) < 0)
			log_error("object lost until the next restart");
	}
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

	if (any(change)->type != OBJECT_NETWORK || after == NULL)
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

static void
revert(struct transaction *t)
{
	static const struct batch_handler handler = {reverted_refused, reverted};
	struct batch *batch = NULL;

	move_host_ports_back(t);
	uninstall(t);
	if (t->d->dataplane == DATAPLANE_READY)
		batch = batch_new(t->d, &handler, t);
	t->heard = false;
	if (batch == NULL) {
		end_failed(t);
		return;
	}
	for (unsigned int i = t->n; i-- > 0;)
		if (t->changes[i].sent && !t->changes[i].refused && t->changes[i].before != NULL)
			batch_set(batch, t->changes[i].before);
	for (unsigned int i = t->n; i-- > 0;)
		if (t->changes[i].sent && !t->changes[i].refused && t->changes[i].before == NULL)
			batch_del(batch, t->changes[i].after);
	batch_send(batch);
}

// --- the data plane

static void
on_refused(void *arg, unsigned int index, int error, const char *reason)
{
	struct transaction *t = arg;
	struct change *change = &t->changes[index];
	const struct object *object = any(change);
	char key[OBJECT_KEY_LEN];

	if (change->after == NULL) {
		log_warning("data plane does not delete: %s error=%d", reason, error);
		return;
	}
	change->refused = true;
	if (t->failure.code != 0)
		return;
	object_class(object)->key(t->d->objects, object, key, sizeof(key));
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
		t->changes[i].sent = true;
		if (t->changes[i].after != NULL)
			batch_set(batch, t->changes[i].after);
		else
			batch_del(batch, t->changes[i].before);
	}
	batch_send(batch);
}

// --- the store

static int
store_change(struct transaction *t, const struct change *change)
{
	const struct object *object = any(change);
	const struct object_class *class = object_class(object);
	char key[OBJECT_KEY_LEN], *text;
	cJSON *json;
	int ret;

	class->key(t->d->objects, object, key, sizeof(key));
	if (change->after == NULL)
		return store_remove(t->d->store, class->name, key);
	json = class->to_json(t->d->objects, object);
	text = json != NULL ? cJSON_PrintUnformatted(json) : NULL;
	cJSON_Delete(json);
	if (text == NULL)
		return -ENOMEM;
	ret = store_put(t->d->store, class->name, key, text);
	cJSON_free(text);
	return ret;
}

static int
store_changes(struct transaction *t)
{
	int ret = store_begin(t->d->store);

	for (unsigned int i = 0; i < t->n && ret == 0; i++)
		ret = store_change(t, &t->changes[i]);
	if (ret == 0 && t->intent[0] != '\0')
		ret = store_remove(t->d->store, "intent", t->intent);
	if (ret == 0)
		ret = store_commit(t->d->store);
	if (ret < 0)
		store_rollback(t->d->store);
	return ret;
}

// --- done

static void
tell(struct transaction *t, const struct object *object, const char *what)
{
	watch_publish(
		t->d, (enum object_type)object->type, what, object_show(t->d->objects, object));
}

static void
conclude_put(struct transaction *t, struct change *change)
{
	struct object *after = change->after, *before = change->before;

	// A port's device keeps its state until the data plane says otherwise.
	if (before != NULL && before->type == OBJECT_PORT && before->state == OBJECT_DOWN)
		object_set_state(after, OBJECT_DOWN, before->reason);
	else
		object_set_state(after, t->heard ? OBJECT_READY : OBJECT_WAITING, NULL);
	// Sockets of the veth kinds live as long as the data plane's session; taps are kept.
	if (after->type == OBJECT_PORT && t->heard && !port_is_tap((const struct port *)after))
		device_forget(t->d, ((const struct port *)after)->id);
	tell(t, after, before != NULL ? "set" : "add");
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
		objects_remove(t->d->objects, change->before);
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
	ret = store_changes(t);
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
	if (t->n > 0)
		qsort(t->changes, t->n, sizeof(t->changes[0]), compare_changes);
	if (has_duplicates(t)) {
		failure_set(&t->failure, CW_RPC_INVALID_PARAMS, NULL, NULL, "give each once",
			"the same object is given twice");
		revert(t);
	} else if (install(t) < 0) {
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
