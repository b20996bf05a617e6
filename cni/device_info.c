/* SPDX-License-Identifier: Apache-2.0 */
#include "device_info.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device_info_file.h"
#include "device_info_pci.h"

static const cJSON *
member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const char *
text_of(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(member(object, key));
}

static bool
has_socket(const cJSON *endpoint)
{
	return text_of(endpoint, "socket") != NULL && text_of(endpoint, "role") != NULL;
}

// The switch's client is the pod's server, its master the pod's slave.
static const char *
seen_by_the_pod(const char *role)
{
	static const char *const opposites[][2] = {{"client", "server"}, {"server", "client"},
		{"master", "slave"}, {"slave", "master"}};

	for (size_t i = 0; i < sizeof(opposites) / sizeof(opposites[0]); i++)
		if (strcmp(role, opposites[i][0]) == 0)
			return opposites[i][1];
	return "";
}

char *
device_info_format(const cJSON *endpoint)
{
	const char *role = seen_by_the_pod(text_of(endpoint, "role"));
	const char *kind = text_of(endpoint, "kind");
	const bool memif = kind != NULL && strcmp(kind, "memif") == 0;
	cJSON *json = cJSON_CreateObject(), *device;
	char *text = NULL;

	cJSON_AddStringToObject(json, "type", memif ? "memif" : "vhost-user");
	cJSON_AddStringToObject(json, "version", DEVICE_INFO_VERSION);
	device = cJSON_AddObjectToObject(json, memif ? "memif" : "vhost-user");
	if (cJSON_AddStringToObject(device, memif ? "role" : "mode", role)
		&& cJSON_AddStringToObject(device, "path", text_of(endpoint, "socket"))
		&& (!memif || cJSON_AddStringToObject(device, "mode", "ethernet")))
		text = cJSON_Print(json);
	cJSON_Delete(json);
	return text;
}

// What becomes of a file that may be there already (existing).
static int
refuse_foreign(struct cni_call *call, const char *path, const char *existing, const char *pci)
{
	char type[DEVICE_INFO_TYPE_LEN];

	if (existing == NULL || !device_info_is_foreign(existing, type))
		return 0;
	if (pci == NULL)
		return error_set(&call->error, CNI_CONFLICT,
			"device-info file %s describes a device of type %s; a network of sockets "
			"has no resourceName",
			path, type);
	if (device_info_is_of(existing, pci))
		return 0;
	return error_set(&call->error, CNI_CONFLICT,
		"device-info file %s describes another device than VF %s of this attachment: "
		"%.300s",
		path, pci, existing);
}

// The content for this endpoint; NULL with call->error.
static char *
make_content(struct cni_call *call, const cJSON *endpoint, const char *path)
{
	const char *pci = text_of(member(endpoint, "vf"), "pci");
	char *existing = device_info_read(path), *text = NULL;

	if (refuse_foreign(call, path, existing, pci) < 0)
		goto out;
	if (pci != NULL && (existing == NULL || !device_info_is_foreign(existing, NULL))) {
		free(existing);
		existing = device_info_read_plugins(call, pci);
	}
	text = pci != NULL ? device_info_format_pci(existing, member(endpoint, "vf"))
			   : device_info_format(endpoint);
	if (text == NULL)
		error_set(&call->error, CNI_INTERNAL, "out of memory");
out:
	free(existing);
	return text;
}

int
device_info_write(struct cni_call *call, const cJSON *endpoint)
{
	char path[PATH_MAX], *text;
	int rc;

	if (!has_socket(endpoint) && member(endpoint, "vf") == NULL)
		return 0;
	if (device_info_path(call, path, &call->error) < 0)
		return -1;
	text = make_content(call, endpoint, path);
	if (text == NULL)
		return -1;
	rc = device_info_replace(path, text);
	cJSON_free(text);
	if (rc == 0)
		return 0;
	return error_set(&call->error, CNI_IO, "device-info file %s cannot be written: %s", path,
		strerror(-rc));
}

static bool
is_right(const cJSON *endpoint, const char *found)
{
	const char *pci = text_of(member(endpoint, "vf"), "pci");
	char *wanted;
	bool same;

	if (pci != NULL)
		return device_info_is_of(found, pci);
	wanted = device_info_format(endpoint);
	same = wanted != NULL && strcmp(wanted, found) == 0;
	cJSON_free(wanted);
	return same;
}

int
device_info_check(struct cni_call *call, const cJSON *endpoint)
{
	char path[PATH_MAX], *found;
	int rc = 0;

	if (!has_socket(endpoint) && member(endpoint, "vf") == NULL)
		return 0;
	if (device_info_path(call, path, &call->error) < 0)
		return -1;
	found = device_info_read(path);
	if (found == NULL)
		return error_set(&call->error, CNI_IO, "device-info file %s cannot be read: %s",
			path, strerror(errno));
	if (!is_right(endpoint, found))
		rc = error_set(&call->error, CNI_CONFLICT,
			"device-info file %s does not describe this interface any more", path);
	free(found);
	return rc;
}

void
device_info_remove(const struct cni_call *call, const char *pci)
{
	char path[PATH_MAX], *existing;
	struct cni_error ignored;

	if (device_info_path(call, path, &ignored) < 0)
		return;
	existing = device_info_read(path);
	if (existing != NULL
		&& (!device_info_is_foreign(existing, NULL) || device_info_is_of(existing, pci)))
		unlink(path);
	free(existing);
}
