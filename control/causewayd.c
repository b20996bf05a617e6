/* SPDX-License-Identifier: Apache-2.0 */
#include "causewayd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/server.h"
#include "changes.h"
#include "device.h"
#include "flannel/flannel.h"
#include "flannel/leases.h"
#include "host_port.h"
#include "intent.h"
#include "learned_peers.h"
#include "mirror/mirror.h"
#include "network_change.h"
#include "nic_port.h"
#include "offload_switch.h"
#include "sync.h"
#include "tombstones.h"
#include "uplink.h"
#include "vf/vf.h"

uint64_t
causewayd_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int
open_store(struct causewayd *d)
{
	char path[OPTIONS_PATH_LEN + 16], message[512];
	int ret;

	snprintf(path, sizeof(path), "%s/" STORE_FILE, d->options.state_dir);
	ret = store_open(&d->store, path, d->options.dry_run, message, sizeof(message));
	if (ret < 0)
		log_error("%s", message);
	return ret;
}

// The path of dp.sock must live as long as its client: it stands behind the structure.
struct whole {
	struct causewayd d;
	char dp_path[OPTIONS_PATH_LEN + 16];
};

struct causewayd *
causewayd_create(const struct options *options)
{
	struct whole *whole = calloc(1, sizeof(*whole));
	struct causewayd *d = &whole->d;

	if (whole == NULL) {
		log_error("no memory");
		return NULL;
	}
	d->options = *options;
	d->started_ms = causewayd_now_ms();
	snprintf(whole->dp_path, sizeof(whole->dp_path), "%s/" CW_DP_SOCKET, options->runtime_dir);
	if (open_store(d) < 0)
		goto fail;
	d->base = event_base_new();
	d->objects = objects_create();
	if (d->base != NULL) {
		d->dp = dp_create(d->base, whole->dp_path, &sync_handler, d);
		d->changes = changes_create(d);
		d->api = api_create(d);
		d->uplinks = uplinks_create(d);
		d->nic_ports = nic_ports_create(d);
		d->vfs = vfs_create(d);
		d->learned_peers = learned_peers_create(d);
	}
	if (d->objects == NULL || d->dp == NULL || d->changes == NULL || d->api == NULL
		|| d->uplinks == NULL || d->nic_ports == NULL || d->vfs == NULL
		|| d->learned_peers == NULL || netlink_open(&d->netlink) < 0) {
		log_error("cannot start: no memory or no netlink socket");
		goto fail;
	}
	return d;
fail:
	causewayd_free(d);
	return NULL;
}

void
causewayd_free(struct causewayd *d)
{
	if (d == NULL)
		return;
	api_close(d->api);
	dp_free(d->dp);
	tombstones_free(d->tombstones);
	flannel_free(d->flannel);
	mirror_free(d->mirror);
	leases_free(d->leases);
	changes_free(d->changes);
	learned_peers_free(d->learned_peers);
	uplinks_free(d->uplinks);
	nic_ports_free(d->nic_ports);
	vfs_free(d->vfs);
	sync_free(d->sync);
	api_free(d->api);
	for (uint32_t id = 0; id < CW_MAX_PORTS; id++)
		device_forget(d, id);
	netlink_close(d->netlink);
	objects_free(d->objects);
	store_close(d->store);
	if (d->base != NULL)
		event_base_free(d->base);
	free(d);
}

// --- loading

struct load {
	struct causewayd *d;
	const struct object_class *class;
	unsigned int rank; // those that others refer to come first
	struct failure failure;
};

static int
load_row(void *arg, const char *key, const char *value)
{
	struct load *load = arg;
	cJSON *json = cJSON_Parse(value);
	struct object *object;
	int ret = 0;

	if (load->class->json_rank != NULL && load->class->json_rank(json) != load->rank)
		goto out;
	object = load->class->from_json(load->d->objects, json, &load->failure);
	if (object == NULL) {
		log_error("stored object cannot be used: %s table=%s key=%s", load->failure.message,
			load->class->name, key);
		ret = -EUCLEAN;
	} else if (objects_find(load->d->objects, object) != NULL
		   || objects_insert(load->d->objects, object) < 0) {
		log_error("stored object cannot be taken table=%s key=%s", load->class->name, key);
		object_free(object);
		ret = -EUCLEAN;
	}
out:
	cJSON_Delete(json);
	return ret;
}

static int
load_objects(struct causewayd *d)
{
	int ret = 0;

	for (unsigned int type = 0; type < OBJECT_TYPES && ret == 0; type++) {
		struct load load = {.d = d, .class = object_classes[type]};
		const unsigned int ranks = object_ranks(type);

		for (; load.rank < ranks && ret == 0; load.rank++)
			ret = store_each(d->store, load.class->name, load_row, &load);
	}
	return ret;
}

static void
on_default(void *arg, const struct failure *failure)
{
	*(struct failure *)arg = *failure;
}

static int
make_default(struct causewayd *d)
{
	struct failure failure = {0};
	struct transaction *t = transaction_new(d);
	struct network *network = network_new(d, CW_DEFAULT_NETWORK, 0, &failure);

	if (t == NULL || network == NULL) {
		transaction_abort(t);
		return -ENOMEM;
	}
	network->host = true;
	if (network_put(t, d, network, &failure) < 0) {
		// Somebody's interface is in the way: the rest of the node need not suffer.
		log_error(
			"network default has no host port: %s; %s", failure.message, failure.hint);
		transaction_abort(t);
		t = transaction_new(d);
		network = network_new(d, CW_DEFAULT_NETWORK, 0, &failure);
		if (t == NULL || network == NULL || network_put(t, d, network, &failure) < 0)
			return -ENOMEM;
	}
	transaction_run(t, false, on_default, &failure);
	if (failure.code != 0) {
		log_error("network default cannot be made: %s", failure.message);
		return -EIO;
	}
	return 0;
}

// Host ports must be there after a reboot, too. One that exists may be in the data plane's hands
// and is left alone until it can be asked.
static int
restore_host_port(void *arg, struct object *object)
{
	struct causewayd *d = arg;
	struct port *port = (struct port *)object;
	struct failure failure;

	if (port->origin != PORT_OF_HOST || host_port_exists(d, port))
		return 0;
	port->generation = generation_new();
	if (host_port_open(d, port, &failure) < 0) {
		log_error("%s; %s", failure.message, failure.hint);
		object_set_state(object, OBJECT_GONE, failure.message);
	}
	return 0;
}

int
causewayd_load(struct causewayd *d)
{
	int ret = load_objects(d);

	if (ret == 0)
		ret = offload_switch_load(d);
	if (ret == -EUCLEAN)
		log_error(
			"the database is damaged and was left as it is: put a copy of it back, or "
			"move it away to start empty path=%s/" STORE_FILE,
			d->options.state_dir);
	else if (ret < 0)
		log_error("the database cannot be read: %s", store_message(d->store));
	if (ret < 0 || d->options.dry_run)
		return ret;
	ret = intent_clean(d);
	if (ret == 0)
		ret = vfs_load(d);
	if (ret == 0 && network_find(d->objects, CW_DEFAULT_NETWORK) == NULL)
		ret = make_default(d);
	if (ret < 0)
		return ret;
	objects_each(d->objects, OBJECT_PORT, restore_host_port, d);
	d->tombstones = tombstones_watch(d);
	ret = flannel_start(d);
	return ret < 0 ? ret : leases_start(d);
}

int
causewayd_serve(struct causewayd *d)
{
	int ret;

	if (d->options.mirror) {
		d->mirror = mirror_create(d);
		mirror_start(d->mirror);
	}
	ret = api_listen(d->api);
	return ret < 0 ? ret : dp_start(d->dp);
}
