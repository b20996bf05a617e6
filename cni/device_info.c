/* SPDX-License-Identifier: Apache-2.0 */
#include "device_info.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPEC_VERSION "1.1.0"
#define FILE_MAX 65536

static const char *
text_of(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static bool
has_socket(const cJSON *endpoint)
{
	return text_of(endpoint, "socket") != NULL && text_of(endpoint, "role") != NULL;
}

// Where multus asks for it, or in the usual folder under a name of our own.
static int
file_path(const struct cni_call *call, char path[PATH_MAX], struct cni_error *error)
{
	const cJSON *json = call->config.json;
	const cJSON *asked = config_find(config_find(json, "runtimeConfig"), "CNIDeviceInfoFile");
	const cJSON *folder = config_find(json, "deviceInfoDir");
	int n;

	if (asked != NULL && (!cJSON_IsString(asked) || asked->valuestring[0] != '/'))
		return config_refuse(
			error, "runtimeConfig.CNIDeviceInfoFile", asked, "an absolute path");
	if (folder != NULL && (!cJSON_IsString(folder) || folder->valuestring[0] != '/'))
		return config_refuse(error, "deviceInfoDir", folder, "an absolute path");
	if (asked != NULL)
		n = snprintf(path, PATH_MAX, "%s", asked->valuestring);
	else
		n = snprintf(path, PATH_MAX, "%s/causeway-%s-%s-device.json",
			folder != NULL ? folder->valuestring : DEVICE_INFO_DIR, call->env.container,
			call->env.ifname);
	if (n < PATH_MAX)
		return 0;
	return error_set(error, CNI_CONFIG, "the path of the device-info file is too long");
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
	cJSON_AddStringToObject(json, "version", SPEC_VERSION);
	device = cJSON_AddObjectToObject(json, memif ? "memif" : "vhost-user");
	if (cJSON_AddStringToObject(device, memif ? "role" : "mode", role)
		&& cJSON_AddStringToObject(device, "path", text_of(endpoint, "socket"))
		&& (!memif || cJSON_AddStringToObject(device, "mode", "ethernet")))
		text = cJSON_Print(json);
	cJSON_Delete(json);
	return text;
}

static char *
read_file(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = fd >= 0 ? malloc(FILE_MAX) : NULL;
	const ssize_t n = text != NULL ? read(fd, text, FILE_MAX - 1) : -1;

	if (fd >= 0)
		close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

// Another device's file is not ours to replace: a resource was given to this network, too.
static int
refuse_foreign(const char *path, struct cni_error *error)
{
	char *text = read_file(path);
	cJSON *json = text != NULL ? cJSON_Parse(text) : NULL;
	const char *type = text_of(json, "type");
	int rc = 0;

	if (type != NULL && strcmp(type, "vhost-user") != 0 && strcmp(type, "memif") != 0)
		rc = error_set(error, CNI_CONFLICT,
			"device-info file %s describes a device of type %s; a network of sockets "
			"has no resourceName",
			path, type);
	cJSON_Delete(json);
	free(text);
	return rc;
}

static int
make_folder_of(const char *path)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

// Whole or not at all.
static int
write_file(const char *path, const char *text)
{
	const size_t length = strlen(text);
	char half[PATH_MAX + 16];
	int fd, rc = make_folder_of(path);

	if (rc < 0)
		return rc;
	snprintf(half, sizeof(half), "%s.new-%d", path, (int)getpid());
	fd = open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	if (write(fd, text, length) != (ssize_t)length)
		rc = errno != 0 ? -errno : -EIO;
	close(fd);
	if (rc == 0 && rename(half, path) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(half);
	return rc;
}

int
device_info_write(struct cni_call *call, const cJSON *endpoint)
{
	char path[PATH_MAX], *text;
	int rc;

	if (!has_socket(endpoint))
		return 0;
	if (file_path(call, path, &call->error) < 0 || refuse_foreign(path, &call->error) < 0)
		return -1;
	text = device_info_format(endpoint);
	if (text == NULL)
		return error_set(&call->error, CNI_INTERNAL, "out of memory");
	rc = write_file(path, text);
	cJSON_free(text);
	if (rc == 0)
		return 0;
	return error_set(&call->error, CNI_IO, "device-info file %s cannot be written: %s", path,
		strerror(-rc));
}

int
device_info_check(struct cni_call *call, const cJSON *endpoint)
{
	char path[PATH_MAX], *wanted, *found;
	int rc = 0;

	if (!has_socket(endpoint))
		return 0;
	if (file_path(call, path, &call->error) < 0)
		return -1;
	wanted = device_info_format(endpoint);
	found = read_file(path);
	if (wanted == NULL)
		rc = error_set(&call->error, CNI_INTERNAL, "out of memory");
	else if (found == NULL)
		rc = error_set(&call->error, CNI_IO, "device-info file %s cannot be read: %s", path,
			strerror(errno));
	else if (strcmp(wanted, found) != 0)
		rc = error_set(&call->error, CNI_CONFLICT,
			"device-info file %s does not describe this interface any more", path);
	cJSON_free(wanted);
	free(found);
	return rc;
}

void
device_info_remove(const struct cni_call *call)
{
	char path[PATH_MAX];
	struct cni_error ignored;

	if (file_path(call, path, &ignored) == 0 && refuse_foreign(path, &ignored) == 0)
		unlink(path);
}
