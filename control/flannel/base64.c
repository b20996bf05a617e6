/* SPDX-License-Identifier: Apache-2.0 */
#include "flannel/base64.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static uint32_t
byte_at(const char *bytes, size_t length, size_t i)
{
	return i < length ? (uint8_t)bytes[i] : 0;
}

char *
base64_encode(const char *bytes, size_t length)
{
	char *text = malloc((length + 2) / 3 * 4 + 1), *to = text;

	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < length; i += 3) {
		const uint32_t group = byte_at(bytes, length, i) << 16
				       | byte_at(bytes, length, i + 1) << 8
				       | byte_at(bytes, length, i + 2);

		*to++ = digits[group >> 18];
		*to++ = digits[group >> 12 & 63];
		*to++ = i + 1 < length ? digits[group >> 6 & 63] : '=';
		*to++ = i + 2 < length ? digits[group & 63] : '=';
	}
	*to = '\0';
	return text;
}

// Four digits, as many as 'used' of them with a meaning. Returns false for another character.
static bool
take_group(const char *text, unsigned int used, uint32_t *group)
{
	*group = 0;
	for (unsigned int i = 0; i < 4; i++) {
		const char *digit = i < used ? strchr(digits, text[i]) : digits;

		if (digit == NULL)
			return false;
		*group = *group << 6 | (uint32_t)(digit - digits);
	}
	return true;
}

char *
base64_decode(const char *text)
{
	const size_t length = strlen(text);
	char *bytes, *to;

	if (length % 4 != 0)
		return NULL;
	bytes = calloc(1, length / 4 * 3 + 1);
	to = bytes;
	for (size_t i = 0; bytes != NULL && i < length; i += 4) {
		const bool is_last = i + 4 == length;
		const unsigned int padding =
			is_last ? (text[i + 3] == '=') + (text[i + 3] == '=' && text[i + 2] == '=')
				: 0;
		uint32_t group;

		if (!take_group(text + i, 4 - padding, &group)) {
			free(bytes);
			return NULL;
		}
		for (unsigned int n = 0; n < 3 - padding; n++)
			*to++ = (char)(group >> (16 - 8 * n));
	}
	if (bytes == NULL)
		return NULL;
	*to = '\0';
	if (strlen(bytes) == (size_t)(to - bytes))
		return bytes;
	free(bytes);
	return NULL;
}
