/* SPDX-License-Identifier: Apache-2.0 */
#include "arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_LEN 64

__attribute__((format(printf, 2, 3))) static int
refuse(struct arguments *arguments, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(arguments->problem, sizeof(arguments->problem), format, args);
	va_end(args);
	return -1;
}

static cJSON *
read_number(const char *text)
{
	char *end;
	double number;

	errno = 0;
	number = strtod(text, &end);
	if (text[0] == '\0' || *end != '\0' || errno != 0 || strpbrk(text, "nN") != NULL)
		return NULL; // nan and inf are no JSON
	return cJSON_CreateNumber(number);
}

static cJSON *
read_bool(const char *text)
{
	if (strcmp(text, "true") == 0 || strcmp(text, "yes") == 0 || strcmp(text, "on") == 0)
		return cJSON_CreateTrue();
	if (strcmp(text, "false") == 0 || strcmp(text, "no") == 0 || strcmp(text, "off") == 0)
		return cJSON_CreateFalse();
	return NULL;
}

// Splits text at commas and appends what make returns for each part. Empty text is the empty list.
static cJSON *
read_list(const char *text, cJSON *(*make)(char *part))
{
	cJSON *list = cJSON_CreateArray(), *item;
	char *copy = strdup(text), *part, *rest = copy;

	while (copy != NULL && copy[0] != '\0' && (part = strsep(&rest, ",")) != NULL) {
		item = make(part);
		if (!cJSON_AddItemToArray(list, item)) {
			cJSON_Delete(item);
			cJSON_Delete(list);
			list = NULL;
			break;
		}
	}
	free(copy);
	return list;
}

static cJSON *
make_string(char *part)
{
	return part[0] != '\0' ? cJSON_CreateString(part) : NULL;
}

// "first" and, after the separator, "second" into an object.
static cJSON *
make_pair(char *part, char separator, const char *first, const char *second)
{
	char *value = strchr(part, separator);
	cJSON *item;

	if (value != NULL)
		*value++ = '\0';
	if (part[0] == '\0' || (value != NULL && value[0] == '\0'))
		return NULL;
	item = cJSON_CreateObject();
	cJSON_AddStringToObject(item, first, part);
	if (value != NULL)
		cJSON_AddStringToObject(item, second, value);
	return item;
}

static cJSON *
make_ip(char *part)
{
	return make_pair(part, '@', "address", "gateway");
}

static cJSON *
make_route(char *part)
{
	return make_pair(part, '@', "dst", "gw");
}

// Replaces a member's text by its number.
static bool
member_to_number(cJSON *item, const char *key)
{
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(item, key);
	cJSON *number;

	if (text == NULL)
		return true;
	number = read_number(text->valuestring);
	return number != NULL && cJSON_ReplaceItemInObjectCaseSensitive(item, key, number);
}

static cJSON *
make_tag(char *part)
{
	cJSON *item = make_pair(part, ':', "vlan", "network");

	if (item != NULL && member_to_number(item, "vlan") && cJSON_HasObjectItem(item, "network"))
		return item;
	cJSON_Delete(item);
	return NULL;
}

static cJSON *
make_member(char *part)
{
	const bool is_number =
		part[strspn(part, "0123456789")] == '@' || part[strspn(part, "0123456789")] == '\0';
	cJSON *item = make_pair(part, '@', is_number ? "nexthop" : "via", "weight");

	if (item != NULL && member_to_number(item, "nexthop") && member_to_number(item, "weight"))
		return item;
	cJSON_Delete(item);
	return NULL;
}

static cJSON *
read_setting(const char *text)
{
	cJSON *value = read_number(text);

	if (value == NULL)
		value = read_bool(text);
	return value != NULL ? value : cJSON_CreateString(text);
}

// A VF's address and, behind commas, key=value for its settings.
static cJSON *
read_vf(const char *text)
{
	char *copy = strdup(text), *rest = copy, *part, *value;
	cJSON *vf = cJSON_CreateObject();
	bool good = copy != NULL && copy[0] != '\0' && copy[0] != ',';

	if (good)
		cJSON_AddStringToObject(vf, "pci", strsep(&rest, ","));
	while (good && (part = strsep(&rest, ",")) != NULL) {
		value = strchr(part, '=');
		good = value != NULL && value != part && value[1] != '\0';
		if (good) {
			*value++ = '\0';
			good = cJSON_AddItemToObject(vf, part, read_setting(value));
		}
	}
	free(copy);
	if (good)
		return vf;
	cJSON_Delete(vf);
	return NULL;
}

static cJSON *
read_guess(const char *text)
{
	cJSON *value = cJSON_ParseWithOpts(text, NULL, true);

	if (value != NULL && !cJSON_IsNull(value) && !cJSON_IsString(value))
		return value;
	cJSON_Delete(value);
	return cJSON_CreateString(text);
}

static cJSON *
read_value(const struct param *param, const char *text)
{
	cJSON *value;

	if (param == NULL)
		return read_guess(text);
	switch (param->type) {
	case PARAM_NUMBER:
		return read_number(text);
	case PARAM_BOOL:
		return read_bool(text);
	case PARAM_STRINGS:
		return read_list(text, make_string);
	case PARAM_GUARD:
		value = read_bool(text);
		return value != NULL ? value : read_list(text, make_string);
	case PARAM_TRUNK:
		return read_list(text, make_tag);
	case PARAM_IPS:
		return read_list(text, make_ip);
	case PARAM_ROUTES:
		return read_list(text, make_route);
	case PARAM_MEMBERS:
		return read_list(text, make_member);
	case PARAM_VF:
		return read_vf(text);
	case PARAM_STRING:
	case PARAM_NETNS:
		break;
	}
	return cJSON_CreateString(text);
}

static const char *
form_of(const struct param *param)
{
	static const char *const forms[] = {
		[PARAM_STRING] = "text",
		[PARAM_NUMBER] = "a number",
		[PARAM_BOOL] = "true or false",
		[PARAM_STRINGS] = "a list like a,b,c",
		[PARAM_GUARD] = "true, false or a list like mac,ip",
		[PARAM_TRUNK] = "a list like 5:blue,6:red",
		[PARAM_IPS] = "a list like 10.1.0.5/16@10.1.0.1",
		[PARAM_ROUTES] = "a list like 0.0.0.0/0@10.1.0.1",
		[PARAM_MEMBERS] = "a list like 7,10.1.0.8@3",
		[PARAM_VF] = "an address with settings like 0000:01:10.0,vlan=5,trust=on",
		[PARAM_NETNS] = "the path of a network namespace",
	};

	return forms[param->type];
}

static int
add(struct arguments *arguments, const char *key, cJSON *value)
{
	if (cJSON_HasObjectItem(arguments->params, key)) {
		cJSON_Delete(value);
		return refuse(arguments, "%s is given twice", key);
	}
	if (cJSON_AddItemToObject(arguments->params, key, value))
		return 0;
	cJSON_Delete(value);
	return refuse(arguments, "out of memory");
}

static int
add_netns(struct arguments *arguments, const char *path)
{
	if (arguments->n_fds == ARGUMENTS_FDS_MAX)
		return refuse(arguments, "netns is given twice");
	arguments->fds[arguments->n_fds] = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (arguments->fds[arguments->n_fds] < 0)
		return refuse(arguments, "netns=%s cannot be opened: %s", path, strerror(errno));
	return add(arguments, "netns_fd", cJSON_CreateNumber(arguments->n_fds++));
}

// The parameters that the verb takes, for a message.
static void
list_params(char *text, size_t size, const struct object *object, const char *verb)
{
	size_t length = 0;

	text[0] = '\0';
	for (const struct param *param = object->params; param->name != NULL; param++) {
		if (param->verbs != NULL && !has_word(param->verbs, verb))
			continue;
		length += (size_t)snprintf(
			text + length, size - length, "%s%s", length > 0 ? " " : "", param->name);
		if (length >= size)
			return;
	}
}

static int
refuse_key(
	struct arguments *arguments, const struct object *object, const char *verb, const char *key)
{
	char known[256];

	list_params(known, sizeof(known), object, verb);
	if (known[0] == '\0')
		return refuse(arguments, "%s %s takes no parameter, but %s is given", object->name,
			verb, key);
	return refuse(arguments, "%s %s has no parameter %s; it takes: %s", object->name, verb, key,
		known);
}

static int
add_pair(struct arguments *arguments, const struct object *object, const char *verb,
	const char *key, const char *text)
{
	const struct param *param = object != NULL ? object_param(object, verb, key) : NULL;
	cJSON *value;

	if (object != NULL && param == NULL)
		return refuse_key(arguments, object, verb, key);
	value = read_value(param, text);
	if (value == NULL)
		return refuse(arguments, "%s=%s: must be %s", key, text,
			param != NULL ? form_of(param) : "JSON");
	if (add(arguments, key, value) < 0)
		return -1;
	return param != NULL && param->type == PARAM_NETNS ? add_netns(arguments, text) : 0;
}

static int
add_json(struct arguments *arguments, const char *key, const char *text)
{
	cJSON *value = cJSON_ParseWithOpts(text, NULL, true);

	if (value == NULL)
		return refuse(arguments, "%s:=%s: is no JSON", key, text);
	return add(arguments, key, value);
}

// A word without '=': the next key of the object, or the name of a bool.
static int
add_bare(struct arguments *arguments, const struct object *object, const char *verb,
	const char *word)
{
	const struct param *param = object != NULL ? object_param(object, verb, word) : NULL;
	char key[NAME_LEN];
	size_t length;

	if (param != NULL && param->type == PARAM_BOOL)
		return add(arguments, word, cJSON_CreateTrue());
	for (const char *at = object != NULL ? object->keys : NULL; at != NULL && *at != '\0';
		at += strspn(at, " ")) {
		length = strcspn(at, " ");
		snprintf(key, sizeof(key), "%.*s", (int)length, at);
		at += length;
		if (!cJSON_HasObjectItem(arguments->params, key)
			&& object_param(object, verb, key) != NULL)
			return add_pair(arguments, object, verb, key, word);
	}
	return refuse(arguments, "%s: expected key=value", word);
}

static int
read_word(struct arguments *arguments, const struct object *object, const char *verb,
	const char *word)
{
	const char *equals = strchr(word, '=');
	const bool is_json = equals != NULL && equals > word && equals[-1] == ':';
	const size_t length = equals != NULL ? (size_t)(equals - word) - is_json : 0;
	char key[NAME_LEN];

	if (equals == NULL)
		return add_bare(arguments, object, verb, word);
	if (length == 0 || length >= sizeof(key))
		return refuse(arguments, "%s: expected key=value", word);
	memcpy(key, word, length);
	key[length] = '\0';
	return is_json ? add_json(arguments, key, equals + 1)
		       : add_pair(arguments, object, verb, key, equals + 1);
}

int
arguments_read(struct arguments *arguments, const struct object *object, const char *verb,
	char *const *words, int n)
{
	memset(arguments, 0, sizeof(*arguments));
	arguments->params = cJSON_CreateObject();
	if (arguments->params == NULL)
		return refuse(arguments, "out of memory");
	for (int i = 0; i < n; i++)
		if (read_word(arguments, object, verb, words[i]) < 0)
			return -1;
	return 0;
}

void
arguments_free(struct arguments *arguments)
{
	for (unsigned i = 0; i < arguments->n_fds; i++)
		close(arguments->fds[i]);
	cJSON_Delete(arguments->params);
	memset(arguments, 0, sizeof(*arguments));
}
