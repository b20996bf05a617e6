/* SPDX-License-Identifier: Apache-2.0 */
#include "flannel/flannel.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address_text.h"
#include "file_watch.h"
#include "flannel/subnet_env.h"
#include "link.h"
#include "log.h"
#include "network_change.h"
#include "objects/json.h"
#include "watch.h"

#define FILE_MAX 8192
#define VXLAN6_LINK "flannel-v6." // and its VNI: flanneld's device for IPv6
#define VXLAN6_EXTRA 20 // how much longer IPv6 outer headers are, which FLANNEL_MTU leaves out

enum flannel_state {
	FLANNEL_WAITING, // there is no file
	FLANNEL_INVALID, // it cannot be read
	FLANNEL_READY,
};

struct flannel {
	struct causewayd *d;
	struct file_watch *watch;
	enum flannel_state state;
	char reason[192]; // of INVALID
	struct subnet_env env; // of READY; the last one that was good
	bool queued; // adopt() waits for its turn
};

static const char *const states[] = {
	[FLANNEL_WAITING] = "waiting", [FLANNEL_INVALID] = "invalid", [FLANNEL_READY] = "ready"};

static bool
is_pod_network(const struct network *network)
{
	return strcmp(network->name, CW_DEFAULT_NETWORK) == 0;
}

// --- the network

struct search {
	const struct network *network;
	const struct cw_ip *subnet;
	const struct endpoint *leaving;
};

static int
is_in_subnet(void *arg, struct object *object)
{
	const struct endpoint *endpoint = (const struct endpoint *)object;
	const struct search *search = arg;

	if (endpoint->network != search->network->id || endpoint == search->leaving)
		return 0;
	for (unsigned int i = 0; i < endpoint->n_ips; i++)
		if (endpoint->ips[i].address.family == search->subnet->family
			&& ip_contains(search->subnet, &endpoint->ips[i].address))
			return 1;
	return 0;
}

static bool
has_endpoint(struct causewayd *d, const struct network *network, const struct cw_ip *subnet,
	const struct endpoint *leaving)
{
	struct search search = {network, subnet, leaving};

	return objects_each(d->objects, OBJECT_ENDPOINT, is_in_subnet, &search) != 0;
}

// Takes router addresses in the cluster's network away that are not this node's and that no
// endpoint needs. Returns how many.
static unsigned int
drop_subnets(struct causewayd *d, struct network *network, const struct endpoint *leaving)
{
	const struct subnet_env *env = &d->flannel->env;
	unsigned int n = 0, dropped;

	for (unsigned int i = 0; i < network->n_subnets; i++) {
		const struct cw_ip *subnet = &network->subnets[i];

		if (!subnet_env_covers(env, subnet) || subnet_env_is_router(env, subnet)
			|| has_endpoint(d, network, subnet, leaving))
			network->subnets[n++] = *subnet;
	}
	dropped = network->n_subnets - n;
	network->n_subnets = (uint16_t)n;
	return dropped;
}

// Returns how many were added, or a negative number with failure.
static int
add_subnets(struct causewayd *d, struct network *network, struct failure *failure)
{
	const struct subnet_env *env = &d->flannel->env;
	int added = 0, ret = 0;

	for (unsigned int i = 0; i < 2 && ret >= 0; i++) {
		const struct cw_ip *subnet = &env->subnets[i];

		if (subnet->family != 0)
			ret = network_add_subnet(network, subnet, subnet->prefix, failure);
		added += ret > 0;
		ret = ret < 0 ? ret : 0;
	}
	return ret < 0 ? ret : added;
}

static void
on_adopted(void *arg, const struct failure *failure)
{
	struct flannel *flannel = arg;

	if (failure->code != 0)
		log_error("this node's part of the pod network cannot be taken: %s; %s",
			failure->message, failure->hint);
	changes_next(flannel->d->changes);
}

static int
put_network(struct flannel *flannel, struct transaction *t, struct failure *failure)
{
	struct causewayd *d = flannel->d;
	const struct network *existing = network_find(d->objects, CW_DEFAULT_NETWORK);
	struct network *network =
		existing != NULL ? object_copy(existing, sizeof(*existing)) : NULL;
	unsigned int dropped;
	int added;

	if (network == NULL)
		return failure_set(failure, CW_RPC_EXHAUSTED, NULL, NULL, "", "no memory");
	dropped = drop_subnets(d, network, NULL);
	added = add_subnets(d, network, failure);
	if (added <= 0 && dropped == 0) {
		object_free(&network->object);
		return added;
	}
	return network_put(t, d, network, failure);
}

static void
adopt(void *arg)
{
	struct flannel *flannel = arg;
	struct transaction *t = transaction_new(flannel->d);
	struct failure failure = {0};

	flannel->queued = false;
	if (t == NULL) {
		failure_set(&failure, CW_RPC_EXHAUSTED, NULL, NULL, "", "no memory");
		on_adopted(flannel, &failure);
	} else if (put_network(flannel, t, &failure) < 0) {
		transaction_abort(t);
		on_adopted(flannel, &failure);
	} else {
		transaction_run(t, false, on_adopted, flannel);
	}
}

void
flannel_release(struct transaction *t, struct causewayd *d, const struct endpoint *leaving)
{
	const struct network *existing = network_by_id(d->objects, leaving->network);
	struct network *network;
	struct failure failure;

	if (d->flannel == NULL || d->flannel->state != FLANNEL_READY || existing == NULL
		|| !is_pod_network(existing))
		return;
	network = object_copy(existing, sizeof(*existing));
	if (network == NULL || drop_subnets(d, network, leaving) == 0)
		object_free(network != NULL ? &network->object : NULL);
	else
		network_put(t, d, network, &failure); // needs no new port: cannot fail
}

// --- the file

static void
set_state(struct flannel *flannel, enum flannel_state state, const char *reason)
{
	const bool same = flannel->state == state && strcmp(flannel->reason, reason) == 0;

	flannel->state = state;
	snprintf(flannel->reason, sizeof(flannel->reason), "%s", reason);
	if (same)
		return;
	if (state == FLANNEL_INVALID)
		log_warning("%s file=%s", reason, flannel->d->options.subnet_env);
	else if (state == FLANNEL_WAITING)
		log_info("waiting for flanneld file=%s", flannel->d->options.subnet_env);
	watch_health(flannel->d);
}

static void
take(struct flannel *flannel, const struct subnet_env *env)
{
	char v4[IP_TEXT_LEN] = "", v6[IP_TEXT_LEN] = "";
	const bool same = flannel->state == FLANNEL_READY && subnet_env_same(&flannel->env, env);

	flannel->env = *env;
	set_state(flannel, FLANNEL_READY, "");
	if (same)
		return;
	if (env->subnets[0].family != 0)
		ip_format_prefixed(&env->subnets[0], v4);
	if (env->subnets[1].family != 0)
		ip_format_prefixed(&env->subnets[1], v6);
	log_info("flanneld's subnet ip4=%s ip6=%s mtu=%u", v4, v6, env->mtu);
	watch_health(flannel->d);
	if (!flannel->queued && changes_queue(flannel->d->changes, adopt, flannel) == 0)
		flannel->queued = true;
}

// Returns its length, or -errno.
static ssize_t
read_file(const char *path, char *text, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n >= 0)
		text[n] = '\0';
	return n;
}

static void
on_file(void *arg)
{
	struct flannel *flannel = arg;
	char text[FILE_MAX], reason[160];
	struct subnet_env env;
	const ssize_t n = read_file(flannel->d->options.subnet_env, text, sizeof(text));

	if (n == -ENOENT || n == -ENOTDIR)
		set_state(flannel, FLANNEL_WAITING, "");
	else if (n < 0)
		set_state(flannel, FLANNEL_INVALID, strerror((int)-n));
	else if (subnet_env_parse(text, &env, reason, sizeof(reason)) < 0)
		set_state(flannel, FLANNEL_INVALID, reason);
	else
		take(flannel, &env);
}

int
flannel_start(struct causewayd *d)
{
	struct flannel *flannel;

	if (d->options.subnet_env[0] == '\0')
		return 0;
	if (d->options.subnet_env[0] != '/') {
		log_error("give an absolute path key=subnet_env value=%s", d->options.subnet_env);
		return -EINVAL;
	}
	flannel = calloc(1, sizeof(*flannel));
	if (flannel == NULL)
		return -ENOMEM;
	flannel->d = d;
	flannel->watch = file_watch_new(d->base, d->options.subnet_env, on_file, flannel);
	if (flannel->watch == NULL) {
		const int error = -errno;

		log_error("subnet.env cannot be watched: %s file=%s", strerror(-error),
			d->options.subnet_env);
		free(flannel);
		return error;
	}
	d->flannel = flannel;
	on_file(flannel);
	if (flannel->state == FLANNEL_WAITING)
		log_info("waiting for flanneld file=%s", d->options.subnet_env);
	return 0;
}

void
flannel_free(struct flannel *flannel)
{
	if (flannel == NULL)
		return;
	file_watch_free(flannel->watch);
	free(flannel);
}

// --- what endpoints ask

bool
flannel_is_ready(const struct causewayd *d)
{
	return d->flannel == NULL || d->flannel->state == FLANNEL_READY;
}

int
flannel_check(const struct causewayd *d, const struct network *network, struct failure *failure)
{
	const struct flannel *flannel = d->flannel;

	if (flannel_is_ready(d) || !is_pod_network(network))
		return 0;
	if (flannel->state == FLANNEL_INVALID)
		return failure_set(failure, CW_RPC_UNAVAILABLE, "subnet_env", d->options.subnet_env,
			"look after flanneld and try again",
			"this node's part of the pod network is not known: %s", flannel->reason);
	return failure_set(failure, CW_RPC_UNAVAILABLE, "subnet_env", d->options.subnet_env,
		"flanneld writes the file: start it and try again",
		"this node's part of the pod network is not known yet");
}

// What the kernel allows on flanneld's IPv6 devices; 0: there are none.
static unsigned int
vxlan6_mtu(const struct causewayd *d)
{
	struct if_nameindex *links = if_nameindex();
	struct link_info link;
	unsigned int mtu = 0;

	for (struct if_nameindex *at = links; at != NULL && at->if_name != NULL; at++)
		if (strncmp(at->if_name, VXLAN6_LINK, strlen(VXLAN6_LINK)) == 0
			&& link_find(d->netlink, at->if_name, &link) == 0
			&& (mtu == 0 || link.mtu < mtu))
			mtu = link.mtu;
	if_freenameindex(links);
	return mtu;
}

static unsigned int
pod_mtu(const struct causewayd *d)
{
	const struct subnet_env *env = &d->flannel->env;
	const unsigned int mtu6 = env->subnets[1].family != 0 ? vxlan6_mtu(d) : 0;

	if (mtu6 == 0)
		return env->mtu;
	// flanneld may have given its device FLANNEL_MTU, which an outer IPv6 header exceeds.
	return mtu6 < env->mtu ? mtu6 : env->mtu - VXLAN6_EXTRA;
}

uint16_t
flannel_limit_mtu(const struct causewayd *d, const struct network *network, uint16_t mtu)
{
	unsigned int limit;

	if (d->flannel == NULL || d->flannel->state != FLANNEL_READY || !is_pod_network(network))
		return mtu;
	limit = pod_mtu(d);
	return mtu > limit ? (uint16_t)limit : mtu;
}

cJSON *
flannel_json(const struct causewayd *d)
{
	const struct flannel *flannel = d->flannel;
	cJSON *json, *list;

	if (flannel == NULL)
		return NULL;
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "state", states[flannel->state]);
	if (flannel->state == FLANNEL_INVALID)
		cJSON_AddStringToObject(json, "reason", flannel->reason);
	cJSON_AddStringToObject(json, "subnet_env", d->options.subnet_env);
	if (flannel->state != FLANNEL_READY)
		return json;
	list = cJSON_AddArrayToObject(json, "subnets");
	for (unsigned int i = 0; i < 2; i++) {
		char text[IP_TEXT_LEN];

		if (flannel->env.subnets[i].family != 0)
			cJSON_AddItemToArray(list, cJSON_CreateString(ip_format_prefixed(
							   &flannel->env.subnets[i], text)));
	}
	cJSON_AddNumberToObject(json, "mtu", pod_mtu(d));
	return json;
}
