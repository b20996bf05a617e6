/* SPDX-License-Identifier: Apache-2.0 */
#include "result.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// What 1.1.0 brought; older decoders may refuse it.
static const char *const new_in_1_1_interface[] = {"mtu", "socketPath", "pciID", NULL};
static const char *const new_in_1_1_route[] = {"mtu", "advmss", "priority", "table", "scope", NULL};

cJSON *
result_new(void)
{
	cJSON *result = cJSON_CreateObject();

	if (result != NULL && cJSON_AddArrayToObject(result, "interfaces")
		&& cJSON_AddArrayToObject(result, "ips") && cJSON_AddArrayToObject(result, "routes")
		&& cJSON_AddObjectToObject(result, "dns"))
		return result;
	cJSON_Delete(result);
	return NULL;
}

static cJSON *
member(const cJSON *result, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(result, key);
}

// Moves all items of array 'key' of from to that of to.
static int
move_items(cJSON *to, cJSON *from, const char *key)
{
	cJSON *target = member(to, key), *source = member(from, key), *item;

	while ((item = cJSON_DetachItemFromArray(source, 0)) != NULL) {
		if (!cJSON_AddItemToArray(target, item)) {
			cJSON_Delete(item);
			return -ENOMEM;
		}
	}
	return 0;
}

int
result_append(cJSON *result, cJSON *added)
{
	int offset = cJSON_GetArraySize(member(result, "interfaces"));
	cJSON *ip, *index, *dns;
	int rc = -ENOMEM;

	if (added == NULL)
		return -ENOMEM;
	cJSON_ArrayForEach (ip, member(added, "ips")) {
		index = member(ip, "interface");
		if (index != NULL)
			cJSON_SetNumberValue(index, index->valueint + offset);
	}
	if (move_items(result, added, "interfaces") < 0 || move_items(result, added, "ips") < 0
		|| move_items(result, added, "routes") < 0)
		goto out;
	if (cJSON_GetArraySize(member(added, "dns")) > 0) {
		dns = cJSON_DetachItemFromObjectCaseSensitive(added, "dns");
		cJSON_ReplaceItemInObjectCaseSensitive(result, "dns", dns);
	}
	rc = 0;
out:
	cJSON_Delete(added);
	return rc;
}

static void
delete_keys(cJSON *array, const char *const *keys)
{
	cJSON *item;

	cJSON_ArrayForEach (item, array)
		for (const char *const *key = keys; *key != NULL; key++)
			cJSON_DeleteItemFromObjectCaseSensitive(item, *key);
}

static int
add_family(cJSON *ips)
{
	const char *address;
	cJSON *ip;

	cJSON_ArrayForEach (ip, ips) {
		address = cJSON_GetStringValue(member(ip, "address"));
		if (address == NULL
			|| !cJSON_AddStringToObject(
				ip, "version", strchr(address, ':') == NULL ? "4" : "6"))
			return -ENOMEM;
	}
	return 0;
}

// 0.3.0 to 0.4.0 show empty lists by their absence.
static void
delete_if_empty(cJSON *result, const char *key)
{
	if (cJSON_GetArraySize(member(result, key)) == 0)
		cJSON_DeleteItemFromObjectCaseSensitive(result, key);
}

char *
result_format(const cJSON *result, enum config_version version)
{
	cJSON *copy = cJSON_Duplicate(result, true);
	char *text = NULL;

	cJSON_DeleteItemFromObjectCaseSensitive(copy, "cniVersion");
	if (copy == NULL || !cJSON_AddStringToObject(copy, "cniVersion", config_versions[version]))
		goto out;
	if (version < CONFIG_1_1_0) {
		delete_keys(member(copy, "interfaces"), new_in_1_1_interface);
		delete_keys(member(copy, "routes"), new_in_1_1_route);
	}
	if (version < CONFIG_1_0_0 && add_family(member(copy, "ips")) < 0)
		goto out;
	delete_if_empty(copy, "routes");
	delete_if_empty(copy, "ips");
	text = cJSON_Print(copy);
out:
	cJSON_Delete(copy);
	return text;
}

int
result_print(const cJSON *result, enum config_version version)
{
	char *text = result_format(result, version);
	int rc = 0;

	if (text == NULL)
		return -ENOMEM;
	if (printf("%s\n", text) < 0 || fflush(stdout) != 0)
		rc = errno != 0 ? -errno : -EIO;
	cJSON_free(text);
	return rc;
}
