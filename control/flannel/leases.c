/* SPDX-License-Identifier: Apache-2.0 */
#include "flannel/leases.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "changes.h"
#include "flannel/etcd.h"
#include "flannel/lease_objects.h"
#include "flannel/lease_table.h"
#include "log.h"
#include "watch.h"

#define SUBNETS "subnets/"
#define RETRY_S 5 // after a change that failed

enum leases_state {
	LEASES_CONNECTING, // nothing was read yet
	LEASES_FOLLOWING,
	LEASES_LOST, // what was read last is in force
};

struct leases {
	struct causewayd *d;
	struct http_tls tls;
	struct etcd *etcd;
	struct lease_table *table;
	struct lease_config config;
	struct event *retry;
	enum leases_state state;
	bool queued; // change() waits for its turn
	unsigned int n_remotes; // in force
	char reason[256]; // of LOST, or why a change failed
};

static const char *const states[] = {[LEASES_CONNECTING] = "connecting",
	[LEASES_FOLLOWING] = "following",
	[LEASES_LOST] = "lost"};

// --- this node

// Whether an address is one of the node's own.
static bool
is_local(const struct ifaddrs *addresses, const struct cw_ip *ip)
{
	for (const struct ifaddrs *at = addresses; at != NULL; at = at->ifa_next) {
		const struct sockaddr_in *address = (const void *)at->ifa_addr;

		if (address != NULL && address->sin_family == AF_INET && ip->family == 4
			&& memcmp(&address->sin_addr, ip->addr, 4) == 0)
			return true;
	}
	return false;
}

struct sorting {
	const struct leases *leases;
	struct ifaddrs *addresses;
	struct lease_remote *remotes;
	struct lease_objects wanted;
};

static void
sort_lease(void *arg, const struct lease *lease)
{
	struct sorting *sorting = arg;
	struct lease_objects *wanted = &sorting->wanted;
	const struct cw_ip *address = &lease->public_ips[0], *subnet = &lease->subnets[0];

	// Flannel's udp backend knows IPv4 only.
	if (lease->backend != LEASE_UDP || address->family != 4 || subnet->family != 4)
		return;
	if (is_local(sorting->addresses, address)) {
		wanted->address = *address;
		wanted->own = ip_host(subnet);
		return;
	}
	sorting->remotes[wanted->n_remotes++] = (struct lease_remote){*address, *subnet};
}

static int
sort_leases(struct leases *leases, struct sorting *sorting)
{
	*sorting = (struct sorting){
		.leases = leases,
		.remotes = calloc(lease_table_count(leases->table) + 1, sizeof(*sorting->remotes)),
		.wanted.udp_port = leases->config.udp_port,
	};
	if (sorting->remotes == NULL)
		return -ENOMEM;
	if (getifaddrs(&sorting->addresses) < 0) {
		free(sorting->remotes);
		return -errno;
	}
	sorting->wanted.remotes = sorting->remotes;
	if (leases->config.backend == LEASE_UDP)
		lease_table_each(leases->table, sort_lease, sorting);
	freeifaddrs(sorting->addresses);
	return 0;
}

// --- changes

static void
on_done(void *arg, const struct failure *failure)
{
	const struct timeval later = {.tv_sec = RETRY_S};
	struct leases *leases = arg;

	if (failure->code != 0) {
		snprintf(leases->reason, sizeof(leases->reason), "%s", failure->message);
		log_warning("Flannel's leases cannot be followed: %s", failure->message);
		evtimer_add(leases->retry, &later);
	} else if (leases->state == LEASES_FOLLOWING) {
		leases->reason[0] = '\0';
	}
	changes_next(leases->d->changes);
}

static int
put_objects(struct leases *leases, struct transaction *t, struct failure *failure)
{
	struct sorting sorting;
	int ret = sort_leases(leases, &sorting);

	if (ret < 0)
		return failure_errno(failure, ret, "this node's addresses cannot be read");
	ret = lease_objects_change(t, leases->d, &sorting.wanted, failure);
	leases->n_remotes = sorting.wanted.address.family != 0 ? sorting.wanted.n_remotes : 0;
	free(sorting.remotes);
	return ret;
}

static void
change(void *arg)
{
	struct leases *leases = arg;
	struct transaction *t = transaction_new(leases->d);
	struct failure failure = {0};
	int ret;

	leases->queued = false;
	ret = t != NULL ? put_objects(leases, t, &failure) : -ENOMEM;
	if (t == NULL)
		failure_set(&failure, CW_RPC_EXHAUSTED, NULL, NULL, "", "no memory");
	if (ret > 0) {
		transaction_run(t, false, on_done, leases);
		return;
	}
	transaction_abort(t);
	on_done(leases, &failure);
}

static void
schedule(struct leases *leases)
{
	if (leases->state == LEASES_CONNECTING || leases->queued)
		return;
	leases->queued = changes_queue(leases->d->changes, change, leases) == 0;
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	schedule(arg);
}

void
leases_note(struct leases *leases, const struct object *object)
{
	if (leases != NULL && object != NULL && object->origin < ORIGIN_LEASE
		&& (object->type == OBJECT_ROUTE || object->type == OBJECT_VTEP))
		schedule(leases);
}

// --- what etcd tells

static void
on_begin(void *arg)
{
	struct leases *leases = arg;

	lease_table_begin(leases->table);
}

static void
on_put(void *arg, const char *key, const char *value)
{
	struct leases *leases = arg;
	struct lease_config config;
	struct lease lease;
	char reason[128];
	int ret = 0;

	if (strcmp(key, "config") == 0) {
		ret = lease_config_parse(value, &config, reason, sizeof(reason));
		if (ret == 0)
			leases->config = config;
	} else if (strncmp(key, SUBNETS, strlen(SUBNETS)) == 0) {
		ret = lease_parse(key + strlen(SUBNETS), value, &lease, reason, sizeof(reason));
		if (ret == 0)
			lease_table_put(leases->table, key, &lease);
		else
			lease_table_del(leases->table, key);
	}
	if (ret < 0)
		log_warning("what etcd has is passed over: %s key=%s", reason, key);
}

static void
on_del(void *arg, const char *key)
{
	struct leases *leases = arg;

	lease_table_del(leases->table, key);
}

static void
on_commit(void *arg)
{
	struct leases *leases = arg;
	const bool is_new = leases->state != LEASES_FOLLOWING;

	lease_table_end(leases->table);
	leases->state = LEASES_FOLLOWING;
	leases->reason[0] = '\0';
	if (is_new) {
		log_info("Flannel's leases are followed leases=%u backend=%s",
			lease_table_count(leases->table), leases->config.backend_name);
		watch_health(leases->d);
	}
	schedule(leases);
}

static void
on_lost(void *arg, const char *reason)
{
	struct leases *leases = arg;
	const bool is_new = leases->state == LEASES_FOLLOWING || leases->reason[0] == '\0';

	if (leases->state == LEASES_FOLLOWING)
		leases->state = LEASES_LOST;
	snprintf(leases->reason, sizeof(leases->reason), "%s", reason);
	if (!is_new)
		return;
	log_warning("etcd does not answer, it is tried again: %s", reason);
	watch_health(leases->d);
}

// --- life

static const struct etcd_handler handler = {on_begin, on_put, on_del, on_commit, on_lost};

int
leases_start(struct causewayd *d)
{
	const struct options *options = &d->options;
	struct leases *leases;

	if (options->etcd_endpoints[0] == '\0')
		return 0;
	leases = calloc(1, sizeof(*leases));
	if (leases == NULL)
		return -ENOMEM;
	leases->d = d;
	leases->tls = (struct http_tls){
		d->options.etcd_cafile, d->options.etcd_certfile, d->options.etcd_keyfile};
	leases->table = lease_table_new();
	leases->retry = evtimer_new(d->base, on_retry, leases);
	d->leases = leases;
	if (leases->table != NULL && leases->retry != NULL)
		leases->etcd = etcd_new(d->base, options->etcd_endpoints, options->etcd_prefix,
			&leases->tls, &handler, leases);
	if (leases->etcd != NULL)
		return 0;
	log_error("etcd cannot be asked: give URLs like http://10.0.0.1:2379 with commas between "
		  "them key=etcd_endpoints value=%s",
		options->etcd_endpoints);
	return -EINVAL;
}

void
leases_free(struct leases *leases)
{
	if (leases == NULL)
		return;
	etcd_free(leases->etcd);
	lease_table_free(leases->table);
	if (leases->retry != NULL)
		event_free(leases->retry);
	free(leases);
}

cJSON *
leases_json(const struct causewayd *d)
{
	const struct leases *leases = d->leases;
	cJSON *json;

	if (leases == NULL)
		return NULL;
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "state", states[leases->state]);
	if (leases->reason[0] != '\0')
		cJSON_AddStringToObject(json, "reason", leases->reason);
	if (leases->state == LEASES_CONNECTING)
		return json;
	cJSON_AddStringToObject(json, "backend", leases->config.backend_name);
	cJSON_AddNumberToObject(json, "leases", lease_table_count(leases->table));
	cJSON_AddNumberToObject(json, "remotes", leases->n_remotes);
	return json;
}
