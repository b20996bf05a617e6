/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATAPLANE_LOG_H
#define DATAPLANE_LOG_H

// Logs of causeway-dp: one line a message on stderr, "level message key=value ...". Main thread and
// start-up only; nothing on the packet path logs.

enum log_level {
	LOG_ERROR = 0,
	LOG_WARNING,
	LOG_INFO,
	LOG_DEBUG,
};

void log_set_level(enum log_level level);
// Level by name ("error", "warning", "info", "debug"), or -EINVAL.
int log_level_by_name(const char *name);

// keys: a printf format of "key=%d key=%s", or NULL.
void log_line(enum log_level level, const char *message, const char *keys, ...)
	__attribute__((format(printf, 3, 4)));
// The same at level error; returns its first argument, so that "return log_error(-EINVAL, ...)"
// reads well.
int log_error(int error, const char *message, const char *keys, ...)
	__attribute__((format(printf, 3, 4)));

#endif
