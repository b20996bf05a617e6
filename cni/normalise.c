/* SPDX-License-Identifier: Apache-2.0 */
// Results of other plugins, of any version of the specification, into the shape of result.h.
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "result.h"

static int
refuse(struct cni_error *error, const char *what, const cJSON *value)
{
	char *text = cJSON_PrintUnformatted(value);

	error_set(error, CNI_DELEGATE, "a result has %s %.200s", what,
		text != NULL ? text : "(none)");
	cJSON_free(text);
	return -1;
}

// Copies the member 'key' of any case, when it is there.
static bool
copy_member(cJSON *to, const cJSON *from, const char *key)
{
	const cJSON *value = config_find(from, key);
	cJSON *copy;

	if (value == NULL)
		return true;
	copy = cJSON_Duplicate(value, true);
	if (copy != NULL && cJSON_AddItemToObject(to, key, copy))
		return true;
	cJSON_Delete(copy);
	return false;
}

// An object with copies of these members, appended to array.
static cJSON *
append_copy(cJSON *array, const cJSON *from, const char *const *keys)
{
	cJSON *item = cJSON_CreateObject();

	if (item == NULL || !cJSON_AddItemToArray(array, item)) {
		cJSON_Delete(item);
		return NULL;
	}
	for (; *keys != NULL; keys++)
		if (!copy_member(item, from, *keys))
			return NULL;
	return item;
}

static int
out_of_memory(struct cni_error *error)
{
	return error_set(error, CNI_INTERNAL, "out of memory");
}

static int
add_ip(cJSON *result, const cJSON *ip, int n_interfaces, struct cni_error *error)
{
	static const char *const keys[] = {"address", "gateway", "interface", NULL};
	const cJSON *address = config_find(ip, "address"), *gateway = config_find(ip, "gateway");
	const cJSON *index = config_find(ip, "interface");
	int family = 0;

	if (cJSON_IsString(address))
		family = address_parse_cidr(address->valuestring, NULL);
	if (family == 0)
		return refuse(error, "the malformed address", ip);
	if (gateway != NULL
		&& (!cJSON_IsString(gateway) || address_parse(gateway->valuestring) != family))
		return refuse(error, "the malformed gateway", gateway);
	if (index != NULL
		&& (!cJSON_IsNumber(index) || index->valueint < 0
			|| index->valueint >= n_interfaces))
		return refuse(error, "an address of an interface that it does not list:", ip);
	return append_copy(cJSON_GetObjectItemCaseSensitive(result, "ips"), ip, keys) != NULL
		       ? 0
		       : out_of_memory(error);
}

static int
add_route(cJSON *result, const cJSON *route, struct cni_error *error)
{
	static const char *const keys[] = {
		"dst", "gw", "mtu", "advmss", "priority", "table", "scope", NULL};
	const cJSON *dst = config_find(route, "dst"), *gw = config_find(route, "gw");
	int family = 0;

	if (cJSON_IsString(dst))
		family = address_parse_cidr(dst->valuestring, NULL);
	if (family == 0)
		return refuse(error, "the malformed route", route);
	if (gw != NULL && (!cJSON_IsString(gw) || address_parse(gw->valuestring) != family))
		return refuse(error, "a route with the malformed gateway", gw);
	return append_copy(cJSON_GetObjectItemCaseSensitive(result, "routes"), route, keys) != NULL
		       ? 0
		       : out_of_memory(error);
}

static int
add_routes(cJSON *result, const cJSON *routes, struct cni_error *error)
{
	const cJSON *route;

	cJSON_ArrayForEach (route, routes)
		if (add_route(result, route, error) < 0)
			return -1;
	return 0;
}

// 0.1.0 and 0.2.0: {"ip4": {"ip", "gateway", "routes"}, "ip6": likewise}.
static int
add_old_family(cJSON *result, const cJSON *family, struct cni_error *error)
{
	const cJSON *address = config_find(family, "ip");
	cJSON *ip;
	int rc;

	if (family == NULL)
		return 0;
	ip = cJSON_CreateObject();
	if (ip == NULL
		|| !cJSON_AddStringToObject(
			ip, "address", cJSON_IsString(address) ? address->valuestring : "")
		|| !copy_member(ip, family, "gateway")) {
		cJSON_Delete(ip);
		return out_of_memory(error);
	}
	rc = add_ip(result, ip, 0, error);
	cJSON_Delete(ip);
	return rc == 0 ? add_routes(result, config_find(family, "routes"), error) : -1;
}

static int
add_interfaces(cJSON *result, const cJSON *interfaces, struct cni_error *error)
{
	static const char *const keys[] = {
		"name", "mac", "mtu", "sandbox", "socketPath", "pciID", NULL};
	cJSON *target = cJSON_GetObjectItemCaseSensitive(result, "interfaces");
	const cJSON *interface;

	cJSON_ArrayForEach (interface, interfaces) {
		if (!cJSON_IsString(config_find(interface, "name")))
			return refuse(error, "an interface without name:", interface);
		if (append_copy(target, interface, keys) == NULL)
			return out_of_memory(error);
	}
	return 0;
}

static int
fill(cJSON *result, const cJSON *from, struct cni_error *error)
{
	const cJSON *dns = config_find(from, "dns"), *ip;
	cJSON *copy;
	int n_interfaces;

	if (add_interfaces(result, config_find(from, "interfaces"), error) < 0)
		return -1;
	n_interfaces = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(result, "interfaces"));
	cJSON_ArrayForEach (ip, config_find(from, "ips"))
		if (add_ip(result, ip, n_interfaces, error) < 0)
			return -1;
	if (add_old_family(result, config_find(from, "ip4"), error) < 0
		|| add_old_family(result, config_find(from, "ip6"), error) < 0
		|| add_routes(result, config_find(from, "routes"), error) < 0)
		return -1;
	if (!cJSON_IsObject(dns))
		return 0;
	copy = cJSON_Duplicate(dns, true);
	if (copy == NULL)
		return out_of_memory(error);
	cJSON_ReplaceItemInObjectCaseSensitive(result, "dns", copy);
	return 0;
}

cJSON *
result_normalise(cJSON *from, struct cni_error *error)
{
	cJSON *result = result_new();

	if (result == NULL)
		out_of_memory(error);
	else if (fill(result, from, error) < 0) {
		cJSON_Delete(result);
		result = NULL;
	}
	cJSON_Delete(from);
	return result;
}
