/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {"error", "warning", "info", "debug"};
static enum log_level threshold = LOG_INFO;

bool
log_level_by_name(const char *name, enum log_level *level)
{
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	return false;
}

void
log_set_level(enum log_level level)
{
	threshold = level;
}

void
log_write(enum log_level level, const char *format, ...)
{
	char line[1024];
	va_list args;
	int at, len;

	if (level > threshold)
		return;
	at = snprintf(line, sizeof(line), "causewayd: %s: ", names[level]);
	va_start(args, format);
	len = vsnprintf(line + at, sizeof(line) - (size_t)at - 1, format, args);
	va_end(args);
	if (len < 0)
		return;
	// What peers sent must not look like lines of ours.
	for (char *c = line; *c != '\0'; c++)
		if ((unsigned char)*c < ' ')
			*c = '?';
	at = (int)strlen(line);
	line[at++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)at) < 0)
		return; // nowhere to complain
}
