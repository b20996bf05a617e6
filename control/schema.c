/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"

#define PATH_LEN 64

static int
refuse(struct failure *failure, const char *path, const cJSON *value, const char *expected)
{
	char *text = value != NULL ? cJSON_PrintUnformatted(value) : NULL;
	const char *shown = cJSON_IsString(value) ? value->valuestring : text;

	failure_set(failure, CW_RPC_INVALID_PARAMS, path, shown, expected,
		"%s is not what it must be: %s", path, expected);
	free(text);
	return -1;
}

static bool
is_name(const char *text)
{
	if (!isalnum((unsigned char)text[0]))
		return false;
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && strchr("_.-", *text) == NULL)
			return false;
	return true;
}

static int
check_text(const cJSON *json, const struct field *field, const char *path, struct failure *failure)
{
	char expected[96];
	size_t len;

	if (!cJSON_IsString(json))
		return refuse(failure, path, json, "a string");
	len = strlen(json->valuestring);
	if ((int64_t)len < field->min || (int64_t)len > field->max) {
		snprintf(expected, sizeof(expected), "a string of %d to %d characters",
			(int)field->min, (int)field->max);
		return refuse(failure, path, json, expected);
	}
	if (field->type == FIELD_NAME && !is_name(json->valuestring))
		return refuse(failure, path, json,
			"a name: letters, digits, '_', '.', '-', the first a letter or digit");
	for (const char *c = json->valuestring; *c != '\0'; c++)
		if ((unsigned char)*c < ' ')
			return refuse(failure, path, json, "a string without control characters");
	return 0;
}

static int
check_choice(
	const cJSON *json, const struct field *field, const char *path, struct failure *failure)
{
	char expected[160] = "one of";

	if (cJSON_IsString(json))
		for (const char *const *choice = field->choices; *choice != NULL; choice++)
			if (strcmp(*choice, json->valuestring) == 0)
				return 0;
	for (const char *const *choice = field->choices; *choice != NULL; choice++) {
		const size_t len = strlen(expected);

		snprintf(expected + len, sizeof(expected) - len, " \"%s\"", *choice);
	}
	return refuse(failure, path, json, expected);
}

static int
check_integer(
	const cJSON *json, const struct field *field, const char *path, struct failure *failure)
{
	char expected[96];

	if (cJSON_IsNumber(json) && isfinite(json->valuedouble)
		&& json->valuedouble == trunc(json->valuedouble)
		&& json->valuedouble >= (double)field->min
		&& json->valuedouble <= (double)field->max)
		return 0;
	snprintf(expected, sizeof(expected), "an integer from %lld to %lld", (long long)field->min,
		(long long)field->max);
	return refuse(failure, path, json, expected);
}

static int
check_address(
	const cJSON *json, const struct field *field, const char *path, struct failure *failure)
{
	struct cw_ip ip;
	uint8_t mac[6];

	if (field->type == FIELD_MAC || field->type == FIELD_MAC_OR_ZERO) {
		if (cJSON_IsString(json) && mac_parse(json->valuestring, mac)
			&& !mac_is_multicast(mac)
			&& (field->type == FIELD_MAC_OR_ZERO || !mac_is_zero(mac)))
			return 0;
		return refuse(failure, path, json, "a unicast MAC like 02:00:00:00:00:01");
	}
	if (field->type == FIELD_IP) {
		if (cJSON_IsString(json) && ip_parse(json->valuestring, &ip))
			return 0;
		return refuse(failure, path, json, "an IP address like 10.1.0.5 or fd00::5");
	}
	if (cJSON_IsString(json) && ip_parse_prefixed(json->valuestring, &ip))
		return 0;
	return refuse(failure, path, json, "an IP prefix like 10.1.0.0/16 or fd00::/64");
}

static int check_object(
	const cJSON *json, const struct field *fields, const char *path, struct failure *failure);

static int check_field(
	const cJSON *json, const struct field *field, const char *path, struct failure *failure);

static int
check_list(const cJSON *json, const struct field *field, const char *path, struct failure *failure)
{
	char inner[PATH_LEN], expected[96];
	const cJSON *element;
	int index = 0;
	const int size = cJSON_GetArraySize(json);

	if (!cJSON_IsArray(json) || size < field->min || size > field->max) {
		snprintf(expected, sizeof(expected), "a list of %d to %d elements", (int)field->min,
			(int)field->max);
		return refuse(failure, path, cJSON_IsArray(json) ? NULL : json, expected);
	}
	cJSON_ArrayForEach (element, json) {
		snprintf(inner, sizeof(inner), "%.40s[%d]", path, index++);
		if (check_field(element, field->fields, inner, failure) < 0)
			return -1;
	}
	return 0;
}

static int
check_field(const cJSON *json, const struct field *field, const char *path, struct failure *failure)
{
	switch (field->type) {
	case FIELD_STRING:
	case FIELD_NAME:
		return check_text(json, field, path, failure);
	case FIELD_CHOICE:
		return check_choice(json, field, path, failure);
	case FIELD_INTEGER:
		return check_integer(json, field, path, failure);
	case FIELD_BOOLEAN:
		return cJSON_IsBool(json) ? 0 : refuse(failure, path, json, "true or false");
	case FIELD_MAC:
	case FIELD_MAC_OR_ZERO:
	case FIELD_IP:
	case FIELD_PREFIX:
		return check_address(json, field, path, failure);
	case FIELD_LIST:
		return check_list(json, field, path, failure);
	case FIELD_OBJECT:
		return check_object(json, field->fields, path, failure);
	case FIELD_ANY:
		break;
	}
	return 0;
}

static const struct field *
find_field(const struct field *fields, const char *name)
{
	for (; fields->name != NULL; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

static int
check_object(
	const cJSON *json, const struct field *fields, const char *path, struct failure *failure)
{
	const char *dot = path[0] != '\0' ? "." : "";
	char inner[PATH_LEN];
	const cJSON *member;

	if (!cJSON_IsObject(json))
		return refuse(failure, path[0] != '\0' ? path : "params", json, "an object");
	cJSON_ArrayForEach (member, json) {
		const struct field *field = find_field(fields, member->string);

		snprintf(inner, sizeof(inner), "%.30s%s%.30s", path, dot, member->string);
		if (field == NULL)
			return failure_set(failure, CW_RPC_INVALID_PARAMS, inner, NULL,
				"leave it out", "unknown key %s", inner);
		if (cJSON_GetObjectItemCaseSensitive(json, member->string) != member)
			return failure_set(failure, CW_RPC_INVALID_PARAMS, inner, NULL,
				"give it once", "key %s is given twice", inner);
		if (check_field(member, field, inner, failure) < 0)
			return -1;
	}
	for (; fields->name != NULL; fields++)
		if (fields->required && schema_get(json, fields->name) == NULL) {
			snprintf(inner, sizeof(inner), "%.30s%s%.30s", path, dot, fields->name);
			return failure_set(failure, CW_RPC_INVALID_PARAMS, inner, NULL, "add it",
				"key %s is missing", inner);
		}
	return 0;
}

int
schema_check(const cJSON *json, const struct field *fields, struct failure *failure)
{
	cJSON empty = {.type = cJSON_Object};

	return check_object(json != NULL ? json : &empty, fields, "", failure);
}

const cJSON *
schema_get(const cJSON *json, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(json, key);
}

const char *
schema_string(const cJSON *json, const char *key)
{
	return cJSON_GetStringValue(schema_get(json, key));
}

int64_t
schema_integer(const cJSON *json, const char *key, int64_t absent)
{
	const cJSON *value = schema_get(json, key);

	return value != NULL ? (int64_t)value->valuedouble : absent;
}

bool
schema_boolean(const cJSON *json, const char *key, bool absent)
{
	const cJSON *value = schema_get(json, key);

	return value != NULL ? cJSON_IsTrue(value) : absent;
}
