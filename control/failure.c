/* SPDX-License-Identifier: Apache-2.0 */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void
copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from != NULL ? from : "");
}

int
failure_set(struct failure *failure, int code, const char *key, const char *value, const char *hint,
	const char *format, ...)
{
	va_list args;

	failure->code = code;
	copy(failure->key, sizeof(failure->key), key);
	copy(failure->value, sizeof(failure->value), value);
	copy(failure->hint, sizeof(failure->hint), hint);
	va_start(args, format);
	vsnprintf(failure->message, sizeof(failure->message), format, args);
	va_end(args);
	return -1;
}

int
failure_errno(struct failure *failure, int error, const char *format, ...)
{
	char what[160];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return failure_set(
		failure, CW_RPC_REFUSED, NULL, NULL, NULL, "%s: %s", what, strerror(-error));
}
