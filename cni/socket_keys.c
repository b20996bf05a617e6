/* SPDX-License-Identifier: Apache-2.0 */
#include "socket_keys.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <causeway/limits.h>

static int
out_of_memory(struct cni_error *error)
{
	return error_set(error, CNI_INTERNAL, "out of memory");
}

int
socket_keys_set(
	struct attachment *attachment, const char *key, const char *value, struct cni_error *error)
{
	cJSON_DeleteItemFromObjectCaseSensitive(attachment->socket, key);
	if (cJSON_AddStringToObject(attachment->socket, key, value) == NULL)
		return out_of_memory(error);
	return 0;
}

static bool
is_memif(const struct attachment *attachment)
{
	return strcmp(attachment->interface, "memif") == 0;
}

static int
read_role(const cJSON *json, struct attachment *attachment, struct cni_error *error)
{
	const char *const *roles = is_memif(attachment) ? (const char *const[]){"master", "slave"}
							: (const char *const[]){"client", "server"};
	const cJSON *value = config_find(json, "role");

	if (value == NULL)
		return 0;
	for (int i = 0; cJSON_IsString(value) && i < 2; i++)
		if (strcmp(value->valuestring, roles[i]) == 0)
			return socket_keys_set(attachment, "role", roles[i], error);
	return config_refuse(error, "role", value,
		is_memif(attachment) ? "\"master\" or \"slave\"" : "\"client\" or \"server\"");
}

static int
add_bool(const cJSON *json, const char *key, struct attachment *attachment, struct cni_error *error)
{
	const cJSON *value;

	if (config_bool(json, key, &value, error) < 0)
		return -1;
	if (value == NULL
		|| cJSON_AddBoolToObject(attachment->socket, key, cJSON_IsTrue(value)) != NULL)
		return 0;
	return out_of_memory(error);
}

static int
add_integer(const cJSON *json, const char *key, const char *param, int min, int max,
	struct attachment *attachment, struct cni_error *error)
{
	char expected[64];
	int number = -1;

	snprintf(expected, sizeof(expected), "an integer from %d to %d", min, max);
	if (config_integer(json, key, key, min, max, &number, expected, error) < 0)
		return -1;
	if (number < 0 || cJSON_AddNumberToObject(attachment->socket, param, number) != NULL)
		return 0;
	return out_of_memory(error);
}

// A user or group: a name, or a number as such or in quotes.
static int
add_account(const cJSON *json, const char *key, const char *param, struct attachment *attachment,
	struct cni_error *error)
{
	static const char expected[] = "the name of an account of this node, or its number";
	const cJSON *value = config_find(json, key);
	char text[16];

	if (value == NULL)
		return 0;
	if (cJSON_IsString(value) && value->valuestring[0] != '\0')
		return socket_keys_set(attachment, param, value->valuestring, error);
	if (!cJSON_IsNumber(value) || value->valueint < 0 || value->valuedouble > INT_MAX)
		return config_refuse(error, key, value, expected);
	snprintf(text, sizeof(text), "%d", value->valueint);
	return socket_keys_set(attachment, param, text, error);
}

static int
add_mode(const cJSON *json, struct attachment *attachment, struct cni_error *error)
{
	const cJSON *value = config_find(json, "socketMode");
	size_t length;

	if (value == NULL)
		return 0;
	length = cJSON_IsString(value) ? strlen(value->valuestring) : 0;
	if (length < 3 || length > 4 || strspn(value->valuestring, "01234567") != length
		|| (length == 4 && value->valuestring[0] != '0'))
		return config_refuse(
			error, "socketMode", value, "permissions in octal like \"0660\"");
	return socket_keys_set(attachment, "mode", value->valuestring, error);
}

// true: @IFNAME, which the reader of the environment knows; a string: the name itself.
static int
read_abstract(const cJSON *json, struct attachment *attachment, struct cni_error *error)
{
	static const char expected[] = "true, false or a name of at most 106 bytes";
	const cJSON *value = config_find(json, "abstract");

	if (value == NULL || cJSON_IsFalse(value))
		return 0;
	if (!cJSON_IsTrue(value)
		&& (!cJSON_IsString(value) || value->valuestring[0] == '\0'
			|| strlen(value->valuestring) > 106
			|| strchr(value->valuestring, ',') != NULL))
		return config_refuse(error, "abstract", value, expected);
	snprintf(attachment->socket_file, sizeof(attachment->socket_file), "@%s",
		cJSON_IsString(value) ? value->valuestring : "");
	return 0;
}

static int
add_secret(const cJSON *json, struct attachment *attachment, struct cni_error *error)
{
	const cJSON *value = config_find(json, "secret");

	if (value == NULL)
		return 0;
	if (cJSON_IsString(value) && value->valuestring[0] != '\0'
		&& strlen(value->valuestring) < 24 && strchr(value->valuestring, ',') == NULL)
		return socket_keys_set(attachment, "secret", value->valuestring, error);
	return error_set(error, CNI_CONFIG,
		"configuration key secret must be a string of 1 to 23 bytes without comma");
}

static int
read_memif(const cJSON *json, struct attachment *attachment, struct cni_error *error)
{
	if (read_abstract(json, attachment, error) < 0
		|| add_integer(json, "id", "memif_id", 0, INT_MAX, attachment, error) < 0
		|| add_integer(json, "ring", "ring", 32, 16384, attachment, error) < 0
		|| add_integer(json, "buffer", "buffer", 256, 16384, attachment, error) < 0)
		return -1;
	return add_secret(json, attachment, error);
}

int
socket_keys_read(const cJSON *json, struct attachment *attachment, struct cni_error *error)
{
	if (!is_memif(attachment) && strcmp(attachment->interface, "vhost-user") != 0)
		return 0;
	attachment->socket = cJSON_CreateObject();
	if (attachment->socket == NULL)
		return out_of_memory(error);
	if (read_role(json, attachment, error) < 0
		|| add_integer(json, "queues", "queues", 1, CW_MAX_QUEUES, attachment, error) < 0
		|| add_account(json, "socketOwner", "owner", attachment, error) < 0
		|| add_account(json, "socketGroup", "group", attachment, error) < 0
		|| add_mode(json, attachment, error) < 0)
		return -1;
	if (is_memif(attachment))
		return read_memif(json, attachment, error);
	return add_bool(json, "iommu", attachment, error) < 0
			       || add_bool(json, "packed", attachment, error) < 0
		       ? -1
		       : 0;
}
