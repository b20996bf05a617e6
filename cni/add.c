/* SPDX-License-Identifier: Apache-2.0 */
// ADD (CNI specification 1.1.0, section 3): addresses from IPAM, the interface from causewayd.
// Whatever fails, nothing stays behind.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <causeway/error.h>

#include "call.h"
#include "device_info.h"
#include "endpoint.h"
#include "ipam.h"
#include "log.h"
#include "netns.h"
#include "result.h"
#include "tombstone.h"
#include "userspace.h"

#define ADD_TIMEOUT_MS 60000

// What an earlier DEL left for causewayd would delete the endpoint that we are about to make.
static int
forget_tombstone(struct cni_call *call)
{
	int rc = tombstone_remove(call->config.state_dir, call->env.container, call->env.ifname);

	if (rc == 0)
		return 0;
	return error_set(&call->error, CNI_IO,
		"a tombstone in %s/" TOMBSTONE_FOLDER " cannot be removed: %s",
		call->config.state_dir, strerror(-rc));
}

// The record of a pod whose namespace is no more, as after a restart of the node: there is nothing
// to protect, and no DEL will come for it.
static int
release_gone(struct cni_call *call, struct client *client)
{
	struct client_error cause;
	int rc;

	rc = client_call(client, "endpoint.del", endpoint_key(&call->env), NULL, 0, NULL, &cause);
	if (rc < 0)
		return error_from_client(&call->error, rc, &cause);
	ipam_roll_back(&call->config, &call->env);
	return 0;
}

// A second ADD without DEL would make an IPAM plugin release the address of the first on its way
// back, so it is refused before anything happens.
static int
refuse_repetition(struct cni_call *call, struct client *client)
{
	struct client_error cause;
	const char *state;
	cJSON *endpoint;
	bool is_gone;
	int rc;

	rc = client_call(
		client, "endpoint.get", endpoint_key(&call->env), NULL, 0, &endpoint, &cause);
	if (rc == -EREMOTEIO && cause.code == CW_RPC_NOT_FOUND)
		return forget_tombstone(call);
	if (rc < 0)
		return error_from_client(&call->error, rc, &cause);
	state = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(endpoint, "state"));
	is_gone = state != NULL && strcmp(state, "gone") == 0;
	cJSON_Delete(endpoint);
	if (is_gone)
		return release_gone(call, client);
	return error_set(&call->error, CNI_CONFLICT,
		"container %s has been attached as %s already; DEL comes before another ADD",
		call->env.container, call->env.ifname);
}

// Addresses without IPAM: those that the runtime asked for.
static cJSON *
static_addresses(const struct attachment *attachment)
{
	cJSON *result = result_new(), *item;
	const cJSON *ip;

	cJSON_ArrayForEach (ip, attachment->ips) {
		item = cJSON_CreateObject();
		if (!cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(result, "ips"), item)
			|| !cJSON_AddStringToObject(item, "address", ip->valuestring)) {
			cJSON_Delete(result);
			return NULL;
		}
	}
	return result;
}

static bool
has_route(const cJSON *routes, const char *dst)
{
	const cJSON *route;

	cJSON_ArrayForEach (route, routes)
		if (strcmp(cJSON_GetObjectItemCaseSensitive(route, "dst")->valuestring, dst) == 0)
			return true;
	return false;
}

// isDefaultGateway, as the bridge plugin understands it: a default route by each gateway.
static bool
add_default_routes(cJSON *addresses)
{
	cJSON *routes = cJSON_GetObjectItemCaseSensitive(addresses, "routes"), *route;
	const cJSON *ip, *gateway;
	const char *dst;

	cJSON_ArrayForEach (ip, cJSON_GetObjectItemCaseSensitive(addresses, "ips")) {
		gateway = cJSON_GetObjectItemCaseSensitive(ip, "gateway");
		if (gateway == NULL)
			continue;
		dst = address_parse(gateway->valuestring) == 4 ? "0.0.0.0/0" : "::/0";
		if (has_route(routes, dst))
			continue;
		route = cJSON_CreateObject();
		if (!cJSON_AddItemToArray(routes, route)
			|| !cJSON_AddStringToObject(route, "dst", dst)
			|| !cJSON_AddStringToObject(route, "gw", gateway->valuestring))
			return false;
	}
	return true;
}

static bool
replace_dns(cJSON *addresses, const cJSON *dns)
{
	cJSON *copy;

	if (cJSON_GetArraySize(dns) == 0)
		return true;
	copy = cJSON_Duplicate(dns, true);
	return copy != NULL && cJSON_ReplaceItemInObjectCaseSensitive(addresses, "dns", copy);
}

static int
get_addresses(struct cni_call *call, const struct attachment *attachment, cJSON **addresses)
{
	if (call->config.ipam_type != NULL)
		return ipam_call(&call->config, &call->env, CNI_VERB_ADD, addresses, &call->error);
	*addresses = static_addresses(attachment);
	return *addresses != NULL ? 0 : error_set(&call->error, CNI_INTERNAL, "out of memory");
}

static void
roll_back_endpoint(const struct cni_call *call)
{
	struct cni_error error;

	if (endpoint_release(call, &error) < 0)
		fprintf(stderr, "causeway-cni: roll-back failed code=%d reason=\"%s\"\n",
			error.code, error.message);
}

static int
add_endpoint(struct cni_call *call, struct client *client, const struct attachment *attachment,
	const cJSON *addresses, int netns, cJSON **reply)
{
	cJSON *params = endpoint_params(call, attachment, addresses, &call->error);
	struct client_error cause;
	int rc;

	if (params == NULL)
		return -1;
	log_json("asking causewayd for the endpoint", "vf", attachment->vf);
	rc = client_call(client, "endpoint.add", params, &netns, 1, reply, &cause);
	if (rc == 0)
		return 0;
	// A refusal leaves nothing behind; after anything else the outcome is not known.
	if (rc != -EREMOTEIO)
		roll_back_endpoint(call);
	return error_from_client(&call->error, rc, &cause);
}

// The result for the runtime: ours after what the plugins before us in the chain have made.
static cJSON *
make_result(struct cni_call *call, const cJSON *reply, const cJSON *addresses)
{
	cJSON *result, *previous;

	error_set(&call->error, CNI_INTERNAL, "out of memory");
	result = endpoint_result(&call->env, reply, addresses);
	if (result == NULL || call->config.prev_result == NULL)
		return result;
	previous = result_normalise(cJSON_Duplicate(call->config.prev_result, true), &call->error);
	if (previous == NULL) {
		cJSON_Delete(result);
		return NULL;
	}
	if (result_append(previous, result) == 0)
		return previous;
	cJSON_Delete(previous);
	return NULL;
}

static const char *
member(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static int
answer(struct cni_call *call, const cJSON *reply, const cJSON *addresses)
{
	cJSON *result = make_result(call, reply, addresses);
	int rc;

	if (result == NULL)
		return -1;
	if (device_info_write(call, reply) < 0
		|| userspace_describe(call, member(reply, "socket"), member(reply, "role"), result)
			   < 0) {
		cJSON_Delete(result);
		return -1;
	}
	rc = result_print(result, call->config.version);
	cJSON_Delete(result);
	if (rc == 0)
		return 0;
	return error_set(&call->error, CNI_IO, "the result cannot be written: %s", strerror(-rc));
}

static int
attach(struct cni_call *call, struct client *client, struct attachment *attachment, int netns)
{
	cJSON *addresses = NULL, *reply = NULL;

	if (get_addresses(call, attachment, &addresses) < 0)
		return -1;
	log_json("addresses", "result", addresses);
	if (!replace_dns(addresses, attachment->dns)
		|| (attachment->default_gateway && !add_default_routes(addresses))) {
		error_set(&call->error, CNI_INTERNAL, "out of memory");
		goto fail_ipam;
	}
	if (userspace_prepare(call, attachment) < 0
		|| add_endpoint(call, client, attachment, addresses, netns, &reply) < 0) {
		userspace_clean(call, NULL);
		goto fail_ipam;
	}
	log_json("causewayd made the endpoint", "endpoint", reply);
	if (answer(call, reply, addresses) < 0)
		goto fail_endpoint;
	cJSON_Delete(reply);
	cJSON_Delete(addresses);
	return 0;

fail_endpoint:
	roll_back_endpoint(call);
fail_ipam:
	ipam_roll_back(&call->config, &call->env);
	cJSON_Delete(reply);
	cJSON_Delete(addresses);
	return -1;
}

int
verb_add(struct cni_call *call)
{
	struct attachment attachment;
	struct client_error cause;
	struct client *client;
	int netns, rc;

	rc = config_read_attachment(&call->config, &call->env.args, &attachment, &call->error);
	if (rc < 0)
		goto out;
	rc = netns_open(call->env.netns, call->env.netns_override, &netns, &call->error);
	if (rc < 0)
		goto out;
	rc = client_open(&client, call->config.socket, &cause);
	if (rc < 0) {
		rc = error_from_client(&call->error, rc, &cause);
		goto out_netns;
	}
	client_set_timeout(client, ADD_TIMEOUT_MS);
	rc = refuse_repetition(call, client);
	if (rc == 0)
		rc = attach(call, client, &attachment, netns);
	client_close(client);
out_netns:
	close(netns);
out:
	attachment_free(&attachment);
	return rc;
}
