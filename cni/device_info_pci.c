/* SPDX-License-Identifier: Apache-2.0 */
#include "device_info_pci.h"

#include <stdio.h>
#include <string.h>

#include "device_info.h"
#include "pci.h"

static const char *
text_of(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

// The object that the type names.
static cJSON *
device_of(const cJSON *json)
{
	const char *type = text_of(json, "type");

	return type != NULL ? cJSON_GetObjectItemCaseSensitive(json, type) : NULL;
}

static bool
describes(const cJSON *json, const char *address)
{
	const char *found = text_of(device_of(json), "pci-address");
	char parsed[PCI_ADDRESS_LEN];

	return found != NULL && pci_address_parse(found, parsed) && strcmp(parsed, address) == 0;
}

bool
device_info_is_of(const char *text, const char *address)
{
	cJSON *json = cJSON_Parse(text);
	const bool yes = describes(json, address);

	cJSON_Delete(json);
	return yes;
}

bool
device_info_is_foreign(const char *text, char type[DEVICE_INFO_TYPE_LEN])
{
	cJSON *json = cJSON_Parse(text);
	const char *found = text_of(json, "type");
	const bool yes =
		found != NULL && strcmp(found, "vhost-user") != 0 && strcmp(found, "memif") != 0;

	if (yes && type != NULL)
		snprintf(type, DEVICE_INFO_TYPE_LEN, "%s", found);
	cJSON_Delete(json);
	return yes;
}

static bool
add_absent(cJSON *device, const char *key, const char *value)
{
	return value == NULL || value[0] == '\0'
	       || cJSON_GetObjectItemCaseSensitive(device, key) != NULL
	       || cJSON_AddStringToObject(device, key, value) != NULL;
}

static bool
extend(cJSON *json, const cJSON *vf)
{
	cJSON *device = device_of(json);

	return add_absent(json, "version", DEVICE_INFO_VERSION)
	       && add_absent(device, "pci-address", text_of(vf, "pci"))
	       && add_absent(device, "pf-pci-address", text_of(vf, "pf"))
	       && add_absent(device, "representor-device", text_of(vf, "representor"));
}

static cJSON *
new_device(void)
{
	cJSON *json = cJSON_CreateObject();

	if (cJSON_AddStringToObject(json, "type", "pci") != NULL
		&& cJSON_AddStringToObject(json, "version", DEVICE_INFO_VERSION) != NULL
		&& cJSON_AddObjectToObject(json, "pci") != NULL)
		return json;
	cJSON_Delete(json);
	return NULL;
}

char *
device_info_format_pci(const char *existing, const cJSON *vf)
{
	cJSON *json = existing != NULL ? cJSON_Parse(existing) : NULL;
	char *text = NULL;

	if (device_of(json) == NULL) {
		cJSON_Delete(json);
		json = new_device();
	}
	if (json != NULL && extend(json, vf))
		text = cJSON_Print(json);
	cJSON_Delete(json);
	return text;
}
