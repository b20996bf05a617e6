/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <causeway/error.h>

#include "device_info.h"
#include "log.h"
#include "pci.h"
#include "tombstone.h"
#include "userspace.h"
#include "vf_keys.h"

#define RELEASE_TIMEOUT_MS 10000
#define MAIN_TABLE 254
#define NAME_MAX_BYTES 256 // what endpoint.add takes

static const cJSON *
member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

// Adds a copy under another name; an absent value is no failure.
static bool
add_copy(cJSON *to, const char *key, const cJSON *value)
{
	cJSON *copy;

	if (value == NULL)
		return true;
	copy = cJSON_Duplicate(value, true);
	if (copy != NULL && cJSON_AddItemToObject(to, key, copy))
		return true;
	cJSON_Delete(copy);
	return false;
}

static bool
add_members(cJSON *to, const cJSON *from)
{
	const cJSON *value;

	cJSON_ArrayForEach (value, from)
		if (!add_copy(to, value->string, value))
			return false;
	return true;
}

static bool
add_string(cJSON *to, const char *key, const char *value)
{
	return value == NULL || value[0] == '\0' || cJSON_AddStringToObject(to, key, value) != NULL;
}

cJSON *
endpoint_key(const struct cni_env *env)
{
	cJSON *key = cJSON_CreateObject();

	if (cJSON_AddStringToObject(key, "container", env->container)
		&& cJSON_AddStringToObject(key, "ifname", env->ifname))
		return key;
	cJSON_Delete(key);
	return NULL;
}

static bool
add_pod(cJSON *params, const struct cni_args *args)
{
	cJSON *pod;

	if (args->pod_namespace == NULL && args->pod_name == NULL && args->pod_uid == NULL)
		return true;
	pod = cJSON_AddObjectToObject(params, "pod");
	return pod != NULL && add_string(pod, "namespace", args->pod_namespace)
	       && add_string(pod, "name", args->pod_name) && add_string(pod, "uid", args->pod_uid);
}

static bool
add_ips(cJSON *params, const cJSON *addresses)
{
	cJSON *ips = cJSON_AddArrayToObject(params, "ips"), *item;
	const cJSON *ip;

	cJSON_ArrayForEach (ip, member(addresses, "ips")) {
		item = cJSON_CreateObject();
		if (!cJSON_AddItemToArray(ips, item)
			|| !add_copy(item, "address", member(ip, "address"))
			|| !add_copy(item, "gateway", member(ip, "gateway")))
			return false;
	}
	return ips != NULL;
}

// The gateway of the first address of that family; NULL when none has one.
static const cJSON *
gateway_of(const cJSON *addresses, int family)
{
	const cJSON *ip, *gateway;

	cJSON_ArrayForEach (ip, member(addresses, "ips")) {
		gateway = member(ip, "gateway");
		if (gateway != NULL && address_parse(gateway->valuestring) == family)
			return gateway;
	}
	return NULL;
}

// What a route may hold beyond what causewayd sets must not be dropped in silence.
static int
check_route(const cJSON *route, struct cni_error *error)
{
	const struct {
		const char *key;
		int usual;
	} keys[] = {{"advmss", 0}, {"table", MAIN_TABLE}, {"scope", 0}};
	const cJSON *value;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		value = member(route, keys[i].key);
		if (value != NULL && (!cJSON_IsNumber(value) || value->valueint != keys[i].usual))
			return error_set(error, CNI_FIELD_UNSUPPORTED,
				"the route to %s sets %s, which is not supported",
				cJSON_GetStringValue(member(route, "dst")), keys[i].key);
	}
	return 0;
}

static bool
add_route(cJSON *routes, const cJSON *route, const cJSON *addresses)
{
	const cJSON *dst = member(route, "dst"), *gw = member(route, "gw");
	cJSON *item = cJSON_CreateObject();

	if (gw == NULL)
		gw = gateway_of(addresses, address_parse_cidr(dst->valuestring, NULL));
	return cJSON_AddItemToArray(routes, item) && add_copy(item, "dst", dst)
	       && add_copy(item, "gw", gw) && add_copy(item, "mtu", member(route, "mtu"))
	       && add_copy(item, "priority", member(route, "priority"));
}

static int
add_routes(cJSON *params, const cJSON *addresses, struct cni_error *error)
{
	cJSON *routes = cJSON_AddArrayToObject(params, "routes");
	const cJSON *route;

	cJSON_ArrayForEach (route, member(addresses, "routes")) {
		if (check_route(route, error) < 0)
			return -1;
		if (!add_route(routes, route, addresses))
			return error_set(error, CNI_INTERNAL, "out of memory");
	}
	return 0;
}

// The name that GC goes by. One that does not fit is left out, and what it made to DEL.
static const char *
own_name(const struct config *config)
{
	return strlen(config->name) < NAME_MAX_BYTES ? config->name : NULL;
}

cJSON *
endpoint_params(const struct cni_call *call, const struct attachment *attachment,
	const cJSON *addresses, struct cni_error *error)
{
	cJSON *params = endpoint_key(&call->env);

	error_set(error, CNI_INTERNAL, "out of memory");
	if (!add_string(params, "netns", call->env.netns)
		|| !cJSON_AddNumberToObject(params, "netns_fd", 0)
		|| !add_string(params, "network", attachment->network)
		|| !add_string(params, "cni_network", own_name(&call->config))
		|| !add_string(params, "interface", attachment->interface)
		|| !add_string(params, "kind", attachment->kind)
		|| !add_string(params, "mac", attachment->mac)
		|| (attachment->mtu != 0
			&& !cJSON_AddNumberToObject(params, "mtu", attachment->mtu))
		|| (attachment->vlan != 0
			&& !cJSON_AddNumberToObject(params, "vlan", attachment->vlan))
		|| !add_copy(params, "trunk", attachment->trunk)
		|| !add_copy(params, "guard", attachment->guard)
		|| !add_copy(params, "hairpin", attachment->hairpin)
		|| !add_copy(params, "vf", attachment->vf)
		|| !add_members(params, attachment->socket) || !add_pod(params, &call->env.args)
		|| !add_ips(params, addresses) || add_routes(params, addresses, error) < 0) {
		cJSON_Delete(params);
		return NULL;
	}
	return params;
}

static bool
add_interfaces(cJSON *result, const struct cni_env *env, const cJSON *reply)
{
	const char *host = cJSON_GetStringValue(member(reply, "host_ifname"));
	cJSON *interfaces = cJSON_GetObjectItemCaseSensitive(result, "interfaces"), *item;

	item = cJSON_CreateObject();
	if (!cJSON_AddItemToArray(interfaces, item) || !add_string(item, "name", env->ifname)
		|| !add_copy(item, "mac", member(reply, "mac"))
		|| !add_copy(item, "mtu", member(reply, "mtu"))
		|| !add_string(item, "sandbox", env->netns)
		|| !add_copy(item, "socketPath", member(reply, "socket"))
		|| !add_copy(item, "pciID", member(member(reply, "vf"), "pci")))
		return false;
	// go-cni keys interfaces by name alone: the same name twice would hide the pod's.
	if (host == NULL || strcmp(host, env->ifname) == 0)
		return true;
	item = cJSON_CreateObject();
	return cJSON_AddItemToArray(interfaces, item) && add_string(item, "name", host);
}

cJSON *
endpoint_result(const struct cni_env *env, const cJSON *reply, const cJSON *addresses)
{
	cJSON *result = cJSON_Duplicate(addresses, true), *ip, *interfaces;

	interfaces = cJSON_CreateArray(); // an IPAM plugin has none to tell of
	if (!cJSON_ReplaceItemInObjectCaseSensitive(result, "interfaces", interfaces)) {
		cJSON_Delete(interfaces);
		goto fail;
	}
	if (!add_interfaces(result, env, reply))
		goto fail;
	cJSON_ArrayForEach (ip, member(result, "ips")) {
		cJSON_DeleteItemFromObjectCaseSensitive(ip, "interface");
		if (!cJSON_AddNumberToObject(ip, "interface", 0))
			goto fail;
	}
	return result;
fail:
	cJSON_Delete(result);
	return NULL;
}

static int
leave_tombstone(
	const struct cni_call *call, const struct client_error *cause, struct cni_error *error)
{
	const struct log_pair why[] = {{"reason", cause->message}, {NULL, NULL}};
	int rc = tombstone_write(call->config.state_dir, call->env.container, call->env.ifname);

	if (rc == 0)
		log_write(LOG_WARNING, "a tombstone is left for causewayd", why);
	if (rc == 0)
		return 0;
	return error_set(error, CNI_IO,
		"%s, and no tombstone can be left in %s/" TOMBSTONE_FOLDER ": %s", cause->message,
		call->config.state_dir, strerror(-rc));
}

// What causewayd's own record says of the attachment: the configuration may have changed since.
struct record {
	bool is_known; // false: causewayd is away, or has no such endpoint
	bool is_away;
	char socket[128]; // empty: none
	char pci[PCI_ADDRESS_LEN]; // likewise
};

static void
copy_text(char *to, size_t size, const cJSON *value)
{
	const char *text = cJSON_GetStringValue(value);

	if (text != NULL)
		snprintf(to, size, "%s", text);
}

static void
ask_record(const struct cni_call *call, struct client *client, struct record *record)
{
	struct client_error cause;
	cJSON *endpoint;
	int rc;

	rc = client_call(
		client, "endpoint.get", endpoint_key(&call->env), NULL, 0, &endpoint, &cause);
	record->is_away = rc < 0 && rc != -EREMOTEIO;
	if (rc < 0)
		return;
	record->is_known = true;
	copy_text(record->socket, sizeof(record->socket), member(endpoint, "socket"));
	copy_text(record->pci, sizeof(record->pci), member(member(endpoint, "vf"), "pci"));
	cJSON_Delete(endpoint);
}

// Files go in any case. With causewayd away the configuration is all that says which.
static void
remove_files(const struct cni_call *call, struct record *record)
{
	if (record->is_away)
		vf_keys_device(call->config.json, record->pci);
	userspace_clean(call, record->is_known ? record->socket : NULL);
	device_info_remove(call, record->pci);
}

int
endpoint_release(const struct cni_call *call, struct cni_error *error)
{
	struct record record = {.is_away = true};
	struct client_error cause;
	struct client *client;
	int rc;

	rc = client_open(&client, call->config.socket, &cause);
	if (rc == 0) {
		client_set_timeout(client, RELEASE_TIMEOUT_MS);
		ask_record(call, client, &record);
		rc = client_call(
			client, "endpoint.del", endpoint_key(&call->env), NULL, 0, NULL, &cause);
		client_close(client);
	}
	remove_files(call, &record);
	if (rc == 0)
		return 0;
	if (client_is_away(rc) || (rc == -EREMOTEIO && cause.code == CW_RPC_UNAVAILABLE))
		return leave_tombstone(call, &cause, error);
	return error_from_client(error, rc, &cause);
}
