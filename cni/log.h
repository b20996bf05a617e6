/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_LOG_H
#define CNI_LOG_H

// The plugin's log, by the keys logLevel (panic, error, warning, info, debug; default info) and
// logFile (default stderr) of the sriov plugin, in the shape of its lines. Configurations with
// neither key log nothing.

#include "call.h"

enum log_level { LOG_PANIC, LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

// Code 7 for a level that does not exist or a file without absolute path. Only ADD is so strict.
int log_check(const cJSON *json, struct cni_error *error);

// Opens what the configuration asks for. A file that cannot be opened is told on stderr, which
// takes its place: the pod does not wait for a log.
void log_open(const struct cni_call *call);

// Writes a line with these pairs, up to one without key; those without value are left out.
struct log_pair {
	const char *key, *value;
};
void log_write(enum log_level level, const char *message, const struct log_pair *pairs);
// A debug line with one value as JSON; NULL leaves it out.
void log_json(const char *message, const char *key, const cJSON *value);

#endif
