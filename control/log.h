/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_LOG_H
#define CONTROL_LOG_H

// Lines on standard error: "causewayd: LEVEL: message key=value ...". Main thread.

#include <stdbool.h>

enum log_level {
	LOG_ERROR,
	LOG_WARNING,
	LOG_INFO,
	LOG_DEBUG,
};

// "error", "warning", "info" or "debug". Returns false for another word.
bool log_level_by_name(const char *name, enum log_level *level);
void log_set_level(enum log_level level);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif
