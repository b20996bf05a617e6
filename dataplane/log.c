/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static enum log_level threshold = LOG_INFO;

void
log_set_level(enum log_level level)
{
	threshold = level;
}

int
log_level_by_name(const char *name)
{
	for (int i = LOG_ERROR; i <= LOG_DEBUG; i++)
		if (strcmp(name, level_names[i]) == 0)
			return i;
	return -EINVAL;
}

static void
log_write(enum log_level level, const char *message, const char *keys, va_list args)
{
	char line[1024];
	int n;

	if (level > threshold)
		return;
	n = snprintf(line, sizeof(line), "causeway-dp: %s: %s", level_names[level], message);
	if (keys != NULL && n > 0 && (size_t)n + 1 < sizeof(line)) {
		line[n++] = ' ';
		vsnprintf(line + n, sizeof(line) - (size_t)n, keys, args);
	}
	// One write, so that lines of several processes do not mix.
	fprintf(stderr, "%s\n", line);
}

void
log_line(enum log_level level, const char *message, const char *keys, ...)
{
	va_list args;

	va_start(args, keys);
	log_write(level, message, keys, args);
	va_end(args);
}

int
log_error(int error, const char *message, const char *keys, ...)
{
	va_list args;

	va_start(args, keys);
	log_write(LOG_ERROR, message, keys, args);
	va_end(args);
	return error;
}
