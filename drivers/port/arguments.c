/* SPDX-License-Identifier: Apache-2.0 */
#include "arguments.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
arguments_get(const char *text, const char *key, unsigned int index, char *value, size_t room)
{
	size_t key_len = strlen(key), len;
	const char *end;

	for (; text != NULL && *text != '\0'; text = *end == ',' ? end + 1 : end) {
		end = strchrnul(text, ',');
		if (strncmp(text, key, key_len) != 0 || text[key_len] != '=' || index-- > 0)
			continue;
		text += key_len + 1;
		len = (size_t)(end - text);
		if (len == 0 || len >= room)
			return -EINVAL;
		memcpy(value, text, len);
		value[len] = '\0';
		return 0;
	}
	return -ENOENT;
}

int
arguments_uint(const char *text, const char *key, uint32_t *value)
{
	unsigned long number;
	char digits[16], *end;
	int ret = arguments_get(text, key, 0, digits, sizeof(digits));

	if (ret < 0)
		return ret;
	errno = 0;
	number = strtoul(digits, &end, 10);
	if (!isdigit((unsigned char)digits[0]) || *end != '\0' || errno != 0 || number > UINT32_MAX)
		return -EINVAL;
	*value = (uint32_t)number;
	return 0;
}
