/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <causeway/limits.h>

const char *const config_versions[CONFIG_VERSIONS] = {
	[CONFIG_0_3_0] = "0.3.0",
	[CONFIG_0_3_1] = "0.3.1",
	[CONFIG_0_4_0] = "0.4.0",
	[CONFIG_1_0_0] = "1.0.0",
	[CONFIG_1_1_0] = "1.1.0",
};

const cJSON *
config_find(const cJSON *object, const char *key)
{
	const cJSON *member, *found = NULL;

	if (!cJSON_IsObject(object))
		return NULL;
	cJSON_ArrayForEach (member, object)
		if (strcasecmp(member->string, key) == 0)
			found = member;
	return cJSON_IsNull(found) ? NULL : found;
}

int
config_version_by_name(const char *name)
{
	for (int version = 0; version < CONFIG_VERSIONS; version++)
		if (strcmp(name, config_versions[version]) == 0)
			return version;
	return -1;
}

int
config_refuse(struct cni_error *error, const char *key, const cJSON *value, const char *expected)
{
	char *text = cJSON_PrintUnformatted(value);

	error_set(error, CNI_CONFIG, "configuration key %s has the value %.200s; it must be %s",
		key, text != NULL ? text : "?", expected);
	cJSON_free(text);
	return -1;
}

int
config_integer(const cJSON *object, const char *key, const char *label, int min, int max,
	int *number, const char *expected, struct cni_error *error)
{
	const cJSON *value = config_find(object, key);

	if (value == NULL)
		return 0;
	if (!cJSON_IsNumber(value) || value->valuedouble != floor(value->valuedouble)
		|| value->valuedouble < min || value->valuedouble > max)
		return config_refuse(error, label, value, expected);
	*number = value->valueint;
	return 0;
}

int
config_bool(const cJSON *json, const char *key, const cJSON **found, struct cni_error *error)
{
	*found = config_find(json, key);
	if (*found != NULL && !cJSON_IsBool(*found))
		return config_refuse(error, key, *found, "true or false");
	return 0;
}

static int
read_version(struct config *config, struct cni_error *error)
{
	const cJSON *value = config_find(config->json, "cniVersion");
	const char *name = "0.1.0"; // what a configuration without the key means
	int version;

	if (value != NULL && !cJSON_IsString(value))
		return config_refuse(error, "cniVersion", value, "a string");
	if (value != NULL && value->valuestring[0] != '\0')
		name = value->valuestring;
	version = config_version_by_name(name);
	if (version < 0)
		return error_set(error, CNI_VERSION_UNSUPPORTED,
			"cniVersion %.32s is not supported; use one of 0.3.0, 0.3.1, 0.4.0, 1.0.0, "
			"1.1.0",
			name);
	config->version = (enum config_version)version;
	return 0;
}

static int
read_name(struct config *config, struct cni_error *error)
{
	const cJSON *value = config_find(config->json, "name");

	if (value == NULL)
		return error_set(error, CNI_CONFIG, "the configuration lacks the key name");
	if (!cJSON_IsString(value) || !env_is_name(value->valuestring))
		return config_refuse(error, "name", value,
			"a string of letters, digits, '_', '.' and '-' that begins with a letter "
			"or digit");
	config->name = value->valuestring;
	return 0;
}

static int
read_ipam(struct config *config, struct cni_error *error)
{
	const cJSON *ipam = config_find(config->json, "ipam");
	const cJSON *type = config_find(ipam, "type");

	if (ipam != NULL && !cJSON_IsObject(ipam))
		return config_refuse(error, "ipam", ipam, "an object");
	if (type == NULL)
		return 0;
	if (!cJSON_IsString(type) || strchr(type->valuestring, '/') != NULL)
		return config_refuse(error, "ipam.type", type, "the file name of an IPAM plugin");
	if (type->valuestring[0] != '\0')
		config->ipam_type = type->valuestring;
	return 0;
}

// An absolute path, or NULL when the key is absent.
static int
read_path(const cJSON *json, const char *key, const char **path, struct cni_error *error)
{
	const cJSON *value = config_find(json, key);

	*path = NULL;
	if (value == NULL)
		return 0;
	if (!cJSON_IsString(value) || value->valuestring[0] != '/')
		return config_refuse(error, key, value, "an absolute path");
	*path = value->valuestring;
	return 0;
}

static int
read_paths(struct config *config, struct cni_error *error)
{
	const char *socket, *runtime_dir;

	if (read_path(config->json, "socket", &socket, error) < 0
		|| read_path(config->json, "runtimeDir", &runtime_dir, error) < 0
		|| read_path(config->json, "stateDir", &config->state_dir, error) < 0)
		return -1;
	if (config->state_dir == NULL)
		config->state_dir = CW_STATE_DIR;
	if (socket == NULL) {
		if (client_path(config->socket, sizeof(config->socket), runtime_dir) == 0)
			return 0;
		return config_refuse(error, "runtimeDir", config_find(config->json, "runtimeDir"),
			"a path of at most 94 bytes");
	}
	if (strlen(socket) >= sizeof(config->socket))
		return config_refuse(error, "socket", config_find(config->json, "socket"),
			"a path of at most 107 bytes");
	strcpy(config->socket, socket);
	return 0;
}

int
config_read(struct config *config, char *text, size_t length, struct cni_error *error)
{
	memset(config, 0, sizeof(*config));
	config->text = text;
	if (strlen(text) == length)
		config->json = cJSON_ParseWithOpts(text, NULL, true);
	if (!cJSON_IsObject(config->json)) {
		cJSON_Delete(config->json);
		config->json = NULL;
		return error_set(error, CNI_DECODE, "the configuration on stdin is no JSON object");
	}
	config->prev_result = config_find(config->json, "prevResult");
	if (read_version(config, error) < 0 || read_name(config, error) < 0
		|| read_ipam(config, error) < 0)
		return -1;
	return read_paths(config, error);
}

void
config_free(struct config *config)
{
	cJSON_Delete(config->json);
	free(config->text);
	memset(config, 0, sizeof(*config));
}
