/* SPDX-License-Identifier: Apache-2.0 */
#include "memif_args.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include "arguments.h"

static const char *const keys[] = {"role", "id", "path", "ring", "buffer", "secret"};

// Names the key and what was given for it; secrets stay secret.
static int
refuse(const char *text, const char *key, const char *rule, char *reason, size_t reason_len)
{
	char value[64] = "";

	if (strcmp(key, "secret") != 0)
		arguments_get(text, key, 0, value, sizeof(value));
	snprintf(reason, reason_len, "%s %s%s%s", key, rule, value[0] != '\0' ? ", not " : "",
		value);
	return -EINVAL;
}

// A misspelt key must not pass as a default. Returns where it stands, or NULL.
static const char *
unknown_key(const char *text)
{
	while (text != NULL && *text != '\0') {
		bool known = false;

		for (size_t i = 0; i < RTE_DIM(keys) && !known; i++) {
			size_t len = strlen(keys[i]);

			known = strncmp(text, keys[i], len) == 0 && text[len] == '=';
		}
		if (!known)
			return text;
		text = strchrnul(text, ',');
		text += *text == ',';
	}
	return NULL;
}

// Absent keys keep their defaults.
static bool
parse_text(const char *text, const char *key, char *value, size_t room)
{
	int ret = arguments_get(text, key, 0, value, room);

	return ret == 0 || ret == -ENOENT;
}

static bool
parse_number(const char *text, const char *key, uint32_t min, uint32_t max, uint32_t *value)
{
	int ret = arguments_uint(text, key, value);

	return ret == -ENOENT || (ret == 0 && *value >= min && *value <= max);
}

static bool
parse_role(const char *text, bool *is_slave)
{
	char role[8];

	if (arguments_get(text, "role", 0, role, sizeof(role)) < 0)
		return false;
	*is_slave = strcmp(role, "slave") == 0;
	return *is_slave || strcmp(role, "master") == 0;
}

int
memif_args_parse(const char *text, struct memif_args *args, char *reason, size_t reason_len)
{
	const char *unknown = unknown_key(text);
	uint32_t ring = 1024, buffer = 2048;

	*args = (struct memif_args){0};
	if (unknown != NULL) {
		snprintf(reason, reason_len,
			"a memif port knows role, id, path, ring, buffer and secret, not %.*s",
			(int)strcspn(unknown, "=,"), unknown);
		return -EINVAL;
	}
	if (!parse_role(text, &args->is_slave))
		return refuse(text, "role", "must be master or slave", reason, reason_len);
	if (!parse_number(text, "id", 0, UINT32_MAX, &args->id))
		return refuse(text, "id", "must be a number", reason, reason_len);
	if (!parse_text(text, "path", args->path, sizeof(args->path))
		|| strcmp(args->path, "@") == 0)
		return refuse(text, "path", "must have 1 to 107 bytes", reason, reason_len);
	if (!parse_number(text, "ring", MEMIF_RING_MIN, MEMIF_RING_MAX, &ring)
		|| !rte_is_power_of_2(ring))
		return refuse(
			text, "ring", "must be a power of 2, 32 to 16384", reason, reason_len);
	if (!parse_number(text, "buffer", MEMIF_BUFFER_MIN, MEMIF_BUFFER_MAX, &buffer)
		|| buffer % 64 != 0)
		return refuse(text, "buffer", "must be a multiple of 64, 256 to 16384", reason,
			reason_len);
	if (!parse_text(text, "secret", args->secret, sizeof(args->secret)))
		return refuse(text, "secret", "must have 1 to 23 bytes", reason, reason_len);
	args->log2_ring_size = (uint8_t)rte_log2_u32(ring);
	args->buffer_size = (uint16_t)buffer;
	return 0;
}
