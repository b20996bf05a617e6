/* SPDX-License-Identifier: Apache-2.0 */
#include "vhost_arguments.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_ROOM 256

// A reader of one key's value returns false when the value makes no sense.
static bool
read_path(const char *value, struct vhost_arguments *arguments)
{
	size_t len = strlen(value);

	if (value[0] != '/' || len >= sizeof(arguments->path))
		return false;
	memcpy(arguments->path, value, len + 1);
	return true;
}

static bool
read_choice(const char *value, const char *yes, const char *no, bool *choice)
{
	*choice = strcmp(value, yes) == 0;
	return *choice || strcmp(value, no) == 0;
}

static bool
read_role(const char *value, struct vhost_arguments *arguments)
{
	return read_choice(value, "server", "client", &arguments->server);
}

static bool
read_iommu(const char *value, struct vhost_arguments *arguments)
{
	return read_choice(value, "on", "off", &arguments->iommu);
}

static bool
read_packed(const char *value, struct vhost_arguments *arguments)
{
	return read_choice(value, "on", "off", &arguments->packed);
}

static bool
read_rings(const char *value, struct vhost_arguments *arguments)
{
	return read_choice(value, "own", "librte", &arguments->own_rings);
}

static bool
read_number(const char *value, int base, unsigned long max, unsigned long *number)
{
	char *end;

	if (value[0] < '0' || value[0] > '9')
		return false;
	errno = 0;
	*number = strtoul(value, &end, base);
	return *end == '\0' && errno == 0 && *number <= max;
}

static bool
read_mode(const char *value, struct vhost_arguments *arguments)
{
	unsigned long number;

	if (!read_number(value, 8, 0777, &number))
		return false;
	arguments->mode = (mode_t)number;
	return true;
}

static bool
read_account(const char *value, uint32_t *id)
{
	unsigned long number;

	if (!read_number(value, 10, UINT32_MAX - 1ul, &number))
		return false;
	*id = (uint32_t)number;
	return true;
}

static bool
read_owner(const char *value, struct vhost_arguments *arguments)
{
	return read_account(value, &arguments->owner);
}

static bool
read_group(const char *value, struct vhost_arguments *arguments)
{
	return read_account(value, &arguments->group);
}

static const struct {
	const char *name, *wanted;
	bool (*read)(const char *value, struct vhost_arguments *arguments);
} keys[] = {
	{"path", "an absolute path of at most 107 bytes", read_path},
	{"role", "client or server", read_role},
	{"iommu", "on or off", read_iommu},
	{"packed", "on or off", read_packed},
	{"rings", "own or librte", read_rings},
	{"mode", "octal, 0 to 0777", read_mode},
	{"owner", "a numeric user id", read_owner},
	{"group", "a numeric group id", read_group},
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

// pair is "key=value"; seen has a bit for each key.
static int
read_pair(char *pair, struct vhost_arguments *arguments, uint32_t *seen, char *reason,
	size_t reason_len)
{
	char *value = strchrnul(pair, '=');

	if (*value == '=')
		*value++ = '\0';
	for (size_t i = 0; i < N_KEYS; i++) {
		if (strcmp(pair, keys[i].name) != 0)
			continue;
		if ((*seen & (1u << i)) != 0) {
			snprintf(reason, reason_len, "args: %s is given twice", pair);
			return -EINVAL;
		}
		*seen |= 1u << i;
		if (keys[i].read(value, arguments))
			return 0;
		snprintf(reason, reason_len, "args: %s must be %s (%s=%s)", pair, keys[i].wanted,
			pair, value);
		return -EINVAL;
	}
	snprintf(reason, reason_len, "args: a vhost-user port has no key %s", pair);
	return -EINVAL;
}

int
vhost_arguments_parse(
	const char *text, struct vhost_arguments *arguments, char *reason, size_t reason_len)
{
	char copy[TEXT_ROOM], *pair, *next;
	uint32_t seen = 0;
	int ret;

	*arguments = (struct vhost_arguments){.packed = true,
		.own_rings = true,
		.mode = 0660,
		.owner = (uid_t)-1,
		.group = (gid_t)-1};
	if (text == NULL || strlen(text) >= sizeof(copy)) {
		snprintf(reason, reason_len, "args: %s",
			text == NULL ? "path=PATH is missing" : "too long");
		return -EINVAL;
	}
	memcpy(copy, text, strlen(text) + 1);
	for (pair = strtok_r(copy, ",", &next); pair != NULL; pair = strtok_r(NULL, ",", &next)) {
		ret = read_pair(pair, arguments, &seen, reason, reason_len);
		if (ret < 0)
			return ret;
	}
	if (arguments->path[0] == '\0') {
		snprintf(reason, reason_len, "args: path=PATH is missing (args=%s)", text);
		return -EINVAL;
	}
	if (arguments->iommu)
		arguments->own_rings = false;
	return 0;
}
