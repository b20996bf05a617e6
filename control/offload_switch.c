/* SPDX-License-Identifier: Apache-2.0 */
#include "offload_switch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "log.h"

#define TABLE "setting"
#define KEY "offload"

static int
load_row(void *arg, const char *key, const char *value)
{
	struct causewayd *d = arg;

	if (strcmp(key, KEY) == 0)
		d->offload_off = strcmp(value, "false") == 0;
	return 0;
}

int
offload_switch_load(struct causewayd *d)
{
	return store_each(d->store, TABLE, load_row, d);
}

static int
store_switch(struct store *store, bool on)
{
	int ret = store_begin(store);

	if (ret < 0)
		return ret;
	ret = on ? store_remove(store, TABLE, KEY) : store_put(store, TABLE, KEY, "false");
	if (ret == 0)
		ret = store_commit(store);
	if (ret < 0)
		store_rollback(store);
	return ret;
}

struct telling {
	struct causewayd *d;
	offload_switch_done *done;
	void *arg;
};

static void
refused(void *arg, unsigned int index, int error, const char *reason)
{
	log_warning("data plane does not take the switch of offload: %s error=%d", reason, error);
}

static void
told(void *arg, bool lost)
{
	struct telling *telling = arg;

	telling->done(telling->arg);
	free(telling);
}

static int
tell_port(void *arg, struct object *object)
{
	const struct port *port = (const struct port *)object;

	if ((port->flags & CW_PORT_OFFLOAD) != 0 && !port_is_card_only(port))
		batch_set(arg, object);
	return 0;
}

int
offload_switch_set(struct causewayd *d, bool on, offload_switch_done *done, void *arg)
{
	static const struct batch_handler handler = {refused, told};
	struct telling *telling = calloc(1, sizeof(*telling));
	struct batch *batch;
	int ret = telling != NULL ? store_switch(d->store, on) : -ENOMEM;

	if (ret < 0) {
		free(telling);
		return ret;
	}
	d->offload_off = !on;
	*telling = (struct telling){d, done, arg};
	batch = d->dataplane == DATAPLANE_READY ? batch_new(d, &handler, telling) : NULL;
	if (batch == NULL) {
		told(telling, true);
		return 0;
	}
	objects_each(d->objects, OBJECT_PORT, tell_port, batch);
	batch_send(batch);
	return 0;
}
